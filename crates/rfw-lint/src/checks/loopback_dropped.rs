//! INPUT or OUTPUT drops what local programs send each other.
//!
//! **Why.** Packets to 127.0.0.1 and to the host's own addresses pass `lo`, OUTPUT and INPUT like any other. Databases,
//! resolvers, mail filters and desktop sessions talk that way and time out one after another.
//!
//! **Packet.** tcp 127.0.0.1:40000 to 127.0.0.1:5432 on lo, state NEW: dropped by the policy of INPUT.
//!
//! Bad:
//! ```text
//! :INPUT DROP [0:0]
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! Good:
//! ```text
//! :INPUT DROP [0:0]
//! -A INPUT -i lo -j ACCEPT
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** Where nothing on the host is meant to talk to anything else on it. A ruleset that accepts some traffic of
//! `lo` or of 127.0.0.0/8 by name is not reported.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Key;
use crate::model::Table;
use crate::packets;
use crate::sets::Set;
use crate::space::{ChainId, Hook, Incomplete, Kind, NEW, Packet};

/// One finding per chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((_, filter)) = cx.model.table("filter") else { return };
    let chains = [("INPUT", Hook::Input, Key::Iif, 'i'), ("OUTPUT", Hook::Output, Key::Oif, 'o')];
    for (name, hook, device, letter) in chains {
        let Some(at) = cx.space().base(Kind::Filter, hook) else { continue };
        let Ok(Some(lost)) = lost(cx, filter, at, &device) else { continue };
        let span = cx.dropping(&filter.chains[at.chain]);
        let diagnostic = Diagnostic::error(
            codes::LOOPBACK_DROPPED,
            span,
            format!("local services cannot talk to each other: {name} drops packets on lo"),
        )
        .label(format!("dropped: {lost}"))
        .help(format!("add `-A {name} -{letter} lo -j ACCEPT` as first rule"));
        out.push(Finding::chain(diagnostic, cx.model, at.table, at.chain).shows(cx, &lost));
    }
}

/// A local packet that is dropped, if all are but those that could come from anywhere.
fn lost(cx: &Cx<'_>, filter: &Table, at: ChainId, device: &Key) -> Result<Option<Packet>, Incomplete> {
    let space = cx.space();
    let local = match cx.model.family {
        Family::Ipv4 => Set::range(0x7f00_0000, 0x7fff_ffff),
        Family::Ipv6 => Set::one(1),
    };
    let first = space.and(space.state(&[NEW]), space.set(&Key::Protocol, &packets::tcp_udp()));
    let lo = space.set(device, &crate::conditions::interface("lo"));
    let (from, to) = (space.set(&Key::Source, &local), space.set(&Key::Destination, &local));
    let here = space.all_of(&[first, lo, from, to, space.entry(at)]);
    let natural = space.all_of(&[
        here,
        space.set(&Key::SourcePort, &packets::client_ports(filter)),
        space.set(&Key::DestinationPort, &packets::unnamed_ports(filter)),
    ]);
    if space.may_accept(at, natural)? {
        return Ok(None);
    }
    // Whether something is accepted because it is local: the same is not accepted from elsewhere.
    let ends = [device.clone(), Key::Source, Key::Destination];
    let elsewhere = space.not(space.or(lo, space.or(from, to)));
    let strangers = space.all_of(&[first, elsewhere, space.entry(at), space.accepted(at)]);
    let strangers = space.forget(strangers, &ends);
    let named = space.minus(space.and(here, space.accepted(at)), strangers);
    if !space.is_empty(named)? {
        return Ok(None);
    }
    space.witness(natural)
}
