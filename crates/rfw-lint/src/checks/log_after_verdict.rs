//! A log rule stands behind the rule that already judged its packets.
//!
//! **Why.** LOG does not end the chain, ACCEPT and DROP do. What is to be logged must be logged first.
//!
//! **Packet.** Anything from 192.0.2.0/24: dropped by the first rule, never logged by the second.
//!
//! Bad:
//! ```text
//! -A INPUT -s 192.0.2.0/24 -j DROP
//! -A INPUT -s 192.0.2.0/24 -m limit --limit 5/min -j LOG --log-prefix "bad net: "
//! ```
//! Good:
//! ```text
//! -A INPUT -s 192.0.2.0/24 -m limit --limit 5/min -j LOG --log-prefix "bad net: "
//! -A INPUT -s 192.0.2.0/24 -j DROP
//! ```
//! **Suppress.** Never needed: the rule can be deleted without any effect.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::{Cx, rules_after_catch_all};
use crate::conditions::Outcome;
use crate::coverage::Cover;
use crate::model::RuleId;

/// One finding per log rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, placed) in cx.model.rules() {
        let by = match cx.coverage.cover(id) {
            Some(Cover::Wider(by)) => by,
            Some(Cover::CatchAll(by)) if rules_after_catch_all::only_logs(cx, RuleId { rule: by + 1, ..id }) => by,
            _ => continue,
        };
        let Some(cover) = cx.sibling(id, by).filter(|_| placed.conditions.logs) else { continue };
        let verb = match cover.conditions.outcome {
            Outcome::Accept => "accepted",
            Outcome::Drop => "dropped",
            Outcome::Return => "returned",
            _ => "judged",
        };
        let diagnostic = Diagnostic::new(
            codes::LOG_AFTER_VERDICT,
            Severity::Warn,
            placed.span,
            format!("nothing is logged: {} already {verb} these packets", cx.line(RuleId { rule: by, ..id }, cover)),
        )
        .also(cover.span, format!("{verb} here"))
        .help("LOG does not end processing, so put it before the verdict");
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}
