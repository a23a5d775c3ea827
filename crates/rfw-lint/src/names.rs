//! Names for a lint: what a ruleset means must not depend on the machine that reads it.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rfw_extensions::{Labels, Names};
use rfw_nft::Family;
use rfw_values::Services;

/// Takes services and protocols from the system and accepts every host, user, group and ipset, each as a stand-in of its
/// own: a linter neither asks the DNS nor needs the accounts and sets of the machine that will load the rules.
pub struct Offline<'n> {
    system: &'n dyn Names,
    seen: RefCell<Vec<Vec<u8>>>,
}

impl<'n> Offline<'n> {
    /// Over the system's names.
    #[must_use]
    pub fn new(system: &'n dyn Names) -> Self {
        Self { system, seen: RefCell::new(Vec::new()) }
    }

    /// A small number that stands for the name.
    fn number(&self, name: &[u8]) -> u16 {
        let mut seen = self.seen.borrow_mut();
        let at = seen.iter().position(|n| n == name).unwrap_or_else(|| {
            seen.push(name.to_vec());
            seen.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    fn name_of(&self, number: u32) -> Option<String> {
        let at = usize::try_from(number).ok()?;
        self.seen.borrow().get(at).map(|n| String::from_utf8_lossy(n).into_owned())
    }
}

/// Ids from here on stand for names.
const IDS_FROM: u32 = 0xf000_0000;

impl Services for Offline<'_> {
    fn port(&self, name: &[u8], proto: Option<&str>) -> Option<u16> {
        self.system.port(name, proto)
    }

    fn name(&self, port: u16, proto: Option<&str>) -> Option<String> {
        self.system.name(port, proto)
    }
}

impl Names for Offline<'_> {
    fn protocol_number(&self, name: &[u8]) -> Option<u8> {
        self.system.protocol_number(name)
    }

    fn protocol_name(&self, number: u8) -> Option<String> {
        self.system.protocol_name(number)
    }

    fn host(&self, name: &[u8], family: Family) -> Vec<IpAddr> {
        // What looks like an address and is none of this family is a mistake, not a name.
        if !name.iter().any(u8::is_ascii_alphabetic) || name.contains(&b':') {
            return Vec::new();
        }
        // Reserved space (RFC 1112 class E; RFC 6666 discard prefix), which no ruleset names.
        let number = self.number(name);
        let [high, low] = number.to_be_bytes();
        vec![match family {
            Family::Ipv4 => Ipv4Addr::new(248, 0, high, low).into(),
            Family::Ipv6 => Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0xffff, number).into(),
        }]
    }

    fn host_name(&self, _address: IpAddr) -> Option<String> {
        None
    }

    fn user(&self, name: &[u8]) -> Option<u32> {
        Some(IDS_FROM + u32::from(self.number(name)))
    }

    fn user_name(&self, id: u32) -> Option<String> {
        self.name_of(id.checked_sub(IDS_FROM)?)
    }

    fn group(&self, name: &[u8]) -> Option<u32> {
        self.user(name)
    }

    fn group_name(&self, id: u32) -> Option<String> {
        self.user_name(id)
    }

    fn set_index(&self, name: &[u8], _family: Family) -> Result<u16, String> {
        Ok(self.number(name))
    }

    fn labels(&self, table: Labels) -> &[(u32, String)] {
        self.system.labels(table)
    }

    fn set_name(&self, index: u16) -> Option<String> {
        self.name_of(u32::from(index))
    }
}

/// The words of a match, as they are saved: `set ! --match-set a src`.
pub(crate) fn words(part: &rfw_extensions::Match, family: Family) -> String {
    let mut out = Vec::new();
    out.extend_from_slice(part.name().as_bytes());
    part.print(&mut rfw_extensions::Printer::new(&mut out, family, &Numbers));
    String::from_utf8_lossy(&out).into_owned()
}

/// No names at all: everything by its number.
struct Numbers;

impl Services for Numbers {}

impl Names for Numbers {}
