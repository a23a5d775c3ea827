//! Crafted packets for what looks into a header.

use std::net::Ipv4Addr;

use super::{tcp, tcp_through, udp, udp_2, udp_through};
use crate::lab::Host::{Inside, Router};
use crate::lab::addresses::{BROADCAST, CLIENT, INSIDE, INSIDE_2, ROUTER};
use crate::lab::battery::{Action, Probe, SPORT, at, probe, sends};
use crate::lab::packet::{Packet, flag, protocol};

pub(super) fn probes() -> Vec<Probe> {
    [selectors(), tcp_fields(), udp_and_icmp(), other_protocols(), fields(), addresses()].concat()
}

fn selectors() -> Vec<Probe> {
    vec![
        sends("first source", vec![udp(3001)]),
        sends("second source", vec![udp_2(3001)]),
        sends("through the router", vec![udp_through(3002), tcp_through(2002)]),
        probe(
            "from the inside",
            vec![Action::Send(Inside, Packet::udp(at(INSIDE, SPORT), at(CLIENT, 3003)).data(b"out"))],
        ),
        probe(
            "loopback",
            vec![Action::Send(
                Router,
                Packet::udp(at(Ipv4Addr::LOCALHOST, SPORT), at(Ipv4Addr::LOCALHOST, 3004)),
            )],
        ),
    ]
}

fn tcp_fields() -> Vec<Probe> {
    let one = flag::ACK | flag::PSH;
    vec![
        sends(
            "syn to ports in and out of ranges",
            [2000, 2001, 2003, 2010, 2011, 1023, 1024, 4242].map(tcp).to_vec(),
        ),
        sends(
            "low source port",
            vec![
                Packet::tcp(at(CLIENT, 512), at(ROUTER, 2001)),
                Packet::tcp(at(CLIENT, 513), at(ROUTER, 2001)),
            ],
        ),
        sends("ack out of the blue", vec![tcp(2020).flags(flag::ACK).numbers(5000, 6000)]),
        sends("data out of the blue", vec![tcp(2021).flags(one).numbers(5000, 6000).data(b"hello")]),
        sends("syn and fin", vec![tcp(2022).flags(flag::SYN | flag::FIN)]),
        sends("no flags", vec![tcp(2023).flags(0)]),
        sends("christmas tree", vec![tcp(2024).flags(flag::FIN | flag::PSH | flag::URG)]),
        sends("reset", vec![tcp(2025).flags(flag::RST)]),
        sends("fin alone", vec![tcp(2026).flags(flag::FIN)]),
        sends("syn and ack out of the blue", vec![tcp(2027).flags(flag::SYN | flag::ACK)]),
        sends("maximum segment size 1460", vec![tcp(2028).options(&[2, 4, 5, 180])]),
        sends("maximum segment size 536", vec![tcp(2028).options(&[2, 4, 2, 24])]),
        sends("timestamps option", vec![tcp(2029).options(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0])]),
        sends(
            "congestion flags",
            vec![tcp(2030).flags(flag::SYN | flag::CWR | flag::ECE), tcp(2031).flags(flag::SYN | flag::ECE)],
        ),
        sends("cut inside the tcp header", vec![tcp(2032).cut(10)]),
        sends(
            "tcp header length beyond the packet",
            vec![Packet::other(
                CLIENT,
                ROUTER,
                protocol::TCP,
                vec![0x80, 0xe8, 0x07, 0xd1, 0, 0, 0, 1, 0, 0, 0, 0, 0xf0, 2, 0, 0, 0, 0, 0, 0],
            )],
        ),
    ]
}

fn udp_and_icmp() -> Vec<Probe> {
    let unreachable = |code: u8, port: u16| {
        let inner = Packet::udp(at(ROUTER, port), at(CLIENT, 3999)).to_bytes();
        Packet::icmp(CLIENT, ROUTER, 3, code, [0, 0, 5, 0]).data(&inner)
    };
    vec![
        sends(
            "udp source port",
            vec![
                Packet::udp(at(CLIENT, 5353), at(ROUTER, 5353)),
                Packet::udp(at(CLIENT, 53), at(ROUTER, 3010)),
            ],
        ),
        sends("udp ports at the edges", [2999, 3000, 3010, 3011].map(udp).to_vec()),
        sends("cut inside the udp header", vec![udp(3001).cut(6)]),
        sends("udp header alone", vec![Packet::udp(at(CLIENT, SPORT), at(ROUTER, 3001))]),
        sends(
            "udp-lite",
            vec![Packet::other(CLIENT, ROUTER, protocol::UDPLITE, vec![0x80, 0xe8, 0, 53, 0, 8, 0, 0])],
        ),
        sends("echo reply nobody asked for", vec![Packet::icmp(CLIENT, ROUTER, 0, 0, [1, 2, 0, 1])]),
        sends(
            "timestamp and mask requests",
            vec![
                Packet::icmp(CLIENT, ROUTER, 13, 0, [1, 2, 0, 1]).data(&[0; 12]),
                Packet::icmp(CLIENT, ROUTER, 17, 0, [1, 2, 0, 1]).data(&[0; 4]),
            ],
        ),
        sends("unreachable for no connection", vec![unreachable(4, 3998), unreachable(3, 3998)]),
        sends(
            "time exceeded for no connection",
            vec![
                Packet::icmp(CLIENT, ROUTER, 11, 0, [0; 4])
                    .data(&Packet::udp(at(ROUTER, 3997), at(CLIENT, 3999)).to_bytes()),
            ],
        ),
        sends("cut icmp", vec![Packet::icmp(CLIENT, ROUTER, 8, 0, [0; 4]).cut(3)]),
        sends("unknown icmp type", vec![Packet::icmp(CLIENT, ROUTER, 42, 1, [0; 4])]),
    ]
}

fn other_protocols() -> Vec<Probe> {
    let other = |number: u8, bytes: &[u8]| Packet::other(CLIENT, ROUTER, number, bytes.to_vec());
    let sctp = |port: u16, chunk: &[u8]| {
        let mut bytes = [1234u16.to_be_bytes(), port.to_be_bytes()].concat();
        bytes.extend_from_slice(&[0; 8]); // tag and checksum
        bytes.extend_from_slice(chunk);
        other(protocol::SCTP, &bytes)
    };
    let init = [1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 4, 0, 0, 1, 0, 1, 0, 0, 0, 1];
    let dccp_request = [0x13, 0x88, 0x13, 0x89, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    vec![
        sends("sctp init", vec![sctp(2905, &init), sctp(2906, &init)]),
        sends("sctp data", vec![sctp(2905, &[0, 3, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])]),
        sends("dccp request", vec![other(protocol::DCCP, &dccp_request)]),
        sends("gre", vec![other(protocol::GRE, &[0, 0, 8, 0])]),
        sends(
            "esp",
            vec![
                other(protocol::ESP, &[0, 0, 5, 0xdc, 0, 0, 0, 1]),
                other(protocol::ESP, &[0, 0, 9, 0, 0, 0, 0, 1]),
            ],
        ),
        sends("ah", vec![other(protocol::AH, &[17, 4, 0, 0, 0, 0, 1, 0xf4, 0, 0, 0, 1, 0, 0, 0, 0])]),
        sends("ipcomp", vec![other(protocol::IPCOMP, &[17, 0, 0, 7, 1, 2, 3, 4])]),
        sends("experimental protocol", vec![other(253, b"rfw")]),
    ]
}

fn fields() -> Vec<Probe> {
    let long = [b'x'; 600];
    vec![
        sends("time to live", [1, 5, 9, 10, 65, 255].map(|ttl| udp(3020).ttl(ttl)).to_vec()),
        sends("type of service", vec![udp(3021).tos(0x10), udp(3021).tos(0x12), udp(3021).tos(0x08)]),
        sends("expedited forwarding", vec![udp(3022).tos(0xb8)]),
        sends("ecn capable", vec![udp(3023).tos(0x01), udp(3023).tos(0x02), udp(3023).tos(0x03)]),
        sends(
            "lengths",
            vec![
                udp(3024).data(b""),
                udp(3024).data(&[b'x'; 12]),
                udp(3024).data(&[b'x'; 32]),
                udp(3024).data(&[b'x'; 33]),
                udp(3024).data(&long),
            ],
        ),
        sends(
            "payload string",
            vec![
                udp(3025).data(b"hay needle hay"),
                udp(3025).data(b"hay NeEdLe hay"),
                udp(3025).data(b"hay hay"),
            ],
        ),
        sends(
            "payload string far in",
            vec![
                udp(3026).data(&[&long[..64], b"needle"].concat()),
                udp(3026).data(&[&long[..17], b"needle"].concat()),
            ],
        ),
        sends("payload bytes", vec![udp(3027).data(&[0x00, 0xff, b'x', b'*'])]),
        sends("ip options", vec![udp(3028).ip_options(&[1, 1, 1, 0])]),
        sends("fragments", {
            let first = udp(3029).data(&[b'f'; 16]).fragment(0, true);
            // The whole is 8 + 24 bytes; the header of the first part says 24, which is what makes it odd.
            let second = Packet::other(CLIENT, ROUTER, protocol::UDP, vec![b'g'; 8]).fragment(24, false);
            vec![first, second]
        }),
        sends(
            "lone last fragment",
            vec![Packet::other(CLIENT, ROUTER, protocol::UDP, vec![b'g'; 8]).fragment(64, false).tos(4)],
        ),
    ]
}

fn addresses() -> Vec<Probe> {
    let group = Ipv4Addr::new(224, 0, 0, 251);
    vec![
        sends("broadcast", vec![Packet::udp(at(CLIENT, SPORT), at(BROADCAST, 3030))]),
        sends("limited broadcast", vec![Packet::udp(at(CLIENT, SPORT), at(Ipv4Addr::BROADCAST, 3031))]),
        sends("multicast", vec![Packet::udp(at(CLIENT, 5353), at(group, 5353)).ttl(1)]),
        sends("spoofed inside source", vec![Packet::udp(at(INSIDE, SPORT), at(ROUTER, 3032))]),
        sends("second inside host", vec![Packet::udp(at(CLIENT, SPORT), at(INSIDE_2, 3033))]),
        sends(
            "inside host beyond the range",
            vec![Packet::udp(at(CLIENT, SPORT), at(Ipv4Addr::new(192, 168, 1, 2), 3034))],
        ),
    ]
}
