//! Error messages of ICMPv6 are dropped.
//!
//! **Why.** Routers don't fragment IPv6: they drop what is too large and say so by `packet-too-big`. Whoever drops that
//! message, or `destination-unreachable`, `time-exceeded` and `parameter-problem`, has connections that hang instead of
//! failing (RFC 4890, 4.3.1 and 4.4.1).
//!
//! **Packet.** `packet-too-big` of a router on the way, RELATED to a connection of this host: dropped.
//!
//! Bad:
//! ```text
//! -A INPUT -p ipv6-icmp -j DROP
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p ipv6-icmp --icmpv6-type 2 -j ACCEPT
//! ```
//! **Suppress.** Where every link on the way has the same MTU. Errors of packets that `CT --notrack` keeps from connection
//! tracking are INVALID: where only RELATED is accepted they are lost, which is a warning.

use rfw_diagnostics::{Severity, codes};
use rfw_nft::Family;
use rfw_nft::expr::Expr;
use rfw_nft::predicate::Item;

use super::neighbour_discovery_blocked as neighbours;
use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{ESTABLISHED, INVALID, Key, NEW, RELATED};
use crate::needed::Words;
use crate::space::{ChainId, Hook, Incomplete, Region, Set, UNTRACKED};

/// Type, name, first and last code that must not be dropped (RFC 4890, 4.3.1).
const ERRORS: [(u128, &str, u128, u128); 4] = [
    (2, "packet-too-big (type 2)", 0, 0xff),
    (1, "destination-unreachable (type 1)", 0, 0xff),
    (3, "time-exceeded (type 3)", 0, 0),
    (4, "parameter-problem (type 4)", 1, 2),
];

/// One finding per chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    if cx.model.family != Family::Ipv6 {
        return;
    }
    for hook in [Hook::Input, Hook::Forward] {
        out.extend(look(cx, hook).ok().flatten());
    }
}

fn look(cx: &Cx<'_>, hook: Hook) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((base, chain))) = (cx.space(), cx.filter(hook)) else { return Ok(None) };
    let passes = |state| -> Result<bool, Incomplete> {
        let tcp = space.one(&Key::Protocol, 6);
        space.may_accept(base, space.all_of(&[cx.beyond_loopback(hook), tcp, space.state(&[state])]))
    };
    // Where no connection passes, its errors need not either.
    let mut missing = Vec::new();
    if passes(ESTABLISHED)? {
        missing = lost(cx, hook, base, &[RELATED, NEW])?;
    }
    let (severity, states, rest) = if missing.is_empty() {
        if !untracks(cx) || !passes(UNTRACKED)? {
            return Ok(None);
        }
        missing = lost(cx, hook, base, &[INVALID])?;
        (Severity::Warn, INVALID, " where the connection is not tracked")
    } else {
        (Severity::Error, RELATED, "")
    };
    let Some(first) = missing.first() else { return Ok(None) };
    let packets = space.and(packets(cx, hook, first), space.state(&[states]));
    if hook == Hook::Input && same_cause(cx, base, packets)? {
        return Ok(None);
    }
    let names: Vec<&str> = missing.iter().map(|error| error.1).collect();
    let words = Words {
        code: codes::ICMPV6_ERRORS_BLOCKED,
        severity,
        message: match names.split_last() {
            Some((last, [])) => format!("{last} is dropped"),
            Some((last, rest)) => format!("{} and {last} are dropped", rest.join(", ")),
            None => return Ok(None),
        },
        rest,
        help: match first.0 {
            2 => "IPv6 routers never fragment, so this breaks every path with a smaller MTU; accept types 1 to 4",
            _ => "programs wait for answers that nobody will give; accept types 1 to 4",
        }
        .to_owned(),
        rules: missing.iter().map(|e| format!("-p ipv6-icmp --icmpv6-type {} -j ACCEPT", e.0)).collect(),
    };
    cx.lost((base, chain), packets, words).map(Some)
}

type Error = (u128, &'static str, u128, u128);

fn packets(cx: &Cx<'_>, hook: Hook, &(kind, _, from, to): &Error) -> Region {
    cx.space().and(cx.icmpv6(&Set::range(kind << 8 | from, kind << 8 | to)), cx.beyond_loopback(hook))
}

/// Errors that a chain drops for sure in all of some states.
fn lost(cx: &Cx<'_>, hook: Hook, base: ChainId, states: &[u128]) -> Result<Vec<Error>, Incomplete> {
    let space = cx.space();
    let mut found = Vec::new();
    for error in ERRORS {
        if !space.may_accept(base, space.and(packets(cx, hook, &error), space.state(states)))? {
            found.push(error);
        }
    }
    Ok(found)
}

/// Whether some rule takes packets of TCP or UDP out of connection tracking.
fn untracks(cx: &Cx<'_>) -> bool {
    cx.model.rules().any(|(_, placed)| {
        let asked = &placed.conditions;
        let notrack = asked.effects().iter().any(|item| matches!(item, Item::Plain(Expr::Notrack)));
        notrack && asked.set(&Key::Protocol).is_none_or(|set| set.meets(&crate::packets::tcp_udp()))
    })
}

/// Whether what drops the error drops neighbour discovery as well: that is reported, and worse.
fn same_cause(cx: &Cx<'_>, base: ChainId, packets: Region) -> Result<bool, Incomplete> {
    let Some((kind, _)) = neighbours::lost(cx, Hook::Input)?.first().copied() else { return Ok(false) };
    let discovery = neighbours::packets(cx, Hook::Input, kind);
    Ok(cx.dropper(base, packets)? == cx.dropper(base, discovery)?)
}
