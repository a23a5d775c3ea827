//! `-m set`: looks addresses or ports up in an ipset.
//!
//! xt `set` revision 4 (`xt_set.h`) in both encodings: ipset's sets are not those of nf_tables.
//!
//! ```c
//! struct xt_set_info_match_v4 {
//!     struct xt_set_info match_set;
//!     struct ip_set_counter_match { __aligned_u64 value; __u8 op; } packets, bytes;   /* 16 bytes each */
//!     __u32 flags;
//! };
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Use, Word};
use rfw_values::number;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts, SetUse};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::ipset::{INVERTED, SetRef};
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 48;
const PACKETS: usize = 8;
const BYTES: usize = 24;
const FLAGS: usize = 40;
/// `IPSET_FLAG_SKIP_COUNTER_UPDATE`, `IPSET_FLAG_SKIP_SUBCOUNTER_UPDATE`, `IPSET_FLAG_RETURN_NOMATCH`.
const SKIP_COUNTER: u32 = 1 << 3;
const SKIP_SUBCOUNTER: u32 = 1 << 4;
const RETURN_NOMATCH: u32 = 1 << 7;

/// How a counter of the matching element is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal = 1,
    NotEqual = 2,
    Less = 3,
    Greater = 4,
}

const COMPARISONS: [(Comparison, &str); 4] = [
    (Comparison::Equal, "eq"),
    (Comparison::NotEqual, "eq"),
    (Comparison::Less, "lt"),
    (Comparison::Greater, "gt"),
];

/// A condition on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counter {
    comparison: Comparison,
    value: u64,
}

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    inverted: bool,
    set: SetRef,
    return_nomatch: bool,
    keep_counters: bool,
    keep_subcounters: bool,
    packets: Option<Counter>,
    bytes: Option<Counter>,
}

impl Extension for Set {
    const NAME: &'static str = "set";
    const SUMMARY: &'static str = "addresses or ports are in an ipset";
    // The original counts repeats of these itself, and says so in words of its own.
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::two("match-set", "name src|dst[,…]", "the set, and which ends of the packet are looked up").invertible().repeatable(),
        OptionSpec::two("set", "name src|dst[,…]", "old name of --match-set")
            .invertible()
            .repeatable()
            .alias_of("match-set")
            .warns("--set option deprecated, please use --match-set"),
        OptionSpec::flag("return-nomatch", "an element with `nomatch` counts as a match").repeatable(),
        OptionSpec::flag("update-counters", "count in the element; `!`: do not").invertible().repeatable(),
        OptionSpec::flag("update-subcounters", "count in members of a list set; `!`: do not").invertible().repeatable(),
        OptionSpec::value("packets-eq", "number", "the element's packet counter is this").invertible().repeatable(),
        OptionSpec::value("packets-lt", "number", "it is less than this").repeatable(),
        OptionSpec::value("packets-gt", "number", "it is more than this").repeatable(),
        OptionSpec::value("bytes-eq", "number", "the element's byte counter is this").invertible().repeatable(),
        OptionSpec::value("bytes-lt", "number", "it is less than this").repeatable(),
        OptionSpec::value("bytes-gt", "number", "it is more than this").repeatable(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "ipset's sets are not those of nf_tables",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut set = None;
        let (mut return_nomatch, mut keep_counters, mut keep_subcounters) = (false, false, false);
        let (mut packets, mut bytes) = (None, None);
        for used in uses.list {
            match (used.option.key(), &used.values) {
                ("match-set", [Some(name), Some(directions)]) => {
                    if set.is_some() {
                        return Err(repeated(used, "--match-set can be specified only once"));
                    }
                    set = Some((used.inverted, SetRef::parse(name, directions, cx)?));
                }
                ("return-nomatch", _) => return_nomatch = true,
                ("update-counters", _) => keep_counters |= used.inverted,
                ("update-subcounters", _) => keep_subcounters |= used.inverted,
                (option, [Some(word), _]) => {
                    let (slot, unit) =
                        if option.starts_with("packets") { (&mut packets, "packets") } else { (&mut bytes, "bytes") };
                    if slot.is_some() {
                        let classic = format!("only one of the --{unit}-[eq|lt|gt] is allowed");
                        return Err(repeated(used, &classic));
                    }
                    *slot = Some(Counter::parse(option, used.inverted, word)?);
                }
                _ => {}
            }
        }
        let Some((inverted, set)) = set else {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "You must specify `--match-set' with proper arguments",
                "add `--match-set NAME src`",
            ));
        };
        Ok(Self { inverted, set, return_nomatch, keep_counters, keep_subcounters, packets, bytes })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "match-set");
        self.set.print(out);
        self.rest(out, "--");
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " ! match-set" } else { " match-set" });
        self.set.list(out);
        self.rest(out, "");
    }

    fn lower(&self, out: &mut Lowering) {
        let flags = self.flags().iter().filter(|(on, ..)| *on).fold(0, |all, (_, bit, _)| all | bit);
        let mut info = Info::new(SIZE).bytes(0, &self.set.bytes(self.inverted)).u32(FLAGS, flags);
        for (at, counter) in [(PACKETS, self.packets), (BYTES, self.bytes)] {
            if let Some(counter) = counter {
                info = info.u64(at, counter.value).u8(at + 8, counter.comparison as u8);
            }
        }
        out.xt_match("set", 4, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let names = run.names;
        let view = run.xt_match("set", 4, SIZE)?;
        let flags = view.u32(FLAGS);
        if flags & !(SKIP_COUNTER | SKIP_SUBCOUNTER | RETURN_NOMATCH) != 0 {
            return None;
        }
        Some(Self {
            inverted: view.u8(3) & INVERTED != 0,
            set: SetRef::read(&view, 0, names)?,
            return_nomatch: flags & RETURN_NOMATCH != 0,
            keep_counters: flags & SKIP_COUNTER != 0,
            keep_subcounters: flags & SKIP_SUBCOUNTER != 0,
            packets: Counter::read(&view, PACKETS)?,
            bytes: Counter::read(&view, BYTES)?,
        })
    }

    fn facts(&self) -> Facts<'_> {
        // The list changes only when a SET target or somebody outside changes it: for two packets that meet the same rules
        // it answers the same, and the lookup itself moves nothing but counters. A rule that compares those counters does
        // answer differently with every packet.
        let counted = self.packets.is_some() || self.bytes.is_some();
        let facts = if counted { Facts::new(Effect::Limits) } else { Facts::PURE };
        facts.set(SetUse { exceptions: self.return_nomatch, ..self.set.in_use(self.inverted) })
    }
}

impl Set {
    fn flags(&self) -> [(bool, u32, &'static str); 3] {
        [
            (self.return_nomatch, RETURN_NOMATCH, " {}return-nomatch"),
            (self.keep_counters, SKIP_COUNTER, " ! {}update-counters"),
            (self.keep_subcounters, SKIP_SUBCOUNTER, " ! {}update-subcounters"),
        ]
    }

    fn rest(&self, out: &mut Printer<'_>, dashes: &str) {
        for (_, _, words) in self.flags().iter().filter(|(on, ..)| *on) {
            out.text(&words.replace("{}", dashes));
        }
        for (unit, counter) in [("packets", self.packets), ("bytes", self.bytes)] {
            if let Some(counter) = counter {
                let sign = if counter.comparison == Comparison::NotEqual { " !" } else { "" };
                out.fmt(format_args!("{sign} {dashes}{unit}-{} {}", counter.word(), counter.value));
            }
        }
    }
}

impl Counter {
    fn parse(option: &str, inverted: bool, word: &Word<'_>) -> Parsed<Self> {
        let value = number::parse_u64(&word.text, 0, u64::MAX).map_err(|error| {
            bad_value(word, &error, format!("Cannot parse {} as a counter value", word.lossy()))
        })?;
        let comparison = match option.rsplit('-').next() {
            Some("lt") => Comparison::Less,
            Some("gt") => Comparison::Greater,
            _ if inverted => Comparison::NotEqual,
            _ => Comparison::Equal,
        };
        Ok(Self { comparison, value })
    }

    /// The condition at an offset, if there is one; `None` for one that has no words.
    fn read(view: &View<'_>, at: usize) -> Option<Option<Self>> {
        match view.u8(at + 8) {
            0 => Some(None),
            op => {
                let (comparison, _) = COMPARISONS.iter().find(|(c, _)| *c as u8 == op)?;
                Some(Some(Self { comparison: *comparison, value: view.u64(at) }))
            }
        }
    }

    fn word(self) -> &'static str {
        COMPARISONS.iter().find(|(c, _)| *c == self.comparison).map_or("", |(_, word)| word)
    }
}

fn repeated(used: &Use<'_>, classic: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::OPTION_REPEATED, used.span(), classic)
            .help("keep one; a second `-m set` looks up a second set")
            .parameter(classic),
    )
}
