//! A comment stands behind a rule in a save file.
//!
//! **Why.** A `#` begins a comment in the first column only. Behind a rule it is an argument, and iptables-restore refuses
//! the file: ``Bad argument `#'``.
//!
//! **Packet.** None: the file is refused.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -j ACCEPT # ssh
//! ```
//! Good:
//! ```text
//! # ssh
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};
use rfw_syntax::Mode;

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended};

/// Leaves out what stands behind `#`.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let word = broken.word();
    let comment = word.text.starts_with(b"#") && !word.quoted && broken.why.code == codes::STRAY_WORD;
    if !comment || broken.at == 0 || broken.mode != Mode::Restore {
        return None;
    }
    let line = broken.line();
    let from = word.span.start as usize;
    let said = String::from_utf8_lossy(broken.text.get(from..line.end as usize)?);
    let text = said.trim_end().trim_start_matches('#').trim_start();
    let cut = Span { start: broken.before(broken.at)?.span.end, end: line.end };
    let quoted = text.replace(['"', '\\'], "");
    let diagnostic =
        Diagnostic::error(codes::INLINE_COMMENT, word.span, "comments must be on their own line in restore files")
            .help(format!("move the text to the line above, or keep it in the kernel with `-m comment --comment \"{quoted}\"`"))
            .fix(Span { end: line.start, ..line }, format!("# {text}\n"), FixSafety::Safe)
            .and_edit(cut, "");
    Some(Mended::line(diagnostic, broken.words[..broken.at].to_vec()))
}
