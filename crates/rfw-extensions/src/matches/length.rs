//! `-m length`: the length of a packet in bytes.
//!
//! ```c
//! struct xt_length_info { __u16 min, max; __u8 invert; };  /* xt_length.h, host order */
//! ```
//! Native: the length field of the IP header, which the xt match reads too. IPv4 keeps the length of the whole packet there; a
//! packet of more than 64 KiB (BIG TCP) has 0, and no length in the xt match, so 0 is left out. IPv6 keeps what follows its
//! header, and the xt match adds 40 in 16 bits.

use rfw_nft::expr::Base;
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::{Family, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::Bounds;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 6;
/// Hint: the lower bound was 0 in IPv4; both bounds were below 40 in IPv6.
const LOW: u8 = 51;
/// Hint: the range runs over the end of the field of IPv6, which holds 40 less.
const WRAPS: u8 = 53;
/// `sizeof(struct ipv6hdr)`.
const IPV6_HEADER: u16 = 40;

/// The typed form. The lower bound may be the larger one, as in 1.8.9; no length is then inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Length {
    inverted: bool,
    bounds: Bounds,
}

impl Extension for Length {
    const NAME: &'static str = "length";
    const SUMMARY: &'static str = "the length of the packet in bytes";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("length", "length[:length]", "a length or a range of lengths").invertible().required()];
    const WHY_XT: &'static [&'static str] = &[
        "no length, or length 0 alone, is in the range, which nf_tables refuses or asks of packets over 64 KiB too",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let bounds = Bounds::parse(uses, "length", u16::MAX.into())?.unwrap_or(Bounds { min: 0, max: u16::MAX.into() });
        Ok(Self { inverted: uses.inverted("length"), bounds })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "length");
        out.text(" ");
        out.fmt(format_args!("{}", self.bounds));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " length !" } else { " length " });
        out.fmt(format_args!("{}", self.bounds));
    }

    fn lower(&self, out: &mut Lowering) {
        let number = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        if out.native() && self.bounds.min <= self.bounds.max && self.bounds.max > 0 {
            native(out, self.inverted, number(self.bounds.min), number(self.bounds.max));
            return;
        }
        let info = Info::new(SIZE)
            .u16(0, number(self.bounds.min))
            .u16(2, number(self.bounds.max))
            .u8(4, self.inverted.into());
        out.xt_match("length", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some((inverted, min, max)) = lift_native(run) {
            let bounds = Bounds { min: min.into(), max: max.into() };
            return Some(Self { inverted, bounds });
        }
        let view = run.xt_match("length", 0, SIZE)?;
        let inverted = match view.u8(4) {
            0 => false,
            1 => true,
            _ => return None,
        };
        let bounds = Bounds { min: view.u16(0).into(), max: view.u16(2).into() };
        Some(Self { inverted, bounds })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

/// The length field.
const fn field(family: Family) -> Field {
    let offset = match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 4,
    };
    Field::Payload { base: Base::Network, offset, len: 2 }
}

/// Tests the field. A range that runs over the end of 16 bits is the inverse of what it leaves out.
fn native(out: &mut Lowering, inverted: bool, min: u16, max: u16) {
    let (lo, hi, hint) = match out.family {
        Family::Ipv4 => (min.max(1), max, (min == 0).then_some(LOW)),
        Family::Ipv6 => {
            let (lo, hi) = (min.wrapping_sub(IPV6_HEADER), max.wrapping_sub(IPV6_HEADER));
            let hint = if lo > hi { WRAPS } else { LOW };
            (lo, hi, (min < IPV6_HEADER).then_some(hint))
        }
    };
    // What is left out may be nothing.
    let (inverse, lo, hi) = match lo.cmp(&hi) {
        std::cmp::Ordering::Greater if hi + 1 == lo => (false, 0, u16::MAX),
        std::cmp::Ordering::Greater => (true, hi + 1, lo - 1),
        _ => (false, lo, hi),
    };
    if let Some(hint) = hint {
        out.hint(hint);
    }
    if let Field::Payload { base, offset, len } = field(out.family) {
        out.payload(base, offset, len);
    }
    let (lo, hi) = (lo.to_be_bytes(), hi.to_be_bytes());
    if lo == hi {
        out.equals(inverted ^ inverse, &lo);
    } else {
        out.in_range(inverted ^ inverse, &lo, &hi);
    }
}

/// Whether inverted, and the bounds.
fn lift_native(run: &mut Run<'_>) -> Option<(bool, u16, u16)> {
    let (start, family, low, wraps) = (run.position(), run.family, run.hinted(LOW), run.hinted(WRAPS));
    let number = |data: &[u8]| Some(u16::from_be_bytes(data.try_into().ok()?));
    let found = match run.equality(&field(family)) {
        Some((inverted, data)) => number(data).map(|n| (inverted, n, n)),
        None => run
            .range(&field(family), &[])
            .and_then(|(inverted, lo, hi)| Some((inverted, number(lo)?, number(hi)?))),
    };
    let add = |n: u16| n.wrapping_add(IPV6_HEADER);
    let found = found.map(|(inverted, lo, hi)| match family {
        Family::Ipv4 if low => (inverted, 0, hi),
        // A length of 0 has no words: the xt match would not find it.
        Family::Ipv4 if lo == 0 => (inverted, 1, 0),
        Family::Ipv4 => (inverted, lo, hi),
        Family::Ipv6 if wraps && (lo, hi) == (0, u16::MAX) => (inverted, 0, u16::MAX),
        Family::Ipv6 if wraps => (!inverted, add(hi.wrapping_add(1)), add(lo.wrapping_sub(1))),
        Family::Ipv6 if low => (inverted, add(lo), add(hi)),
        // Lengths that 16 bits do not hold.
        Family::Ipv6 if hi > u16::MAX - IPV6_HEADER => (inverted, 1, 0),
        Family::Ipv6 => (inverted, add(lo), add(hi)),
    });
    let ordered = found.filter(|(_, min, max)| min <= max);
    if ordered.is_none() {
        run.rewind(start);
    }
    ordered
}
