//! `-m dst`: length and options of the destination options header of IPv6; see [`crate::shared::header_options`].

use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::header_options::{Dialect, HeaderOptions};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const DIALECT: Dialect = Dialect {
    name: "dst",
    length: "dst-len",
    options: "dst-opts",
    pad_has_no_length: "PAD0 hasn't got length",
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dst(HeaderOptions);

impl Extension for Dst {
    const NAME: &'static str = "dst";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "the destination options header";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("dst-len", "length", "length of the header in bytes").invertible(),
        OptionSpec::value("dst-opts", "type[:length],...", "the options in their order, 16 at most"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't walk the options of a header",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        HeaderOptions::parse(uses, &DIALECT).map(Self)
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.0.print(out, &DIALECT);
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.0.list(out, &DIALECT);
    }

    fn lower(&self, out: &mut Lowering) {
        self.0.lower(out, &DIALECT);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        HeaderOptions::lift(run, &DIALECT).map(Self)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
