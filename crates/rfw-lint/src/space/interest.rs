//! Values that checks ask about, besides those that rules name.

use rfw_nft::Family;
use rfw_space::{Interest, Key, Set, interface};
use rfw_values::AddrMask;

use crate::facts::Facts;
use crate::fields::number;
use crate::model::Model;

/// Ports that checks speak of by themselves: services of every kind, and where clients' ports begin and end
/// (`ip_local_port_range`).
const PORTS: &[u128] = &[
    17, 19, 20, 21, 22, 23, 25, 53, 67, 68, 69, 80, 110, 111, 123, 135, 137, 138, 139, 143, 161, 389, 443,
    445, 465, 500, 512, 513, 514, 546, 547, 587, 623, 631, 636, 853, 873, 993, 995, 1194, 1433, 1434, 1521,
    1720, 1723, 1900, 2049, 2222, 2375, 2376, 2379, 2380, 3128, 3260, 3306, 3389, 3702, 4500, 5000, 5060,
    5061, 5353, 5432, 5601, 5672, 5900, 5984, 5985, 6000, 6379, 6443, 6667, 8000, 8080, 8086, 8443, 8888,
    9000, 9090, 9092, 9100, 9200, 9300, 10000, 10080, 10250, 11211, 15672, 25565, 27017, 27018, 50000, 51820,
];

/// Networks of IPv4 that mean something: this host, private, shared, loopback, link-local, test, multicast, reserved.
const NETWORKS4: &[(u128, u32)] = &[
    (0x0000_0000, 8),
    (0x0a00_0000, 8),
    (0x6440_0000, 10),
    (0x7f00_0000, 8),
    (0xa9fe_0000, 16),
    (0xac10_0000, 12),
    (0xc000_0200, 24),
    (0xc0a8_0000, 16),
    (0xc633_6400, 24),
    (0xcb00_7100, 24),
    (0xe000_0000, 4),
    (0xf000_0000, 4),
    (0xffff_ffff, 32),
];

/// The same of IPv6, as the first 16 bits.
const NETWORKS6: &[(u128, u32)] = &[(0xfe80, 10), (0xfc00, 7), (0xff00, 8), (0x2000, 3)];

/// What questions may be about.
pub(crate) fn interest(model: &Model, facts: &Facts) -> Interest {
    let mut found = Interest::default();
    let mut both = |set: Set| {
        found.add(Key::Source, set.clone());
        found.add(Key::Destination, set);
    };
    match model.family {
        Family::Ipv4 => NETWORKS4.iter().for_each(|&(base, bits)| both(network(base, bits, 32))),
        Family::Ipv6 => {
            NETWORKS6.iter().for_each(|&(head, bits)| both(network(head << 112, bits, 128)));
            both(Set::one(0));
            both(Set::one(1));
            both(network(0x2001_0db8 << 96, 32, 128));
        }
    }
    let own = facts.interfaces.values().flat_map(|i| &i.addresses).chain(&facts.management.from);
    own.filter_map(|net| addresses(net, model.family)).for_each(both);
    for &port in PORTS {
        found.add(Key::DestinationPort, Set::one(port));
    }
    for service in facts.management.services.iter().chain(&facts.public_services) {
        found.add(Key::DestinationPort, Set::one(service.port.into()));
        found.add(Key::Protocol, Set::one(service.protocol.into()));
    }
    found.add(Key::DestinationPort, Set::range(32_768, 60_999));
    found.add(Key::DestinationPort, Set::range(0, 1023));
    // Types of ICMP, with any code.
    let types: &[u128] = match model.family {
        Family::Ipv4 => &[0, 3, 4, 5, 8, 11, 12],
        Family::Ipv6 => &[1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 143],
    };
    for kind in types {
        found.add(Key::SourcePort, Set::range(kind << 8, kind << 8 | 0xff));
    }
    found.add(Key::SourcePort, Set::one(3 << 8 | 4));
    for name in facts.interfaces.keys() {
        found.add(Key::Iif, interface_names(name));
    }
    found
}

/// The interfaces of a name; one that ends in `+` stands for all that begin so.
pub(crate) fn interface_names(name: &str) -> Set {
    let Some(beginning) = name.strip_suffix('+') else { return interface(name) };
    let low = interface(beginning).intervals().first().map_or(0, |i| i.0);
    let rest = 8 * u32::try_from(16 - beginning.len().min(15)).unwrap_or(0);
    Set::range(low, low | 1u128.checked_shl(rest).map_or(u128::MAX, |n| n - 1))
}

/// A network as a set, if it is of the family.
pub(crate) fn addresses(net: &AddrMask, family: Family) -> Option<Set> {
    let bytes = net.addr_bytes();
    let of_family = bytes.len() == family.address_len();
    let width = u32::try_from(bytes.len() * 8).unwrap_or(128);
    of_family.then_some(network(number(&bytes)?, net.prefix_len()?.into(), width))
}

fn network(address: u128, bits: u32, width: u32) -> Set {
    let free = 1u128.checked_shl(width - bits.min(width)).map_or(u128::MAX, |n| n - 1);
    let low = address & !free;
    Set::range(low, low | free)
}
