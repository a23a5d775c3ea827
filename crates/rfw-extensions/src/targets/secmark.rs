//! `-j SECMARK`: sets the packet's security mark from a SELinux context.
//!
//! xt `SECMARK` revision 1 in both encodings: `{ __u8 mode; char secctx[256]; __u32 secid; }` (`xt_SECMARK.h`), of which the
//! last is the kernel's. nf_tables wants the context as an object of the table.

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

const SIZE: usize = 264;
/// `SECMARK_MODE_SEL`.
const MODE: u8 = 1;
/// The field is 256 bytes with its NUL.
const CONTEXT_MAX: usize = 255;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secmark {
    context: Vec<u8>,
}

impl Extension for Secmark {
    const NAME: &'static str = "SECMARK";
    const SUMMARY: &'static str = "sets the security mark from a SELinux context";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("selctx", "context", "the SELinux security context").required()];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables wants the context as an object of the table",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        match uses.word("selctx") {
            // Cut as the original cuts it.
            Some(word) => Ok(Self { context: word.text.iter().copied().take(CONTEXT_MAX).collect() }),
            None => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "SECMARK: option \"--selctx\" must be specified\n",
                "add `--selctx CONTEXT`",
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.text(" --selctx");
        out.word(&self.context);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" SECMARK selctx ");
        out.bytes(&self.context);
    }

    fn lower(&self, out: &mut Lowering) {
        out.xt_target("SECMARK", 1, Info::new(SIZE).u8(0, MODE).bytes(1, &self.context).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("SECMARK", 1, SIZE)?;
        let context = view.string(1, CONTEXT_MAX + 1);
        let sayable = view.u8(0) == MODE && context.len() <= CONTEXT_MAX && !context.contains(&b'\n');
        sayable.then(|| Self { context: context.to_vec() })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle", "security"])
    }
}
