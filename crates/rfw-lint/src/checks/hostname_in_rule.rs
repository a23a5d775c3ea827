//! A rule names a host by its name, or holds a placeholder that nobody filled in.
//!
//! **Why.** A name is looked up once, when the rule is loaded. At boot there may be no DNS yet, and then the whole file
//! fails; later changes of the name are not followed; several addresses make several rules.
//!
//! **Packet.** udp 192.0.2.124:123 -> 192.0.2.10:123: the server has moved there, and the rule still has its old address.
//!
//! Bad:
//! ```text
//! -A INPUT -s ntp.example.net -p udp --sport 123 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -s 192.0.2.123 -p udp --sport 123 -j ACCEPT
//! ```
//! **Suppress.** Where `/etc/hosts` has the name, or a job reloads the rules when it changes.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_nft::Family;
use rfw_values::HostOrAddr;

pub(crate) use super::by_reading as run;
use crate::written::{Written, items};

/// Words that stand for an address in guides.
const PLACEHOLDERS: [&str; 6] = ["your", "x.x", "xxx", "<", "ip_address", "example_ip"];

/// One finding per name.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (text, span) in written.addresses().flat_map(items) {
        let read = match written.family {
            Family::Ipv4 => HostOrAddr::parse_v4(text.as_bytes()),
            Family::Ipv6 => HostOrAddr::parse_v6(text.as_bytes()),
        };
        let Ok(HostOrAddr::Name { mask, .. }) = read else { continue };
        if mask.is_some_and(|mask| mask.is_unspecified()) {
            continue;
        }
        let lower = text.to_ascii_lowercase();
        let (message, help) = if PLACEHOLDERS.iter().any(|p| lower.contains(p)) {
            (format!("`{text}` is a placeholder, not an address"), "fill in the address")
        } else {
            (
                format!("`{text}` is resolved once, when the rule is loaded"),
                "at boot there may be no DNS (the whole file then fails), and several addresses make several rules",
            )
        };
        out.push(Diagnostic::new(codes::HOSTNAME_IN_RULE, Severity::Warn, span, message).help(help));
    }
}
