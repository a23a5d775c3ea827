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
use crate::checks::Cx;
use crate::conditions::{Conditions, Key, Outcome};
use crate::coverage::Cover;
use crate::model::RuleId;

/// One finding per limit.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, placed) in cx.model.rules() {
        let Some(Cover::Wider(by)) = cx.coverage.cover(id) else { continue };
        let Some(cover) = cx.sibling(id, by) else { continue };
        if !is_limit(&placed.conditions) || !accepts(&cover.conditions) {
            continue;
        }
        let what = if placed.conditions.judges_only_new() { "every new connection" } else { "every packet" };
        let to = service(&placed.conditions).unwrap_or_else(|| " it would judge".to_owned());
        let diagnostic = Diagnostic::error(
            codes::RATE_LIMIT_UNREACHABLE,
            placed.span,
            format!("this limit never sees a packet: {} already accepts {what}{to}", cx.line(RuleId { rule: by, ..id }, cover)),
        )
        .also(cover.span, "accepted here")
        .help("move the limit above the accept");
        out.push(Finding::about(diagnostic, cx.model, id));
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

/// A rule that slows somebody down, or the half of one that counts.
fn is_limit(rule: &Conditions) -> bool {
    let can_drop = match rule.outcome {
        Outcome::Drop | Outcome::Jump(_) | Outcome::Goto(_) | Outcome::Ends | Outcome::Return => true,
        Outcome::Continue => !rule.lists.is_empty(),
        Outcome::Accept | Outcome::Unknown => false,
    };
    rule.is_limited() && can_drop && !rule.logs
}

fn accepts(rule: &Conditions) -> bool {
    matches!(rule.outcome, Outcome::Accept | Outcome::Jump(_) | Outcome::Goto(_))
}
