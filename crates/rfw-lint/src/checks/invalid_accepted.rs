//! Packets that belong to no connection are accepted before the rule that drops them.
//!
//! **Why.** Conntrack calls INVALID what it cannot place: a stray ACK, a reset out of window, a reply to nothing. The rule
//! that drops them helps only above the first rule that accepts a port without asking for the state. Their order among rules
//! that do ask for states means nothing, because a packet has one state only.
//!
//! **Packet.** tcp to port 22 with only FIN set, INVALID: accepted by the first rule, never seen by the second.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! -A INPUT -m conntrack --ctstate INVALID -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate INVALID -j DROP
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Where routing is asymmetric, so that half of the packets of good connections are INVALID; there the rule that
//! drops them is better removed. Rules that trust a whole interface, network or protocol are not reported, nor is a ruleset
//! that drops INVALID nowhere.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, ESTABLISHED, INVALID, Key, NEW, Outcome, RELATED};
use crate::model::{Chain, Placed, RuleId};
use crate::sets::Set;
use crate::space::{ChainId, Hook, Incomplete, Packet};

/// One finding per base chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for hook in [Hook::Input, Hook::Forward, Hook::Output] {
        out.extend(look(cx, hook).ok().flatten());
    }
}

fn look(cx: &Cx<'_>, hook: Hook) -> Result<Option<Finding>, Incomplete> {
    let Some((base, chain)) = cx.filter(hook) else { return Ok(None) };
    for drop in guards(cx, base, chain) {
        let space = cx.space();
        let through = space.all_of(&[
            space.entry(base),
            space.matched(drop),
            space.state(&[INVALID]),
            space.accepted(base),
            space.not(space.incoming("lo")),
            space.not(space.outgoing("lo")),
        ]);
        if space.is_empty(through)? {
            continue;
        }
        let candidates = cx.model.rules().filter(|(id, placed)| id.table == base.table && opens(&placed.conditions));
        for (id, placed) in candidates {
            let taken = space.and(space.judged(id), through);
            if let Some(packet) = space.witness(taken)? {
                return Ok(Some(finding(cx, (id, placed), drop, &packet)));
            }
        }
    }
    Ok(None)
}

/// The rules of a base chain that drop INVALID packets by that name. What a chain for the rest does with them is no guard.
fn guards(cx: &Cx<'_>, base: ChainId, chain: &Chain) -> Vec<RuleId> {
    let ids = (0..chain.rules.len()).map(|rule| RuleId { table: base.table, chain: base.chain, rule });
    let live = ids.filter(|&id| cx.space().dead(id).is_none());
    live.filter(|id| {
        let rule = &chain.rules[id.rule].conditions;
        names_invalid(rule) && drops(cx, base, rule)
    })
    .collect()
}

fn names_invalid(rule: &Conditions) -> bool {
    let good = Set::union([(ESTABLISHED, ESTABLISHED), (RELATED, RELATED), (NEW, NEW)]);
    !rule.is_limited() && rule.set(&Key::State).is_some_and(|states| states.contains(INVALID) && !states.meets(&good))
}

/// By itself, or by a chain that ends so.
fn drops(cx: &Cx<'_>, base: ChainId, rule: &Conditions) -> bool {
    let ends = |chain: &Chain| {
        let last = chain.rules.last().map(|last| &last.conditions);
        last.is_some_and(|last| last.outcome == Outcome::Drop && last.is_catch_all())
    };
    let table = &cx.model.tables[base.table];
    match &rule.outcome {
        Outcome::Drop => true,
        Outcome::Jump(name) | Outcome::Goto(name) => table.position(name).is_some_and(|at| ends(&table.chains[at])),
        _ => false,
    }
}

/// Whether a rule accepts a service and asks for no state. Errors of ICMP that are let in by their types are meant to be.
fn opens(rule: &Conditions) -> bool {
    let ports = [Key::DestinationPort, Key::SourcePort].iter().any(|key| rule.set(key).is_some());
    let icmp = Set::union([(1, 1), (58, 58)]);
    let service = ports && rule.set(&Key::Protocol).is_some_and(|set| !set.meets(&icmp));
    rule.outcome == Outcome::Accept && service && rule.set(&Key::State).is_none()
}

fn finding(cx: &Cx<'_>, accept: (RuleId, &Placed), drop: RuleId, packet: &Packet) -> Finding {
    let (id, placed) = accept;
    let mut found = Diagnostic::new(
        codes::INVALID_ACCEPTED,
        Severity::Warn,
        placed.span,
        format!("INVALID packets are accepted here before {} drops them", cx.lines(&[drop])),
    )
    .help(format!("move the drop above this rule, or accept `--ctstate NEW` only; accepted: {packet}"));
    if let Some(guard) = cx.model.rule(drop) {
        found = found.also(guard.span, "drops INVALID");
        let lines = (cx.appended(placed.span), cx.appended(guard.span));
        if let ((Some((to, _)), Some((from, text))), true) = (lines, in_order(id, drop)) {
            let at = Span { end: to.start, ..to };
            let safety = if only_opens(cx, id, drop) { FixSafety::Unsafe } else { FixSafety::Suggestion };
            found = found.fix(at, text, safety).and_edit(from, "");
        }
    }
    Finding::about(found, cx.model, id).shows(cx, packet)
}

fn in_order(accept: RuleId, drop: RuleId) -> bool {
    (accept.table, accept.chain) == (drop.table, drop.chain) && accept.rule < drop.rule
}

/// Whether the drop moves over nothing but such rules and others that do not see INVALID packets.
fn only_opens(cx: &Cx<'_>, accept: RuleId, drop: RuleId) -> bool {
    let blind = |rule: &Conditions| rule.set(&Key::State).is_some_and(|states| !states.contains(INVALID));
    let rules = (accept.rule..drop.rule).filter_map(|rule| cx.model.rule(RuleId { rule, ..accept }));
    let guard = cx.model.rule(drop).is_some_and(|guard| guard.conditions.outcome == Outcome::Drop);
    guard && rules.map(|placed| &placed.conditions).all(|rule| opens(rule) || blind(rule))
}
