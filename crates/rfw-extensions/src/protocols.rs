//! Names of protocols as the releases of iptables print them.

use rfw_diagnostics::CompatVersion;

use crate::printer::Printer;
use crate::selector::protocol_name;

/// The protocols that iptables 1.8.11 names in rules and in listings with `-n`; and 1.8.9 where `-v` tells of a rule, but for
/// DCCP and IPComp.
const NAMED: [u8; 11] = [1, 6, 17, 33, 50, 51, 58, 108, 132, 135, 136];

/// The name of a protocol in a rule's text.
#[must_use]
pub fn in_rule(number: u8, out: &Printer<'_>) -> Option<String> {
    match out.version {
        CompatVersion::V1_8_9 => protocol_name(number, out.names),
        CompatVersion::V1_8_11 => protocol_name(number, out.names).filter(|_| NAMED.contains(&number)),
    }
}

/// The name of a protocol in a listing.
#[must_use]
pub fn in_listing(number: u8, out: &Printer<'_>) -> Option<String> {
    let name = || if number == 0 { Some("all".to_owned()) } else { protocol_name(number, out.names) };
    match out.version {
        _ if !out.numeric => name(),
        CompatVersion::V1_8_9 => None,
        CompatVersion::V1_8_11 => name().filter(|_| number == 0 || NAMED.contains(&number)),
    }
}

/// The name of a protocol where `-v` tells of a rule.
#[must_use]
pub fn told(number: u8, out: &Printer<'_>) -> Option<String> {
    match (number, out.version) {
        (0, _) => Some("all".to_owned()),
        (33 | 108, CompatVersion::V1_8_9) => None,
        _ => protocol_name(number, out.names).filter(|_| NAMED.contains(&number)),
    }
}
