//! `-j HL`: changes IPv6's hop limit.
//!
//! Compat: xt `HL` revision 0, `{ __u8 mode, hop_limit; }` (`ip6t_HL.h`). Native: a payload write for `--hl-set`;
//! nf_tables can't count, so that the other two stay xt.

use rfw_nft::Expr;
use rfw_nft::expr::{Base, REG_1};
use rfw_nft::predicate::Place;
use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::hops::{Hops, Mode};
use crate::uses::Uses;
use crate::{Extension, Parsed};

/// Where the hop limit stands.
const OFFSET: u32 = 7;
const ALL: &[&str] = &["hl-set", "hl-dec", "hl-inc"];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hl {
    hops: Hops,
}

impl Extension for Hl {
    const NAME: &'static str = "HL";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "changes the hop limit";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("hl-set", "value", "set it, 0 to 255").excludes(ALL),
        OptionSpec::value("hl-dec", "value", "decrement it, by 1 to 255").excludes(ALL),
        OptionSpec::value("hl-inc", "value", "increment it, by 1 to 255").excludes(ALL),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't count up or down",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Hops::parse(uses, "hl").map(|hops| Self { hops })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.hops.print(out, "hl");
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.hops.list(out, "HL");
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || self.hops.mode != Mode::Set {
            self.hops.lower(out, "HL");
            return;
        }
        out.immediate(REG_1, &[self.hops.value]);
        out.push(Expr::PayloadWrite {
            sreg: REG_1,
            base: Base::Network,
            offset: OFFSET,
            len: 1,
            csum_type: 0,
            csum_offset: 0,
            csum_flags: 0,
        });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(hops) = Hops::lift(run, "HL") {
            return Some(Self { hops });
        }
        let target = Place::Payload {
            base: Base::Network,
            offset: OFFSET,
            len: 1,
            csum_type: 0,
            csum_offset: 0,
            csum_flags: 0,
        };
        run.set(|place, value| match value.constant() {
            Some(&[value]) if *place == target => Some(Self { hops: Hops { mode: Mode::Set, value } }),
            _ => None,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle"])
    }
}
