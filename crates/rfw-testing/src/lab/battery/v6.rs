//! The IPv6 battery.

use std::net::Ipv6Addr;

use super::{Action, Probe, SPORT, answered, at, conversation, probe, sends};
use crate::lab::Host::{Client, Inside, Router};
use crate::lab::addresses::{
    CLIENT_2_V6 as CLIENT_2, CLIENT_V6 as CLIENT, INSIDE_2_V6 as INSIDE_2, INSIDE_V6 as INSIDE,
    ROUTER_V6 as ROUTER,
};
use crate::lab::packet::{Packet, flag, protocol};

/// Extension header numbers (IANA).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;

/// An options header of 8 bytes without its first byte: length 0, one PadN option of 4 bytes.
const PADDING: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];

fn udp(port: u16) -> Packet {
    Packet::udp(at(CLIENT, SPORT), at(ROUTER, port)).data(b"battery")
}

fn tcp(port: u16) -> Packet {
    Packet::tcp(at(CLIENT, SPORT), at(ROUTER, port))
}

fn through(port: u16) -> Packet {
    Packet::udp(at(CLIENT, SPORT), at(INSIDE, port)).data(b"battery")
}

fn icmp(kind: u8, code: u8) -> Packet {
    Packet::icmp(CLIENT, ROUTER, kind, code, [0, 0, 5, 0])
}

/// The IPv6 battery.
#[must_use]
pub fn battery_v6() -> Vec<Probe> {
    [basics(), extensions(), icmpv6(), states(), limits(), targets()].concat()
}

fn basics() -> Vec<Probe> {
    vec![
        sends("sources", vec![udp(3001), Packet::udp(at(CLIENT_2, SPORT), at(ROUTER, 3001))]),
        sends("through the router", vec![through(3002), Packet::udp(at(CLIENT, SPORT), at(INSIDE_2, 3002))]),
        sends("tcp ports", [2000, 2001, 2010, 2011].map(tcp).to_vec()),
        sends(
            "tcp flags",
            vec![tcp(2020).flags(flag::ACK), tcp(2021).flags(flag::SYN | flag::FIN), tcp(2022).flags(0)],
        ),
        sends("cut headers", vec![tcp(2023).cut(10), udp(3003).cut(5)]),
        sends("hop limits", [1, 5, 9, 65, 255].map(|hops| udp(3020).ttl(hops)).to_vec()),
        sends("traffic classes", vec![udp(3021).tos(0x10), udp(3021).tos(0xb8), udp(3021).tos(0x03)]),
        sends("lengths", vec![udp(3024).data(b""), udp(3024).data(&[b'x'; 100])]),
        sends("payload string", vec![udp(3025).data(b"hay needle hay"), udp(3025).data(b"hay")]),
        sends(
            "multicast",
            vec![Packet::udp(at(CLIENT, 5353), at(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), 5353)).ttl(1)],
        ),
        sends("maximum segment size", vec![tcp(2028).options(&[2, 4, 5, 160])]),
        sends(
            "sctp and gre",
            vec![
                Packet::other(CLIENT, ROUTER, protocol::SCTP, vec![0; 16]),
                Packet::other(CLIENT, ROUTER, protocol::GRE, vec![0, 0, 8, 0]),
            ],
        ),
        sends("esp", vec![Packet::other(CLIENT, ROUTER, protocol::ESP, vec![0, 0, 5, 0xdc, 0, 0, 0, 1])]),
    ]
}

fn extensions() -> Vec<Probe> {
    let segments_left = |left: u8| [&[2, 2, left, 0, 0, 0, 0][..], &[0; 16]].concat();
    // RFC 8754, 2: two segments, so many left; a tag.
    let segments = |left: u8, tag: u8| [&[4, 4, left, 1, 0, 0, tag][..], &[0; 32]].concat();
    vec![
        sends("hop-by-hop options", vec![udp(3030).extension(HOP_BY_HOP, &PADDING)]),
        sends("destination options", vec![udp(3031).extension(DESTINATION, &PADDING)]),
        sends(
            "both kinds of options",
            vec![udp(3032).extension(HOP_BY_HOP, &PADDING).extension(DESTINATION, &PADDING)],
        ),
        sends("routing header", vec![udp(3033).extension(ROUTING, &segments_left(0))]),
        sends("atomic fragment", vec![udp(3034).extension(FRAGMENT, &[0, 0, 0, 0, 0, 0, 9])]),
        sends(
            "first fragment only",
            vec![udp(3035).data(&[b'f'; 16]).extension(FRAGMENT, &[0, 0, 1, 0, 0, 0, 10])],
        ),
        sends(
            "segment routing header",
            vec![
                udp(3037).extension(ROUTING, &segments(1, 7)),
                udp(3037).extension(ROUTING, &segments(0, 8)),
            ],
        ),
        sends(
            "mobility headers",
            [1, 2, 5, 6]
                .map(|kind| Packet::other(CLIENT, ROUTER, MOBILITY, vec![59, 0, kind, 0, 0, 0, 0, 0]))
                .to_vec(),
        ),
        sends("no next header", vec![Packet::other(CLIENT, ROUTER, 59, Vec::new())]),
        sends(
            "authentication header",
            vec![udp(3036).extension(
                protocol::AH,
                &[4, 0, 0, 0, 0, 1, 0xf4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            )],
        ),
    ]
}

fn icmpv6() -> Vec<Probe> {
    let inner = Packet::udp(at(ROUTER, 3998), at(CLIENT, 3999)).to_bytes();
    vec![
        sends(
            "errors for no connection",
            vec![
                icmp(1, 4).data(&inner),
                icmp(2, 0).data(&inner),
                icmp(3, 0).data(&inner),
                icmp(4, 1).data(&inner),
            ],
        ),
        sends("echo reply nobody asked for", vec![icmp(129, 0)]),
        sends("unknown type", vec![icmp(200, 3)]),
        probe("pings", (1..=4).map(|n| Action::Ping(Client, ROUTER.into(), n)).collect()),
        probe("ping through the router", vec![Action::Ping(Client, INSIDE.into(), 9)]),
    ]
}

fn states() -> Vec<Probe> {
    let related = Packet::icmp(INSIDE, CLIENT, 1, 3, [0; 4]).data(&through(3101).to_bytes());
    vec![
        answered("udp answered", Router, at(CLIENT, 3140), at(ROUTER, 3040)),
        conversation("tcp through the router", Inside, at(CLIENT, 2201), at(INSIDE, 2101), &["hello"]),
        probe("tcp refused", vec![Action::Connect(Client, at(CLIENT, 2202), at(ROUTER, 2102))]),
        probe(
            "icmp error of a known flow",
            vec![Action::Send(Client, through(3101)), Action::Send(Inside, related)],
        ),
    ]
}

fn limits() -> Vec<Probe> {
    vec![
        sends("limit", vec![udp(4001); 6]),
        sends("every third", vec![udp(4002); 8]),
        sends("recent", vec![udp(4003); 4]),
        sends("hashlimit", vec![udp(4006); 4]),
        sends(
            "connections at a time",
            [1, 2, 3].map(|n| Packet::udp(at(CLIENT, 34000 + n), at(ROUTER, 4008))).to_vec(),
        ),
    ]
}

fn targets() -> Vec<Probe> {
    let asked = |port: u16| Action::AskUdp(Client, at(CLIENT, 3400 + port % 100), at(ROUTER, port), "hello");
    let from_router = Packet::udp(at(ROUTER, SPORT), at(CLIENT, 4302)).data(b"battery");
    vec![
        sends("marks", vec![udp(4200), through(4200)]),
        sends("hop limit changed", vec![udp(4203), udp(4204)]),
        sends("traffic class changed", vec![udp(4206)]),
        probe("output", vec![Action::Send(Router, from_router)]),
        probe(
            "destination",
            vec![
                Action::ListenUdp(Inside, at(INSIDE, 7101)),
                Action::AskUdp(Client, at(CLIENT, 5101), at(ROUTER, 7001), "who am I"),
            ],
        ),
        probe(
            "redirect",
            vec![
                Action::ListenUdp(Router, at(Ipv6Addr::UNSPECIFIED, 7103)),
                Action::AskUdp(Client, at(CLIENT, 5103), at(ROUTER, 7003), "who am I"),
            ],
        ),
        probe(
            "masquerade",
            vec![
                Action::ListenUdp(Client, at(CLIENT, 7204)),
                Action::AskUdp(Inside, at(INSIDE, 5004), at(CLIENT, 7204), "who am I"),
            ],
        ),
        probe(
            "rejected",
            vec![Action::Connect(Client, at(CLIENT, 2401), at(ROUTER, 6001)), asked(6003), asked(6004)],
        ),
        // The address that the client's hardware address makes; to a port that answers nothing, for nobody has it.
        sends(
            "hardware address",
            vec![Packet::udp(
                at(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0xff, 0xfe00, 0x10), SPORT),
                at(ROUTER, 6005),
            )],
        ),
        probe("dropped", vec![asked(6005)]),
    ]
}
