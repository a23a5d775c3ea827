//! Runs of rules with one verdict that differ in one field: a block list is one set.
//!
//! Which of its rules are dead is still told one by one: rule `n` of a run is dead if what is left of its set after the rules
//! before it in the run meets nothing of what comes to the run.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::condition::{Condition, Literal};
use crate::field::Key;
use crate::program::{Action, Rule};
use crate::set::Set;

/// The least length that is worth it.
const LEAST: usize = 64;

/// What is analysed at once.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Rule(usize),
    Run(Run),
}

/// Rules that are one set together.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) rules: Range<usize>,
    /// Which clause differs.
    clause: usize,
    pub(crate) key: Key,
    pub(crate) union: Set,
}

impl Step {
    pub(crate) fn rules(&self) -> Range<usize> {
        match self {
            Self::Rule(rule) => *rule..*rule + 1,
            Self::Run(run) => run.rules.clone(),
        }
    }
}

impl Run {
    /// The clauses that all rules share.
    pub(crate) fn common(&self, rules: &[Rule]) -> Vec<Vec<Literal>> {
        let mut clauses = rules[self.rules.start].condition.clauses.clone();
        clauses.remove(self.clause);
        clauses
    }

    /// What one rule of it asks of the field.
    pub(crate) fn set<'r>(&self, rule: &'r Rule) -> Option<&'r Set> {
        match rule.condition.clauses.get(self.clause)?.as_slice() {
            [Literal::In(_, set)] => Some(set),
            _ => None,
        }
    }
}

/// Cuts a chain into runs and single rules.
pub(crate) fn steps(rules: &[Rule]) -> Vec<Step> {
    let mut steps = Vec::with_capacity(rules.len());
    let mut at = 0;
    while at < rules.len() {
        let (end, clause) = run_from(rules, at);
        let key = clause.filter(|_| end - at >= LEAST).and_then(|clause| {
            let Some([Literal::In(key, _)]) = rules[at].condition.clauses.get(clause).map(Vec::as_slice)
            else {
                return None;
            };
            Some((clause, key.clone()))
        });
        let Some((clause, key)) = key else {
            // A run that is too short may hide the start of no longer one: it ended at a rule that differs.
            steps.extend((at..end.max(at + 1)).map(Step::Rule));
            at = end.max(at + 1);
            continue;
        };
        let mut run = Run { rules: at..end, clause, key, union: Set::default() };
        let sets = rules[at..end].iter().filter_map(|r| run.set(r));
        run.union = Set::union(sets.flat_map(|s| s.intervals().iter().copied()));
        steps.push(Step::Run(run));
        at = end;
    }
    steps
}

/// How far rules from `at` on differ in one clause, and which.
fn run_from(rules: &[Rule], at: usize) -> (usize, Option<usize>) {
    let first = &rules[at];
    let terminal = matches!(first.action, Action::Accept | Action::Drop | Action::Reject | Action::Return);
    if !terminal || first.condition.chance || !first.assigns.is_empty() {
        return (at + 1, None);
    }
    let mut clause = None;
    let mut end = at + 1;
    while let Some(next) = rules.get(end) {
        let alike = next.action == first.action && next.assigns.is_empty() && !next.condition.chance;
        let Some(differs) = alike.then(|| difference(&first.condition, &next.condition)).flatten() else {
            break;
        };
        match (differs, clause) {
            (None, _) => {}
            (Some(at), None) => clause = Some(at),
            (Some(at), Some(known)) if at == known => {}
            _ => break,
        }
        end += 1;
    }
    (end, clause)
}

/// The one clause in which two conditions differ, `Some(None)` if they don't; `None` if it is not that simple.
fn difference(a: &Condition, b: &Condition) -> Option<Option<usize>> {
    if a.clauses.len() != b.clauses.len() {
        return None;
    }
    let mut found = None;
    for (at, (x, y)) in a.clauses.iter().zip(&b.clauses).enumerate() {
        if x == y {
            continue;
        }
        match (x.as_slice(), y.as_slice()) {
            ([Literal::In(one, _)], [Literal::In(other, _)]) if one == other && found.is_none() => {
                found = Some(at);
            }
            _ => return None,
        }
    }
    Some(found)
}

/// Intervals that were seen so far.
#[derive(Default)]
pub(crate) struct Covered(BTreeMap<u128, u128>);

impl Covered {
    /// Adds a set; what of it is new.
    pub(crate) fn add(&mut self, set: &Set) -> Set {
        let mut new = Vec::new();
        for &(low, high) in set.intervals() {
            let before = self.0.range(..=low).next_back().map(|(&from, &to)| (from, to));
            let start = before.filter(|b| b.1 >= low).map_or(low, |b| b.0);
            let inside: Vec<(u128, u128)> =
                self.0.range(start..=high).map(|(&from, &to)| (from, to)).collect();
            let (mut next, mut end) = (Some(low), high);
            for &(from, to) in &inside {
                if let Some(at) = next.filter(|&at| at < from) {
                    new.push((at, from - 1));
                }
                next = to.checked_add(1).filter(|&n| n <= high);
                end = end.max(to);
                self.0.remove(&from);
            }
            if let Some(at) = next {
                new.push((at, high));
            }
            self.0.insert(start, end);
        }
        Set::union(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new() {
        let mut covered = Covered::default();
        assert_eq!(covered.add(&Set::range(10, 20)).intervals(), [(10, 20)]);
        assert_eq!(covered.add(&Set::range(15, 25)).intervals(), [(21, 25)]);
        assert_eq!(covered.add(&Set::range(0, 30)).intervals(), [(0, 9), (26, 30)]);
        assert!(covered.add(&Set::range(0, 30)).is_empty());
        assert_eq!(covered.add(&Set::union([(5, 6), (40, u128::MAX)])).intervals(), [(40, u128::MAX)]);
        assert!(covered.add(&Set::one(u128::MAX)).is_empty());
    }

    #[test]
    fn runs_are_cut_where_something_else_differs() {
        let rule = |from: u128, action| {
            Rule::new(
                Condition::always().with(Key::Protocol, Set::one(6)).with(Key::Source, Set::one(from)),
                action,
            )
        };
        let mut rules: Vec<Rule> = (0..100).map(|n| rule(n * 2, Action::Drop)).collect();
        rules.insert(70, rule(1, Action::Accept));
        let steps = steps(&rules);
        assert!(matches!(&steps[0], Step::Run(run) if run.rules == (0..70) && run.key == Key::Source));
        assert!(steps[1..].iter().all(|s| matches!(s, Step::Rule(_))));
        assert_eq!(steps.last().map(|s| s.rules().end), Some(101));
    }
}
