//! Without the rule every packet would end in the same way.
//!
//! **Why.** What the rule accepts or drops is accepted or dropped by what follows anyway: by later rules, by the callers of
//! its chain, or by the policy. It costs a test per packet and a thought per reader, and hides what really decides.
//!
//! **Packet.** tcp 192.0.2.7:40000 -> 198.51.100.1:22, NEW: dropped by the rule, and by the policy without it.
//!
//! Bad:
//! ```text
//! :INPUT DROP [0:0]
//! -A INPUT -s 192.0.2.7 -j DROP
//! -A INPUT -s 198.51.100.0/24 -p tcp --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! :INPUT DROP [0:0]
//! -A INPUT -s 198.51.100.0/24 -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Where the rule says what is meant, or its counter is looked at.

use std::collections::HashSet;

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::checks::limit_without_drop::is_limited_accept;
use crate::conditions::Outcome;
use crate::dead::Cause;
use crate::model::RuleId;
use crate::space::Incomplete;

/// One finding per rule. The last rule of a base chain that takes everything says what the policy says: that is no fault.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    // What was found before the budget ran out is true.
    let _ = look(cx, out);
}

fn look(cx: &Cx<'_>, out: &mut Vec<Finding>) -> Result<(), Incomplete> {
    // Of two that are the same the later one is reported, elsewhere.
    let told = |id| cx.deaths().get(id).is_none_or(|death| death.cause == Cause::Same);
    let copied: HashSet<RuleId> =
        cx.copies().iter().filter(|(id, _)| told(*id)).map(|(_, first)| *first).collect();
    for (id, placed) in cx.model.rules() {
        let word = match placed.conditions.outcome {
            Outcome::Accept => "accepts",
            Outcome::Drop => "drops",
            _ => continue,
        };
        // A limit that limits nothing has a finding of its own.
        let limit = is_limited_accept(placed) && cx.model.tables[id.table].name == "filter";
        if limit || placed.conditions.is_catch_all() || copied.contains(&id) || !cx.space().is_redundant(id)? {
            continue;
        }
        let mut diagnostic = Diagnostic::new(
            codes::REDUNDANT_RULE,
            Severity::Info,
            placed.span,
            "removing this rule changes nothing",
        )
        .help(format!("everything it {word} is treated so by what follows anyway"));
        if let Some(line) = cx.whole_line(placed.span) {
            diagnostic = diagnostic.fix(line, "", FixSafety::Unsafe);
        }
        out.push(Finding::about(diagnostic, cx.model, id));
    }
    Ok(())
}
