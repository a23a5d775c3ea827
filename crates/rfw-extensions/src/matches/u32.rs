//! `-m u32`: tests of four bytes of the packet that reckon where to look.
//!
//! ```c
//! struct xt_u32 {  /* xt_u32.h */
//!     struct xt_u32_test {
//!         struct { __u32 number; __u8 nextop; } location[11];
//!         struct { __u32 min, max; } value[11];
//!         __u8 nnums, nvalues;
//!     } tests[11];
//!     __u8 ntests, invert;
//! };
//! ```
//! xt in both encodings: nf_tables cannot load from an offset that it has computed, which `@` does.

use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

mod program;

use program::{MAX, Op, Test};

const SIZE: usize = 1982;
const TEST_SIZE: usize = 180;
/// Of the values, and of the two counts, in a test.
const VALUES: usize = 88;
const COUNTS: usize = 176;
/// Of the count of tests, behind which stands the inversion.
const TESTS: usize = 1980;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct U32 {
    inverted: bool,
    /// 1 to [`MAX`].
    tests: Vec<Test>,
}

impl Extension for U32 {
    const NAME: &'static str = "u32";
    const SUMMARY: &'static str = "tests of four bytes anywhere in the packet";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("u32", "location=value[&&...]", "for instance 0>>22&0x3C@0&0xFF=8: the type of ICMP")
            .invertible()
            .required()];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't load from an offset that it has computed",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let tests = uses.word("u32").map_or(Ok(Vec::new()), parse)?;
        Ok(Self { inverted: uses.inverted("u32"), tests })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "u32");
        self.write(out);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " u32 !" } else { " u32" });
        self.write(out);
    }

    fn lower(&self, out: &mut Lowering) {
        let mut info = Info::new(SIZE);
        for (index, test) in self.tests.iter().enumerate() {
            info = store(test, info, index * TEST_SIZE);
        }
        info = info.u8(TESTS, count(self.tests.len())).u8(TESTS + 1, self.inverted.into());
        out.xt_match("u32", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("u32", 0, SIZE)?;
        let (len, inverted) = (usize::from(view.u8(TESTS)), view.u8(TESTS + 1));
        if !(1..=MAX).contains(&len) || inverted > 1 {
            return None;
        }
        let tests = (0..len).map(|index| load(&view, index * TEST_SIZE)).collect::<Option<_>>()?;
        Some(Self { inverted: inverted == 1, tests })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl U32 {
    fn write(&self, out: &mut Printer<'_>) {
        out.text(" \"");
        for (index, test) in self.tests.iter().enumerate() {
            let joint = if index > 0 { "&&" } else { "" };
            out.fmt(format_args!("{joint}{test}"));
        }
        out.text("\"");
    }
}

fn parse(word: &Word<'_>) -> Parsed<Vec<Test>> {
    program::parse(&word.text).map_err(|wrong| {
        let end = word.text.len();
        let error = ValueError::new(wrong.at.min(end), (wrong.at + 1).min(end), wrong.expected);
        let classic = match wrong.shown {
            Some(at) => format!("u32: at char {at}: {}", wrong.classic),
            None => format!("u32: {}", wrong.classic),
        };
        bad_value(word, &error, classic)
    })
}

fn count(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

fn store(test: &Test, mut info: Info, at: usize) -> Info {
    info = info.u32(at, test.start);
    for (index, (op, number)) in test.steps.iter().enumerate() {
        info = info.u32(at + 8 * (index + 1), *number).u8(at + 8 * (index + 1) + 4, *op as u8);
    }
    for (index, (min, max)) in test.values.iter().enumerate() {
        info = info.u32(at + VALUES + 8 * index, *min).u32(at + VALUES + 8 * index + 4, *max);
    }
    info.u8(at + COUNTS, count(test.steps.len() + 1)).u8(at + COUNTS + 1, count(test.values.len()))
}

fn load(view: &View<'_>, at: usize) -> Option<Test> {
    let (numbers, values) = (usize::from(view.u8(at + COUNTS)), usize::from(view.u8(at + COUNTS + 1)));
    if !(1..=MAX).contains(&numbers) || !(1..=MAX).contains(&values) {
        return None;
    }
    let step = |index: usize| Some((Op::from_byte(view.u8(at + 8 * index + 4))?, view.u32(at + 8 * index)));
    let value = |index: usize| (view.u32(at + VALUES + 8 * index), view.u32(at + VALUES + 8 * index + 4));
    Some(Test {
        start: view.u32(at),
        steps: (1..numbers).map(step).collect::<Option<_>>()?,
        values: (0..values).map(value).collect(),
    })
}
