//! A part of an IPv4 address begins with a zero.
//!
//! **Why.** iptables reads such a part as an octal number, as C does. Who pads addresses to equal width gets other ones.
//!
//! **Packet.** tcp 10.0.0.1:40000 -> 192.0.2.10:22, NEW: not matched by `-s 010.0.0.1`, which is 8.0.0.1.
//!
//! Bad:
//! ```text
//! -A INPUT -s 010.0.0.1 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -s 10.0.0.1 -j ACCEPT
//! ```
//! **Suppress.** Where octal was meant.

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
        let (address, rest) = text.split_at(text.find('/').unwrap_or(text.len()));
        let octal = |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
        let Ok(read) = AddrMask::parse_v4(address.as_bytes()) else { continue };
        let parts = address.split('.').map(|part| part.trim_start_matches('0'));
        let meant: Vec<&str> = parts.map(|part| if part.is_empty() { "0" } else { part }).collect();
        let meant = meant.join(".");
        if !address.split('.').any(octal) || read.addr().to_string() == meant {
            continue;
        }
        let message = format!("`{address}` is read as octal: the rule matches {}", read.addr());
        out.push(
            Diagnostic::new(codes::OCTAL_OCTET, Severity::Warn, span, message)
                .help(format!("drop the leading zero if you meant {meant}"))
                .fix(span, format!("{meant}{rest}"), FixSafety::Unsafe),
        );
    }
}
