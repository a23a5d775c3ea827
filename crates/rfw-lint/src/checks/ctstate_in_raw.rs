//! A rule of table raw asks for the state of the connection.
//!
//! **Why.** raw runs before connection tracking, which is what it is for. No packet has a connection there yet, so every one
//! is INVALID: NEW and ESTABLISHED never match, and dropping INVALID drops all traffic.
//!
//! **Packet.** icmp 203.0.113.7 -> 192.0.2.10, echo-request in eth0: dropped, and so is everything else.
//!
//! Bad:
//! ```text
//! *raw
//! -A PREROUTING -m conntrack --ctstate INVALID -j DROP
//! COMMIT
//! ```
//! Good:
//! ```text
//! *mangle
//! -A PREROUTING -m conntrack --ctstate INVALID -j DROP
//! COMMIT
//! ```
//! **Suppress.** Never needed: UNTRACKED, which a rule before may have made true, is not reported.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};
use rfw_syntax::{LineKind, SaveLines};

pub(crate) use super::by_reading as run;
use crate::conditions::{INVALID, Key, interface};
use crate::sets::Set;
use crate::written::Written;

/// One finding per rule.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    if written.table.name != "raw" {
        return;
    }
    let Some(states) = written.conditions.set(&Key::State) else { return };
    let loopback = written.conditions.set(&Key::Iif).is_some_and(|set| set.is_within(&interface("lo")));
    let tracked = Set::range(INVALID, crate::conditions::NEW);
    if loopback || states.meet(&tracked).is_empty() {
        return;
    }
    let asks = written.uses().find(|used| used.option.value.starts_with("state"));
    let span = asks.map_or(written.command.at, |used| used.span());
    let help = if Set::one(INVALID).is_within(states) {
        "this rule matches all traffic. Use mangle PREROUTING for early state matches"
    } else {
        "this rule never matches. Use mangle PREROUTING for early state matches"
    };
    let message = "in table raw nothing is tracked yet: every packet has state INVALID";
    let mut diagnostic = Diagnostic::error(codes::CTSTATE_IN_RAW, span, message).help(help);
    if let Some(name) = lone_block(written.text) {
        diagnostic = diagnostic.fix(name, "mangle", FixSafety::Unsafe);
    }
    out.push(diagnostic);
}

/// The name in `*raw`, if that block holds one rule and there is none for mangle: then it is the block that is misplaced.
fn lone_block(text: &[u8]) -> Option<Span> {
    let (mut raw, mut inside, mut rules) = (None, false, 0);
    for line in SaveLines::new(text) {
        match line.kind {
            LineKind::Table(name) if &*name.text == b"mangle" => return None,
            LineKind::Table(name) => {
                inside = &*name.text == b"raw";
                if inside && raw.replace(name.span).is_some() {
                    return None;
                }
            }
            LineKind::Command { .. } if inside => rules += 1,
            _ => {}
        }
    }
    raw.filter(|_| rules == 1)
}
