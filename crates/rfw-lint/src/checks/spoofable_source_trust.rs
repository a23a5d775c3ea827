//! Packets are trusted for a source address that anybody can write into them.
//!
//! **Why.** A rule that accepts what comes from a private network, on any interface, accepts it from the outside as well. No
//! answer comes back to the forger, but one packet is enough for many services over UDP, and neighbours on the outer link do
//! get the answers.
//!
//! **Packet.** udp 192.168.0.7:40000 to 192.0.2.10:161 in ppp0, NEW: accepted.
//!
//! Bad:
//! ```text
//! -A INPUT -s 192.168.0.0/16 -j ACCEPT
//! -A INPUT -i ppp0 -p tcp --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -i eth1 -s 192.168.0.0/16 -j ACCEPT
//! -A INPUT -i ppp0 -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Where the kernel drops such packets: `net.ipv4.conf.all.rp_filter = 1` among the settings that the
//! configuration names says so. The outside is an interface of zone `wan`, a dial-up interface, or one whose addresses are
//! masqueraded.

use std::collections::HashSet;

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::{Cx, SHOWN};
use crate::conditions::{Key, NEW, Outcome};
use crate::facts::Zone;
use crate::model::{Placed, RuleId};
use crate::space::{Incomplete, Region, Set, addresses, interface_names};

/// Rules that are looked at.
const RULES: usize = 500;
/// How interfaces to providers are called.
const OUTER: [&str; 4] = ["ppp", "pppoe", "wan", "wwan"];

/// One finding for all rules.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let strict = cx.facts.sysctl_number("net.ipv4.conf.all.rp_filter") == Some(1);
    if cx.model.family == Family::Ipv6 || !strict {
        out.extend(look(cx).ok().flatten());
    }
}

fn look(cx: &Cx<'_>) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((table, _))) = (cx.space(), cx.model.table("filter")) else { return Ok(None) };
    let trusted = inner(cx);
    let mut rules = cx.model.rules().filter(|(id, placed)| {
        let asked = &placed.conditions;
        let inside = |set: &Set| set.is_within(&trusted);
        id.table == table
            && asked.outcome == Outcome::Accept
            && asked.set(&Key::Iif).is_none()
            && asked.set(&Key::Source).is_some_and(inside)
    });
    let Some(first) = rules.next() else { return Ok(None) };
    let outer = outer(cx);
    if outer == Set::default() {
        return Ok(None);
    }
    let packets = space.and(space.set(&Key::Iif, &outer), space.state(&[NEW]));
    let mut found: Vec<(RuleId, &Placed, Region)> = Vec::new();
    for (id, placed) in std::iter::once(first).chain(rules).take(RULES) {
        let forged = space.and(space.judged(id), packets);
        if !space.is_empty(forged)? {
            found.push((id, placed, forged));
        }
    }
    let Some(&(id, placed, forged)) = found.first() else { return Ok(None) };
    let mut networks: Vec<String> = found.iter().filter_map(|(_, placed, _)| source(cx, placed)).collect();
    let mut seen = HashSet::new();
    networks.retain(|network| seen.insert(network.clone()));
    let more = networks.len().saturating_sub(SHOWN);
    networks.truncate(SHOWN);
    let mut claimed = if networks.is_empty() { "an inner address".to_owned() } else { networks.join(", ") };
    if more > 0 {
        claimed.push_str(&format!(" and {more} more"));
    }
    let example = cx.example("accepted", forged)?;
    let mut diagnostic = Diagnostic::new(
        codes::SPOOFABLE_SOURCE_TRUST,
        Severity::Info,
        placed.span,
        format!("packets that claim {claimed} are trusted on every interface"),
    )
    .help(format!("bind the rule to the inside interface, or rely on rp_filter and say so in rfw.toml{example}"));
    for (_, other, _) in found.iter().skip(1).take(SHOWN) {
        diagnostic = diagnostic.also(other.span, "trusts a source too");
    }
    Ok(Some(Finding::about(diagnostic, cx.model, id).shows(cx, example.packet())))
}

/// Private addresses, and those of inner interfaces.
fn inner(cx: &Cx<'_>) -> Set {
    let private: &[(u128, u128)] = match cx.model.family {
        // RFC 1918, RFC 6598.
        Family::Ipv4 => &[
            (0x0a00_0000, 0x0aff_ffff),
            (0x6440_0000, 0x647f_ffff),
            (0xac10_0000, 0xac1f_ffff),
            (0xc0a8_0000, 0xc0a8_ffff),
        ],
        // RFC 4193.
        Family::Ipv6 => &[(0xfc00 << 112, (0xfe00 << 112) - 1)],
    };
    let known = cx.facts.interfaces.values().filter(|i| !matches!(i.zone, None | Some(Zone::Wan)));
    let known = known.flat_map(|i| &i.addresses).filter_map(|net| addresses(net, cx.model.family));
    let known: Vec<Set> = known.collect();
    Set::union(private.iter().copied().chain(known.iter().flat_map(|set| set.intervals().iter().copied())))
}

/// Interfaces to the world.
fn outer(cx: &Cx<'_>) -> Set {
    let told = cx.facts.interfaces.iter().filter(|(_, known)| known.zone == Some(Zone::Wan));
    let mut all: Vec<(u128, u128)> =
        told.flat_map(|(name, _)| interface_names(name).intervals().to_vec()).collect();
    for (_, placed) in cx.model.rules() {
        let asked = &placed.conditions;
        for key in [Key::Iif, Key::Oif] {
            // What is asked for by name, not what is left out.
            let Some(&[(low, high)]) = asked.set(&key).map(Set::intervals) else { continue };
            let name: Vec<u8> = low.to_be_bytes().into_iter().take_while(|&b| b != 0).collect();
            let dial = OUTER.iter().any(|start| name.starts_with(start.as_bytes()));
            let hides = key == Key::Oif && !name.is_empty() && asked.effects().iter().any(|item| {
                matches!(item, rfw_nft::predicate::Item::Masq { .. })
            });
            if dial || hides {
                all.push((low, high));
            }
        }
    }
    Set::union(all)
}

/// The network that a rule names.
fn source(cx: &Cx<'_>, placed: &Placed) -> Option<String> {
    let text = String::from_utf8_lossy(cx.source.slice(placed.span)).into_owned();
    let mut words = text.split_ascii_whitespace();
    words.find(|word| matches!(*word, "-s" | "--source" | "--src"))?;
    words.next().map(str::to_owned)
}
