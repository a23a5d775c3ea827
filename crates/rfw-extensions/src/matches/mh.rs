//! `-m mh`: the type of a mobility header (RFC 6275), after `-p mh`.
//!
//! xt `mh` revision 0 in both encodings: it drops headers that are cut short or go on.
//!
//! ```c
//! struct ip6t_mh { __u8 types[2], invflags; };  /* ip6t_mh.h */
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 3;

/// Names by type, each with its short form. The start of a name is enough.
const NAMES: [[&str; 2]; 8] = [
    ["binding-refresh-request", "brr"],
    ["home-test-init", "hoti"],
    ["careof-test-init", "coti"],
    ["home-test", "hot"],
    ["careof-test", "cot"],
    ["binding-update", "bu"],
    ["binding-acknowledgement", "ba"],
    ["binding-error", "be"],
];

/// The typed form; `min` is not larger than `max`. Every type, uninverted, is no test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mh {
    inverted: bool,
    min: u8,
    max: u8,
}

impl Extension for Mh {
    const NAME: &'static str = "mh";
    const FAMILIES: Families = Families::Ipv6;
    const IMPLIED_BY: &'static [&'static str] = &["mh"];
    const SUMMARY: &'static str = "the type of a mobility header";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("mh-type", "type[:type]", "a type or a range, by number or name").invertible()];
    const WHY_XT: &'static [&'static str] = &[
        "the match drops headers that are cut short or go on, which a native test would pass by",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let (min, max) = uses.word("mh-type").map(parse_range).transpose()?.unwrap_or((0, u8::MAX));
        Ok(Self { inverted: uses.inverted("mh-type"), min, max })
    }

    fn print(&self, out: &mut Printer<'_>) {
        if self.is_no_test() {
            return;
        }
        out.option(self.inverted, "mh-type");
        out.fmt(format_args!(" {}", self.min));
        if self.min != self.max {
            out.fmt(format_args!(":{}", self.max));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" mh");
        if self.is_no_test() {
            return;
        }
        let name = |kind: u8| match NAMES.get(usize::from(kind)) {
            Some([name, _]) if !out.numeric => (*name).to_owned(),
            _ => kind.to_string(),
        };
        let (min, max) = (name(self.min), name(self.max));
        out.fmt(format_args!(" {}{min}", if self.inverted { "!" } else { "" }));
        if self.min != self.max {
            out.fmt(format_args!(":{max}"));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let info = Info::new(SIZE).u8(0, self.min).u8(1, self.max).u8(2, self.inverted.into());
        out.xt_match("mh", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("mh", 0, SIZE)?;
        let lifted = Self { inverted: view.u8(2) == 1, min: view.u8(0), max: view.u8(1) };
        (view.u8(2) < 2 && lifted.min <= lifted.max).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Mh {
    fn is_no_test(&self) -> bool {
        *self == Self { inverted: false, min: 0, max: u8::MAX }
    }
}

/// `a`, `a:b`, `:b`, `a:`.
fn parse_range(word: &Word<'_>) -> Parsed<(u8, u8)> {
    let Some(colon) = word.text.iter().position(|&b| b == b':') else {
        let kind = parse_type(word, 0, word.text.len())?;
        return Ok((kind, kind));
    };
    let end = word.text.len();
    let min = if colon == 0 { 0 } else { parse_type(word, 0, colon)? };
    let max = if colon + 1 == end { u8::MAX } else { parse_type(word, colon + 1, end)? };
    if min > max {
        let error = ValueError::whole(&word.text, format!("the smaller type first: {max}:{min}"));
        return Err(bad_value(word, &error, "Invalid MH type range (min > max)"));
    }
    Ok((min, max))
}

/// A whole name, else the first name that begins so, else a number.
fn parse_type(word: &Word<'_>, start: usize, end: usize) -> Parsed<u8> {
    let text = word.text.get(start..end).unwrap_or_default();
    let find = |fits: &dyn Fn(&str) -> bool| NAMES.iter().position(|names| names.iter().any(|name| fits(name)));
    let begins = |name: &str| name.as_bytes().get(..text.len()).is_some_and(|b| b.eq_ignore_ascii_case(text));
    let named = find(&|name| name.as_bytes().eq_ignore_ascii_case(text)).or_else(|| find(&begins));
    if let Some(kind) = named.and_then(|index| u8::try_from(index).ok()) {
        return Ok(kind);
    }
    rfw_values::number::parse_u8(text, 0, u8::MAX).map_err(|_| {
        let error = ValueError::new(start, end, "a number from 0 to 255 or a name such as binding-update");
        bad_value(word, &error, format!("Invalid MH type `{}'", String::from_utf8_lossy(text)))
    })
}
