//! A match is used that a newer one replaces, above all `-m state --state`.
//!
//! **Why.** `state` became a subset of `conntrack` in iptables 1.4.16; the kernel code is the same. `-m conntrack --ctstate`
//! also knows SNAT and DNAT, directions and expiry, so a ruleset need not mix two spellings of one thing.
//!
//! **Packet.** None is treated differently.
//!
//! Bad:
//! ```text
//! -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where the file must also load on iptables before 1.4.16.

use rfw_compiler::Body;
use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, placed) in cx.model.rules() {
        let Some(Body::Rule(rule)) = &placed.body else { continue };
        let old = rule.matches.iter().zip(&placed.match_spans).find_map(|(part, span)| {
            let instead = part.facts().superseded_by?;
            Some((part.name(), instead, *span))
        });
        let Some((name, instead, span)) = old else { continue };
        let diagnostic = Diagnostic::new(
            codes::STATE_MATCH_DEPRECATED,
            Severity::Info,
            span,
            format!("`-m {name}` is superseded by `{instead}`"),
        )
        .help("the kernel code is the same; the newer match can ask more");
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}
