//! What the host's own addresses say of how packets are routed: which destinations come to INPUT and which to FORWARD, and
//! which sources OUTPUT has.
//!
//! That an address is the host's own is enough to know where packets to it go. That another is not needs all addresses: every
//! interface that the configuration or a rule names has one, and nothing diverts packets to local sockets.

use std::net::IpAddr;

use rfw_nft::Family;
use rfw_space::{Condition, Hook, Key, Literal, Set, interface};

use super::interest::{addresses, interface_names};
use crate::conditions::Outcome;
use crate::facts::Facts;
use crate::fields::number;
use crate::model::{Model, Placed};

/// Addresses by what the kernel does with packets to them.
struct Addresses {
    /// The host's own.
    own: Set,
    /// Delivered here whatever the routes say: loopback, limited broadcast.
    here: Set,
    /// Broadcast addresses of the networks the host is in.
    broadcast: Set,
    /// May be delivered here as well: the networks' first addresses, link-local ones, `0.0.0.0`.
    perhaps: Set,
    multicast: Set,
}

/// The TCP protocol.
const TCP: u128 = 6;

/// Conditions that hold for all packets at some hooks; none without addresses of the family.
pub(super) fn routing(model: &Model, facts: &Facts) -> Vec<(Hook, Condition)> {
    let Some(known) = Addresses::of(model.family, facts) else { return Vec::new() };
    let own = known.own.join(&known.here);
    let setting = |name: &str| {
        let family = if model.family == Family::Ipv4 { "ipv4" } else { "ipv6" };
        facts.sysctl_number(&format!("net.{family}.conf.all.{name}"))
    };
    let mut delivered = own.clone();
    if setting("mc_forwarding") == Some(0) {
        delivered = delivered.join(&known.multicast);
    }
    if setting("bc_forwarding").unwrap_or(0) == 0 {
        delivered = delivered.join(&known.broadcast);
    }
    let max = Key::Destination.limit(model.family);
    let to = |set: Set| Condition::always().with(Key::Destination, set);
    let mut found = vec![(Hook::Forward, to(delivered.complement(max)))];
    if !all_known(model, facts) || model.rules().any(|(id, rule)| diverts(model.tables[id.table].name, rule))
    {
        return found;
    }
    let any = [&known.broadcast, &known.perhaps, &known.multicast];
    found.push((Hook::Input, to(any.into_iter().fold(own.clone(), |all, more| all.join(more)))));
    // Virtual servers (ip_vs) send what they forward through OUTPUT.
    if !facts.modules.contains("ip_vs") {
        let mut from = Condition::always();
        let mut clause = vec![Literal::In(Key::Source, own.join(&known.perhaps))];
        // A reset is sent in the name of the one that was called.
        if model.rules().any(|(_, rule)| answers(rule)) {
            clause.push(Literal::In(Key::Protocol, Set::one(TCP)));
        }
        from.add(clause);
        found.push((Hook::Output, from));
    }
    found
}

/// The addresses that a translation to "this host" may give.
pub(super) fn own(model: &Model, facts: &Facts) -> Option<Set> {
    let known = Addresses::of(model.family, facts).filter(|_| all_known(model, facts))?;
    let loopback = if model.family == Family::Ipv4 { 0x7f00_0001 } else { 1 };
    Some(known.own.join(&Set::one(loopback)))
}

impl Addresses {
    fn of(family: Family, facts: &Facts) -> Option<Self> {
        let width = u32::try_from(family.address_len() * 8).unwrap_or(128);
        let value = |address: &IpAddr| match address {
            IpAddr::V4(a) if family == Family::Ipv4 => number(&a.octets()),
            IpAddr::V6(a) if family == Family::Ipv6 => number(&a.octets()),
            _ => None,
        };
        let (mut own, mut last, mut first) = (Vec::new(), Vec::new(), Vec::new());
        for known in facts.interfaces.values() {
            let networks = known.addresses.iter().filter_map(|net| addresses(net, family));
            let networks: Vec<Set> = networks.collect();
            for address in known.own.iter().filter_map(value) {
                own.push((address, address));
                for &(low, high) in networks.iter().filter(|n| n.contains(address)).flat_map(Set::intervals) {
                    // Networks of two addresses have no broadcast address (RFC 3021).
                    if high - low > 1 {
                        first.push((low, low));
                        last.extend((width == 32).then_some((high, high)));
                    }
                }
            }
        }
        if own.is_empty() {
            return None;
        }
        let (here, perhaps, multicast) = match family {
            Family::Ipv4 => (
                vec![(0x7f00_0000, 0x7fff_ffff), (0xffff_ffff, 0xffff_ffff)],
                vec![(0, 0)],
                (0xe000_0000, 0xefff_ffff),
            ),
            Family::Ipv6 => {
                let local = 0xfe80u128 << 112;
                let local = (local, local | ((1 << 118) - 1));
                (vec![(1, 1)], vec![(0, 0), local], (0xff << 120, u128::MAX))
            }
        };
        first.extend(perhaps);
        Some(Self {
            own: Set::union(own),
            here: Set::union(here),
            broadcast: Set::union(last),
            perhaps: Set::union(first),
            multicast: Set::range(multicast.0, multicast.1),
        })
    }
}

/// Whether every interface that anybody names has an address of the family.
fn all_known(model: &Model, facts: &Facts) -> bool {
    let of_family = |a: &IpAddr| a.is_ipv4() == (model.family == Family::Ipv4);
    let told = |(name, known): (&String, &crate::facts::Interface)| {
        name == "lo" || !name.ends_with('+') && known.own.iter().any(of_family)
    };
    if !facts.interfaces.iter().all(told) {
        return false;
    }
    let names = facts.interfaces.keys().map(|name| interface_names(name));
    // No interface has the last of these names; iptables compares with it to say "none".
    let known = names.chain([interface("lo"), interface("INVAL/D"), Set::one(0)]);
    let known = known.fold(Set::default(), |all, name| all.join(&name));
    let fits = |set: &Set| set.is_within(&known) || set.complement(u128::MAX).is_within(&known);
    model.rules().all(|(_, rule)| {
        let asked = [Key::Iif, Key::Oif].map(|key| rule.conditions.set(&key).is_none_or(fits));
        rule.conditions.outcome != Outcome::Unknown && asked == [true; 2]
    })
}

/// Whether a rule may give packets to a local socket that are for somebody else (TPROXY).
fn diverts(table: &str, rule: &Placed) -> bool {
    table == "mangle" && matches!(rule.conditions.outcome, Outcome::Ends | Outcome::Unknown)
}

/// Whether a rule may answer a packet in the name of its destination: REJECT with a reset, a proxy for SYN.
fn answers(rule: &Placed) -> bool {
    match rule.conditions.outcome {
        Outcome::Drop => !rule.conditions.effects().is_empty(),
        Outcome::Ends | Outcome::Unknown => true,
        _ => false,
    }
}
