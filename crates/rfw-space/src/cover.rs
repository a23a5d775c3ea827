//! Which earlier rules take the packets of a dead one: a list none of which can be left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::bdd::Ref;
use crate::engine::{Dead, Engine};
use crate::field::Key;
use crate::program::{Action, Rule, RuleId};
use crate::runs::Step;
use crate::set::Set;

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
/// Rules in lists from several chains that are tried to be left out; in longer ones a few may be more than is needed.
const THINNED: usize = 32;

/// What is to blame for a dead rule, while it is collected.
#[derive(Default)]
struct Blame {
    rules: BTreeSet<RuleId>,
    /// Callers that were looked at, and for which packets.
    seen: BTreeMap<(usize, usize), Ref>,
    visits: usize,
    excluded: bool,
}

/// Rules of one chain that take packets.
struct Taken {
    rules: Vec<RuleId>,
    /// What they leave.
    left: Ref,
}

impl Engine {
    /// The rules that cover a dead one.
    pub(crate) fn covers(&mut self, id: RuleId) -> Covers {
        let mut blame = Blame::default();
        let matched = if self.in_run(id) { self.one_of_run(id, &mut blame.rules) } else { self.matched(id) };
        self.blame(id, matched, &mut blame);
        let mut rules: Vec<RuleId> = blame.rules.into_iter().collect();
        // What its own chain takes is told even where nobody sends it.
        if self.dead(id) == Some(Dead::Elsewhere) {
            self.leave_out(id, matched, &mut rules);
        }
        Covers { excluded: blame.excluded || rules.is_empty(), rules }
    }

    /// What takes `wanted` before it comes to a rule.
    fn blame(&mut self, at: RuleId, wanted: Ref, blame: &mut Blame) {
        let all = self.takers(at, wanted);
        let flow = &self.tables[at.table].chains[at.chain];
        if all.left == Ref::NONE || blame.visits > CALLERS || !flow.live {
            blame.rules.extend(all.rules);
            return;
        }
        // Rules of this chain are to blame for what enters it, others for what does not.
        let entry = flow.entry;
        let inside = self.bdd.and(wanted, entry);
        let own = self.takers(at, inside);
        let mut left = self.bdd.minus(wanted, entry);
        for &rule in &own.rules {
            if !self.in_run(rule) {
                let takes = self.takes(rule);
                left = self.bdd.minus(left, takes);
            }
        }
        blame.rules.extend(own.rules);
        let chains = &self.program.tables[at.table].chains;
        if let Some(base) = chains[at.chain].base {
            let kind = self.program.tables[at.table].kind;
            let possible = crate::engine::at_hook(&mut self.bdd, &mut self.domain, kind, base.hook);
            blame.excluded |= !self.bdd.is_within(left, possible);
            let left = self.bdd.and(left, possible);
            if left != Ref::NONE {
                let dropped = self.dropped_before(kind, base.hook, left);
                blame.rules.extend(dropped);
            }
            return;
        }
        let mut sent = Ref::NONE;
        for caller in self.callers(at) {
            let part = self.bdd.and(left, self.matched(caller));
            sent = self.bdd.or(sent, part);
            let seen = blame.seen.entry((caller.chain, caller.rule)).or_insert(Ref::NONE);
            let new = self.bdd.minus(part, *seen);
            *seen = self.bdd.or(*seen, part);
            if new != Ref::NONE {
                blame.visits += 1;
                self.blame(caller, new, blame);
            }
        }
        blame.excluded |= !self.bdd.is_within(left, sent);
    }

    /// Rules that send packets of a hook to a chain.
    fn callers(&self, at: RuleId) -> Vec<RuleId> {
        let live = |chain: usize| self.tables[at.table].chains[chain].live;
        let callers = self.tables[at.table].callers.get(at.chain).into_iter().flatten();
        let callers = callers.filter(|(chain, _)| live(*chain));
        callers.map(|&(chain, rule)| RuleId { table: at.table, chain, rule }).collect()
    }

    /// Leaves rules out of a list from several chains as long as the others suffice.
    fn leave_out(&mut self, id: RuleId, wanted: Ref, rules: &mut Vec<RuleId>) {
        let pure = self.tables[id.table].chains[id.chain].pure;
        if !pure || rules.len() > THINNED || rules.iter().any(|&r| r.table != id.table || self.in_run(r)) {
            return;
        }
        for at in (0..rules.len()).rev() {
            let rule = rules.remove(at);
            if !self.is_covered(id, wanted, rules, &mut BTreeSet::new()) {
                rules.insert(at, rule);
            }
        }
    }

    /// Whether some rules take all of `wanted` before it comes to a rule, whichever way.
    fn is_covered(
        &mut self,
        at: RuleId,
        wanted: Ref,
        by: &[RuleId],
        seen: &mut BTreeSet<(usize, usize, Ref)>,
    ) -> bool {
        let mut left = wanted;
        for &rule in by.iter().filter(|r| r.chain == at.chain && r.rule < at.rule) {
            let takes = self.takes(rule);
            left = self.bdd.minus(left, takes);
        }
        if left == Ref::NONE || !seen.insert((at.chain, at.rule, left)) {
            return true;
        }
        if seen.len() > CALLERS || !self.tables[at.table].chains[at.chain].live {
            return false;
        }
        if let Some(base) = self.program.tables[at.table].chains[at.chain].base {
            let kind = self.program.tables[at.table].kind;
            let possible = crate::engine::at_hook(&mut self.bdd, &mut self.domain, kind, base.hook);
            return self.bdd.and(left, possible) == Ref::NONE;
        }
        self.callers(at).into_iter().all(|caller| {
            let part = self.bdd.and(left, self.matched(caller));
            part == Ref::NONE || self.is_covered(caller, part, by, seen)
        })
    }

    /// Rules before `at` in its chain that take packets of `wanted`, none too many.
    fn takers(&mut self, at: RuleId, wanted: Ref) -> Taken {
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
        let (left, mut chosen) = self.smallest(wanted, parts);
        let mut rules = Vec::new();
        for part in 0..chosen.len() {
            let (id, end, takes) = chosen[part];
            if end - id.rule == 1 {
                rules.push(id);
                continue;
            }
            let others = chosen.iter().enumerate().filter(|(other, _)| *other != part).map(|(_, c)| c.2);
            let others = others.fold(Ref::NONE, |all, other| self.bdd.or(all, other));
            let needed = self.bdd.minus(takes, others);
            chosen[part].2 = needed;
            rules.extend(self.of_run(id, needed));
        }
        Taken { rules, left }
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

    /// The rules of a run that are needed for some of what it takes.
    fn of_run(&mut self, first: RuleId, needed: Ref) -> Vec<RuleId> {
        let Some(run) = self.run_at(first.table, first.chain, first.rule) else { return vec![first] };
        let wanted = self.domain.values(&mut self.bdd, needed, &run.key);
        let rules = &self.program.tables[first.table].chains[first.chain].rules;
        let members = run.rules.clone().filter_map(|rule| Some((rule, run.set(&rules[rule])?)));
        fewest(&wanted, members).into_iter().map(|rule| RuleId { rule, ..first }).collect()
    }

    fn run_at(&self, table: usize, chain: usize, rule: usize) -> Option<crate::runs::Run> {
        let steps = &self.tables[table].chains[chain].steps;
        let at = steps.partition_point(|s| s.rules().end <= rule);
        match steps.get(at) {
            Some(Step::Run(run)) => Some(run.clone()),
            _ => None,
        }
    }

    /// What one rule of a run asks that those before it in the run don't take; adds those that are needed to the list.
    fn one_of_run(&mut self, id: RuleId, out: &mut BTreeSet<RuleId>) -> Ref {
        let Some(run) = self.run_at(id.table, id.chain, id.rule) else { return self.matched(id) };
        let rules = &self.program.tables[id.table].chains[id.chain].rules;
        let Some(own) = run.set(&rules[id.rule]).cloned() else { return self.matched(id) };
        let common = run.common(rules);
        let common = crate::flow::condition(&mut self.bdd, &mut self.domain, &common);
        let flow = &self.tables[id.table].chains[id.chain];
        let (reach, entry) = (flow.reach(run.rules.start), flow.entry);
        let mut comes = self.within(common, reach);
        if self.dead(id) == Some(Dead::Elsewhere) {
            comes = self.bdd.and(comes, entry);
        }
        // What comes to the run is taken by rules of it, the rest before.
        let wanted = self.domain.values(&mut self.bdd, comes, &run.key).meet(&own);
        let rules = &self.program.tables[id.table].chains[id.chain].rules;
        let earlier = (run.rules.start..id.rule).filter_map(|rule| Some((rule, run.set(&rules[rule])?)));
        let needed = fewest(&wanted, earlier);
        let taken = Set::union(
            needed.iter().filter_map(|&rule| run.set(&rules[rule])).flat_map(|set| set.intervals().to_vec()),
        );
        out.extend(needed.into_iter().map(|rule| RuleId { rule, ..id }));
        let left = own.meet(&taken.complement(u128::MAX));
        let left = self.domain.set(&mut self.bdd, &run.key, &left, crate::classes::Round::Out);
        self.bdd.and(common, left)
    }
}

/// Members that cover as much of a set as all do, none of which can be left out: from the left, always the one that reaches
/// furthest. One that has several intervals counts with each.
fn fewest<'s>(wanted: &Set, members: impl Iterator<Item = (usize, &'s Set)>) -> BTreeSet<usize> {
    let members = members.filter(|(_, set)| set.meets(wanted));
    let mut pieces: Vec<(u128, u128, usize)> = members
        .flat_map(|(member, set)| set.intervals().iter().map(move |&(low, high)| (low, high, member)))
        .collect();
    pieces.sort_unstable();
    let mut chosen = BTreeSet::new();
    let mut pieces = pieces.into_iter().peekable();
    let mut best: Option<(u128, usize)> = None;
    // The first point that is not covered; none behind the last there can be.
    let mut next = Some(0);
    for &(low, high) in wanted.intervals() {
        let mut at = next.map(|next| low.max(next));
        while let Some(point) = at.filter(|&point| point <= high) {
            while let Some((_, reach, member)) = pieces.next_if(|piece| piece.0 <= point) {
                if best.is_none_or(|(known, _)| reach > known) {
                    best = Some((reach, member));
                }
            }
            at = match best.filter(|(reach, _)| *reach >= point) {
                Some((reach, member)) => {
                    chosen.insert(member);
                    next = reach.checked_add(1);
                    next
                }
                // Nobody has this one: on to where the next begins.
                None => pieces.peek().map(|piece| piece.0),
            };
        }
    }
    chosen
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
