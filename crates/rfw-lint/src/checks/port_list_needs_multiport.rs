//! Several ports stand where one port or one range belongs, or more than a list can hold.
//!
//! **Why.** `--dport` of tcp and udp takes one port or one range. Lists need `-m multiport`, whose options end in an `s`, and
//! which holds at most 15 places; a range takes two of them.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 80,443 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};
use rfw_extensions::matches::MATCHES;

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, added, is_option, word};

/// Places of a multiport list (`XT_MULTI_PORTS`).
const SLOTS: usize = 15;

/// Reads the list with multiport, and one that is too long as two rules.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    match broken.why.code {
        codes::PORT_LIST_NEEDS_MULTIPORT => {
            let option = broken.before(broken.at).filter(|w| is_option(w))?;
            let new: &[u8] = match &*option.text {
                b"--dport" | b"--destination-port" => b"--dports",
                b"--sport" | b"--source-port" => b"--sports",
                _ => return split(broken),
            };
            Some(list(broken, new))
        }
        codes::UNKNOWN_OPTION => not_loaded(broken),
        _ => None,
    }
}

fn list<'a>(broken: &Broken<'_, 'a>, new: &[u8]) -> Mended<'a> {
    let (at, ports) = (broken.at - 1, broken.word());
    let option = &broken.words[at];
    let shown = String::from_utf8_lossy(new).into_owned();
    let from = broken.negated_from(at);
    let start = broken.words[from].span.start;
    let diagnostic = Diagnostic::error(
        codes::PORT_LIST_NEEDS_MULTIPORT,
        ports.span,
        format!("`{}` takes one port or one range, not a list", option.lossy()),
    )
    .help(format!("use `-m multiport {shown} {}`; multiport holds at most {SLOTS} slots", ports.lossy()))
    ;
    let diagnostic = if from == at {
        diagnostic.fix(option.span, format!("-m multiport {shown}"), FixSafety::Safe)
    } else {
        diagnostic.fix(Span { start, end: start }, "-m multiport ", FixSafety::Safe).and_edit(option.span, shown)
    };
    let mut words = broken.with(at..at + 1, [word(new, option.span)]);
    drop(words.splice(from..from, [added("-m", option), added("multiport", option)]));
    Mended::line(diagnostic, words)
}

/// An option of exactly one match, which is not loaded.
fn not_loaded<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let guilty = broken.word();
    let name = guilty.text.strip_prefix(b"--")?.split(|&b| b == b'=').next().unwrap_or_default();
    let mut owners = MATCHES.iter().filter(|e| e.options.iter().any(|o| o.name.as_bytes() == name));
    let (owner, None) = (owners.next()?, owners.next()) else { return None };
    let option = owner.options.iter().find(|o| o.name.as_bytes() == name)?;
    if !owner.implied_by.is_empty() || broken.words.iter().any(|w| w.text == owner.name.as_bytes()) {
        return None;
    }
    let from = broken.negated_from(broken.at);
    let start = broken.words[from].span.start;
    let mut diagnostic = broken.why.clone();
    let mut safety = FixSafety::Unsafe;
    if option.value.starts_with("port") {
        diagnostic.code = codes::PORT_LIST_NEEDS_MULTIPORT;
        diagnostic.message = format!("`{}` needs `-m {}`", guilty.lossy(), owner.name);
        safety = FixSafety::Safe;
    }
    let diagnostic = diagnostic.fix(Span { start, end: start }, format!("-m {} ", owner.name), safety);
    let load = [added("-m", guilty), added(owner.name, guilty)];
    Some(Mended::line(diagnostic, broken.with(from..from, load)))
}

/// A list that is too long, as two rules.
fn split<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let ports = broken.word();
    let negated = broken.negated_from(broken.at - 1) != broken.at - 1;
    let plain = ports.text.len() == (ports.span.end - ports.span.start) as usize && !ports.quoted;
    if negated || !plain {
        // Two rules that each leave out a half leave out nothing.
        return Some(Mended::explained(broken.why.clone()));
    }
    let (mut slots, mut cut, mut at) = (0, 0, 0);
    for item in ports.text.split(|&b| b == b',') {
        slots += if item.contains(&b':') { 2 } else { 1 };
        if slots > SLOTS {
            break;
        }
        at += item.len() + 1;
        cut = at;
    }
    let (head, tail) = (ports.text.get(..cut.checked_sub(1)?)?, ports.text.get(cut..)?);
    let line = broken.line();
    let raw = |from: u32, to: u32| String::from_utf8_lossy(broken.text.get(from as usize..to as usize).unwrap_or_default());
    let start = raw(line.start, ports.span.start);
    let end = raw(ports.span.end, line.end);
    let text = |list: &[u8]| String::from_utf8_lossy(list).into_owned();
    let second = format!("{}{end}\n{start}{}", text(head), text(tail));
    let diagnostic = broken.why.clone().fix(ports.span, second, FixSafety::Safe);
    let rule = |list: &[u8]| broken.with(broken.at..broken.at + 1, [word(list, ports.span)]);
    Some(Mended { diagnostic, lines: vec![rule(head), rule(tail)] })
}
