//! `-m esp`: the index of an encapsulated payload.
//!
//! xt `esp` revision 0 in both encodings.
//!
//! ```c
//! struct xt_esp { __u32 spis[2]; __u8 invflags; };  /* xt_esp.h, host order */
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::Spis;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 12;
/// `IPPROTO_ESP`.
const ESP: u8 = 50;
/// Where the index stands in the header.
const SPI_AT: u32 = 0;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Esp {
    spis: Spis,
}

impl Extension for Esp {
    const NAME: &'static str = "esp";
    const IMPLIED_BY: &'static [&'static str] = &["esp", "50"];
    const SUMMARY: &'static str = "the index of an encapsulated payload";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("espspi", "index[:index]", "security parameter index or range").invertible()];
    const WHY_XT: &'static [&'static str] = &[
        "the rule is not for ESP alone, as `-p esp` makes it, or its range runs backwards",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self { spis: Spis::parse(uses, "espspi")?.unwrap_or_default() })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.spis.print(out, "espspi");
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" esp");
        if !self.spis.is_no_test() {
            out.text(" ");
            self.spis.list(out);
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() && out.protocol == Some((ESP, false)) && self.spis.is_ordered() {
            self.spis.lower(out, SPI_AT);
            return;
        }
        out.xt_match("esp", 0, self.spis.put(Info::new(SIZE)).u8(8, self.spis.inverted.into()).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if run.protocol == Some((ESP, false))
            && let Some(spis) = Spis::lift(run, SPI_AT)
        {
            return Some(Self { spis });
        }
        let view = run.xt_match("esp", 0, SIZE)?;
        (view.u8(8) < 2).then_some(Self { spis: Spis::get(&view, view.u8(8) == 1) })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
