//! `-m hl`: the hop limit of an IPv6 packet. xt `hl` revision 0, natively one byte of the network header; see `shared/hop_count.rs`.

use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::hop_count::{Dialect, Hops};
use crate::uses::Uses;
use crate::{Extension, Parsed};

static DIALECT: Dialect = Dialect {
    xt: "hl",
    options: ["hl-eq", "hl-lt", "hl-gt"],
    missing: "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'",
    title: "HL",
    offset: 7,
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hl {
    hops: Hops,
}

impl Extension for Hl {
    const NAME: &'static str = "hl";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "the hop limit of an IPv6 packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("hl-lt", "number", "less than this").excludes(&["hl-eq", "hl-gt"]),
        OptionSpec::value("hl-gt", "number", "more than this").excludes(&["hl-eq", "hl-lt"]),
        OptionSpec::value("hl-eq", "number", "this").invertible().excludes(&["hl-lt", "hl-gt"]),
        OptionSpec::value("hl", "number", "this").invertible().alias_of("hl-eq"),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Hops::parse(uses, &DIALECT).map(|hops| Self { hops })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.hops.print(out, &DIALECT);
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.hops.list(out, &DIALECT);
    }

    fn lower(&self, out: &mut Lowering) {
        self.hops.lower(out, &DIALECT);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        Hops::lift(run, &DIALECT).map(|hops| Self { hops })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
