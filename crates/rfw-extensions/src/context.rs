//! What an extension may ask of its surroundings, and what it says of itself.

use std::net::IpAddr;

pub use rfw_nft::Family;
use rfw_values::Services;

/// A table of numbers and names, one a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Routing realms.
    Realms,
    /// Groups of interfaces.
    Groups,
    /// Conntrack labels, which iptables keeps itself.
    Conntrack,
}

impl Labels {
    /// Where it is kept.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Realms => "/etc/iproute2/rt_realms",
            Self::Groups => "/etc/iproute2/group",
            Self::Conntrack => "/etc/xtables/connlabel.conf",
        }
    }
}

/// Names that the system knows. No extension opens a file or a socket; it asks here. What is not given has no names.
pub trait Names: Services {
    /// The number of a protocol by its lower-case name.
    fn protocol_number(&self, _name: &[u8]) -> Option<u8> {
        None
    }
    /// The name of a protocol.
    fn protocol_name(&self, _number: u8) -> Option<String> {
        None
    }
    /// The addresses of a host, of one family.
    fn host(&self, _name: &[u8], _family: Family) -> Vec<IpAddr> {
        Vec::new()
    }
    /// The name of an address, for listings without `-n`.
    fn host_name(&self, _address: IpAddr) -> Option<String> {
        None
    }
    /// The id of a user.
    fn user(&self, _name: &[u8]) -> Option<u32> {
        None
    }
    /// The name of a user.
    fn user_name(&self, _id: u32) -> Option<String> {
        None
    }
    /// The id of a group.
    fn group(&self, _name: &[u8]) -> Option<u32> {
        None
    }
    /// The name of a group.
    fn group_name(&self, _id: u32) -> Option<String> {
        None
    }
    /// The kernel index of an ipset that a rule of the family may ask; else iptables' words for why there is none, with a
    /// newline where iptables prints an empty line.
    fn set_index(&self, _name: &[u8], _family: Family) -> Result<u16, String> {
        Err("no ipset is known".to_owned())
    }
    /// The name of the ipset at an index.
    fn set_name(&self, _index: u16) -> Option<String> {
        None
    }
    /// Numbers and names of a table, in the order of its file; empty without one.
    fn labels(&self, _table: Labels) -> &[(u32, String)] {
        &[]
    }
}

/// Which address families an extension serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// iptables only.
    Ipv4,
    /// ip6tables only.
    Ipv6,
    /// Both.
    Both,
}

impl Families {
    /// Whether the family is one of them.
    #[must_use]
    pub fn has(self, family: Family) -> bool {
        matches!((self, family), (Self::Both, _) | (Self::Ipv4, Family::Ipv4) | (Self::Ipv6, Family::Ipv6))
    }
}

/// The rule around an extension that is being parsed.
#[derive(Clone, Copy)]
pub struct ParseCx<'c> {
    /// The family of the table.
    pub family: Family,
    /// `filter`, `nat`, …
    pub table: &'c str,
    /// `-p`: number and `!`.
    pub protocol: Option<(u8, bool)>,
    /// The system's names.
    pub names: &'c dyn Names,
}

impl ParseCx<'_> {
    /// The protocol, if the rule names exactly this one.
    #[must_use]
    pub fn is_protocol(&self, number: u8) -> bool {
        self.protocol == Some((number, false))
    }

    /// The name under which ports of the rule's protocol are looked up (`tcp`, `udp`, …).
    #[must_use]
    pub fn port_protocol(&self) -> Option<&'static str> {
        match self.protocol {
            Some((6, false)) => Some("tcp"),
            Some((17, false)) => Some("udp"),
            Some((33, false)) => Some("dccp"),
            Some((132, false)) => Some("sctp"),
            Some((136, false)) => Some("udplite"),
            _ => None,
        }
    }
}
