//! A list with commas is torn by a blank, ends in a comma, or holds a word that is misspelt.
//!
//! **Why.** A blank ends the value: what follows it is a word that means nothing. iptables then complains about an empty
//! state, or about a word that looks right.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED, RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, is_option, word};

/// Joins what belongs together, and takes the nearest word for one that is misspelt.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    match broken.why.code {
        codes::STRAY_WORD => torn(broken),
        codes::BROKEN_LIST => misspelt(broken),
        _ => None,
    }
}

fn torn<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let (left, right) = (broken.before(broken.at)?, broken.word());
    let comma = left.text.ends_with(b",") || right.text.starts_with(b",");
    if !comma || is_option(left) || left.quoted || right.quoted {
        return None;
    }
    let mut text = left.text.to_vec();
    text.extend_from_slice(&right.text);
    let joined = word(text, left.span.to(right.span));
    let gap = Span { start: left.span.end, end: right.span.start };
    let option = broken.before(broken.at - 1).filter(|w| is_option(w));
    let message = match option {
        Some(option) => format!("space inside the list of `{}`", option.lossy()),
        None => "space inside a list".to_owned(),
    };
    let diagnostic = Diagnostic::error(codes::BROKEN_LIST, joined.span, message)
        .help(format!("write `{}`; iptables takes the blank for the end of the list", joined.lossy()))
        .fix(gap, "", FixSafety::Safe);
    Some(Mended::line(diagnostic, broken.with(broken.at - 1..broken.at + 1, [joined])))
}

fn misspelt<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let list = broken.word();
    let mut diagnostic = broken.why.clone();
    if let Some(text) = list.text.strip_suffix(b",")
        && !list.quoted
        && diagnostic.fix.is_none()
    {
        let comma = Span { start: list.span.end.saturating_sub(1), end: list.span.end };
        diagnostic.message = format!("the list `{}` ends in a comma", list.lossy());
        let diagnostic = diagnostic.help("drop the comma, or say what follows it").fix(comma, "", FixSafety::Safe);
        let list = word(text, list.span);
        return Some(Mended::line(diagnostic, broken.with(broken.at..broken.at + 1, [list])));
    }
    let edit = diagnostic.fix.as_ref()?.edits.first()?;
    let part = |at: u32| at.checked_sub(list.span.start).and_then(|n| usize::try_from(n).ok());
    let (start, end) = (part(edit.span.start)?, part(edit.span.end)?);
    if list.quoted || end > list.text.len() || start > end {
        return None;
    }
    let mut text = list.text.to_vec();
    drop(text.splice(start..end, edit.replacement.bytes()));
    let list = word(text, list.span);
    Some(Mended::line(diagnostic, broken.with(broken.at..broken.at + 1, [list])))
}
