//! The analysis of packets stopped at its budget.
//!
//! **Why.** Which rules can never match, what may be accepted and what must be dropped is worked out exactly. On rulesets made
//! to be hard, or with a small `--analysis-budget`, that ends before it is finished; the checks that build on it then say less.
//! What they said before is true.
//!
//! **Packet.** None.
//!
//! Bad:
//! ```text
//! rfw lint --analysis-budget 1ms rules.v4
//! ```
//! Good:
//! ```text
//! rfw lint --analysis-budget 5min rules.v4
//! ```
//! **Suppress.** With a larger budget, not with a comment.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;

/// Nothing: it is known only when all others have asked.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}

/// One finding per ruleset.
pub(crate) fn finish(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    if !cx.space_if_made().is_some_and(crate::space::Space::is_incomplete) {
        return;
    }
    let diagnostic = Diagnostic::new(
        codes::ANALYSIS_INCOMPLETE,
        Severity::Warn,
        cx.start(),
        "analysis incomplete: the budget ended before all packets were looked at",
    )
    .help("checks of reachability say less than they could; give more with `--analysis-budget`");
    out.push(Finding::new(diagnostic));
}
