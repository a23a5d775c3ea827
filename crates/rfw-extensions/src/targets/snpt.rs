//! `-j SNPT`: translates the prefix of an IPv6 source address without keeping state (RFC 6296).
//!
//! xt `SNPT` revision 0 in both encodings (`shared/npt.rs`): it changes the host part so that checksums stay as they are,
//! which nothing in nf_tables does.

use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::npt::{self, Prefixes};
use crate::uses::Uses;
use crate::{Extension, Parsed};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snpt {
    prefixes: Prefixes,
}

impl Extension for Snpt {
    const NAME: &'static str = "SNPT";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "translates the source prefix without state";
    const OPTIONS: &'static [OptionSpec] = npt::OPTIONS;
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't change a prefix so that checksums stay as they are",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self { prefixes: Prefixes::parse(uses, cx)? })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.prefixes.write(out, " --");
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" SNPT");
        self.prefixes.write(out, " ");
    }

    fn lower(&self, out: &mut Lowering) {
        self.prefixes.lower(out, Self::NAME);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        Some(Self { prefixes: Prefixes::lift(run, Self::NAME)? })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle"])
    }
}
