//! A chain holds the same rule twice.
//!
//! **Why.** Comments, counters and the order of matches aside, the two ask and do the same, so the second is dead, or does
//! its work twice if it does not end the chain. The usual cause is a script that appends its rules on every start.
//!
//! **Packet.** None is treated differently, unless the rule logs or marks: then it is logged twice.
//!
//! Bad:
//! ```text
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -s 192.168.1.0/24 -j ACCEPT
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -s 192.168.1.0/24 -j ACCEPT
//! ```
//! **Suppress.** Where two rules are kept apart on purpose, for two counters.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Outcome;
use crate::dead::Cause;

/// One finding per later copy.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (&id, &by) in cx.copies() {
        // What is dead for another reason is reported with that.
        if cx.deaths().get(&id).is_some_and(|death| death.cause != Cause::Same) {
            continue;
        }
        let (Some(placed), Some(first)) = (cx.model.rule(id), cx.model.rule(by)) else { continue };
        let rule = &placed.conditions;
        let twice = matches!(rule.outcome, Outcome::Continue | Outcome::Jump(_));
        let effect = if twice { ": its effect comes twice" } else { "" };
        let diagnostic = Diagnostic::new(
            codes::DUPLICATE_RULE,
            Severity::Warn,
            placed.span,
            format!("same rule as {}{effect}", cx.line(by, first)),
        )
        .also(first.span, "the first of them")
        .help("probably a script that appends on every start; guard with `-C` or restore the file atomically");
        let safety = if cx.deaths().contains_key(&id) { FixSafety::Safe } else { FixSafety::Unsafe };
        let diagnostic = match cx.whole_line(placed.span) {
            Some(line) => diagnostic.fix(line, "", safety),
            None => diagnostic,
        };
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}
