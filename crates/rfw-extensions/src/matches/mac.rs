//! `-m mac`: the Ethernet address a packet came from. xt `mac` revision 0 in both encodings: a native load of the link
//! header differs for packets of devices that have none.
//!
//! ```c
//! struct xt_mac_info { unsigned char srcaddr[6]; int invert; };  /* xt_mac.h */
//! ```

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
        let info = Info::new(SIZE).bytes(0, &self.source.0).u32(8, self.inverted.into());
        out.xt_match("mac", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("mac", 0, SIZE)?;
        Some(Self { inverted: view.u32(8) != 0, source: MacAddr(view.array(0)) })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.hooks(hook::PREROUTING | hook::INPUT | hook::FORWARD)
    }
}
