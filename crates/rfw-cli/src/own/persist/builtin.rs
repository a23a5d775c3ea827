//! Rulesets that need no file.
//!
//! The fail-safe lets in what an administrator needs to reach the machine and mend it, and nothing else: loopback, answers,
//! ICMP that networks need, address leases, SSH. The ports of SSH are 22 and those that sshd's configuration names.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use rfw_nft::Family;

/// What an empty kernel is saved as. A file that names no table is taken for one that was cut short.
pub const ACCEPT_ALL: &[u8] =
    b"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";

const HEAD: &str =
    "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n";

/// Unreachable, echo, time exceeded, parameter problem.
const ICMP: &[u8] = &[3, 8, 11, 12];

/// Errors with path MTU, echo, multicast listeners, neighbours and routers (RFC 4890, 4.4.1); the kernel itself checks the
/// hop limit of the last.
const ICMP6: &[u8] = &[1, 2, 3, 4, 128, 130, 131, 132, 133, 134, 135, 136, 143];

/// The fail-safe. Without `tracking` it asks nothing of the kernel but nf_tables itself: answers are then TCP segments that
/// open no connection.
pub fn failsafe(family: Family, ssh: &BTreeSet<u16>, tracking: bool) -> Vec<u8> {
    let mut text = HEAD.to_owned();
    text.push_str(match tracking {
        true => "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n",
        false => "-A INPUT -p tcp ! --syn -j ACCEPT\n",
    });
    let (protocol, option, types) = match family {
        Family::Ipv4 => ("icmp", "--icmp-type", ICMP),
        Family::Ipv6 => ("ipv6-icmp", "--icmpv6-type", ICMP6),
    };
    for number in types {
        let _ = writeln!(text, "-A INPUT -p {protocol} {option} {number} -j ACCEPT");
    }
    text.push_str(match family {
        Family::Ipv4 => "-A INPUT -p udp --sport 67 --dport 68 -j ACCEPT\n",
        Family::Ipv6 => "-A INPUT -s fe80::/10 -p udp --sport 547 --dport 546 -j ACCEPT\n",
    });
    for port in ssh {
        let _ = writeln!(text, "-A INPUT -p tcp --dport {port} -j ACCEPT");
    }
    text.push_str("COMMIT\n");
    text.into_bytes()
}

/// 22 and the ports in sshd's configuration, which lies in `folder`.
pub fn ssh_ports(folder: &Path) -> BTreeSet<u16> {
    let parts = fs::read_dir(folder.join("sshd_config.d")).into_iter().flatten().flatten().map(|e| e.path());
    let files = std::iter::once(folder.join("sshd_config"))
        .chain(parts.filter(|path| path.extension().is_some_and(|end| end == "conf")));
    let texts = files.filter_map(|path| fs::read(path).ok());
    let named = texts.flat_map(|text| ports_of(&String::from_utf8_lossy(&text)));
    std::iter::once(22).chain(named).collect()
}

/// The ports of `Port N` and `ListenAddress HOST:N`.
fn ports_of(text: &str) -> Vec<u16> {
    let port_of = |line: &str| {
        let mut words = line.split(|c: char| c.is_ascii_whitespace() || c == '=').filter(|w| !w.is_empty());
        let (keyword, value) = (words.next()?, words.next()?.trim_matches('"'));
        if keyword.eq_ignore_ascii_case("Port") {
            return value.parse().ok();
        }
        let address = keyword.eq_ignore_ascii_case("ListenAddress");
        // An IPv6 address without brackets has no port.
        let (host, port) = value.rsplit_once(':').filter(|_| address)?;
        (!host.contains(':') || host.ends_with(']')).then(|| port.parse().ok())?
    };
    text.lines().filter_map(port_of).filter(|&port| port != 0).collect()
}

#[cfg(test)]
mod tests {
    use rfw_diagnostics::{Source, SourceKind};
    use rfw_lint::Input;

    use super::*;
    use crate::names::SystemNames;

    #[test]
    fn sshd_names_its_ports() {
        let text = "Port 2222\n# Port 1\nListenAddress 0.0.0.0\nlistenaddress [::]:2022\nListenAddress ::1\n\
                    port=2200\nListenAddress 192.0.2.1:222\nPort 0\nPort many\nPort 70000\nPermitRootLogin no:5";
        assert_eq!(ports_of(text), [2222, 2022, 2200, 222]);
        assert_eq!(ssh_ports(Path::new("/no/such/folder")), BTreeSet::from([22]));
    }

    #[test]
    fn every_fail_safe_is_a_ruleset_that_closes() {
        let names = SystemNames::default();
        let ssh = BTreeSet::from([22, 2222]);
        for family in [Family::Ipv4, Family::Ipv6] {
            for tracking in [true, false] {
                let text = failsafe(family, &ssh, tracking);
                let lines = text.split(|&b| b == b'\n').filter(|l| l.starts_with(b"-A ")).count();
                let source = Source::new("built-in", SourceKind::File, text);
                let model = rfw_lint::read(&source, Input::Save, family, &names, &rfw_lint::Facts::default());
                assert!(model.findings.is_empty(), "{:?}", model.findings);
                assert_eq!(model.rules().filter(|(_, placed)| placed.body.is_some()).count(), lines);
                let (_, filter) = model.table("filter").expect("a filter table");
                let policies: Vec<_> = filter.chains.iter().map(|chain| chain.policy).collect();
                use rfw_lint::Policy::{Accept, Drop};
                assert_eq!(policies, [Some(Drop), Some(Drop), Some(Accept)]);
            }
        }
    }
}
