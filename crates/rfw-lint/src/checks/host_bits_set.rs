//! A network is written with the address of one of its hosts.
//!
//! **Why.** `192.168.1.5/24` is the whole network, not the host: iptables masks the rest without a word. Either the prefix
//! or the address says what was not meant.
//!
//! **Packet.** tcp 192.168.1.77:40000 -> 192.0.2.10:22, NEW: matched as well.
//!
//! Bad:
//! ```text
//! -A INPUT -s 192.168.1.5/24 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -s 192.168.1.0/24 -j ACCEPT
//! ```
//! **Suppress.** Where addresses are copied from `ip addr` on purpose.

use std::net::IpAddr;

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};
use rfw_nft::Family;
use rfw_values::AddrMask;

pub(crate) use super::by_reading as run;
use crate::written::{Written, items};

/// One finding per address.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (text, span) in written.addresses().flat_map(items) {
        let Some((address, _)) = text.split_once('/') else { continue };
        let network = match written.family {
            Family::Ipv4 => AddrMask::parse_v4(text.as_bytes()),
            Family::Ipv6 => AddrMask::parse_v6(text.as_bytes()),
        };
        let (Ok(host), Ok(network)) = (address.parse::<IpAddr>(), network) else { continue };
        if network.addr() == host || network.is_any() {
            continue;
        }
        let size = match (network.prefix_len(), host) {
            (Some(len), IpAddr::V4(_)) => format!(" ({} addresses)", 1u64 << (32 - u32::from(len.min(32)))),
            _ => String::new(),
        };
        let message = format!("`{text}` means the whole network {network}{size}");
        out.push(
            Diagnostic::new(codes::HOST_BITS_SET, Severity::Warn, span, message)
                .help(format!("write `{network}`, or `{host}` for the single host"))
                .fix(span, network.to_string(), FixSafety::Suggestion),
        );
    }
}
