//! `-m length`: the length of a packet in bytes. xt `length` revision 0 in both encodings: it reads the IP header, which
//! `meta len` does not (padding, BIG TCP).
//!
//! ```c
//! struct xt_length_info { __u16 min, max; __u8 invert; };  /* xt_length.h, host order */
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;
use rfw_values::number::prefix;

use crate::context::{Facts, ParseCx};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 6;

/// The typed form. The lower bound may be the larger one, as in 1.8.9; no length is then inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Length {
    inverted: bool,
    min: u16,
    max: u16,
}

impl Extension for Length {
    const NAME: &'static str = "length";
    const SUMMARY: &'static str = "the length of the packet in bytes";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("length", "length[:length]", "a length or a range of lengths").invertible().required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let (min, max) = match uses.word("length") {
            Some(word) => parse_range(word)?,
            None => (0, u16::MAX),
        };
        Ok(Self { inverted: uses.inverted("length"), min, max })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "length");
        out.text(" ");
        self.bounds(out);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " length !" } else { " length " });
        self.bounds(out);
    }

    fn lower(&self, out: &mut Lowering) {
        let info = Info::new(SIZE).u16(0, self.min).u16(2, self.max).u8(4, self.inverted.into());
        out.xt_match("length", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("length", 0, SIZE)?;
        let inverted = match view.u8(4) {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self { inverted, min: view.u16(0), max: view.u16(2) })
    }

    fn facts(&self) -> Facts {
        Facts::PURE
    }
}

impl Length {
    fn bounds(&self, out: &mut Printer<'_>) {
        if self.min == self.max {
            out.fmt(format_args!("{}", self.min));
        } else {
            out.fmt(format_args!("{}:{}", self.min, self.max));
        }
    }
}

/// `a`, `a:b`, `:b`, `a:`; a bound left out is the lowest or the highest.
fn parse_range(word: &Word<'_>) -> Parsed<(u16, u16)> {
    let (min, next) = bound(word, 0, 0)?;
    let Some(next) = next else { return Ok((min, min)) };
    let (max, next) = bound(word, next, u16::MAX)?;
    if next.is_some() {
        let error = ValueError::whole(&word.text, "one length or two");
        return Err(bad_value(word, &error, "length: Too many components for option \"--length\" (max: 2)\n"));
    }
    Ok((min, max))
}

/// The bound that begins at `at`, and where the next one begins.
fn bound(word: &Word<'_>, at: usize, open: u16) -> Parsed<(u16, Option<usize>)> {
    let rest = &word.text[at..];
    let near = |from: usize| String::from_utf8_lossy(&word.text[from..]).into_owned();
    let found = match rest.first() {
        None | Some(b':') => Some((open, 0)),
        Some(_) => prefix(rest).and_then(|(value, used)| Some((u16::try_from(value).ok()?, used))),
    };
    let Some((value, used)) = found else {
        let end = rest.iter().position(|&b| b == b':').unwrap_or(rest.len());
        let error = ValueError::new(at, at + end, "a length from 0 to 65535");
        let near = near(at);
        let classic =
            format!("length: bad value for option \"--length\" near \"{near}\", or out of range (0-65535).\n");
        return Err(bad_value(word, &error, classic));
    };
    match rest.get(used) {
        None => Ok((value, None)),
        Some(b':') => Ok((value, Some(at + used + 1))),
        Some(_) => {
            let error = ValueError::new(at + used, word.text.len(), "a length or a range FROM:TO");
            let near = near(at + used);
            let classic =
                format!("length: Argument to \"--length\" has unexpected characters near \"{near}\".\n");
            Err(bad_value(word, &error, classic))
        }
    }
}
