//! A rule of the filter table says which packets it is for and not what happens to them.
//!
//! **Why.** Without `-j` a rule only counts. Often the end of the line was lost.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:22, NEW: counted, and not accepted.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** For rules that count traffic on purpose. Three and more in a row are taken for that, and so are rules
//! without any condition, those with a match that counts or remembers by itself (`quota`, `nfacct`, `recent`), and those whose
//! line says "count".

use rfw_compiler::{Body, RuleTarget};
use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_extensions::Effect;

use crate::Finding;
use crate::checks::Cx;
use crate::model::{Placed, RuleId};

/// So many in a row are accounting.
const ROW: usize = 3;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((table, found)) = cx.model.table("filter") else { return };
    for (chain, holder) in found.chains.iter().enumerate() {
        let mut at = 0;
        for row in holder.rules.chunk_by(|a, b| is_bare(a) == is_bare(b)) {
            let first = at;
            at += row.len();
            if !row.first().is_some_and(is_bare) || row.len() >= ROW {
                continue;
            }
            for (placed, rule) in row.iter().zip(first..) {
                let line = cx.source.slice(placed.span).to_ascii_lowercase();
                let counts = line.windows(5).any(|part| part == b"count");
                if counts || placed.conditions.is_catch_all() {
                    continue;
                }
                let diagnostic = Diagnostic::new(
                    codes::RULE_WITHOUT_TARGET,
                    Severity::Info,
                    placed.span,
                    "rule has no target, it only counts packets",
                )
                .help("add `-j ACCEPT` or `-j DROP`, or silence this for accounting rules");
                out.push(Finding::about(diagnostic, cx.model, RuleId { table, chain, rule }));
            }
        }
    }
}

/// Whether a rule says what it is for and nothing more.
fn is_bare(placed: &Placed) -> bool {
    let Some(Body::Rule(rule)) = &placed.body else { return false };
    let pure = rule.matches.iter().all(|part| part.facts().effect == Effect::Pure);
    rule.target == RuleTarget::Nothing && pure
}
