//! What is known besides the text: from `rfw.toml`, the command line and the host.
//!
//! Plain data; whoever calls the linter fills it. An empty field is "not known", and a check that would need it says less
//! (a note instead of an error), never more.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rfw_nft::Family;
use rfw_values::address::octets;
use rfw_values::{AddrMask, ValueError};

/// Everything that checks may know besides the ruleset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How the host is administered.
    pub management: Management,
    /// Interfaces by name; a name that ends in `+` stands for all that begin so.
    pub interfaces: BTreeMap<String, Interface>,
    /// Names of chains that other programs fill; `*` at the end stands for any rest.
    pub external_chains: Vec<String>,
    /// Services that are meant to be reached from everywhere.
    pub public_services: Vec<Service>,
    /// Whether the host is meant to have one address family only.
    pub single_family: bool,
    /// Where the rules will run; `None` is either.
    pub target: Option<Target>,
    /// The version of the kernel they will run on: major and minor.
    pub kernel: Option<(u32, u32)>,
    /// Kernel settings by their dotted names (`net.ipv4.ip_forward`), values as `sysctl` prints them.
    pub sysctls: BTreeMap<String, String>,
    /// Kernel modules that are known to be loaded, with `_` in their names, not `-`.
    pub modules: BTreeSet<String>,
    /// The ipsets of the host by name; `None` where nobody said which there are.
    pub ipsets: Option<BTreeMap<String, IpSet>>,
    /// Who may read and write the file that holds the rules.
    pub file: Option<FileFacts>,
    /// How much the analysis of packets may cost.
    pub budget: Budget,
}

/// How a host is administered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Management {
    /// Services of administration, `tcp/22` for one; empty where nobody said.
    pub services: Vec<Service>,
    /// Where administrators come from; empty is anywhere.
    pub from: Vec<AddrMask>,
}

/// A port of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service {
    /// The number of the protocol, 6 for TCP.
    pub protocol: u8,
    /// The port.
    pub port: u16,
}

/// What is known of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// On which side it is.
    pub zone: Option<Zone>,
    /// The networks behind it, or of its own addresses.
    pub addresses: Vec<AddrMask>,
    /// The host's own addresses on it.
    pub own: Vec<IpAddr>,
}

impl Interface {
    /// Adds a network, or an address of the host itself: one with bits that its mask leaves out, or without a mask.
    ///
    /// # Errors
    /// It is neither.
    pub fn add(&mut self, text: &str) -> Result<(), ValueError> {
        let network = match text.contains(':') {
            true => AddrMask::parse_v6(text.as_bytes())?,
            false => AddrMask::parse_v4(text.as_bytes())?,
        };
        let written = text.split('/').next().and_then(|address| address.parse::<IpAddr>().ok());
        let own = written.filter(|own| network.is_host() || octets(*own) != network.addr_bytes());
        self.own.extend(own);
        self.addresses.push(network);
        Ok(())
    }
}

/// A side of the firewall.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    /// The world.
    Wan,
    /// Those to be protected.
    Lan,
    /// Servers that the world reaches.
    Dmz,
    /// Tunnels to known others.
    Vpn,
    /// The host itself.
    Loopback,
    /// A name of the user's own.
    Other(String),
}

impl Zone {
    /// The zone of a name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "wan" | "internet" | "external" => Self::Wan,
            "lan" | "internal" => Self::Lan,
            "dmz" => Self::Dmz,
            "vpn" => Self::Vpn,
            "lo" | "loopback" | "local" => Self::Loopback,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// Where rules will run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// nf_tables: rfw and iptables-nft.
    Nft,
    /// xtables: iptables-legacy.
    Legacy,
}

/// An ipset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpSet {
    /// `hash:net` and the like; empty where only the name is known.
    pub kind: String,
    /// The family its elements have.
    pub family: Option<Family>,
    /// The words behind the type where it was made: `netmask 24`, `timeout 60` and the like.
    pub options: Vec<String>,
    /// Its elements with their options, as `ipset save` writes them: `10.0.0.0/8 nomatch`.
    pub entries: Vec<String>,
    /// Whether `entries` is all of it and stays so.
    pub complete: bool,
}

/// Permissions of the file that holds the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The permission bits, `0o644` for instance.
    pub mode: u32,
    /// The number of the owner, 0 for root.
    pub owner: u32,
}

/// How much the analysis of packets may cost before it gives up and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nodes of decision diagrams.
    pub nodes: usize,
    /// Milliseconds; `None` is no limit of time, so that results are the same on every machine.
    pub milliseconds: Option<u64>,
}

/// Chains that other programs fill at run time.
pub const EXTERNAL_CHAINS: &[&str] =
    &["DOCKER*", "f2b-*", "fail2ban-*", "ufw-*", "ufw6-*", "KUBE-*", "cali-*", "LIBVIRT_*", "CNI-*"];

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: 40_000_000, milliseconds: None }
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            management: Management::default(),
            interfaces: BTreeMap::new(),
            external_chains: EXTERNAL_CHAINS.iter().map(|&name| name.to_owned()).collect(),
            public_services: Vec::new(),
            single_family: false,
            target: None,
            kernel: None,
            sysctls: BTreeMap::new(),
            modules: BTreeSet::new(),
            ipsets: None,
            file: None,
            budget: Budget::default(),
        }
    }
}

impl Facts {
    /// What is known of an interface, by its own name or by the longest name with `+` that fits.
    #[must_use]
    pub fn interface(&self, name: &[u8]) -> Option<&Interface> {
        let exact = std::str::from_utf8(name).ok().and_then(|name| self.interfaces.get(name));
        let fits = |known: &&String| known.strip_suffix('+').is_some_and(|k| name.starts_with(k.as_bytes()));
        exact.or_else(|| {
            let near = self.interfaces.keys().filter(fits).max_by_key(|known| known.len())?;
            self.interfaces.get(near)
        })
    }

    /// The zone of an interface.
    #[must_use]
    pub fn zone(&self, name: &[u8]) -> Option<&Zone> {
        self.interface(name)?.zone.as_ref()
    }

    /// Whether another program fills a chain of that name.
    #[must_use]
    pub fn is_external(&self, chain: &[u8]) -> bool {
        self.external_chains.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => chain.starts_with(start.as_bytes()),
            None => chain == pattern.as_bytes(),
        })
    }

    /// A kernel setting.
    #[must_use]
    pub fn sysctl(&self, name: &str) -> Option<&str> {
        self.sysctls.get(name).map(String::as_str)
    }

    /// The same as a number.
    #[must_use]
    pub fn sysctl_number(&self, name: &str) -> Option<u64> {
        self.sysctl(name)?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_others() {
        let facts = Facts::default();
        for name in ["DOCKER", "DOCKER-USER", "f2b-sshd", "KUBE-SVC-1", "ufw-user-input"] {
            assert!(facts.is_external(name.as_bytes()), "{name}");
        }
        for name in ["INPUT", "docker", "ufw", ""] {
            assert!(!facts.is_external(name.as_bytes()), "{name}");
        }
        let own = Facts { external_chains: vec!["BLOCKED".to_owned()], ..Facts::default() };
        assert!(own.is_external(b"BLOCKED") && !own.is_external(b"BLOCKED2") && !own.is_external(b"DOCKER"));
    }

    #[test]
    fn own_addresses_are_told_from_networks() {
        let mut eth0 = Interface::default();
        for text in ["203.0.113.5/24", "192.168.1.0/24", "198.51.100.7", "2001:db8::1/64", "2001:db8:1::/48"]
        {
            eth0.add(text).expect(text);
        }
        assert_eq!(eth0.addresses.len(), 5);
        assert_eq!(
            eth0.own,
            ["203.0.113.5", "198.51.100.7", "2001:db8::1"].map(|a| a.parse::<IpAddr>().unwrap())
        );
        assert!(eth0.add("eth0").is_err());
    }

    #[test]
    fn interfaces_by_name_and_by_beginning() {
        let zone = |name: &str| Interface { zone: Some(Zone::named(name)), ..Interface::default() };
        let interfaces = [("ppp+", "wan"), ("p+", "lan"), ("ppp7", "vpn")];
        let interfaces = interfaces.map(|(name, z)| (name.to_owned(), zone(z))).into_iter().collect();
        let facts = Facts { interfaces, ..Facts::default() };
        assert_eq!(facts.zone(b"ppp0"), Some(&Zone::Wan));
        assert_eq!(facts.zone(b"ppp7"), Some(&Zone::Vpn));
        assert_eq!(facts.zone(b"pan0"), Some(&Zone::Lan));
        assert_eq!(facts.zone(b"eth0"), None);
    }
}
