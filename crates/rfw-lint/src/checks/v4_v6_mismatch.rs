//! A service is open in one family only.
//!
//! **Why.** Two rulesets drift apart: a port is opened in one and forgotten in the other, or closed in one and left open in
//! the other. Clients choose the family, so the service fails for some and stays reachable for others.
//!
//! **Packet.** tcp 203.0.113.7:40000 to port 443: accepted by IPv4, dropped by IPv6.
//!
//! Bad:
//! ```text
//! rules.v4: -A INPUT -p tcp --dport 443 -j ACCEPT
//! rules.v6: -A INPUT -p tcp --dport 8080 -j ACCEPT
//! ```
//! Good:
//! ```text
//! rules.v4: -A INPUT -p tcp --dport 443 -j ACCEPT
//! rules.v6: -A INPUT -p tcp --dport 443 -j ACCEPT
//! ```
//! **Suppress.** Where a service has one family on purpose; `single-family = true` in the configuration says so for the
//! host. Compared is what strangers can reach, the services of one family (DHCP, DHCPv6, NetBIOS) aside; nothing is said
//! where a family is closed altogether, or open by default.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_nft::Family;

use super::ipv6_unfiltered::{has_one_family, is_open};
use crate::Finding;
use crate::checks::{Cx, SHOWN};
use crate::conditions::{Key, NEW};
use crate::space::{ChainId, Hook, Incomplete, Region, Set};
use crate::world::{Decider, opening, size};

/// TCP and UDP, with the ports that only one family knows: NetBIOS, DHCP, DHCPv6.
const PROTOCOLS: [(u8, &str, Ports); 2] =
    [(6, "tcp", &[(139, 139)]), (17, "udp", &[(67, 68), (137, 138), (546, 547)])];

/// First and last ports.
type Ports = &'static [(u128, u128)];

/// One finding, in the ruleset of IPv4.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((model, source)) = cx.sibling_family() else { return };
    if cx.model.family != Family::Ipv4 || has_one_family(cx) {
        return;
    }
    let other = Cx::new(model, source, cx.facts, None);
    out.extend(look(cx, &other).ok().flatten());
}

fn look(cx: &Cx<'_>, other: &Cx<'_>) -> Result<Option<Finding>, Incomplete> {
    let (Some((input, chain)), Some((second, _))) = (cx.filter(Hook::Input), other.filter(Hook::Input)) else {
        return Ok(None);
    };
    for (cx, base) in [(cx, input), (other, second)] {
        if !cx.is_used(base, Hook::Input)? || is_open(cx)? {
            return Ok(None);
        }
    }
    let (mut own, mut theirs, mut example) = (Vec::new(), Vec::new(), None);
    for (protocol, name, special) in PROTOCOLS {
        let here = open_ports(cx, input, protocol)?;
        let there = open_ports(other, second, protocol)?;
        let special = Set::union(special.iter().copied()).complement(0xffff);
        let only = here.meet(&there.complement(0xffff)).meet(&special);
        if example.is_none() && only != Set::default() {
            let packets = cx.space().and(strangers(cx, protocol), cx.space().service(protocol, &only));
            example = Some(cx.space().and(packets, cx.space().accepted(input)));
        }
        own.extend(shown(name, &only));
        theirs.extend(shown(name, &there.meet(&here.complement(0xffff)).meet(&special)));
    }
    let parts = [(own, "IPv4"), (theirs, "IPv6")].into_iter().filter(|(ports, _)| !ports.is_empty());
    let parts: Vec<String> = parts.map(|(ports, family)| format!("{} on {family} only", listed(&ports))).collect();
    let Some((first, rest)) = parts.split_first() else { return Ok(None) };
    let verb = if first.contains(", ") || first.contains(" and ") { "are" } else { "is" };
    let (head, tail) = first.split_once(" on ").unwrap_or((first, ""));
    let rest: String = rest.iter().map(|part| format!(", {part}")).collect();
    let by = match example {
        Some(packets) => cx.accepter(input, packets)?,
        None => None,
    };
    let placed = match by {
        Some(Decider::Rule(id)) => cx.model.rule(id).map(|placed| (id, placed)),
        _ => None,
    };
    let packet = match example {
        Some(packets) => cx.space().witness(packets)?,
        None => None,
    };
    let found = Diagnostic::new(
        codes::V4_V6_MISMATCH,
        Severity::Warn,
        placed.map_or_else(|| cx.dropping(chain), |(_, placed)| placed.span),
        format!("{head} {verb} open on {tail}{rest}"),
    )
    .help(format!(
        "open or close it in both, or say `single-family = true` in rfw.toml if it is intended{}",
        packet.as_ref().map_or(String::new(), |packet| format!("; accepted by IPv4: {packet}"))
    ));
    let finding = match placed {
        Some((id, _)) => Finding::about(found, cx.model, id),
        None => Finding::chain(found, cx.model, input.table, input.chain),
    };
    Ok(Some(finding.shows_at(cx, input, packet.as_ref())))
}

/// First packets of anybody: not of networks that a rule is about.
fn strangers(cx: &Cx<'_>, protocol: u8) -> Region {
    let space = cx.space();
    let all = Key::Source.limit(cx.model.family);
    let narrow = cx.model.rules().filter_map(|(_, placed)| placed.conditions.set(&Key::Source));
    let narrow = narrow.filter(|set| size(set) <= all / 16).flat_map(|set| set.intervals().iter().copied());
    let known = space.set(&Key::Source, &Set::union(narrow));
    let syn = if protocol == 6 { opening(space) } else { space.one(&Key::Protocol, protocol.into()) };
    let packets = space.all_of(&[cx.strangers(), space.state(&[NEW]), syn]);
    space.minus(packets, known)
}

/// Ports that strangers may reach.
fn open_ports(cx: &Cx<'_>, input: ChainId, protocol: u8) -> Result<Set, Incomplete> {
    let space = cx.space();
    let open = space.all_of(&[strangers(cx, protocol), space.entry(input), space.accepted(input)]);
    space.values(open, &Key::DestinationPort)
}

/// `tcp/443`, `udp/60000-61000`.
fn shown(protocol: &str, ports: &Set) -> Vec<String> {
    let one = |&(low, high): &(u128, u128)| match low == high {
        true => format!("{protocol}/{low}"),
        false => format!("{protocol}/{low}-{high}"),
    };
    ports.intervals().iter().map(one).collect()
}

fn listed(ports: &[String]) -> String {
    match ports.split_last() {
        Some((last, [])) => last.clone(),
        _ if ports.len() > SHOWN => format!("{} and {} more", ports[..SHOWN].join(", "), ports.len() - SHOWN),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    }
}
