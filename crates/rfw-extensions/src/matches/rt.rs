//! `-m rt`: the routing header of IPv6.
//!
//! xt `rt` revision 0 in both encodings: lists of addresses and lengths in bytes have no native form.
//!
//! ```c
//! struct ip6t_rt {  /* ip6t_rt.h, host order */
//!     __u32 rt_type, segsleft[2], hdrlen;
//!     __u8 flags, invflags;
//!     struct in6_addr addrs[16];
//!     __u8 addrnr;
//! };
//! ```

use std::net::Ipv6Addr;

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Use};
use rfw_values::ValueError;
use rfw_values::address::{AddrText, numeric_v6};

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::Bounds;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 280;
/// `IP6T_RT_HOPS`.
const HOPS: usize = 16;
const TYPE: u8 = 0x01;
const SEGMENTS: u8 = 0x02;
const LENGTH: u8 = 0x04;
const RESERVED: u8 = 0x08;
const ADDRESSES: u8 = 0x10;
const NOT_STRICT: u8 = 0x20;
/// These invert as they are tested.
const INVERTIBLE: u8 = TYPE | SEGMENTS | LENGTH;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rt {
    kind: Option<(bool, u32)>,
    segments: Option<(bool, Bounds)>,
    length: Option<(bool, u32)>,
    /// With a type of 0 only.
    reserved: bool,
    /// With a type of 0 only; empty for no test.
    addresses: Vec<Ipv6Addr>,
    /// With addresses only.
    not_strict: bool,
}

impl Extension for Rt {
    const NAME: &'static str = "rt";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "the routing header";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("rt-type", "type", "the type").invertible(),
        OptionSpec::value("rt-segsleft", "number[:number]", "the segments left or a range").invertible(),
        OptionSpec::value("rt-len", "length", "length of the header in bytes").invertible(),
        OptionSpec::flag("rt-0-res", "the reserved field is zero; after --rt-type 0"),
        OptionSpec::value("rt-0-addrs", "address[,address...]", "the addresses, 16 at most; after --rt-type 0"),
        OptionSpec::flag("rt-0-not-strict", "other addresses may stand between; after --rt-0-addrs"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "lists of addresses have no native form, and the match drops a header that is cut short",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let number = |name: &str| -> Parsed<Option<(bool, u32)>> {
            Ok(uses.number(name, 0, u32::MAX)?.map(|n| (uses.inverted(name), n)))
        };
        let kind = number("rt-type")?;
        for name in ["rt-0-res", "rt-0-addrs"] {
            if let Some(used) = uses.get(name)
                && (kind != Some((false, 0)) || !stands_before(uses, "rt-type", used))
            {
                return Err(too_early(used, "--rt-type 0", name));
            }
        }
        if let Some(used) = uses.get("rt-0-not-strict")
            && !stands_before(uses, "rt-0-addrs", used)
        {
            return Err(too_early(used, "--rt-0-addr ...", "rt-0-not-strict"));
        }
        let segments = Bounds::parse(uses, "rt-segsleft", u32::MAX)?;
        Ok(Self {
            kind,
            segments: segments.map(|segments| (uses.inverted("rt-segsleft"), segments)),
            length: number("rt-len")?,
            reserved: uses.has("rt-0-res"),
            addresses: parse_addresses(uses)?,
            not_strict: uses.has("rt-0-not-strict"),
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        if let Some((inverted, kind)) = self.kind {
            out.option(inverted, "rt-type");
            out.fmt(format_args!(" {kind}"));
        }
        if let Some((inverted, segments)) = self.segments {
            out.option(inverted, "rt-segsleft");
            out.fmt(format_args!(" {segments}"));
        }
        if let Some((inverted, length)) = self.length {
            out.option(inverted, "rt-len");
            out.fmt(format_args!(" {length}"));
        }
        self.type_0(out, " --rt-0-res", " --rt-0-addrs", " --rt-0-not-strict");
    }

    fn list(&self, out: &mut Printer<'_>) {
        let sign = |inverted: bool| if inverted { "!" } else { "" };
        out.text(" rt");
        if let Some((inverted, kind)) = self.kind {
            // The original prints it as signed.
            out.fmt(format_args!(" type:{}{}", sign(inverted), kind.cast_signed()));
        }
        if let Some((inverted, segments)) = self.segments.filter(|(inverted, s)| *inverted || !s.is_full()) {
            out.text(" ");
            segments.list(out, inverted, "segsleft");
        }
        if let Some((inverted, length)) = self.length {
            out.fmt(format_args!(" length:{}{length}", sign(inverted)));
        }
        self.type_0(out, " reserved", " 0-addrs", " 0-not-strict");
    }

    fn lower(&self, out: &mut Lowering) {
        let mut flags = 0;
        let mut inverted = 0;
        let tests = [
            (TYPE, self.kind.map(|t| t.0)),
            (SEGMENTS, self.segments.map(|t| t.0)),
            (LENGTH, self.length.map(|t| t.0)),
            (RESERVED, self.reserved.then_some(false)),
            (ADDRESSES, (!self.addresses.is_empty()).then_some(false)),
            (NOT_STRICT, self.not_strict.then_some(false)),
        ];
        for (bit, test) in tests {
            flags |= if test.is_some() { bit } else { 0 };
            inverted |= if test == Some(true) { bit } else { 0 };
        }
        let (_, segments) = self.segments.unwrap_or((false, Bounds::FULL));
        let mut info = Info::new(SIZE)
            .u32(0, self.kind.map_or(0, |t| t.1))
            .u32(4, segments.min)
            .u32(8, segments.max)
            .u32(12, self.length.map_or(0, |t| t.1))
            .u8(16, flags)
            .u8(17, inverted)
            .u8(276, u8::try_from(self.addresses.len()).unwrap_or(0));
        for (index, address) in self.addresses.iter().enumerate() {
            info = info.bytes(20 + 16 * index, &address.octets());
        }
        out.xt_match("rt", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("rt", 0, SIZE)?;
        let (flags, inverted) = (view.u8(16), view.u8(17));
        let has = |bit: u8| flags & bit != 0;
        let test = |bit: u8| has(bit).then_some(inverted & bit != 0);
        let addresses = lift_addresses(&view)?;
        let segments = Bounds { min: view.u32(4), max: view.u32(8) };
        let lifted = Self {
            kind: test(TYPE).map(|inverted| (inverted, view.u32(0))),
            segments: test(SEGMENTS).map(|inverted| (inverted, segments)),
            length: test(LENGTH).map(|inverted| (inverted, view.u32(12))),
            reserved: has(RESERVED),
            not_strict: has(NOT_STRICT),
            addresses,
        };
        // What the options cannot say together, or say only with others.
        let known = flags & 0xc0 == 0
            && inverted & !(flags & INVERTIBLE) == 0
            && has(ADDRESSES) != lifted.addresses.is_empty()
            && (!has(RESERVED | ADDRESSES) || lifted.kind == Some((false, 0)))
            && (!has(NOT_STRICT) || has(ADDRESSES))
            && (has(SEGMENTS) || segments.is_full());
        known.then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Rt {
    fn type_0(&self, out: &mut Printer<'_>, reserved: &str, addresses: &str, not_strict: &str) {
        if self.reserved {
            out.text(reserved);
        }
        if !self.addresses.is_empty() {
            out.text(addresses);
        }
        for (index, address) in self.addresses.iter().enumerate() {
            let sign = if index == 0 { " " } else { "," };
            out.fmt(format_args!("{sign}{}", AddrText((*address).into())));
        }
        if self.not_strict {
            out.text(not_strict);
        }
    }
}

fn stands_before(uses: &Uses<'_, '_>, name: &str, used: &Use<'_>) -> bool {
    uses.get(name).is_some_and(|other| other.at.start < used.at.start)
}

fn too_early(used: &Use<'_>, needed: &str, name: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::OPTION_REQUIRED, used.span(), format!("`--{name}` comes after `{needed}`"))
            .help(format!("write `{needed}` before it"))
            .parameter(format!("`{needed}' required before `--{name}'")),
    )
}

fn parse_addresses(uses: &Uses<'_, '_>) -> Parsed<Vec<Ipv6Addr>> {
    let Some(word) = uses.word("rt-0-addrs") else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut start = 0;
    for part in word.text.split(|&b| b == b',') {
        let end = start + part.len();
        if found.len() == HOPS {
            let error = ValueError::new(start, word.text.len(), format!("{HOPS} addresses at most"));
            return Err(bad_value(word, &error, "too many addresses specified"));
        }
        let Some(address) = numeric_v6(part) else {
            let error = ValueError::new(start, end, "an IPv6 address");
            let classic = format!("bad address: {}", String::from_utf8_lossy(part));
            return Err(bad_value(word, &error, classic));
        };
        found.push(address);
        start = end + 1;
    }
    Ok(found)
}

fn lift_addresses(view: &View<'_>) -> Option<Vec<Ipv6Addr>> {
    let count = usize::from(view.u8(276));
    (count <= HOPS).then(|| (0..count).map(|index| view.array::<16>(20 + 16 * index).into()).collect())
}
