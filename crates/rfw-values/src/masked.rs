//! A 32-bit value with a mask: `0x1` or `0x1/0xff`.

use std::fmt;

use crate::{ValueError, number};

/// A value and the bits of it that count. The value may have bits outside the mask, as iptables lets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Masked {
    /// The value.
    pub value: u32,
    /// Which bits count; all without a mask.
    pub mask: u32,
}

impl Masked {
    /// A value of which every bit counts.
    #[must_use]
    pub const fn exact(value: u32) -> Self {
        Self { value, mask: u32::MAX }
    }

    /// Reads `value[/mask]`.
    ///
    /// # Errors
    /// Either part is not a number of 32 bits.
    pub fn parse(text: &[u8]) -> Result<Self, ValueError> {
        let Some(slash) = text.iter().position(|&b| b == b'/') else {
            return Ok(Self::exact(number::parse_u32(text, 0, u32::MAX)?));
        };
        let value = number::parse_u32(&text[..slash], 0, u32::MAX)?;
        let mask = number::parse_u32(&text[slash + 1..], 0, u32::MAX).map_err(|e| e.shifted(slash + 1))?;
        Ok(Self { value, mask })
    }

    /// Whether every bit counts.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        self.mask == u32::MAX
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.value)?;
        if !self.is_exact() {
            write!(f, "/{:#x}", self.mask)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_stock_prints() {
        for (text, printed) in [
            ("1", "0x1"),
            ("0x1/0xff", "0x1/0xff"),
            ("1/255", "0x1/0xff"),
            ("0x1/0xffffffff", "0x1"),
            ("0/0", "0x0/0x0"),
            ("010", "0x8"),
            (" 1", "0x1"),
            ("0xf0/0xf", "0xf0/0xf"),
        ] {
            let masked = Masked::parse(text.as_bytes()).expect(text);
            assert_eq!(masked.to_string(), printed, "{text}");
            assert_eq!(Masked::parse(printed.as_bytes()), Ok(masked));
        }
    }

    #[test]
    fn refused() {
        for (text, start, end) in [
            ("", 0, 0),
            ("1/", 2, 2),
            ("/1", 0, 0),
            ("1/2/3", 3, 5),
            ("4294967296", 0, 10),
            ("-1", 0, 2),
            ("1/x", 2, 3),
        ] {
            let error = Masked::parse(text.as_bytes()).expect_err(text);
            assert_eq!((error.start, error.end), (start, end), "{text}");
        }
    }
}
