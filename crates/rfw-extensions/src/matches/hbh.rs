//! `-m hbh`: length and options of the hop-by-hop options header of IPv6; see [`crate::shared::header_options`].

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
    name: "hbh",
    length: "hbh-len",
    options: "hbh-opts",
    pad_has_no_length: "PAD0 has not got length",
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hbh(HeaderOptions);

impl Extension for Hbh {
    const NAME: &'static str = "hbh";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "the hop-by-hop options header";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("hbh-len", "length", "length of the header in bytes").invertible(),
        OptionSpec::value("hbh-opts", "type[:length],...", "the options in their order, 16 at most"),
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
