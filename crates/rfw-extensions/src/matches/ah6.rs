//! `-m ah` of IPv6: index, length and reserved field of an authentication header, which may stand anywhere in the chain of
//! headers.
//!
//! xt `ah` revision 0 in both encodings. IPv4 has its own (`ah.rs`).
//!
//! ```c
//! struct ip6t_ah { __u32 spis[2], hdrlen; __u8 hdrres, invflags; };  /* ip6t_ah.h, host order */
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

const SIZE: usize = 16;
const INV_SPI: u8 = 1;
const INV_LENGTH: u8 = 2;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ah6 {
    spis: Spis,
    /// Whether it is inverted, and the length in bytes; 0 uninverted is no test.
    length: (bool, u32),
    reserved: bool,
}

impl Extension for Ah6 {
    const NAME: &'static str = "ah";
    const FAMILIES: Families = Families::Ipv6;
    const IMPLIED_BY: &'static [&'static str] = &["ah", "51"];
    const SUMMARY: &'static str = "index and length of an authentication header";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("ahspi", "index[:index]", "security parameter index or range").invertible(),
        OptionSpec::value("ahlen", "length", "length of the header in bytes").invertible(),
        OptionSpec::flag("ahres", "the reserved field is zero"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "the match looks for the header among all headers of the packet, with its length and its reserved field, and drops one that is cut short",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self {
            spis: Spis::parse(uses, "ahspi")?.unwrap_or_default(),
            length: (uses.inverted("ahlen"), uses.number("ahlen", 0, u32::MAX)?.unwrap_or(0)),
            reserved: uses.has("ahres"),
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.spis.print(out, "ahspi");
        if let Some((inverted, length)) = self.length() {
            out.option(inverted, "ahlen");
            out.fmt(format_args!(" {length}"));
        }
        if self.reserved {
            out.option(false, "ahres");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" ah ");
        self.spis.list(out);
        // The original has no blank between the two.
        if let Some((inverted, length)) = self.length() {
            out.fmt(format_args!("length:{}{length}", if inverted { "!" } else { "" }));
        }
        if self.reserved {
            out.text(" reserved");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let (inverted, length) = self.length;
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let flags = flag(self.spis.inverted, INV_SPI) | flag(inverted, INV_LENGTH);
        let info = self.spis.put(Info::new(SIZE)).u32(8, length).u8(12, self.reserved.into()).u8(13, flags);
        out.xt_match("ah", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("ah", 0, SIZE)?;
        let flags = view.u8(13);
        (view.u8(12) < 2 && flags & !(INV_SPI | INV_LENGTH) == 0).then_some(Self {
            spis: Spis::get(&view, flags & INV_SPI != 0),
            length: (flags & INV_LENGTH != 0, view.u32(8)),
            reserved: view.u8(12) == 1,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Ah6 {
    fn length(&self) -> Option<(bool, u32)> {
        let (inverted, length) = self.length;
        (inverted || length != 0).then_some(self.length)
    }
}
