//! Changes that rules make to packets, as far as a later rule of the same traversal reads what they write.

use std::collections::{BTreeSet, HashMap};

use crate::bdd::{Bdd, Ref};
use crate::condition::{Literal, touches};
use crate::domain::{Code, Domain};
use crate::field::Key;
use crate::program::{Assign, Chain};

/// A change to the variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Ranges of levels that are forgotten.
    forget: Vec<(u32, u32)>,
    /// Levels that have this value afterwards.
    set: Vec<(u32, bool)>,
    /// Levels that are turned.
    turn: Vec<u32>,
}

/// The changes of a table's rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects {
    /// By chain and rule.
    changes: HashMap<(usize, usize), Vec<Change>>,
    /// By chain: neither it nor a chain below it changes anything.
    pure: Vec<bool>,
}

/// What a chain and those below it read and write.
#[derive(Clone, Default)]
struct Uses<'a> {
    reads: BTreeSet<&'a Key>,
    atoms: bool,
    below: BTreeSet<usize>,
}

impl Effects {
    pub(crate) fn new(domain: &Domain, chains: &[Chain], order: &[usize]) -> Self {
        let none = chains.iter().flat_map(|c| &c.rules).all(|r| r.assigns.is_empty());
        if none {
            return Self { changes: HashMap::new(), pure: vec![true; chains.len()] };
        }
        let uses = uses(chains, order);
        let called: BTreeSet<usize> =
            chains.iter().flat_map(|c| &c.rules).filter_map(|r| r.action.chain()).collect();
        let mut changes: HashMap<(usize, usize), Vec<Change>> = HashMap::new();
        // What is written matters where something below the same base chain reads it.
        for root in (0..chains.len()).filter(|c| chains[*c].base.is_some() || !called.contains(c)) {
            let Some(below) = uses.get(root) else { continue };
            for &chain in &below.below {
                for (at, rule) in
                    chains[chain].rules.iter().enumerate().filter(|(_, r)| !r.assigns.is_empty())
                {
                    let found = rule.assigns.iter().filter_map(|a| change(a, below, domain));
                    let found: Vec<Change> = found.collect();
                    if !found.is_empty() {
                        changes.insert((chain, at), found);
                    }
                }
            }
        }
        let mut pure = vec![true; chains.len()];
        for &chain in order {
            pure[chain] = (0..chains[chain].rules.len()).all(|at| {
                let below = chains[chain].rules[at].action.chain();
                !changes.contains_key(&(chain, at))
                    && below.is_none_or(|to| pure.get(to).copied().unwrap_or(true))
            });
        }
        Self { changes, pure }
    }

    /// What a rule changes.
    pub(crate) fn of(&self, chain: usize, rule: usize) -> &[Change] {
        self.changes.get(&(chain, rule)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether neither a chain nor one below it changes anything that is read.
    pub(crate) fn is_pure(&self, chain: usize) -> bool {
        self.pure.get(chain).copied().unwrap_or(true)
    }
}

fn uses<'a>(chains: &'a [Chain], order: &[usize]) -> Vec<Uses<'a>> {
    let mut own: Vec<Uses<'a>> = vec![Uses::default(); chains.len()];
    let mut edges: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); chains.len()];
    for (at, chain) in chains.iter().enumerate() {
        for rule in &chain.rules {
            for literal in rule.condition.clauses.iter().flatten() {
                match literal {
                    Literal::In(key, _) => drop(own[at].reads.insert(key)),
                    Literal::Bits(masked) => drop(own[at].reads.insert(&masked.key)),
                    Literal::Boxes { boxes, .. } => {
                        own[at].reads.extend(boxes.iter().flatten().map(|(key, _)| key));
                    }
                    Literal::Atom { .. } => own[at].atoms = true,
                }
            }
            edges[at].extend(rule.action.chain().filter(|&to| to < chains.len()));
        }
    }
    // Only roots are asked for; the many leaves of a large ruleset need no closure of their own.
    let mut all = Vec::with_capacity(chains.len());
    let called: BTreeSet<usize> = edges.iter().flatten().copied().collect();
    for (root, chain) in chains.iter().enumerate() {
        let mut found = Uses::default();
        if chain.base.is_some() || !called.contains(&root) {
            let mut open = vec![root];
            while let Some(at) = open.pop() {
                if found.below.insert(at) {
                    found.reads.extend(&own[at].reads);
                    found.atoms |= own[at].atoms;
                    open.extend(&edges[at]);
                }
            }
        }
        all.push(found);
    }
    debug_assert_eq!(order.len(), chains.len());
    all
}

/// What an assignment does to the variables that the rules below a base chain read.
fn change(assign: &Assign, uses: &Uses<'_>, domain: &Domain) -> Option<Change> {
    let mut change = Change { forget: Vec::new(), set: Vec::new(), turn: Vec::new() };
    let read: Vec<&Key> = match assign {
        Assign::Bits { key, keep, value } => {
            if uses.reads.contains(key) {
                change.bits(domain, key, *keep, *value);
            }
            uses.reads.iter().filter(|read| **read != key && touches(key, read)).copied().collect()
        }
        Assign::Forget(key) => uses.reads.iter().filter(|read| touches(key, read)).copied().collect(),
        Assign::ForgetAll => uses.reads.iter().filter(|read| !read.is_stable()).copied().collect(),
    };
    change.forget.extend(read.into_iter().map(|key| domain.levels(key)).filter(|l| l.0 < l.1));
    if uses.atoms {
        change.forget.push((domain.atoms(), u32::MAX));
    }
    change.forget.sort_unstable();
    change.set.sort_unstable();
    let idle = change.forget.is_empty() && change.set.is_empty() && change.turn.is_empty();
    (!idle).then_some(change)
}

impl Change {
    fn bits(&mut self, domain: &Domain, key: &Key, keep: u128, value: u128) {
        let Some(field) = domain.fields.get(key) else { return };
        let Code::Bits(positions) = &field.code else {
            return self.forget.push(field.levels());
        };
        for (level, bit) in (field.base..).zip(positions) {
            let (kept, set) = (keep >> bit & 1 == 1, value >> bit & 1 == 1);
            match (kept, set) {
                (false, set) => self.set.push((level, set)),
                (true, true) => self.turn.push(level),
                (true, false) => {}
            }
        }
    }

    /// The packets as they are after the change.
    pub(crate) fn after(&self, bdd: &mut Bdd, before: Ref) -> Ref {
        let mut levels = self.forget.clone();
        levels.extend(self.set.iter().map(|&(level, _)| (level, level + 1)));
        levels.sort_unstable();
        let mut out = bdd.exists(before, &levels);
        for &(level, value) in self.set.iter().rev() {
            let var = bdd.make(level, Ref::NONE, Ref::ALL);
            out = bdd.and(out, if value { var } else { Bdd::not(var) });
        }
        for &level in &self.turn {
            out = turned(bdd, out, level);
        }
        out
    }

    /// The packets that are in a set after the change, whatever is forgotten comes out as.
    pub(crate) fn before(&self, bdd: &mut Bdd, after: Ref) -> Ref {
        let mut out = after;
        for &level in &self.turn {
            out = turned(bdd, out, level);
        }
        let out = bdd.fix(out, &self.set);
        bdd.exists(out, &self.forget)
    }
}

fn turned(bdd: &mut Bdd, a: Ref, level: u32) -> Ref {
    let (with, without) = (bdd.fix(a, &[(level, true)]), bdd.fix(a, &[(level, false)]));
    let var = bdd.make(level, Ref::NONE, Ref::ALL);
    let (high, low) = (bdd.and(var, without), bdd.and(Bdd::not(var), with));
    bdd.or(high, low)
}
