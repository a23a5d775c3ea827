//! `-m eui64`: the interface part of an IPv6 source address is made of the sender's MAC address.
//!
//! xt `eui64` revision 0 in both encodings, 8 bytes without meaning (`sizeof(int)`): nf_tables has nothing that compares two
//! fields of a packet.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 4;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eui64;

impl Extension for Eui64 {
    const NAME: &'static str = "eui64";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "the source address is made of the sender's MAC address";
    const OPTIONS: &'static [OptionSpec] = &[];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't compare two fields of a packet",
    ];

    fn parse(_uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self)
    }

    fn print(&self, _out: &mut Printer<'_>) {}

    fn list(&self, _out: &mut Printer<'_>) {}

    fn lower(&self, out: &mut Lowering) {
        out.xt_match("eui64", 0, Info::new(SIZE).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        run.xt_match("eui64", 0, SIZE).map(|_| Self)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
