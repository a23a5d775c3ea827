//! An option that looks into a transport header stands in a rule that names no such protocol.
//!
//! **Why.** Ports, flags and ICMP types belong to one protocol each, and iptables learns of the options only from `-p`.
//! It says no more than `unknown option "--dport"`, though the option is spelt right.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};
use rfw_extensions::Entry;
use rfw_extensions::matches::{MATCHES, Match};
use rfw_nft::Family;
use rfw_syntax::Word;

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, added};

/// Services that nobody offers over UDP, by port.
const TCP_ONLY: [u16; 26] = [
    20, 21, 22, 23, 25, 43, 70, 79, 80, 110, 119, 143, 179, 465, 587, 873, 990, 993, 995, 1433, 1521, 3306, 5432, 6379,
    8080, 27017,
];

/// Names or inserts the protocol.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    match broken.why.code {
        codes::UNKNOWN_OPTION => option(broken),
        codes::MATCH_NEEDS_PROTOCOL => named_match(broken),
        _ => None,
    }
}

/// The matches that `-p` loads and that have an option.
fn owners<'n>(broken: &Broken<'_, '_>, name: &'n [u8]) -> impl Iterator<Item = &'static Entry<Match>> + use<'n> {
    let family = if broken.registry.is_ipv6() { Family::Ipv6 } else { Family::Ipv4 };
    MATCHES.iter().filter(move |entry| {
        let has = entry.options.iter().any(|o| o.name.as_bytes() == name);
        entry.families.has(family) && !entry.implied_by.is_empty() && has
    })
}

fn option<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let guilty = broken.word();
    let name = guilty.text.strip_prefix(b"--")?.split(|&b| b == b'=').next().unwrap_or_default();
    let protocols: Vec<&str> = owners(broken, name).filter_map(|entry| entry.implied_by.first().copied()).collect();
    if protocols.is_empty() {
        return None;
    }
    let shown = format!("--{}", String::from_utf8_lossy(name));
    let found = |needs: String| {
        Diagnostic::error(codes::PORT_WITHOUT_PROTOCOL, guilty.span, needs)
            .help(format!("ports, flags and types belong to a protocol; iptables reports only `unknown option \"{shown}\"`"))
    };
    let list: Vec<String> = protocols.iter().take(2).map(|p| format!("`-p {p}`")).collect();
    let needs = format!("`{shown}` needs {}", list.join(" or "));
    let at = broken.negated_from(broken.at);
    if let Some(given) = broken.words.iter().position(is_protocol) {
        let value = broken.words.get(given + 1)?;
        let late = given > broken.at && protocols.iter().any(|p| p.as_bytes() == &*value.text);
        if !late {
            let needs = format!("{needs}, and the rule is for `{}`", value.lossy());
            return Some(Mended::explained(found(needs)));
        }
        let diagnostic = found(format!("{needs} before it, not behind it"));
        return moved(broken, diagnostic, at, given);
    }
    let value = broken.words.get(broken.at + 1);
    let meant = match protocols[..] {
        [one] => Some(one),
        _ => value.filter(|v| tcp_only(broken, v)).map(|_| "tcp"),
    };
    inserted(broken, found(needs), at, meant)
}

fn named_match<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let name = broken.word();
    let negated = broken.words.iter().position(is_protocol).is_some_and(|at| broken.negated_from(at) != at);
    if negated {
        // The other check has it.
        return None;
    }
    let mut diagnostic = broken.why.clone();
    diagnostic.code = codes::PORT_WITHOUT_PROTOCOL;
    if let (true, Some(next)) = (name.span.start == name.span.end, broken.words.get(broken.at + 1)) {
        diagnostic.span = next.span;
    }
    if broken.words.iter().any(is_protocol) {
        return Some(Mended::explained(diagnostic));
    }
    let own = MATCHES.iter().find(|e| e.name.as_bytes() == &*name.text)?.implied_by.first().copied();
    let ports = broken.words.iter().filter(|w| w.text.iter().any(u8::is_ascii_digit));
    let all_tcp = || {
        let mut lists = ports.filter(|w| w.text.contains(&b',') || w.text.iter().all(u8::is_ascii_digit)).peekable();
        lists.peek().is_some() && lists.all(|w| tcp_only(broken, w))
    };
    let meant = own.or_else(|| all_tcp().then_some("tcp"));
    inserted(broken, diagnostic, broken.at.checked_sub(1)?, meant)
}

fn is_protocol(word: &Word<'_>) -> bool {
    matches!(&*word.text, b"-p" | b"--protocol" | b"--proto")
}

/// Whether every port of a list belongs to a service of TCP alone.
fn tcp_only(broken: &Broken<'_, '_>, ports: &Word<'_>) -> bool {
    ports.text.split(|&b| b == b',').all(|port| {
        let number = std::str::from_utf8(port).ok().and_then(|p| p.parse().ok());
        number.or_else(|| broken.names.port(port, Some("tcp"))).is_some_and(|p: u16| TCP_ONLY.contains(&p))
    })
}

fn inserted<'a>(
    broken: &Broken<'_, 'a>,
    diagnostic: Diagnostic,
    at: usize,
    protocol: Option<&str>,
) -> Option<Mended<'a>> {
    let Some(protocol) = protocol else { return Some(Mended::explained(diagnostic)) };
    let start = broken.words.get(at)?.span.start;
    let span = Span { start, end: start };
    let new = [added("-p", &broken.words[at]), added(protocol, &broken.words[at])];
    let diagnostic = diagnostic.fix(span, format!("-p {protocol} "), FixSafety::Unsafe);
    Some(Mended::line(diagnostic, broken.with(at..at, new)))
}

/// The `-p` that stands behind goes before.
fn moved<'a>(broken: &Broken<'_, 'a>, diagnostic: Diagnostic, at: usize, given: usize) -> Option<Mended<'a>> {
    let from = broken.negated_from(given);
    let value = broken.words.get(given + 1)?;
    let start = broken.words.get(at)?.span.start;
    let cut = Span { start: broken.words.get(from.checked_sub(1)?)?.span.end, end: value.span.end };
    let taken: Vec<Word<'a>> = broken.words[from..given + 2].to_vec();
    let text: Vec<String> = taken.iter().map(|w| w.lossy().into_owned()).collect();
    let diagnostic = diagnostic
        .fix(Span { start, end: start }, format!("{} ", text.join(" ")), FixSafety::Safe)
        .and_edit(cut, "");
    let mut words = broken.with(from..given + 2, []);
    drop(words.splice(at..at, taken));
    Some(Mended::line(diagnostic, words))
}
