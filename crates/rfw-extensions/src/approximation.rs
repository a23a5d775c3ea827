//! What nft would write that does nearly the same as an xt match or target.
//!
//! For people who translate a ruleset by hand. Nothing of it is ever loaded: a rule that nearly does what was said is another rule.

use std::fmt::Write;
use std::net::IpAddr;

use crate::context::Family;
use crate::shared::inet::Mask;

/// Longer names of lists are cut; nft takes 255 bytes.
const NAME_MAX: usize = 60;
/// nft's units of time with their seconds.
const UNITS: [(&str, u64); 5] =
    [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400), ("week", 604_800)];

/// Nearly the same, in nft's syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approximation {
    /// Named sets that it needs: name, and what stands in braces behind it.
    pub sets: Vec<(String, String)>,
    /// What stands in the rule in its place.
    pub statement: String,
    /// What it does otherwise: clauses.
    pub differs: Vec<&'static str>,
}

impl Approximation {
    /// Without a set.
    #[must_use]
    pub fn plain(statement: impl Into<String>, differs: &[&'static str]) -> Self {
        Self { sets: Vec::new(), statement: statement.into(), differs: differs.to_vec() }
    }
}

/// A set's name for a list's: letters, digits, `.` and `_`, behind a word that no keyword of nft begins with.
#[must_use]
pub fn set_name(kind: &str, list: &[u8]) -> String {
    let plain = |b: &u8| if b.is_ascii_alphanumeric() || *b == b'.' { char::from(*b) } else { '_' };
    format!("{kind}_{}", list.iter().take(NAME_MAX).map(plain).collect::<String>())
}

/// The type of a set of addresses.
#[must_use]
pub const fn address_type(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4_addr",
        Family::Ipv6 => "ipv6_addr",
    }
}

/// `ip saddr & 255.255.255.0`; `None` if no bit of the address counts.
#[must_use]
pub fn address(destination: bool, mask: &Mask) -> Option<String> {
    let mask_text = mask.address();
    let name = match (mask_text, destination) {
        (IpAddr::V4(_), false) => "ip saddr",
        (IpAddr::V4(_), true) => "ip daddr",
        (IpAddr::V6(_), false) => "ip6 saddr",
        (IpAddr::V6(_), true) => "ip6 daddr",
    };
    let bytes = mask.significant();
    if bytes.iter().all(|b| *b == 0) {
        None
    } else if bytes.iter().all(|b| *b == 0xff) {
        Some(name.to_owned())
    } else {
        Some(format!("{name} & {mask_text}"))
    }
}

/// `4/minute` for so many in so many seconds, rounded down where no unit fits.
#[must_use]
pub fn rate(count: u64, seconds: u64) -> String {
    let in_unit = |unit: u64| count.saturating_mul(unit) / seconds.max(1);
    let exact =
        |&&(_, unit): &&(&str, u64)| count.saturating_mul(unit) % seconds.max(1) == 0 && in_unit(unit) > 0;
    let found = UNITS.iter().find(exact).or_else(|| UNITS.iter().find(|(_, unit)| in_unit(*unit) > 0));
    let &(name, unit) = found.unwrap_or(&UNITS[4]);
    format!("{}/{name}", in_unit(unit).max(1))
}

/// What stands in the braces of a set whose members come from packets. Milliseconds; 0 for members that stay.
#[must_use]
pub fn dynamic(key: &str, size: u32, timeout: u64) -> String {
    let size = if size == 0 { 65_535 } else { size };
    let mut text = format!("type {key}; size {size}; flags dynamic,timeout;");
    match (timeout % 1_000, timeout / 1_000) {
        (0, 0) => Ok(()),
        (0, seconds) => write!(text, " timeout {seconds}s;"),
        _ => write!(text, " timeout {timeout}ms;"),
    }
    // Writing into a string does not fail.
    .unwrap_or_default();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_in_nfts_units() {
        for (count, seconds, wanted) in [
            (4, 60, "4/minute"),
            (120, 60, "2/second"),
            (5, 1, "5/second"),
            (3, 90, "2/minute"),
            (1, 7_200, "12/day"),
            (7, 13, "32/minute"),
            (1, 4_294_967_295, "1/week"),
        ] {
            assert_eq!(rate(count, seconds), wanted, "{count} in {seconds}");
        }
    }

    #[test]
    fn names_and_times() {
        assert_eq!(set_name("recent", b"a b-\xff"), "recent_a_b__");
        assert_eq!(
            dynamic("ipv4_addr", 0, 1_500),
            "type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1500ms;"
        );
        assert_eq!(address(true, &Mask::prefix(8, Family::Ipv4)).as_deref(), Some("ip daddr & 255.0.0.0"));
        assert_eq!(address(true, &Mask::prefix(0, Family::Ipv6)), None);
    }
}
