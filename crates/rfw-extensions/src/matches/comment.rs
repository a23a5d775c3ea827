//! `-m comment`: words for people; matches everything.
//!
//! Compat: xt `comment` revision 0, a 256-byte string (`xt_comment.h`, `XT_MAX_COMMENT_LEN`). Native: the rule's userdata,
//! which `nft` shows, if there is one comment and it fits (`NFT_USERDATA_MAXLEN` 256, less header and NUL and room for hints).

use rfw_nft::expr::Expr;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 256;
/// What leaves room in 256 bytes of userdata for the comment's own header and for rfw's notes.
const USERDATA_MAX: usize = 160;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// At most 255 bytes, without NUL.
    pub text: Vec<u8>,
}

impl Extension for Comment {
    const NAME: &'static str = "comment";
    const SUMMARY: &'static str = "words for people";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("comment", "text", "up to 255 bytes").required().free_text()];
    const WHY_XT: &'static [&'static str] = &[
        "a rule's user data holds one comment, of at most 160 bytes",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let text: &[u8] = uses.word("comment").map_or(b"", |word| &word.text);
        // Cut as the original cuts it.
        Ok(Self { text: text[..text.len().min(SIZE - 1)].to_vec() })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.text(" --comment");
        out.quoted(&self.text);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" /* ");
        out.bytes(&self.text);
        out.text(" */");
    }

    fn lower(&self, out: &mut Lowering) {
        let fits = !self.text.is_empty() && self.text.len() <= USERDATA_MAX && !self.text.contains(&0);
        if out.native() && fits && out.comment.is_none() {
            let at = u8::try_from(out.exprs.len()).unwrap_or(u8::MAX);
            out.comment = Some((at, self.text.clone()));
        } else {
            out.xt_match("comment", 0, Info::new(SIZE).bytes(0, &self.text).finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        run.plain(|expr| match expr {
            Expr::Match { name, rev: 0, info } if name == b"comment" && info.len() == SIZE => {
                // Without a NUL it is longer than any that can be written.
                let end = info.iter().position(|&b| b == 0)?;
                Some(Self { text: info[..end].to_vec() })
            }
            _ => None,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
