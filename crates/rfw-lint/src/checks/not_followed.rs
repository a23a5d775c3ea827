//! A part of a script could not be followed, so the rules it makes are not known.
//!
//! **Why.** A script is read, not run. What it takes from outside (its arguments, other files, the output of programs) is not
//! known; the rules that depend on it count as rules that may do anything, and nothing is concluded from them. The finding
//! says which commands those are and why.
//!
//! **Packet.** None: it is not known what becomes of any.
//!
//! Bad:
//! ```text
//! LAN=$(ip route | awk '/eth1/ { print $1 }')
//! iptables -A INPUT -s $LAN -j ACCEPT
//! ```
//! Good:
//! ```text
//! LAN=192.168.1.0/24
//! iptables -A INPUT -s $LAN -j ACCEPT
//! ```
//! What the script leaves behind can always be looked at: `iptables-save | rfw lint -`, or `rfw lint --live`.
//!
//! **Suppress.** Where the rest of the script is what matters.

use rfw_diagnostics::{Diagnostic, Label, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;

/// Commands that one finding names.
const NAMED: usize = 4;

/// Following the script finds it.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}

/// The finding: what, where, why (with its place), and the other commands that it is about.
pub(crate) fn found(span: Span, message: &str, why: (Span, &str), more: &[Span]) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(codes::NOT_FOLLOWED, Severity::Info, span, message)
        .help("its rules count as rules that may do anything; `iptables-save | rfw lint -` looks at what the script leaves");
    let (place, text) = why;
    if place != span {
        diagnostic = diagnostic.also(place, text);
    } else {
        diagnostic = diagnostic.label(text);
    }
    for (i, &span) in more.iter().enumerate().take(NAMED) {
        let left = more.len() - i - 1;
        let text = match (i + 1 == NAMED, left) {
            (true, left) if left > 0 => format!("and this one, and {left} more"),
            _ => "and this one".to_owned(),
        };
        diagnostic.labels.push(Label { span, text });
    }
    diagnostic
}
