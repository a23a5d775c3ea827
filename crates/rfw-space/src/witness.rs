//! An example of a set of packets: of all that there are, one that a person would think of first.

use std::collections::BTreeSet;

use rfw_nft::Family;

use crate::bdd::Ref;
use crate::domain::Code;
use crate::engine::Engine;
use crate::field::{ESTABLISHED, INVALID, Key, NEW, RELATED, UNTRACKED, interface};
use crate::packet::{Packet, natural_flags};
use crate::set::Set;

/// Services that people know, most telling first.
const SERVICES: [u128; 14] = [22, 80, 443, 53, 25, 123, 8080, 3306, 5432, 3389, 445, 21, 143, 5060];
/// What a client gets.
const CLIENT: u128 = 40_000;

impl Engine {
    /// A packet of a region; `None` if there is none.
    pub(crate) fn witness(&mut self, region: Ref) -> Option<Packet> {
        if region == Ref::NONE || self.bdd.is_over() {
            return None;
        }
        let mut packet = Packet::new(self.program.family);
        let mut left = region;
        for key in [Key::Iif, Key::Oif, Key::State, Key::Protocol, Key::DestinationPort, Key::SourcePort] {
            self.choose(&mut left, &mut packet, key);
        }
        for key in [Key::Source, Key::Destination, Key::TcpFlags, Key::Status, Key::Mark, Key::ConnectionMark]
        {
            self.choose(&mut left, &mut packet, key);
        }
        let others: Vec<Key> =
            self.domain.fields.keys().filter(|k| matches!(k, Key::Other(_))).cloned().collect();
        for key in others {
            self.choose(&mut left, &mut packet, key);
        }
        for atom in 0..self.program.atoms.len().min(crate::domain::MAX_ATOMS) {
            let level = self.domain.atom(atom);
            let without = self.bdd.fix(left, &[(level, false)]);
            if without != Ref::NONE {
                left = without;
                continue;
            }
            left = self.bdd.fix(left, &[(level, true)]);
            packet.atoms.push(atom);
            let text = &self.program.atoms[atom].text;
            if !text.is_empty() {
                packet.words.push(format!("matching `{text}`"));
            }
        }
        Some(packet)
    }

    /// Gives the packet a value of a field that occurs in what is left of the region, and keeps what has it.
    fn choose(&mut self, left: &mut Ref, packet: &mut Packet, key: Key) {
        for value in self.natural(&key, packet) {
            let with = self.domain.value(&mut self.bdd, &key, value);
            let with = self.bdd.and(*left, with);
            if with != Ref::NONE {
                *left = with;
                packet.set(key, value);
                return;
            }
        }
        let Some(field) = self.domain.fields.get(&key) else { return };
        let value = match &field.code {
            Code::Classes { .. } => {
                let values = self.domain.values(&mut self.bdd, *left, &key);
                plausible(&key, &values, self.program.family)
            }
            Code::Bits(positions) => {
                let positions = positions.clone();
                let base = field.base;
                let mut value = 0;
                let mut rest = *left;
                for (level, bit) in (base..).zip(positions) {
                    let zero = self.bdd.fix(rest, &[(level, false)]);
                    if zero == Ref::NONE {
                        value |= 1 << bit;
                        rest = self.bdd.fix(rest, &[(level, true)]);
                    } else {
                        rest = zero;
                    }
                }
                value
            }
        };
        let with = self.domain.value(&mut self.bdd, &key, value);
        *left = self.bdd.and(*left, with);
        packet.set(key, value);
    }

    /// Values to try first.
    fn natural(&self, key: &Key, packet: &Packet) -> Vec<u128> {
        let v4 = self.program.family == Family::Ipv4;
        let icmp = matches!(packet.get(&Key::Protocol), 1 | 58);
        let local = packet.get(&Key::Iif) == name("lo") || packet.get(&Key::Oif) == name("lo");
        match key {
            Key::Iif | Key::Oif => {
                let mut names = self.interfaces();
                let taken = packet.get(&Key::Iif);
                if *key == Key::Oif && names.len() > 1 {
                    names.retain(|n| *n != taken);
                    names.push(taken);
                }
                names.push(name("lo"));
                names.insert(0, 0);
                names
            }
            Key::State => vec![NEW, ESTABLISHED, RELATED, UNTRACKED, INVALID],
            Key::Protocol => vec![6, 17, if v4 { 1 } else { 58 }],
            Key::DestinationPort if icmp => vec![0],
            Key::SourcePort if icmp => vec![if v4 { 8 << 8 } else { 128 << 8 }],
            Key::DestinationPort => {
                let service = if packet.get(&Key::Protocol) == 17 { vec![53, 123] } else { Vec::new() };
                service.into_iter().chain(SERVICES).chain([CLIENT]).collect()
            }
            Key::SourcePort => [CLIENT].into_iter().chain(SERVICES).collect(),
            Key::Source | Key::Destination if local && v4 => vec![0x7f00_0001],
            Key::Source | Key::Destination if local => vec![1],
            Key::Source if v4 => vec![0xcb00_7107, 0xc633_6407, 0xc000_0207, 0xc0a8_0107, 0x0a00_0007],
            Key::Destination if v4 => vec![0xc000_020a, 0xc633_640a, 0xc0a8_010a, 0x0a00_000a],
            Key::Source => vec![0x2001_0db8 << 96 | 7],
            Key::Destination => vec![0x2001_0db8 << 96 | 1 << 64 | 0x10],
            Key::TcpFlags if packet.get(&Key::Protocol) == 6 => {
                vec![natural_flags(packet.get(&Key::State)), 0x10, 0x12, 0x18, 0x11, 0x04]
            }
            Key::TcpFlags | Key::Status | Key::Mark | Key::ConnectionMark => vec![0],
            Key::Other(_) => Vec::new(),
        }
    }

    /// The interfaces that rules name, in their order, then `eth0` and `eth1`.
    fn interfaces(&self) -> Vec<u128> {
        let mut names: Vec<u128> = Vec::new();
        for (_, rule) in self.program.rules() {
            for (key, set) in rule.condition.sets() {
                if !matches!(key, Key::Iif | Key::Oif) || names.len() >= 4 {
                    continue;
                }
                let [(low, high)] = set.intervals() else { continue };
                // What follows the beginning of a name may be a digit.
                let wild = (high - low).leading_zeros() / 8;
                let ends = low.checked_shr(128 - 8 * wild).is_some_and(|n| n & 0xff == 0) || wild >= 15;
                let found = if ends { *low } else { low | u128::from(b'0') << (8 * (15 - wild)) };
                if found != name("lo") && found != 0 && !names.contains(&found) {
                    names.push(found);
                }
            }
        }
        names.extend([name("eth0"), name("eth1")]);
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }
}

fn name(text: &str) -> u128 {
    interface(text).intervals().first().map_or(0, |i| i.0)
}

/// A value of a set: an ordinary address rather than a strange one, a host rather than a network.
fn plausible(key: &Key, values: &Set, family: Family) -> u128 {
    let ordinary = match (key, family) {
        (Key::Source | Key::Destination, Family::Ipv4) => {
            Set::union([(0x0100_0000, 0x7eff_ffff), (0x8000_0000, 0xdfff_ffff)])
        }
        (Key::Source | Key::Destination, Family::Ipv6) => Set::range(2 << 124, (4 << 124) - 1),
        (Key::SourcePort | Key::DestinationPort, _) => Set::range(1, 0xffff),
        (Key::Iif | Key::Oif, _) => Set::range(name("a"), name("zzzzzzzzzzzzzzz")),
        _ => Set::range(0, u128::MAX),
    };
    let good = values.meet(&ordinary);
    let from = if good.is_empty() { values } else { &good };
    let Some(&(low, high)) = from.intervals().first() else { return 0 };
    let address = matches!(key, Key::Source | Key::Destination);
    if address && low & 0xff == 0 && high > low { low + 1 } else { low }
}
