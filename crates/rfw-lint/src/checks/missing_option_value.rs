//! An option that needs a value stands at the end, or before another option.
//!
//! **Why.** iptables takes the next word as the value whatever it looks like, and then complains about a later word that is
//! innocent: `-d --dport 22` ends in ``Bad argument `22'``.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp -d --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp -d 192.0.2.10 --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Never needed: free text (`--comment`, `--log-prefix`, `--string`) may look like an option.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, is_option};

/// Offers to delete the option; and tells a lone `!` for what it is.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let (at, diagnostic) = match broken.why.code {
        codes::MISSING_OPTION_VALUE => (broken.at, broken.why.clone()),
        codes::BAD_VALUE | codes::UNKNOWN_PROTOCOL if &*broken.word().text == b"!" => {
            let option = broken.before(broken.at).filter(|w| is_option(w))?;
            let message = format!("`{}` needs a value but only `!` follows", option.lossy());
            let found = Diagnostic::error(codes::MISSING_OPTION_VALUE, option.span, message)
                .help(format!("write `! {} VALUE`, or delete both", option.lossy()));
            (broken.at - 1, found)
        }
        _ => return None,
    };
    // What is left without the option must still be something: the command itself is not deleted.
    let option = broken.words.get(at).filter(|w| is_option(w))?;
    let from = broken.negated_from(at);
    if from == 0 || matches!(&*option.text, b"-A" | b"-I" | b"-D" | b"-R" | b"-j" | b"-g") {
        return Some(Mended::explained(diagnostic));
    }
    let before = broken.words[from - 1].span.end;
    let end = option.span.to(broken.word().span).end;
    let cut = Span { start: before, end };
    Some(Mended::explained(diagnostic.fix(cut, "", FixSafety::Unsafe)))
}
