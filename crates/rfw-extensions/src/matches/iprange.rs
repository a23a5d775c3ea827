//! `-m iprange`: ranges of addresses.
//!
//! ```c
//! struct xt_iprange_mtinfo {  /* xt_iprange.h, revision 1; addresses in network order */
//!     union nf_inet_addr src_min, src_max, dst_min, dst_max;
//!     __u8 flags;  /* source 1, destination 2, not source 0x10, not destination 0x20 */
//! };
//! ```
//! Native: the address loaded and tested with `range`, which does the same, with backward ranges too. Hint 30 says that two
//! neighbouring tests were one match.

use std::net::IpAddr;

use rfw_diagnostics::codes;
use rfw_nft::expr::{Base, CmpOp};
use rfw_nft::predicate::{Field, Item, Relation};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Use};
use rfw_values::AddrRange;
use rfw_values::address::{from_octets, octets};

use crate::context::{Family, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::selector::Inv;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 65;
const FLAGS: usize = 64;
/// `IPRANGE_SRC_INV` over `IPRANGE_SRC`.
const INVERTED: u8 = 0x10;
/// Both ranges stood in one match.
const HINT_BOTH: u8 = 30;

/// Which address.
#[derive(Clone, Copy)]
struct Side {
    option: &'static str,
    word: &'static str,
    flag: u8,
    /// Of the lower bound in the payload.
    at: usize,
    /// In the IPv4 and in the IPv6 header.
    offset: (u32, u32),
}

const SOURCE: Side = Side { option: "src-range", word: "source", flag: 1, at: 0, offset: (12, 8) };
const DESTINATION: Side = Side { option: "dst-range", word: "destination", flag: 2, at: 32, offset: (16, 24) };

/// The typed form: at least one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iprange {
    /// `--src-range`.
    pub source: Option<Inv<AddrRange>>,
    /// `--dst-range`.
    pub destination: Option<Inv<AddrRange>>,
}

impl Extension for Iprange {
    const NAME: &'static str = "iprange";
    const SUMMARY: &'static str = "ranges of addresses";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("src-range", "address[-address]", "source address from, to").invertible(),
        OptionSpec::value("dst-range", "address[-address]", "destination address from, to").invertible(),
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let found = Self { source: parse(uses, cx, SOURCE)?, destination: parse(uses, cx, DESTINATION)? };
        if found.source.is_none() && found.destination.is_none() {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "iprange match: You must specify `--src-range' or `--dst-range'",
                "add `--src-range FROM-TO` or `--dst-range FROM-TO`",
            ));
        }
        Ok(found)
    }

    fn print(&self, out: &mut Printer<'_>) {
        for (side, range) in self.both() {
            out.option(range.inverted, side.option);
            out.fmt(format_args!(" {}", range.value));
        }
    }

    fn warnings(&self, given: &[Use<'_>]) -> Vec<String> {
        let reversed = self.both().filter(|(_, range)| range.value.is_reversed());
        reversed
            .map(|(side, range)| {
                let word = given.iter().find(|used| used.option.name == side.option).and_then(Use::value);
                let shown = word.map_or_else(|| range.value.to_string(), |word| word.lossy().into_owned());
                format!("xt_iprange: range {shown} is reversed and will never match")
            })
            .collect()
    }

    fn list(&self, out: &mut Printer<'_>) {
        for (side, range) in self.both() {
            let sign = if range.inverted { " !" } else { "" };
            out.fmt(format_args!(" {} IP range{sign} {}", side.word, range.value));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() {
            out.xt_match("iprange", 1, self.xt());
            return;
        }
        if self.source.is_some() && self.destination.is_some() {
            out.hint(HINT_BOTH);
        }
        for (side, range) in self.both() {
            let (from, to) = (octets(range.value.from()), octets(range.value.to()));
            let (offset, len) = place(side, out.family);
            out.payload(Base::Network, offset, len);
            out.in_range(range.inverted, &from, &to);
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("iprange", 1, SIZE) {
            return Self::from_xt(&view, run.family);
        }
        if run.hinted(HINT_BOTH) {
            let (start, source) = (run.position(), lift_native(run, SOURCE));
            if let (Some(_), Some(destination)) = (&source, lift_native(run, DESTINATION)) {
                return Some(Self { source, destination: Some(destination) });
            }
            run.rewind(start);
        }
        match lift_native(run, SOURCE) {
            Some(range) => Some(Self { source: Some(range), destination: None }),
            None => lift_native(run, DESTINATION).map(|range| Self { source: None, destination: Some(range) }),
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Iprange {
    fn both(&self) -> impl Iterator<Item = (Side, &Inv<AddrRange>)> {
        let source = self.source.iter().map(|range| (SOURCE, range));
        source.chain(self.destination.iter().map(|range| (DESTINATION, range)))
    }

    fn xt(&self) -> Vec<u8> {
        let mut flags = 0;
        let mut info = Info::new(SIZE);
        for (side, range) in self.both() {
            flags |= side.flag | if range.inverted { side.flag * INVERTED } else { 0 };
            info = info
                .bytes(side.at, &octets(range.value.from()))
                .bytes(side.at + 16, &octets(range.value.to()));
        }
        info.u8(FLAGS, flags).finish()
    }

    fn from_xt(view: &View<'_>, family: Family) -> Option<Self> {
        let flags = view.u8(FLAGS);
        let len = if family == Family::Ipv4 { 4 } else { 16 };
        let one = |side: Side| {
            if flags & side.flag == 0 {
                return None;
            }
            let ends = |at: usize| from_octets(view.slice(at, len));
            let value = AddrRange::new(ends(side.at)?, ends(side.at + 16)?)?;
            Some(Inv { inverted: flags & (side.flag * INVERTED) != 0, value })
        };
        let found = Self { source: one(SOURCE), destination: one(DESTINATION) };
        // A turned-round test of nothing has no words, nor have other bits.
        let said = found.both().fold(0, |bits, (side, _)| bits | side.flag | (side.flag * INVERTED));
        (said != 0 && flags & !said == 0).then_some(found)
    }
}

fn place(side: Side, family: Family) -> (u32, u32) {
    match family {
        Family::Ipv4 => (side.offset.0, 4),
        Family::Ipv6 => (side.offset.1, 16),
    }
}

fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>, side: Side) -> Parsed<Option<Inv<AddrRange>>> {
    let Some(word) = uses.word(side.option) else { return Ok(None) };
    let range = match cx.family {
        Family::Ipv4 => AddrRange::parse_v4(&word.text),
        Family::Ipv6 => AddrRange::parse_v6(&word.text),
    };
    let value = range.map_err(|error| {
        let part = word.text.get(error.start..error.end).unwrap_or_default();
        let part = String::from_utf8_lossy(part);
        bad_value(word, &error, format!("iprange: Bad value for \"--{}\" option: \"{part}\"", side.option))
    })?;
    Ok(Some(Inv { inverted: uses.inverted(side.option), value }))
}

/// `range`, or the two comparisons that nft writes for one.
fn lift_native(run: &mut Run<'_>, side: Side) -> Option<Inv<AddrRange>> {
    let (offset, len) = place(side, run.family);
    let field = Field::Payload { base: Base::Network, offset, len };
    let (inverted, from, to) = match run.range(&field, &[]) {
        Some((inverted, from, to)) => (inverted, from, to),
        None => {
            let (from, to) = (bound(run, 0, &field, CmpOp::Gte)?, bound(run, 1, &field, CmpOp::Lte)?);
            run.take();
            run.take();
            (false, from, to)
        }
    };
    let value = AddrRange::new(address(from)?, address(to)?)?;
    Some(Inv { inverted, value })
}

fn bound<'r>(run: &Run<'r>, ahead: usize, field: &Field, wanted: CmpOp) -> Option<&'r [u8]> {
    match run.peek(ahead)? {
        Item::Test { value, relation: Relation::Cmp(op, data) }
            if value.field == *field && value.ops.is_empty() && *op == wanted =>
        {
            Some(data)
        }
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    from_octets(bytes)
}
