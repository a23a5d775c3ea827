//! Rules without which every packet would end as it does, and be logged, marked or counted as it is.
//!
//! Packets that a rule judges are followed from behind it, through the rest of its chain and that of its callers: a few of
//! them first, which nearly always end otherwise, and that is the answer; where they do not, all of them.

use crate::bdd::Ref;
use crate::cover::may_overlap;
use crate::engine::Engine;
use crate::program::{Action, RuleId};
use crate::runs::Step;

/// Deepest nesting that is followed.
const DEPTH: usize = 32;

/// What a packet must not come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// The rule accepts: to be dropped, or to be accepted by nobody but a policy.
    Dropped,
    /// The rule drops: to be accepted, or answered.
    Accepted,
}

impl Engine {
    /// Whether a rule that judges could be deleted without a change to any packet.
    pub(crate) fn is_redundant(&mut self, id: RuleId) -> bool {
        let Some(rule) = self.program.rule(id) else { return false };
        let wrong = match rule.action {
            Action::Accept => Wrong::Dropped,
            Action::Drop => Wrong::Accepted,
            _ => return false,
        };
        // One rule of a run is not known by itself.
        if rule.effect || rule.translation.is_some() || self.in_run(id) || self.dead(id).is_some() {
            return false;
        }
        let mut parts = self.coming(id);
        parts.push(self.matched(id));
        let Some(some) = self.bdd.common(&parts) else { return false };
        let some = self.bdd.region(&some);
        let behind = RuleId { rule: id.rule + 1, ..id };
        if self.may_end(wrong, id, behind, some, 0) {
            return false;
        }
        let judged = self.judged(id);
        !self.may_end(wrong, id, behind, judged, 0) && !self.bdd.is_over()
    }

    /// Whether packets of a rule that come to a place may end in the wrong way from there on; unsure is yes.
    fn may_end(&mut self, wrong: Wrong, of: RuleId, at: RuleId, region: Ref, depth: usize) -> bool {
        let found = &self.program.tables[at.table].chains[at.chain];
        let (base, external, last) = (found.base, found.external, found.rules.len());
        let flow = &self.tables[at.table].chains[at.chain];
        if depth > DEPTH || external || !flow.pure || !flow.live {
            return true;
        }
        let mut from = flow.step(at.rule);
        let (mut reach, mut returned) = (region, Ref::NONE);
        while let Some(step) = self.touching(at, from, reach) {
            from = step + 1;
            let rule = self.tables[at.table].chains[at.chain].steps[step].rules().start;
            let rules = &self.program.tables[at.table].chains;
            // Most rules are about other packets; single fields tell that at once.
            let other = rules[of.chain].rules.get(of.rule).zip(rules[at.chain].rules.get(rule));
            let run = matches!(self.tables[at.table].chains[at.chain].steps[step], Step::Run(_));
            if !run && other.is_some_and(|(own, next)| !may_overlap(own, next)) {
                continue;
            }
            let Some(left) = self.pass(wrong, RuleId { rule, ..at }, reach, &mut returned) else {
                return true;
            };
            reach = left;
            if reach == Ref::NONE {
                break;
            }
        }
        debug_assert!(at.rule <= last);
        returned = self.bdd.or(returned, reach);
        if returned == Ref::NONE {
            return false;
        }
        if let Some(base) = base {
            // What only a policy accepts was decided by nobody: a rule that says it is not called redundant.
            return wrong == Wrong::Dropped || base.accepts;
        }
        let callers = self.tables[at.table].callers[at.chain].clone();
        callers.into_iter().any(|(chain, rule)| {
            let caller = RuleId { chain, rule, ..at };
            let sent = self.judged(caller);
            let back = self.bdd.and(returned, sent);
            let action = self.program.rule(caller).map(|r| r.action);
            let end = self.program.tables[at.table].chains[chain].rules.len();
            let behind = if matches!(action, Some(Action::Goto(_))) { end } else { rule + 1 };
            back != Ref::NONE && self.may_end(wrong, of, RuleId { rule: behind, ..caller }, back, depth + 1)
        })
    }

    /// What a rule leaves of packets that come to it; `None` if some may end in the wrong way.
    fn pass(&mut self, wrong: Wrong, id: RuleId, reach: Ref, returned: &mut Ref) -> Option<Ref> {
        let matched = self.matched(id);
        let rule = self.program.rule(id)?;
        let (action, chance, acts) = (rule.action, rule.condition.chance, rule.effect);
        let e = self.bdd.and(reach, matched);
        let table = &self.tables[id.table];
        if e == Ref::NONE {
            return Some(reach);
        }
        // It would be logged, marked or counted where it was not.
        if acts || action.chain().is_some_and(|to| table.acts.get(to).copied().unwrap_or(true)) {
            return None;
        }
        if action == Action::Continue && table.effects.of(id.chain, id.rule).is_empty() {
            return Some(reach);
        }
        let mut goes_on = Ref::NONE;
        match action {
            Action::Accept if wrong == Wrong::Dropped => {}
            Action::Drop if wrong == Wrong::Accepted => {}
            Action::Return => *returned = self.bdd.or(*returned, e),
            Action::Jump(to) | Action::Goto(to) => {
                let callee =
                    table.chains.get(to).filter(|c| c.pure && !table.loops.contains(&(id.chain, id.rule)))?;
                let summary = callee.summary;
                let bad = match wrong {
                    Wrong::Dropped => summary.dropped,
                    Wrong::Accepted => self.bdd.or(summary.accepted, summary.rejected),
                };
                if self.bdd.and(e, bad) != Ref::NONE {
                    return None;
                }
                let back = self.bdd.and(e, summary.returned);
                match action {
                    Action::Jump(_) => goes_on = back,
                    _ => *returned = self.bdd.or(*returned, back),
                }
            }
            _ => return None,
        }
        let rest = if chance { reach } else { self.bdd.minus(reach, matched) };
        Some(self.bdd.or(rest, goes_on))
    }
}
