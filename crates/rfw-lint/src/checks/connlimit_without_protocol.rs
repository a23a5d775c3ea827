//! A bound on connections counts those of all protocols together.
//!
//! **Why.** Without `-p` every tracked flow of an address is a connection: a lookup in the DNS and a ping count like a
//! session of SSH. A client behind NAT or with a busy resolver reaches the bound without doing anything odd.
//!
//! **Packet.** A new connection to tcp/22 from a client that has twenty lookups open: dropped.
//!
//! Bad:
//! ```text
//! -A INPUT -m connlimit --connlimit-above 20 -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --syn -m connlimit --connlimit-above 20 -j DROP
//! ```
//! **Suppress.** Where the sum of all flows is what must be bounded.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_extensions::Measure;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Key;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, placed) in cx.model.rules() {
        let mut bounds = placed.facts().filter_map(|facts| facts.bound);
        let counts = bounds.any(|bound| bound.measure == Measure::Connections);
        let rule = &placed.conditions;
        let narrowed = [Key::Protocol, Key::SourcePort, Key::DestinationPort].iter().any(|key| rule.set(key).is_some());
        if !counts || narrowed {
            continue;
        }
        let found = Diagnostic::new(
            codes::CONNLIMIT_WITHOUT_PROTOCOL,
            Severity::Info,
            placed.span,
            "the connections of all protocols are counted together",
        )
        .help("a client with many DNS lookups is cut off from everything else; add `-p tcp --syn` and a port");
        out.push(Finding::about(found, cx.model, id));
    }
}
