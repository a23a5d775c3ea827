//! What would become of packets from a place on: chains read from their ends, in terms of the packet as it is at that place.

use std::collections::HashMap;

use crate::bdd::{Bdd, Ref};
use crate::engine::Engine;
use crate::flow::Summary;
use crate::program::{Action, RuleId};

/// Deepest nesting that is followed.
const DEPTH: usize = 32;

/// Packets that may be accepted, and packets that may be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fate {
    pub(crate) accepted: Ref,
    pub(crate) dropped: Ref,
    /// Of those that may be dropped, those whose sender may be told.
    pub(crate) rejected: Ref,
}

impl Fate {
    const NONE: Self = Self { accepted: Ref::NONE, dropped: Ref::NONE, rejected: Ref::NONE };
    const ANY: Self = Self { accepted: Ref::ALL, dropped: Ref::ALL, rejected: Ref::ALL };

    /// What a policy does.
    fn policy(accepts: bool) -> Self {
        let (accepted, dropped) = if accepts { (Ref::ALL, Ref::NONE) } else { (Ref::NONE, Ref::ALL) };
        Self { accepted, dropped, rejected: Ref::NONE }
    }

    fn of(summary: Summary) -> Self {
        Self { accepted: summary.accepted, dropped: summary.dropped, rejected: summary.rejected }
    }

    fn or(self, bdd: &mut Bdd, other: Self) -> Self {
        Self {
            accepted: bdd.or(self.accepted, other.accepted),
            dropped: bdd.or(self.dropped, other.dropped),
            rejected: bdd.or(self.rejected, other.rejected),
        }
    }

    fn within(self, bdd: &mut Bdd, region: Ref) -> Self {
        Self {
            accepted: bdd.and(self.accepted, region),
            dropped: bdd.and(self.dropped, region),
            rejected: bdd.and(self.rejected, region),
        }
    }
}

/// Fates of packets that enter chains without a summary: by chain, and by the fate of those that return.
pub(crate) type Known = HashMap<(usize, Fate), Fate>;

impl Engine {
    /// The fate of packets that enter a base chain.
    pub(crate) fn fate(&mut self, table: usize, chain: usize) -> Fate {
        let Some(flow) = self.tables.get(table).and_then(|t| t.chains.get(chain)) else { return Fate::NONE };
        if flow.pure {
            return Fate::of(flow.summary);
        }
        let mut known = self.fates.remove(&table).unwrap_or_default();
        let accepts = self.program.tables[table].chains[chain].base.is_none_or(|b| b.accepts);
        let fate = self.before(table, chain, Fate::policy(accepts), &mut known, 0);
        self.fates.insert(table, known);
        fate
    }

    /// The fate of packets that enter a chain, if those that return have a fate already.
    fn before(
        &mut self,
        table: usize,
        chain: usize,
        returned: Fate,
        known: &mut Known,
        depth: usize,
    ) -> Fate {
        let flow = &self.tables[table].chains[chain];
        if flow.pure {
            let summary = flow.summary;
            let own = Fate::of(summary);
            let rest = returned.within(&mut self.bdd, summary.returned);
            return own.or(&mut self.bdd, rest);
        }
        if let Some(&fate) = known.get(&(chain, returned)) {
            return fate;
        }
        if depth > DEPTH || self.bdd.is_over() {
            return Fate::ANY;
        }
        let external = self.program.tables[table].chains[chain].external;
        let mut here = returned;
        let last = self.program.tables[table].chains[chain].rules.len();
        for rule in (0..last).rev() {
            here = self.before_rule(RuleId { table, chain, rule }, here, returned, known, depth);
        }
        if external {
            let open = Fate::policy(true);
            here = here.or(&mut self.bdd, open).or(&mut self.bdd, returned);
        }
        known.insert((chain, returned), here);
        here
    }

    fn before_rule(
        &mut self,
        id: RuleId,
        next: Fate,
        returned: Fate,
        known: &mut Known,
        depth: usize,
    ) -> Fate {
        let (matched, table) = (self.matched(id), id.table);
        let Some(rule) = self.program.rule(id) else { return next };
        let (action, chance) = (rule.action, rule.condition.chance);
        let changes = self.tables[table].effects.of(id.chain, id.rule).to_vec();
        if matched == Ref::NONE || action == Action::Continue && changes.is_empty() {
            return next;
        }
        let closed = self.tables[table].loops.contains(&(id.chain, id.rule));
        let chains = self.tables[table].chains.len();
        let mut target = match action {
            Action::Continue => next,
            Action::Accept => Fate::policy(true),
            Action::Drop => Fate::policy(false),
            Action::Reject => Fate { rejected: Ref::ALL, ..Fate::policy(false) },
            Action::Return => returned,
            Action::Either | Action::Unknown => Fate::ANY,
            Action::Jump(to) | Action::Goto(to) if closed || to >= chains => Fate::ANY,
            Action::Jump(to) => self.before(table, to, next, known, depth + 1),
            Action::Goto(to) => self.before(table, to, returned, known, depth + 1),
        };
        for change in changes.iter().rev() {
            target.accepted = change.before(&mut self.bdd, target.accepted);
            target.dropped = change.before(&mut self.bdd, target.dropped);
            target.rejected = change.before(&mut self.bdd, target.rejected);
        }
        let hit = target.within(&mut self.bdd, matched);
        let missed = if chance { next } else { next.within(&mut self.bdd, Bdd::not(matched)) };
        hit.or(&mut self.bdd, missed)
    }

    /// Whether a rule is analysed together with others that differ from it in one field.
    pub(crate) fn in_run(&self, id: RuleId) -> bool {
        let steps = self.tables.get(id.table).and_then(|t| t.chains.get(id.chain)).map(|c| &c.steps);
        steps.is_some_and(|steps| {
            let at = steps.partition_point(|s| s.rules().end <= id.rule);
            matches!(steps.get(at), Some(crate::runs::Step::Run(_)))
        })
    }
}
