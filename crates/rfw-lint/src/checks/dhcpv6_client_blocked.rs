//! The answers of a DHCPv6 server are dropped.
//!
//! **Why.** A client asks all servers at once, by multicast, and each answers from an address of its own. To connection
//! tracking that is no answer but something new: an accept of ESTABLISHED doesn't cover it, and the host gets no address, or
//! loses it when it should be renewed.
//!
//! **Packet.** udp from \[fe80::1\]:547 to \[fe80::2\]:546, NEW: dropped by the policy.
//!
//! Bad:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p ipv6-icmp -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p ipv6-icmp -j ACCEPT
//! -A INPUT -s fe80::/10 -d fe80::/10 -p udp --sport 547 --dport 546 -j ACCEPT
//! ```
//! **Suppress.** On a host with a static address; to name its interface's addresses in the configuration says the same.
//! Nothing is said of hosts that forward or that offer services besides SSH: they have static addresses. Nor of those that
//! drop router advertisements: without one nobody asks for DHCPv6.

use rfw_diagnostics::{Severity, codes};
use rfw_nft::Family;

use super::neighbour_discovery_blocked as neighbours;
use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::needed::Words;
use crate::space::{Hook, Incomplete, Set, addresses};

/// `fe80::/10`.
const LINK_LOCAL: (u128, u128) = (0xfe80 << 112, (0xfec0 << 112) - 1);
/// Ports of servers and of clients (RFC 8415).
const SERVER: u128 = 547;
const CLIENT: u128 = 546;
const SSH: u128 = 22;

/// One finding for the chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    if cx.model.family == Family::Ipv6 {
        out.extend(look(cx).ok().flatten());
    }
}

fn look(cx: &Cx<'_>) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((input, chain))) = (cx.space(), cx.filter(Hook::Input)) else { return Ok(None) };
    let own = cx.facts.interfaces.values().flat_map(|i| &i.addresses);
    let fixed = own.filter_map(|net| addresses(net, Family::Ipv6)).next().is_some();
    let advertisement = neighbours::packets(cx, Hook::Input, 134);
    if fixed || cx.forwards()? || !cx.is_used(input, Hook::Input)? || !space.may_accept(input, advertisement)? {
        return Ok(None);
    }
    let others = Set::one(SSH).complement(0xffff);
    let served = space.all_of(&[cx.strangers(), space.service(6, &others), space.state(&[NEW])]);
    if space.may_accept(input, served)? {
        return Ok(None);
    }
    let local = Set::range(LINK_LOCAL.0, LINK_LOCAL.1);
    let answer = space.all_of(&[
        space.service(17, &Set::one(CLIENT)),
        space.one(&Key::SourcePort, SERVER),
        space.set(&Key::Source, &local),
        space.set(&Key::Destination, &local),
        cx.beyond_loopback(Hook::Input),
        space.state(&[NEW]),
    ]);
    if space.may_accept(input, answer)? {
        return Ok(None);
    }
    // Whoever may not ask gets no answer either.
    if let Some((output, _)) = cx.filter(Hook::Output) {
        let question = space.and(space.service(17, &Set::one(SERVER)), space.not(space.outgoing("lo")));
        if !space.may_accept(output, question)? {
            return Ok(None);
        }
    }
    let words = Words {
        code: codes::DHCPV6_CLIENT_BLOCKED,
        severity: Severity::Warn,
        message: "DHCPv6 replies (udp/546) are dropped".to_owned(),
        rest: "",
        help: "accept udp/546 from fe80::/10: they come from another address than the one that was asked, so they are NEW"
            .to_owned(),
        rules: vec!["-s fe80::/10 -d fe80::/10 -p udp --sport 547 --dport 546 -j ACCEPT".to_owned()],
    };
    cx.lost((input, chain), answer, words).map(Some)
}
