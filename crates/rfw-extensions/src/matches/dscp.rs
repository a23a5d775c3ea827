//! `-m dscp`: the six bits of DSCP.
//!
//! Compat: xt `dscp` revision 0, `{ __u8 dscp, invert; }` (`xt_dscp.h`). Native: a masked comparison of the byte.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::traffic_class::{DSCP_MASK, lift_test, lower_test, parse_class};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 2;
/// Six bits.
const MAX: u8 = 63;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dscp {
    inverted: bool,
    value: u8,
}

impl Extension for Dscp {
    const NAME: &'static str = "dscp";
    const SUMMARY: &'static str = "the DSCP of the packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("dscp", "value", "0 to 63").invertible().excludes(&["dscp-class"]),
        OptionSpec::value("dscp-class", "class", "BE, EF, AF11 to AF43, CS0 to CS7").invertible().excludes(&["dscp"]),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        if let Some(word) = uses.word("dscp-class") {
            return Ok(Self { inverted: uses.inverted("dscp-class"), value: parse_class(word)? });
        }
        match uses.number("dscp", 0, MAX.into())? {
            Some(value) => {
                Ok(Self { inverted: uses.inverted("dscp"), value: u8::try_from(value).unwrap_or(MAX) })
            }
            None => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "DSCP match: Parameter --dscp is required",
                "add `--dscp VALUE` or `--dscp-class CLASS`",
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "dscp");
        out.fmt(format_args!(" {:#04x}", self.value));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" DSCP match {}{:#04x}", if self.inverted { "!" } else { "" }, self.value));
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() {
            lower_test(out, self.inverted, self.value << 2, DSCP_MASK);
        } else {
            out.xt_match("dscp", 0, Info::new(SIZE).u8(0, self.value).u8(1, self.inverted.into()).finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("dscp", 0, SIZE) {
            let lifted = Self { inverted: view.u8(1) != 0, value: view.u8(0) };
            return (lifted.value <= MAX).then_some(lifted);
        }
        let (inverted, value, mask) = lift_test(run)?;
        (mask == DSCP_MASK && value & !DSCP_MASK == 0).then_some(Self { inverted, value: value >> 2 })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
