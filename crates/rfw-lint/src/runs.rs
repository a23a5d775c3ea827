//! Runs of neighbouring rules that do the same and differ in one field: what a set, a map or a list of ports could say in
//! one rule.
//!
//! The order within a run does not matter: each rule ends the chain for what it matches, in the same way.

use crate::conditions::{Conditions, Key, Outcome};
use crate::model::{Model, RuleId};

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Its first rule.
    pub(crate) first: RuleId,
    /// How many rules.
    pub(crate) len: usize,
    /// The field in which they differ.
    pub(crate) key: Key,
}

/// In the order in which they are tried.
const KEYS: [Key; 4] = [Key::Source, Key::Destination, Key::DestinationPort, Key::SourcePort];

/// The runs of at least two rules of a ruleset; no rule is in two.
pub(crate) fn runs(model: &Model) -> Vec<Run> {
    let mut found = Vec::new();
    for (table, t) in model.tables.iter().enumerate() {
        for (chain, c) in t.chains.iter().enumerate() {
            let rules: Vec<&Conditions> = c.rules.iter().map(|r| &r.conditions).collect();
            let mut rule = 0;
            while rule < rules.len() {
                let longest =
                    KEYS.iter().map(|key| (length(&rules[rule..], key), key)).rev().max_by_key(|x| x.0);
                let Some((len, key)) = longest.filter(|(len, _)| *len > 1) else {
                    rule += 1;
                    continue;
                };
                found.push(Run { first: RuleId { table, chain, rule }, len, key: key.clone() });
                rule += len;
            }
        }
    }
    found
}

/// How many rules at the front differ in that field alone.
fn length(rules: &[&Conditions], key: &Key) -> usize {
    let Some((first, rest)) = rules.split_first() else { return 0 };
    if !can_join(first, key) {
        return 0;
    }
    1 + rest.iter().take_while(|rule| can_join(rule, key) && first.is_same_but_for(rule, key)).count()
}

fn can_join(rule: &Conditions, key: &Key) -> bool {
    let ends = matches!(rule.outcome, Outcome::Accept | Outcome::Drop | Outcome::Return | Outcome::Goto(_));
    ends && !rule.is_limited() && rule.set(key).is_some_and(|set| set.intervals().len() == 1)
}
