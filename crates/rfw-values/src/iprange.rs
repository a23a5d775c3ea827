//! Ranges of addresses: `a-b` or `a`.

use std::fmt;
use std::net::IpAddr;

use crate::ValueError;
use crate::address::{AddrText, numeric_v6, short_v4};

/// Addresses from one to another, both included and of one family. A range may run backwards and then holds nothing;
/// iptables warns of it and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddrRange {
    from: IpAddr,
    to: IpAddr,
}

impl AddrRange {
    /// The range; `None` for ends of two families.
    #[must_use]
    pub fn new(from: IpAddr, to: IpAddr) -> Option<Self> {
        (from.is_ipv4() == to.is_ipv4()).then_some(Self { from, to })
    }

    /// Reads IPv4 addresses; parts left out of one are zero (`10-11` is 10.0.0.0-11.0.0.0).
    ///
    /// # Errors
    /// An end is not numeric.
    pub fn parse_v4(text: &[u8]) -> Result<Self, ValueError> {
        Self::parse_with(text, "an IPv4 address", |t| short_v4(t).map(IpAddr::V4))
    }

    /// Reads IPv6 addresses.
    ///
    /// # Errors
    /// An end is not numeric.
    pub fn parse_v6(text: &[u8]) -> Result<Self, ValueError> {
        Self::parse_with(text, "an IPv6 address", |t| numeric_v6(t).map(IpAddr::V6))
    }

    fn parse_with(
        text: &[u8],
        expected: &str,
        numeric: impl Fn(&[u8]) -> Option<IpAddr>,
    ) -> Result<Self, ValueError> {
        let read = |start: usize, end: usize| {
            numeric(&text[start..end]).ok_or_else(|| ValueError::new(start, end, expected))
        };
        match text.iter().position(|&b| b == b'-') {
            None => {
                let only = read(0, text.len())?;
                Ok(Self { from: only, to: only })
            }
            Some(dash) => Ok(Self { from: read(0, dash)?, to: read(dash + 1, text.len())? }),
        }
    }

    /// The first address.
    #[must_use]
    pub const fn from(self) -> IpAddr {
        self.from
    }

    /// The last address.
    #[must_use]
    pub const fn to(self) -> IpAddr {
        self.to
    }

    /// Whether it is one address.
    #[must_use]
    pub fn is_single(self) -> bool {
        self.from == self.to
    }

    /// Whether it runs backwards and so matches nothing.
    #[must_use]
    pub fn is_reversed(self) -> bool {
        self.from > self.to
    }
}

impl fmt::Display for AddrRange {
    /// Always both ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", AddrText(self.from), AddrText(self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_stock_prints() {
        for (text, printed) in [
            ("1.1.1.1", "1.1.1.1-1.1.1.1"),
            ("1.1.1.1-2.2.2.2", "1.1.1.1-2.2.2.2"),
            ("2.2.2.2-1.1.1.1", "2.2.2.2-1.1.1.1"),
            ("10-11", "10.0.0.0-11.0.0.0"),
            ("1.1.1.1-2", "1.1.1.1-2.0.0.0"),
        ] {
            let range = AddrRange::parse_v4(text.as_bytes()).expect(text);
            assert_eq!(range.to_string(), printed);
        }
        assert!(AddrRange::parse_v6(b"::2-::1").is_ok_and(AddrRange::is_reversed));
    }

    #[test]
    fn guilty_end() {
        for (text, start, end) in [
            ("1.1.1.1-", 8, 8),
            ("-1.1.1.1", 0, 0),
            ("a-b", 0, 1),
            ("::1", 0, 3),
            ("1.1.1.1-1.1.1.1-1", 8, 17),
        ] {
            let error = AddrRange::parse_v4(text.as_bytes()).expect_err(text);
            assert_eq!((error.start, error.end), (start, end), "{text}");
        }
    }
}
