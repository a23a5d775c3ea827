//! The conditions of a rule exclude each other.
//!
//! **Why.** All conditions of a rule have to hold at once. The kernel takes a rule that no packet can satisfy without a word: a
//! range with its ends the wrong way round, flags that are compared but not looked at, two disjoint lists of states.
//!
//! **Packet.** None at all.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --tcp-flags SYN SYN,ACK -j DROP
//! -A INPUT -m iprange --src-range 10.0.0.9-10.0.0.1 -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --tcp-flags SYN,ACK SYN,ACK -j DROP
//! -A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP
//! ```
//! **Suppress.** Where a rule is switched off on purpose (`-s 0.0.0.0/32`-like idioms are no finding, `! -s 0.0.0.0/0` is).

use rfw_diagnostics::{Diagnostic, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, Key};
use crate::dead::Cause;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (&id, _) in cx.deaths().iter().filter(|(_, death)| death.cause == Cause::Unsatisfiable) {
        let Some(placed) = cx.model.rule(id) else { continue };
        let (why, help) = why(&placed.conditions);
        let diagnostic = Diagnostic::error(
            codes::UNSATISFIABLE_RULE,
            placed.span,
            format!("no packet can satisfy this rule: {why}"),
        )
        .help(help);
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}

fn why(rule: &Conditions) -> (String, &'static str) {
    let flags = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let stray = rule.masked().iter().find(|m| m.value & !m.mask != 0 && !m.inverted);
    if let Some(stray) = stray {
        let bits = stray.value & !stray.mask;
        if stray.key == Key::TcpFlags {
            let names: Vec<&str> =
                flags.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, n)| *n).collect();
            let verb = if names.len() == 1 { "is" } else { "are" };
            return (
                format!("{} {verb} compared but not in the mask", names.join(",")),
                "first list = flags to look at, second = flags that must be set",
            );
        }
        return (
            "bits are compared that the mask leaves out".to_owned(),
            "the value must lie inside its mask",
        );
    }
    let empty = rule.sets().find(|(_, set)| set.is_empty()).map(|(key, _)| key);
    let what = match empty {
        Some(Key::Source) => "no source address",
        Some(Key::Destination) => "no destination address",
        Some(Key::SourcePort) => "no source port",
        Some(Key::DestinationPort) => "no destination port",
        Some(Key::Protocol) => "no protocol",
        Some(Key::State) => "no connection state",
        Some(Key::Iif) => "no incoming interface",
        Some(Key::Oif) => "no outgoing interface",
        Some(_) => "no value of a field",
        None => return ("its conditions exclude each other".to_owned(), "split it into two rules, or drop one condition"),
    };
    (format!("{what} is left by what it asks"), "put the smaller end of a range first; two lists in one rule must overlap")
}
