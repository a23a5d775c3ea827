//! An IPv4 address has fewer than four parts and no prefix.
//!
//! **Why.** `192.168.1` looks like a network and is the host 192.168.1.0: iptables fills the missing parts with zeros and
//! takes the whole for one address.
//!
//! **Packet.** tcp 192.168.1.77:40000 -> 192.0.2.10:22, NEW: not matched.
//!
//! Bad:
//! ```text
//! -A INPUT -s 192.168.1 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -s 192.168.1.0/24 -j ACCEPT
//! ```
//! **Suppress.** Never needed: write the host with all four parts.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};
use rfw_nft::Family;
use rfw_values::AddrMask;

pub(crate) use super::by_reading as run;
use crate::written::{Written, items};

/// One finding per address.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    if written.family != Family::Ipv4 {
        return;
    }
    for (text, span) in written.addresses().flat_map(items) {
        let parts = text.split('.').count();
        let numbers = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let Ok(read) = AddrMask::parse_v4(text.as_bytes()) else { continue };
        if !numbers || parts >= 4 {
            continue;
        }
        let meant = format!("{}/{}", read.addr(), 8 * parts);
        let message = format!("`{text}` is read as host {}/32", read.addr());
        out.push(
            Diagnostic::new(codes::PARTIAL_ADDRESS, Severity::Warn, span, message)
                .help(format!("give the prefix: {meant}"))
                .fix(span, meant, FixSafety::Suggestion),
        );
    }
}
