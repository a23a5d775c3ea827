//! `-m rateest`: compares the rates that the target of that name measures, with a number or with each other.
//!
//! ```c
//! struct xt_rateest_match_info {  /* xt_rateest.h; flags: invert 1, absolute 2, relative 4, delta 8, bps 0x10, pps 0x20 */
//!     char name1[IFNAMSIZ], name2[IFNAMSIZ];
//!     __u16 flags, mode;  /* eq 1, lt 2, gt 3 */
//!     __u32 bps1, pps1, bps2, pps2;  /* bytes and packets per second */
//!     struct xt_rateest *est1, *est2;
//! };
//! ```
//! xt in both encodings: nf_tables has no estimators.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 72;
/// `IFNAMSIZ`, with the NUL.
const NAME_LEN: usize = 16;
/// `XT_RATEEST_MATCH_*`.
const INVERT: u16 = 1;
const ABSOLUTE: u16 = 2;
const RELATIVE: u16 = 4;
const DELTA: u16 = 8;
const BPS: u16 = 0x10;
const PPS: u16 = 0x20;
/// By `XT_RATEEST_MATCH_EQ` and on, less one.
const MODES: [&str; 3] = ["eq", "lt", "gt"];
const TWICE: &str = "rateest: can't specify lt/gt/eq twice";
/// Units of a rate of bits in any case, in bits per second.
const UNITS: [(&str, f64); 18] = [
    ("bit", 1.0),
    ("kibit", 1024.0),
    ("kbit", 1e3),
    ("mibit", 1_048_576.0),
    ("mbit", 1e6),
    ("gibit", 1_073_741_824.0),
    ("gbit", 1e9),
    ("tibit", 1_099_511_627_776.0),
    ("tbit", 1e12),
    ("bps", 8.0),
    ("kibps", 8192.0),
    ("kbps", 8e3),
    ("mibps", 8_388_608.0),
    ("mbps", 8e6),
    ("gibps", 8_589_934_592.0),
    ("gbps", 8e9),
    ("tibps", 8_796_093_022_208.0),
    ("tbps", 8e12),
];

/// The typed form.
#[derive(Clone, Debug)]
pub struct Rateest {
    first: Vec<u8>,
    /// The estimator that the first is compared with, if not a number.
    second: Option<Vec<u8>>,
    /// What is compared is how far the rates are below the numbers.
    delta: bool,
    inverted: bool,
    /// Index into `MODES`.
    mode: u8,
    /// The numbers for the first and the second rate; at least one pair.
    bps: Option<[u32; 2]>,
    pps: Option<[u32; 2]>,
}

impl PartialEq for Rateest {
    fn eq(&self, other: &Self) -> bool {
        let parts = |r: &Self| (r.delta, r.inverted, r.mode, r.used(r.bps), r.used(r.pps));
        self.first == other.first && self.second == other.second && parts(self) == parts(other)
    }
}

impl Eq for Rateest {}

impl Extension for Rateest {
    const NAME: &'static str = "rateest";
    const SUMMARY: &'static str = "compares measured rates";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("rateest1", "name", "the estimator; must be given")
            .conflict("rateest: can't specify --rateest1 twice"),
        OptionSpec::value("rateest", "name", "the same").alias_of("rateest1").conflict("rateest: can't specify --rateest1 twice"),
        OptionSpec::value("rateest2", "name", "the estimator that it is compared with")
            .conflict("rateest: can't specify --rateest2 twice"),
        OptionSpec::optional("rateest-bps1", "rate", "rate of the first: bits per second, or 5kbit, 5MBps")
            .conflict("rateest: can't specify --rateest-bps1 twice"),
        OptionSpec::optional("rateest-pps1", "number", "packets per second of the first")
            .conflict("rateest: can't specify --rateest-pps1 twice"),
        OptionSpec::optional("rateest-bps2", "rate", "rate of the second, or what is compared with")
            .conflict("rateest: can't specify --rateest-bps2 twice"),
        OptionSpec::optional("rateest-pps2", "number", "packets per second of the second, or what is compared with")
            .conflict("rateest: can't specify --rateest-pps2 twice"),
        OptionSpec::optional("rateest-bps", "rate", "the same as --rateest-bps2")
            .alias_of("rateest-bps2")
            .conflict("rateest: can't specify --rateest-bps2 twice"),
        OptionSpec::optional("rateest-pps", "number", "the same as --rateest-pps2")
            .alias_of("rateest-pps2")
            .conflict("rateest: can't specify --rateest-pps2 twice"),
        OptionSpec::flag("rateest-delta", "compare how far the rates are below the numbers")
            .conflict("rateest: can't specify --rateest-delta twice"),
        OptionSpec::flag("rateest-lt", "the first is less").invertible().excludes(&["rateest-gt", "rateest-eq"]).conflict(TWICE),
        OptionSpec::flag("rateest-gt", "the first is more").invertible().excludes(&["rateest-lt", "rateest-eq"]).conflict(TWICE),
        OptionSpec::flag("rateest-eq", "both are equal").invertible().excludes(&["rateest-lt", "rateest-gt"]).conflict(TWICE),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables has no estimators",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let pair = |first: &str, second: &str, read: fn(&Word<'_>) -> Parsed<u32>| -> Parsed<Option<[u32; 2]>> {
            if !uses.has(first) && !uses.has(second) {
                return Ok(None);
            }
            let value = |option: &str| uses.word(option).map_or(Ok(0), read);
            Ok(Some([value(first)?, value(second)?]))
        };
        let bps = pair("rateest-bps1", "rateest-bps2", parse_rate)?;
        let pps = pair("rateest-pps1", "rateest-pps2", parse_packets)?;
        let first = uses.word("rateest1").map(parse_name).transpose()?;
        let second = uses.word("rateest2").map(parse_name).transpose()?;
        let given = MODES.iter().position(|mode| uses.has(&format!("rateest-{mode}")));
        // The original leaves what is missing to the kernel, which refuses it.
        let missing = |option: &str| {
            let classic = format!("rateest: option \"--{option}\" must be specified\n");
            uses.complaint(codes::OPTION_REQUIRED, classic, format!("add `--{option}`"))
        };
        let first = first.ok_or_else(|| missing("rateest"))?;
        let mode = given.ok_or_else(|| missing("rateest-gt"))?;
        if bps.is_none() && pps.is_none() {
            return Err(missing("rateest-bps"));
        }
        Ok(Self {
            first,
            second,
            delta: uses.has("rateest-delta"),
            inverted: uses.inverted(&format!("rateest-{}", MODES[mode])),
            mode: u8::try_from(mode).unwrap_or_default(),
            bps,
            pps,
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.text(if self.delta { " --rateest-delta" } else { "" });
        out.text(if self.second.is_some() { " --rateest1" } else { " --rateest" });
        out.word(&self.first);
        // The original writes the comparison for each kind of rate, and then does not read it.
        let mut compared = false;
        for (kind, rates) in [("bps", self.bps), ("pps", self.pps)] {
            let Some([first, second]) = rates else { continue };
            if self.delta {
                out.fmt(format_args!(" --rateest-{kind}1 {}", Shown(kind, first, true)));
            }
            if !compared {
                self.write_mode(out, "--rateest-");
            }
            compared = true;
            out.fmt(format_args!(" --rateest-{kind}{}", if self.delta { "2" } else { "" }));
            if self.delta || self.second.is_none() {
                out.fmt(format_args!(" {}", Shown(kind, second, true)));
            }
        }
        if let Some(second) = &self.second {
            out.text(" --rateest2");
            out.word(second);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let (numeric, absolute) = (out.numeric, self.second.is_none());
        let rate = |kind: &'static str, rate: u32| Shown(if numeric { "pps" } else { kind }, rate, false);
        out.text(" rateest match ");
        out.bytes(&self.first);
        out.text(if self.delta { " delta" } else { "" });
        if let Some([first, second]) = self.bps {
            out.text(" bps");
            if self.delta {
                out.fmt(format_args!(" {}", rate("bps", first)));
            }
            if absolute {
                out.fmt(format_args!(" {}", rate("bps", second)));
                self.write_mode(out, "");
            }
        }
        if let Some([first, second]) = self.pps {
            out.text(" pps");
            if self.delta {
                out.fmt(format_args!(" {first}"));
            }
            if absolute {
                self.write_mode(out, "");
                out.fmt(format_args!(" {second}"));
            }
        }
        let Some(name) = &self.second else { return };
        self.write_mode(out, "");
        out.text(" ");
        out.bytes(name);
        for (kind, rates) in [("bps", self.bps), ("pps", self.pps)] {
            let Some([_, second]) = rates else { continue };
            out.fmt(format_args!(" {kind}"));
            if self.delta {
                out.fmt(format_args!(" {}", rate(kind, second)));
            }
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let bit = |on: bool, bit: u16| if on { bit } else { 0 };
        let flags = bit(self.inverted, INVERT)
            | bit(self.second.is_none(), ABSOLUTE)
            | bit(self.second.is_some(), RELATIVE)
            | bit(self.delta, DELTA)
            | bit(self.bps.is_some(), BPS)
            | bit(self.pps.is_some(), PPS);
        let (bps, pps) = (self.bps.unwrap_or_default(), self.pps.unwrap_or_default());
        let info = Info::new(SIZE)
            .bytes(0, &self.first)
            .bytes(NAME_LEN, self.second.as_deref().unwrap_or_default())
            .u16(32, flags)
            .u16(34, u16::from(self.mode) + 1)
            .u32(36, bps[0])
            .u32(40, pps[0])
            .u32(44, bps[1])
            .u32(48, pps[1]);
        out.xt_match("rateest", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("rateest", 0, SIZE)?;
        let (flags, mode) = (view.u16(32), view.u16(34));
        let name = |at: usize| {
            let name = view.string(at, NAME_LEN);
            (!name.is_empty() && name.len() < NAME_LEN).then(|| name.to_vec())
        };
        let known = INVERT | ABSOLUTE | RELATIVE | DELTA | BPS | PPS;
        let one_kind = matches!(flags & (ABSOLUTE | RELATIVE), ABSOLUTE | RELATIVE);
        if flags & !known != 0 || !one_kind || flags & (BPS | PPS) == 0 || !(1..=3).contains(&mode) {
            return None;
        }
        let rates = |bit: u16, at: usize| (flags & bit != 0).then(|| [view.u32(at), view.u32(at + 8)]);
        Some(Self {
            first: name(0)?,
            second: if flags & RELATIVE != 0 { Some(name(NAME_LEN)?) } else { None },
            delta: flags & DELTA != 0,
            inverted: flags & INVERT != 0,
            mode: u8::try_from(mode - 1).ok()?,
            bps: rates(BPS, 36),
            pps: rates(PPS, 40),
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Limits)
    }
}

impl Rateest {
    fn write_mode(&self, out: &mut Printer<'_>, prefix: &str) {
        let sign = if self.inverted { " !" } else { "" };
        out.fmt(format_args!("{sign} {prefix}{}", MODES[usize::from(self.mode) % MODES.len()]));
    }

    /// The numbers that the kernel looks at, and that are written.
    fn used(&self, rates: Option<[u32; 2]>) -> Option<[u32; 2]> {
        let [first, second] = rates?;
        let keep = |rate: u32, on: bool| if on { rate } else { 0 };
        Some([keep(first, self.delta), keep(second, self.delta || self.second.is_none())])
    }
}

/// A rate as the original writes it, of packets or of bytes; if it has to be read again, never rounded.
struct Shown(&'static str, u32, bool);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(kind, rate, exact) = *self;
        if kind == "pps" {
            return write!(f, "{rate}");
        }
        let bits = u64::from(rate) * 8;
        let (unit, name) = match bits {
            1_000_000_000.. => (1_000_000, "Mbit"),
            1_000_000.. => (1_000, "Kbit"),
            _ => (1, "bit"),
        };
        if exact && bits % unit != 0 {
            return write!(f, "{bits}bit");
        }
        // At most 2^35, which a double holds; halves are rounded to even, as by printf.
        let number = bits as f64 / unit as f64;
        write!(f, "{number:.0}{name}")
    }
}

fn parse_name(word: &Word<'_>) -> Parsed<Vec<u8>> {
    if word.text.is_empty() || word.text.len() >= NAME_LEN {
        let error = ValueError::whole(&word.text, "a name of 1 to 15 bytes");
        return Err(bad_value(word, &error, format!("rateest: bad name `{}'", word.lossy())));
    }
    Ok(word.text.to_vec())
}

fn parse_packets(word: &Word<'_>) -> Parsed<u32> {
    rfw_values::number::parse_u32(&word.text, 0, u32::MAX)
        .map_err(|error| bad_value(word, &error, format!("rateest: could not parse pps `{}'", word.lossy())))
}

/// A decimal number with a unit; bits per second without one.
fn parse_rate(word: &Word<'_>) -> Parsed<u32> {
    let bad = || -> Box<Diagnostic> {
        let error = ValueError::whole(&word.text, "bits per second, or a rate like 5kbit, 1.5Mibit, 5MBps");
        bad_value(word, &error, format!("rateest: could not parse rate `{}'", word.lossy()))
    };
    let text = std::str::from_utf8(&word.text).map_err(|_| bad())?.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = if unit.is_empty() {
        Some(1.0)
    } else {
        UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, scale)| *scale)
    };
    let bits = number.parse::<f64>().ok().zip(scale).map(|(number, scale)| number * scale / 8.0);
    match bits.filter(|rate| *rate <= f64::from(u32::MAX)) {
        // Not negative: there is no sign. What is behind the point is cut, as in the original.
        Some(rate) => Ok(rate as u32),
        None => Err(bad()),
    }
}
