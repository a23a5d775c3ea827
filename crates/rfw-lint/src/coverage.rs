//! Rules that no packet reaches because one earlier rule of their chain takes all of theirs, and why.
//!
//! A union of earlier rules is not tried here.

use std::collections::HashMap;

use crate::conditions::{Conditions, Outcome};
use crate::flow;
use crate::model::{Chain, Model, RuleId, Table};

/// Pairs of rules that are compared in one chain at most; what comes later in a longer chain is not judged.
const BUDGET: usize = 20_000_000;

/// What takes a rule's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// An earlier rule without conditions.
    CatchAll(usize),
    /// An earlier rule that asks and does the same.
    Same(usize),
    /// An earlier rule that ends the chain for more packets.
    Wider(usize),
}

/// The covered rules of a ruleset.
#[derive(Debug, Default)]
pub struct Coverage {
    covers: HashMap<RuleId, Cover>,
}

impl Coverage {
    /// Of a whole ruleset.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let mut covers = HashMap::new();
        for (table, found) in model.tables.iter().enumerate() {
            let always_end = flow::always_end(found);
            for (chain, rules) in found.chains.iter().enumerate() {
                let at = |rule| RuleId { table, chain, rule };
                covers.extend(in_chain(found, rules, &always_end).into_iter().map(|(rule, c)| (at(rule), c)));
            }
        }
        Self { covers }
    }

    /// What covers a rule.
    #[must_use]
    pub fn cover(&self, id: RuleId) -> Option<Cover> {
        self.covers.get(&id).copied()
    }
}

/// Whether a rule ends the chain for everything it matches.
fn takes(table: &Table, rule: &Conditions, always_end: &[bool]) -> bool {
    let target =
        |name: &[u8]| table.position(name).and_then(|at| always_end.get(at)).copied().unwrap_or(false);
    match &rule.outcome {
        Outcome::Accept | Outcome::Drop | Outcome::Return | Outcome::Ends | Outcome::Goto(_) => {
            !rule.is_limited()
        }
        Outcome::Jump(to) => !rule.is_limited() && target(to),
        Outcome::Continue | Outcome::Unknown => false,
    }
}

fn in_chain(table: &Table, chain: &Chain, always_end: &[bool]) -> Vec<(usize, Cover)> {
    let rules = &chain.rules;
    let rewrites: Vec<usize> = positions(rules.iter().map(|r| changes(table, &r.conditions)));
    let limited: Vec<usize> = positions(rules.iter().map(|r| !r.conditions.lists.is_empty()));
    let mut takers: Vec<usize> = Vec::new();
    let mut alike: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    let mut budget = BUDGET;
    for (at, placed) in rules.iter().enumerate() {
        let rule = &placed.conditions;
        // What takes everything is the last of those that take something.
        if let Some(&all) = takers.last().filter(|&&last| rules[last].conditions.is_catch_all()) {
            found.push((at, Cover::CatchAll(all)));
            continue;
        }
        if rule.outcome == Outcome::Unknown {
            continue;
        }
        let undisturbed = |from: usize, stable: bool| stable || !any_between(&rewrites, from, at);
        let candidates = alike.entry(rule.signature()).or_default();
        let same = candidates.iter().copied().find(|&earlier| {
            let other = &rules[earlier].conditions;
            // Lists and counters that another rule changes in between make the second ask worth it.
            let settled = other.lists.is_empty() || !any_between(&limited, earlier, at);
            rule.is_same(other) && settled && undisturbed(earlier, rule.survives_rewrites(table.name))
        });
        candidates.push(at);
        budget = budget.saturating_sub(takers.len());
        let within_budget = takers.iter().copied().filter(|_| budget > 0);
        let wider = within_budget.into_iter().find(|&earlier| {
            let other = &rules[earlier].conditions;
            rule.is_within(other) && undisturbed(earlier, other.survives_rewrites(table.name))
        });
        match (same, wider) {
            (Some(same), _) => found.push((at, Cover::Same(same))),
            (None, Some(wider)) => found.push((at, Cover::Wider(wider))),
            (None, None) if takes(table, rule, always_end) => takers.push(at),
            (None, None) => {}
        }
    }
    found
}

fn positions(flags: impl Iterator<Item = bool>) -> Vec<usize> {
    flags.enumerate().filter(|(_, flag)| *flag).map(|(at, _)| at).collect()
}

/// Whether one of the sorted positions lies strictly between two others.
fn any_between(sorted: &[usize], from: usize, to: usize) -> bool {
    let next = sorted.partition_point(|&at| at <= from);
    sorted.get(next).is_some_and(|&at| at < to)
}

/// Whether a rule, or a chain it enters, may change what later rules see.
fn changes(table: &Table, rule: &Conditions) -> bool {
    if rule.rewrites {
        return true;
    }
    let (Outcome::Jump(to) | Outcome::Goto(to)) = &rule.outcome else { return false };
    let mut open = vec![to.as_slice()];
    let mut seen = Vec::new();
    while let Some(name) = open.pop() {
        let Some(chain) = table.position(name).filter(|at| !seen.contains(at)) else { continue };
        seen.push(chain);
        for placed in &table.chains[chain].rules {
            if placed.conditions.rewrites {
                return true;
            }
            open.extend(placed.mentions.as_deref());
        }
    }
    false
}
