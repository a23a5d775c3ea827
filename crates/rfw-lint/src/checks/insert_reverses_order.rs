//! A rule is inserted above one that was inserted before it, and judges packets of that one otherwise.
//!
//! **Why.** `-I` without a number inserts at the top. Of two such commands the later one comes first: the order in the chain is
//! the reverse of the order in the text.
//!
//! **Packet.** tcp 192.0.2.9:40000 -> 198.51.100.1:22, NEW: dropped by line 3, before line 2 can accept it.
//!
//! Bad:
//! ```text
//! -P INPUT DROP
//! -I INPUT -p tcp --dport 22 -s 192.0.2.0/24 -j ACCEPT
//! -I INPUT -p tcp --dport 22 -j DROP
//! ```
//! Good:
//! ```text
//! -P INPUT DROP
//! -A INPUT -p tcp --dport 22 -s 192.0.2.0/24 -j ACCEPT
//! -A INPUT -p tcp --dport 22 -j DROP
//! ```
//! **Suppress.** Where the later rule is meant to come first.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_syntax::Action;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Outcome;
use crate::model::{Placed, RuleId};
use crate::space::Incomplete;

/// Earlier rules that one finding names.
const NAMED: usize = 5;
/// Rules at the top of a chain that are compared with each other.
const COMPARED: usize = 500;

/// One finding for each rule that was inserted above others.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    // What was found before the budget ran out is true.
    let _ = look(cx, out);
}

fn look(cx: &Cx<'_>, out: &mut Vec<Finding>) -> Result<(), Incomplete> {
    for (table, t) in cx.model.tables.iter().enumerate() {
        for (chain, c) in t.chains.iter().enumerate() {
            let inserted = |placed: &&Placed| {
                let step = placed.step.and_then(|step| cx.model.steps.get(step));
                step.is_some_and(|s| s.action == Some(Action::Insert) && s.number.is_none_or(|n| n == 1))
            };
            let top: Vec<(usize, &Placed)> =
                c.rules.iter().enumerate().filter(|(_, p)| inserted(p)).take(COMPARED).collect();
            for (i, &(rule, later)) in top.iter().enumerate() {
                let id = RuleId { table, chain, rule };
                let mut below = Vec::new();
                for &(rule, earlier) in &top[i + 1..] {
                    let other = RuleId { rule, ..id };
                    if may_clash(later, earlier) && cx.space().judges(id, cx.space().matched(other))? {
                        below.push((other, earlier));
                    }
                }
                if !below.is_empty() {
                    out.push(finding(cx, id, later, &below)?);
                }
            }
        }
    }
    Ok(())
}

/// Whether two rules may judge some packets differently, as far as single fields tell.
fn may_clash(later: &Placed, earlier: &Placed) -> bool {
    let judges = |placed: &Placed| matches!(placed.conditions.outcome, Outcome::Accept | Outcome::Drop);
    judges(later)
        && judges(earlier)
        && later.step > earlier.step
        && later.conditions.outcome != earlier.conditions.outcome
        && later.conditions.sets().all(|(key, set)| earlier.conditions.set(key).is_none_or(|own| own.meets(set)))
}

fn finding(cx: &Cx<'_>, id: RuleId, later: &Placed, below: &[(RuleId, &Placed)]) -> Result<Finding, Incomplete> {
    let lines: Vec<String> = below.iter().take(NAMED).map(|&(other, p)| cx.line(other, p)).collect();
    let mut lines = lines.join(", ");
    if below.len() > NAMED {
        lines.push_str(&format!(" and {} more", below.len() - NAMED));
    }
    let space = cx.space();
    let mut hides = !space.is_grouped(id);
    for &(other, _) in below {
        hides = hides && space.is_within(space.matched(other), space.takes(id))?;
    }
    let what = match (hides, below.len()) {
        (true, 1) => "hides it",
        (true, _) => "hides them",
        _ => "judges packets of it otherwise",
    };
    let message = format!("{} is inserted above {lines} and {what}", cx.line(id, later));
    let mut diagnostic = Diagnostic::new(codes::INSERT_REVERSES_ORDER, Severity::Warn, later.span, message).help(
        "each `-I` goes to position 1, so the final order is the reverse of the text; use `-A`, or give positions",
    );
    for (_, earlier) in below.iter().take(NAMED) {
        diagnostic = diagnostic.also(earlier.span, "inserted first, so it comes after");
    }
    Ok(Finding::about(diagnostic, cx.model, id))
}
