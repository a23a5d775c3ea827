//! `-m ipcomp`: the index of a compressed payload.
//!
//! xt `ipcomp` revision 0 in both encodings.
//!
//! ```c
//! struct xt_ipcomp { __u32 spis[2]; __u8 invflags, hdrres; };  /* xt_ipcomp.h, host order */
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::{Bounds, Spis};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 12;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipcomp {
    /// Every index has to be said: none means index 0, as in the original.
    spis: Spis,
    reserved: bool,
}

impl Extension for Ipcomp {
    const NAME: &'static str = "ipcomp";
    const IMPLIED_BY: &'static [&'static str] = &["ipcomp", "108"];
    const SUMMARY: &'static str = "the index of a compressed payload";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("ipcompspi", "index[:index]", "compression parameter index or range").invertible(),
        OptionSpec::flag("compres", "the reserved field is zero; the kernel does not look"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "the match drops a header that is cut short, which a native test would pass by",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let none = Spis { inverted: false, bounds: Bounds { min: 0, max: 0 } };
        Ok(Self { spis: Spis::parse(uses, "ipcompspi")?.unwrap_or(none), reserved: uses.has("compres") })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.spis.inverted, "ipcompspi");
        out.fmt(format_args!(" {}", self.spis.bounds));
        if self.reserved {
            out.option(false, "compres");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" comp ");
        self.spis.list(out);
        if self.reserved {
            out.text(" reserved");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let info = self.spis.put(Info::new(SIZE)).u8(8, self.spis.inverted.into()).u8(9, self.reserved.into());
        out.xt_match("ipcomp", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("ipcomp", 0, SIZE)?;
        (view.u8(8) < 2 && view.u8(9) < 2)
            .then_some(Self { spis: Spis::get(&view, view.u8(8) == 1), reserved: view.u8(9) == 1 })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
