//! The analysis of one ruleset: variables, diagrams, and what flows through the chains.

use std::collections::HashMap;

use crate::backward::Known;
use crate::bdd::{Bdd, Budget, Ref};
use crate::classes::Round;
use crate::condition::Literal;
use crate::domain::{Asked, Domain, Interest, MAX_ATOMS};
use crate::field::{DNAT, ESTABLISHED, INVALID, Key, Masked, NEW, RELATED, SNAT, UNTRACKED};
use crate::flow::{TableFlow, Walker};
use crate::program::{Action, Hook, Kind, Program, RuleId};
use crate::runs::{Covered, Step, steps};
use crate::set::Set;

/// Why no packet ever satisfies a rule where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// Its own conditions exclude each other.
    Unsatisfiable,
    /// Earlier rules of its chain take all its packets, whoever calls the chain.
    Here,
    /// What enters its chain and is left by the rules before it is never such a packet.
    Elsewhere,
}

/// Everything that is known of a ruleset.
pub(crate) struct Engine {
    pub(crate) program: Program,
    pub(crate) bdd: Bdd,
    pub(crate) domain: Domain,
    pub(crate) tables: Vec<TableFlow>,
    /// Which tables are analysed.
    pub(crate) ready: Vec<bool>,
    dead: HashMap<RuleId, Dead>,
    /// By table, once somebody asked.
    pub(crate) fates: HashMap<usize, Known>,
    /// What [`Program::routing`] says.
    pub(crate) routing: Vec<(Hook, Ref)>,
}

impl Engine {
    pub(crate) fn new(mut program: Program, interest: &Interest, budget: Budget) -> Self {
        settle(&mut program);
        let all: Vec<Vec<Vec<Step>>> =
            program.tables.iter().map(|t| t.chains.iter().map(|c| steps(&c.rules)).collect()).collect();
        let asked = asked(&program, &all);
        let bdd = Bdd::new(budget);
        let atoms = program.atoms.len().min(MAX_ATOMS);
        let domain = Domain::new(asked, interest, atoms, program.family);
        let (dead, fates) = (HashMap::new(), HashMap::new());
        let count = program.tables.len();
        let (tables, ready) = (vec![TableFlow::default(); count], vec![false; count]);
        let routing = Vec::new();
        let mut engine = Self { program, bdd, domain, tables, ready, dead, fates, routing };
        engine.route();
        // In the order in which packets meet them.
        let mut all: Vec<_> = all.into_iter().enumerate().collect();
        all.sort_by_key(|(at, _)| engine.program.tables[*at].kind);
        for (at, steps) in all {
            let kind = engine.program.tables[at].kind;
            let hooks = engine.program.tables[at].chains.iter().filter_map(|c| c.base).map(|b| b.hook);
            let hooks: Vec<Hook> = hooks.filter(|&hook| hook != Hook::Postrouting).collect();
            let entries: HashMap<Hook, Ref> =
                hooks.into_iter().map(|hook| (hook, engine.arriving(kind, hook))).collect();
            let walker = Walker::new(&mut engine.bdd, &mut engine.domain, &engine.program, at, steps);
            let flow = walker.run(&|hook| entries.get(&hook).copied().unwrap_or(Ref::NONE));
            engine.tables[at] = flow;
            engine.ready[at] = true;
        }
        engine.leave();
        for table in 0..engine.tables.len() {
            for chain in 0..engine.tables[table].chains.len() {
                engine.bury(table, chain);
            }
        }
        engine
    }

    /// What is known of every packet at a hook.
    fn route(&mut self) {
        for (hook, condition) in self.program.routing.clone() {
            let region = crate::flow::condition(&mut self.bdd, &mut self.domain, &condition.clauses);
            self.routing.push((hook, region));
        }
    }

    /// What comes to POSTROUTING has been through the hooks before it.
    fn leave(&mut self) {
        let mut tables: Vec<usize> = (0..self.tables.len()).collect();
        tables.sort_by_key(|&at| self.program.tables[at].kind);
        for table in tables {
            let Some(base) = self.program.tables[table].at_hook(Hook::Postrouting) else { continue };
            let entry = self.leaving(table, base);
            let flow = std::mem::take(&mut self.tables[table]);
            let chains = &self.program.tables[table].chains;
            self.tables[table] = Walker::leave(&mut self.bdd, &mut self.domain, chains, flow, base, entry);
        }
    }

    /// Why a rule is dead; nothing while that is not known.
    pub(crate) fn dead(&self, id: RuleId) -> Option<Dead> {
        self.dead.get(&id).copied().filter(|_| !self.bdd.is_over())
    }

    pub(crate) fn all_dead(&self) -> Vec<RuleId> {
        let mut all: Vec<RuleId> = self.dead.keys().copied().collect();
        all.sort_unstable();
        if self.bdd.is_over() { Vec::new() } else { all }
    }

    /// Finds the dead rules of a chain.
    fn bury(&mut self, table: usize, chain: usize) {
        for step in self.tables[table].chains[chain].steps.clone() {
            match step {
                Step::Rule(rule) => {
                    let id = RuleId { table, chain, rule };
                    if let Some(dead) = self.judge(id) {
                        self.dead.insert(id, dead);
                    }
                }
                Step::Run(run) => self.bury_run(table, chain, &run),
            }
        }
    }

    fn judge(&mut self, id: RuleId) -> Option<Dead> {
        let flow = &self.tables[id.table].chains[id.chain];
        let (matched, mut parts, entry) = (flow.matches[id.rule], flow.reach(id.rule), flow.entry);
        let (pure, live) = (flow.pure, flow.live);
        if matched == Ref::NONE {
            return Some(Dead::Unsatisfiable);
        }
        parts.push(matched);
        if !self.bdd.meet(&parts) {
            return Some(if pure { Dead::Here } else { Dead::Elsewhere });
        }
        // A chain that nothing leads to may get a caller; its rules are judged by themselves.
        parts.push(entry);
        (pure && live && !self.bdd.meet(&parts)).then_some(Dead::Elsewhere)
    }

    fn bury_run(&mut self, table: usize, chain: usize, run: &crate::runs::Run) {
        let rules = &self.program.tables[table].chains[chain].rules;
        let common = run.common(rules);
        let flow = &self.tables[table].chains[chain];
        let (reach, entry, pure) = (flow.reach(run.rules.start), flow.entry, flow.pure);
        let common = crate::flow::condition(&mut self.bdd, &mut self.domain, &common);
        let here = self.within(common, reach);
        let entered = if pure { self.bdd.and(here, entry) } else { here };
        let left = self.domain.values(&mut self.bdd, here, &run.key);
        let left_of_entry = self.domain.values(&mut self.bdd, entered, &run.key);
        let mut covered = Covered::default();
        let rules = &self.program.tables[table].chains[chain].rules;
        for rule in run.rules.clone() {
            let Some(set) = run.set(&rules[rule]) else { continue };
            let new = covered.add(set);
            let dead = if set.is_empty() || common == Ref::NONE {
                Dead::Unsatisfiable
            } else if !new.meets(&left) {
                if pure { Dead::Here } else { Dead::Elsewhere }
            } else if !new.meets(&left_of_entry) {
                Dead::Elsewhere
            } else {
                continue;
            };
            self.dead.insert(RuleId { table, chain, rule }, dead);
        }
    }

    /// What comes to a rule of all that enters its chain.
    pub(crate) fn comes_to(&mut self, id: RuleId) -> Ref {
        let parts = self.coming(id);
        self.within(Ref::ALL, parts)
    }

    /// What a rule gets to judge.
    pub(crate) fn judged(&mut self, id: RuleId) -> Ref {
        let (matched, parts) = (self.matched(id), self.coming(id));
        self.within(matched, parts)
    }

    /// What comes to a rule is in all of these.
    pub(crate) fn coming(&self, id: RuleId) -> Vec<Ref> {
        let Some(flow) = self.chain(id) else { return vec![Ref::NONE] };
        let mut parts = flow.reach(id.rule);
        parts.extend(flow.pure.then_some(flow.entry));
        parts
    }

    pub(crate) fn within(&mut self, region: Ref, parts: Vec<Ref>) -> Ref {
        parts.into_iter().fold(region, |all, part| self.bdd.and(all, part))
    }

    /// What a rule matches, whether it comes there or not.
    pub(crate) fn matched(&self, id: RuleId) -> Ref {
        self.chain(id).and_then(|flow| flow.matches.get(id.rule)).copied().unwrap_or(Ref::NONE)
    }

    fn chain(&self, id: RuleId) -> Option<&crate::flow::ChainFlow> {
        self.tables.get(id.table)?.chains.get(id.chain)
    }

    /// What a rule takes of what it matches for sure, so that rules behind it don't see it.
    pub(crate) fn takes(&mut self, id: RuleId) -> Ref {
        let Some(rule) = self.program.rule(id) else { return Ref::NONE };
        let matched = self.matched(id);
        if rule.condition.chance {
            return Ref::NONE;
        }
        match rule.action {
            Action::Accept
            | Action::Drop
            | Action::Reject
            | Action::Return
            | Action::Either
            | Action::Goto(_) => matched,
            Action::Jump(to) => {
                let table = &self.tables[id.table];
                let looping = table.loops.contains(&(id.chain, id.rule));
                match table.chains.get(to).filter(|c| c.pure && !looping) {
                    Some(callee) => {
                        let returned = callee.summary.returned;
                        self.bdd.minus(matched, returned)
                    }
                    None => Ref::NONE,
                }
            }
            Action::Continue | Action::Unknown => Ref::NONE,
        }
    }
}

/// Makes chance of what has no variable: too many questions, and the state before there is one.
fn settle(program: &mut Program) {
    for table in &mut program.tables {
        let raw = table.kind == Kind::Raw;
        for rule in table.chains.iter_mut().flat_map(|c| &mut c.rules) {
            let clauses = &mut rule.condition.clauses;
            let before = clauses.len();
            clauses.retain(|clause| {
                !clause.iter().any(|literal| match literal {
                    Literal::Atom { atom, .. } => *atom >= MAX_ATOMS,
                    Literal::In(Key::State, _) => raw,
                    Literal::Bits(masked) => raw && masked.key == Key::Status,
                    Literal::In(..) | Literal::Boxes { .. } => false,
                })
            });
            rule.condition.chance |= clauses.len() != before;
        }
    }
}

/// Everything that rules ask; of a run its union only.
fn asked(program: &Program, steps: &[Vec<Vec<Step>>]) -> Asked {
    let mut asked = Asked::default();
    let routing = program.routing.iter().flat_map(|(_, condition)| &condition.clauses);
    routing.flatten().for_each(|l| asked.literal(l));
    for (table, steps) in program.tables.iter().zip(steps) {
        for (chain, steps) in table.chains.iter().zip(steps) {
            for step in steps {
                match step {
                    Step::Rule(rule) => {
                        chain.rules[*rule].condition.clauses.iter().flatten().for_each(|l| asked.literal(l));
                    }
                    Step::Run(run) => {
                        run.common(&chain.rules).iter().flatten().for_each(|l| asked.literal(l));
                        asked.set(&run.key, &run.union);
                    }
                }
            }
            for translation in chain.rules.iter().filter_map(|r| r.translation.as_ref()) {
                let (address, port) = if translation.destination {
                    (Key::Destination, Key::DestinationPort)
                } else {
                    (Key::Source, Key::SourcePort)
                };
                translation.addresses.iter().for_each(|set| asked.set(&address, set));
                translation.ports.iter().for_each(|set| asked.set(&port, set));
            }
        }
    }
    asked
}

/// The packets that there can be at a hook.
pub(crate) fn at_hook(bdd: &mut Bdd, domain: &mut Domain, kind: Kind, hook: Hook) -> Ref {
    let mut all = Ref::ALL;
    for (key, has) in [(Key::Iif, hook.has_iif()), (Key::Oif, hook.has_oif())] {
        let none = domain.set(bdd, &key, &Set::one(0), Round::Out);
        all = bdd.and(all, if has { Bdd::not(none) } else { none });
    }
    if kind == Kind::Nat {
        // Only the first packet of a connection, expected ones included, gets there.
        let first = domain.set(bdd, &Key::State, &Set::union([(NEW, NEW), (RELATED, RELATED)]), Round::Out);
        all = bdd.and(all, first);
    }
    if kind != Kind::Raw && domain.fields.contains_key(&Key::Status) {
        let tracked = Set::union([(NEW, NEW), (RELATED, RELATED), (ESTABLISHED, ESTABLISHED)]);
        debug_assert!(!tracked.contains(INVALID) && !tracked.contains(UNTRACKED));
        let tracked = domain.set(bdd, &Key::State, &tracked, Round::Out);
        let translated = Masked { key: Key::Status, mask: SNAT | DNAT, value: 0, inverted: true };
        let translated = domain.literal(bdd, &Literal::Bits(translated));
        if translated != Ref::ALL {
            let impossible = bdd.minus(translated, tracked);
            all = bdd.minus(all, impossible);
        }
    }
    all
}
