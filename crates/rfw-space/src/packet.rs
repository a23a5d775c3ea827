//! One concrete packet, written as a person would write it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use rfw_nft::Family;

use crate::condition::Condition;
use crate::condition::Literal;
use crate::field::{ESTABLISHED, INVALID, Key, NEW, RELATED, UNTRACKED};
use crate::program::Assign;
use crate::set::Set;

/// A packet: a value for every field, and an answer to every question of unknown meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its family.
    pub family: Family,
    values: BTreeMap<Key, u128>,
    /// Questions of unknown meaning that it satisfies: indices into [`crate::Program::atoms`].
    pub atoms: Vec<usize>,
    /// The same in words.
    pub words: Vec<String>,
}

impl Packet {
    /// All fields 0, no question satisfied.
    #[must_use]
    pub fn new(family: Family) -> Self {
        Self { family, values: BTreeMap::new(), atoms: Vec::new(), words: Vec::new() }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, key: &Key) -> u128 {
        self.values.get(key).copied().unwrap_or(0)
    }

    /// Gives a field a value.
    pub fn set(&mut self, key: Key, value: u128) {
        self.values.insert(key, value);
    }

    /// The same packet with a value.
    #[must_use]
    pub fn with(mut self, key: Key, value: u128) -> Self {
        self.set(key, value);
        self
    }

    /// Whether it satisfies a literal.
    #[must_use]
    pub fn satisfies(&self, literal: &Literal) -> bool {
        match literal {
            Literal::In(key, set) => set.contains(self.get(key)),
            Literal::Bits(m) => (self.get(&m.key) & m.mask == m.value) != m.inverted,
            Literal::Boxes { boxes, negated } => {
                let has = |b: &Vec<(Key, Set)>| b.iter().all(|(key, set)| set.contains(self.get(key)));
                boxes.iter().any(has) != *negated
            }
            Literal::Atom { atom, negated } => self.atoms.contains(atom) != *negated,
        }
    }

    /// Whether it satisfies a condition, chance aside.
    #[must_use]
    pub fn matches(&self, condition: &Condition) -> bool {
        condition.clauses.iter().all(|clause| clause.iter().any(|literal| self.satisfies(literal)))
    }

    /// Applies a change whose outcome is known; what is forgotten stays as it was.
    pub fn change(&mut self, assign: &Assign) {
        if let Assign::Bits { key, keep, value } = assign {
            self.set(key.clone(), (self.get(key) & keep) ^ value);
        }
    }

    fn address(&self, key: &Key) -> String {
        let value = self.get(key);
        match self.family {
            Family::Ipv4 => Ipv4Addr::from_bits(u32::try_from(value).unwrap_or(0)).to_string(),
            Family::Ipv6 => Ipv6Addr::from_bits(value).to_string(),
        }
    }

    fn end(&self, address: &Key, port: &Key, ports: bool) -> String {
        let address = self.address(address);
        match (ports, self.family) {
            (false, _) => address,
            (true, Family::Ipv4) => format!("{address}:{}", self.get(port)),
            (true, Family::Ipv6) => format!("[{address}]:{}", self.get(port)),
        }
    }

    fn protocol(&self) -> String {
        let number = self.get(&Key::Protocol);
        let word = match number {
            1 => "icmp",
            2 => "igmp",
            6 => "tcp",
            17 => "udp",
            33 => "dccp",
            41 => "ipv6",
            47 => "gre",
            50 => "esp",
            51 => "ah",
            58 => "icmpv6",
            89 => "ospf",
            132 => "sctp",
            136 => "udplite",
            _ => return format!("protocol {number}"),
        };
        let (kind, code) = (self.get(&Key::SourcePort) >> 8, self.get(&Key::SourcePort) & 0xff);
        let named = match (number, kind, code) {
            (1, 8, 0) | (58, 128, 0) => " echo-request".to_owned(),
            (1, 0, 0) | (58, 129, 0) => " echo-reply".to_owned(),
            (58, 133, 0) => " router-solicitation".to_owned(),
            (58, 134, 0) => " router-advertisement".to_owned(),
            (58, 135, 0) => " neighbour-solicitation".to_owned(),
            (58, 136, 0) => " neighbour-advertisement".to_owned(),
            (1, 3, 4) => " fragmentation-needed".to_owned(),
            (58, 2, 0) => " packet-too-big".to_owned(),
            (1 | 58, kind, 0) => format!(" type {kind}"),
            (1 | 58, kind, code) => format!(" type {kind} code {code}"),
            _ => String::new(),
        };
        format!("{word}{named}")
    }

    fn interface(&self, key: &Key) -> Option<String> {
        let bytes = self.get(key).to_be_bytes();
        let name: Vec<u8> = bytes.into_iter().take_while(|&b| b != 0).collect();
        (!name.is_empty()).then(|| String::from_utf8_lossy(&name).into_owned())
    }
}

/// The word for a state.
#[must_use]
pub fn state_word(state: u128) -> &'static str {
    match state {
        INVALID => "INVALID",
        ESTABLISHED => "ESTABLISHED",
        RELATED => "RELATED",
        NEW => "NEW",
        UNTRACKED => "UNTRACKED",
        _ => "no state",
    }
}

/// The flags that a packet of a connection has by nature.
pub(crate) fn natural_flags(state: u128) -> u128 {
    if state == NEW { 0x02 } else { 0x10 }
}

fn flags(value: u128) -> String {
    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let set: Vec<&str> =
        names.iter().enumerate().filter(|(bit, _)| value >> bit & 1 == 1).map(|(_, n)| *n).collect();
    if set.is_empty() { "no flags".to_owned() } else { format!("flags {}", set.join(",")) }
}

impl fmt::Display for Packet {
    /// `tcp 203.0.113.7:40000 -> 192.0.2.10:22 in eth0, NEW`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.get(&Key::Protocol);
        let ports = matches!(protocol, 6 | 17 | 33 | 132 | 136);
        let source = self.end(&Key::Source, &Key::SourcePort, ports);
        let destination = self.end(&Key::Destination, &Key::DestinationPort, ports);
        write!(f, "{} {source} -> {destination}", self.protocol())?;
        for (word, key) in [("in", Key::Iif), ("out", Key::Oif)] {
            if let Some(name) = self.interface(&key) {
                write!(f, " {word} {name}")?;
            }
        }
        let state = self.get(&Key::State);
        write!(f, ", {}", state_word(state))?;
        let set = self.get(&Key::TcpFlags);
        if protocol == 6 && set != natural_flags(state) {
            write!(f, ", {}", flags(set))?;
        }
        for (bit, word) in [(crate::field::SNAT, "SNAT"), (crate::field::DNAT, "DNAT")] {
            if self.get(&Key::Status) & bit != 0 {
                write!(f, ", {word}")?;
            }
        }
        for (key, word) in [(Key::Mark, "mark"), (Key::ConnectionMark, "connection mark")] {
            if self.get(&key) != 0 {
                write!(f, ", {word} {:#x}", self.get(&key))?;
            }
        }
        for words in &self.words {
            write!(f, ", {words}")?;
        }
        Ok(())
    }
}
