//! Expressions to typed rules.
//!
//! Matches are claimed from the front, so that the user's order of `-m` survives, and nothing is claimed across an item
//! with an effect. A rule in which anything is left over is foreign as a whole.

use rfw_extensions::matches::{MATCHES, comment::Comment};
use rfw_extensions::targets::TARGETS;
use rfw_extensions::{Encoding, Match, Names, Registry, Run, Selector};
use rfw_nft::message::userdata;
use rfw_nft::predicate::{Item, Raised, raise};
use rfw_nft::{Expr, Family, Verdict};
use rfw_syntax::Dictionary;

use crate::ir::{Body, Rule, RuleTarget};
use crate::lower::{TLV_COMMENT_AT, hints, lower, spellings};

/// What a rule in the kernel is, and its counters.
#[must_use]
pub fn lift(exprs: &[Expr], tlvs: &[u8], family: Family, names: &dyn Names) -> (Body, (u64, u64)) {
    let counters = exprs.iter().rev().find_map(|e| match e {
        Expr::Counter { packets, bytes } => Some((*packets, *bytes)),
        _ => None,
    });
    let body = match lift_rule(exprs, tlvs, family, names) {
        Some(rule) => Body::Rule(rule),
        None => Body::Foreign(exprs.to_vec()),
    };
    (body, counters.unwrap_or((0, 0)))
}

/// The form in which two rules are equal if they mean the same: neighbouring tests of one extension joined, values as the
/// kernel keeps them.
#[must_use]
pub fn normal(rule: &Rule, family: Family, names: &dyn Names) -> Rule {
    let lowered = lower(rule, Encoding::Compat, family, (0, 0));
    lift_rule(&lowered.exprs, &lowered.userdata, family, names).unwrap_or_else(|| rule.clone())
}

fn lift_rule(exprs: &[Expr], tlvs: &[u8], family: Family, names: &dyn Names) -> Option<Rule> {
    let mut items = raise(exprs);
    let selector = Selector::lift(&mut items, family);
    let hints = hints(tlvs);
    let spellings = spellings(tlvs);
    let comment = userdata::comment(tlvs).map(|text| Comment { text: text.to_vec() });
    // No word can hold a NUL.
    if comment.as_ref().is_some_and(|comment| comment.text.contains(&0)) {
        return None;
    }
    let comment_at = userdata::find(tlvs, TLV_COMMENT_AT).and_then(|at| at.first().copied()).map(usize::from);
    let mut pending =
        comment.map(|comment| (comment_at.unwrap_or(usize::MAX), Match::Comment(Box::new(comment))));
    let mut run = Run::new(&items, &hints, family, selector.protocol_pair(), names).spelled(&spellings);
    let mut matches = Vec::new();
    loop {
        if pending.as_ref().is_some_and(|(at, _)| front(&items, &run).is_some_and(|front| front >= *at)) {
            matches.extend(pending.take().map(|(_, comment)| comment));
        }
        match next_match(&mut run, pending.as_ref().map(|(at, _)| *at), &items) {
            Some(found) => matches.push(found),
            None => break,
        }
    }
    matches.extend(pending.map(|(_, comment)| comment));
    if matches!(run.peek(0), Some(Item::Plain(Expr::Counter { .. }))) {
        run.take();
    }
    let target = lift_target(&mut run)?;
    run.is_empty().then_some(Rule { selector, matches, target })
}

/// The expression index of the front item.
fn front(items: &[Raised], run: &Run<'_>) -> Option<usize> {
    items.get(run.position()).map(|item| item.exprs.start)
}

/// Lifts one match. A match that would reach across the place of the comment ends there.
fn next_match(run: &mut Run<'_>, comment_at: Option<usize>, items: &[Raised]) -> Option<Match> {
    let limit = comment_at.and_then(|at| items.iter().position(|item| item.exprs.start >= at));
    run.limit(limit);
    let (start, family) = (run.position(), run.family);
    let found = MATCHES.iter().filter(|entry| entry.families.has(family)).find_map(|entry| {
        let found = (entry.lift)(run);
        if found.is_none() {
            run.rewind(start);
        }
        found
    });
    run.limit(None);
    found.filter(|_| run.position() > start)
}

/// Whether the word after `-j` is a verdict or an extension, not a chain.
fn is_target(name: &[u8], family: Family) -> bool {
    matches!(name, b"ACCEPT" | b"DROP" | b"RETURN") || Registry::new(family).find_target(name).is_some()
}

fn lift_target(run: &mut Run<'_>) -> Option<RuleTarget> {
    let Some(item) = run.peek(0) else { return Some(RuleTarget::Nothing) };
    if let Item::Plain(Expr::Verdict(verdict)) = item {
        let target = match verdict {
            Verdict::Accept => RuleTarget::Accept,
            Verdict::Drop => RuleTarget::Drop,
            Verdict::Return => RuleTarget::Return,
            Verdict::Continue => RuleTarget::Nothing,
            // After `-j`, this name is something else.
            Verdict::Jump(chain) if is_target(chain, run.family) => return None,
            Verdict::Jump(chain) => RuleTarget::Jump(chain.clone()),
            Verdict::Goto(chain) => RuleTarget::Goto(chain.clone()),
        };
        run.take();
        return Some(target);
    }
    let (start, family) = (run.position(), run.family);
    TARGETS.iter().filter(|entry| entry.families.has(family)).find_map(|entry| {
        let found = (entry.lift)(run);
        if found.is_none() {
            run.rewind(start);
        }
        found.map(RuleTarget::Extension)
    })
}
