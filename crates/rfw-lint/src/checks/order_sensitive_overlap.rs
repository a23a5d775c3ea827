//! Two rules judge some packets differently, and only their order decides.
//!
//! **Why.** Each rule has packets of its own, and some are matched by both. Whoever sorts the rules, or inserts one from a
//! template, changes what becomes of those without noticing. Where it is meant, saying so in the conditions makes the order
//! free.
//!
//! **Packet.** tcp 10.0.0.1:40000 -> 192.0.2.1:22: dropped; accepted if the two rules change places.
//!
//! Bad:
//! ```text
//! -A FORWARD -s 10.0.0.0/8 -p tcp --dport 22 -j DROP
//! -A FORWARD -d 192.0.2.0/24 -p tcp -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A FORWARD -s 10.0.0.0/8 -d 192.0.2.0/24 -p tcp --dport 22 -j DROP
//! -A FORWARD -d 192.0.2.0/24 -p tcp -j ACCEPT
//! ```
//! **Suppress.** The check is off unless it is selected (`--select RFW310`): most such pairs are meant. A rule whose packets
//! are all matched by a later, wider one is an exception to it and is not reported. At most 20 pairs of a chain are shown.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, Outcome};
use crate::model::RuleId;
use crate::space::Incomplete;

/// Pairs that are shown for one chain.
const PAIRS: usize = 20;
/// Pairs that are put to the analysis in all.
const QUESTIONS: usize = 20_000;

/// One finding per pair.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    // What was found before the budget ran out is true.
    let _ = look(cx, out);
}

fn look(cx: &Cx<'_>, out: &mut Vec<Finding>) -> Result<(), Incomplete> {
    let mut questions = QUESTIONS;
    for (table, own) in cx.model.tables.iter().enumerate() {
        for (chain, found) in own.chains.iter().enumerate() {
            let judges = |asked: &Conditions| matches!(asked.outcome, Outcome::Accept | Outcome::Drop);
            let rules = found.rules.iter().enumerate().filter(|(_, rule)| judges(&rule.conditions));
            let ids = rules.map(|(rule, _)| RuleId { table, chain, rule });
            let alive = |id: &RuleId| cx.space().dead(*id).is_none() && !cx.space().is_grouped(*id);
            let ids: Vec<RuleId> = ids.filter(alive).collect();
            let mut shown = 0;
            for (at, &later) in ids.iter().enumerate() {
                for &earlier in &ids[..at] {
                    if shown == PAIRS || questions == 0 {
                        break;
                    }
                    if let Some(found) = pair(cx, earlier, later, &mut questions)? {
                        out.push(found);
                        shown += 1;
                    }
                }
            }
        }
    }
    Ok(())
}

fn pair(cx: &Cx<'_>, one: RuleId, two: RuleId, questions: &mut usize) -> Result<Option<Finding>, Incomplete> {
    let (Some(earlier), Some(later)) = (cx.model.rule(one), cx.model.rule(two)) else { return Ok(None) };
    let apart = |(key, set): (&_, &crate::space::Set)| {
        later.conditions.set(key).is_some_and(|other| key.is_stable() && !other.meets(set))
    };
    if earlier.conditions.outcome == later.conditions.outcome || earlier.conditions.sets().any(apart) {
        return Ok(None);
    }
    *questions -= 1;
    let space = cx.space();
    let (first, second) = (space.matched(one), space.matched(two));
    if space.is_within(first, second)? || space.is_within(second, first)? {
        return Ok(None);
    }
    let both = space.and(space.judged(one), second);
    let Some(packet) = space.witness(both)? else { return Ok(None) };
    let message = format!("swapping {} would change the verdict of {packet}", cx.lines(&[one, two]));
    let found = Diagnostic::new(codes::ORDER_SENSITIVE_OVERLAP, Severity::Info, later.span, message)
        .also(earlier.span, "decides it now")
        .help("make the overlap explicit if it is intended");
    Ok(Some(Finding::about(found, cx.model, two).shows(cx, &packet)))
}
