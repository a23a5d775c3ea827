//! `-m connbytes`: how much a connection has transferred.
//!
//! ```c
//! struct xt_connbytes_info {  /* xt_connbytes.h */
//!     struct { __aligned_u64 from, to; } count;  /* from > to: outside of them */
//!     __u8 what;       /* XT_CONNBYTES_PKTS, BYTES, AVGPKT */
//!     __u8 direction;  /* XT_CONNBYTES_DIR_ORIGINAL, REPLY, BOTH */
//! };
//! ```
//! xt in both encodings: it never matches a connection that began before accounting was switched on, for which nf_tables' `ct bytes`
//! counts 0 (encoding.md 4.2).

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::{ValueError, number};

use crate::approximation::Approximation;
use crate::shared::bounds::out_of_range;
use crate::context::{Family, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 24;
/// By `XT_CONNBYTES_*`.
const MODES: [&str; 3] = ["packets", "bytes", "avgpkt"];
/// By `XT_CONNBYTES_DIR_*`.
const DIRECTIONS: [&str; 3] = ["original", "reply", "both"];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connbytes {
    /// Outside of the bounds, which then differ: equal ones cannot be turned round in the payload.
    inverted: bool,
    from: u64,
    to: u64,
    /// Index into `MODES`.
    mode: u8,
    /// Index into `DIRECTIONS`.
    direction: u8,
}

impl Extension for Connbytes {
    const NAME: &'static str = "connbytes";
    const SUMMARY: &'static str = "how much a connection has transferred";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("connbytes", "from[:to]", "from so much, to so much or to any amount").invertible().required(),
        OptionSpec::value("connbytes-dir", "original|reply|both", "which packets count").required(),
        OptionSpec::value("connbytes-mode", "packets|bytes|avgpkt", "what is counted; avgpkt is bytes per packet").required(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "for a connection that began before accounting was switched on nf_tables counts 0, where the match is never true",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mode = parse_choice(uses, "connbytes-mode", &MODES)?;
        let direction = parse_choice(uses, "connbytes-dir", &DIRECTIONS)?;
        let (from, to) = uses.word("connbytes").map_or(Ok((0, u64::MAX)), parse_range)?;
        let inverted = uses.inverted("connbytes");
        if inverted && from == to {
            return Err(Box::new(
                Diagnostic::error(codes::BAD_VALUE, uses.span("connbytes"), format!("the kernel cannot ask for anything but {from}"))
                    .help("a range of at least two numbers can stand behind `!`")
                    .parameter("connbytes: \"--connbytes\" cannot be inverted for a single number.\n"),
            ));
        }
        Ok(Self { inverted, from, to, mode, direction })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.write_range(out, "--");
        let (mode, direction) = self.words();
        out.fmt(format_args!(" --connbytes-mode {mode} --connbytes-dir {direction}"));
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.write_range(out, "");
        let (mode, direction) = self.words();
        out.fmt(format_args!(" connbytes mode {mode} connbytes direction {direction}"));
    }

    fn lower(&self, out: &mut Lowering) {
        let (first, second) = if self.inverted { (self.to, self.from) } else { (self.from, self.to) };
        let info = Info::new(SIZE).u64(0, first).u64(8, second).u8(16, self.mode).u8(17, self.direction);
        out.xt_match("connbytes", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("connbytes", 0, SIZE)?;
        let (first, second) = (view.u64(0), view.u64(8));
        let (mode, direction) = (view.u8(16), view.u8(17));
        if usize::from(mode) >= MODES.len() || usize::from(direction) >= DIRECTIONS.len() {
            return None;
        }
        Some(Self { inverted: first > second, from: first.min(second), to: first.max(second), mode, direction })
    }

    fn approximate(&self, _family: Family) -> Option<Approximation> {
        let (mode, direction) = self.words();
        let direction = if direction == "both" { String::new() } else { format!("{direction} ") };
        let field = format!("ct {direction}{mode}");
        let statement = match (self.inverted, self.from, self.to) {
            (true, from, u64::MAX) => format!("{field} < {from}"),
            (true, from, to) => format!("{field} != {from}-{to}"),
            (false, from, u64::MAX) => format!("{field} >= {from}"),
            (false, from, to) if from == to => format!("{field} {from}"),
            (false, from, to) => format!("{field} {from}-{to}"),
        };
        Some(Approximation::plain(
            statement,
            &["connections from before net.netfilter.nf_conntrack_acct=1 count as 0, where the match is never true"],
        ))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Limits).reassembles()
    }
}

impl Connbytes {
    fn write_range(&self, out: &mut Printer<'_>, prefix: &str) {
        let sign = if self.inverted { " !" } else { "" };
        out.fmt(format_args!("{sign} {prefix}connbytes {}", self.from));
        // The original writes `0:0` as `0`, which is every amount.
        if self.to != u64::MAX {
            out.fmt(format_args!(":{}", self.to));
        }
    }

    fn words(&self) -> (&'static str, &'static str) {
        (MODES[usize::from(self.mode) % MODES.len()], DIRECTIONS[usize::from(self.direction) % DIRECTIONS.len()])
    }
}

fn parse_choice(uses: &Uses<'_, '_>, option: &str, choices: &[&str]) -> Parsed<u8> {
    let Some(word) = uses.word(option) else { return Ok(0) };
    let found = choices.iter().position(|name| name.as_bytes() == word.text.as_ref());
    found.and_then(|index| u8::try_from(index).ok()).ok_or_else(|| {
        bad_choice(word, &word.text, word.span, choices, format!("Unknown --{option} `{}'", word.lossy()))
    })
}

/// `a`, `a:`, `a:b`, `:b`; what is left out is 0 or no bound.
fn parse_range(word: &Word<'_>) -> Parsed<(u64, u64)> {
    let text: &[u8] = &word.text;
    let colon = text.iter().position(|&b| b == b':').unwrap_or(text.len());
    let from = parse_bound(word, 0, colon, 0)?.unwrap_or(0);
    if colon == text.len() {
        return Ok((from, u64::MAX));
    }
    let third = text[colon + 1..].iter().position(|&b| b == b':').map(|at| colon + 1 + at);
    let to = parse_bound(word, colon + 1, third.unwrap_or(text.len()), from)?.unwrap_or(u64::MAX);
    if let Some(third) = third {
        let error = ValueError::new(third, text.len(), "FROM:TO");
        return Err(bad_value(word, &error, "connbytes: Too many components for option \"--connbytes\" (max: 2)\n"));
    }
    if from > to {
        return Err(Box::new(
            Diagnostic::error(codes::INVERTED_RANGE, word.span, format!("no number is from {from} to {to}"))
                .help("the smaller number comes first")
                .parameter(format!("{from} should be less than {to}"))
                .later_parameter(out_of_range("connbytes", "connbytes", &to.to_string(), from, u64::MAX)),
        ));
    }
    Ok((from, to))
}

fn parse_bound(word: &Word<'_>, start: usize, end: usize, lowest: u64) -> Parsed<Option<u64>> {
    let text: &[u8] = &word.text;
    if start == end {
        return Ok(None);
    }
    let Some((value, used)) = number::prefix(&text[start..end]) else {
        let near = String::from_utf8_lossy(&text[start..]);
        let error = ValueError::new(start, end, "a number");
        let classic = format!(
            "connbytes: bad value for option \"--connbytes\" near \"{near}\", or out of range (0-18446744073709551615).\n"
        );
        let later = out_of_range("connbytes", "connbytes", &near, lowest, u64::MAX);
        return Err(bad_value(word, &error, classic).map_later(later));
    };
    if start + used < end {
        let near = String::from_utf8_lossy(&text[start + used..]);
        let error = ValueError::new(start + used, end, "FROM:TO");
        let classic = format!("connbytes: Argument to \"--connbytes\" has unexpected characters near \"{near}\".\n");
        return Err(bad_value(word, &error, classic));
    }
    Ok(Some(value))
}
