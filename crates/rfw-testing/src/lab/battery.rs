//! The battery: a fixed list of packets and flows, each made for some match or target.
//!
//! Contract: the same list every time, in the same order, with the same bytes. `fixtures/rulesets/battery.rules` (and
//! `battery.v6.rules` for [`battery_v6`]) holds the rules that count them; ports tell the probes apart.
//! Crafted packets go to ports where nobody listens or to listeners that the probe opens itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Host;
use super::Host::{Client, Inside, Router};
use super::addresses::{BROADCAST, CLIENT, CLIENT_2, INSIDE, INSIDE_2, ROUTER};
use super::packet::{Packet, flag, protocol};

pub use super::battery6::battery_v6;

/// One thing to do in the lab.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send a crafted packet.
    Send(Host, Packet),
    /// Open an echoing TCP listener.
    ListenTcp(Host, SocketAddr),
    /// Open an echoing UDP listener.
    ListenUdp(Host, SocketAddr),
    /// A real TCP connection, from, to.
    Connect(Host, SocketAddr, SocketAddr),
    /// Data on the connection that this probe opened last.
    Talk(Host, &'static str),
    /// A reset on that connection.
    Reset(Host),
    /// A UDP question, from, to.
    AskUdp(Host, SocketAddr, SocketAddr, &'static str),
    /// An echo request with this sequence number.
    Ping(Host, IpAddr, u16),
    /// A command in the host's namespace.
    Run(Host, Vec<String>),
}

/// A named group of actions.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What it is about.
    pub name: &'static str,
    /// What it does, in order.
    pub actions: Vec<Action>,
}

impl Probe {
    /// Whether it sends a packet whose headers are not all there.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Send(_, packet) if packet.is_cut()))
    }
}

pub(super) fn probe(name: &'static str, actions: Vec<Action>) -> Probe {
    Probe { name, actions }
}

/// Crafted packets from the client.
pub(super) fn sends(name: &'static str, packets: Vec<Packet>) -> Probe {
    probe(name, packets.into_iter().map(|packet| Action::Send(Client, packet)).collect())
}

pub(super) fn at(address: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(address.into(), port)
}

/// Source port of crafted packets, unless the probe is about source ports.
const SPORT: u16 = 33000;

fn udp(port: u16) -> Packet {
    Packet::udp(at(CLIENT, SPORT), at(ROUTER, port)).data(b"battery")
}

fn udp_2(port: u16) -> Packet {
    Packet::udp(at(CLIENT_2, SPORT), at(ROUTER, port)).data(b"battery")
}

fn tcp(port: u16) -> Packet {
    Packet::tcp(at(CLIENT, SPORT), at(ROUTER, port))
}

fn udp_through(port: u16) -> Packet {
    Packet::udp(at(CLIENT, SPORT), at(INSIDE, port)).data(b"battery")
}

fn tcp_through(port: u16) -> Packet {
    Packet::tcp(at(CLIENT, SPORT), at(INSIDE, port))
}

/// The IPv4 battery.
#[must_use]
pub fn battery() -> Vec<Probe> {
    [
        selectors(),
        tcp_fields(),
        udp_and_icmp(),
        other_protocols(),
        fields(),
        addresses(),
        states(),
        limits(),
        targets(),
        nat(),
        verdicts(),
    ]
    .concat()
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

/// Flows with answers, so that every state of connection tracking is seen in both directions.
fn states() -> Vec<Probe> {
    let through = at(INSIDE, 2101);
    let related = {
        let inner = udp_through(3101).to_bytes();
        Packet::icmp(INSIDE, CLIENT, 3, 1, [0; 4]).data(&inner)
    };
    vec![
        probe(
            "udp answered",
            vec![
                Action::ListenUdp(Router, at(ROUTER, 3040)),
                Action::AskUdp(Client, at(CLIENT, 3140), at(ROUTER, 3040), "one"),
                Action::AskUdp(Client, at(CLIENT, 3140), at(ROUTER, 3040), "two"),
            ],
        ),
        probe(
            "udp answered through the router",
            vec![
                Action::ListenUdp(Inside, at(INSIDE, 3041)),
                Action::AskUdp(Client, at(CLIENT_2, 3141), at(INSIDE, 3041), "one"),
                Action::AskUdp(Client, at(CLIENT_2, 3141), at(INSIDE, 3041), "two"),
            ],
        ),
        probe(
            "tcp connection to the router",
            vec![
                Action::ListenTcp(Router, at(ROUTER, 2100)),
                Action::Connect(Client, at(CLIENT, 2200), at(ROUTER, 2100)),
                Action::Talk(Client, "hello"),
                Action::Reset(Client),
            ],
        ),
        probe(
            "tcp connection through the router",
            vec![
                Action::ListenTcp(Inside, through),
                Action::Connect(Client, at(CLIENT, 2201), through),
                Action::Talk(Client, "hello"),
                Action::Talk(Client, "again"),
                Action::Reset(Client),
            ],
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
        probe(
            "connection marks",
            vec![
                Action::ListenUdp(Inside, at(INSIDE, 4202)),
                Action::AskUdp(Client, at(CLIENT, 4400), at(INSIDE, 4202), "one"),
                Action::AskUdp(Client, at(CLIENT, 4400), at(INSIDE, 4202), "two"),
            ],
        ),
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
