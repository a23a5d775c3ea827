//! Addresses and masks of options that go through the resolver (`--ctorigsrc`, `--mask` of recent, `--connlimit-mask`).
//!
//! Their words are those of libxtables' `XTTYPE_HOST`, `XTTYPE_HOSTMASK` and `XTTYPE_PLENMASK`: `10.1` is 10.0.0.1 and host
//! bits outside the mask stay. On the wire all are `union nf_inet_addr` (`linux/netfilter.h`), 16 bytes of which IPv4 uses
//! the first four.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use rfw_diagnostics::{Diagnostic, codes};
use rfw_syntax::Word;
use rfw_values::address::{AddrText, mask_len, numeric_v6, octets, wide_v4};
use rfw_values::{ValueError, number};

use crate::Parsed;
use crate::context::{Family, ParseCx};
use crate::uses::bad_value;

/// The bytes of an address in its union.
#[must_use]
pub fn union_bytes(address: IpAddr) -> [u8; 16] {
    let mut out = [0; 16];
    let bytes = octets(address);
    out[..bytes.len()].copy_from_slice(&bytes);
    out
}

/// The address in a union.
#[must_use]
pub fn union_address(bytes: [u8; 16], family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into(),
        Family::Ipv6 => Ipv6Addr::from(bytes).into(),
    }
}

/// A mask in its union.
///
/// All 16 bytes are kept, since iptables compares payloads byte by byte and writes an IPv4 mask that was not given as 16 bytes
/// of ones, a given one as four bytes and zeroes. Two masks are equal if the bytes that mean something are.
#[derive(Clone, Copy, Debug)]
pub struct Mask {
    bytes: [u8; 16],
    family: Family,
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for Mask {}

impl Mask {
    /// Every bit counts: what stands there when no mask was given.
    #[must_use]
    pub const fn full(family: Family) -> Self {
        Self { bytes: [0xff; 16], family }
    }

    /// From the bytes of the union.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16], family: Family) -> Self {
        Self { bytes, family }
    }

    /// From a mask that is written as an address.
    #[must_use]
    pub fn from_address(mask: IpAddr) -> Self {
        let family = if mask.is_ipv6() { Family::Ipv6 } else { Family::Ipv4 };
        Self { bytes: union_bytes(mask), family }
    }

    /// The first `length` bits.
    #[must_use]
    pub fn prefix(length: u8, family: Family) -> Self {
        let bits = u128::MAX.checked_shl(128u32.saturating_sub(length.into())).unwrap_or(0);
        Self { bytes: bits.to_be_bytes(), family }
    }

    /// The bytes of the union.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 16] {
        self.bytes
    }

    /// The bytes that mean something: 4 or 16.
    #[must_use]
    pub fn significant(&self) -> &[u8] {
        &self.bytes[..self.family.address_len()]
    }

    /// The mask, written as an address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        union_address(self.bytes, self.family)
    }

    /// The length, if it is a prefix.
    #[must_use]
    pub fn prefix_len(&self) -> Option<u8> {
        mask_len(self.address())
    }

    /// The same where the mask has to be a prefix.
    ///
    /// # Errors
    /// With libxtables' words.
    pub fn parse_prefix(word: &Word<'_>, family: Family, extension: &str, option: &str) -> Parsed<Self> {
        let range = 0..word.text.len();
        let mask = Self::parse(word, range.clone(), family, extension, option)?;
        if mask.prefix_len().is_none() {
            return Err(no_mask(word, range, family, extension, option));
        }
        Ok(mask)
    }

    /// Reads a length or, written as an address, a mask: `24`, `255.255.255.0`, `ffff::`.
    ///
    /// A number that is too large and a mask in fewer than four parts are mistakes here; 1.8.9 takes `33` for an address and
    /// then matches one host.
    ///
    /// # Errors
    /// With libxtables' words.
    pub fn parse(
        word: &Word<'_>,
        range: Range<usize>,
        family: Family,
        extension: &str,
        option: &str,
    ) -> Parsed<Self> {
        let text = word.text.get(range.clone()).unwrap_or_default();
        let max: u8 = if family == Family::Ipv4 { 32 } else { 128 };
        let mask = match family {
            Family::Ipv4 if text.iter().filter(|&&b| b == b'.').count() == 3 => wide_v4(text).map(IpAddr::V4),
            Family::Ipv4 => None,
            Family::Ipv6 => numeric_v6(text).map(IpAddr::V6),
        };
        if let Some(mask) = mask {
            return Ok(match mask_len(mask) {
                Some(length) => Self::prefix(length, family),
                None => Self::from_address(mask),
            });
        }
        match number::parse_u8(text, 0, max) {
            Ok(length) => Ok(Self::prefix(length, family)),
            Err(_) => Err(no_mask(word, range, family, extension, option)),
        }
    }
}

fn no_mask(
    word: &Word<'_>,
    range: Range<usize>,
    family: Family,
    extension: &str,
    option: &str,
) -> Box<Diagnostic> {
    let max = family.address_len() * 8;
    let error = ValueError::new(range.start, range.end, format!("a prefix length from 0 to {max} or a mask"));
    let classic = format!(
        "{extension}: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-{max}).\n"
    );
    bad_value(word, &error, classic)
}

impl fmt::Display for Mask {
    /// What stands behind an address: nothing for a single host, else `/24` or `/255.0.255.0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix_len() {
            Some(length) if usize::from(length) == self.significant().len() * 8 => Ok(()),
            Some(length) => write!(f, "/{length}"),
            None => write!(f, "/{}", AddrText(self.address())),
        }
    }
}

/// One address: a numeric one as the C library reads it, or the name of a host with exactly one address.
///
/// # Errors
/// With libxtables' words.
pub fn host(word: &Word<'_>, range: Range<usize>, cx: &ParseCx<'_>) -> Parsed<IpAddr> {
    let text = word.text.get(range.clone()).unwrap_or_default();
    let (v4, v6) = (wide_v4(text).map(IpAddr::V4), numeric_v6(text).map(IpAddr::V6));
    let (own, other) = match cx.family {
        Family::Ipv4 => (v4, v6),
        Family::Ipv6 => (v6, v4),
    };
    if let Some(address) = own {
        return Ok(address);
    }
    let span = word.part(range.start, range.end);
    let shown = String::from_utf8_lossy(text);
    if other.is_some() {
        let (this, tool) =
            if cx.family == Family::Ipv4 { ("IPv6", "ip6tables") } else { ("IPv4", "iptables") };
        return Err(Box::new(
            Diagnostic::error(codes::BAD_VALUE, span, format!("`{shown}` is an {this} address"))
                .help(format!("use the {tool} command"))
                .parameter("getaddrinfo: Address family for hostname not supported\n"),
        ));
    }
    let mut found =
        if text.iter().any(u8::is_ascii_alphabetic) { cx.names.host(text, cx.family) } else { Vec::new() };
    found.dedup();
    match found.as_slice() {
        [address] => Ok(*address),
        [] => Err(Box::new(
            Diagnostic::error(codes::UNRESOLVED_HOST, span, format!("`{shown}` is no host"))
                .help("an address, or a name that resolves now")
                .parameter("getaddrinfo: Name or service not known\n"),
        )),
        _ => Err(Box::new(
            Diagnostic::error(codes::BAD_VALUE, span, format!("`{shown}` has more than one address"))
                .help("write the address that is meant")
                .parameter(format!("{shown} resolves to more than one address\n")),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_counts_makes_masks_differ() {
        let long = Mask::full(Family::Ipv4);
        let short = Mask::prefix(32, Family::Ipv4);
        assert_ne!(long.bytes(), short.bytes());
        assert_eq!(long, short);
        assert_ne!(Mask::prefix(24, Family::Ipv4), short);
        assert_ne!(Mask::prefix(32, Family::Ipv6), Mask::full(Family::Ipv6));
        assert_eq!(Mask::prefix(128, Family::Ipv6).bytes(), [0xff; 16]);
        assert_eq!(Mask::prefix(0, Family::Ipv6).bytes(), [0; 16]);
    }

    #[test]
    fn text() {
        for (length, text) in [(32, ""), (24, "/24"), (0, "/0")] {
            assert_eq!(Mask::prefix(length, Family::Ipv4).to_string(), text);
        }
        assert_eq!(Mask::from_address(IpAddr::from([255, 0, 255, 0])).to_string(), "/255.0.255.0");
        assert_eq!(Mask::prefix(64, Family::Ipv6).to_string(), "/64");
    }
}
