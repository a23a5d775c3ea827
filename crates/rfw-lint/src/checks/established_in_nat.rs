//! A rule of table nat asks for a state that no packet has there.
//!
//! **Why.** Only the first packet of a connection goes through the chains of nat: it is NEW or RELATED. What is done to it
//! is remembered for all that follow.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:80, NEW: not translated.
//!
//! Bad:
//! ```text
//! -A PREROUTING -p tcp --dport 80 -m conntrack --ctstate ESTABLISHED -j DNAT --to-destination 10.0.0.5
//! ```
//! Good:
//! ```text
//! -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

pub(crate) use super::by_reading as run;
use crate::conditions::{ESTABLISHED, INVALID, Key};
use crate::sets::Set;
use crate::written::Written;

/// One finding per rule.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    let never = Set::union([(INVALID, INVALID), (ESTABLISHED, ESTABLISHED)]);
    let dead = written.conditions.set(&Key::State).is_some_and(|set| set.is_within(&never));
    if written.table.name != "nat" || !dead {
        return;
    }
    let asks = |loaded: &&rfw_syntax::Loaded<'_>| {
        loaded.uses.iter().any(|used| used.option.value.starts_with("state"))
    };
    let Some(loaded) = written.loaded().find(asks) else { return };
    let Some(used) = loaded.uses.iter().find(|used| used.option.value.starts_with("state")) else { return };
    let states = used.value().map(|v| v.lossy().into_owned()).unwrap_or_default();
    let message = format!("table nat never sees {states} packets");
    let mut diagnostic = Diagnostic::new(codes::ESTABLISHED_IN_NAT, Severity::Warn, used.span(), message)
        .help("drop the state match; the translation is remembered for the whole connection");
    // `-m NAME --option VALUE` in one piece, with nothing else of that match.
    let gap = |from: u32, to: u32| written.text.get(from as usize..to as usize).unwrap_or_default();
    let before = gap(0, loaded.at.start).trim_ascii_end();
    let joined = gap(loaded.at.end, used.at.start).trim_ascii().is_empty();
    if let Some(head) = before.strip_suffix(b"-m")
        && joined
        && loaded.uses.len() == 1
    {
        let cut = Span::new(head.trim_ascii_end().len(), used.span().end as usize);
        diagnostic = diagnostic.fix(cut, "", FixSafety::Unsafe);
    }
    out.push(diagnostic);
}
