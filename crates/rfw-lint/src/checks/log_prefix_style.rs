//! The lines of a log rule can't be told from others, or their first word runs into the next.
//!
//! **Why.** The kernel writes the prefix and, right behind it, `IN=eth0 OUT= …`. Without a prefix nobody knows which rule
//! wrote a line; one that ends in a letter or digit becomes one word with `IN=`; and where the same prefix stands before
//! packets that are accepted and before packets that are dropped, the log answers the wrong question.
//!
//! **Packet.** Any: the line reads `portscanIN=eth0 …`, and a filter for the word `portscan` misses it.
//!
//! Bad:
//! ```text
//! -A INPUT -m limit --limit 5/min -j LOG
//! ```
//! Good:
//! ```text
//! -A INPUT -m limit --limit 5/min -j LOG --log-prefix "INPUT drop: "
//! ```
//! **Suppress.** Where the program that reads the log counts on the text as it is.

use std::collections::HashMap;

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Outcome;
use crate::model::{Placed, RuleId};

/// One finding per log rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let mut known: HashMap<&[u8], (RuleId, Outcome)> = HashMap::new();
    for (id, placed) in cx.model.rules() {
        // What is never logged needs no name.
        if cx.is_reported(id) {
            continue;
        }
        let Some(prefix) = placed.facts().find_map(|facts| facts.log_prefix) else { continue };
        let report = |message: String, help: &str| {
            let found = Diagnostic::new(codes::LOG_PREFIX_STYLE, Severity::Info, placed.span, message);
            Finding::about(found.help(help), cx.model, id)
        };
        if prefix.is_empty() {
            let message = "log lines of this rule cannot be told apart";
            out.push(report(message.to_owned(), "give each log rule its own prefix ending in a blank"));
            continue;
        }
        let shown = String::from_utf8_lossy(prefix);
        if prefix.last().is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            let message = format!("the prefix `{shown}` runs into the text that follows it");
            out.push(report(message, "end it with a blank: the kernel puts `IN=` right behind"));
            continue;
        }
        let Some(fate) = fate(cx, id) else { continue };
        let (first, other) = known.entry(prefix).or_insert((id, fate.clone()));
        if *other != fate {
            let line = cx.model.rule(*first).map_or(String::new(), |rule: &Placed| cx.line(*first, rule));
            let message = format!("`{shown}` stands before packets that are {} here and {} after {line}", word(&fate), word(other));
            out.push(report(message, "give rules of different meaning different prefixes"));
        }
    }
}

/// What becomes of the logged packets, where the next rule says it for all of them.
fn fate(cx: &Cx<'_>, id: RuleId) -> Option<Outcome> {
    let (logged, next) = (cx.model.rule(id)?, cx.sibling(id, id.rule + 1)?);
    let judged = logged.conditions.is_within_but_for_limits(&next.conditions);
    let verdict = matches!(next.conditions.outcome, Outcome::Accept | Outcome::Drop);
    (judged && verdict).then(|| next.conditions.outcome.clone())
}

fn word(outcome: &Outcome) -> &'static str {
    if *outcome == Outcome::Accept { "accepted" } else { "dropped" }
}
