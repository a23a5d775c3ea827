//! A match is used that a newer one replaces, above all `-m state --state`.
//!
//! **Why.** `state` became a subset of `conntrack` in iptables 1.4.16; the kernel code is the same. `-m conntrack --ctstate`
//! also knows SNAT and DNAT, directions and expiry, so a ruleset need not mix two spellings of one thing. A text is told once,
//! and the fix changes all places.
//!
//! **Packet.** None is treated differently.
//!
//! Bad:
//! ```text
//! -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where the file must also load on iptables before 1.4.16.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};
use rfw_syntax::Loaded;

pub(crate) use super::by_reading as run;
use crate::written::Written;

/// One finding per match; a text is told once, by [`crate::gather`].
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (loaded, part) in written.matches() {
        let Some(instead) = part.facts().superseded_by else { continue };
        let message = format!("`-m {}` is superseded by `{instead}`", part.name());
        let mut found = Diagnostic::new(codes::STATE_MATCH_DEPRECATED, Severity::Info, loaded.at, message)
            .help("the kernel code is the same; the newer match can ask more");
        if let Some([(at, name), (option_at, option)]) = edits(written, loaded, part.name(), instead) {
            found = found.fix(at, name, FixSafety::Safe).and_edit(option_at, option);
        }
        out.push(found);
    }
}

/// The new words of a match with one option, where the old ones stand in the text.
fn edits<'i>(
    written: &Written<'_, '_>,
    loaded: &Loaded<'_>,
    name: &str,
    instead: &'i str,
) -> Option<[(Span, &'i str); 2]> {
    let [used] = loaded.uses.as_slice() else { return None };
    let (new, option) = instead.strip_prefix("-m ")?.split_once(' ')?;
    let stands = |span: Span, word: &str| {
        let place = usize::try_from(span.start).ok()?..usize::try_from(span.end).ok()?;
        // A value may be attached.
        let rest = written.text.get(place)?.strip_prefix(word.as_bytes())?;
        let end = span.end.saturating_sub(u32::try_from(rest.len()).ok()?);
        (rest.is_empty() || rest.starts_with(b"=")).then_some(Span { end, ..span })
    };
    Some([(stands(loaded.at, name)?, new), (stands(used.at, &format!("--{}", used.option.name))?, option)])
}
