//! `0.0.0.0` or `::` is given without a prefix.
//!
//! **Why.** It is meant as "everywhere" and is the single address 0.0.0.0, which next to no packet has. The rule loads and
//! never matches. Rules for DHCP, IGMP and neighbour discovery, where hosts without an address do use it, are not reported.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:22, NEW: not accepted.
//!
//! Bad:
//! ```text
//! -A INPUT -s 0.0.0.0 -p tcp --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -s 0.0.0.0/0 -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Never needed: write `0.0.0.0/32` where that address is meant.

use rfw_diagnostics::{Diagnostic, FixSafety, codes};

pub(crate) use super::by_reading as run;
use crate::conditions::{Key, Outcome};
use crate::sets::Set;
use crate::written::{Written, items};

/// One finding per address.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    if without_address(written) {
        return;
    }
    for (text, span) in written.addresses().flat_map(items) {
        if !matches!(text, "0.0.0.0" | "::") {
            continue;
        }
        let single = if text == "::" { "::/128" } else { "0.0.0.0/32" };
        let message = format!("`{text}` without a prefix is the single address {single}");
        out.push(
            Diagnostic::error(codes::ZERO_ADDRESS_WITHOUT_MASK, span, message)
                .help(format!("use `{text}/0` (or leave the option out) to match every address"))
                .fix(span, format!("{text}/0"), FixSafety::Unsafe),
        );
    }
}

/// Whether the rule is one that hosts without an address may meet: DHCP (68 to 67), IGMP, ICMPv6; or drops them as bogus.
fn without_address(written: &Written<'_, '_>) -> bool {
    let is = |key: Key, numbers: &[u128]| {
        let wanted = Set::union(numbers.iter().map(|&n| (n, n)));
        written.conditions.set(&key).is_some_and(|set| set.is_within(&wanted))
    };
    let bogus = written.conditions.outcome == Outcome::Drop && written.conditions.sets().count() == 1;
    let ports = &[67, 68][..];
    bogus || is(Key::Protocol, &[2, 58]) || is(Key::SourcePort, ports) || is(Key::DestinationPort, ports)
}
