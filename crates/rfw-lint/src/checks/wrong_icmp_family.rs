//! A rule asks for the ICMP of the other address family.
//!
//! **Why.** IPv4 has protocol 1, IPv6 has protocol 58. Each tool takes both, and the wrong one never occurs: the rule loads
//! and never matches.
//!
//! **Packet.** icmpv6 2001:db8::7 -> 2001:db8::10, echo-request: not accepted by `-p icmp`.
//!
//! Both are for ip6tables.
//!
//! Bad:
//! ```text
//! -A INPUT -p icmp -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p ipv6-icmp -j ACCEPT
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, FixSafety, codes};
use rfw_nft::Family;

pub(crate) use super::by_reading as run;
use crate::written::Written;

/// One finding per rule.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    let Some(protocol) = &written.command.rule.protocol else { return };
    let number = written.rule.selector.protocol_pair();
    let shown = protocol.value.lossy();
    let (message, meant) = match (written.family, number) {
        (Family::Ipv6, Some((1, false))) => {
            (format!("`-p {shown}` is IPv4 ICMP (protocol 1); IPv6 uses `-p ipv6-icmp` (58)"), "ipv6-icmp")
        }
        (Family::Ipv4, Some((58, false))) => {
            (format!("`-p {shown}` is ICMPv6 (protocol 58); IPv4 uses `-p icmp` (1)"), "icmp")
        }
        _ => return,
    };
    let mut diagnostic = Diagnostic::error(codes::WRONG_ICMP_FAMILY, protocol.value.span, message)
        .help("the rule loads but never matches");
    // The types of one are not those of the other. What was never matched is matched then.
    if written.uses().next().is_none() {
        diagnostic = diagnostic.fix(protocol.value.span, meant, FixSafety::Unsafe);
    }
    out.push(diagnostic);
}
