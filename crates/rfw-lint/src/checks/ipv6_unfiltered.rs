//! IPv4 is filtered and IPv6 is not.
//!
//! **Why.** iptables and ip6tables are two rulesets. A host that has addresses of both families, and one ruleset, is as open
//! as if it had none: every service listens on `::` too, and the addresses of a network's hosts are found by its DNS and its logs.
//!
//! **Packet.** tcp \[2001:db8::7\]:40000 to \[2001:db8::1\]:5432: accepted, while IPv4 drops the like.
//!
//! Bad:
//! ```text
//! rules.v4: -P INPUT DROP, and accepts of what is offered
//! rules.v6: nothing, or -P INPUT ACCEPT
//! ```
//! Good:
//! ```text
//! rules.v4: -P INPUT DROP, and accepts of what is offered
//! rules.v6: -P INPUT DROP, and the same accepts, and ICMPv6
//! ```
//! **Suppress.** Where the host has no IPv6: `single-family = true` in the configuration, or
//! `net.ipv6.conf.all.disable_ipv6 = 1` among the settings of the kernel that it names. It is seen only where both rulesets
//! are given: as a pair, in a script, or with `--live`.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::packets::{tcp_udp, unnamed_ports};
use crate::space::{Hook, Incomplete, Kind, Region};

/// One finding, in the ruleset of IPv4.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((model, source)) = cx.sibling_family() else { return };
    if cx.model.family != Family::Ipv4 || has_one_family(cx) {
        return;
    }
    let other = Cx::new(model, source, cx.facts, None);
    out.extend(look(cx, &other).ok().flatten());
}

/// Whether the host is known to have no IPv6, or to be meant so.
pub(crate) fn has_one_family(cx: &Cx<'_>) -> bool {
    let off = |name| cx.facts.sysctl_number(name) == Some(1);
    cx.facts.single_family || off("net.ipv6.conf.all.disable_ipv6")
}

/// First packets of strangers to services.
fn news(cx: &Cx<'_>) -> Region {
    let space = cx.space();
    space.all_of(&[cx.strangers(), space.state(&[NEW]), space.set(&Key::Protocol, &tcp_udp())])
}

/// The same to ports that no rule of the filter is about.
fn unnamed(cx: &Cx<'_>) -> Region {
    let (space, filter) = (cx.space(), cx.model.table("filter"));
    filter.map_or(space.all(), |(_, filter)| space.set(&Key::DestinationPort, &unnamed_ports(filter)))
}

/// Whether some of it is dropped for sure on its way to the host.
fn drops(cx: &Cx<'_>, packets: Region) -> Result<bool, Incomplete> {
    let space = cx.space();
    for kind in [Kind::Raw, Kind::Mangle, Kind::Filter, Kind::Security] {
        for hook in [Hook::Prerouting, Hook::Input] {
            let Some(base) = space.base(kind, hook) else { continue };
            if !space.is_empty(space.surely_dropped(base, packets))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether everything that is not named is let in.
pub(crate) fn is_open(cx: &Cx<'_>) -> Result<bool, Incomplete> {
    let packets = cx.space().and(news(cx), unnamed(cx));
    Ok(!drops(cx, packets)?)
}

fn look(cx: &Cx<'_>, other: &Cx<'_>) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((input, chain))) = (cx.space(), cx.filter(Hook::Input)) else { return Ok(None) };
    let lost = space.surely_dropped(input, news(cx));
    if space.is_empty(lost)? {
        return Ok(None);
    }
    // A ruleset that names single ports to be dropped is open by default too; it is so on purpose if IPv6 does the same.
    let closed = !is_open(cx)?;
    let wide_open = if closed { is_open(other)? } else { !drops(other, news(other))? };
    if !wide_open {
        return Ok(None);
    }
    let shown = if closed { space.and(lost, unnamed(cx)) } else { lost };
    let packet = space.witness(shown)?;
    let example = packet.as_ref().map_or(String::new(), |p| format!("; dropped: {p}, and accepted if it comes by IPv6"));
    let found = Diagnostic::new(
        codes::IPV6_UNFILTERED,
        Severity::Warn,
        cx.dropping(chain),
        "IPv4 is filtered, IPv6 is wide open",
    )
    .help(format!("every service on `::` is reachable: load ip6tables rules too, or say `single-family = true` in rfw.toml{example}"));
    Ok(Some(Finding::chain(found, cx.model, input.table, input.chain).shows(cx, packet.as_ref())))
}
