//! `-m cpu`: the CPU that handles the packet.
//!
//! Compat: xt `cpu` revision 0, `{ __u32 cpu, invert; }` (`xt_cpu.h`). Native: `meta cpu`.

use rfw_nft::expr::meta;
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 8;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    inverted: bool,
    cpu: u32,
}

impl Extension for Cpu {
    const NAME: &'static str = "cpu";
    const SUMMARY: &'static str = "the CPU that handles the packet";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("cpu", "number", "the number of the CPU, from 0").invertible().required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        Ok(Self { inverted: uses.inverted("cpu"), cpu: uses.number("cpu", 0, u32::MAX)?.unwrap_or(0) })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "cpu");
        out.fmt(format_args!(" {}", self.cpu));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" cpu {}{}", if self.inverted { "! " } else { "" }, self.cpu));
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() {
            out.meta(meta::CPU);
            out.equals(self.inverted, &self.cpu.to_ne_bytes());
        } else {
            out.xt_match("cpu", 0, Info::new(SIZE).u32(0, self.cpu).u32(4, self.inverted.into()).finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("cpu", 0, SIZE) {
            let inverted = match view.u32(4) {
                0 => false,
                1 => true,
                _ => return None,
            };
            return Some(Self { inverted, cpu: view.u32(0) });
        }
        let (inverted, cpu) = run.equality(&Field::Meta(meta::CPU))?;
        Some(Self { inverted, cpu: u32::from_ne_bytes(cpu.try_into().ok()?) })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
