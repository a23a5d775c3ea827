//! Which earlier rules take the packets of a dead one: a list none of which can be left out.

use std::collections::BTreeSet;

use crate::bdd::Ref;
use crate::engine::Engine;
use crate::field::Key;
use crate::program::{Action, Rule, RuleId};
use crate::runs::Step;

/// The rules that take the packets of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covers {
    /// In the order of the ruleset. No rule of it can be left out; there may be a shorter list all the same.
    pub rules: Vec<RuleId>,
    /// Some packets don't come because no rule sends them to the chain, or to its hook.
    pub excluded: bool,
}

/// Callers that are looked at for one rule.
const CALLERS: usize = 64;

impl Engine {
    /// The rules that cover a dead one.
    pub(crate) fn covers(&mut self, id: RuleId) -> Covers {
        let mut found = Covers::default();
        let mut rules = BTreeSet::new();
        let matched = if self.in_run(id) { self.one_of_run(id, &mut rules) } else { self.matched(id) };
        let mut seen = BTreeSet::new();
        self.blame(id, matched, &mut rules, &mut seen, &mut found.excluded);
        found.rules = rules.into_iter().collect();
        found
    }

    /// What takes `wanted` before it comes to a rule.
    fn blame(
        &mut self,
        at: RuleId,
        wanted: Ref,
        out: &mut BTreeSet<RuleId>,
        seen: &mut BTreeSet<(usize, usize)>,
        excluded: &mut bool,
    ) {
        let (left, taken) = self.takers(at, wanted);
        let flow = &self.tables[at.table].chains[at.chain];
        if left == Ref::NONE || seen.len() > CALLERS || !flow.live {
            out.extend(taken);
            return;
        }
        // Rules of this chain are to blame for what enters it, others for what does not.
        let entry = flow.entry;
        let inside = self.bdd.and(wanted, entry);
        out.extend(self.takers(at, inside).1);
        let left = self.bdd.minus(wanted, entry);
        let chains = &self.program.tables[at.table].chains;
        if let Some(base) = chains[at.chain].base {
            let kind = self.program.tables[at.table].kind;
            let possible = crate::engine::at_hook(&mut self.bdd, &mut self.domain, kind, base.hook);
            *excluded |= !self.bdd.is_within(left, possible);
            let left = self.bdd.and(left, possible);
            if left != Ref::NONE {
                out.extend(self.dropped_before(kind, base.hook, left));
            }
            return;
        }
        let callers = self.tables[at.table].callers.get(at.chain).cloned().unwrap_or_default();
        let callers = callers.into_iter().map(|(chain, rule)| RuleId { table: at.table, chain, rule });
        let mut sent = Ref::NONE;
        for caller in callers {
            let part = self.bdd.and(left, self.matched(caller));
            sent = self.bdd.or(sent, part);
            if part != Ref::NONE && seen.insert((caller.chain, caller.rule)) {
                self.blame(caller, part, out, seen, excluded);
            }
        }
        *excluded |= !self.bdd.is_within(left, sent);
    }

    /// Rules before `at` in its chain that take packets of `wanted`, and what they leave.
    fn takers(&mut self, at: RuleId, wanted: Ref) -> (Ref, Vec<RuleId>) {
        let chain = &self.program.tables[at.table].chains[at.chain];
        let rule = &chain.rules[at.rule];
        let steps = self.tables[at.table].chains[at.chain].steps.clone();
        let near = |step: &&Step| step.rules().end <= at.rule;
        let candidates: Vec<(usize, usize)> = steps
            .iter()
            .take_while(near)
            .filter(|step| matches!(step, Step::Run(_)) || may_meet(rule, &chain.rules[step.rules().start]))
            .map(|step| (step.rules().start, step.rules().end))
            .collect();
        let mut parts = Vec::new();
        for (start, end) in candidates {
            let id = RuleId { rule: start, ..at };
            parts.push((id, end, self.takes(id)));
        }
        let (left, chosen) = self.smallest(wanted, parts);
        let rules = chosen.into_iter().flat_map(|(id, end, ..)| {
            let rules = if end - id.rule == 1 { vec![id.rule] } else { self.of_run(at, id.rule, end) };
            rules.into_iter().map(move |rule| RuleId { rule, ..id })
        });
        (left, rules.collect())
    }

    /// Parts that together take as much of a region as all do, none of which can be left out; and what they leave.
    pub(crate) fn smallest<T>(
        &mut self,
        wanted: Ref,
        parts: Vec<(RuleId, T, Ref)>,
    ) -> (Ref, Vec<(RuleId, T, Ref)>) {
        let mut sized = Vec::new();
        for (id, tag, takes) in parts {
            let part = self.bdd.and(wanted, takes);
            if part != Ref::NONE {
                sized.push((self.bdd.share(part), (id, tag, part)));
            }
        }
        // Largest first, the earlier of two equal ones; a stable sort.
        sized.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut left = wanted;
        let mut chosen = Vec::new();
        for (_, part) in sized {
            if left == Ref::NONE {
                break;
            }
            let rest = self.bdd.minus(left, part.2);
            if rest != left {
                chosen.push(part);
                left = rest;
            }
        }
        self.thin_out(wanted, left, &mut chosen);
        (left, chosen)
    }

    /// Leaves out what the others cover too, the smallest first.
    fn thin_out<T>(&mut self, wanted: Ref, left: Ref, chosen: &mut Vec<(RuleId, T, Ref)>) {
        for at in (0..chosen.len()).rev() {
            let others = chosen.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, c)| c.2);
            let union = others.fold(Ref::NONE, |all, part| self.bdd.or(all, part));
            let rest = self.bdd.minus(wanted, union);
            if rest == left {
                chosen.remove(at);
            }
        }
    }

    /// The rules of a run that ask for some of what `at` asks for in the field in which they differ.
    fn of_run(&self, at: RuleId, start: usize, end: usize) -> Vec<usize> {
        let rules = &self.program.tables[at.table].chains[at.chain].rules;
        let Some(run) = self.run_at(at.table, at.chain, start) else { return vec![start] };
        let wanted = rules[at.rule].condition.sets().find(|(key, _)| **key == run.key).map(|(_, set)| set);
        let meets = |rule: &usize| match (wanted, run.set(&rules[*rule])) {
            (Some(wanted), Some(set)) => wanted.meets(set),
            _ => true,
        };
        (start..end).filter(meets).collect()
    }

    fn run_at(&self, table: usize, chain: usize, rule: usize) -> Option<crate::runs::Run> {
        let steps = &self.tables[table].chains[chain].steps;
        let at = steps.partition_point(|s| s.rules().end <= rule);
        match steps.get(at) {
            Some(Step::Run(run)) => Some(run.clone()),
            _ => None,
        }
    }

    /// What one rule of a run asks that those before it in the run don't take; adds those to the list.
    fn one_of_run(&mut self, id: RuleId, out: &mut BTreeSet<RuleId>) -> Ref {
        let Some(run) = self.run_at(id.table, id.chain, id.rule) else { return self.matched(id) };
        let rules = &self.program.tables[id.table].chains[id.chain].rules;
        let Some(own) = run.set(&rules[id.rule]).cloned() else { return self.matched(id) };
        let mut left = own;
        for (rule, earlier) in rules.iter().enumerate().take(id.rule).skip(run.rules.start) {
            if left.is_empty() {
                break;
            }
            let Some(set) = run.set(earlier).filter(|set| set.meets(&left)) else { continue };
            left = left.meet(&set.complement(u128::MAX));
            out.insert(RuleId { rule, ..id });
        }
        let common = run.common(rules);
        let common = crate::flow::condition(&mut self.bdd, &mut self.domain, &common);
        let left = self.domain.set(&mut self.bdd, &run.key, &left, crate::classes::Round::Out);
        self.bdd.and(common, left)
    }
}

/// Whether an earlier rule may take packets that another matches, as far as single fields tell.
fn may_meet(rule: &Rule, earlier: &Rule) -> bool {
    let takes = !matches!(earlier.action, Action::Continue | Action::Unknown);
    takes && !earlier.condition.chance && may_overlap(rule, earlier)
}

/// Whether two rules may match the same packet, as far as single fields tell.
pub(crate) fn may_overlap(a: &Rule, b: &Rule) -> bool {
    let disjoint = |key: &Key, set: &crate::Set| {
        key.is_stable() && a.condition.sets().any(|(k, s)| k == key && !s.meets(set))
    };
    !b.condition.sets().any(|(key, set)| disjoint(key, set))
}
