//! A bound per address is the wrong way round for the verdict.
//!
//! **Why.** `--hashlimit-above` and `--connlimit-above` match what is too much, `--hashlimit-upto` what is still allowed.
//! With ACCEPT on the first or DROP on the second, well-behaved clients are refused and floods pass.
//!
//! **Packet.** The first connection of a client to tcp/22: not above five a minute, so it is not accepted.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m hashlimit --hashlimit-above 5/min --hashlimit-mode srcip --hashlimit-name ssh -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m hashlimit --hashlimit-upto 5/min --hashlimit-mode srcip --hashlimit-name ssh -j ACCEPT
//! ```
//! **Suppress.** Where traffic is sorted by volume and the verdict is meant, for instance in a chain that only thins out
//! copies. A rule whose matching packets were all logged or marked on purpose just before is reported too: say so there.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_extensions::{Bound, Measure, Per, Side};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Outcome;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, placed) in cx.model.rules() {
        let bounds = placed.facts().filter(|facts| facts.list.is_none()).filter_map(|facts| facts.bound);
        let own: Vec<Bound> = bounds.filter(|bound| bound.per != Per::Rule).collect();
        let [bound] = own.as_slice() else { continue };
        let (message, help) = match (bound.side, &placed.conditions.outcome) {
            (Side::Above, Outcome::Accept) => (
                format!("only clients that have too many {} are accepted", word(bound.measure)),
                "match `upto` with ACCEPT, or `above` with DROP",
            ),
            (Side::Below, Outcome::Drop) => (
                format!("clients that have too many {} are the ones this does not drop", word(bound.measure)),
                "match `above` with DROP, or `upto` with ACCEPT",
            ),
            _ => continue,
        };
        let found = Diagnostic::new(codes::HASHLIMIT_INVERTED, Severity::Warn, placed.span, message).help(help);
        out.push(Finding::about(found, cx.model, id));
    }
}

fn word(measure: Measure) -> &'static str {
    match measure {
        Measure::Packets => "packets",
        Measure::Bytes => "bytes",
        Measure::Connections => "connections",
    }
}
