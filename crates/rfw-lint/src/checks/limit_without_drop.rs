//! A rule accepts up to a rate, and what is above it is accepted as well.
//!
//! **Why.** A limit drops nothing. It decides whether its rule matches; packets above it go on to the next rule, and where
//! nothing drops them they are accepted like the others. The rule then has no effect at all.
//!
//! **Packet.** The second echo-request in a second: not matched by the rule, accepted by the policy.
//!
//! Bad:
//! ```text
//! :INPUT ACCEPT [0:0]
//! -A INPUT -p icmp --icmp-type 8 -m limit --limit 1/sec -j ACCEPT
//! ```
//! Good:
//! ```text
//! :INPUT ACCEPT [0:0]
//! -A INPUT -p icmp --icmp-type 8 -m limit --limit 1/sec -j ACCEPT
//! -A INPUT -p icmp --icmp-type 8 -j DROP
//! ```
//! **Suppress.** Where the rule is there for its counter. If some of the packets above the limit are dropped further on, nothing
//! is reported.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};
use rfw_extensions::Side;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Outcome;
use crate::model::{Placed, Policy, RuleId};
use crate::space::{Incomplete, Region};

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((filter, _)) = cx.model.table("filter") else { return };
    for (id, placed) in cx.model.rules().filter(|(id, _)| id.table == filter) {
        if is_limited_accept(placed) {
            out.extend(look(cx, id, placed).ok().flatten());
        }
    }
}

/// Whether a rule accepts so much and no more.
pub(crate) fn is_limited_accept(placed: &Placed) -> bool {
    let mut bounds = placed.facts().filter_map(|facts| facts.bound);
    placed.conditions.outcome == Outcome::Accept && bounds.any(|bound| bound.side == Side::Below)
}

/// Whether nothing of these packets may be dropped behind a rule.
pub(crate) fn all_pass(cx: &Cx<'_>, id: RuleId, judged: Region) -> Result<bool, Incomplete> {
    let space = cx.space();
    Ok(!space.is_empty(judged)? && space.is_empty(space.dropped_behind(id, judged))?)
}

fn look(cx: &Cx<'_>, id: RuleId, placed: &Placed) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    let judged = space.judged(id);
    if space.is_grouped(id) || !all_pass(cx, id, judged)? {
        return Ok(None);
    }
    let Some(packet) = space.witness(judged)? else { return Ok(None) };
    let mut found = Diagnostic::new(
        codes::LIMIT_WITHOUT_DROP,
        Severity::Warn,
        placed.span,
        format!("packets above the limit are accepted by {}", next(cx, id, judged)?),
    )
    .help(format!(
        "a limit only decides whether this rule matches; drop the same traffic right after it; accepted at any rate: {packet}"
    ));
    if let Some((line, rule)) = cx.appended(placed.span).zip(without_limit(cx, id, placed)).map(|((line, _), r)| (line, r)) {
        found = found.fix(Span { start: line.end, ..line }, format!("{rule}\n"), FixSafety::Unsafe);
    }
    Ok(Some(Finding::about(found, cx.model, id).shows(cx, &packet)))
}

/// What accepts the rest.
fn next(cx: &Cx<'_>, id: RuleId, judged: Region) -> Result<String, Incomplete> {
    let chain = &cx.model.tables[id.table].chains[id.chain];
    for (rule, placed) in chain.rules.iter().enumerate().skip(id.rule + 1) {
        let by = RuleId { rule, ..id };
        if placed.conditions.outcome == Outcome::Accept && cx.space().judges(by, judged)? {
            return Ok(cx.line(by, placed));
        }
    }
    Ok(if chain.policy == Some(Policy::Accept) { "the policy" } else { "later rules" }.to_owned())
}

/// The rule as it drops everything that it asks for but for the limit.
fn without_limit(cx: &Cx<'_>, id: RuleId, placed: &Placed) -> Option<String> {
    let limit = placed.facts().position(|facts| facts.bound.is_some())?;
    let name = placed.match_spans.get(limit)?;
    let words = cx.words(id);
    let at = words.iter().position(|word| word.span == *name)?;
    if at == 0 || !matches!(words[at - 1].text, "-m" | "--match") {
        return None;
    }
    let own = format!("--{}", words[at].text);
    let mut rule: Vec<&str> = words[..at - 1].iter().map(|word| word.text).collect();
    let mut rest = words[at + 1..].iter().peekable();
    while rest.next_if(|word| word.text.starts_with(&own)).is_some() {
        rest.next()?;
    }
    for word in rest {
        rule.push(if placed.target_span == Some(word.span) { "DROP" } else { word.text });
    }
    Some(rule.join(" "))
}
