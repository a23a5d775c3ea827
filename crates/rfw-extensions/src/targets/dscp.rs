//! `-j DSCP`: sets the six bits of DSCP, leaves ECN alone.
//!
//! Compat: xt `DSCP` revision 0, `{ __u8 dscp; }` (`xt_DSCP.h`). Native: the same with a payload write.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::traffic_class::{DSCP_MASK, lift_write, lower_write, parse_class};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 1;
/// Six bits.
const MAX: u8 = 63;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dscp {
    value: u8,
}

impl Extension for Dscp {
    const NAME: &'static str = "DSCP";
    const SUMMARY: &'static str = "sets the DSCP of the packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("set-dscp", "value", "0 to 63").excludes(&["set-dscp-class"]),
        OptionSpec::value("set-dscp-class", "class", "BE, EF, AF11 to AF43, CS0 to CS7").excludes(&["set-dscp"]),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        if let Some(word) = uses.word("set-dscp-class") {
            return Ok(Self { value: parse_class(word)? });
        }
        match uses.number("set-dscp", 0, MAX.into())? {
            Some(value) => Ok(Self { value: u8::try_from(value).unwrap_or(MAX) }),
            None => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "DSCP target: Parameter --set-dscp is required",
                "add `--set-dscp VALUE` or `--set-dscp-class CLASS`",
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --set-dscp {:#04x}", self.value));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" DSCP set {:#04x}", self.value));
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() {
            lower_write(out, self.value << 2, DSCP_MASK);
        } else {
            out.xt_target("DSCP", 0, Info::new(SIZE).u8(0, self.value).finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("DSCP", 0, SIZE) {
            return (view.u8(0) <= MAX).then_some(Self { value: view.u8(0) });
        }
        let (value, mask) = lift_write(run)?;
        (mask == DSCP_MASK && value & !DSCP_MASK == 0).then_some(Self { value: value >> 2 })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle"])
    }
}
