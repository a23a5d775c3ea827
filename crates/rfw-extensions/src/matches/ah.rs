//! `-m ah` of IPv4: the index of an authentication header.
//!
//! xt `ah` revision 0 in both encodings. IPv6 has its own (`ah6.rs`).
//!
//! ```c
//! struct ipt_ah { __u32 spis[2]; __u8 invflags; };  /* ipt_ah.h, host order */
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::Spis;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 12;
/// `IPPROTO_AH`.
const AH: u8 = 51;
/// Where the index stands in the header.
const SPI_AT: u32 = 4;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ah {
    spis: Spis,
}

impl Extension for Ah {
    const NAME: &'static str = "ah";
    const FAMILIES: Families = Families::Ipv4;
    const IMPLIED_BY: &'static [&'static str] = &["ah", "51"];
    const SUMMARY: &'static str = "the index of an authentication header";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("ahspi", "index[:index]", "security parameter index or range").invertible()];
    const WHY_XT: &'static [&'static str] =
        &["the rule is not for AH alone, as `-p ah` makes it, or its range runs backwards"];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self { spis: Spis::parse(uses, "ahspi")?.unwrap_or_default() })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.spis.print(out, "ahspi");
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" ah ");
        self.spis.list(out);
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() && out.protocol == Some((AH, false)) && self.spis.is_ordered() {
            self.spis.lower(out, SPI_AT);
            return;
        }
        out.xt_match("ah", 0, self.spis.put(Info::new(SIZE)).u8(8, self.spis.inverted.into()).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if run.protocol == Some((AH, false))
            && let Some(spis) = Spis::lift(run, SPI_AT)
        {
            return Some(Self { spis });
        }
        let view = run.xt_match("ah", 0, SIZE)?;
        (view.u8(8) < 2).then_some(Self { spis: Spis::get(&view, view.u8(8) == 1) })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
