//! `-j MASQUERADE`: rewrites the source address to that of the outgoing interface.
//!
//! Compat: xt `MASQUERADE` revision 0, IPv4 with `nf_nat_ipv4_multi_range_compat`, IPv6 with `nf_nat_range`
//! (`shared/nat.rs`). Native: `masq`. A shifted range of ports (`80-90/5`) is xt in both: the original takes it, has no place
//! for the base and shows `/0`.

use rfw_nft::expr::{Expr, nat};
use rfw_nft::predicate::Item;
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

const SPEC: Spec = Spec {
    name: "MASQUERADE",
    v4: (0, Layout::Ipv4),
    v6: (0, Layout::Range),
    flags: nat::PROTO_RANDOM | nat::PROTO_RANDOM_FULLY,
    addresses: false,
    base: Base::Lost,
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masquerade {
    /// The new ports; never an address.
    pub range: NatRange,
}

impl Extension for Masquerade {
    const NAME: &'static str = "MASQUERADE";
    const MEANT_BY: &'static [&'static str] = &["MASQ"];
    const SUMMARY: &'static str = "rewrites the source to the address of the outgoing interface";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("to-ports", "port[-port]", "the new source port"),
        OptionSpec::flag("random", "map ports at random"),
        OptionSpec::flag("random-fully", "map ports at random, without looking at the old one first"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `masq` has no base port for a range that is shifted",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        NatRange::parse(uses, "to-ports", &SPEC, cx).map(|range| Self { range })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.range.write(out, " --to-ports ", " --", true);
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.range.write(out, " masq ports: ", " ", true);
    }

    fn lower(&self, out: &mut Lowering) {
        self.range.lower_ports(out, &SPEC, Expr::Masq);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let range = NatRange::lift_ports(run, &SPEC, |item| match item {
            Item::Masq { proto_min, proto_max, flags } => Some(([proto_min, proto_max], *flags)),
            _ => None,
        })?;
        Some(Self { range })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Ends).reassembles().tables(&["nat"]).hooks(hook::POSTROUTING)
    }
}
