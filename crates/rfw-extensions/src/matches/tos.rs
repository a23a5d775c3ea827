//! `-m tos`: the Type of Service byte, or the traffic class of IPv6.
//!
//! Compat: xt `tos` revision 1 (`xt_dscp.h`). Native: a masked comparison of the byte.
//!
//! ```c
//! struct xt_tos_match_info { __u8 tos_mask, tos_value, invert; };
//! ```
//!
//! A mask that is exactly DSCP's or ECN's makes the expressions of those matches: hint 20 keeps the two apart, and this
//! match stands before them in the registry.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::traffic_class::{HINT_TOS, ambiguous, lift_test, lower_test, parse_tos, tos_name};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 3;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tos {
    inverted: bool,
    value: u8,
    mask: u8,
}

impl Extension for Tos {
    const NAME: &'static str = "tos";
    const SUMMARY: &'static str = "the Type of Service or traffic class byte";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("tos", "value[/mask]|name", "(byte & mask) equals value").invertible().required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let (value, mask) = uses.word("tos").map(parse_tos).transpose()?.unwrap_or((0, 0));
        Ok(Self { inverted: uses.inverted("tos"), value, mask })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "tos");
        out.fmt(format_args!(" {:#04x}/{:#04x}", self.value, self.mask));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " tos match!" } else { " tos match" });
        // The original has no blank before the numbers.
        match tos_name(self.value, self.mask) {
            Some(name) if !out.numeric => out.fmt(format_args!(" {name}")),
            _ => out.fmt(format_args!("{:#04x}/{:#04x}", self.value, self.mask)),
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() {
            let info = Info::new(SIZE).u8(0, self.mask).u8(1, self.value).u8(2, self.inverted.into());
            out.xt_match("tos", 1, info.finish());
            return;
        }
        if ambiguous(self.value, self.mask) {
            out.hint(HINT_TOS);
        }
        lower_test(out, self.inverted, self.value, self.mask);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("tos", 1, SIZE) {
            return Some(Self { inverted: view.u8(2) != 0, value: view.u8(1), mask: view.u8(0) });
        }
        let hinted = run.hinted(HINT_TOS);
        let (inverted, value, mask) = lift_test(run)?;
        (hinted || !ambiguous(value, mask)).then_some(Self { inverted, value, mask })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
