//! The demo: the stateful server's rules, live, one line per packet or connection.
//!
//! Contract: an expectation is about where the traffic went, seen from the machines that sent and received it; no rule's
//! counter is asked. So a ruleset that does the same by other rules passes too.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use rfw_testing::lab::Host::{self, Client, Inside, Router};
use rfw_testing::lab::addresses::{CLIENT, CLIENT_2, INSIDE, INSIDE_2, ROUTER, ROUTER_INSIDE};
use rfw_testing::lab::packet::{Packet, flag};
use rfw_testing::lab::{Lab, LabError, Outcome};

use crate::tools::Tools;

fn at(address: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(address), port)
}

/// What should become of a piece of traffic.
#[derive(Clone, Copy)]
enum Expect<'a> {
    /// It gets through.
    Open,
    /// The other side answers this.
    Says(&'a str),
    /// A reset or an ICMP error comes back.
    Refused,
    /// Nothing comes back.
    Dropped,
}

/// Runs checks and keeps the score.
struct Bench<'a, W: Write> {
    lab: &'a Lab,
    out: &'a mut W,
    passed: u32,
    failed: u32,
}

fn line(out: &mut impl Write, text: &str) -> Result<(), LabError> {
    writeln!(out, "{text}").map_err(|source| LabError::Io { what: "output".to_owned(), source })
}

impl<W: Write> Bench<'_, W> {
    fn heading(&mut self, text: &str) -> Result<(), LabError> {
        line(self.out, &format!("\n== {text}"))
    }

    fn score(&mut self, right: bool, what: &str, seen: &str, wanted: &str) -> Result<(), LabError> {
        if right {
            self.passed += 1;
            line(self.out, &format!("PASS  {what}: {seen}"))
        } else {
            self.failed += 1;
            line(self.out, &format!("FAIL  {what}: {seen}, expected {wanted}"))
        }
    }

    fn judge(&mut self, what: &str, expect: Expect<'_>, outcome: &Outcome) -> Result<(), LabError> {
        let (right, wanted) = match expect {
            Expect::Open => (matches!(outcome, Outcome::Answer(_)), "open".to_owned()),
            Expect::Says(text) => (*outcome == Outcome::Answer(text.to_owned()), format!("answer `{text}`")),
            Expect::Refused => (*outcome == Outcome::Refused, "refused".to_owned()),
            Expect::Dropped => (*outcome == Outcome::Silence, "no answer".to_owned()),
        };
        let seen = match (expect, outcome) {
            (Expect::Open, Outcome::Answer(_)) => "open".to_owned(),
            (_, outcome) => outcome.to_string(),
        };
        self.score(right, what, &seen, &wanted)
    }

    /// A TCP connection; its number if it came about.
    fn connect(
        &mut self,
        what: &str,
        expect: Expect<'_>,
        host: Host,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<Option<String>, LabError> {
        let outcome = self.lab.connect(host, from, to)?;
        self.judge(what, expect, &outcome)?;
        Ok(if let Outcome::Answer(number) = outcome { Some(number) } else { None })
    }

    /// Data on a connection; a failure if there is none.
    fn talk(
        &mut self,
        what: &str,
        says: &str,
        host: Host,
        connection: Option<&String>,
    ) -> Result<(), LabError> {
        let outcome = match connection {
            Some(number) => self.lab.talk(host, number, "hello")?,
            None => Outcome::Failed("no connection".to_owned()),
        };
        self.judge(what, Expect::Says(says), &outcome)
    }

    /// Sends a packet that must not reach the router's TCP.
    fn swallowed(&mut self, what: &str, packet: &Packet) -> Result<(), LabError> {
        let before = tcp_segments(self.lab)?;
        self.lab.send(Client, packet)?;
        let reached = tcp_segments(self.lab)? != before;
        self.score(!reached, what, if reached { "it reached TCP" } else { "dropped" }, "dropped")
    }
}

/// How many TCP segments the router's kernel has received for itself (`Tcp: InSegs` of /proc/net/snmp).
fn tcp_segments(lab: &Lab) -> Result<u64, LabError> {
    let text = lab.check(Router, &["cat", "/proc/net/snmp"], b"")?;
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let found = names.split(' ').zip(values.split(' ')).find(|(name, _)| *name == "InSegs");
    found
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| LabError::Listing("no InSegs in /proc/net/snmp".to_owned()))
}

/// Runs the demo. True if all traffic went the right way.
pub fn run(out: &mut impl Write, tools: &Tools, file: &Path, rules: &str) -> Result<bool, LabError> {
    if let Some((text, status)) = tools.lint(file)? {
        line(out, &format!("== lint {}", file.display()))?;
        line(out, text.trim_end())?;
        line(out, &format!("(exit status {})", status.map_or("none".to_owned(), |n| n.to_string())))?;
    }
    let lab = Lab::new(&tools.agent)?;
    line(out, "\n== client 203.0.113.10 -- 203.0.113.1 router 192.168.1.1 -- 192.168.1.100 inside host")?;
    tools.restore(&lab, rules)?;
    line(out, &format!("rules of {} loaded on the router", file.display()))?;

    let mut bench = Bench { lab: &lab, out, passed: 0, failed: 0 };
    ssh(&mut bench)?;
    invalid(&mut bench)?;
    forwards(&mut bench)?;
    masquerade(&mut bench)?;
    services(&mut bench)?;
    pings(&mut bench)?;
    let (passed, failed) = (bench.passed, bench.failed);

    for arguments in ["-L -n -v", "-t nat -L -n -v", "-t mangle -L -n -v"] {
        line(out, &format!("\n== rfw {arguments}"))?;
        line(out, tools.list(&lab, arguments)?.trim_end())?;
    }
    line(out, "\n== nft list ruleset")?;
    line(out, lab.check(Router, &["nft", "list", "ruleset"], b"")?.trim_end())?;
    let verdict =
        if failed == 0 { "every packet went the right way" } else { "SOME PACKETS WENT THE WRONG WAY" };
    line(out, &format!("\n{passed} passed, {failed} failed: {verdict}"))?;
    Ok(failed == 0)
}

fn ssh<W: Write>(bench: &mut Bench<'_, W>) -> Result<(), LabError> {
    bench.heading("SSH: stateful, and at most four tries a minute")?;
    bench.lab.listen_tcp(Router, at(ROUTER, 22))?;
    let ssh = bench.connect("new SSH connection", Expect::Open, Client, at(CLIENT, 40001), at(ROUTER, 22))?;
    bench.talk("data on the established connection", "203.0.113.10 hello", Client, ssh.as_ref())?;
    for n in 1..=5 {
        let expect = if n < 5 { Expect::Open } else { Expect::Dropped };
        let what = format!("SSH try {n} within a minute from a second address");
        bench.connect(&what, expect, Client, at(CLIENT_2, 41000 + n), at(ROUTER, 22))?;
    }
    bench.talk("the first connection still works", "203.0.113.10 hello", Client, ssh.as_ref())?;
    let low = "SSH from source port 100, below the range";
    bench.connect(low, Expect::Refused, Client, at(CLIENT, 100), at(ROUTER, 22)).map(drop)
}

fn invalid<W: Write>(bench: &mut Bench<'_, W>) -> Result<(), LabError> {
    bench.heading("INVALID packets")?;
    let packet = |port: u16, flags: u8| Packet::tcp(at(CLIENT, 42000), at(ROUTER, port)).flags(flags);
    bench.swallowed("SYN and FIN at once, to SSH", &packet(22, flag::SYN | flag::FIN))?;
    bench.swallowed("SYN and ACK that nobody asked for, to HTTP", &packet(80, flag::SYN | flag::ACK))?;
    bench.swallowed("FIN, PSH and URG, to HTTPS", &packet(443, flag::FIN | flag::PSH | flag::URG))
}

fn forwards<W: Write>(bench: &mut Bench<'_, W>) -> Result<(), LabError> {
    bench.heading("Port forwards")?;
    bench.lab.listen_tcp(Inside, at(INSIDE, 80))?;
    bench.lab.listen_tcp(Inside, at(INSIDE_2, 22))?;
    bench.lab.listen_tcp(Inside, at(INSIDE, 25))?;
    let web = "port 8080 of the router, to the inside host's port 80";
    let web = bench.connect(web, Expect::Open, Client, at(CLIENT, 43001), at(ROUTER, 8080))?;
    bench.talk("data on it, with the client's own address", "203.0.113.10 hello", Client, web.as_ref())?;
    let ssh = "port 2222 of the router, to port 22 of 192.168.1.101";
    let ssh = bench.connect(ssh, Expect::Open, Client, at(CLIENT, 43002), at(ROUTER, 2222))?;
    bench.talk("data on it", "203.0.113.10 hello", Client, ssh.as_ref())?;
    let mail = "the inside host's port 25, which is not forwarded";
    bench.connect(mail, Expect::Dropped, Client, at(CLIENT, 43003), at(INSIDE, 25)).map(drop)
}

fn masquerade<W: Write>(bench: &mut Bench<'_, W>) -> Result<(), LabError> {
    bench.heading("Masquerading")?;
    bench.lab.listen_tcp(Client, at(CLIENT, 8000))?;
    bench.lab.listen_udp(Client, at(CLIENT, 8001))?;
    let out = "the inside host connects to the outside";
    let out = bench.connect(out, Expect::Open, Inside, at(INSIDE, 44001), at(CLIENT, 8000))?;
    bench.talk("the outside sees the router's address", "203.0.113.1 hello", Inside, out.as_ref())?;
    let udp = bench.lab.ask_udp(Inside, at(INSIDE, 44002), at(CLIENT, 8001), "hello")?;
    bench.judge("the same over UDP", Expect::Says("203.0.113.1 hello"), &udp)
}

fn services<W: Write>(bench: &mut Bench<'_, W>) -> Result<(), LabError> {
    bench.heading("DNS, web, and what is closed")?;
    let lab = bench.lab;
    for port in [53, 80, 443, 23] {
        lab.listen_tcp(Router, at(ROUTER, port))?;
    }
    for address in [at(ROUTER, 53), at(ROUTER, 137), at(ROUTER_INSIDE, 137)] {
        lab.listen_udp(Router, address)?;
    }
    let dns = lab.ask_udp(Client, at(CLIENT, 45001), at(ROUTER, 53), "query")?;
    bench.judge("DNS over UDP", Expect::Says("203.0.113.10 query"), &dns)?;
    bench.connect("DNS over TCP", Expect::Open, Client, at(CLIENT, 45002), at(ROUTER, 53))?;
    bench.connect("HTTPS", Expect::Open, Client, at(CLIENT, 45003), at(ROUTER, 443))?;
    // The HTTPS connection above counts: the web chain limits both services together.
    for n in 2..=20 {
        let outcome = lab.connect(Client, at(CLIENT, 45100 + n), at(ROUTER, 80))?;
        if n == 20 || !matches!(outcome, Outcome::Answer(_)) {
            bench.judge(&format!("web connection {n} from one address"), Expect::Open, &outcome)?;
        }
    }
    let more = "web connection 21 from the same address";
    bench.connect(more, Expect::Refused, Client, at(CLIENT, 45121), at(ROUTER, 80))?;
    bench.connect(
        "web connection from another address",
        Expect::Open,
        Client,
        at(CLIENT_2, 45122),
        at(ROUTER, 80),
    )?;
    bench.connect("telnet", Expect::Dropped, Client, at(CLIENT, 45004), at(ROUTER, 23))?;
    let netbios = lab.ask_udp(Inside, at(INSIDE, 45005), at(ROUTER_INSIDE, 137), "name")?;
    bench.judge("NetBIOS names from the inside", Expect::Says("192.168.1.100 name"), &netbios)?;
    let netbios = lab.ask_udp(Client, at(CLIENT, 45006), at(ROUTER, 137), "name")?;
    bench.judge("NetBIOS names from the outside", Expect::Dropped, &netbios)
}

fn pings<W: Write>(bench: &mut Bench<'_, W>) -> Result<(), LabError> {
    bench.heading("ICMP: three pings at once, then one in six seconds")?;
    for n in 1..=4 {
        let expect = if n <= 3 { Expect::Open } else { Expect::Refused };
        let outcome = bench.lab.ping(Client, ROUTER.into(), n)?;
        bench.judge(&format!("ping {n}"), expect, &outcome)?;
    }
    Ok(())
}
