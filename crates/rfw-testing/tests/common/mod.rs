//! Random packets, for the wire and for the analysis.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rfw_nft::Family;
use rfw_space::{Key, NEW, interface};
use rfw_testing::choices::Choices;
use rfw_testing::lab::addresses;
use rfw_testing::lab::packet::Packet;

/// A packet from the client's side to an address, and what the analysis has to know of it before it is routed. No two of
/// different numbers belong to one connection.
pub fn packet(choices: &mut Choices, number: u16, to: Ipv4Addr) -> (Packet, rfw_space::Packet) {
    let source = [addresses::CLIENT, addresses::CLIENT_2][choices.below(2)];
    let ports = [22, 53, 79, 80, 90, 91, 443, 8080];
    let (from_port, port) =
        ([1000, 30_000, 50_000][choices.below(3)] + number, ports[choices.below(ports.len())]);
    let (from, at) = (SocketAddr::new(IpAddr::V4(source), from_port), SocketAddr::new(IpAddr::V4(to), port));
    let number_of = |address: Ipv4Addr| u128::from(u32::from(address));
    let mut known = rfw_space::Packet::new(Family::Ipv4)
        .with(Key::Source, number_of(source))
        .with(Key::Destination, number_of(to))
        .with(Key::Iif, name("eth0"))
        .with(Key::State, NEW);
    let sent = match choices.below(3) {
        0 => {
            known.set(Key::Protocol, 6);
            known.set(Key::TcpFlags, 0x02);
            Packet::tcp(from, at)
        }
        1 => {
            known.set(Key::Protocol, 17);
            Packet::udp(from, at)
        }
        _ => {
            let kind = [8, 13][choices.below(2)];
            known.set(Key::Protocol, 1);
            known.set(Key::SourcePort, u128::from(kind) << 8);
            let [high, low] = from_port.to_be_bytes();
            return (Packet::icmp(source, to, kind, 0, [high, low, 0, 1]), known);
        }
    };
    known.set(Key::SourcePort, from_port.into());
    known.set(Key::DestinationPort, port.into());
    (sent, known)
}

/// An interface's name as the analysis has it.
pub fn name(name: &str) -> u128 {
    interface(name).intervals()[0].0
}
