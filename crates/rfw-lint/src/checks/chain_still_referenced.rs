//! A chain is deleted while a rule jumps to it, or named by the name it had before `-E`.
//!
//! **Why.** The kernel refuses to delete a chain in use: iptables-nft says `Device or resource busy`, iptables-legacy
//! `Too many links`. After `-E OLD NEW` the jumps follow and are listed as `-j NEW`; what still says `OLD` fails.
//!
//! **Packet.** None: the command fails and the chain stays.
//!
//! Bad:
//! ```text
//! -N WEB
//! -I INPUT -p tcp --dport 80 -j WEB
//! -F WEB
//! -X WEB
//! ```
//! Good:
//! ```text
//! -N WEB
//! -I INPUT -p tcp --dport 80 -j WEB
//! -D INPUT -p tcp --dport 80 -j WEB
//! -F WEB
//! -X WEB
//! ```
//! **Suppress.** Where a command that the list does not show removes the jump.

use rfw_diagnostics::{Diagnostic, Span, codes};
use rfw_syntax::Word;

use crate::Finding;
use crate::checks::Cx;
use crate::model::Table;

/// Applying the commands finds it.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}

/// The finding for `-X` of a chain to which a rule still jumps.
pub(crate) fn in_use(table: &Table, chain: &[u8], at: Span) -> Option<Finding> {
    let (from, rule) = table.reference_to(chain)?;
    let holder = table.chains.get(from)?;
    let shown = String::from_utf8_lossy(chain);
    let message = format!("`-X {shown}` will fail: {} rule {} still jumps to it", holder.shown(), rule + 1);
    let mut help = "delete the jump first".to_owned();
    if table.renamed.iter().any(|(_, new, _)| new == chain) {
        help.push_str(&format!("; after `-E` it is listed as `-j {shown}`"));
    }
    let diagnostic = Diagnostic::error(codes::CHAIN_STILL_REFERENCED, at, message)
        .also(holder.rules.get(rule)?.span, "this rule")
        .help(help);
    Some(Finding { table: Some(table.name.to_owned()), chain: Some(shown.into_owned()), ..Finding::new(diagnostic) })
}

/// What to say of the old name of a renamed chain.
pub(crate) fn renamed(table: &Table, name: &Word<'_>) -> Option<Diagnostic> {
    let (old, new, at) = table.renamed.iter().rev().find(|(old, ..)| *old == *name.text)?;
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let message = format!("chain `{old}` is called `{new}` by now");
    let diagnostic = Diagnostic::error(codes::CHAIN_STILL_REFERENCED, name.span, message);
    Some(diagnostic.also(*at, "it was renamed here").help(format!("say `{new}`")))
}
