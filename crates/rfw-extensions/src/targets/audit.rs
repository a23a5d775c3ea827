//! `-j AUDIT`: writes a record for the audit daemon; the packet goes on.
//!
//! Compat: xt `AUDIT` revision 0, `{ __u8 type; }` (`xt_AUDIT.h`). Native: `log level audit`. The kernel checks the type and
//! does not use it; natively hint 40 says `drop` and hint 41 `reject`.

use rfw_nft::Expr;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice};
use crate::{Extension, Parsed};

const SIZE: usize = 1;
/// `NFT_LOGLEVEL_AUDIT`.
const LEVEL: u32 = 8;
/// `XT_AUDIT_TYPE_*`: the word at its number, with its hint.
const TYPES: [(&str, Option<u8>); 3] = [("accept", None), ("drop", Some(40)), ("reject", Some(41))];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Index in [`TYPES`].
    kind: u8,
}

impl Extension for Audit {
    const NAME: &'static str = "AUDIT";
    const SUMMARY: &'static str = "writes a record for the audit daemon";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("type", "action", "accept, drop or reject: what the record is for").required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let Some(word) = uses.word("type") else {
            return Err(uses.complaint(
                rfw_diagnostics::codes::OPTION_REQUIRED,
                "AUDIT: option \"--type\" must be specified\n",
                "add `--type accept`",
            ));
        };
        let found = TYPES.iter().position(|(name, _)| name.as_bytes().eq_ignore_ascii_case(&word.text));
        match found.and_then(|index| u8::try_from(index).ok()) {
            Some(kind) => Ok(Self { kind }),
            None => Err(bad_choice(
                word,
                &word.text,
                word.span,
                &TYPES.map(|(name, _)| name),
                format!("Bad action type value \"{}\"", word.lossy()),
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --type {}", self.row().0));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" AUDIT {}", self.row().0));
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() {
            out.xt_target("AUDIT", 0, Info::new(SIZE).u8(0, self.kind).finish());
            return;
        }
        if let Some(hint) = self.row().1 {
            out.hint(hint);
        }
        out.push(Expr::Log {
            group: None,
            prefix: None,
            snaplen: None,
            qthreshold: None,
            level: Some(LEVEL),
            flags: None,
        });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("AUDIT", 0, SIZE) {
            let kind = view.u8(0);
            return (usize::from(kind) < TYPES.len()).then_some(Self { kind });
        }
        let hinted = TYPES.iter().position(|(_, hint)| hint.is_some_and(|hint| run.hinted(hint)));
        let kind = u8::try_from(hinted.unwrap_or(0)).ok()?;
        run.plain(|expr| match expr {
            Expr::Log {
                group: None,
                prefix: None,
                snaplen: None,
                qthreshold: None,
                level: Some(LEVEL),
                flags: None | Some(0),
            } => Some(Self { kind }),
            _ => None,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Logs)
    }
}

impl Audit {
    fn row(&self) -> (&'static str, Option<u8>) {
        TYPES.get(usize::from(self.kind)).copied().unwrap_or(TYPES[0])
    }
}
