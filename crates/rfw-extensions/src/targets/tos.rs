//! `-j TOS`: changes the Type of Service byte, or the traffic class of IPv6.
//!
//! Compat: xt `TOS` revision 1 (`xt_DSCP.h`): the new byte is `(old & ~mask) ^ value`. Native: the same arithmetic and a
//! payload write, for the masks of the DSCP and the ECN field; hint 20 tells a mask that is exactly DSCP's from `-j DSCP`, which stands behind this in the registry.
//!
//! ```c
//! struct xt_tos_target_info { __u8 tos_value, tos_mask; };
//! ```

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::traffic_class::{
    DSCP_MASK, HINT_TOS, ambiguous, lift_write, lower_write, parse_tos, tos_name,
};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 2;
const ALL: &[&str] = &["set-tos", "and-tos", "or-tos", "xor-tos"];

/// The typed form: bits of `mask` are cleared, then `value` is xored in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tos {
    value: u8,
    mask: u8,
}

impl Extension for Tos {
    const NAME: &'static str = "TOS";
    const SUMMARY: &'static str = "changes the Type of Service or traffic class byte";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("set-tos", "value[/mask]|name", "clear the bits of mask, xor value").excludes(ALL),
        OptionSpec::value("and-tos", "bits", "and with bits").excludes(ALL),
        OptionSpec::value("or-tos", "bits", "or with bits").excludes(ALL),
        OptionSpec::value("xor-tos", "bits", "xor with bits").excludes(ALL),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nft 1.0.6 lists a write of this mask as something else, or crashes on it",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        if let Some(word) = uses.word("set-tos") {
            let (value, mask) = parse_tos(word)?;
            return Ok(Self { value, mask });
        }
        let bits = |name| uses.number(name, 0, 255).map(|n| n.and_then(|n| u8::try_from(n).ok()));
        if let Some(bits) = bits("and-tos")? {
            return Ok(Self { value: 0, mask: !bits });
        }
        if let Some(bits) = bits("or-tos")? {
            return Ok(Self { value: bits, mask: bits });
        }
        if let Some(bits) = bits("xor-tos")? {
            return Ok(Self { value: bits, mask: 0 });
        }
        Err(uses.complaint(codes::OPTION_REQUIRED, "TOS: An action is required", "add `--set-tos VALUE`"))
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --set-tos {:#04x}/{:#04x}", self.value, self.mask));
    }

    fn list(&self, out: &mut Printer<'_>) {
        let (value, mask) = (self.value, self.mask);
        if out.numeric {
            out.fmt(format_args!(" TOS set {value:#04x}/{mask:#04x}"));
        } else if let Some(name) = tos_name(value, mask) {
            // The original's blanks.
            out.fmt(format_args!("  TOS set{name}"));
        } else if value == 0 {
            out.fmt(format_args!(" TOS and {:#04x}", !mask));
        } else if value == mask {
            out.fmt(format_args!(" TOS or {value:#04x}"));
        } else if mask == 0 {
            out.fmt(format_args!(" TOS xor {value:#04x}"));
        } else {
            out.fmt(format_args!(" TOS set {value:#04x}/{mask:#04x}"));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        // nft 1.0.6 has words for the DSCP and the ECN field alone: any other write of the byte it lists as something else,
        // and behind other tests it crashes on it.
        if !out.native() || !ambiguous(self.value, self.mask) {
            out.xt_target("TOS", 1, Info::new(SIZE).u8(0, self.value).u8(1, self.mask).finish());
            return;
        }
        if self.is_dscp() {
            out.hint(HINT_TOS);
        }
        lower_write(out, self.value, self.mask);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("TOS", 1, SIZE) {
            return Some(Self { value: view.u8(0), mask: view.u8(1) });
        }
        let hinted = run.hinted(HINT_TOS);
        let (value, mask) = lift_write(run)?;
        let lifted = Self { value, mask };
        (hinted || !lifted.is_dscp()).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle"])
    }
}

impl Tos {
    /// Whether `-j DSCP` would make the same expressions.
    fn is_dscp(&self) -> bool {
        self.mask == DSCP_MASK && ambiguous(self.value, self.mask)
    }
}
