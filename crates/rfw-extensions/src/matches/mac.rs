//! `-m mac`: the Ethernet address a packet came from.
//!
//! ```c
//! struct xt_mac_info { unsigned char srcaddr[6]; int invert; };  /* xt_mac.h */
//! ```
//! Native: the type of the incoming device and the address in the link header, what nft makes of `ether saddr`. The xt match
//! asks both too.

use rfw_nft::expr::{Base, meta};
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::MacAddr;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 12;
/// `ARPHRD_ETHER` (`linux/if_arp.h`).
const ETHERNET: u16 = 1;
/// The source address of an Ethernet header.
const SOURCE: Field = Field::Payload { base: Base::Link, offset: 6, len: 6 };

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mac {
    inverted: bool,
    source: MacAddr,
}

impl Extension for Mac {
    const NAME: &'static str = "mac";
    const SUMMARY: &'static str = "the Ethernet address the packet came from";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("mac-source", "XX:XX:XX:XX:XX:XX", "the source address").invertible().required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let source = match uses.word("mac-source") {
            Some(word) => MacAddr::parse(&word.text)
                .map_err(|error| bad_value(word, &error, "Invalid MAC address specified."))?,
            None => MacAddr([0; 6]),
        };
        Ok(Self { inverted: uses.inverted("mac-source"), source })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "mac-source");
        out.fmt(format_args!(" {}", self.source));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" MAC{} {}", if self.inverted { " !" } else { "" }, self.source));
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() {
            out.meta(meta::IIFTYPE);
            out.equals(false, &ETHERNET.to_ne_bytes());
            out.payload(Base::Link, 6, 6);
            out.equals(self.inverted, &self.source.0);
            return;
        }
        let info = Info::new(SIZE).bytes(0, &self.source.0).u32(8, self.inverted.into());
        out.xt_match("mac", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some((inverted, kind)) = run.equality(&Field::Meta(meta::IIFTYPE)) {
            let (inverted_source, source) =
                run.equality(&SOURCE).filter(|_| !inverted && kind == ETHERNET.to_ne_bytes())?;
            return Some(Self { inverted: inverted_source, source: MacAddr(source.try_into().ok()?) });
        }
        let view = run.xt_match("mac", 0, SIZE)?;
        Some(Self { inverted: view.u32(8) != 0, source: MacAddr(view.array(0)) })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.hooks(hook::PREROUTING | hook::INPUT | hook::FORWARD)
    }
}
