//! What takes more than one packet: states of connections, limits, targets, translation, verdicts.

use std::net::Ipv4Addr;

use super::{tcp, tcp_through, udp, udp_2, udp_through};
use crate::lab::Host::{Client, Inside, Router};
use crate::lab::addresses::{CLIENT, CLIENT_2, INSIDE, INSIDE_2, ROUTER};
use crate::lab::battery::{Action, Probe, SPORT, answered, at, conversation, probe, sends};
use crate::lab::packet::{Packet, flag};

pub(super) fn probes() -> Vec<Probe> {
    [states(), limits(), targets(), nat(), verdicts()].concat()
}

/// Flows with answers, so that every state of connection tracking is seen in both directions.
fn states() -> Vec<Probe> {
    let related = {
        let inner = udp_through(3101).to_bytes();
        Packet::icmp(INSIDE, CLIENT, 3, 1, [0; 4]).data(&inner)
    };
    vec![
        answered("udp answered", Router, at(CLIENT, 3140), at(ROUTER, 3040)),
        answered("udp answered through the router", Inside, at(CLIENT_2, 3141), at(INSIDE, 3041)),
        conversation("tcp connection to the router", Router, at(CLIENT, 2200), at(ROUTER, 2100), &["hello"]),
        conversation(
            "tcp connection through the router",
            Inside,
            at(CLIENT, 2201),
            at(INSIDE, 2101),
            &["hello", "again"],
        ),
        probe("tcp connection refused", vec![Action::Connect(Client, at(CLIENT, 2202), at(ROUTER, 2102))]),
        probe(
            "udp to a closed port",
            vec![Action::AskUdp(Client, at(CLIENT, 3142), at(ROUTER, 3042), "anyone?")],
        ),
        probe(
            "icmp error of a known flow",
            vec![Action::Send(Client, udp_through(3101)), Action::Send(Inside, related)],
        ),
        sends("syn and fin through the router", vec![tcp_through(2104).flags(flag::SYN | flag::FIN)]),
        sends(
            "acknowledgement far outside the window",
            vec![tcp_through(2103), tcp_through(2103).flags(flag::ACK).numbers(900_000, 900_000)],
        ),
    ]
}

fn limits() -> Vec<Probe> {
    let many = |count: usize, port: u16| vec![udp(port); count];
    vec![
        sends("limit", many(7, 4001)),
        sends("every third", many(8, 4002)),
        sends(
            "recent",
            [many(5, 4003), vec![udp(4004)], many(1, 4003), vec![udp_2(4003), udp(4005)]].concat(),
        ),
        sends("hashlimit", [many(4, 4006), vec![udp_2(4006); 3]].concat()),
        sends("quota", many(5, 4007)),
        sends(
            "connections at a time",
            [1, 2, 3, 4]
                .map(|n| Packet::udp(at(CLIENT, 34000 + n), at(ROUTER, 4008)))
                .into_iter()
                .chain([Packet::udp(at(CLIENT_2, 34001), at(ROUTER, 4008))])
                .collect(),
        ),
        probe("pings", (1..=5).map(|n| Action::Ping(Client, ROUTER.into(), n)).collect()),
        probe(
            "tries",
            (1..=5).map(|n| Action::Connect(Client, at(CLIENT, 2300 + n), at(ROUTER, 6011))).collect(),
        ),
    ]
}

fn targets() -> Vec<Probe> {
    let mss = |port: u16| tcp_through(port).options(&[2, 4, 5, 180, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0]);
    let timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0];
    let twice = [timestamps, timestamps].concat();
    let from_router = |port: u16| Packet::udp(at(ROUTER, SPORT), at(CLIENT, port)).data(b"battery");
    let nobody = "exec 3>/dev/udp/203.0.113.10/4304; printf battery >&3";
    vec![
        sends("untracked", vec![udp(4100), udp(4101)]),
        sends("zone and events", vec![udp(4102), udp(4103), tcp(4104)]),
        sends("marks", vec![udp(4200), udp_through(4200), udp(4201)]),
        answered("connection marks", Inside, at(CLIENT, 4400), at(INSIDE, 4202)),
        sends(
            "time to live changed",
            vec![udp(4203), udp(4204), udp(4205), udp_through(4203), udp_through(4204)],
        ),
        sends("type of service changed", [4206, 4207, 4208, 4209].map(udp).to_vec()),
        sends("congestion flags removed", vec![tcp(4210).flags(flag::SYN | flag::CWR | flag::ECE)]),
        sends("segment size changed", vec![mss(4211), mss(4212)]),
        sends("tcp option stripped", vec![mss(4213)]),
        sends("tcp option stripped that stands there twice", vec![tcp_through(4213).options(&twice)]),
        probe("output", [4301, 4302, 4303].map(|port| Action::Send(Router, from_router(port))).to_vec()),
        probe("output with a socket mark", vec![Action::Send(Router, from_router(4305).mark(0x77))]),
        probe(
            "output of another user",
            vec![Action::Run(
                Router,
                ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "bash", "-c", nobody]
                    .map(str::to_owned)
                    .to_vec(),
            )],
        ),
        probe(
            "output of root",
            vec![Action::Run(Router, ["bash", "-c", nobody].map(str::to_owned).to_vec())],
        ),
    ]
}

fn nat() -> Vec<Probe> {
    let ask = |from: u16, to: u16| Action::AskUdp(Client, at(CLIENT, from), at(ROUTER, to), "who am I");
    let out = |port: u16| {
        vec![
            Action::ListenUdp(Client, at(CLIENT, port)),
            Action::AskUdp(Inside, at(INSIDE, 5000 + port % 10), at(CLIENT, port), "who am I"),
        ]
    };
    vec![
        probe("destination with port", vec![Action::ListenUdp(Inside, at(INSIDE, 7101)), ask(5101, 7001)]),
        probe(
            "destination without port",
            vec![Action::ListenUdp(Inside, at(INSIDE_2, 7002)), ask(5102, 7002)],
        ),
        probe("redirect", vec![Action::ListenUdp(Router, at(ROUTER, 7103)), ask(5103, 7003)]),
        probe("destination range", vec![Action::ListenUdp(Inside, at(INSIDE_2, 7004)), ask(5104, 7004)]),
        probe(
            "destination of tcp",
            vec![
                Action::ListenTcp(Inside, at(INSIDE, 7105)),
                Action::Connect(Client, at(CLIENT, 5105), at(ROUTER, 7005)),
                Action::Talk(Client, "hello"),
                Action::Reset(Client),
            ],
        ),
        probe(
            "network mapped",
            vec![
                Action::ListenUdp(Inside, at(INSIDE, 7008)),
                Action::AskUdp(
                    Client,
                    at(CLIENT, 5106),
                    at(Ipv4Addr::new(198, 51, 100, 100), 7008),
                    "who am I",
                ),
            ],
        ),
        probe("source on input", vec![Action::ListenUdp(Router, at(ROUTER, 7006)), ask(5107, 7006)]),
        probe(
            "destination on output",
            vec![
                Action::ListenUdp(Client, at(CLIENT, 7107)),
                Action::AskUdp(Router, at(ROUTER, 5108), at(CLIENT, 7007), "who am I"),
            ],
        ),
        probe("source", out(7201)),
        probe("source with port", out(7202)),
        probe("masquerade with port", out(7203)),
        probe("masquerade", out(7204)),
        probe(
            "ping through the router",
            vec![Action::Ping(Client, INSIDE.into(), 9), Action::Ping(Inside, CLIENT.into(), 10)],
        ),
    ]
}

fn verdicts() -> Vec<Probe> {
    let refused = |port: u16| Action::Connect(Client, at(CLIENT, 2400 + port % 100), at(ROUTER, port));
    let asked = |port: u16| Action::AskUdp(Client, at(CLIENT, 3400 + port % 100), at(ROUTER, port), "hello");
    let hold = |from: u16| Action::Connect(Client, at(CLIENT, from), at(ROUTER, 6010));
    vec![
        probe("rejected tcp", vec![refused(6001), refused(6002)]),
        probe("rejected udp", vec![asked(6003), asked(6004)]),
        probe("dropped", vec![asked(6005)]),
        sends("return", vec![udp(6006), Packet::udp(at(CLIENT, 1111), at(ROUTER, 6006))]),
        sends("goto", vec![udp(6007)]),
        sends("logged", vec![udp(6008), udp(6009)]),
        probe(
            "connections above a number",
            vec![Action::ListenTcp(Router, at(ROUTER, 6010)), hold(2501), hold(2502), hold(2503), hold(2504)],
        ),
        probe(
            "rejected on the way through",
            vec![
                Action::Connect(Client, at(CLIENT, 2601), at(INSIDE, 6101)),
                Action::AskUdp(Client, at(CLIENT, 2602), at(INSIDE, 6102), "hello"),
            ],
        ),
        probe(
            "forwarded services",
            vec![
                Action::Connect(Client, at(CLIENT, 2603), at(INSIDE_2, 22)),
                Action::Connect(Client, at(CLIENT, 2604), at(INSIDE, 443)),
            ],
        ),
        probe(
            "dropped on output",
            [6201, 6202]
                .map(|port| Action::AskUdp(Router, at(ROUTER, 6300), at(CLIENT, port), "hello"))
                .to_vec(),
        ),
    ]
}
