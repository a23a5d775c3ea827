//! `-m ttl`: the time to live of an IPv4 packet. xt `ttl` revision 0, natively one byte of the network header; see `shared/hop_count.rs`.

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
    xt: "ttl",
    options: ["ttl-eq", "ttl-lt", "ttl-gt"],
    missing: "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt",
    title: "TTL",
    offset: 8,
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ttl {
    hops: Hops,
}

impl Extension for Ttl {
    const NAME: &'static str = "ttl";
    const FAMILIES: Families = Families::Ipv4;
    const SUMMARY: &'static str = "the time to live of an IPv4 packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("ttl-lt", "number", "less than this").excludes(&["ttl-eq", "ttl-gt"]),
        OptionSpec::value("ttl-gt", "number", "more than this").excludes(&["ttl-eq", "ttl-lt"]),
        OptionSpec::value("ttl-eq", "number", "this").invertible().excludes(&["ttl-lt", "ttl-gt"]),
        OptionSpec::value("ttl", "number", "this").invertible().alias_of("ttl-eq"),
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
