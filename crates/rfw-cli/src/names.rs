//! The system's names, as extensions ask for them.

use std::cell::RefCell;
use std::net::IpAddr;

use rfw_extensions::{Labels, Names};
use rfw_kernel::{IpsetError, Kernel, Live};
use rfw_nft::Family;
use rfw_values::Services;

/// `/etc`, the resolver and the kernel's ipsets.
#[derive(Default)]
pub struct SystemNames {
    files: rfw_kernel::names::Names,
    kernel: RefCell<Option<Live>>,
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

impl SystemNames {
    fn with_kernel<T>(&self, ask: impl FnOnce(&mut Live) -> Result<T, IpsetError>) -> Result<T, IpsetError> {
        let mut slot = self.kernel.borrow_mut();
        if slot.is_none() {
            *slot = Some(Live::open().map_err(IpsetError::Unavailable)?);
        }
        match slot.as_mut() {
            Some(live) => ask(live),
            None => Err(IpsetError::Missing),
        }
    }
}

impl Services for SystemNames {
    fn port(&self, name: &[u8], proto: Option<&str>) -> Option<u16> {
        self.files.service_port(text(name)?, proto)
    }

    fn name(&self, port: u16, proto: Option<&str>) -> Option<String> {
        self.files.service_name(port, proto).map(str::to_owned)
    }
}

impl Names for SystemNames {
    fn protocol_number(&self, name: &[u8]) -> Option<u8> {
        self.files.protocol_number(text(name)?)
    }

    fn protocol_name(&self, number: u8) -> Option<String> {
        self.files.protocol_name(number).map(str::to_owned)
    }

    fn host(&self, name: &[u8], family: Family) -> Vec<IpAddr> {
        let Some(name) = text(name) else { return Vec::new() };
        if family == Family::Ipv4
            && let Some(network) = self.files.network(name)
        {
            return vec![IpAddr::V4(network)];
        }
        rfw_kernel::names::resolve(name, family).unwrap_or_default()
    }

    fn host_name(&self, address: IpAddr) -> Option<String> {
        rfw_kernel::names::host_name(address).or_else(|| match address {
            IpAddr::V4(network) => self.files.network_name(network).map(str::to_owned),
            IpAddr::V6(_) => None,
        })
    }

    fn user(&self, name: &[u8]) -> Option<u32> {
        self.files.user_id(text(name)?)
    }

    fn user_name(&self, id: u32) -> Option<String> {
        self.files.user_name(id)
    }

    fn group(&self, name: &[u8]) -> Option<u32> {
        self.files.group_id(text(name)?)
    }

    fn group_name(&self, id: u32) -> Option<String> {
        self.files.group_name(id)
    }

    fn set_index(&self, name: &[u8], family: Family) -> Result<u16, String> {
        self.with_kernel(|live| live.ipset_index(name, family)).map_err(|error| error.classic(name, family))
    }

    fn set_name(&self, index: u16) -> Option<String> {
        let name = self.with_kernel(|live| live.ipset_name(index)).ok()?;
        Some(String::from_utf8_lossy(&name).into_owned())
    }

    fn labels(&self, table: Labels) -> &[(u32, String)] {
        match table {
            Labels::Realms => self.files.realms(),
            Labels::Groups => self.files.device_groups(),
            Labels::Conntrack => self.files.conntrack_labels(),
        }
    }
}
