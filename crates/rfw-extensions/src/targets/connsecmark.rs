//! `-j CONNSECMARK`: copies the security mark from the packet to its connection or back.
//!
//! xt `CONNSECMARK` revision 0 in both encodings, `{ __u8 mode; }` (`xt_CONNSECMARK.h`). nf_tables can do the same, but nft
//! has no words for one mark set from the other.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 1;
/// `CONNSECMARK_SAVE`.
const SAVE: u8 = 1;
/// `CONNSECMARK_RESTORE`.
const RESTORE: u8 = 2;

/// The typed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connsecmark {
    /// From the packet to the connection.
    Save,
    /// From the connection to the packet.
    Restore,
}

impl Extension for Connsecmark {
    const NAME: &'static str = "CONNSECMARK";
    const SUMMARY: &'static str = "copies the security mark between packet and connection";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("save", "from the packet to the connection").excludes(&["restore"]),
        OptionSpec::flag("restore", "from the connection to the packet").excludes(&["save"]),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nft 1.0.6 has no words for one security mark set from the other",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        match (uses.has("save"), uses.has("restore")) {
            (true, _) => Ok(Self::Save),
            (false, true) => Ok(Self::Restore),
            (false, false) => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "CONNSECMARK target: parameter required",
                "add `--save` or `--restore`",
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --{}", self.word()));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" CONNSECMARK {}", self.word()));
    }

    fn lower(&self, out: &mut Lowering) {
        let mode = if *self == Self::Save { SAVE } else { RESTORE };
        out.xt_target("CONNSECMARK", 0, Info::new(SIZE).u8(0, mode).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        match run.xt_target("CONNSECMARK", 0, SIZE)?.u8(0) {
            SAVE => Some(Self::Save),
            RESTORE => Some(Self::Restore),
            _ => None,
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).reassembles().tables(&["mangle", "security"])
    }
}

impl Connsecmark {
    const fn word(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::Restore => "restore",
        }
    }
}
