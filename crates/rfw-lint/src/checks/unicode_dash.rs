//! A word begins with a typographic dash where an option was meant.
//!
//! **Why.** Blog software and word processors turn `--` into an en dash when a command is published. iptables knows only
//! the ASCII hyphen and says no more than ``Bad argument `–dport'``, in which the dash looks right.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp –dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Never needed: quoted text and the values of `--comment` and `--log-prefix` are not looked at.

use rfw_diagnostics::codes;

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, word};

/// Reads the word as it was typed.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    if broken.why.code != codes::UNICODE_DASH {
        return None;
    }
    let typed = &broken.why.fix.as_ref()?.edits.first()?.replacement;
    let new = word(typed.as_bytes(), broken.word().span);
    Some(Mended::line(broken.why.clone(), broken.with(broken.at..broken.at + 1, [new])))
}
