//! `-m connmark`: the mark of the packet's connection.
//!
//! Compat: xt `connmark` revision 1, `struct xt_connmark_mtinfo1 { __u32 mark, mask; __u8 invert; }` (`xt_connmark.h`).
//! Native: `ct mark`. Neither matches a packet without a connection, inverted or not.

use rfw_nft::expr::ct;
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::Masked;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 9;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connmark {
    inverted: bool,
    mark: Masked,
}

impl Extension for Connmark {
    const NAME: &'static str = "connmark";
    const SUMMARY: &'static str = "the mark of the packet's connection";
    const OPTIONS: &'static [OptionSpec] = &[OptionSpec::value(
        "mark",
        "value[/mask]",
        "(connection mark & mask) equals value",
    )
    .invertible()
    .required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mark = uses.masked("mark")?.unwrap_or(Masked::exact(0));
        Ok(Self { inverted: uses.inverted("mark"), mark })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "mark");
        out.fmt(format_args!(" {}", self.mark));
    }

    fn list(&self, out: &mut Printer<'_>) {
        // The original writes two blanks where `!` is missing.
        out.fmt(format_args!(" connmark match {} {}", if self.inverted { "!" } else { "" }, self.mark));
    }

    fn lower(&self, out: &mut Lowering) {
        let Masked { value, mask } = self.mark;
        if out.native() {
            out.ct(ct::MARK, None);
            out.masked_equals(self.inverted, &value.to_ne_bytes(), &mask.to_ne_bytes());
        } else {
            let info = Info::new(SIZE).u32(0, value).u32(4, mask).u8(8, self.inverted.into());
            out.xt_match("connmark", 1, info.finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("connmark", 1, SIZE) {
            let mark = Masked { value: view.u32(0), mask: view.u32(4) };
            return Some(Self { inverted: view.u8(8) != 0, mark });
        }
        let field = Field::Ct { key: ct::MARK, dir: None };
        run.masked_number(&field).map(|(inverted, mark)| Self { inverted, mark })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.reassembles()
    }
}
