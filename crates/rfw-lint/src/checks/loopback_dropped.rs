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
use crate::conditions::{Conditions, Key, NEW, interface};
use crate::flow;
use crate::packets;
use crate::sets::Set;

/// One finding per chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((table, filter)) = cx.model.table("filter") else { return };
    let local = match cx.model.family {
        Family::Ipv4 => Set::range(0x7f00_0000, 0x7fff_ffff),
        Family::Ipv6 => Set::one(1),
    };
    for (name, device, letter) in [("INPUT", Key::Iif, 'i'), ("OUTPUT", Key::Oif, 'o')] {
        let Some(at) = filter.position(name.as_bytes()) else { continue };
        let mut class = Conditions::empty();
        class.require(Key::State, Set::one(NEW));
        class.require(Key::Source, local.clone());
        class.require(Key::Destination, local.clone());
        class.require(device.clone(), interface("lo"));
        class.require(Key::Protocol, packets::tcp_udp());
        let mut natural = class.clone();
        natural.require(Key::SourcePort, packets::client_ports(filter));
        natural.require(Key::DestinationPort, packets::unnamed_ports(filter));
        if flow::may_accept(filter, at, &natural) || names_loopback(filter, at, &device, &local) {
            continue;
        }
        let span = cx.dropping(&filter.chains[at]);
        let diagnostic = Diagnostic::error(
            codes::LOOPBACK_DROPPED,
            span,
            format!("local services cannot talk to each other: {name} drops packets on lo"),
        )
        .help(format!("add `-A {name} -{letter} lo -j ACCEPT` as first rule"));
        out.push(Finding::chain(diagnostic, cx.model, table, at));
    }
}

/// Whether something is accepted because it is local.
fn names_loopback(table: &crate::model::Table, chain: usize, device: &Key, local: &Set) -> bool {
    let mut class = Conditions::empty();
    class.require(Key::State, Set::one(NEW));
    let lo = interface("lo");
    flow::accepted(table, chain, &class, &mut |found| {
        let within = |key: &Key, set: &Set| found.set(key).is_some_and(|s| s.is_within(set));
        within(device, &lo) || within(&Key::Source, local) || within(&Key::Destination, local)
    })
}
