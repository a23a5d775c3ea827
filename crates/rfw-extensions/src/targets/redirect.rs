//! `-j REDIRECT`: rewrites the destination address to that of the interface a packet came in on, for local packets to
//! loopback.
//!
//! Compat: xt `REDIRECT` revision 0, IPv4 with `nf_nat_ipv4_multi_range_compat`, IPv6 with `nf_nat_range`
//! (`shared/nat.rs`). Native: `redir`.

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
    name: "REDIRECT",
    v4: (0, Layout::Ipv4),
    v6: (0, Layout::Range),
    flags: nat::PROTO_RANDOM,
    addresses: false,
    base: Base::Refused,
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The new ports; never an address.
    pub range: NatRange,
}

impl Extension for Redirect {
    const NAME: &'static str = "REDIRECT";
    const SUMMARY: &'static str = "rewrites the destination to this host";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("to-ports", "port[-port]", "the new destination port"),
        OptionSpec::flag("random", "map ports at random"),
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        NatRange::parse(uses, "to-ports", &SPEC, cx).map(|range| Self { range })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.range.write(out, " --to-ports ", " --", true);
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.range.write(out, " redir ports ", " ", true);
    }

    fn lower(&self, out: &mut Lowering) {
        self.range.lower_ports(out, &SPEC, Expr::Redir);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let range = NatRange::lift_ports(run, &SPEC, |item| match item {
            Item::Redir { proto_min, proto_max, flags } => Some(([proto_min, proto_max], *flags)),
            _ => None,
        })?;
        Some(Self { range })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Ends).reassembles().tables(&["nat"]).hooks(hook::PREROUTING | hook::OUTPUT)
    }
}
