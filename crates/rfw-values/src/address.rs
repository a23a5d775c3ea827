//! Addresses with masks, and words that may be one or the name of a host.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use smallvec::SmallVec;

use crate::{ValueError, number};

/// The bytes of an address, in network order: 4 or 16.
pub type Bytes = SmallVec<[u8; 16]>;

/// An address and which of its bits count; the other bits are zero. Both are of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddrMask {
    addr: IpAddr,
    mask: IpAddr,
}

impl AddrMask {
    /// The address with the bits outside the mask cleared; `None` for a mask of the other family.
    #[must_use]
    pub fn new(addr: IpAddr, mask: IpAddr) -> Option<Self> {
        let addr = match (addr, mask) {
            (IpAddr::V4(a), IpAddr::V4(m)) => IpAddr::V4(a & m),
            (IpAddr::V6(a), IpAddr::V6(m)) => IpAddr::V6(a & m),
            _ => return None,
        };
        Some(Self { addr, mask })
    }

    /// One address.
    #[must_use]
    pub fn host(addr: IpAddr) -> Self {
        Self { addr, mask: full_mask(addr) }
    }

    /// The first `len` bits of an address; `None` if it has fewer.
    #[must_use]
    pub fn prefix(addr: IpAddr, len: u8) -> Option<Self> {
        let mask = match addr {
            IpAddr::V4(_) => IpAddr::V4(v4_prefix(len)?),
            IpAddr::V6(_) => IpAddr::V6(v6_prefix(len)?),
        };
        Self::new(addr, mask)
    }

    /// Reads a numeric IPv4 address with an optional mask: `10.0.0.0/8`, `10/8`, `10.0.0.0/255.0.0.0`, `0x7f000001`.
    ///
    /// # Errors
    /// The address is not numeric or the mask is wrong.
    pub fn parse_v4(text: &[u8]) -> Result<Self, ValueError> {
        HostOrAddr::parse_v4(text)?.numeric("an IPv4 address")
    }

    /// Reads a numeric IPv6 address with an optional mask: `2001:db8::/32`, `::1/ffff::`.
    ///
    /// # Errors
    /// The address is not numeric or the mask is wrong.
    pub fn parse_v6(text: &[u8]) -> Result<Self, ValueError> {
        HostOrAddr::parse_v6(text)?.numeric("an IPv6 address")
    }

    /// The address, without the bits outside the mask.
    #[must_use]
    pub const fn addr(self) -> IpAddr {
        self.addr
    }

    /// The mask.
    #[must_use]
    pub const fn mask(self) -> IpAddr {
        self.mask
    }

    /// Whether it is of IPv6.
    #[must_use]
    pub const fn is_v6(self) -> bool {
        self.addr.is_ipv6()
    }

    /// The length of the prefix, if the mask is one.
    #[must_use]
    pub fn prefix_len(self) -> Option<u8> {
        mask_len(self.mask)
    }

    /// Whether every address matches.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.mask.is_unspecified()
    }

    /// Whether exactly one address matches.
    #[must_use]
    pub fn is_host(self) -> bool {
        self.mask == full_mask(self.addr)
    }

    /// Whether an address matches; never one of the other family.
    #[must_use]
    pub fn contains(self, addr: IpAddr) -> bool {
        Self::new(addr, self.mask).is_some_and(|masked| masked.addr == self.addr)
    }

    /// The bytes of the address in network order.
    #[must_use]
    pub fn addr_bytes(self) -> Bytes {
        octets(self.addr)
    }

    /// The bytes of the mask in network order.
    #[must_use]
    pub fn mask_bytes(self) -> Bytes {
        octets(self.mask)
    }

    /// As `-L -n` writes it: `/32` and `/128` left out, `0.0.0.0/0`.
    #[must_use]
    pub fn list_form(self) -> String {
        if self.is_host() { AddrText(self.addr).to_string() } else { self.to_string() }
    }
}

impl fmt::Display for AddrMask {
    /// As `-S` writes it: always with a mask, as a length if it is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", AddrText(self.addr))?;
        match self.prefix_len() {
            Some(len) => write!(f, "{len}"),
            None => write!(f, "{}", AddrText(self.mask)),
        }
    }
}

/// An address as the C library writes it: IPv6 addresses of the form `::a.b.c.d` keep their dots, which Rust's own
/// output gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrText(pub IpAddr);

impl fmt::Display for AddrText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let IpAddr::V6(v6) = self.0
            && let [0, 0, 0, 0, 0, 0, high, _] = v6.segments()
            && high != 0
        {
            let [.., a, b, c, d] = v6.octets();
            return write!(f, "::{a}.{b}.{c}.{d}");
        }
        write!(f, "{}", self.0)
    }
}

/// What a word with an optional mask holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostOrAddr {
    /// A number.
    Addr(AddrMask),
    /// A host or network name, or nothing that could be one; the caller resolves it and applies the mask.
    Name {
        /// The name, without the mask; may be empty.
        name: Vec<u8>,
        /// Where the name is in the word.
        range: Range<usize>,
        /// What to apply to every address found; `None` if no mask was written.
        mask: Option<IpAddr>,
    },
}

impl HostOrAddr {
    /// Splits at the last `/` and reads both parts for IPv4.
    ///
    /// # Errors
    /// The mask is wrong; a wrong address is a [`HostOrAddr::Name`].
    pub fn parse_v4(text: &[u8]) -> Result<Self, ValueError> {
        Self::parse_with(text, |t| numeric_v4(t).map(IpAddr::V4), mask_v4)
    }

    /// Splits at the last `/` and reads both parts for IPv6.
    ///
    /// # Errors
    /// The mask is wrong; a wrong address is a [`HostOrAddr::Name`].
    pub fn parse_v6(text: &[u8]) -> Result<Self, ValueError> {
        Self::parse_with(text, |t| numeric_v6(t).map(IpAddr::V6), mask_v6)
    }

    fn parse_with(
        text: &[u8],
        numeric: impl Fn(&[u8]) -> Option<IpAddr>,
        read_mask: impl Fn(&[u8]) -> Result<IpAddr, ValueError>,
    ) -> Result<Self, ValueError> {
        let slash = text.iter().rposition(|&b| b == b'/');
        let end = slash.unwrap_or(text.len());
        let mask = match slash {
            Some(at) => Some(read_mask(&text[at + 1..]).map_err(|e| e.shifted(at + 1))?),
            None => None,
        };
        let name = &text[..end];
        let found =
            numeric(name).and_then(|addr| AddrMask::new(addr, mask.unwrap_or_else(|| full_mask(addr))));
        Ok(match found {
            Some(addr) => Self::Addr(addr),
            None => Self::Name { name: name.to_vec(), range: 0..end, mask },
        })
    }

    /// Splits a list at its commas, drops blanks before each part and reads every part. Each comes with its place.
    /// Parts that are not numeric are names, an empty part an empty name; before `/0` any name is every address (`any/0`,
    /// and `0/0` for IPv6).
    ///
    /// # Errors
    /// The first wrong mask.
    pub fn parse_list(text: &[u8], v6: bool) -> Result<Vec<(Range<usize>, Self)>, ValueError> {
        let mut parts = Vec::new();
        let mut start = 0;
        for part in text.split(|&b| b == b',') {
            let end = start + part.len();
            let blanks = part.iter().take_while(|&&b| number::is_space(b)).count();
            let from = start + blanks;
            let word = &text[from..end];
            let read = if v6 { Self::parse_v6(word) } else { Self::parse_v4(word) };
            let mut read = read.map_err(|e| e.shifted(from))?;
            if let Self::Name { range, mask, .. } = &mut read {
                *range = range.start + from..range.end + from;
                if let Some(any) =
                    mask.filter(IpAddr::is_unspecified).and_then(|zero| AddrMask::new(zero, zero))
                {
                    read = Self::Addr(any);
                }
            }
            parts.push((from..end, read));
            start = end + 1;
        }
        Ok(parts)
    }

    /// Whether it is worth asking a resolver: a name with a letter in it and nothing a name cannot have.
    #[must_use]
    pub fn could_resolve(&self) -> bool {
        match self {
            Self::Addr(_) => false,
            Self::Name { name, .. } => {
                name.iter().any(|b| b.is_ascii_alphabetic() || !b.is_ascii())
                    && !name.iter().any(|b| b.is_ascii_whitespace() || *b == 0 || *b == b'/')
            }
        }
    }

    fn numeric(self, expected: &str) -> Result<AddrMask, ValueError> {
        match self {
            Self::Addr(addr) => Ok(addr),
            Self::Name { range, .. } => Err(ValueError::new(range.start, range.end, expected)),
        }
    }
}

/// A numeric IPv4 address without a mask: up to four parts in any base of which missing ones are zero (`10.1` is
/// 10.1.0.0), else the historic forms with a wide last part (`10.300`, `0x7f000001`).
#[must_use]
pub fn numeric_v4(text: &[u8]) -> Option<Ipv4Addr> {
    short_v4(text).or_else(|| wide_v4(text))
}

/// Up to four parts of one byte each, missing ones zero.
pub(crate) fn short_v4(text: &[u8]) -> Option<Ipv4Addr> {
    // How nearly all are written; what Rust takes is meant so by the C library, too.
    if let Some(addr) = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
        return Some(addr);
    }
    let mut octets = [0u8; 4];
    let mut places = octets.iter_mut();
    for part in text.split(|&b| b == b'.') {
        *places.next()? = number::parse_u8(part, 0, u8::MAX).ok()?;
    }
    Some(Ipv4Addr::from(octets))
}

/// `a`, `a.b`, `a.b.c` or `a.b.c.d` where the last part fills the remaining bytes, as the C library reads it (`10.1` is
/// 10.0.0.1).
#[must_use]
pub fn wide_v4(text: &[u8]) -> Option<Ipv4Addr> {
    let parts: SmallVec<[&[u8]; 5]> = text.split(|&b| b == b'.').take(5).collect();
    let (last, front) = parts.split_last()?;
    if front.len() > 3 || !parts.iter().all(|p| p.first().is_some_and(u8::is_ascii_digit)) {
        return None;
    }
    let mut address = 0u32;
    for (index, part) in front.iter().enumerate() {
        let octet = number::parse_u8(part, 0, u8::MAX).ok()?;
        address |= u32::from(octet) << (24 - 8 * index);
    }
    let room = u32::MAX >> (8 * front.len());
    Some(Ipv4Addr::from(address | number::parse_u32(last, 0, room).ok()?))
}

/// A numeric IPv6 address without a mask or zone.
#[must_use]
pub fn numeric_v6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The mask that every bit of an address counts.
#[must_use]
pub fn full_mask(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::BROADCAST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
    }
}

fn v4_prefix(len: u8) -> Option<Ipv4Addr> {
    let zeros = 32u32.checked_sub(len.into())?;
    Some(Ipv4Addr::from_bits(u32::MAX.checked_shl(zeros).unwrap_or(0)))
}

fn v6_prefix(len: u8) -> Option<Ipv6Addr> {
    let zeros = 128u32.checked_sub(len.into())?;
    Some(Ipv6Addr::from_bits(u128::MAX.checked_shl(zeros).unwrap_or(0)))
}

/// How many bits a mask has if they are its first ones.
#[must_use]
pub fn mask_len(mask: IpAddr) -> Option<u8> {
    let (ones, contiguous) = match mask {
        IpAddr::V4(m) => {
            let bits = m.to_bits();
            (bits.leading_ones(), bits.leading_ones() == bits.count_ones())
        }
        IpAddr::V6(m) => {
            let bits = m.to_bits();
            (bits.leading_ones(), bits.leading_ones() == bits.count_ones())
        }
    };
    if contiguous { u8::try_from(ones).ok() } else { None }
}

fn mask_v4(text: &[u8]) -> Result<IpAddr, ValueError> {
    let dots = text.iter().filter(|&&b| b == b'.').count();
    let dotted = if dots == 3 { short_v4(text) } else { None };
    dotted
        .or_else(|| v4_prefix(number::parse_u8(text, 0, 32).ok()?))
        .map(IpAddr::V4)
        .ok_or_else(|| ValueError::whole(text, "a prefix length from 0 to 32 or a mask"))
}

fn mask_v6(text: &[u8]) -> Result<IpAddr, ValueError> {
    numeric_v6(text)
        .or_else(|| v6_prefix(number::parse_u8(text, 0, 128).ok()?))
        .map(IpAddr::V6)
        .ok_or_else(|| ValueError::whole(text, "a prefix length from 0 to 128 or a mask"))
}

/// The bytes of an address in network order.
#[must_use]
pub fn octets(addr: IpAddr) -> Bytes {
    match addr {
        IpAddr::V4(a) => Bytes::from_slice(&a.octets()),
        IpAddr::V6(a) => Bytes::from_slice(&a.octets()),
    }
}

/// An address from its bytes in network order; `None` unless there are 4 or 16.
#[must_use]
pub fn from_octets(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => None,
    }
}
