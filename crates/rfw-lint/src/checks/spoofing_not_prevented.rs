//! An interface may send with addresses that are not behind it.
//!
//! **Why.** Hosts of a network that may send under any address attack others in somebody else's name, and get past rules
//! that trust a source. What is behind an interface is known best where it is connected (RFC 2827).
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 198.51.100.1:80 in eth0, NEW, while 192.168.1.0/24 is behind eth0: accepted.
//!
//! Bad:
//! ```text
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -i eth0 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -i eth0 ! -s 192.168.1.0/24 -j DROP
//! -A FORWARD -i eth0 -j ACCEPT
//! ```
//! **Suppress.** Where the kernel does it (`rp_filter`). It needs `[interfaces]` of the configuration, with the networks
//! behind each; those of zone `wan` are left out. Nothing is said of chains without rules.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::facts::{Interface, Zone};
use crate::space::{ChainId, Hook, Incomplete, Region, Set, addresses, interface_names};
use crate::world::Decider;

/// One finding per interface.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let strict = cx.facts.sysctl_number("net.ipv4.conf.all.rp_filter") == Some(1);
    if cx.model.family == Family::Ipv4 && strict {
        return;
    }
    for (name, known) in &cx.facts.interfaces {
        if name != "lo" && !matches!(known.zone, Some(Zone::Wan | Zone::Loopback)) {
            out.extend(look(cx, name, known).ok().flatten());
        }
    }
}

fn look(cx: &Cx<'_>, name: &str, known: &Interface) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    let own: Vec<Set> = known.addresses.iter().filter_map(|net| addresses(net, cx.model.family)).collect();
    if own.is_empty() {
        return Ok(None);
    }
    let allowed = own.iter().flat_map(|set| set.intervals().iter().copied()).chain(unspecified(cx.model.family));
    let max = Key::Source.limit(cx.model.family);
    let foreign = space.all_of(&[
        space.set(&Key::Iif, &interface_names(name)),
        space.set(&Key::Source, &Set::union(allowed).complement(max)),
        space.state(&[NEW]),
    ]);
    let mut open: Vec<(ChainId, Region, Option<Decider>)> = Vec::new();
    for hook in [Hook::Forward, Hook::Input] {
        let Some((base, chain)) = cx.filter(hook) else { continue };
        if !chain.rules.is_empty() && space.may_accept(base, foreign)? {
            let packets = space.all_of(&[foreign, space.entry(base), space.accepted(base)]);
            open.push((base, packets, cx.accepter(base, packets)?));
        }
    }
    let Some(&(base, packets, by)) = open.first() else { return Ok(None) };
    let chain = &cx.model.tables[base.table].chains[base.chain];
    let placed = match by {
        Some(Decider::Rule(id)) => cx.model.rule(id).map(|placed| (id, placed)),
        _ => None,
    };
    let span = placed.map(|(_, placed)| placed.span).or(chain.span).unwrap_or_else(|| cx.dropping(chain));
    let of_family = |net: &&rfw_values::AddrMask| addresses(net, cx.model.family).is_some();
    let networks: Vec<String> = known.addresses.iter().filter(of_family).map(ToString::to_string).collect();
    let example = cx.example("accepted", packets)?;
    let way = match networks.as_slice() {
        [one] => format!("drop `-i {name} ! -s {one}` first (raw PREROUTING is cheapest)"),
        all => format!("drop what comes in by {name} from elsewhere than {}", all.join(", ")),
    };
    let mut found = Diagnostic::new(
        codes::SPOOFING_NOT_PREVENTED,
        Severity::Warn,
        span,
        format!("{name} may send with foreign source addresses"),
    )
    .help(format!("{way}{example}"));
    if let ([one], 1, Some(at)) = (networks.as_slice(), open.len(), cx.place_before(by, base, chain)) {
        let rule = format!("-A {} -i {name} ! -s {one} -j DROP\n", chain.shown());
        found = found.fix(at, rule, FixSafety::Unsafe);
    }
    Ok(Some(match placed {
        Some((id, _)) => Finding::about(found, cx.model, id).shows(cx, example.packet()),
        None => Finding::chain(found, cx.model, base.table, base.chain).shows(cx, example.packet()),
    }))
}

/// What hosts send from before they have an address, and on the link only.
fn unspecified(family: Family) -> Vec<(u128, u128)> {
    match family {
        Family::Ipv4 => vec![(0, 0)],
        Family::Ipv6 => vec![(0, 0), (0xfe80 << 112, (0xfec0 << 112) - 1)],
    }
}
