//! FORWARD lets connections be opened and drops all that is answered.
//!
//! **Why.** The answer to a forwarded packet passes FORWARD too, with ends exchanged. Where no rule accepts it, no connection
//! ever opens, though the rule for it looks right. Rules in INPUT say nothing of forwarded packets.
//!
//! **Packet.** tcp 203.0.113.7:443 -> 192.168.1.7:40000, ESTABLISHED: dropped by FORWARD.
//!
//! Bad:
//! ```text
//! :FORWARD DROP [0:0]
//! -A FORWARD -s 192.168.1.0/24 -j ACCEPT
//! ```
//! Good:
//! ```text
//! :FORWARD DROP [0:0]
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -s 192.168.1.0/24 -j ACCEPT
//! ```
//! **Suppress.** Where another router takes the answers back. Rules for TCP are looked at; with UDP one way may be meant.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};

use crate::Finding;
use crate::checks::{Cx, SHOWN};
use crate::conditions::{ESTABLISHED, Key, NEW, Outcome};
use crate::model::RuleId;
use crate::packets;
use crate::space::{Hook, Incomplete, Kind, Region};
use crate::translations::network;
use crate::world::opening;

const STATES: &str = "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";

/// One finding for the chain, at the first rule whose answers are lost.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    out.extend(lost(cx).and_then(|lost| report(cx, &lost)).ok().flatten());
}

/// The rules of FORWARD that open TCP connections whose answers it drops, all and for sure, and those answers.
pub(crate) fn lost(cx: &Cx<'_>) -> Result<Vec<(RuleId, Region)>, Incomplete> {
    let mut lost = Vec::new();
    let (space, Some((forward, _))) = (cx.space(), cx.filter(Hook::Forward)) else { return Ok(lost) };
    let lo = space.or(space.incoming("lo"), space.outgoing("lo"));
    let here = space.minus(space.at(Kind::Filter, Hook::Forward), lo);
    let answers = space.all_of(&[here, space.one(&Key::Protocol, 6), space.state(&[ESTABLISHED])]);
    // Almost always.
    if space.must_accept(forward, answers)? {
        return Ok(lost);
    }
    let clients = cx.model.tables.get(forward.table).map(packets::client_ports).unwrap_or_default();
    let usual = space.set(&Key::SourcePort, &clients);
    let opens = space.all_of(&[here, opening(space), space.state(&[NEW])]);
    let arrives = space.and(opens, space.entry(forward));
    let below = cx.below(forward);
    let rules = cx.model.rules().filter(|(id, _)| id.table == forward.table && below.contains(&id.chain));
    for (id, placed) in rules {
        let asked = &placed.conditions;
        let tcp = asked.set(&Key::Protocol).is_none_or(|set| set.contains(6));
        let new = asked.set(&Key::State).is_none_or(|set| set.contains(NEW));
        if asked.outcome != Outcome::Accept || !tcp || !new || !space.judges(id, arrives)? {
            continue;
        }
        // All that it matches, which is more than what comes to it but has a simpler shape.
        let opened = space.and(space.matched(id), opens);
        let from_clients = space.and(opened, usual);
        let opened = if space.is_empty(from_clients)? { opened } else { from_clients };
        // Of one network to itself a rule may be its own answer; that says nothing of others.
        let answers = space.minus(space.and(answers, space.reply(opened)), space.matched(id));
        if !space.is_empty(answers)? && !space.may_accept(forward, answers)? {
            lost.push((id, answers));
        }
    }
    Ok(lost)
}

fn report(cx: &Cx<'_>, lost: &[(RuleId, Region)]) -> Result<Option<Finding>, Incomplete> {
    let Some(&(id, answers)) = lost.first() else { return Ok(None) };
    let (Some(placed), Some((_, chain))) = (cx.model.rule(id), cx.filter(Hook::Forward)) else {
        return Ok(None);
    };
    let sources = placed.conditions.set(&Key::Source).and_then(|set| network(set, cx.model.family));
    let whom = sources.map_or("to what this rule accepts".to_owned(), |network| format!("to {network}"));
    let example = cx.example("dropped", cx.preferred(answers, &[cx.space().one(&Key::SourcePort, 443)])?)?;
    let mut found = Diagnostic::error(
        codes::FORWARD_ONE_WAY,
        placed.span,
        format!("replies {whom} are dropped in FORWARD"),
    )
    .help(format!(
        "add `-A FORWARD {STATES}`; a rule in INPUT does not cover forwarded traffic{example}"
    ));
    for (other, _) in lost.iter().skip(1).take(SHOWN) {
        if let Some(placed) = cx.model.rule(*other) {
            found = found.also(placed.span, "its replies are dropped too");
        }
    }
    if let Some(line) = chain.rules.first().and_then(|first| cx.whole_line(first.span)) {
        let span = Span { start: line.start, end: line.start };
        found = found.fix(span, format!("-A FORWARD {STATES}\n"), FixSafety::Unsafe);
    }
    Ok(Some(Finding::about(found, cx.model, id).shows(cx, example.packet())))
}
