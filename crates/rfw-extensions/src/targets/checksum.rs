//! `-j CHECKSUM`: computes the transport checksum of a packet that was to get it from the network card.
//!
//! xt `CHECKSUM` revision 0 in both encodings, `{ __u8 operation; }` (`xt_CHECKSUM.h`); nf_tables has nothing like it.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 1;
/// `XT_CHECKSUM_OP_FILL`.
const FILL: u8 = 1;

/// The typed form: its only option has to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum;

impl Extension for Checksum {
    const NAME: &'static str = "CHECKSUM";
    const SUMMARY: &'static str = "fills in a checksum that was left to the network card";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::flag("checksum-fill", "compute and fill in the checksum").required()];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't compute a checksum anew",
    ];

    fn parse(_uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self)
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.text(" --checksum-fill");
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" CHECKSUM fill");
    }

    fn lower(&self, out: &mut Lowering) {
        out.xt_target("CHECKSUM", 0, Info::new(SIZE).u8(0, FILL).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        (run.xt_target("CHECKSUM", 0, SIZE)?.u8(0) == FILL).then_some(Self)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle"])
    }
}
