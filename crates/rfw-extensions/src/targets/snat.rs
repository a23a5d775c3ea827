//! `-j SNAT`: rewrites the source address and port of a connection.
//!
//! Compat: xt `SNAT`, IPv4 revision 0 with `nf_nat_ipv4_multi_range_compat`, IPv6 revision 1 with `nf_nat_range`
//! (`shared/nat.rs`). Native: `nat` of kind source. A shifted range of ports (`80-90/5`) is xt in both: the original takes it,
//! has no place for the base and shows `/0`.

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

/// `NFT_NAT_SNAT`.
const KIND: u32 = 0;

const SPEC: Spec = Spec {
    name: "SNAT",
    v4: (0, Layout::Ipv4),
    v6: (1, Layout::Range),
    flags: nat::PROTO_RANDOM | nat::PROTO_RANDOM_FULLY | nat::PERSISTENT,
    addresses: true,
    base: Base::Lost,
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snat {
    /// The new source address and port; at least one of them.
    pub range: NatRange,
}

impl Extension for Snat {
    const NAME: &'static str = "SNAT";
    const SUMMARY: &'static str = "rewrites the source of a connection";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("to-source", "[addr[-addr]][:port[-port]]", "the new source address and port").required(),
        OptionSpec::flag("random", "map ports at random"),
        OptionSpec::flag("random-fully", "map ports at random, without looking at the old one first"),
        OptionSpec::flag("persistent", "give a client the same address every time"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `nat` has no base port for a range that is shifted",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        NatRange::parse(uses, "to-source", &SPEC, cx).map(|range| Self { range })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.range.write(out, " --to-source ", " --", false);
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
        Facts::new(Effect::Ends).reassembles().tables(&["nat"]).hooks(hook::INPUT | hook::POSTROUTING)
    }
}
