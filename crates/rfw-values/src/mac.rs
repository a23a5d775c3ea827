//! Ethernet addresses.

use std::fmt;

use nom::bytes::complete::take_while_m_n;
use nom::character::complete::char;
use nom::combinator::{all_consuming, map_opt};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::ValueError;

/// Six bytes, written as hexadecimal digits with colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacAddr(pub [u8; 6]);

fn byte(input: &[u8]) -> IResult<&[u8], u8> {
    map_opt(take_while_m_n(1, 2, |b: u8| b.is_ascii_hexdigit()), |digits: &[u8]| {
        u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    })
    .parse(input)
}

fn six(input: &[u8]) -> IResult<&[u8], [u8; 6]> {
    let next = || preceded(char(':'), byte);
    (byte, next(), next(), next(), next(), next()).map(|(a, b, c, d, e, f)| [a, b, c, d, e, f]).parse(input)
}

impl MacAddr {
    /// Reads six bytes of one or two hexadecimal digits with colons between them. iptables itself also takes an empty
    /// byte, a sign or a blank for a digit (`-6` is fa); those are mistakes and refused here.
    ///
    /// # Errors
    /// Anything else; the range is the whole word.
    pub fn parse(text: &[u8]) -> Result<Self, ValueError> {
        match all_consuming(six).parse(text) {
            Ok((_, bytes)) => Ok(Self(bytes)),
            Err(_) => Err(ValueError::whole(text, "a MAC address like 00:16:3e:0a:0b:0c")),
        }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_stock_reads_and_prints() {
        for (text, printed) in [
            ("aa:bb:cc:dd:ee:ff", Some("aa:bb:cc:dd:ee:ff")),
            ("AA:BB:CC:DD:EE:FF", Some("aa:bb:cc:dd:ee:ff")),
            ("a:b:c:d:e:f", Some("0a:0b:0c:0d:0e:0f")),
            ("00:1:2:3:4:05", Some("00:01:02:03:04:05")),
            ("aa:bb:cc:dd:ee", None),
            ("aa-bb-cc-dd-ee-ff", None),
            ("aabb.ccdd.eeff", None),
            ("0xa:b:c:d:e:f", None),
            ("001:2:3:4:5:6", None),
            ("g0:1:2:3:4:5", None),
            ("1:2:3:4:5:6:7", None),
            ("", None),
        ] {
            let found = MacAddr::parse(text.as_bytes()).ok().map(|m| m.to_string());
            assert_eq!(found.as_deref(), printed, "{text}");
        }
    }
}
