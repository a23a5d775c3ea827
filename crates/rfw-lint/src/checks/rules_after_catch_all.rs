//! Rules follow one that takes every packet.
//!
//! **Why.** A rule without conditions that accepts, drops, rejects or returns is the end of its chain. `-A` appends, so a
//! rule added later by hand lands behind the final DROP and never matches.
//!
//! **Packet.** A new connection to tcp/22: dropped by the catch-all, although the next line would accept it.
//!
//! Bad:
//! ```text
//! -A INPUT -j DROP
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! -A INPUT -j DROP
//! ```
//! **Suppress.** While a catch-all at the top of a chain switches the chain off for a time.

use std::collections::BTreeSet;

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Outcome;
use crate::dead::Cause;
use crate::model::{Placed, RuleId};

/// One finding per catch-all. Where only log rules follow, `log-after-verdict` says it.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let behind = cx.deaths().values().filter(|death| death.cause == Cause::CatchAll).filter_map(|d| d.by.first());
    for &by in behind.collect::<BTreeSet<_>>() {
        let id = RuleId { rule: by.rule + 1, ..by };
        let (Some(all), Some(first)) = (cx.model.rule(by), cx.model.rule(id)) else { continue };
        if only_logs(cx, id) {
            continue;
        }
        let chain = &cx.model.tables[id.table].chains[id.chain];
        let count = chain.rules.len() - id.rule;
        let rules = if count == 1 { "1 rule follows" } else { &format!("{count} rules follow") };
        let last = chain.rules.last().unwrap_or(first);
        let upto = if count == 1 { String::new() } else { format!(", up to {}", cx.line(RuleId { rule: chain.rules.len() - 1, ..id }, last)) };
        let diagnostic = Diagnostic::new(
            codes::RULES_AFTER_CATCH_ALL,
            Severity::Warn,
            all.span,
            format!("{rules} the catch-all {} on {} and can never match", word(all), cx.line(by, all)),
        )
        .also(first.span, format!("no packet gets here{upto}"))
        .help(format!(
            "`-A` adds at the end; insert above the catch-all (`-I {} {}`) or move the catch-all last",
            chain.shown(),
            by.rule + 1
        ));
        out.push(Finding::about(diagnostic, cx.model, by));
    }
}

fn word(placed: &Placed) -> String {
    match &placed.conditions.outcome {
        Outcome::Accept => "ACCEPT".to_owned(),
        Outcome::Drop => "DROP".to_owned(),
        Outcome::Return => "RETURN".to_owned(),
        Outcome::Jump(chain) | Outcome::Goto(chain) => format!("jump to {}", String::from_utf8_lossy(chain)),
        _ => "rule".to_owned(),
    }
}

/// Whether nothing but log rules stands from a rule on.
pub(crate) fn only_logs(cx: &Cx<'_>, from: RuleId) -> bool {
    let chain = cx.model.tables.get(from.table).and_then(|t| t.chains.get(from.chain));
    let rest = chain.and_then(|c| c.rules.get(from.rule..)).unwrap_or_default();
    !rest.is_empty() && rest.iter().all(|r| r.conditions.logs)
}
