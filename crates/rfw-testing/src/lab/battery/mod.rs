//! The battery: a fixed list of packets and flows, each made for some match or target.
//!
//! Contract: the same list every time, in the same order, with the same bytes. `fixtures/rulesets/battery.rules` (and
//! `battery.v6.rules` for [`battery_v6`]) holds the rules that count them; ports tell the probes apart.
//! Crafted packets go to ports where nobody listens or to listeners that the probe opens itself.

mod v4;
mod v6;

use std::net::{IpAddr, SocketAddr};

use super::Host;
use super::Host::Client;
use super::packet::Packet;

pub use v4::battery;
pub use v6::battery_v6;

/// Source port of crafted packets, unless the probe is about source ports.
const SPORT: u16 = 33000;

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

fn probe(name: &'static str, actions: Vec<Action>) -> Probe {
    Probe { name, actions }
}

/// Crafted packets from the client.
fn sends(name: &'static str, packets: Vec<Packet>) -> Probe {
    probe(name, packets.into_iter().map(|packet| Action::Send(Client, packet)).collect())
}

fn at(address: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(address.into(), port)
}

/// Two UDP questions of the client to a listener that answers.
fn answered(name: &'static str, listener: Host, from: SocketAddr, to: SocketAddr) -> Probe {
    let ask = |what| Action::AskUdp(Client, from, to, what);
    probe(name, vec![Action::ListenUdp(listener, to), ask("one"), ask("two")])
}

/// A TCP connection of the client to a listener, what is said on it, and its reset.
fn conversation(
    name: &'static str,
    listener: Host,
    from: SocketAddr,
    to: SocketAddr,
    said: &[&'static str],
) -> Probe {
    let mut actions = vec![Action::ListenTcp(listener, to), Action::Connect(Client, from, to)];
    actions.extend(said.iter().map(|what| Action::Talk(Client, what)));
    actions.push(Action::Reset(Client));
    probe(name, actions)
}
