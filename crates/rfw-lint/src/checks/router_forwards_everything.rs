//! A router that translates lets the outside open connections to every host inside.
//!
//! **Why.** Translation is no filter. It hides inside addresses from those who are far away; a neighbour on the outside network,
//! or the provider, can send packets to 192.168.1.7 through this router, and FORWARD accepts them.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.168.1.7:22 in eth0 out eth1, NEW: accepted.
//!
//! Bad:
//! ```text
//! *nat
//! -A POSTROUTING -o eth0 -j MASQUERADE
//! COMMIT
//! *filter
//! :FORWARD ACCEPT [0:0]
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! :FORWARD DROP [0:0]
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -i eth1 -o eth0 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Where the network outside is trusted as much as the one inside; give the interface a zone in `rfw.toml`.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::sets::Set;
use crate::space::{DNAT, Hook, Incomplete, Kind, Region};
use crate::translations::{Translating, private};
use crate::world::{Decider, not_public, opening, size};

/// One finding for the chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    out.extend(look(cx).ok().flatten());
}

fn look(cx: &Cx<'_>) -> Result<Option<Finding>, Incomplete> {
    Ok(match open(cx)? {
        Some(open) => Some(report(cx, &open)?),
        None => None,
    })
}

/// What strangers may send to the inside.
pub(crate) struct Open<'a> {
    /// A rule that tells which side is outside.
    rule: Translating<'a>,
    packets: Region,
    /// What accepts them.
    pub(crate) by: Option<Decider>,
}

/// Whether strangers reach all of the inside.
pub(crate) fn open<'a>(cx: &Cx<'a>) -> Result<Option<Open<'a>>, Incomplete> {
    let Some((forward, _)) = cx.filter(Hook::Forward).filter(|_| cx.is_whole()) else { return Ok(None) };
    let space = cx.space();
    let mut known: Vec<Set> = Vec::new();
    for (rule, key) in cx.masquerades()?.into_iter().map(|r| (r, Key::Oif)).chain(forwards(cx)?) {
        let interfaces = space.values(rule.packets, &key)?;
        if known.contains(&interfaces) {
            continue;
        }
        known.push(interfaces.clone());
        let packets = strangers_to_inside(cx, &interfaces);
        if space.is_empty(packets)? {
            continue;
        }
        // Accepted whatever marks, sets and chance are.
        let doubtful = space.minus(packets, space.surely_accepted(forward, packets));
        let open = space.minus(packets, space.for_some_answers(doubtful));
        if !is_wide(cx, packets, open)? {
            continue;
        }
        let by = cx.accepter(forward, open)?;
        return Ok(Some(Open { rule, packets: open, by }));
    }
    Ok(None)
}

fn report(cx: &Cx<'_>, open: &Open<'_>) -> Result<Finding, Incomplete> {
    let chain = cx.filter(Hook::Forward);
    let at = match open.by {
        Some(Decider::Rule(id)) => cx.model.rule(id).map(|placed| (id, placed)),
        _ => None,
    };
    let packets = at.map_or(open.packets, |(id, _)| cx.space().and(cx.space().judged(id), open.packets));
    let declared = chain.and_then(|(_, chain)| chain.span);
    let span = at.map(|(_, placed)| placed.span).or(declared).unwrap_or(open.rule.placed.span);
    let example = cx.example("accepted", packets)?;
    let found = Diagnostic::new(
        codes::ROUTER_FORWARDS_EVERYTHING,
        Severity::Warn,
        span,
        "hosts on the outside can open connections to inside hosts",
    )
    .help(format!(
        "NAT is not a filter: a neighbour outside can route to inside addresses directly; set FORWARD to DROP and accept \
         what is wanted{}",
        example
    ))
    .also(open.rule.placed.span, "shows which side is outside");
    Ok(match (at, chain) {
        (Some((id, _)), _) => Finding::about(found, cx.model, id),
        (None, Some((id, _))) => Finding::chain(found, cx.model, id.table, id.chain),
        (None, None) => Finding::new(found),
    }
    .shows(cx, example.packet()))
}

/// Forwarded ports that name the interface that they come in by.
fn forwards<'a>(cx: &Cx<'a>) -> Result<impl Iterator<Item = (Translating<'a>, Key)> + use<'a>, Incomplete> {
    let named = |rule: &Translating<'_>| {
        let inside = private(cx.model.family);
        let away = rule.addresses.as_ref().is_some_and(|to| to.is_within(&inside));
        away && rule.placed.conditions.set(&Key::Iif).is_some_and(|set| size(set) < u128::MAX / 2)
    };
    let rules: Vec<_> = cx.forwarded_ports()?.into_iter().filter(named).collect();
    Ok(rules.into_iter().map(|rule| (rule, Key::Iif)))
}

/// First packets from strangers behind some interfaces to private addresses behind others, which no forwarded port explains.
fn strangers_to_inside(cx: &Cx<'_>, interfaces: &Set) -> Region {
    let space = cx.space();
    let (from, back) = (space.set(&Key::Iif, interfaces), space.set(&Key::Oif, interfaces));
    let public = space.not(space.set(&Key::Source, &not_public(cx.model.family)));
    space.all_of(&[
        space.at(Kind::Filter, Hook::Forward),
        cx.outside(),
        space.minus(from, space.or(back, space.outgoing("lo"))),
        public,
        opening(space),
        space.state(&[NEW]),
        space.bits(&Key::Status, DNAT, 0),
        space.bits(&Key::Mark, u32::MAX.into(), 0),
        space.set(&Key::Destination, &private(cx.model.family)),
    ])
}

/// Whether most strangers reach every address and every port.
fn is_wide(cx: &Cx<'_>, packets: Region, open: Region) -> Result<bool, Incomplete> {
    let space = cx.space();
    let (all, some) = (space.values(packets, &Key::Source)?, space.values(open, &Key::Source)?);
    if size(&some) <= size(&all) / 2 {
        return Ok(false);
    }
    let others = [Key::Source, Key::SourcePort, Key::Iif, Key::Oif, Key::ConnectionMark];
    let reached = |region| space.forget(region, &others);
    space.is_within(reached(packets), reached(open))
}
