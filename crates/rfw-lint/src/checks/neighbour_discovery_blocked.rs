//! Neighbour discovery is dropped: IPv6 stops working.
//!
//! **Why.** Neighbour solicitation (135) and advertisement (136) are to IPv6 what ARP is to IPv4, but they pass the filter.
//! Connection tracking leaves them alone, so they are UNTRACKED and no accept of ESTABLISHED covers them. Without them
//! nobody on the link finds the host, and it finds nobody (RFC 4890, 4.4.1).
//!
//! **Packet.** A neighbour solicitation for this host, UNTRACKED: dropped by the policy.
//!
//! Bad:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p ipv6-icmp --icmpv6-type 128 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p ipv6-icmp --icmpv6-type 135 -m hl --hl-eq 255 -j ACCEPT
//! -A INPUT -p ipv6-icmp --icmpv6-type 136 -m hl --hl-eq 255 -j ACCEPT
//! ```
//! **Suppress.** On links without neighbours, a tunnel for one. Where no IPv6 but that of `lo` is accepted nothing is said.
//! Router advertisements (134) are a host's only; that they are dropped is a note, a warning if the settings of the kernel
//! say that the host would listen to them.

use rfw_diagnostics::{Severity, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::needed::Words;
use crate::space::{Hook, Incomplete, Set, UNTRACKED};

/// Types of ICMPv6 (RFC 4861).
const ROUTER_ADVERTISEMENT: u128 = 134;
const NEIGHBOURS: [(u128, &str); 2] = [(135, "neighbour solicitation (135)"), (136, "neighbour advertisement (136)")];

/// One finding per chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    if cx.model.family != Family::Ipv6 {
        return;
    }
    for hook in [Hook::Input, Hook::Output] {
        out.extend(look(cx, hook).ok().flatten());
    }
}

/// Types of neighbour discovery that a chain drops for sure.
pub(crate) fn lost(cx: &Cx<'_>, hook: Hook) -> Result<Vec<(u128, &'static str)>, Incomplete> {
    let (space, Some((base, _))) = (cx.space(), cx.filter(hook)) else { return Ok(Vec::new()) };
    let mut lost = Vec::new();
    if cx.is_used(base, hook)? {
        for (kind, name) in NEIGHBOURS {
            if !space.may_accept(base, packets(cx, hook, kind))? {
                lost.push((kind, name));
            }
        }
    }
    Ok(lost)
}

/// Messages of a type, as they come.
pub(crate) fn packets(cx: &Cx<'_>, hook: Hook, kind: u128) -> crate::space::Region {
    let kinds = Set::range(kind << 8, kind << 8 | 0xff);
    cx.space().all_of(&[cx.icmpv6(&kinds), cx.beyond_loopback(hook), cx.space().state(&[UNTRACKED])])
}

fn look(cx: &Cx<'_>, hook: Hook) -> Result<Option<Finding>, Incomplete> {
    let Some((base, chain)) = cx.filter(hook) else { return Ok(None) };
    let lost = lost(cx, hook)?;
    let Some(&(kind, first)) = lost.first() else { return advertisements(cx, hook) };
    let (what, verb) = match lost.get(1) {
        Some(_) => ("neighbour solicitation (135) and advertisement (136)", "are"),
        None => (first, "is"),
    };
    let side = if hook == Hook::Output { " on their way out" } else { "" };
    let kinds: &[u128] = if hook == Hook::Output { &[133, 135, 136] } else { &[133, 134, 135, 136] };
    let accept = |kind| format!("-p ipv6-icmp --icmpv6-type {kind} -m hl --hl-eq 255 -j ACCEPT");
    let words = Words {
        code: codes::NEIGHBOUR_DISCOVERY_BLOCKED,
        severity: Severity::Error,
        message: format!("{what} {verb} dropped{side}"),
        rest: ": IPv6 will stop working",
        help: "this is the IPv6 counterpart of ARP (RFC 4890, 4.4.1); accept 133 to 136 with hop limit 255".to_owned(),
        rules: kinds.iter().map(accept).collect(),
    };
    cx.lost((base, chain), packets(cx, hook, kind), words).map(Some)
}

/// A host that hears no router finds no address and no way out, if it looks for them so.
fn advertisements(cx: &Cx<'_>, hook: Hook) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((base, chain))) = (cx.space(), cx.filter(hook)) else { return Ok(None) };
    let settings = || cx.facts.sysctls.iter().filter(|(name, _)| name.ends_with(".accept_ra"));
    let deaf = settings().next().is_some() && settings().all(|(_, value)| value.trim() == "0");
    let packets = packets(cx, hook, ROUTER_ADVERTISEMENT);
    if hook != Hook::Input || deaf || cx.forwards()? || !cx.is_used(base, hook)? || space.may_accept(base, packets)? {
        return Ok(None);
    }
    let words = Words {
        code: codes::NEIGHBOUR_DISCOVERY_BLOCKED,
        severity: if settings().next().is_some() { Severity::Warn } else { Severity::Info },
        message: "router advertisements (134) are dropped".to_owned(),
        rest: "",
        help: "a host without a static address and route gets both from them; accept 134 with hop limit 255".to_owned(),
        rules: vec!["-p ipv6-icmp --icmpv6-type 134 -m hl --hl-eq 255 -j ACCEPT".to_owned()],
    };
    cx.lost((base, chain), packets, words).map(Some)
}
