//! `-m mark`: the packet mark. Native in both encodings.

use rfw_nft::expr::meta;
use rfw_nft::predicate::Field;
use rfw_syntax::OptionSpec;
use rfw_values::Masked;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    inverted: bool,
    mark: Masked,
}

impl Extension for Mark {
    const NAME: &'static str = "mark";
    const SUMMARY: &'static str = "the packet mark";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("mark", "value[/mask]", "(mark & mask) equals value").invertible().required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mark = uses.masked("mark")?.unwrap_or(Masked::exact(0));
        Ok(Self { inverted: uses.inverted("mark"), mark })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "mark");
        out.fmt(format_args!(" {}", self.mark));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" mark match{} {}", if self.inverted { " !" } else { "" }, self.mark));
    }

    fn lower(&self, out: &mut Lowering) {
        out.meta(meta::MARK);
        out.masked_equals(self.inverted, &self.mark.value.to_ne_bytes(), &self.mark.mask.to_ne_bytes());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        run.masked_number(&Field::Meta(meta::MARK)).map(|(inverted, mark)| Self { inverted, mark })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
