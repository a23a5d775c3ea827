//! `-m length`: the length of a packet in bytes. xt `length` revision 0 in both encodings: it reads the IP header, which
//! `meta len` does not (padding, BIG TCP).
//!
//! ```c
//! struct xt_length_info { __u16 min, max; __u8 invert; };  /* xt_length.h, host order */
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::Bounds;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 6;

/// The typed form. The lower bound may be the larger one, as in 1.8.9; no length is then inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Length {
    inverted: bool,
    bounds: Bounds,
}

impl Extension for Length {
    const NAME: &'static str = "length";
    const SUMMARY: &'static str = "the length of the packet in bytes";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("length", "length[:length]", "a length or a range of lengths").invertible().required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let bounds = Bounds::parse(uses, "length", u16::MAX.into())?.unwrap_or(Bounds { min: 0, max: u16::MAX.into() });
        Ok(Self { inverted: uses.inverted("length"), bounds })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "length");
        out.text(" ");
        out.fmt(format_args!("{}", self.bounds));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " length !" } else { " length " });
        out.fmt(format_args!("{}", self.bounds));
    }

    fn lower(&self, out: &mut Lowering) {
        let number = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        let info = Info::new(SIZE)
            .u16(0, number(self.bounds.min))
            .u16(2, number(self.bounds.max))
            .u8(4, self.inverted.into());
        out.xt_match("length", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("length", 0, SIZE)?;
        let inverted = match view.u8(4) {
            0 => false,
            1 => true,
            _ => return None,
        };
        let bounds = Bounds { min: view.u16(0).into(), max: view.u16(2).into() };
        Some(Self { inverted, bounds })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
