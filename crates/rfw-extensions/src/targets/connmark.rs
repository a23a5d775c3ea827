//! `-j CONNMARK`: sets the mark of the connection, or copies it from or to the packet.
//!
//! Compat: xt `CONNMARK` revision 2 (`xt_connmark.h`):
//!
//! ```c
//! struct xt_connmark_tginfo2 { __u32 ctmark, ctmask, nfmask; __u8 shift_dir, shift_bits, mode; };
//! ```
//!
//! set: `connection = ((connection & ~ctmask) ^ ctmark) << shift`;
//! save: `connection = (connection & ~ctmask) ^ ((packet & nfmask) << shift)`; restore the other way round.
//!
//! Native: the same arithmetic with `ct mark` and `meta mark`. Save and restore into part of a mark would need to xor two registers,
//! which kernels before 6.13 cannot; they stay xt.

use rfw_diagnostics::codes;
use rfw_nft::Expr;
use rfw_nft::expr::{BitwiseOp, REG_1, ct, meta};
use rfw_nft::predicate::{Field, Op, Place, Value};
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

const SIZE: usize = 15;
/// The most that the options take; the kernel refuses 32.
const MAX_SHIFT: u32 = 32;
/// The most that a shift of a register takes.
const MAX_NATIVE_SHIFT: u8 = 31;

/// What is done; the numbers are those of `XT_CONNMARK_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Set = 0,
    Save = 1,
    Restore = 2,
}

/// A shift of the value before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shift {
    right: bool,
    bits: u8,
}

/// The typed form. Rules that differ only in what their mode does not look at are equal; iptables keeps even that.
#[derive(Clone, Debug)]
pub struct Connmark {
    mode: Mode,
    ctmark: u32,
    ctmask: u32,
    nfmask: u32,
    shift: Shift,
}

impl PartialEq for Connmark {
    fn eq(&self, other: &Self) -> bool {
        self.meaning() == other.meaning()
    }
}

impl Eq for Connmark {}

const ANY: &[&str] = &["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark", "save-mark", "restore-mark"];

impl Extension for Connmark {
    const NAME: &'static str = "CONNMARK";
    const SUMMARY: &'static str = "sets, saves or restores the mark of the connection";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("set-xmark", "value[/mask]", "clear the bits of mask, xor value").excludes(ANY),
        OptionSpec::value("set-mark", "value[/mask]", "clear the bits of mask, or value").excludes(ANY),
        OptionSpec::value("and-mark", "bits", "and with bits").excludes(ANY),
        OptionSpec::value("or-mark", "bits", "or with bits").excludes(ANY),
        OptionSpec::value("xor-mark", "bits", "xor with bits").excludes(ANY),
        OptionSpec::flag("save-mark", "copy the packet's mark to the connection").excludes(ANY),
        OptionSpec::flag("restore-mark", "copy the connection's mark to the packet").excludes(ANY),
        OptionSpec::value("left-shift-mark", "bits", "shift what is written to the left"),
        OptionSpec::value("right-shift-mark", "bits", "shift what is written to the right"),
        OptionSpec::value("ctmask", "mask", "bits of the connection's mark").excludes(&["mask"]),
        OptionSpec::value("nfmask", "mask", "bits of the packet's mark").excludes(&["mask"]),
        OptionSpec::value("mask", "mask", "bits of both").excludes(&["ctmask", "nfmask"]),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "part of a mark out of another mark takes two registers in one operation, which kernels before 6.13 lack",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let shift = Shift { right: false, bits: 0 };
        let mut out = Self { mode: Mode::Set, ctmark: 0, ctmask: u32::MAX, nfmask: u32::MAX, shift };
        // In the order given: of two options that write one field the last one counts.
        for used in uses.list {
            out.set(used.option.key(), uses)?;
        }
        if !ANY.iter().any(|name| uses.has(name)) {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "CONNMARK target: No operation specified",
                "add `--set-mark VALUE`, `--save-mark` or `--restore-mark`",
            ));
        }
        Ok(out)
    }

    fn print(&self, out: &mut Printer<'_>) {
        let (nfmask, ctmask) = (self.nfmask, self.ctmask);
        match self.mode {
            Mode::Set => out.fmt(format_args!(" --set-xmark {:#x}/{ctmask:#x}", self.ctmark)),
            Mode::Save => out.fmt(format_args!(" --save-mark --nfmask {nfmask:#x} --ctmask {ctmask:#x}")),
            Mode::Restore => out.fmt(format_args!(" --restore-mark --nfmask {nfmask:#x} --ctmask {ctmask:#x}")),
        }
        self.write_shift(out, "--");
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" CONNMARK");
        match self.mode {
            Mode::Set => mark::list(out, self.ctmark, self.ctmask),
            Mode::Save => list_copy(out, "save", ("nfmask", self.nfmask), ("ctmask", self.ctmask)),
            Mode::Restore => list_copy(out, "restore", ("ctmask", self.ctmask), ("nfmask", self.nfmask)),
        }
        self.write_shift(out, "");
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || !self.is_native() {
            let info = Info::new(SIZE)
                .u32(0, self.ctmark)
                .u32(4, self.ctmask)
                .u32(8, self.nfmask)
                .u8(12, self.shift.right.into())
                .u8(13, self.shift.bits)
                .u8(14, self.mode as u8);
            out.xt_target("CONNMARK", 2, info.finish());
            return;
        }
        match self.mode {
            Mode::Set if self.ctmask == u32::MAX && self.shift.bits == 0 => {
                out.immediate(REG_1, &self.ctmark.to_ne_bytes());
            }
            Mode::Set => {
                out.ct(ct::MARK, None);
                out.mask_xor(&(!self.ctmask).to_ne_bytes(), &self.ctmark.to_ne_bytes());
            }
            Mode::Save => {
                out.meta(meta::MARK);
                mask_unless_full(out, self.nfmask);
            }
            Mode::Restore => {
                out.ct(ct::MARK, None);
                mask_unless_full(out, self.ctmask);
            }
        }
        if self.shift.bits != 0 {
            let bits = self.shift.bits.into();
            let op = if self.shift.right { BitwiseOp::Rshift(bits) } else { BitwiseOp::Lshift(bits) };
            out.push(Expr::Bitwise { sreg: REG_1, dreg: REG_1, len: 4, op });
        }
        out.push(match self.mode {
            Mode::Restore => Expr::MetaSet { sreg: REG_1, key: meta::MARK },
            Mode::Set | Mode::Save => Expr::CtSet { sreg: REG_1, key: ct::MARK, dir: None },
        });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("CONNMARK", 2, SIZE) {
            let mode = [Mode::Set, Mode::Save, Mode::Restore].into_iter().find(|m| *m as u8 == view.u8(14))?;
            let shift = Shift { right: view.u8(12) == 1, bits: view.u8(13) };
            let spoken = view.u8(12) <= 1 && u32::from(shift.bits) <= MAX_SHIFT;
            let (ctmark, ctmask, nfmask) = (view.u32(0), view.u32(4), view.u32(8));
            return spoken.then_some(Self { mode, ctmark, ctmask, nfmask, shift });
        }
        run.set(|place, value| match place {
            Place::Ct { key: ct::MARK, dir: None } => match value.field {
                Field::Meta(meta::MARK) => Self::copy(Mode::Save, value),
                _ => Self::lift_set(value),
            },
            Place::Meta(meta::MARK) if value.field == connection_mark() => Self::copy(Mode::Restore, value),
            _ => None,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).reassembles()
    }
}

impl Connmark {
    fn set(&mut self, name: &str, uses: &Uses<'_, '_>) -> Parsed<()> {
        if let Some(change) = mark::parse(uses, name)? {
            (self.ctmark, self.ctmask) = change;
            return Ok(());
        }
        let number = || Ok(uses.number(name, 0, u32::MAX)?.unwrap_or(0));
        let shift = |right| Ok(Shift { right, bits: shift_bits(uses.number(name, 0, MAX_SHIFT)?) });
        match name {
            "save-mark" => {
                self.mode = Mode::Save;
                Ok(())
            }
            "restore-mark" => {
                self.mode = Mode::Restore;
                Ok(())
            }
            "ctmask" => number().map(|mask| self.ctmask = mask),
            "nfmask" => number().map(|mask| self.nfmask = mask),
            "mask" => number().map(|mask| (self.ctmask, self.nfmask) = (mask, mask)),
            "left-shift-mark" => shift(false).map(|shift| self.shift = shift),
            _ => shift(true).map(|shift| self.shift = shift),
        }
    }

    /// What the kernel looks at.
    fn meaning(&self) -> (Mode, u32, u32, u32, Shift) {
        let (ctmark, nfmask) = if self.mode == Mode::Set { (self.ctmark, 0) } else { (0, self.nfmask) };
        let shift = if self.shift.bits == 0 { Shift { right: false, bits: 0 } } else { self.shift };
        (self.mode, ctmark, self.ctmask, nfmask, shift)
    }

    fn is_native(&self) -> bool {
        let whole = match self.mode {
            Mode::Set => true,
            Mode::Save => self.ctmask == u32::MAX,
            Mode::Restore => self.nfmask == u32::MAX,
        };
        whole && self.shift.bits <= MAX_NATIVE_SHIFT
    }

    fn lift_set(value: &Value) -> Option<Self> {
        let made = |(ctmark, ctmask, shift)| Self { mode: Mode::Set, ctmark, ctmask, nfmask: u32::MAX, shift };
        if let Some(bytes) = value.constant() {
            return Some(made((number(bytes)?, u32::MAX, Shift { right: false, bits: 0 })));
        }
        if value.field != connection_mark() {
            return None;
        }
        match value.ops.as_slice() {
            [Op::MaskXor { mask, xor }, shift @ ..] => {
                let (ctmark, ctmask) = (number(xor)?, !number(mask)?);
                Some(made((ctmark, ctmask, lift_shift(shift)?)))
            }
            [] => None,
            shift => Some(made((0, 0, lift_shift(shift)?))),
        }
    }

    /// A save or restore of a whole mark.
    fn copy(mode: Mode, value: &Value) -> Option<Self> {
        let (mask, shift) = match value.ops.as_slice() {
            [Op::MaskXor { mask, xor }, shift @ ..] if xor.iter().all(|&b| b == 0) => (number(mask)?, shift),
            shift => (u32::MAX, shift),
        };
        let (ctmask, nfmask) = if mode == Mode::Save { (u32::MAX, mask) } else { (mask, u32::MAX) };
        Some(Self { mode, ctmark: 0, ctmask, nfmask, shift: lift_shift(shift)? })
    }

    fn write_shift(&self, out: &mut Printer<'_>, dashes: &str) {
        if self.shift.bits != 0 {
            let side = if self.shift.right { "right" } else { "left" };
            out.fmt(format_args!(" {dashes}{side}-shift-mark {}", self.shift.bits));
        }
    }
}

fn shift_bits(number: Option<u32>) -> u8 {
    number.and_then(|bits| u8::try_from(bits).ok()).unwrap_or(0)
}

fn connection_mark() -> Field {
    Field::Ct { key: ct::MARK, dir: None }
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn mask_unless_full(out: &mut Lowering, mask: u32) {
    if mask != u32::MAX {
        out.mask(&mask.to_ne_bytes());
    }
}

/// At most one shift.
fn lift_shift(ops: &[Op]) -> Option<Shift> {
    let (right, bits) = match ops {
        [] => return Some(Shift { right: false, bits: 0 }),
        [Op::Lshift(bits)] => (false, *bits),
        [Op::Rshift(bits)] => (true, *bits),
        _ => return None,
    };
    let bits = u8::try_from(bits).ok().filter(|bits| (1..=MAX_NATIVE_SHIFT).contains(bits))?;
    Some(Shift { right, bits })
}

fn list_copy(out: &mut Printer<'_>, word: &str, from: (&str, u32), to: (&str, u32)) {
    if from.1 != to.1 {
        out.fmt(format_args!(" {word} {} {:#x} {} ~{:#x}", from.0, from.1, to.0, to.1));
    } else if from.1 == u32::MAX {
        out.fmt(format_args!(" {word}"));
    } else {
        out.fmt(format_args!(" {word} mask {:#x}", from.1));
    }
}
