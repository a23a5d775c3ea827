//! The IPv4 battery.

mod flows;
mod packets;

use super::{Probe, SPORT, at};
use crate::lab::addresses::{CLIENT, CLIENT_2, INSIDE, ROUTER};
use crate::lab::packet::Packet;

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
    [packets::probes(), flows::probes()].concat()
}
