//! What may become of packets from behind a rule on: through the rest of its chain, and that of its callers.

use crate::bdd::Ref;
use crate::engine::Engine;
use crate::program::{Action, RuleId};

/// Deepest nesting that is followed.
const DEPTH: usize = 32;

/// Packets that may be accepted and packets that may be dropped; where it is not known, they are in both.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) accepted: Ref,
    pub(crate) dropped: Ref,
}

impl Engine {
    /// Of packets that a rule leaves to what follows it.
    pub(crate) fn behind(&mut self, id: RuleId, region: Ref) -> Ends {
        let mut ends = Ends { accepted: Ref::NONE, dropped: Ref::NONE };
        self.end(RuleId { rule: id.rule + 1, ..id }, region, &mut ends, 0);
        ends
    }

    /// The next step of a chain, from one on, that may concern packets of a region.
    pub(crate) fn touching(&mut self, at: RuleId, from: usize, region: Ref) -> Option<usize> {
        let flow = &self.tables[at.table].chains[at.chain];
        if flow.blocks.is_empty() {
            return (from < flow.steps.len()).then_some(from);
        }
        flow.blocks.touching(&mut self.bdd, from, region)
    }

    fn either(&mut self, region: Ref, ends: &mut Ends) {
        ends.accepted = self.bdd.or(ends.accepted, region);
        ends.dropped = self.bdd.or(ends.dropped, region);
    }

    fn end(&mut self, at: RuleId, region: Ref, ends: &mut Ends, depth: usize) {
        let Some(found) = self.program.tables.get(at.table).and_then(|t| t.chains.get(at.chain)) else {
            return;
        };
        let (base, external) = (found.base, found.external);
        let flow = &self.tables[at.table].chains[at.chain];
        if depth > DEPTH || external || !flow.pure || !flow.live {
            return self.either(region, ends);
        }
        let mut from = flow.step(at.rule);
        let (mut reach, mut returned) = (region, Ref::NONE);
        while let Some(step) = self.touching(at, from, reach) {
            from = step + 1;
            let rule = self.tables[at.table].chains[at.chain].steps[step].rules().start;
            reach = self.step(RuleId { rule, ..at }, reach, &mut returned, ends);
            if reach == Ref::NONE {
                break;
            }
        }
        returned = self.bdd.or(returned, reach);
        if let Some(base) = base {
            let policy = if base.accepts { &mut ends.accepted } else { &mut ends.dropped };
            *policy = self.bdd.or(*policy, returned);
            return;
        }
        for (chain, rule) in self.tables[at.table].callers[at.chain].clone() {
            let caller = RuleId { chain, rule, ..at };
            let sent = self.judged(caller);
            let back = self.bdd.and(returned, sent);
            let goes = self.program.rule(caller).is_some_and(|r| matches!(r.action, Action::Goto(_)));
            let last = self.program.tables[at.table].chains[chain].rules.len();
            if back != Ref::NONE {
                let rule = if goes { last } else { rule + 1 };
                self.end(RuleId { rule, ..caller }, back, ends, depth + 1);
            }
        }
    }

    /// What a rule leaves of packets that come to it.
    fn step(&mut self, id: RuleId, reach: Ref, returned: &mut Ref, ends: &mut Ends) -> Ref {
        let matched = self.matched(id);
        let Some(rule) = self.program.rule(id) else { return reach };
        let (action, chance) = (rule.action, rule.condition.chance);
        let e = self.bdd.and(reach, matched);
        if e == Ref::NONE {
            return reach;
        }
        let mut goes_on = Ref::NONE;
        match action {
            Action::Continue => goes_on = e,
            Action::Accept => ends.accepted = self.bdd.or(ends.accepted, e),
            Action::Drop | Action::Reject => ends.dropped = self.bdd.or(ends.dropped, e),
            Action::Either => self.either(e, ends),
            Action::Return => *returned = self.bdd.or(*returned, e),
            Action::Jump(to) | Action::Goto(to) => {
                let table = &self.tables[id.table];
                let known =
                    table.chains.get(to).filter(|c| c.pure && !table.loops.contains(&(id.chain, id.rule)));
                let Some(summary) = known.map(|callee| callee.summary) else {
                    self.either(e, ends);
                    return reach;
                };
                let (accepted, dropped) =
                    (self.bdd.and(e, summary.accepted), self.bdd.and(e, summary.dropped));
                ends.accepted = self.bdd.or(ends.accepted, accepted);
                ends.dropped = self.bdd.or(ends.dropped, dropped);
                let back = self.bdd.and(e, summary.returned);
                match action {
                    Action::Jump(_) => goes_on = back,
                    _ => *returned = self.bdd.or(*returned, back),
                }
            }
            Action::Unknown => {
                self.either(e, ends);
                *returned = self.bdd.or(*returned, e);
                goes_on = e;
            }
        }
        let rest = if chance { reach } else { self.bdd.minus(reach, matched) };
        self.bdd.or(rest, goes_on)
    }
}
