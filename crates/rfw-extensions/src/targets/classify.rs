//! `-j CLASSIFY`: sets the packet's priority, by which queueing disciplines choose a class.
//!
//! Compat: xt `CLASSIFY` revision 0, `{ __u32 priority; }` (`xt_CLASSIFY.h`). Native: `meta priority`.

use rfw_nft::Expr;
use rfw_nft::expr::{REG_1, meta};
use rfw_nft::predicate::Place;
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 4;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classify {
    major: u16,
    minor: u16,
}

impl Extension for Classify {
    const NAME: &'static str = "CLASSIFY";
    const SUMMARY: &'static str = "sets the class for queueing disciplines";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("set-class", "major:minor", "the class, in hexadecimal").required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        match uses.word("set-class") {
            Some(word) => parse_class(word),
            None => Err(uses.complaint(
                rfw_diagnostics::codes::OPTION_REQUIRED,
                "CLASSIFY: option \"--set-class\" must be specified\n",
                "add `--set-class MAJOR:MINOR`",
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --set-class {:04x}:{:04x}", self.major, self.minor));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" CLASSIFY set {:x}:{:x}", self.major, self.minor));
    }

    fn lower(&self, out: &mut Lowering) {
        let priority = (u32::from(self.major) << 16) | u32::from(self.minor);
        if out.native() {
            out.immediate(REG_1, &priority.to_ne_bytes());
            out.push(Expr::MetaSet { sreg: REG_1, key: meta::PRIORITY });
        } else {
            out.xt_target("CLASSIFY", 0, Info::new(SIZE).u32(0, priority).finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("CLASSIFY", 0, SIZE) {
            return Some(Self::of(view.u32(0)));
        }
        run.set(|place, value| {
            let bytes = value.constant().filter(|_| *place == Place::Meta(meta::PRIORITY))?;
            Some(Self::of(u32::from_ne_bytes(bytes.try_into().ok()?)))
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).hooks(hook::FORWARD | hook::OUTPUT | hook::POSTROUTING)
    }
}

impl Classify {
    const fn of(priority: u32) -> Self {
        let [major, minor] = [(priority >> 16) as u16, (priority & 0xffff) as u16];
        Self { major, minor }
    }
}

/// Two hexadecimal numbers. The original cuts longer ones and ignores what follows; here those are mistakes.
fn parse_class(word: &Word<'_>) -> Parsed<Classify> {
    let number = |text: &[u8]| {
        let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")).unwrap_or(text);
        let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|d| u16::from_str_radix(d, 16).ok())
    };
    let class = word.text.iter().position(|&b| b == b':').and_then(|at| {
        Some(Classify { major: number(&word.text[..at])?, minor: number(&word.text[at + 1..])? })
    });
    class.ok_or_else(|| {
        let error = ValueError::whole(&word.text, "two hexadecimal numbers up to ffff, MAJOR:MINOR");
        bad_value(word, &error, format!("Bad class value \"{}\"", word.lossy()))
    })
}
