//! A packet lab: three network namespaces in a row, `client -- router -- inside`, with nothing else on the wires.
//!
//! Contract: everything made here bears this process's id in its name, is reachable from nowhere outside, and is removed
//! when the [`Lab`] is dropped; namespaces of dead processes are swept when the next lab starts. Needs root and the `ip`
//! command. A process cannot change its namespace without unsafe code, so each namespace is served by an [`agent`]:
//! a child started by `ip netns exec` that takes one request per line and answers each with one line.

pub mod agent;
pub mod battery;
pub mod compare;
pub mod counters;
mod link;
pub mod packet;

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use link::Link;
use packet::Packet;

/// The addresses of the lab. Client and router share the outside network, router and inside host the inside one.
pub mod addresses {
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// The client.
    pub const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
    /// A second address of the client.
    pub const CLIENT_2: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 11);
    /// The router on the outside (its `eth0`).
    pub const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
    /// Broadcast address of the outside network.
    pub const BROADCAST: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 255);
    /// The router on the inside (its `eth1`).
    pub const ROUTER_INSIDE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
    /// The inside host.
    pub const INSIDE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 100);
    /// A second address of the inside host.
    pub const INSIDE_2: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 101);
    /// The client.
    pub const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);
    /// A second address of the client.
    pub const CLIENT_2_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11);
    /// The router on the outside.
    pub const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    /// The router on the inside.
    pub const ROUTER_INSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);
    /// The inside host.
    pub const INSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x100);
    /// A second address of the inside host.
    pub const INSIDE_2_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x101);
}

/// What went wrong in the lab itself (not: a packet that was dropped, which is an [`Outcome`]).
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A command could not be started, or a pipe broke.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A command ran and failed.
    #[error("`{command}` failed: {stderr}")]
    Command {
        /// The command line.
        command: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// An agent refused a request or answered nonsense.
    #[error("agent in {host:?}: {message}")]
    Agent {
        /// Where the agent runs.
        host: Host,
        /// What it said.
        message: String,
    },
    /// A listing that is not what `nft -a` writes.
    #[error("nft listing: {0}")]
    Listing(String),
}

/// Turns an I/O error into a [`LabError`] that says what was tried.
fn io_error(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> LabError {
    let what = what.into();
    move |source| LabError::Io { what, source }
}

/// One of the three machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Outside; its `eth0` faces the router.
    Client,
    /// The machine under test: `eth0` outside, `eth1` inside; forwards.
    Router,
    /// Behind the router; its `eth0` faces it.
    Inside,
}

/// All machines, in the order in which they stand on the wire.
const HOSTS: [Host; 3] = [Host::Client, Host::Router, Host::Inside];

impl Host {
    fn suffix(self) -> &'static str {
        match self {
            Host::Client => "client",
            Host::Router => "router",
            Host::Inside => "inside",
        }
    }
}

/// What the sender of real traffic saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer came, with this text (for a TCP connection, the number of the open connection).
    Answer(String),
    /// Refused: a TCP reset or an ICMP error.
    Refused,
    /// Nothing came back in time.
    Silence,
    /// Another error of the system, by its text.
    Failed(String),
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Answer(text) => write!(f, "answer `{text}`"),
            Outcome::Refused => f.write_str("refused"),
            Outcome::Silence => f.write_str("no answer"),
            Outcome::Failed(text) => write!(f, "failed: {text}"),
        }
    }
}

/// How long real traffic waits for an answer. Below the first TCP retransmission (1 s), so that a dropped SYN is one packet.
pub const PATIENCE: Duration = Duration::from_millis(400);

/// A namespace that is deleted on drop.
struct Namespace(String);

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the next lab sweeps.
        let _ = Command::new("ip").args(["netns", "del", &self.0]).stderr(Stdio::null()).status();
    }
}

/// The three machines. See the module's contract.
pub struct Lab {
    // Declared before the namespaces: fields drop in order, and agents must be gone before their namespace is.
    links: Vec<Mutex<Link>>,
    namespaces: Vec<Namespace>,
}

/// Makes names of two labs in one process differ.
static COUNTER: AtomicU32 = AtomicU32::new(0);

impl Lab {
    /// Makes the namespaces, wires, addresses and routes. `agent` is the `rfw-lab` program.
    ///
    /// # Errors
    /// When not root, when `ip` is missing, or when the kernel refuses.
    pub fn new(agent: &Path) -> Result<Lab, LabError> {
        sweep();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = |host: Host| format!("rfw-{}-{}-{}", std::process::id(), number, host.suffix());
        let mut namespaces = Vec::new();
        for host in HOSTS {
            ip(&["netns", "add", &name(host)])?;
            namespaces.push(Namespace(name(host)));
        }
        let mut links = Vec::new();
        for (host, namespace) in HOSTS.iter().zip(&namespaces) {
            links.push(Mutex::new(Link::start(*host, &namespace.0, agent)?));
        }
        let lab = Lab { links, namespaces };
        lab.quiet()?;
        lab.wire()?;
        Ok(lab)
    }

    /// The name of a machine's namespace, as `ip netns` knows it.
    #[must_use]
    pub fn namespace(&self, host: Host) -> &str {
        &self.namespaces[host as usize].0
    }

    /// Switches off everything that would send packets on its own, and the limits on ICMP errors, before any link is up.
    fn quiet(&self) -> Result<(), LabError> {
        for host in HOSTS {
            for (key, value) in [
                ("net/ipv4/ip_forward", "1"),
                ("net/ipv4/icmp_ratelimit", "0"),
                ("net/ipv4/icmp_echo_ignore_broadcasts", "1"),
                ("net/ipv4/conf/all/rp_filter", "0"),
                ("net/ipv4/conf/default/rp_filter", "0"),
                ("net/ipv4/conf/all/send_redirects", "0"),
                ("net/ipv4/conf/default/send_redirects", "0"),
                ("net/ipv6/conf/all/forwarding", "1"),
                ("net/ipv6/conf/default/accept_dad", "0"),
                ("net/ipv6/conf/default/dad_transmits", "0"),
                ("net/ipv6/conf/default/router_solicitations", "0"),
                ("net/ipv6/icmp/ratelimit", "0"),
            ] {
                self.ask(host, &json!({"op": "write", "path": format!("/proc/sys/{key}"), "text": value}))?;
            }
        }
        Ok(())
    }

    /// Wires, addresses, routes, and fixed neighbours so that no address resolution happens during a measurement.
    fn wire(&self) -> Result<(), LabError> {
        let (client, router, inside) =
            (self.namespace(Host::Client), self.namespace(Host::Router), self.namespace(Host::Inside));
        let mac = |last: &str| format!("02:00:00:00:00:{last}");
        let veth = |near: &str, device: &str, near_mac: &str, far: &str, far_mac: &str| {
            format!(
                "-n {near} link add {device} address {} type veth peer name eth0 address {} netns {far}",
                mac(near_mac),
                mac(far_mac)
            )
        };
        let mut lines =
            vec![veth(router, "eth0", "01", client, "10"), veth(router, "eth1", "02", inside, "20")];
        let places = [
            (
                client,
                "eth0",
                &["203.0.113.10/24", "203.0.113.11/24"],
                &["2001:db8::10/64", "2001:db8::11/64"],
            ),
            (router, "eth0", &["203.0.113.1/24", "203.0.113.2/24"], &["2001:db8::1/64", "2001:db8::2/64"]),
            (
                router,
                "eth1",
                &["192.168.1.1/24", "192.168.1.2/24"],
                &["2001:db8:1::1/64", "2001:db8:1::2/64"],
            ),
            (
                inside,
                "eth0",
                &["192.168.1.100/24", "192.168.1.101/24"],
                &["2001:db8:1::100/64", "2001:db8:1::101/64"],
            ),
        ];
        for (namespace, device, v4, v6) in places {
            for address in v4 {
                lines.push(format!("-n {namespace} addr add {address} brd + dev {device}"));
            }
            for address in v6 {
                lines.push(format!("-n {namespace} addr add {address} dev {device} nodad"));
            }
            lines.push(format!("-n {namespace} link set lo up"));
            lines.push(format!("-n {namespace} link set {device} up"));
        }
        let neighbours = [
            (client, "eth0", "01", ["203.0.113.1", "203.0.113.2", "2001:db8::1", "2001:db8::2"]),
            (router, "eth0", "10", ["203.0.113.10", "203.0.113.11", "2001:db8::10", "2001:db8::11"]),
            (router, "eth1", "20", ["192.168.1.100", "192.168.1.101", "2001:db8:1::100", "2001:db8:1::101"]),
            (inside, "eth0", "02", ["192.168.1.1", "192.168.1.2", "2001:db8:1::1", "2001:db8:1::2"]),
        ];
        for (namespace, device, last, addresses) in neighbours {
            for address in addresses {
                lines.push(format!(
                    "-n {namespace} neigh replace {address} lladdr {} dev {device} nud permanent",
                    mac(last)
                ));
            }
        }
        lines.push(format!("-n {client} route add default via 203.0.113.1"));
        lines.push(format!("-n {client} route add default via 2001:db8::1"));
        lines.push(format!("-n {inside} route add default via 192.168.1.1"));
        lines.push(format!("-n {inside} route add default via 2001:db8:1::1"));
        for line in lines {
            ip(&line.split(' ').collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Runs a command inside a machine's namespace, with `stdin` as its standard input.
    ///
    /// # Errors
    /// When it cannot be started. Its own failure is in the returned status.
    pub fn run<S: AsRef<std::ffi::OsStr>>(
        &self,
        host: Host,
        argv: &[S],
        stdin: &[u8],
    ) -> Result<Output, LabError> {
        let mut child = Command::new("ip")
            .args(["netns", "exec", self.namespace(host)])
            .args(argv)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io_error("ip netns exec"))?;
        let pipe = child.stdin.take();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A command that does not read its input closes the pipe: not an error.
                pipe.map(|mut pipe| pipe.write_all(stdin))
            });
            child.wait_with_output().map_err(io_error("ip netns exec"))
        })
    }

    /// Like [`Lab::run`], but a failing command is an error; gives its standard output.
    ///
    /// # Errors
    /// When it cannot be started or exits with a status other than 0.
    pub fn check<S: AsRef<std::ffi::OsStr>>(
        &self,
        host: Host,
        argv: &[S],
        stdin: &[u8],
    ) -> Result<String, LabError> {
        let output = self.run(host, argv, stdin)?;
        if !output.status.success() {
            let words: Vec<_> = argv.iter().map(|word| word.as_ref().to_string_lossy()).collect();
            return Err(LabError::Command {
                command: words.join(" "),
                stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Sends one crafted packet from `host`, then waits until the router has handled it.
    ///
    /// # Errors
    /// When the host's kernel refuses to send it.
    pub fn send(&self, host: Host, packet: &Packet) -> Result<(), LabError> {
        self.ask(
            host,
            &json!({"op": "send", "dst": packet.dst.to_string(), "bytes": agent::to_hex(&packet.to_bytes()), "mark": packet.mark}),
        )?;
        self.settle()
    }

    /// Opens a listener that answers every message with `PEER MESSAGE`, PEER being the address the message came from.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn listen_tcp(&self, host: Host, at: SocketAddr) -> Result<(), LabError> {
        self.ask(host, &json!({"op": "tcp-listen", "at": at.to_string()})).map(drop)
    }

    /// The same over UDP.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn listen_udp(&self, host: Host, at: SocketAddr) -> Result<(), LabError> {
        self.ask(host, &json!({"op": "udp-listen", "at": at.to_string()})).map(drop)
    }

    /// A real TCP connection from `from` (port 0: any). The answer is the connection's number for [`Lab::talk`].
    ///
    /// # Errors
    /// Only for faults of the lab.
    pub fn connect(&self, host: Host, from: SocketAddr, to: SocketAddr) -> Result<Outcome, LabError> {
        self.traffic(host, &json!({"op": "connect", "from": from.to_string(), "to": to.to_string()}))
    }

    /// Sends `text` on an open connection and waits for the answer.
    ///
    /// # Errors
    /// Only for faults of the lab.
    pub fn talk(&self, host: Host, connection: &str, text: &str) -> Result<Outcome, LabError> {
        self.traffic(host, &json!({"op": "talk", "connection": connection, "text": text}))
    }

    /// Resets an open connection (one packet, which nobody answers).
    ///
    /// # Errors
    /// Only for faults of the lab.
    pub fn reset(&self, host: Host, connection: &str) -> Result<Outcome, LabError> {
        self.traffic(host, &json!({"op": "reset", "connection": connection}))
    }

    /// Sends a UDP message and waits for the answer.
    ///
    /// # Errors
    /// Only for faults of the lab.
    pub fn ask_udp(
        &self,
        host: Host,
        from: SocketAddr,
        to: SocketAddr,
        text: &str,
    ) -> Result<Outcome, LabError> {
        self.traffic(
            host,
            &json!({"op": "udp", "from": from.to_string(), "to": to.to_string(), "text": text}),
        )
    }

    /// Sends one ICMP echo request with sequence number `sequence` and waits for the reply.
    ///
    /// # Errors
    /// Only for faults of the lab.
    pub fn ping(&self, host: Host, to: IpAddr, sequence: u16) -> Result<Outcome, LabError> {
        self.traffic(host, &json!({"op": "ping", "to": to.to_string(), "sequence": sequence}))
    }

    /// Waits until the router's interfaces have stopped counting packets (half a second at most).
    ///
    /// # Errors
    /// Only for faults of the lab.
    pub fn settle(&self) -> Result<(), LabError> {
        self.ask(Host::Router, &json!({"op": "settle"})).map(drop)
    }

    fn traffic(&self, host: Host, request: &Value) -> Result<Outcome, LabError> {
        let answer = self.ask(host, request)?;
        self.settle()?;
        let text = || answer["text"].as_str().unwrap_or_default().to_owned();
        Ok(match answer["outcome"].as_str() {
            Some("answer") => Outcome::Answer(text()),
            Some("refused") => Outcome::Refused,
            Some("silence") => Outcome::Silence,
            _ => Outcome::Failed(text()),
        })
    }

    fn ask(&self, host: Host, request: &Value) -> Result<Value, LabError> {
        let mut link = self.links[host as usize].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        link.ask(request)
    }
}

/// Runs `ip` with these words.
fn ip(words: &[&str]) -> Result<(), LabError> {
    let output = Command::new("ip").args(words).output().map_err(io_error("ip"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(LabError::Command {
        command: format!("ip {}", words.join(" ")),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Deletes namespaces of labs whose process is gone. Best effort.
fn sweep() {
    let Ok(entries) = std::fs::read_dir("/run/netns") else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.split('-');
        let ours = parts.next() == Some("rfw");
        let pid = parts.next().and_then(|pid| pid.parse::<u32>().ok());
        let known = parts.nth(1).is_some_and(|last| HOSTS.iter().any(|host| host.suffix() == last));
        if let (true, Some(pid), true) = (ours, pid, known)
            && !Path::new(&format!("/proc/{pid}")).exists()
        {
            drop(Namespace(name));
        }
    }
}
