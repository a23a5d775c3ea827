//! A rate limit stands behind a rule that already accepts every packet it would judge.
//!
//! **Why.** The first rule that accepts wins. A limit appended to a ruleset that works is therefore read by everyone and
//! reached by no packet: its counters stay 0 while the attack passes.
//!
//! **Packet.** Every new connection to tcp/22: accepted by the first rule, never counted by the second and third.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 60 --hitcount 4 -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 60 --hitcount 4 -j DROP
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** Never needed: the rule can be deleted without any effect.

use rfw_diagnostics::{Diagnostic, codes};

use crate::Finding;
use crate::checks::{Cx, SHOWN};
use crate::conditions::{Conditions, Key};
use crate::dead::Cause;

/// One finding per limit.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (&id, death) in cx.deaths().iter().filter(|(_, death)| death.cause == Cause::Limit) {
        let Some(placed) = cx.model.rule(id) else { continue };
        let what = if placed.conditions.judges_only_new() { "every new connection" } else { "every packet" };
        let to = service(&placed.conditions).unwrap_or_else(|| " it would judge".to_owned());
        let already = if death.by.len() == 1 { "already accepts" } else { "already accept" };
        let diagnostic = Diagnostic::error(
            codes::RATE_LIMIT_UNREACHABLE,
            placed.span,
            format!("this limit never sees a packet: {} {already} {what}{to}", cx.lines(&death.by)),
        )
        .help("move the limit above the accept");
        let covers = death.by.iter().filter_map(|&by| cx.model.rule(by)).take(SHOWN);
        let labelled = covers.fold(diagnostic, |d, cover| d.also(cover.span, "accepted here"));
        out.push(Finding::about(labelled, cx.model, id));
    }
}

/// The one service that a rule is about: ` to tcp/22`.
fn service(rule: &Conditions) -> Option<String> {
    let protocol = match rule.set(&Key::Protocol)?.single()? {
        6 => "tcp",
        17 => "udp",
        _ => return None,
    };
    Some(format!(" to {protocol}/{}", rule.set(&Key::DestinationPort)?.single()?))
}
