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
use crate::checks::{Cx, SHOWN, rules_after_catch_all};
use crate::conditions::Outcome;
use crate::dead::Cause;
use crate::model::{Placed, RuleId};

/// One finding per log rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (&id, death) in cx.deaths() {
        let alone = |by: &RuleId| rules_after_catch_all::only_logs(cx, RuleId { rule: by.rule + 1, ..id });
        let wanted = match death.cause {
            Cause::Log => true,
            Cause::CatchAll => death.by.first().is_some_and(alone),
            _ => false,
        };
        let Some(placed) = cx.model.rule(id).filter(|placed| wanted && placed.conditions.logs) else { continue };
        let verbs: Vec<&str> = death.by.iter().filter_map(|&by| cx.model.rule(by)).map(verb).collect();
        let verb = match verbs.split_first() {
            Some((first, rest)) if rest.iter().all(|v| v == first) => first,
            _ => "judged",
        };
        let diagnostic = Diagnostic::new(
            codes::LOG_AFTER_VERDICT,
            Severity::Warn,
            placed.span,
            format!("nothing is logged: {} already {verb} these packets", cx.lines(&death.by)),
        )
        .help("LOG does not end processing, so put it before the verdict");
        let covers = death.by.iter().filter_map(|&by| cx.model.rule(by)).take(SHOWN);
        let labelled = covers.fold(diagnostic, |d, cover| d.also(cover.span, format!("{} here", self::verb(cover))));
        out.push(Finding::about(labelled, cx.model, id));
    }
}

fn verb(cover: &Placed) -> &'static str {
    match cover.conditions.outcome {
        Outcome::Accept => "accepted",
        Outcome::Drop => "dropped",
        Outcome::Return => "returned",
        _ => "judged",
    }
}
