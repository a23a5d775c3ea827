//! Ports and ranges of ports.

use std::fmt;

use crate::{ValueError, number};

/// Where names of services come from (`/etc/services`, a fixed table in tests). What is not given has no names.
pub trait Services {
    /// The port of a service. `None` as protocol means any protocol.
    fn port(&self, _name: &[u8], _proto: Option<&str>) -> Option<u16> {
        None
    }
    /// The name of a port, for listings without `-n`.
    fn name(&self, _port: u16, _proto: Option<&str>) -> Option<String> {
        None
    }
}

/// No names at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoServices;

impl Services for NoServices {}

/// Why a word is not a range of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// A part is neither a number of 16 bits nor a known service.
    #[error(transparent)]
    NotAPort(ValueError),
    /// Both ends are ports, but the first is the larger one. Some extensions of 1.8.9 (`udp` among them) take such a
    /// range, which matches nothing.
    #[error("the range {lo}:{hi} runs backwards")]
    Inverted {
        /// The first port written.
        lo: u16,
        /// The second port written.
        hi: u16,
        /// The place.
        error: ValueError,
    },
}

impl PortError {
    /// The place and what was expected there.
    #[must_use]
    pub fn value_error(&self) -> &ValueError {
        match self {
            Self::NotAPort(error) | Self::Inverted { error, .. } => error,
        }
    }

    /// The same error `offset` bytes further into a word.
    #[must_use]
    pub fn shifted(self, offset: usize) -> Self {
        match self {
            Self::NotAPort(error) => Self::NotAPort(error.shifted(offset)),
            Self::Inverted { lo, hi, error } => Self::Inverted { lo, hi, error: error.shifted(offset) },
        }
    }
}

/// How an extension reads a number that is to be a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    /// Base 0, as `tcp` and `multiport` do.
    AnyBase,
    /// Decimal only, as the options do whose ports go through the resolver (`udp`, `dccp`, `conntrack`).
    Decimal,
}

/// Ports from `lo` to `hi`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    lo: u16,
    hi: u16,
}

impl PortRange {
    /// Every port.
    pub const FULL: Self = Self { lo: 0, hi: u16::MAX };

    /// The range, unless it runs backwards.
    #[must_use]
    pub const fn new(lo: u16, hi: u16) -> Option<Self> {
        if lo <= hi { Some(Self { lo, hi }) } else { None }
    }

    /// One port.
    #[must_use]
    pub const fn single(port: u16) -> Self {
        Self { lo: port, hi: port }
    }

    /// The first port.
    #[must_use]
    pub const fn lo(self) -> u16 {
        self.lo
    }

    /// The last port.
    #[must_use]
    pub const fn hi(self) -> u16 {
        self.hi
    }

    /// Whether it is one port.
    #[must_use]
    pub const fn is_single(self) -> bool {
        self.lo == self.hi
    }

    /// Whether it is every port.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.lo == 0 && self.hi == u16::MAX
    }

    /// Whether the port is inside.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.lo <= port && port <= self.hi
    }

    /// Reads `a`, `a:b`, `:b`, `a:` or `:` as `-p tcp` does: numbers in any base, then services.
    ///
    /// # Errors
    /// A part is no port, or the range runs backwards.
    pub fn parse(text: &[u8], proto: Option<&str>, services: &dyn Services) -> Result<Self, PortError> {
        Self::parse_with(text, proto, services, Numbers::AnyBase)
    }

    /// As [`PortRange::parse`] for the extensions whose numbers are decimal (`udp`, `dccp`, `conntrack`): `022` is 22
    /// and `0x16` is no port.
    ///
    /// # Errors
    /// A part is no port, or the range runs backwards.
    pub fn parse_decimal(
        text: &[u8],
        proto: Option<&str>,
        services: &dyn Services,
    ) -> Result<Self, PortError> {
        Self::parse_with(text, proto, services, Numbers::Decimal)
    }

    fn parse_with(
        text: &[u8],
        proto: Option<&str>,
        services: &dyn Services,
        numbers: Numbers,
    ) -> Result<Self, PortError> {
        let Some(colon) = text.iter().position(|&b| b == b':') else {
            let port = port_with(text, proto, services, numbers).map_err(PortError::NotAPort)?;
            return Ok(Self::single(port));
        };
        let part = |from: usize, to: usize, open: u16| {
            if from == to {
                return Ok(open);
            }
            port_with(&text[from..to], proto, services, numbers)
                .map_err(|e| PortError::NotAPort(e.shifted(from)))
        };
        let lo = part(0, colon, 0)?;
        let hi = part(colon + 1, text.len(), u16::MAX)?;
        Self::new(lo, hi).ok_or_else(|| PortError::Inverted {
            lo,
            hi,
            error: ValueError::whole(text, format!("the smaller port first: {hi}:{lo}")),
        })
    }
}

impl fmt::Display for PortRange {
    /// `22` or `22:80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() { write!(f, "{}", self.lo) } else { write!(f, "{}:{}", self.lo, self.hi) }
    }
}

/// One port: a number in any base, else a service.
///
/// # Errors
/// Neither. The range is the whole text.
pub fn parse_port(text: &[u8], proto: Option<&str>, services: &dyn Services) -> Result<u16, ValueError> {
    port_with(text, proto, services, Numbers::AnyBase)
}

/// One port: a decimal number, else a service.
///
/// # Errors
/// Neither. The range is the whole text.
pub fn parse_port_decimal(
    text: &[u8],
    proto: Option<&str>,
    services: &dyn Services,
) -> Result<u16, ValueError> {
    port_with(text, proto, services, Numbers::Decimal)
}

fn port_with(
    text: &[u8],
    proto: Option<&str>,
    services: &dyn Services,
    numbers: Numbers,
) -> Result<u16, ValueError> {
    let number = match numbers {
        Numbers::AnyBase => number::parse_u16(text, 0, u16::MAX).ok(),
        Numbers::Decimal => decimal(text),
    };
    number
        .or_else(|| services.port(text, proto))
        .ok_or_else(|| ValueError::whole(text, "a port from 0 to 65535 or the name of a service"))
}

fn decimal(text: &[u8]) -> Option<u16> {
    let digits = text.trim_ascii_start();
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Table;

    impl Services for Table {
        fn port(&self, name: &[u8], proto: Option<&str>) -> Option<u16> {
            match (name, proto) {
                (b"ssh", Some("tcp")) => Some(22),
                (b"http", _) => Some(80),
                _ => None,
            }
        }

        fn name(&self, _port: u16, _proto: Option<&str>) -> Option<String> {
            None
        }
    }

    #[test]
    fn forms() {
        for (text, printed) in [
            ("22", "22"),
            ("22:80", "22:80"),
            (":80", "0:80"),
            ("80:", "80:65535"),
            (":", "0:65535"),
            ("ssh", "22"),
            ("ssh:http", "22:80"),
            ("22:ssh", "22"),
            ("0x16", "22"),
            ("022", "18"),
            (" 22", "22"),
            ("+22", "22"),
        ] {
            let range = PortRange::parse(text.as_bytes(), Some("tcp"), &Table).expect(text);
            assert_eq!(range.to_string(), printed, "{text}");
        }
        assert!(PortRange::parse(b":", None, &NoServices).is_ok_and(PortRange::is_full));
    }

    #[test]
    fn decimal_only() {
        let parse = |t: &str| PortRange::parse_decimal(t.as_bytes(), Some("udp"), &Table);
        assert_eq!(parse("022"), Ok(PortRange::single(22)));
        assert_eq!(parse(" 22"), Ok(PortRange::single(22)));
        assert!(parse("0x16").is_err());
        assert!(parse("65536").is_err());
        assert!(parse("ssh").is_err());
    }

    #[test]
    fn which_part_is_wrong() {
        for (text, start, end) in [
            ("", 0, 0),
            ("65536", 0, 5),
            ("-1", 0, 2),
            ("22 ", 0, 3),
            ("22,80", 0, 5),
            ("1:2:3", 2, 5),
            ("a:", 0, 1),
            ("1:b", 2, 3),
        ] {
            let error = PortRange::parse(text.as_bytes(), None, &NoServices).expect_err(text);
            assert!(matches!(error, PortError::NotAPort(_)), "{text}");
            let place = error.value_error();
            assert_eq!((place.start, place.end), (start, end), "{text}");
        }
        assert!(matches!(
            PortRange::parse(b"80:22", None, &NoServices),
            Err(PortError::Inverted { lo: 80, hi: 22, .. })
        ));
        assert_eq!(PortRange::new(2, 1), None);
    }
}
