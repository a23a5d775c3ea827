//! `-j MARK`: sets the packet mark.
//!
//! Compat: xt `MARK` revision 2, `{ __u32 mark, mask; }` (`xt_mark.h`): the new mark is `(old & ~mask) ^ mark`.
//! Native: the same arithmetic with `meta mark` and `bitwise`.

use rfw_diagnostics::codes;
use rfw_nft::expr::meta;
use rfw_nft::predicate::{Field, Op, Place};
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::mark;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 8;

/// The typed form: bits of `mask` are cleared, then `value` is xored in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    value: u32,
    mask: u32,
}

const ALL: &[&str] = &["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"];

impl Extension for Mark {
    const NAME: &'static str = "MARK";
    const SUMMARY: &'static str = "sets the packet mark";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("set-xmark", "value[/mask]", "clear the bits of mask, xor value").excludes(ALL),
        OptionSpec::value("set-mark", "value[/mask]", "clear the bits of mask, or value").excludes(ALL),
        OptionSpec::value("and-mark", "bits", "and with bits").excludes(ALL),
        OptionSpec::value("or-mark", "bits", "or with bits").excludes(ALL),
        OptionSpec::value("xor-mark", "bits", "xor with bits").excludes(ALL),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let Some(used) = uses.list.first() else {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required",
                "add `--set-mark VALUE`",
            ));
        };
        let (value, mask) = mark::parse(uses, used.option.name)?.unwrap_or_default();
        Ok(Self { value, mask })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --set-xmark {:#x}/{:#x}", self.value, self.mask));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" MARK");
        mark::list(out, self.value, self.mask);
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() {
            out.xt_target("MARK", 2, Info::new(SIZE).u32(0, self.value).u32(4, self.mask).finish());
            return;
        }
        if self.mask == u32::MAX {
            out.immediate(rfw_nft::expr::REG_1, &self.value.to_ne_bytes());
        } else {
            out.meta(meta::MARK);
            out.mask_xor(&(!self.mask).to_ne_bytes(), &self.value.to_ne_bytes());
        }
        out.push(rfw_nft::Expr::MetaSet { sreg: rfw_nft::expr::REG_1, key: meta::MARK });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("MARK", 2, SIZE) {
            return Some(Self { value: view.u32(0), mask: view.u32(4) });
        }
        run.set(|place, value| {
            if *place != Place::Meta(meta::MARK) {
                return None;
            }
            if let Some(bytes) = value.constant() {
                return Some(Self { value: u32::from_ne_bytes(bytes.try_into().ok()?), mask: u32::MAX });
            }
            match (&value.field, value.ops.as_slice()) {
                (Field::Meta(meta::MARK), [Op::MaskXor { mask, xor }]) => Some(Self {
                    value: u32::from_ne_bytes(xor.as_slice().try_into().ok()?),
                    mask: !u32::from_ne_bytes(mask.as_slice().try_into().ok()?),
                }),
                _ => None,
            }
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites)
    }
}
