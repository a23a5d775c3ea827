//! Names for tests: a fixed set that is the same on every machine, and the system's own for comparisons with iptables.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use rfw_extensions::{Labels, Names};
use rfw_kernel::{IpsetError, Kernel, Live, names};
use rfw_nft::Family;
use rfw_values::Services;

/// The users and groups that [`FixedNames`] knows.
const ACCOUNTS: &[(&str, u32)] = &[("root", 0), ("daemon", 1), ("bin", 2), ("sys", 3), ("games", 60)];

/// The repository's `fixtures` directory.
#[must_use]
pub fn fixtures_dir() -> PathBuf {
    repository().join("fixtures")
}

/// The repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Names that are the same everywhere: services and protocols from `fixtures/etc`, a few accounts, the host `localhost`,
/// and the sets that a fixture declares, numbered from 0 as in a new network namespace.
#[derive(Debug)]
pub struct FixedNames {
    files: names::Names,
    sets: Vec<String>,
}

impl FixedNames {
    /// With these ipsets.
    #[must_use]
    pub fn new(sets: &[String]) -> Self {
        Self { files: names::Names::at(fixtures_dir().join("etc")), sets: sets.to_vec() }
    }
}

impl Services for FixedNames {
    fn port(&self, name: &[u8], proto: Option<&str>) -> Option<u16> {
        self.files.service_port(std::str::from_utf8(name).ok()?, proto)
    }

    fn name(&self, port: u16, proto: Option<&str>) -> Option<String> {
        self.files.service_name(port, proto).map(str::to_owned)
    }
}

impl Names for FixedNames {
    fn protocol_number(&self, name: &[u8]) -> Option<u8> {
        self.files.protocol_number(std::str::from_utf8(name).ok()?)
    }

    fn protocol_name(&self, number: u8) -> Option<String> {
        self.files.protocol_name(number).map(str::to_owned)
    }

    fn host(&self, name: &[u8], family: Family) -> Vec<IpAddr> {
        match (name, family) {
            (b"localhost", Family::Ipv4) => vec![Ipv4Addr::LOCALHOST.into()],
            (b"localhost" | b"ip6-localhost", Family::Ipv6) => vec![Ipv6Addr::LOCALHOST.into()],
            _ => Vec::new(),
        }
    }

    fn host_name(&self, address: IpAddr) -> Option<String> {
        address.is_loopback().then(|| "localhost".to_owned())
    }

    fn user(&self, name: &[u8]) -> Option<u32> {
        ACCOUNTS.iter().find(|(n, _)| n.as_bytes() == name).map(|(_, id)| *id)
    }

    fn user_name(&self, id: u32) -> Option<String> {
        ACCOUNTS.iter().find(|(_, i)| *i == id).map(|(name, _)| (*name).to_owned())
    }

    fn group(&self, name: &[u8]) -> Option<u32> {
        self.user(name)
    }

    fn group_name(&self, id: u32) -> Option<String> {
        self.user_name(id)
    }

    fn set_index(&self, name: &[u8], family: Family) -> Result<u16, String> {
        let at = self.sets.iter().position(|s| s.as_bytes() == name);
        at.and_then(|at| u16::try_from(at).ok()).ok_or_else(|| IpsetError::Missing.classic(name, family))
    }

    fn set_name(&self, index: u16) -> Option<String> {
        self.sets.get(usize::from(index)).cloned()
    }
}

/// Names of this system and the ipsets of this network namespace.
pub struct SystemNames {
    files: names::Names,
    kernel: RefCell<Option<Live>>,
}

impl Default for SystemNames {
    fn default() -> Self {
        Self { files: names::Names::new(), kernel: RefCell::new(Live::open().ok()) }
    }
}

impl Services for SystemNames {
    fn port(&self, name: &[u8], proto: Option<&str>) -> Option<u16> {
        self.files.service_port(std::str::from_utf8(name).ok()?, proto)
    }

    fn name(&self, port: u16, proto: Option<&str>) -> Option<String> {
        self.files.service_name(port, proto).map(str::to_owned)
    }
}

impl Names for SystemNames {
    fn protocol_number(&self, name: &[u8]) -> Option<u8> {
        self.files.protocol_number(std::str::from_utf8(name).ok()?)
    }

    fn protocol_name(&self, number: u8) -> Option<String> {
        self.files.protocol_name(number).map(str::to_owned)
    }

    fn host(&self, name: &[u8], family: Family) -> Vec<IpAddr> {
        let Ok(name) = std::str::from_utf8(name) else { return Vec::new() };
        match self.files.network(name) {
            Some(network) if family == Family::Ipv4 => vec![network.into()],
            _ => names::resolve(name, family).unwrap_or_default(),
        }
    }

    fn host_name(&self, address: IpAddr) -> Option<String> {
        names::host_name(address).or_else(|| match address {
            IpAddr::V4(address) => self.files.network_name(address).map(str::to_owned),
            IpAddr::V6(_) => None,
        })
    }

    fn user(&self, name: &[u8]) -> Option<u32> {
        self.files.user_id(std::str::from_utf8(name).ok()?)
    }

    fn user_name(&self, id: u32) -> Option<String> {
        self.files.user_name(id)
    }

    fn group(&self, name: &[u8]) -> Option<u32> {
        self.files.group_id(std::str::from_utf8(name).ok()?)
    }

    fn group_name(&self, id: u32) -> Option<String> {
        self.files.group_name(id)
    }

    fn set_index(&self, name: &[u8], family: Family) -> Result<u16, String> {
        let mut kernel = self.kernel.borrow_mut();
        let kernel = kernel.as_mut().ok_or("no netlink socket")?;
        kernel.ipset_index(name, family).map_err(|error| error.classic(name, family))
    }

    fn set_name(&self, index: u16) -> Option<String> {
        let name = self.kernel.borrow_mut().as_mut()?.ipset_name(index).ok()?;
        String::from_utf8(name).ok()
    }

    fn labels(&self, table: Labels) -> &[(u32, String)] {
        match table {
            Labels::Realms => self.files.realms(),
            Labels::Groups => self.files.device_groups(),
            Labels::Conntrack => self.files.conntrack_labels(),
        }
    }
}
