//! Elements of ipsets, as `ipset save` and people write them.

use std::net::IpAddr;

use rfw_nft::Family;
use rfw_space::{Key, Set, interface};

use crate::conditions::Lookup;
use crate::facts::IpSet;
use crate::fields::number;

/// One part of what a type of sets has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// An address, or each of several.
    Address,
    /// A network.
    Network,
    /// A protocol and its port.
    Port,
    /// An interface.
    Interface,
}

/// A type of sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    parts: &'static [Part],
    /// `bitmap:port`: any of TCP and UDP.
    bare_ports: bool,
    /// How many bits of an address count.
    netmask: Option<u32>,
    /// Elements without a timeout of their own have one.
    timed: bool,
}

/// What of a packet one element is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    parts: Vec<Value>,
    /// It excepts its network from a wider one.
    pub(super) nomatch: bool,
    /// It goes by itself.
    pub(super) timed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    /// Addresses, and the length of the prefix if they are a network.
    Addresses(Set, u32),
    /// Protocols, and ports or type and code where they have them.
    Port {
        protocols: Set,
        ports: Option<Set>,
        icmp: bool,
    },
    Interface(Set),
}

/// A field by itself, and others.
pub(super) type Fields = (Key, Set, Vec<(Key, Set)>);

impl Kind {
    /// The type of a set, if it and all that counts of its options is known.
    pub(super) fn of(set: &IpSet) -> Option<Self> {
        use Part::{Address, Interface, Network, Port};
        let parts: &'static [Part] = match set.kind.as_str() {
            "hash:ip" | "bitmap:ip" => &[Address],
            "hash:net" => &[Network],
            "hash:ip,port" => &[Address, Port],
            "hash:net,port" => &[Network, Port],
            "hash:ip,port,ip" => &[Address, Port, Address],
            "hash:ip,port,net" => &[Address, Port, Network],
            "hash:net,net" => &[Network, Network],
            "hash:net,port,net" => &[Network, Port, Network],
            "hash:net,iface" => &[Network, Interface],
            "bitmap:port" => &[Port],
            _ => return None,
        };
        let mut kind = Self { parts, bare_ports: set.kind == "bitmap:port", netmask: None, timed: false };
        let mut words = set.options.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "family" | "hashsize" | "maxelem" | "bucketsize" | "initval" | "range" | "size" => {
                    words.next()?;
                }
                "counters" | "comment" | "skbinfo" | "forceadd" | "-exist" | "-!" => {}
                "timeout" => kind.timed = words.next()?.parse::<u32>().ok()? > 0,
                "netmask" if parts == [Address] => kind.netmask = Some(words.next()?.parse().ok()?),
                _ => return None,
            }
        }
        Some(kind)
    }

    /// What its elements have.
    pub(super) fn parts(&self) -> &'static [Part] {
        self.parts
    }

    /// Whether its elements are of one address family.
    pub(super) fn has_family(&self) -> bool {
        !self.bare_ports
    }
}

impl Element {
    /// An element with its options; several for a range that is no network. `None` for one that is not understood.
    pub(super) fn parse(entry: &str, kind: &Kind, family: Family) -> Option<Vec<Self>> {
        let (element, options) = entry.split_once(' ').unwrap_or((entry, ""));
        let (nomatch, timed) = options_of(options, kind)?;
        let words: Vec<&str> = element.split(',').collect();
        if words.len() != kind.parts.len() {
            return None;
        }
        let mut all = vec![Vec::new()];
        for (part, word) in kind.parts.iter().zip(words) {
            let values = match part {
                Part::Address => vec![addresses(word, kind.netmask, family)?],
                Part::Network => networks(word, family)?,
                Part::Port if kind.bare_ports => vec![ports(Set::union([(6, 6), (17, 17)]), word)?],
                Part::Port => vec![port(word)?],
                Part::Interface => vec![device(word)?],
            };
            let more = |begin: &Vec<Value>| -> Vec<Vec<Value>> {
                values.iter().map(|value| [begin.as_slice(), std::slice::from_ref(value)].concat()).collect()
            };
            all = all.iter().flat_map(more).collect();
        }
        Some(all.into_iter().map(|parts| Self { parts, nomatch, timed }).collect())
    }

    /// The length of the prefix of one part.
    pub(super) fn prefix(&self, part: usize) -> u32 {
        match self.parts.get(part) {
            Some(Value::Addresses(_, prefix)) => *prefix,
            _ => 0,
        }
    }

    /// The fields that it is about: that of one part by itself, then the others; `None` where no packet has all of it.
    pub(super) fn fields(&self, kind: Kind, lookup: &Lookup, first: usize, apart: bool) -> Option<Fields> {
        let mut all: Vec<(Key, Set)> = Vec::new();
        let mut own = None;
        for (at, value) in self.parts.iter().enumerate() {
            let source = lookup.sources >> (at + 1) & 1 == 1;
            let either = |one: Key, other: Key| if source { one } else { other };
            let fields = match value {
                Value::Addresses(set, _) => vec![(either(Key::Source, Key::Destination), set.clone())],
                Value::Interface(set) => vec![(either(Key::Iif, Key::Oif), set.clone())],
                Value::Port { protocols, ports, icmp } => {
                    let key =
                        if *icmp { Key::SourcePort } else { either(Key::SourcePort, Key::DestinationPort) };
                    let protocol = (Key::Protocol, protocols.clone());
                    ports.iter().map(|set| (key.clone(), set.clone())).chain([protocol]).collect()
                }
            };
            for (key, set) in fields {
                if at == first && own.is_none() {
                    own = Some((key, set));
                    continue;
                }
                match all.iter_mut().find(|(have, _)| *have == key) {
                    Some((_, have)) => *have = have.meet(&set),
                    None => all.push((key, set)),
                }
            }
        }
        let (key, mut set) = own?;
        debug_assert_eq!(self.parts.len(), kind.parts.len());
        // Asked of the same field twice, the one that is by itself has both; not where its prefix decides.
        if let Some(at) = all.iter().position(|(have, _)| *have == key).filter(|_| !apart) {
            set = set.meet(&all.remove(at).1);
        }
        Some((key, set, all))
    }
}

/// Whether an element excepts, and whether it goes by itself.
fn options_of(text: &str, kind: &Kind) -> Option<(bool, bool)> {
    let (mut nomatch, mut timed) = (false, kind.timed);
    let mut words = text.split_ascii_whitespace();
    while let Some(word) = words.next() {
        match word {
            "nomatch" if kind.parts.contains(&Part::Network) => nomatch = true,
            "timeout" => timed = words.next()?.parse::<u32>().ok()? > 0,
            "packets" | "bytes" | "skbmark" | "skbprio" | "skbqueue" => {
                words.next()?;
            }
            "comment" => {
                let begin = words.next()?;
                let quoted = begin.starts_with('"') && (begin.len() == 1 || !begin.ends_with('"'));
                if quoted && !words.by_ref().any(|word| word.ends_with('"')) {
                    return None;
                }
            }
            "-exist" | "-!" => {}
            _ => return None,
        }
    }
    Some((nomatch, timed))
}

fn address(word: &str, family: Family) -> Option<u128> {
    match (word.parse().ok()?, family) {
        (IpAddr::V4(a), Family::Ipv4) => number(&a.octets()),
        (IpAddr::V6(a), Family::Ipv6) => number(&a.octets()),
        _ => None,
    }
}

/// `a`, `a/p`, `a-b`: the first, the last, and the length of the prefix unless it is a range.
fn interval(word: &str, family: Family) -> Option<(u128, u128, Option<u32>)> {
    let width = u32::try_from(family.address_len() * 8).ok()?;
    if let Some((low, high)) = word.split_once('-') {
        let (low, high) = (address(low, family)?, address(high, family)?);
        return (low <= high).then_some((low, high, None));
    }
    let (word, prefix) = match word.split_once('/') {
        Some((word, prefix)) => (word, prefix.parse().ok().filter(|&p: &u32| p <= width)?),
        None => (word, width),
    };
    let free = free(width - prefix);
    let low = address(word, family)? & !free;
    Some((low, low | free, Some(prefix)))
}

/// So many low bits.
fn free(bits: u32) -> u128 {
    1u128.checked_shl(bits).map_or(u128::MAX, |n| n - 1)
}

fn addresses(word: &str, netmask: Option<u32>, family: Family) -> Option<Value> {
    let (low, high, _) = interval(word, family)?;
    let width = u32::try_from(family.address_len() * 8).ok()?;
    let free = free(width.checked_sub(netmask.unwrap_or(width))?);
    Some(Value::Addresses(Set::range(low & !free, high | free), 0))
}

/// The networks of a word: a range is made of several.
fn networks(word: &str, family: Family) -> Option<Vec<Value>> {
    let (low, high, prefix) = interval(word, family)?;
    if let Some(prefix) = prefix {
        return Some(vec![Value::Addresses(Set::range(low, high), prefix)]);
    }
    let width = u32::try_from(family.address_len() * 8).ok()?;
    let (mut found, mut next) = (Vec::new(), Some(low));
    while let Some(low) = next.filter(|&low| low <= high) {
        let fits = |bits: u32| low & free(bits) == 0 && low | free(bits) <= high;
        let bits = (0..=width).take_while(|&bits| fits(bits)).last()?;
        found.push(Value::Addresses(Set::range(low, low | free(bits)), width - bits));
        next = (low | free(bits)).checked_add(1);
    }
    Some(found)
}

/// Protocols by the names that ipset writes; those with ports have them in the first four bytes of their header.
const PROTOCOLS: [(&str, u8); 12] = [
    ("tcp", 6),
    ("udp", 17),
    ("sctp", 132),
    ("udplite", 136),
    ("icmp", 1),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("dccp", 33),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ospf", 89),
];

/// Types and codes of ICMP that ipset 7.17 writes by name.
const ICMP: [(&str, u8, u8); 32] = [
    ("echo-reply", 0, 0),
    ("network-unreachable", 3, 0),
    ("host-unreachable", 3, 1),
    ("protocol-unreachable", 3, 2),
    ("port-unreachable", 3, 3),
    ("fragmentation-needed", 3, 4),
    ("source-route-failed", 3, 5),
    ("network-unknown", 3, 6),
    ("host-unknown", 3, 7),
    ("network-prohibited", 3, 9),
    ("host-prohibited", 3, 10),
    ("TOS-network-unreachable", 3, 11),
    ("TOS-host-unreachable", 3, 12),
    ("communication-prohibited", 3, 13),
    ("host-precedence-violation", 3, 14),
    ("precedence-cutoff", 3, 15),
    ("source-quench", 4, 0),
    ("network-redirect", 5, 0),
    ("host-redirect", 5, 1),
    ("TOS-network-redirect", 5, 2),
    ("TOS-host-redirect", 5, 3),
    ("echo-request", 8, 0),
    ("router-advertisement", 9, 0),
    ("router-solicitation", 10, 0),
    ("ttl-zero-during-transit", 11, 0),
    ("ttl-zero-during-reassembly", 11, 1),
    ("ip-header-bad", 12, 0),
    ("required-option-missing", 12, 1),
    ("timestamp-request", 13, 0),
    ("timestamp-reply", 14, 0),
    ("address-mask-request", 17, 0),
    ("address-mask-reply", 18, 0),
];
/// The same of ICMPv6.
const ICMPV6: [(&str, u8, u8); 17] = [
    ("no-route", 1, 0),
    ("communication-prohibited", 1, 1),
    ("address-unreachable", 1, 3),
    ("port-unreachable", 1, 4),
    ("packet-too-big", 2, 0),
    ("ttl-zero-during-transit", 3, 0),
    ("ttl-zero-during-reassembly", 3, 1),
    ("bad-header", 4, 0),
    ("unknown-header-type", 4, 1),
    ("unknown-option", 4, 2),
    ("echo-request", 128, 0),
    ("echo-reply", 129, 0),
    ("router-solicitation", 133, 0),
    ("router-advertisement", 134, 0),
    ("neighbour-solicitation", 135, 0),
    ("neighbour-advertisement", 136, 0),
    ("redirect", 137, 0),
];

/// `tcp:80`, `80-90`, `icmp:8/0`, `icmp:echo-request`, `gre:0`.
fn port(word: &str) -> Option<Value> {
    let (protocol, rest) = word.split_once(':').unwrap_or(("tcp", word));
    let number = match PROTOCOLS.iter().find(|(name, _)| *name == protocol) {
        Some((_, number)) => *number,
        None => protocol.parse().ok()?,
    };
    let protocols = Set::one(number.into());
    match number {
        0 => None,
        6 | 17 | 132 | 136 => ports(protocols, rest),
        1 => icmp(protocols, rest, &ICMP),
        58 => icmp(protocols, rest, &ICMPV6),
        // The others have no port as far as ipset knows.
        _ => (rest == "0").then_some(Value::Port { protocols, ports: None, icmp: false }),
    }
}

fn ports(protocols: Set, word: &str) -> Option<Value> {
    let (low, high) = word.split_once('-').unwrap_or((word, word));
    let (low, high): (u16, u16) = (low.parse().ok()?, high.parse().ok()?);
    let ports = Some(Set::range(low.into(), high.into()));
    (low <= high).then_some(Value::Port { protocols, ports, icmp: false })
}

fn icmp(protocols: Set, word: &str, names: &[(&str, u8, u8)]) -> Option<Value> {
    let (kind, code): (u8, u8) = match names.iter().find(|(name, ..)| *name == word) {
        Some(&(_, kind, code)) => (kind, code),
        None => {
            let (kind, code) = word.split_once('/')?;
            (kind.parse().ok()?, code.parse().ok()?)
        }
    };
    let ports = Some(Set::one(u128::from(kind) << 8 | u128::from(code)));
    Some(Value::Port { protocols, ports, icmp: true })
}

fn device(word: &str) -> Option<Value> {
    let plain = !word.is_empty() && word.len() < 16 && !word.contains([':', '"', '*', '+']);
    plain.then(|| Value::Interface(interface(word)))
}
