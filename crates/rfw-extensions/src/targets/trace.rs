//! `-j TRACE`: has the kernel report every rule that the packet passes from here on (`xtables-monitor --trace`, `nft monitor
//! trace`).
//!
//! Both encodings set `meta nftrace` (encoding.md 1.1).

use rfw_nft::Expr;
use rfw_nft::expr::{REG32_01, meta};
use rfw_nft::predicate::Place;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

/// The typed form: it has no options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace;

impl Extension for Trace {
    const NAME: &'static str = "TRACE";
    const SUMMARY: &'static str = "reports every rule that the packet passes";
    const OPTIONS: &'static [OptionSpec] = &[];

    fn parse(_uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self)
    }

    fn print(&self, _out: &mut Printer<'_>) {}

    fn list(&self, _out: &mut Printer<'_>) {}

    fn lower(&self, out: &mut Lowering) {
        out.immediate(REG32_01, &[1]);
        out.push(Expr::MetaSet { sreg: REG32_01, key: meta::NFTRACE });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        run.set(|place, value| {
            (*place == Place::Meta(meta::NFTRACE) && value.constant() == Some(&[1])).then_some(Self)
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Logs)
    }
}
