//! `-j TTL`: changes IPv4's time to live.
//!
//! Compat: xt `TTL` revision 0, `{ __u8 mode, ttl; }` (`ipt_TTL.h`). Native: a payload write for `--ttl-set`; nf_tables
//! can't count, so that the other two stay xt.

use rfw_nft::Expr;
use rfw_nft::expr::{Base, REG_1};
use rfw_nft::predicate::{Field, Op, Place};
use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::hops::{Hops, Mode};
use crate::shared::traffic_class::checksum;
use crate::uses::Uses;
use crate::{Extension, Parsed};

/// Where the TTL stands. It is written with the protocol behind it: checksums are mended in units of two bytes.
const OFFSET: u32 = 8;
const ALL: &[&str] = &["ttl-set", "ttl-dec", "ttl-inc"];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ttl {
    hops: Hops,
}

impl Extension for Ttl {
    const NAME: &'static str = "TTL";
    const FAMILIES: Families = Families::Ipv4;
    const SUMMARY: &'static str = "changes the time to live";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("ttl-set", "value", "set it, 0 to 255").excludes(ALL),
        OptionSpec::value("ttl-dec", "value", "decrement it, by 1 to 255").excludes(ALL),
        OptionSpec::value("ttl-inc", "value", "increment it, by 1 to 255").excludes(ALL),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't count up or down",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Hops::parse(uses, "ttl").map(|hops| Self { hops })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.hops.print(out, "ttl");
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.hops.list(out, "TTL");
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || self.hops.mode != Mode::Set {
            self.hops.lower(out, "TTL");
            return;
        }
        out.payload(Base::Network, OFFSET, 2);
        out.mask_xor(&[0, 0xff], &[self.hops.value, 0]);
        let (csum_type, csum_offset) = checksum(out.family);
        out.push(Expr::PayloadWrite {
            sreg: REG_1,
            base: Base::Network,
            offset: OFFSET,
            len: 2,
            csum_type,
            csum_offset,
            csum_flags: 0,
        });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(hops) = Hops::lift(run, "TTL") {
            return Some(Self { hops });
        }
        let (csum_type, csum_offset) = checksum(run.family);
        let target =
            Place::Payload { base: Base::Network, offset: OFFSET, len: 2, csum_type, csum_offset, csum_flags: 0 };
        run.set(|place, value| {
            let from = Field::Payload { base: Base::Network, offset: OFFSET, len: 2 };
            match value.ops.as_slice() {
                [Op::MaskXor { mask, xor }] if *place == target && value.field == from => {
                    match (mask.as_slice(), xor.as_slice()) {
                        ([0, 0xff], &[value, 0]) => Some(Self { hops: Hops { mode: Mode::Set, value } }),
                        _ => None,
                    }
                }
                _ => None,
            }
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle"])
    }
}
