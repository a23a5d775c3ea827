//! `-j` or `-g` names something that is neither a target nor a chain of the table.
//!
//! **Why.** `ALLOW`, `DENY` and `drop` are words of other firewalls. iptables-nft answers that a chain of that name does not
//! exist, iptables-legacy that it could not load a target; neither says which word was meant.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ALLOW
//! ```
//! Good:
//! ```text
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where a target comes from an extension that rfw does not have.

use rfw_diagnostics::{Classic, Diagnostic, FixSafety, codes};

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, word};

/// Says how iptables words it, for those who searched for that; and takes a word in the wrong case, or one of another
/// firewall, for the target that it means.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    if broken.why.code != codes::UNKNOWN_TARGET {
        return None;
    }
    let mut diagnostic = broken.why.clone();
    if let Diagnostic { help: Some(help), classic: Some(Classic::Parameter(text)), .. } = &mut diagnostic {
        let words =
            format!(" iptables-nft words this as \"{}\", legacy as \"Couldn't load target\"", text.trim());
        help.push_str(&words);
    }
    let fix = diagnostic.fix.as_ref()?;
    if fix.safety == FixSafety::Suggestion {
        return Some(Mended::explained(diagnostic));
    }
    let new = word(fix.edits.first()?.replacement.as_bytes(), broken.word().span);
    Some(Mended::line(diagnostic, broken.with(broken.at..broken.at + 1, [new])))
}
