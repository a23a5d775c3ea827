//! Many neighbouring rules differ only in one address or port.
//!
//! **Why.** A packet is compared with each of them in turn; a set answers for all of them with one lookup, however many they
//! are, and its elements can change without touching the rules.
//!
//! **Packet.** One that none of eight rules wants: eight comparisons, where one lookup would do.
//!
//! Bad:
//! ```text
//! -A INPUT -s 203.0.113.3 -j DROP
//! -A INPUT -s 203.0.113.9 -j DROP
//! -A INPUT -s 203.0.113.17 -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -m set --match-set blocked src -j DROP
//! ```
//! **Suppress.** Where the counter of each rule is read. Reported from eight rules on. They do the same and stand together,
//! so that their order cannot matter.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::{Cx, collapse_ports};
use crate::conditions::Key;
use crate::model::RuleId;
use crate::runs::{Run, runs};

/// Rules from which on a set is worth its name.
const ENOUGH: usize = 8;

/// One finding per run, at its first rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for run in runs(cx.model) {
        let Some(first) = cx.model.rule(run.first).filter(|_| run.len >= ENOUGH) else { continue };
        if collapse_ports::fits(cx, &run) {
            continue;
        }
        let last = RuleId { rule: run.first.rule + run.len - 1, ..run.first };
        let mut found = Diagnostic::new(
            codes::COLLAPSE_TO_SET,
            Severity::Info,
            first.span,
            format!("{} rules differ only in the {}", run.len, word(&run)),
        )
        .help("one lookup in a set replaces them: an ipset with `-m set --match-set`");
        if let Some(placed) = cx.model.rule(last) {
            found = found.also(placed.span, "the last of them");
        }
        out.push(Finding::about(found, cx.model, run.first));
    }
}

fn word(run: &Run) -> &'static str {
    match run.key {
        Key::Source => "source address",
        Key::Destination => "destination address",
        Key::SourcePort => "source port",
        _ => "port",
    }
}
