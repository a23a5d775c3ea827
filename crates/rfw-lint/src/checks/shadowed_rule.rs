//! Earlier rules take every packet that a rule would match.
//!
//! **Why.** The first rule that judges a packet decides. A rule whose packets are all judged before it, by one rule or by
//! several together, in its own chain or in those that call it, does nothing: the exception that it was meant to be is not
//! made. The analysis is exact: user chains, RETURN, goto, negations and all connection states are followed.
//!
//! **Packet.** tcp 10.1.2.3:40000 -> 192.0.2.10:22, NEW: dropped by the first two rules, never seen by the third.
//!
//! Bad:
//! ```text
//! -A INPUT -s 10.0.0.0/9 -p tcp --dport 22 -j DROP
//! -A INPUT -s 10.128.0.0/9 -p tcp --dport 22 -j DROP
//! -A INPUT -s 10.1.2.3 -p tcp --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -s 10.1.2.3 -p tcp --dport 22 -j ACCEPT
//! -A INPUT -s 10.0.0.0/9 -p tcp --dport 22 -j DROP
//! -A INPUT -s 10.128.0.0/9 -p tcp --dport 22 -j DROP
//! ```
//! **Suppress.** Where the rule is kept for the day on which the wider one goes. It is an error only if the rules that take
//! the packets judge otherwise.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};

use crate::Finding;
use crate::checks::{Cx, SHOWN};
use crate::conditions::Outcome;
use crate::dead::Cause;
use crate::model::{Placed, RuleId};

/// One finding per rule, or per end of a chain that nothing comes to.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (&id, death) in cx.deaths() {
        let Some(placed) = cx.model.rule(id) else { continue };
        let verdicts = verdicts(cx, &death.by);
        let took = verdicts.map_or(String::new(), |v| format!(" ({v})"));
        let by = cx.lines(&death.by);
        let message = match death.cause {
            Cause::Shadowed => {
                let verb = if death.by.len() == 1 { "decides" } else { "decide" };
                format!("this rule can never match: {by} {verb} all its packets first{took}")
            }
            Cause::Exhausted => {
                let rest = cx.model.tables[id.table].chains[id.chain].rules.len() - id.rule - 1;
                let them = if rest == 0 { "nothing comes".to_owned() } else { format!("nothing comes, nor to the {rest} behind it") };
                format!("to this rule {them}: {by} decide all packets first{took}")
            }
            Cause::NeverSent => "this rule can never match: no packet that comes here is like that".to_owned(),
            _ => continue,
        };
        let own = verdict(placed);
        let severity = match (own, verdicts) {
            (Some(own), Some(theirs)) if own != theirs => Severity::Error,
            _ => Severity::Warn,
        };
        let mut diagnostic = Diagnostic::new(codes::SHADOWED_RULE, severity, placed.span, message)
            .help(help(cx, id, &death.by));
        for &by in death.by.iter().take(SHOWN) {
            if let Some(cover) = cx.model.rule(by) {
                diagnostic = diagnostic.also(cover.span, "takes some or all of them");
            }
        }
        let harmless = own.is_some() && own == verdicts && death.cause == Cause::Shadowed;
        let safety = if harmless { FixSafety::Safe } else { FixSafety::Suggestion };
        if let Some(line) = cx.whole_line(placed.span) {
            diagnostic = diagnostic.fix(line, "", safety);
        }
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}

fn help(cx: &Cx<'_>, id: RuleId, by: &[RuleId]) -> String {
    match by.iter().find(|b| b.chain == id.chain) {
        Some(&first) => format!("move it above {} or delete it", cx.lines(&[first])),
        None if by.is_empty() => "delete it, or look at what sends packets here and what marks them".to_owned(),
        None => "delete it, or judge its packets before the chain is called".to_owned(),
    }
}

/// The verdict that all of some rules have.
fn verdicts(cx: &Cx<'_>, ids: &[RuleId]) -> Option<&'static str> {
    let mut all = ids.iter().map(|&id| cx.model.rule(id).and_then(verdict));
    let first = all.next()??;
    all.all(|v| v == Some(first)).then_some(first)
}

fn verdict(placed: &Placed) -> Option<&'static str> {
    match placed.conditions.outcome {
        Outcome::Accept => Some("ACCEPT"),
        Outcome::Drop => Some("DROP"),
        Outcome::Return => Some("RETURN"),
        _ => None,
    }
}
