//! `-j NOTRACK`: the old name of `-j CT --notrack`.
//!
//! Compat: xt `CT` revision 2 (see `ct.rs`) with flags 3, where 2 is the alias. Native: `notrack` with hint 2.

use rfw_nft::Expr;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 72;
/// What precedes the pointer that is the kernel's.
const USED: usize = 64;
const HINT: u8 = 2;
/// `XT_CT_NOTRACK` and `XT_CT_NOTRACK_ALIAS`.
const FLAGS: u16 = 3;

/// The typed form: it has no options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notrack;

impl Extension for Notrack {
    const NAME: &'static str = "NOTRACK";
    const LISTED: &'static str = "CT";
    const SUMMARY: &'static str = "switches connection tracking off for the packet";
    const OPTIONS: &'static [OptionSpec] = &[];

    fn parse(_uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self)
    }

    fn print(&self, _out: &mut Printer<'_>) {}

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" NOTRACK");
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() {
            out.hint(HINT);
            out.push(Expr::Notrack);
        } else {
            out.xt_target("CT", 2, Info::new(SIZE).u16(0, FLAGS).finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if run.hinted(HINT) {
            return run.plain(|expr| matches!(expr, Expr::Notrack).then_some(Self));
        }
        let view = run.xt_target("CT", 2, SIZE)?;
        let rest = view.slice(2, USED - 2);
        (view.u16(0) == FLAGS && rest.iter().all(|&b| b == 0)).then_some(Self)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["raw"]).superseded_by("-j CT --notrack")
    }
}
