//! Traffic is taken out of connection tracking, and its replies are dropped.
//!
//! **Why.** A packet that is not tracked is UNTRACKED and never ESTABLISHED. A rule for ESTABLISHED lets its replies in no
//! more, on whichever side: each direction needs a rule of its own.
//!
//! **Packet.** udp 192.0.2.53:53 to this host, the answer to an untracked query: UNTRACKED, dropped by policy.
//!
//! Bad:
//! ```text
//! *raw
//! -A OUTPUT -p udp --dport 53 -j CT --notrack
//! -A PREROUTING -p udp --sport 53 -j CT --notrack
//! *filter
//! :INPUT DROP [0:0]
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! *raw
//! -A OUTPUT -p udp --dport 53 -j CT --notrack
//! -A PREROUTING -p udp --sport 53 -j CT --notrack
//! *filter
//! :INPUT DROP [0:0]
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p udp --sport 53 -m conntrack --ctstate UNTRACKED -j ACCEPT
//! ```
//! **Suppress.** Where the traffic is meant to have no answer. Multicast and the ports of syslog, SNMP traps and flow records,
//! which go one way only, are left out.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::expr::Expr;
use rfw_nft::predicate::Item;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, ESTABLISHED, INVALID, Key, NEW};
use crate::model::{Placed, RuleId};
use crate::packets;
use crate::space::{Hook, Incomplete, Kind, Region, Set, UNTRACKED};
use crate::world::group_addresses;

/// The hook of `raw`, that of the filter behind it, and that which replies come by.
const WAYS: [(Hook, Hook, Hook); 3] = [
    (Hook::Output, Hook::Output, Hook::Input),
    (Hook::Prerouting, Hook::Input, Hook::Output),
    (Hook::Prerouting, Hook::Forward, Hook::Forward),
];

/// UDP ports that nobody answers: SNMP traps, syslog, NetFlow, IPFIX, sFlow (IANA).
const ONE_WAY: [u128; 7] = [162, 514, 2055, 4739, 6343, 9995, 9996];

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let untracking = cx.model.rules().filter(|(_, placed)| untracks(&placed.conditions));
    for (id, placed) in untracking {
        let found = WAYS.into_iter().find_map(|way| look(cx, id, placed, way).ok().flatten());
        out.extend(found);
    }
}

fn untracks(rule: &Conditions) -> bool {
    rule.effects().iter().any(|item| matches!(item, Item::Plain(Expr::Notrack)))
}

fn look(
    cx: &Cx<'_>,
    id: RuleId,
    placed: &Placed,
    (raw, here, there): (Hook, Hook, Hook),
) -> Result<Option<Finding>, Incomplete> {
    let (Some((to, _)), Some((from, chain))) = (cx.filter(here), cx.filter(there)) else { return Ok(None) };
    let space = cx.space();
    let judged = space.and(space.judged(id), space.at(Kind::Raw, raw));
    let taken = space.and(space.forget(judged, &[Key::State, Key::Status]), space.state(&[UNTRACKED]));
    let sent = space.all_of(&[space.moved(taken, here), space.entry(to), space.accepted(to), answered(cx)]);
    let filter = &cx.model.tables[to.table];
    let usual = space.and(sent, space.set(&Key::SourcePort, &packets::client_ports(filter)));
    let sent = if space.is_empty(usual)? { sent } else { usual };
    let back = space.forget(space.moved(space.reply(sent), there), &[Key::State]);
    // Where only one direction is left untracked, the other begins something new, or fits nothing.
    let replies = space.all_of(&[back, space.state(&[NEW, INVALID, UNTRACKED]), space.entry(from)]);
    let tracked = space.and(back, space.state(&[ESTABLISHED]));
    if space.is_empty(replies)? || space.may_accept(from, replies)? || !space.overlaps(tracked, space.accepted(from))? {
        return Ok(None);
    }
    let state = if replies_are_untracked(cx, back)? { UNTRACKED } else { NEW };
    let usual = space.and(replies, space.state(&[state]));
    let Some(packet) = space.witness(if space.is_empty(usual)? { replies } else { usual })? else {
        return Ok(None);
    };
    let rule = format!("-A {}{} -m conntrack --ctstate UNTRACKED -j ACCEPT", chain.shown(), turned(&placed.conditions));
    let found = Diagnostic::error(
        codes::NOTRACK_REPLIES_DROPPED,
        placed.span,
        format!("{} drops the replies to this traffic: without tracking they are never ESTABLISHED", chain.shown()),
    )
    .also(cx.dropping(chain), "drops them")
    .help(format!("leave the replies untracked too and accept them: `{rule}`; dropped: {packet}"));
    Ok(Some(Finding::about(found, cx.model, id).shows_at(cx, from, &packet)))
}

/// What is usually answered: TCP and UDP between hosts.
fn answered(cx: &Cx<'_>) -> Region {
    let space = cx.space();
    let one_way = space.service(17, &Set::union(ONE_WAY.map(|port| (port, port))));
    let group = space.set(&Key::Destination, &group_addresses(cx.model.family));
    let local = space.or(space.incoming("lo"), space.outgoing("lo"));
    let left_out = space.or(space.or(one_way, group), local);
    space.minus(space.set(&Key::Protocol, &packets::tcp_udp()), left_out)
}

/// Whether a rule takes the replies out of tracking as well.
fn replies_are_untracked(cx: &Cx<'_>, back: Region) -> Result<bool, Incomplete> {
    let space = cx.space();
    let back = space.forget(back, &[Key::Iif, Key::Oif, Key::TcpFlags]);
    for (id, _) in cx.model.rules().filter(|(_, placed)| untracks(&placed.conditions)) {
        let matched = space.forget(space.matched(id), &[Key::Iif, Key::Oif, Key::State, Key::TcpFlags]);
        if space.overlaps(matched, back)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Protocol and ports of the replies as options, as far as they are one each.
fn turned(rule: &Conditions) -> String {
    let single = |key| rule.set(&key).and_then(Set::single);
    let protocol = match single(Key::Protocol) {
        Some(6) => "tcp",
        Some(17) => "udp",
        _ => return String::new(),
    };
    let port = |option, key| single(key).map_or(String::new(), |port| format!(" --{option} {port}"));
    format!(" -p {protocol}{}{}", port("sport", Key::DestinationPort), port("dport", Key::SourcePort))
}
