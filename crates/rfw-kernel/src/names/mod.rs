//! Names that the system gives to numbers: services, protocols, users, groups, networks, hosts, realms and the like.
//!
//! Contract: a file is read at the first question to it and then kept; one that is missing is empty. First entry wins.

mod accounts;
mod hosts;
mod table;

use std::{cell::OnceCell, fs, net::Ipv4Addr, path::PathBuf};

pub use hosts::{host_name, resolve};
use table::{Entry, Service};

/// Lookups in the system's files. See the module head.
#[derive(Debug)]
pub struct Names {
    etc: PathBuf,
    services: OnceCell<Vec<Service>>,
    protocols: OnceCell<Vec<Entry>>,
    networks: OnceCell<Vec<Entry>>,
    realms: OnceCell<Vec<(u32, String)>>,
    groups: OnceCell<Vec<(u32, String)>>,
    labels: OnceCell<Vec<(u32, String)>>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Names {
    /// Names from `/etc`.
    #[must_use]
    pub fn new() -> Self {
        Self::at("/etc")
    }

    /// Names from another directory.
    #[must_use]
    pub fn at(etc: impl Into<PathBuf>) -> Self {
        Self {
            etc: etc.into(),
            services: OnceCell::new(),
            protocols: OnceCell::new(),
            networks: OnceCell::new(),
            realms: OnceCell::new(),
            groups: OnceCell::new(),
            labels: OnceCell::new(),
        }
    }

    fn read(&self, file: &str) -> String {
        // Names outside of ASCII do occur in comments, in whatever encoding.
        fs::read(self.etc.join(file))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn services(&self) -> &[Service] {
        self.services.get_or_init(|| table::services(&self.read("services")))
    }

    fn protocols(&self) -> &[Entry] {
        self.protocols.get_or_init(|| table::entries(&self.read("protocols")))
    }

    fn networks(&self) -> &[Entry] {
        self.networks.get_or_init(|| table::entries(&self.read("networks")))
    }

    /// The port of a service by name or alias (`/etc/services`); of any protocol if none is given.
    #[must_use]
    pub fn service_port(&self, name: &str, protocol: Option<&str>) -> Option<u16> {
        let of_protocol = |s: &&Service| protocol.is_none_or(|p| s.protocol == p);
        let mut services = self.services().iter().filter(of_protocol);
        services.find(|s| s.names.iter().any(|n| n == name)).map(|s| s.port)
    }

    /// The name of a port (`/etc/services`); of any protocol if none is given.
    #[must_use]
    pub fn service_name(&self, port: u16, protocol: Option<&str>) -> Option<&str> {
        let mut services = self.services().iter();
        services
            .find(|s| s.port == port && protocol.is_none_or(|p| s.protocol == p))?
            .names
            .first()
            .map(String::as_str)
    }

    /// The number of a protocol by name or alias (`/etc/protocols`).
    #[must_use]
    pub fn protocol_number(&self, name: &str) -> Option<u8> {
        table::by_name(self.protocols(), name)?.parse().ok()
    }

    /// The name of a protocol (`/etc/protocols`).
    #[must_use]
    pub fn protocol_name(&self, number: u8) -> Option<&str> {
        let is = |e: &&Entry| e.value.parse() == Ok(number);
        let entry = self.protocols().iter().find(is)?;
        entry.names.first().map(String::as_str)
    }

    /// The address of a network by name or alias (`/etc/networks`).
    #[must_use]
    pub fn network(&self, name: &str) -> Option<Ipv4Addr> {
        table::network(table::by_name(self.networks(), name)?)
    }

    /// The name of a network (`/etc/networks`).
    #[must_use]
    pub fn network_name(&self, address: Ipv4Addr) -> Option<&str> {
        let is = |e: &&Entry| table::network(&e.value) == Some(address);
        let entry = self.networks().iter().find(is)?;
        entry.names.first().map(String::as_str)
    }

    /// Routing realms (`/etc/iproute2/rt_realms`) as number and name.
    #[must_use]
    pub fn realms(&self) -> &[(u32, String)] {
        self.realms.get_or_init(|| table::numbered(&self.read("iproute2/rt_realms")))
    }

    /// Interface groups (`/etc/iproute2/group`) as number and name.
    #[must_use]
    pub fn device_groups(&self) -> &[(u32, String)] {
        self.groups.get_or_init(|| table::numbered(&self.read("iproute2/group")))
    }

    /// Conntrack labels (`/etc/xtables/connlabel.conf`) as bit and name.
    #[must_use]
    pub fn conntrack_labels(&self) -> &[(u32, String)] {
        self.labels.get_or_init(|| table::numbered(&self.read("xtables/connlabel.conf")))
    }

    /// The number of a user.
    #[must_use]
    pub fn user_id(&self, name: &str) -> Option<u32> {
        accounts::user_id(name)
    }

    /// The name of a user.
    #[must_use]
    pub fn user_name(&self, id: u32) -> Option<String> {
        accounts::user_name(id)
    }

    /// The number of a group.
    #[must_use]
    pub fn group_id(&self, name: &str) -> Option<u32> {
        accounts::group_id(name)
    }

    /// The name of a group.
    #[must_use]
    pub fn group_name(&self, id: u32) -> Option<String> {
        accounts::group_name(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_files_are_empty() {
        let names = Names::at("/nonexistent");
        assert_eq!(names.service_port("ssh", None), None);
        assert_eq!(names.protocol_name(6), None);
        assert!(names.realms().is_empty());
    }

    #[test]
    fn reads_a_directory() {
        let dir = std::env::temp_dir().join(format!("rfw-names-{}", std::process::id()));
        fs::create_dir_all(dir.join("iproute2")).unwrap();
        fs::write(
            dir.join("services"),
            "# x\nssh 22/tcp shell # y\ndomain\t53/tcp\ndomain 53/udp\nbad 70000/tcp\nworse\n",
        )
        .unwrap();
        fs::write(dir.join("protocols"), "tcp 6 TCP\nbig 300 BIG\n").unwrap();
        fs::write(dir.join("networks"), "loopback 127.0.0.0\nlan 10.1\n").unwrap();
        fs::write(dir.join("iproute2/rt_realms"), "0 cosmos\n0x10 far\n").unwrap();
        let names = Names::at(&dir);
        assert_eq!(names.service_port("shell", Some("tcp")), Some(22));
        assert_eq!(names.service_port("shell", Some("udp")), None);
        assert_eq!(names.service_port("bad", None), None);
        assert_eq!(names.service_name(53, Some("udp")), Some("domain"));
        assert_eq!(names.service_name(53, Some("dccp")), None);
        assert_eq!(names.protocol_number("TCP"), Some(6));
        assert_eq!(names.protocol_number("big"), None);
        assert_eq!(names.protocol_name(6), Some("tcp"));
        assert_eq!(names.network("lan"), Some(Ipv4Addr::new(10, 1, 0, 0)));
        assert_eq!(names.network_name(Ipv4Addr::new(127, 0, 0, 0)), Some("loopback"));
        assert_eq!(names.realms(), [(0, "cosmos".into()), (16, "far".into())]);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn accounts_of_this_system() {
        let names = Names::new();
        assert_eq!(names.user_id("root"), Some(0));
        assert_eq!(names.user_name(0).as_deref(), Some("root"));
        assert_eq!(names.group_id("root"), Some(0));
        assert_eq!(names.group_name(0).as_deref(), Some("root"));
        assert_eq!(names.user_id("no such user"), None);
        assert_eq!(names.user_id("a\0b"), None);
        assert_eq!(names.group_name(u32::MAX - 7), None);
    }

    #[test]
    fn numeric_hosts_resolve_without_a_network() {
        use rfw_nft::Family;
        let v4 = resolve("127.0.0.1", Family::Ipv4).unwrap();
        assert_eq!(v4, [std::net::IpAddr::from([127, 0, 0, 1])]);
        let v6 = resolve("::1", Family::Ipv6).unwrap();
        assert_eq!(v6, [std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)]);
        assert!(resolve("::1", Family::Ipv4).is_err());
        assert!(resolve("a\0b", Family::Ipv4).is_err());
    }
}
