//! `-m connlimit`: how many connections a host or network has at once.
//!
//! xt `connlimit` revision 1 in both encodings (`xt_connlimit.h`; what follows the flags is the kernel's):
//!
//! ```c
//! struct xt_connlimit_info {
//!     union nf_inet_addr mask;
//!     unsigned int limit;
//!     __u32 flags;    /* 1: at most, 2: by destination */
//!     struct nf_conncount_data *data;
//! };
//! ```
//!
//! nf_tables' `connlimit` counts one list per rule. xt counts one per masked address *and conntrack zone*, so even with mask 0,
//! which makes one list of all hosts, the two differ where zones are used; and a mask of more bits needs a named set.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::approximation::{self, Approximation};
use crate::context::{Family, ParseCx};
use crate::facts::{Effect, Facts, Measure, Per, Side};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::inet::Mask;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 32;
/// `XT_CONNLIMIT_INVERT`.
const AT_MOST: u32 = 1;
/// `XT_CONNLIMIT_DADDR`.
const BY_DESTINATION: u32 = 2;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connlimit {
    /// Up to `limit` connections, else more than that.
    at_most: bool,
    limit: u32,
    mask: Mask,
    by_destination: bool,
}

impl Extension for Connlimit {
    const NAME: &'static str = "connlimit";
    const SUMMARY: &'static str = "how many connections a host or network has at once";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("connlimit-upto", "number", "it has at most so many").invertible().excludes(&["connlimit-above"]),
        OptionSpec::value("connlimit-above", "number", "it has more than so many").invertible().excludes(&["connlimit-upto"]),
        OptionSpec::value("connlimit-mask", "length", "hosts whose first bits are equal count as one; default all bits"),
        OptionSpec::flag("connlimit-saddr", "count by source address, the default").excludes(&["connlimit-daddr"]),
        OptionSpec::flag("connlimit-daddr", "count by destination address").excludes(&["connlimit-saddr"]),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "the match counts for each masked address and conntrack zone, `ct count` once for the rule",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mask = match uses.word("connlimit-mask") {
            Some(word) => Mask::parse_prefix(word, cx.family, Self::NAME, "connlimit-mask")?,
            None => Mask::full(cx.family),
        };
        let upto = uses.number("connlimit-upto", 0, u32::MAX)?;
        let above = uses.number("connlimit-above", 0, u32::MAX)?;
        let (limit, at_most) = match (upto, above) {
            (Some(limit), _) => (limit, !uses.inverted("connlimit-upto")),
            (None, Some(limit)) => (limit, uses.inverted("connlimit-above")),
            (None, None) => {
                return Err(uses.complaint(
                    codes::OPTION_REQUIRED,
                    "You must specify \"--connlimit-above\" or \"--connlimit-upto\".",
                    "add `--connlimit-above NUMBER`",
                ));
            }
        };
        Ok(Self { at_most, limit, mask, by_destination: uses.has("connlimit-daddr") })
    }

    fn print(&self, out: &mut Printer<'_>) {
        let (kind, side) = (if self.at_most { "upto" } else { "above" }, if self.by_destination { "daddr" } else { "saddr" });
        let (limit, length) = (self.limit, self.length());
        out.fmt(format_args!(" --connlimit-{kind} {limit} --connlimit-mask {length} --connlimit-{side}"));
    }

    fn list(&self, out: &mut Printer<'_>) {
        let (side, sign) = (if self.by_destination { "dst" } else { "src" }, if self.at_most { "<=" } else { ">" });
        out.fmt(format_args!(" #conn {side}/{} {sign} {}", self.length(), self.limit));
    }

    fn lower(&self, out: &mut Lowering) {
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        let flags = bit(self.at_most, AT_MOST) | bit(self.by_destination, BY_DESTINATION);
        let info = Info::new(SIZE).bytes(0, &self.mask.bytes()).u32(16, self.limit).u32(20, flags);
        out.xt_match("connlimit", 1, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let family: Family = run.family;
        let view = run.xt_match("connlimit", 1, SIZE)?;
        let flags = view.u32(20);
        let mask = Mask::from_bytes(view.array(0), family);
        // A mask that is no prefix has no words.
        if flags & !(AT_MOST | BY_DESTINATION) != 0 || mask.prefix_len().is_none() {
            return None;
        }
        let (at_most, by_destination) = (flags & AT_MOST != 0, flags & BY_DESTINATION != 0);
        Some(Self { at_most, limit: view.u32(16), mask, by_destination })
    }

    fn approximate(&self, family: Family) -> Option<Approximation> {
        let count = format!("ct count {}{}", if self.at_most { "" } else { "over " }, self.limit);
        let zones = "connections of all conntrack zones are counted together";
        let Some(key) = approximation::address(self.by_destination, &self.mask) else {
            return Some(Approximation::plain(count, &[zones]));
        };
        let side = if self.by_destination { "daddr" } else { "saddr" };
        let kind = if self.at_most { "upto" } else { "above" };
        let name = format!("connlimit_{kind}_{}_{side}_{}", self.limit, self.length());
        // Connections end by themselves, so members need no timeout.
        let set = format!("type {}; size 65535; flags dynamic;", approximation::address_type(family));
        let full = "when the set is full the rule does not match; the match has no such bound";
        Some(Approximation {
            statement: format!("add @{name} {{ {key} {count} }}"),
            sets: vec![(name, set)],
            differs: vec![zones, full],
        })
    }

    fn facts(&self) -> Facts<'_> {
        let side = if self.at_most { Side::Below } else { Side::Above };
        let per = match (self.length(), self.by_destination) {
            (0, _) => Per::Rule,
            (_, true) => Per::Destination,
            (_, false) => Per::Source,
        };
        Facts::new(Effect::Limits).reassembles().bound(Measure::Connections, side, per)
    }
}

impl Connlimit {
    fn length(&self) -> u8 {
        self.mask.prefix_len().unwrap_or_default()
    }
}
