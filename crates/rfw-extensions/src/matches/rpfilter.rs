//! `-m rpfilter`: the route back to the source leads through the interface that the packet came in by.
//!
//! xt `rpfilter` revision 0 in both encodings, `{ __u8 flags; }` (`xt_rpfilter.h`): `fib` judges local and unspecified source
//! addresses otherwise.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::approximation::Approximation;
use crate::context::{Family, ParseCx};
use crate::facts::Facts;
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 1;

/// Options in the order of their bits (`XT_RPFILTER_*`).
const FLAGS: [&str; 4] = ["loose", "validmark", "accept-local", "invert"];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpfilter {
    /// A bit for each of `FLAGS`.
    flags: u8,
}

impl Extension for Rpfilter {
    const NAME: &'static str = "rpfilter";
    const SUMMARY: &'static str = "the route back leads where the packet came from";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("loose", "through any interface"),
        OptionSpec::flag("validmark", "routed with the mark of the packet"),
        OptionSpec::flag("accept-local", "a source address of this host passes too"),
        OptionSpec::flag("invert", "match what fails the test"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "`fib saddr . iif oif` judges local and unspecified source addresses otherwise",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let given = |(bit, name): (usize, &&str)| u8::from(uses.has(name)) << bit;
        Ok(Self { flags: FLAGS.iter().enumerate().map(given).sum() })
    }

    fn print(&self, out: &mut Printer<'_>) {
        for name in self.given() {
            out.option(false, name);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" rpfilter");
        for name in self.given() {
            out.fmt(format_args!(" {name}"));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        out.xt_match("rpfilter", 0, Info::new(SIZE).u8(0, self.flags).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let flags = run.xt_match("rpfilter", 0, SIZE)?.u8(0);
        (flags >> FLAGS.len() == 0).then_some(Self { flags })
    }

    fn approximate(&self, _family: Family) -> Option<Approximation> {
        let given = |bit: u8| self.flags & (1 << bit) != 0;
        let mark = if given(1) { " . mark" } else { "" };
        let interface = if given(0) { "" } else { " . iif" };
        let word = if given(3) { "missing" } else { "exists" };
        let mut differs = vec!["packets of this host itself, from 0.0.0.0 or ::, or to groups are judged by their route like others"];
        if given(2) {
            differs.push("a source address of this host does not pass");
        }
        Some(Approximation::plain(format!("fib saddr{mark}{interface} oif {word}"), &differs))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.tables(&["raw", "mangle"]).hooks(hook::PREROUTING)
    }
}

impl Rpfilter {
    fn given(&self) -> impl Iterator<Item = &'static str> {
        FLAGS.into_iter().enumerate().filter(|(bit, _)| self.flags & (1 << bit) != 0).map(|(_, name)| name)
    }
}
