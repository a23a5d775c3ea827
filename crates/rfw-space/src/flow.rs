//! What chains do with packets: summaries from the callees up, entries from the callers down, no chain inlined.
//!
//! A rule that chance decides never takes a packet for sure, and may take it: the sets of what may be accepted, may be dropped
//! and may return are kept apart, so that "must be accepted" is "may not be dropped". That is more than a variable per rule
//! could say, for a chain that is called twice asks twice.
//!
//! Where a chain changes what later rules of the same traversal read, it has no summary: it is followed once per set of packets
//! that enters it. Assignments that nobody reads, of which there are far more, cost nothing.

use std::collections::{HashMap, HashSet};

use crate::bdd::{Bdd, Ref};
use crate::blocks::{Block, Blocks, LEAST};
use crate::domain::{Domain, MAX_ATOMS};
use crate::effects::{Change, Effects};
use crate::program::{Action, Chain, Hook, Program};
use crate::runs::Step;

/// Deepest nesting that is followed where a chain has no summary; the kernel's own bound is 16 (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 32;
/// Times that chains without a summary are followed in all, before their effects are forgotten instead.
const FOLLOWED: usize = 20_000;

/// What may become of packets that enter a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) accepted: Ref,
    pub(crate) dropped: Ref,
    /// Of what is dropped, what may be rejected.
    pub(crate) rejected: Ref,
    /// Of a base chain: what its policy judges.
    pub(crate) returned: Ref,
}

impl Summary {
    pub(crate) const NOTHING: Self =
        Self { accepted: Ref::NONE, dropped: Ref::NONE, rejected: Ref::NONE, returned: Ref::NONE };

    /// Anything may happen to these.
    fn anything(e: Ref) -> Self {
        Self { accepted: e, dropped: e, rejected: e, returned: e }
    }
}

/// What is known of one chain.
#[derive(Clone, Debug)]
pub(crate) struct ChainFlow {
    pub(crate) steps: Vec<Step>,
    /// What each rule matches; rules of a run have that of the run.
    pub(crate) matches: Vec<Ref>,
    /// What comes to each rule: of everything, or of what enters if the chain has no summary. Empty if there are blocks.
    reach: Vec<Ref>,
    /// Of a long chain that has a summary.
    pub(crate) blocks: Blocks,
    /// What enters it.
    pub(crate) entry: Ref,
    pub(crate) summary: Summary,
    /// Whether [`ChainFlow::summary`] holds for any set of packets.
    pub(crate) pure: bool,
    /// A hook leads here. What does not is judged as if any packet could enter it, and sends none to what does.
    pub(crate) live: bool,
}

impl ChainFlow {
    /// Which step a rule is in.
    pub(crate) fn step(&self, rule: usize) -> usize {
        self.steps.partition_point(|step| step.rules().end <= rule)
    }

    /// What comes to a rule, of everything or of what enters: what is in all of these.
    pub(crate) fn reach(&self, rule: usize) -> Vec<Ref> {
        if self.blocks.is_empty() || rule >= self.matches.len() {
            return vec![self.reach.get(rule).copied().unwrap_or(Ref::NONE)];
        }
        self.blocks.left(self.step(rule))
    }
}

/// What is known of one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableFlow {
    pub(crate) chains: Vec<ChainFlow>,
    /// Callees before callers.
    pub(crate) order: Vec<usize>,
    /// Rules that lead back to a chain that led to them: chain and rule.
    pub(crate) loops: HashSet<(usize, usize)>,
    pub(crate) effects: Effects,
    /// For each chain the rules that lead there: chain and rule.
    pub(crate) callers: Vec<Vec<(usize, usize)>>,
    /// For each chain whether a rule of it, or below it, does anything besides judging.
    pub(crate) acts: Vec<bool>,
}

/// Follows packets through one table.
pub(crate) struct Walker<'e> {
    pub(crate) bdd: &'e mut Bdd,
    pub(crate) domain: &'e mut Domain,
    pub(crate) chains: &'e [Chain],
    pub(crate) flow: TableFlow,
    seen: HashMap<(usize, Ref), Summary>,
    followed: usize,
    /// While packets are followed and not summaries made: whether they come from a hook.
    following: Option<bool>,
}

/// Every chain with its callees before it, and the rules that close a circle.
pub(crate) fn order(chains: &[Chain]) -> (Vec<usize>, HashSet<(usize, usize)>) {
    let (mut done, mut open) = (vec![false; chains.len()], vec![false; chains.len()]);
    let (mut order, mut loops) = (Vec::with_capacity(chains.len()), HashSet::new());
    for root in 0..chains.len() {
        let mut stack = vec![(root, 0)];
        if done[root] {
            continue;
        }
        open[root] = true;
        while let Some((chain, rule)) = stack.last_mut() {
            let Some(next) = chains[*chain].rules.get(*rule) else {
                (done[*chain], open[*chain]) = (true, false);
                order.push(*chain);
                stack.pop();
                continue;
            };
            *rule += 1;
            match next.action.chain().filter(|&to| to < chains.len()) {
                Some(to) if open[to] => {
                    loops.insert((*chain, *rule - 1));
                }
                Some(to) if !done[to] => {
                    open[to] = true;
                    stack.push((to, 0));
                }
                _ => {}
            }
        }
    }
    (order, loops)
}

/// The chains that some chains lead to, and they themselves.
pub(crate) fn reached(chains: &[Chain], from: impl IntoIterator<Item = usize>) -> Vec<bool> {
    let mut reached = vec![false; chains.len()];
    let mut open: Vec<usize> = from.into_iter().filter(|&at| at < chains.len()).collect();
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut reached[at], true) {
            let to = chains[at].rules.iter().filter_map(|r| r.action.chain());
            open.extend(to.filter(|&to| to < chains.len()));
        }
    }
    reached
}

impl<'e> Walker<'e> {
    /// Prepares a table: what its rules match, and its order.
    pub(crate) fn new(
        bdd: &'e mut Bdd,
        domain: &'e mut Domain,
        program: &'e Program,
        table: usize,
        steps: Vec<Vec<Step>>,
    ) -> Self {
        let chains = program.tables.get(table).map(|t| t.chains.as_slice()).unwrap_or_default();
        let (order, loops) = order(chains);
        let effects = Effects::new(domain, chains, &order);
        let live = reached(chains, (0..chains.len()).filter(|&at| chains[at].base.is_some()));
        let flows = chains.iter().enumerate().zip(steps).map(|((at, chain), steps)| ChainFlow {
            matches: Vec::new(),
            reach: vec![Ref::NONE; chain.rules.len()],
            blocks: Blocks::default(),
            entry: Ref::NONE,
            summary: Summary::NOTHING,
            pure: effects.is_pure(at),
            live: live[at],
            steps,
        });
        let mut callers = vec![Vec::new(); chains.len()];
        for (at, chain) in chains.iter().enumerate() {
            for (rule, r) in chain.rules.iter().enumerate() {
                if let Some(known) = r.action.chain().and_then(|to| callers.get_mut(to)) {
                    known.push((at, rule));
                }
            }
        }
        let mut acts = vec![false; chains.len()];
        for &chain in &order {
            let below = |to: Option<usize>| to.and_then(|to| acts.get(to)).copied().unwrap_or(false);
            acts[chain] = chains[chain].rules.iter().any(|r| r.effect || below(r.action.chain()));
        }
        let flow = TableFlow { chains: flows.collect(), order, loops, effects, callers, acts };
        let mut walker =
            Self { bdd, domain, chains, flow, seen: HashMap::new(), followed: 0, following: None };
        for chain in 0..chains.len() {
            walker.flow.chains[chain].matches = walker.matches(chain);
        }
        walker
    }

    fn matches(&mut self, chain: usize) -> Vec<Ref> {
        let rules = &self.chains[chain].rules;
        let mut out = vec![Ref::NONE; rules.len()];
        for step in self.flow.chains[chain].steps.clone() {
            let matched = match &step {
                Step::Rule(rule) => condition(self.bdd, self.domain, &rules[*rule].condition.clauses),
                Step::Run(run) => {
                    let common = run.common(rules);
                    let common = condition(self.bdd, self.domain, &common);
                    let union = self.domain.set(self.bdd, &run.key, &run.union, crate::classes::Round::Out);
                    self.bdd.and(common, union)
                }
            };
            out[step.rules()].fill(matched);
        }
        out
    }

    /// Summaries of all chains that have one, then entries; `entry` says what a hook lets in. Nothing leaves yet: POSTROUTING
    /// comes last, see [`Walker::leave`].
    pub(crate) fn run(mut self, entry: &dyn Fn(Hook) -> Ref) -> TableFlow {
        let order = self.flow.order.clone();
        for &chain in &order {
            if self.flow.chains[chain].pure {
                let summary = self.walk(chain, Ref::ALL, 0);
                self.flow.chains[chain].summary = summary;
            }
        }
        for at in 0..self.chains.len() {
            if let Some(base) = self.chains[at].base {
                self.flow.chains[at].entry = entry(base.hook);
            } else if !self.flow.chains[at].live {
                self.flow.chains[at].entry = Ref::ALL;
            }
        }
        // Hooks first: what was followed once is not followed again.
        let (live, unused): (Vec<usize>, Vec<usize>) =
            order.iter().rev().partition(|&&c| self.flow.chains[c].live);
        for at in live.into_iter().chain(unused) {
            let found = &self.flow.chains[at];
            let root = self.chains[at].base.is_some() || !found.live;
            if root && !found.pure {
                self.following = Some(found.live);
                self.flow.chains[at].summary = self.walk(at, self.flow.chains[at].entry, 0);
            }
        }
        for &at in order.iter().rev() {
            if self.flow.chains[at].pure && self.flow.chains[at].live {
                self.pass_on(at);
            }
        }
        self.flow
    }

    /// Goes on with a table for what comes to its base chain at POSTROUTING.
    pub(crate) fn leave(
        bdd: &'e mut Bdd,
        domain: &'e mut Domain,
        chains: &'e [Chain],
        flow: TableFlow,
        base: usize,
        entry: Ref,
    ) -> TableFlow {
        let seen = HashMap::new();
        let mut walker = Self { bdd, domain, chains, flow, seen, followed: 0, following: Some(true) };
        walker.flow.chains[base].entry = entry;
        if !walker.flow.chains[base].pure {
            walker.flow.chains[base].summary = walker.walk(base, entry, 0);
        }
        let reached = reached(chains, [base]);
        let order = walker.flow.order.clone();
        for &at in order.iter().rev().filter(|&&at| reached[at]) {
            if walker.flow.chains[at].pure {
                walker.pass_on(at);
            }
        }
        walker.flow
    }

    /// Adds what a chain's rules send to other chains to their entries.
    fn pass_on(&mut self, chain: usize) {
        let entry = self.flow.chains[chain].entry;
        if entry == Ref::NONE {
            return;
        }
        let rules = &self.chains[chain].rules;
        for (at, rule) in rules.iter().enumerate() {
            let Some(to) = rule.action.chain().filter(|&to| to < self.chains.len()) else { continue };
            let found = &self.flow.chains[chain];
            let (matched, reach) = (found.matches[at], found.reach(at));
            let sent = reach.into_iter().fold(matched, |all, left| self.bdd.and(all, left));
            let sent = self.bdd.and(sent, entry);
            self.enter(to, sent);
        }
    }

    fn enter(&mut self, chain: usize, e: Ref) {
        let have = self.flow.chains[chain].entry;
        self.flow.chains[chain].entry = self.bdd.or(have, e);
    }

    fn walk(&mut self, chain: usize, entry: Ref, depth: usize) -> Summary {
        let pure = self.flow.chains[chain].pure;
        if !pure {
            if let Some(&known) = self.seen.get(&(chain, entry)) {
                return known;
            }
            self.followed += 1;
            if depth > DEPTH || self.followed > FOLLOWED || self.bdd.is_over() {
                return Summary::anything(Ref::ALL);
            }
            if self.recorded(chain) {
                self.enter(chain, entry);
            }
        }
        let (mut out, reach) = if pure && self.flow.chains[chain].steps.len() >= LEAST {
            self.blocks(chain, depth)
        } else {
            self.steps(chain, entry, depth)
        };
        out.returned = self.bdd.or(out.returned, reach);
        if self.chains[chain].external {
            out.accepted = self.bdd.or(out.accepted, entry);
            out.returned = self.bdd.or(out.returned, entry);
        }
        if let Some(base) = self.chains[chain].base {
            let judged = if base.accepts { &mut out.accepted } else { &mut out.dropped };
            *judged = self.bdd.or(*judged, out.returned);
        }
        if !pure {
            self.seen.insert((chain, entry), out);
        }
        out
    }

    /// The same of a long chain, of everything that may enter it.
    fn blocks(&mut self, chain: usize, depth: usize) -> (Summary, Ref) {
        let count = self.flow.chains[chain].steps.len();
        let blocks = (0..count).map(|step| {
            let rule = self.flow.chains[chain].steps[step].rules().start;
            let mut summary = Summary::NOTHING;
            let left = self.step(chain, rule, Ref::ALL, &mut summary, depth);
            let found = &self.chains[chain].rules[rule];
            let idle = found.action == Action::Continue && !found.effect;
            let touched = if idle { Ref::NONE } else { self.flow.chains[chain].matches[rule] };
            Block { summary, left, touched }
        });
        let blocks: Vec<Block> = blocks.collect();
        let blocks = Blocks::new(self.bdd, blocks);
        let all = blocks.all(self.bdd, count);
        let flow = &mut self.flow.chains[chain];
        (flow.blocks, flow.reach) = (blocks, Vec::new());
        all
    }

    /// What the steps of a chain do with what enters it, one by one, and what they leave.
    fn steps(&mut self, chain: usize, entry: Ref, depth: usize) -> (Summary, Ref) {
        let pure = self.flow.chains[chain].pure;
        let mut out = Summary::NOTHING;
        let mut reach = entry;
        let count = self.flow.chains[chain].steps.len();
        for step in 0..count {
            let rules = self.flow.chains[chain].steps[step].rules();
            for rule in rules.clone() {
                if pure {
                    self.flow.chains[chain].reach[rule] = reach;
                } else if self.recorded(chain) {
                    let have = self.flow.chains[chain].reach[rule];
                    self.flow.chains[chain].reach[rule] = self.bdd.or(have, reach);
                }
            }
            reach = self.step(chain, rules.start, reach, &mut out, depth);
        }
        (out, reach)
    }

    /// One rule, or a run of rules that do the same: what comes to the next.
    fn step(&mut self, chain: usize, at: usize, reach: Ref, out: &mut Summary, depth: usize) -> Ref {
        let chains = self.chains;
        let Some(rule) = chains[chain].rules.get(at) else { return reach };
        let matched = self.flow.chains[chain].matches[at];
        let changes: Vec<Change> = self.flow.effects.of(chain, at).to_vec();
        if rule.action == Action::Continue && changes.is_empty() {
            return reach;
        }
        let mut e = self.bdd.and(reach, matched);
        if e == Ref::NONE {
            return reach;
        }
        for change in &changes {
            e = change.after(self.bdd, e);
        }
        let mut goes_on = Ref::NONE;
        match rule.action {
            Action::Continue => goes_on = e,
            Action::Accept => out.accepted = self.bdd.or(out.accepted, e),
            Action::Drop => out.dropped = self.bdd.or(out.dropped, e),
            Action::Reject => {
                out.dropped = self.bdd.or(out.dropped, e);
                out.rejected = self.bdd.or(out.rejected, e);
            }
            Action::Return => out.returned = self.bdd.or(out.returned, e),
            Action::Either => self.add(out, Summary { returned: Ref::NONE, ..Summary::anything(e) }),
            Action::Unknown => {
                self.add(out, Summary::anything(e));
                goes_on = e;
            }
            Action::Jump(to) | Action::Goto(to) => {
                let inside = if self.flow.loops.contains(&(chain, at)) || to >= chains.len() {
                    Summary::anything(e)
                } else {
                    self.call(to, e, depth)
                };
                if matches!(rule.action, Action::Goto(_)) {
                    self.add(out, inside);
                } else {
                    self.add(out, Summary { returned: Ref::NONE, ..inside });
                    goes_on = inside.returned;
                }
            }
        }
        let rest = if rule.condition.chance { reach } else { self.bdd.minus(reach, matched) };
        self.bdd.or(rest, goes_on)
    }

    /// Whether what comes to a chain is to be remembered: packets of a hook, or any packets if none leads there.
    fn recorded(&self, chain: usize) -> bool {
        self.following == Some(self.flow.chains[chain].live)
    }

    fn call(&mut self, to: usize, e: Ref, depth: usize) -> Summary {
        let callee = &self.flow.chains[to];
        if !callee.pure {
            return self.walk(to, e, depth + 1);
        }
        let summary = callee.summary;
        if self.recorded(to) {
            self.enter(to, e);
        }
        Summary {
            accepted: self.bdd.and(e, summary.accepted),
            dropped: self.bdd.and(e, summary.dropped),
            rejected: self.bdd.and(e, summary.rejected),
            returned: self.bdd.and(e, summary.returned),
        }
    }

    fn add(&mut self, to: &mut Summary, more: Summary) {
        to.accepted = self.bdd.or(to.accepted, more.accepted);
        to.dropped = self.bdd.or(to.dropped, more.dropped);
        to.rejected = self.bdd.or(to.rejected, more.rejected);
        to.returned = self.bdd.or(to.returned, more.returned);
    }
}

/// The packets that satisfy all clauses.
pub(crate) fn condition(bdd: &mut Bdd, domain: &mut Domain, clauses: &[Vec<crate::Literal>]) -> Ref {
    let mut parts = Vec::with_capacity(clauses.len());
    for clause in clauses {
        let mut any = Ref::NONE;
        for literal in clause {
            let one = match literal {
                // As if chance decided it: see `Space::new`.
                crate::Literal::Atom { atom, .. } if *atom >= MAX_ATOMS => Ref::ALL,
                literal => domain.literal(bdd, literal),
            };
            any = bdd.or(any, one);
        }
        parts.push(any);
    }
    // From the lowest variables up, each step costs only the upper part.
    parts.sort_by_key(|&part| std::cmp::Reverse(bdd.split(part).map_or(u32::MAX, |s| s.0)));
    parts.into_iter().fold(Ref::ALL, |all, part| bdd.and(all, part))
}
