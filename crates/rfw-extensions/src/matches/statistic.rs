//! `-m statistic`: chance, or every n-th packet.
//!
//! Compat: xt `statistic` revision 0 (`xt_statistic.h`); what follows `packet` matters to the kernel only once, as the
//! counter's start:
//!
//! ```c
//! struct xt_statistic_info { __u16 mode, flags; union { __u32 probability; struct { __u32 every, packet, count; } nth; };
//!                            struct xt_statistic_priv *master; };
//! ```
//!
//! Native: 31 bits of `meta random` below a bound; `numgen inc`, which begins and counts as xt does. Random bytes are as
//! random in either order, and nft takes these for network order, so that they are compared as they are.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::Expr;
use rfw_nft::expr::{CmpOp, REG_1, meta};
use rfw_nft::predicate::{Field, Item, Op, Relation};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 24;
const MODE_RANDOM: u16 = 0;
const MODE_NTH: u16 = 1;
/// `XT_STATISTIC_INVERT`.
const INVERT: u16 = 1;
/// Certainty.
const ONE: u32 = 0x8000_0000;
/// The bits of a random number that count.
const RANDOM_MASK: u32 = 0x7fff_ffff;
const MODES: &[&str] = &["random", "nth"];

/// Which packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// With this probability, in units of 2^-31.
    Random(u32),
    /// The packet with this index of every so many.
    Nth { every: u32, packet: u32 },
}

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistic {
    inverted: bool,
    choice: Choice,
}

impl Extension for Statistic {
    const NAME: &'static str = "statistic";
    const SUMMARY: &'static str = "chance, or every n-th packet";
    // What is required is asked in `parse`: the original asks for the mode only after it has looked at the others.
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("mode", "random|nth", "how packets are chosen"),
        OptionSpec::value("probability", "p", "0 to 1").invertible().excludes(&["every", "packet"]),
        OptionSpec::value("every", "n", "one packet of so many").invertible().excludes(&["probability"]),
        OptionSpec::value("packet", "p", "which one of them, from 0").excludes(&["probability"]),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mode = uses.word("mode").map(parse_mode).transpose()?;
        let probability = uses.word("probability").map(parse_probability).transpose()?;
        let every = uses.number("every", 1, u32::MAX)?;
        let packet = uses.number("packet", 0, u32::MAX)?;
        if mode == Some(MODE_NTH) {
            let choice = nth(uses, every, packet)?;
            return Ok(Self { inverted: uses.inverted("every"), choice });
        }
        let Some(probability) = probability else {
            let classic = "--probability must be specified when using random mode";
            return Err(uses.complaint(codes::OPTION_REQUIRED, classic, "add `--probability P`, from 0 to 1"));
        };
        if mode.is_none() {
            let classic = "statistic: option \"--mode\" must be specified\n";
            return Err(uses.complaint(codes::OPTION_REQUIRED, classic, "add `--mode random`"));
        }
        Ok(Self { inverted: uses.inverted("probability"), choice: Choice::Random(probability) })
    }

    fn print(&self, out: &mut Printer<'_>) {
        match self.choice {
            Choice::Random(probability) => {
                out.text(" --mode random");
                out.option(self.inverted, "probability");
                out.fmt(format_args!(" {:.11}", fraction(probability)));
            }
            Choice::Nth { every, packet } => {
                out.text(" --mode nth");
                out.option(self.inverted, "every");
                out.fmt(format_args!(" {every} --packet {packet}"));
            }
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let sign = if self.inverted { " !" } else { "" };
        match self.choice {
            Choice::Random(probability) => {
                let probability = fraction(probability);
                out.fmt(format_args!(" statistic mode random{sign} probability {probability:.11}"));
            }
            Choice::Nth { every, packet } => {
                out.fmt(format_args!(" statistic mode nth{sign} every {every}"));
                if packet > 0 {
                    out.fmt(format_args!(" packet {packet}"));
                }
            }
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() {
            out.xt_match("statistic", 0, self.xt());
            return;
        }
        match self.choice {
            Choice::Random(probability) => {
                out.meta(meta::PRANDOM);
                out.mask(&RANDOM_MASK.to_be_bytes());
                let op = if self.inverted { CmpOp::Gte } else { CmpOp::Lt };
                out.cmp(op, &probability.to_be_bytes());
            }
            Choice::Nth { every, packet } => {
                out.push(Expr::Numgen { dreg: REG_1, modulus: every, kind: 0, offset: 0 });
                out.equals(self.inverted, &packet.to_ne_bytes());
            }
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("statistic", 0, SIZE) {
            return Self::from_xt(&view);
        }
        let Item::Test { value, relation: Relation::Cmp(op, data) } = run.peek(0)? else { return None };
        let data: [u8; 4] = data.as_slice().try_into().ok()?;
        let found = match (&value.field, value.ops.as_slice()) {
            (Field::Meta(meta::PRANDOM), [Op::MaskXor { mask, xor }])
                if mask.as_slice() == RANDOM_MASK.to_be_bytes() && xor.iter().all(|&b| b == 0) =>
            {
                let inverted = match op {
                    CmpOp::Lt => false,
                    CmpOp::Gte => true,
                    _ => return None,
                };
                let probability = Some(u32::from_be_bytes(data)).filter(|p| *p <= ONE)?;
                Self { inverted, choice: Choice::Random(probability) }
            }
            (&Field::Numgen { modulus: every, kind: 0, offset: 0 }, []) => {
                let inverted = match op {
                    CmpOp::Eq => false,
                    CmpOp::Neq => true,
                    _ => return None,
                };
                let packet = Some(u32::from_ne_bytes(data)).filter(|p| *p < every)?;
                Self { inverted, choice: Choice::Nth { every, packet } }
            }
            _ => return None,
        };
        run.take();
        Some(found)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Limits)
    }
}

impl Statistic {
    fn xt(&self) -> Vec<u8> {
        let info = Info::new(SIZE).u16(2, if self.inverted { INVERT } else { 0 });
        match self.choice {
            // The original reckons the counter of the other mode too.
            Choice::Random(probability) => info.u16(0, MODE_RANDOM).u32(4, probability).u32(12, probability),
            Choice::Nth { every, packet } => {
                let last = every.saturating_sub(1);
                info.u16(0, MODE_NTH).u32(4, last).u32(8, packet).u32(12, last.saturating_sub(packet))
            }
        }
        .finish()
    }

    fn from_xt(view: &View<'_>) -> Option<Self> {
        let choice = match view.u16(0) {
            MODE_RANDOM => Choice::Random(Some(view.u32(4)).filter(|p| *p <= ONE)?),
            MODE_NTH => {
                let (every, packet) = (view.u32(4).checked_add(1)?, view.u32(8));
                (packet < every).then_some(Choice::Nth { every, packet })?
            }
            _ => return None,
        };
        (view.u16(2) & !INVERT == 0).then_some(Self { inverted: view.u16(2) & INVERT != 0, choice })
    }
}

fn fraction(probability: u32) -> f64 {
    f64::from(probability) / f64::from(ONE)
}

fn parse_mode(word: &Word<'_>) -> Parsed<u16> {
    match word.text.as_ref() {
        b"random" => Ok(MODE_RANDOM),
        b"nth" => Ok(MODE_NTH),
        other => Err(bad_choice(word, other, word.span, MODES, format!("Bad mode \"{}\"", word.lossy()))),
    }
}

fn parse_probability(word: &Word<'_>) -> Parsed<u32> {
    let number = std::str::from_utf8(&word.text).ok().and_then(|text| text.trim_start().parse::<f64>().ok());
    match number.filter(|p| (0.0..=1.0).contains(p)) {
        // At most 2^31, which a u32 holds.
        Some(p) => Ok((p * f64::from(ONE)).round() as u32),
        None => {
            let error = ValueError::whole(&word.text, "a number from 0 to 1, like 0.25");
            let classic = "statistic: bad value for option \"--probability\", or out of range (0-1).\n";
            Err(bad_value(word, &error, classic))
        }
    }
}

fn nth(uses: &Uses<'_, '_>, every: Option<u32>, packet: Option<u32>) -> Parsed<Choice> {
    let required = |classic: &str, help: &str| uses.complaint(codes::OPTION_REQUIRED, classic, help);
    let index = packet.unwrap_or(0);
    if index > 0 && index >= every.unwrap_or(1) {
        let last = every.map_or_else(|| "n-1".into(), |n| (n - 1).to_string());
        let at = uses.span("packet");
        return Err(Box::new(
            Diagnostic::error(codes::BAD_VALUE, at, "there is no such packet in the cycle")
                .help(format!("packets are counted from 0 to {last}"))
                .parameter("the --packet p must be 0 <= p <= n-1"),
        ));
    }
    match (every, packet) {
        (Some(every), Some(packet)) => Ok(Choice::Nth { every, packet }),
        (Some(_), None) => {
            Err(required("statistic: option \"--every\" also requires \"--packet\".\n", "add `--packet 0`"))
        }
        (None, Some(_)) => {
            Err(required("statistic: option \"--packet\" also requires \"--every\".\n", "add `--every N`"))
        }
        (None, None) => Err(required(
            "--every and --packet must be specified when using nth mode",
            "add `--every N --packet 0`",
        )),
    }
}
