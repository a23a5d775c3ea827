//! A rule logs packets that anyone can send, as many as they send.
//!
//! **Why.** A port scan or a flood becomes as many lines in the kernel log: the disk fills, the console stalls, and what
//! matters drowns.
//!
//! **Packet.** Any stray packet from outside, ten thousand times a second.
//!
//! Bad:
//! ```text
//! -A INPUT -j LOG --log-prefix "drop: "
//! ```
//! Good:
//! ```text
//! -A INPUT -m limit --limit 5/min --limit-burst 10 -j LOG --log-prefix "drop: "
//! ```
//! **Suppress.** Where every packet must be on record and the log is rotated by size. Rules for `lo`, for what the host
//! itself sends, and for new connections from a list of sources are not reported; nor is a log rule behind a limit, in its
//! own chain or on every way into it.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, Key, Outcome, interface};
use crate::model::{RuleId, Table};

/// The chains that packets from outside enter first.
const OUTSIDE: [&[u8]; 3] = [b"PREROUTING", b"INPUT", b"FORWARD"];

/// One finding per log rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let exposed: Vec<Vec<bool>> = cx.model.tables.iter().map(exposed).collect();
    for (id, placed) in cx.model.rules() {
        let open = exposed.get(id.table).and_then(|t| t.get(id.chain)).copied().unwrap_or(false);
        let rule = &placed.conditions;
        if !rule.logs || !open || cx.is_reported(id) || is_bounded(rule) {
            continue;
        }
        if limited_before(&cx.model.tables[id.table], id) {
            continue;
        }
        let diagnostic = Diagnostic::new(
            codes::LOG_WITHOUT_LIMIT,
            Severity::Warn,
            placed.span,
            "anyone can fill the kernel log through this rule",
        )
        .help("add `-m limit --limit 5/min --limit-burst 10`");
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}

/// Whether a rule's matches keep strangers from making it match often.
fn is_bounded(rule: &Conditions) -> bool {
    let local = rule.set(&Key::Iif).is_some_and(|set| set.is_within(&interface("lo")));
    // A list of sources is a list of acquaintances; everything but a list is not.
    let half = 1u128 << 127;
    let known = rule.set(&Key::Source).is_some_and(|set| set.intervals().iter().map(|i| i.1 - i.0).sum::<u128>() < half);
    rule.is_limited() || local || (rule.judges_only_new() && known && !wide_v4(rule))
}

/// Whether the sources are more than half of all IPv4 addresses, as after `!`.
fn wide_v4(rule: &Conditions) -> bool {
    let size = |set: &crate::sets::Set| set.intervals().iter().map(|i| i.1 - i.0).sum::<u128>();
    rule.set(&Key::Source).is_some_and(|set| (1 << 31..1 << 32).contains(&size(set)))
}

/// Whether an earlier rule of the chain takes what comes too often.
fn limited_before(table: &Table, id: RuleId) -> bool {
    let Some(chain) = table.chains.get(id.chain) else { return false };
    let Some((rule, before)) = chain.rules.get(..=id.rule).and_then(|r| r.split_last()) else { return false };
    before.iter().any(|earlier| {
        let earlier = &earlier.conditions;
        let takes = matches!(earlier.outcome, Outcome::Drop | Outcome::Return | Outcome::Accept | Outcome::Goto(_));
        takes && earlier.is_limited() && rule.conditions.is_within_but_for_limits(earlier)
    })
}

/// For each chain, whether packets from outside may enter it without having passed a limit.
fn exposed(table: &Table) -> Vec<bool> {
    let mut open: Vec<usize> = (0..table.chains.len())
        .filter(|&at| table.chains[at].policy.is_some() && OUTSIDE.contains(&table.chains[at].name.as_slice()))
        .collect();
    let mut found = vec![false; table.chains.len()];
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut found[at], true) {
            continue;
        }
        let rules = table.chains[at].rules.iter().filter(|r| !is_bounded(&r.conditions));
        open.extend(rules.filter_map(|r| table.position(r.mentions.as_deref()?)));
    }
    found
}
