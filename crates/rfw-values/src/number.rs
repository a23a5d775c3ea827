//! Unsigned numbers, read as C's `strtoul` with base 0 reads them and as iptables restricts it.
//!
//! Decimal, `0x` hexadecimal, leading `0` octal; blanks and one `+` may come first; a minus sign and overflow are
//! refused; the whole word must be the number.

use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while};
use nom::character::complete::{char, digit1, hex_digit1, oct_digit0};
use nom::combinator::{opt, peek};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::ValueError;

/// C's `isspace` in the C locale.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn fold(digits: &[u8], radix: u64) -> Option<u64> {
    digits.iter().try_fold(0u64, |sum, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => digit.wrapping_sub(b'A').wrapping_add(10),
        };
        sum.checked_mul(radix)?.checked_add(u64::from(value))
    })
}

/// Nothing but decimal digits, as nearly every number is written; so few that they can't overflow, and no leading `0`.
fn plain(text: &[u8]) -> Option<u64> {
    let digits = text.len() <= 9 && text.iter().all(u8::is_ascii_digit);
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if digits => fold(text, 10),
        _ => None,
    }
}

/// `strtoul(…, &end, 0)`: the number (`None` on overflow) and what follows it.
fn leading(input: &[u8]) -> IResult<&[u8], Option<u64>> {
    let hex = preceded(tag_no_case("0x"), hex_digit1).map(|d| fold(d, 16));
    let octal = preceded(peek(char('0')), oct_digit0).map(|d| fold(d, 8));
    let decimal = digit1.map(|d| fold(d, 10));
    preceded((take_while(is_space), opt(char('+'))), alt((hex, octal, decimal))).parse(input)
}

/// The number at the front of the text and how many bytes it takes; `None` without digits or on overflow.
#[must_use]
pub fn prefix(text: &[u8]) -> Option<(u64, usize)> {
    let (rest, value) = leading(text).ok()?;
    Some((value?, text.len() - rest.len()))
}

/// A number from `min` to `max`.
///
/// # Errors
/// No digits, a sign, bytes after the number, out of bounds.
pub fn parse_u64(text: &[u8], min: u64, max: u64) -> Result<u64, ValueError> {
    if let Some(value) = plain(text).filter(|v| (min..=max).contains(v)) {
        return Ok(value);
    }
    let expected = || {
        if max == u64::MAX { "a number".to_owned() } else { format!("a number from {min} to {max}") }
    };
    let Ok((rest, value)) = leading(text) else {
        return Err(ValueError::whole(text, expected()));
    };
    if !rest.is_empty() {
        let start = text.len() - rest.len();
        return Err(ValueError::new(start, text.len(), expected()));
    }
    value.filter(|v| (min..=max).contains(v)).ok_or_else(|| ValueError::whole(text, expected()))
}

macro_rules! narrow {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// As [`parse_u64`].
        pub fn $name(text: &[u8], min: $type, max: $type) -> Result<$type, ValueError> {
            let value = parse_u64(text, min.into(), max.into())?;
            <$type>::try_from(value).map_err(|_| ValueError::whole(text, "a smaller number"))
        }
    };
}

narrow!(
    /// A number of one byte from `min` to `max`.
    parse_u8,
    u8
);
narrow!(
    /// A number of two bytes from `min` to `max`.
    parse_u16,
    u16
);
narrow!(
    /// A number of four bytes from `min` to `max`.
    parse_u32,
    u32
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases() {
        for (text, value) in
            [("0", 0), ("10", 10), ("010", 8), ("0x10", 16), ("0XfF", 255), (" 7", 7), ("\t+7", 7), ("00", 0)]
        {
            assert_eq!(parse_u64(text.as_bytes(), 0, u64::MAX), Ok(value), "{text}");
        }
    }

    #[test]
    fn refused_with_the_guilty_bytes() {
        for (text, start, end) in [
            ("", 0, 0),
            ("-1", 0, 2),
            ("1x", 1, 2),
            ("08", 1, 2),
            ("0x", 1, 2),
            ("1 ", 1, 2),
            ("256", 0, 3),
            ("99999999999999999999", 0, 20),
        ] {
            let error = parse_u8(text.as_bytes(), 0, 255).expect_err(text);
            assert_eq!((error.start, error.end), (start, end), "{text}");
        }
    }

    #[test]
    fn bounds() {
        assert!(parse_u16(b"3", 4, 5).is_err());
        assert_eq!(parse_u16(b"65535", 0, u16::MAX), Ok(65535));
        assert!(parse_u32(b"4294967296", 0, u32::MAX).is_err());
        assert_eq!(parse_u64(b"18446744073709551615", 0, u64::MAX), Ok(u64::MAX));
        assert_eq!(prefix(b"0x1f/3"), Some((31, 4)));
        assert_eq!(prefix(b"x"), None);
    }
}
