//! `-m srh`: the segment routing header of IPv6 (RFC 8754).
//!
//! xt `srh` revision 1 in both encodings: the addresses of segments have no native form.
//!
//! ```c
//! struct ip6t_srh1 {  /* ip6t_srh.h, host order */
//!     __u8 next_hdr, hdr_len, segs_left, last_entry;
//!     __u16 tag;
//!     struct in6_addr psid_addr, nsid_addr, lsid_addr, psid_msk, nsid_msk, lsid_msk;
//!     __u16 mt_flags, mt_invflags;
//! };
//! ```

use std::net::Ipv6Addr;

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::Family;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::ValueError;
use rfw_values::address::AddrText;

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::inet::{Mask, host, union_bytes};
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 108;
const FLAGS: usize = 104;
const INVERTED: usize = 106;

/// A test of a number.
struct Number {
    /// The option without `srh-`, which is also the word of listings.
    name: &'static str,
    bit: u16,
    /// Index of the value that it compares with; the three comparisons of one field share one.
    field: usize,
}

const fn number(name: &'static str, bit: u16, field: usize) -> Number {
    Number { name, bit, field }
}

/// In the order in which they are printed.
const NUMBERS: [Number; 11] = [
    number("next-hdr", 0x0001, 0),
    number("hdr-len-eq", 0x0002, 1),
    number("hdr-len-gt", 0x0004, 1),
    number("hdr-len-lt", 0x0008, 1),
    number("segs-left-eq", 0x0010, 2),
    number("segs-left-gt", 0x0020, 2),
    number("segs-left-lt", 0x0040, 2),
    number("last-entry-eq", 0x0080, 3),
    number("last-entry-gt", 0x0100, 3),
    number("last-entry-lt", 0x0200, 3),
    number("tag", 0x0400, TAG),
];
/// The field of two bytes.
const TAG: usize = 4;

/// Tests of a segment: name, bit, offsets of address and mask.
const SEGMENTS: [(&str, u16, usize, usize); 3] =
    [("psid", 0x0800, 8, 56), ("nsid", 0x1000, 24, 72), ("lsid", 0x2000, 40, 88)];

/// The typed form. What is not tested is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srh {
    flags: u16,
    inverted: u16,
    values: [u16; 5],
    /// Addresses and the lengths of their prefixes.
    segments: [(Ipv6Addr, u8); 3],
}

impl Extension for Srh {
    const NAME: &'static str = "srh";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "the segment routing header";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("srh-next-hdr", "number", "the next header").invertible(),
        OptionSpec::value("srh-hdr-len-eq", "number", "the length of the header equals").invertible(),
        OptionSpec::value("srh-hdr-len-gt", "number", "the length of the header is greater").invertible(),
        OptionSpec::value("srh-hdr-len-lt", "number", "the length of the header is less").invertible(),
        OptionSpec::value("srh-segs-left-eq", "number", "the segments left equal").invertible(),
        OptionSpec::value("srh-segs-left-gt", "number", "the segments left are more").invertible(),
        OptionSpec::value("srh-segs-left-lt", "number", "the segments left are fewer").invertible(),
        OptionSpec::value("srh-last-entry-eq", "number", "the index of the last entry equals").invertible(),
        OptionSpec::value("srh-last-entry-gt", "number", "the index of the last entry is greater").invertible(),
        OptionSpec::value("srh-last-entry-lt", "number", "the index of the last entry is less").invertible(),
        OptionSpec::value("srh-tag", "number", "the tag").invertible(),
        OptionSpec::value("srh-psid", "address[/mask]", "the previous segment").invertible(),
        OptionSpec::value("srh-nsid", "address[/mask]", "the next segment").invertible(),
        OptionSpec::value("srh-lsid", "address[/mask]", "the last segment").invertible(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "the addresses of segments have no native form",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut found = Self { flags: 0, inverted: 0, values: [0; 5], segments: [(Ipv6Addr::UNSPECIFIED, 0); 3] };
        let mut given = [None; 5];
        for test in &NUMBERS {
            let option = format!("srh-{}", test.name);
            let max = if test.field == TAG { u16::MAX } else { u8::MAX.into() };
            let Some(value) = uses.number(&option, 0, max.into())? else { continue };
            let value = u16::try_from(value).unwrap_or(max);
            if given[test.field].is_some_and(|other| other != value) {
                return Err(two_values(uses, &option));
            }
            given[test.field] = Some(value);
            found.values[test.field] = value;
            found.add(test.bit, uses.inverted(&option));
        }
        for (slot, (name, bit, ..)) in SEGMENTS.iter().enumerate() {
            let option = format!("srh-{name}");
            if let Some(segment) = parse_segment(uses, &option, cx)? {
                found.segments[slot] = segment;
                found.add(*bit, uses.inverted(&option));
            }
        }
        Ok(found)
    }

    fn print(&self, out: &mut Printer<'_>) {
        for test in self.numbers() {
            out.option(self.inverted & test.bit != 0, "srh-");
            out.fmt(format_args!("{} {}", test.name, self.values[test.field]));
        }
        for (name, bit, (address, length)) in self.segments() {
            out.option(self.inverted & bit != 0, "srh-");
            out.fmt(format_args!("{name} {}/{length}", AddrText(address.into())));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let sign = |bit: u16| if self.inverted & bit != 0 { "!" } else { "" };
        out.text(" srh");
        for test in self.numbers() {
            out.fmt(format_args!(" {}:{}{}", test.name, sign(test.bit), self.values[test.field]));
        }
        for (name, bit, (address, length)) in self.segments() {
            out.fmt(format_args!(" {name} {} {}/{length}", sign(bit), AddrText(address.into())));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        out.xt_match("srh", 1, self.xt());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("srh", 1, SIZE)?;
        let flags = view.u16(FLAGS);
        let mut lifted = Self {
            flags,
            inverted: view.u16(INVERTED),
            values: [view.u8(0).into(), view.u8(1).into(), view.u8(2).into(), view.u8(3).into(), view.u16(4)],
            segments: [(Ipv6Addr::UNSPECIFIED, 0); 3],
        };
        for (slot, (_, _, address, mask)) in lifted.segments.iter_mut().zip(SEGMENTS) {
            let length = Mask::from_bytes(view.array(mask), Family::Ipv6).prefix_len()?;
            *slot = (view.array::<16>(address).into(), length);
        }
        let tested = |bits: u16| flags & bits != 0;
        let unsaid_values = (0..lifted.values.len()).any(|field| {
            let bits: u16 = NUMBERS.iter().filter(|test| test.field == field).map(|test| test.bit).sum();
            !tested(bits) && lifted.values[field] != 0
        });
        let unsaid_segments = lifted
            .segments
            .iter()
            .zip(SEGMENTS)
            .any(|(segment, (_, bit, ..))| !tested(bit) && *segment != (Ipv6Addr::UNSPECIFIED, 0));
        let known = flags & 0xc000 == 0 && lifted.inverted & !flags == 0 && !unsaid_values && !unsaid_segments;
        known.then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Srh {
    fn add(&mut self, bit: u16, inverted: bool) {
        self.flags |= bit;
        self.inverted |= if inverted { bit } else { 0 };
    }

    fn numbers(&self) -> impl Iterator<Item = &'static Number> {
        NUMBERS.iter().filter(|test| self.flags & test.bit != 0)
    }

    fn segments(&self) -> impl Iterator<Item = (&'static str, u16, (Ipv6Addr, u8))> {
        let tested = SEGMENTS.into_iter().zip(self.segments).filter(|((_, bit, ..), _)| self.flags & bit != 0);
        tested.map(|((name, bit, ..), segment)| (name, bit, segment))
    }

    fn xt(&self) -> Vec<u8> {
        let mut info = Info::new(SIZE).u16(4, self.values[TAG]).u16(FLAGS, self.flags).u16(INVERTED, self.inverted);
        for (at, value) in self.values[..TAG].iter().enumerate() {
            info = info.u8(at, u8::try_from(*value).unwrap_or(u8::MAX));
        }
        for ((_, _, address, mask), (segment, length)) in SEGMENTS.into_iter().zip(self.segments) {
            info = info
                .bytes(address, &union_bytes(segment.into()))
                .bytes(mask, &Mask::prefix(length, Family::Ipv6).bytes());
        }
        info.finish()
    }
}

/// The struct has one value for all three comparisons; 1.8.9 takes the last and says nothing.
fn two_values(uses: &Uses<'_, '_>, option: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::BAD_VALUE, uses.span(option), "one `-m srh` compares a field with one value only")
            .help("write another `-m srh` for the second comparison")
            .parameter(format!("srh: option \"--{option}\" would change the value of another comparison.\n")),
    )
}

/// `address[/length]`; bits outside the mask stay.
fn parse_segment(uses: &Uses<'_, '_>, option: &str, cx: &ParseCx<'_>) -> Parsed<Option<(Ipv6Addr, u8)>> {
    let Some(word) = uses.word(option) else { return Ok(None) };
    let end = word.text.len();
    let slash = word.text.iter().position(|&b| b == b'/');
    let address = match host(word, 0..slash.unwrap_or(end), cx)? {
        std::net::IpAddr::V6(address) => address,
        std::net::IpAddr::V4(address) => address.to_ipv6_mapped(),
    };
    let Some(slash) = slash else { return Ok(Some((address, 128))) };
    let mask = Mask::parse(word, slash + 1..end, Family::Ipv6, "srh", option)?;
    let length = mask.prefix_len().ok_or_else(|| {
        let error = ValueError::new(slash + 1, end, "a mask without gaps");
        let classic = format!(
            "srh: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-128).\n"
        );
        bad_value(word, &error, classic)
    })?;
    Ok(Some((address, length)))
}
