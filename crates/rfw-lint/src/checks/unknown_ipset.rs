//! A rule looks into an ipset that nothing is known to make.
//!
//! **Why.** Rules do not make sets. iptables-restore stops at the first name that the kernel does not have, and nothing of
//! the file is loaded. Without a list of the host's sets (`ipset` in `rfw.toml`) this is a reminder, once per name; a comment
//! in the file that says `create NAME` answers it.
//!
//! **Packet.** None: the file is refused unless the sets are loaded before.
//!
//! Bad:
//! ```text
//! -A INPUT -m set --match-set blocked src -j DROP
//! ```
//! Good:
//! ```text
//! # ipset.conf: create blocked hash:net family inet
//! -A INPUT -m set --match-set blocked src -j DROP
//! ```
//! **Suppress.** Where another program makes the set before the rules are loaded.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_syntax::{LineKind, SaveLines};

pub(crate) use super::by_reading as run;
use crate::written::Written;

/// One finding per rule where the sets are known, else per name.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    let matches = written.matches().map(|(loaded, part)| (loaded, part.facts().set));
    let target = written.target().map(|(loaded, part)| (loaded, part.facts().set));
    for (loaded, set) in matches.chain(target) {
        let Some(set) = set else { continue };
        let name = set.name;
        let values = loaded.uses.iter().flat_map(|used| used.values.iter().flatten());
        let span = values.into_iter().find(|v| *v.text == *name.as_bytes()).map_or(loaded.at, |v| v.span);
        let family = match &written.facts.ipsets {
            None if announced(written.text, name) || mentioned(written.text, name, span.start) => continue,
            None => None,
            Some(known) => match known.get(name) {
                Some(set) if set.family.is_none_or(|family| family == written.family) => continue,
                Some(set) => set.family,
                None => None,
            },
        };
        let (message, severity) = match (&written.facts.ipsets, family) {
            (_, Some(_)) => (format!("set `{name}` holds addresses of the other family"), Severity::Warn),
            (Some(_), None) => (format!("set `{name}` is not defined"), Severity::Warn),
            (None, None) => (format!("set `{name}` must exist before this file is loaded"), Severity::Info),
        };
        out.push(
            Diagnostic::new(codes::UNKNOWN_IPSET, severity, span, message)
                .help("load the sets before the rules: iptables-restore stops at this line otherwise"),
        );
    }
}

/// Whether a comment says that the set is made.
fn announced(text: &[u8], name: &str) -> bool {
    SaveLines::new(text).any(|line| {
        let LineKind::Comment(text) = line.kind else { return false };
        let text = String::from_utf8_lossy(text);
        let mut words = text.split_ascii_whitespace();
        words.by_ref().any(|word| word == "create") && words.next() == Some(name)
    })
}

/// Whether the name stands in the text before a place, as a word.
fn mentioned(text: &[u8], name: &str, before: u32) -> bool {
    let head = text.get(..before as usize).unwrap_or_default();
    head.split(u8::is_ascii_whitespace).any(|word| word == name.as_bytes())
}
