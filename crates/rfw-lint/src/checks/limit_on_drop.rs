//! A rule drops up to a rate, and lets the flood through.
//!
//! **Why.** A limit matches while it is not exceeded. With DROP the first packets of each second are dropped, those of quiet
//! clients among them; everything above goes on to the next rule, and is accepted there.
//!
//! **Packet.** The eleventh SYN in a second: not matched by the rule, accepted by the policy. The first ten were dropped.
//!
//! Bad:
//! ```text
//! :INPUT ACCEPT [0:0]
//! -A INPUT -p tcp --syn -m limit --limit 10/sec -j DROP
//! ```
//! Good:
//! ```text
//! :INPUT ACCEPT [0:0]
//! -A INPUT -p tcp --syn -m limit --limit 10/sec -j RETURN
//! -A INPUT -p tcp --syn -j DROP
//! ```
//! **Suppress.** Where a part of the traffic is dropped on purpose, as in a test of bad lines. A REJECT with a limit in front of
//! a DROP is not reported, nor is a rule right before one that accepts or logs the same traffic.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_extensions::{Measure, Per, Side};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Outcome;
use crate::model::{Placed, RuleId};
use crate::space::Incomplete;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((filter, _)) = cx.model.table("filter") else { return };
    for (id, placed) in cx.model.rules().filter(|(id, _)| id.table == filter) {
        let drops = placed.conditions.outcome == Outcome::Drop && is_limited(placed);
        if drops && !cx.is_uncertain(id) && !is_meant(cx, id, placed) {
            out.extend(look(cx, id, placed).ok().flatten());
        }
    }
}

/// Whether all packets share a rate that has to be kept. One per address is a matter of its own.
fn is_limited(placed: &Placed) -> bool {
    placed.facts().filter_map(|facts| facts.bound).any(|bound| {
        bound.side == Side::Below && bound.per == Per::Rule && bound.measure == Measure::Packets
    })
}

/// Whether the next rule takes care of the rest by name.
fn is_meant(cx: &Cx<'_>, id: RuleId, placed: &Placed) -> bool {
    let Some(next) = cx.model.rule(RuleId { rule: id.rule + 1, ..id }) else { return false };
    let (own, next) = (&placed.conditions, &next.conditions);
    let same = own.is_within_but_for_limits(next) && next.is_within_but_for_limits(own);
    same && (next.outcome == Outcome::Accept || next.logs)
}

fn look(cx: &Cx<'_>, id: RuleId, placed: &Placed) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    let passed = space.accepted_behind(id, space.judged(id));
    let Some(packet) = space.witness(passed)?.filter(|_| !space.is_grouped(id)) else { return Ok(None) };
    let found = Diagnostic::new(
        codes::LIMIT_ON_DROP,
        Severity::Warn,
        placed.span,
        "this drops what is below the limit and lets the flood through",
    )
    .help(format!(
        "turn it round: accept or return below the limit, then drop the rest; accepted above it: {packet}"
    ));
    Ok(Some(Finding::about(found, cx.model, id).shows(cx, &packet)))
}
