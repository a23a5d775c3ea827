//! `-j DNAT`: rewrites the destination address and port of a connection.
//!
//! Compat: xt `DNAT` revision 2 with `nf_nat_range2`, both families (`shared/nat.rs`). Native: `nat` of kind destination. A
//! shifted range of ports (`80-90/8080`) is xt in both: the native expression has no base port.

use rfw_nft::expr::nat;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::nat::{Base, Layout, NatRange, Spec};
use crate::uses::Uses;
use crate::{Extension, Parsed};

/// `NFT_NAT_DNAT`.
const KIND: u32 = 1;

const SPEC: Spec = Spec {
    name: "DNAT",
    v4: (2, Layout::Range2),
    v6: (2, Layout::Range2),
    flags: nat::PROTO_RANDOM | nat::PERSISTENT,
    addresses: true,
    base: Base::Kept,
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dnat {
    /// The new destination address and port; at least one of them.
    pub range: NatRange,
}

impl Extension for Dnat {
    const NAME: &'static str = "DNAT";
    const MEANT_BY: &'static [&'static str] = &["FORWARD"];
    const SUMMARY: &'static str = "rewrites the destination of a connection";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value(
            "to-destination",
            "[addr[-addr]][:port[-port[/port]]]",
            "the new destination address and port; the last port is the one that maps to the first of the range",
        )
        .required(),
        OptionSpec::flag("random", "map ports at random"),
        OptionSpec::flag("persistent", "give a client the same address every time"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `nat` has no base port for a range that is shifted",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        NatRange::parse(uses, "to-destination", &SPEC, cx).map(|range| Self { range })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.range.write(out, " --to-destination ", " --", false);
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.range.write(out, " to:", " ", false);
    }

    fn lower(&self, out: &mut Lowering) {
        self.range.lower(out, &SPEC, KIND);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        NatRange::lift(run, &SPEC, KIND).map(|range| Self { range })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Ends).reassembles().tables(&["nat"]).hooks(hook::PREROUTING | hook::OUTPUT)
    }
}
