//! What `-j TTL` and `-j HL` have in common: xt `{ __u8 mode, value; }` (`ipt_TTL.h`, `ip6t_HL.h`), revision 0.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;

use crate::Parsed;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;

const SIZE: usize = 2;

/// What is done to the hop limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It becomes the value.
    Set = 0,
    /// It grows by the value.
    Increment = 1,
    /// It shrinks by the value.
    Decrement = 2,
}

const MODES: [(Mode, &str, &str); 3] = [
    (Mode::Set, "set", "set to"),
    (Mode::Increment, "inc", "increment by"),
    (Mode::Decrement, "dec", "decrement by"),
];

/// A change of the hop limit. Changes by a value are by 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hops {
    /// What is done.
    pub mode: Mode,
    /// The operand.
    pub value: u8,
}

impl Hops {
    /// Reads `--PREFIX-set`, `-inc` or `-dec`.
    ///
    /// # Errors
    /// With iptables' words.
    pub fn parse(uses: &Uses<'_, '_>, prefix: &str) -> Parsed<Self> {
        for (mode, word, _) in MODES {
            let min = u32::from(mode != Mode::Set);
            if let Some(value) = uses.number(&format!("{prefix}-{word}"), min, 255)? {
                return Ok(Self { mode, value: u8::try_from(value).unwrap_or(u8::MAX) });
            }
        }
        let classic = format!("{}: You must specify an action", uses.extension);
        Err(uses.complaint(codes::OPTION_REQUIRED, classic, format!("add `--{prefix}-set VALUE`")))
    }

    /// ` --PREFIX-set 64`.
    pub fn print(self, out: &mut Printer<'_>, prefix: &str) {
        out.fmt(format_args!(" --{prefix}-{} {}", self.words().0, self.value));
    }

    /// ` TTL set to 64`.
    pub fn list(self, out: &mut Printer<'_>, name: &str) {
        out.fmt(format_args!(" {name} {} {}", self.words().1, self.value));
    }

    /// Appends the xt target.
    pub fn lower(self, out: &mut Lowering, name: &str) {
        out.xt_target(name, 0, Info::new(SIZE).u8(0, self.mode as u8).u8(1, self.value).finish());
    }

    /// Takes the xt target.
    pub fn lift(run: &mut Run<'_>, name: &str) -> Option<Self> {
        let view = run.xt_target(name, 0, SIZE)?;
        let (mode, ..) = MODES.iter().find(|(mode, ..)| *mode as u8 == view.u8(0))?;
        let value = view.u8(1);
        (*mode == Mode::Set || value > 0).then_some(Self { mode: *mode, value })
    }

    fn words(self) -> (&'static str, &'static str) {
        match MODES.iter().find(|(mode, ..)| *mode == self.mode) {
            Some((_, option, words)) => (option, words),
            None => ("", ""),
        }
    }
}
