//! Reduced ordered binary decision diagrams: one shared graph, equal sets are equal numbers.
//!
//! Edges carry a complement bit, so that a set and its complement are one graph and [`Bdd::not`] costs nothing. The `high` edge
//! of a node never has the bit, which makes the form canonical. Nothing is collected: a manager is dropped as a whole.
//!
//! Work is counted in steps, one per pair of nodes that no table remembers, so that a budget means the same on every machine.
//! Once a budget is used up every operation answers quickly and wrongly; who asks looks at [`Bdd::is_over`] first.

use std::collections::HashMap;

/// A set: the index of a node, shifted left, and the complement bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ref(u32);

impl Ref {
    /// Everything.
    pub const ALL: Self = Self(0);
    /// Nothing.
    pub const NONE: Self = Self(1);

    fn index(self) -> usize {
        (self.0 >> 1) as usize
    }

    fn turned(self, by: Self) -> Self {
        Self(self.0 ^ (by.0 & 1))
    }
}

/// How much work an analysis may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nodes of the graph; one takes about 40 bytes with its tables.
    pub nodes: usize,
    /// Steps of operations.
    pub steps: u64,
}

impl Budget {
    /// What takes about so long on a machine of the year 2020. Counted in steps, hence the same everywhere.
    #[must_use]
    pub fn seconds(seconds: u64) -> Self {
        Self { nodes: 60_000_000, steps: seconds.saturating_mul(4_000_000) }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::seconds(30)
    }
}

#[derive(Clone, Copy)]
struct Node {
    level: u32,
    low: Ref,
    high: Ref,
}

/// The level of the terminal, below all variables.
const LEAF: u32 = u32::MAX;
const FREE: u32 = u32::MAX;

/// What a remembered operation did.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    op: u32,
    a: Ref,
    b: Ref,
    result: Ref,
}

const EMPTY: Entry = Entry { op: u32::MAX, a: Ref::ALL, b: Ref::ALL, result: Ref::ALL };
const OP_AND: u32 = 0;
const OP_XOR: u32 = 1;
/// From here on: a number per quantification, restriction or renaming.
const OP_FIRST: u32 = 2;

/// A manager.
pub struct Bdd {
    nodes: Vec<Node>,
    /// Open addressing over `nodes`; a power of two.
    unique: Vec<u32>,
    /// Direct mapped; forgets.
    cache: Vec<Entry>,
    /// Numbers of operations that have an operand of their own.
    ops: HashMap<Op, u32>,
    budget: Budget,
    steps: u64,
    over: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Op {
    Exists(Vec<(u32, u32)>),
    Fix(Vec<(u32, bool)>),
    Rename(Vec<(u32, u32)>),
}

fn mix(a: u32, b: u32, c: u32) -> usize {
    let mut h = u64::from(a).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(b);
    h = (h ^ (h >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ u64::from(c);
    h = (h ^ (h >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (h ^ (h >> 29)) as usize
}

impl Bdd {
    /// An empty graph.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self {
            nodes: vec![Node { level: LEAF, low: Ref::ALL, high: Ref::ALL }],
            unique: vec![FREE; 1 << 12],
            cache: vec![EMPTY; 1 << 12],
            ops: HashMap::new(),
            budget,
            steps: 0,
            over: false,
        }
    }

    /// Whether the budget is used up: nothing that was answered since is worth anything.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Nodes made so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing but the terminal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Steps done so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn node(&self, at: Ref) -> Node {
        let node = self.nodes[at.index()];
        Node { level: node.level, low: node.low.turned(at), high: node.high.turned(at) }
    }

    /// The topmost variable, and the sets where it is 0 and 1; `None` of everything and nothing.
    #[must_use]
    pub fn split(&self, at: Ref) -> Option<(u32, Ref, Ref)> {
        let node = self.node(at);
        (node.level != LEAF).then_some((node.level, node.low, node.high))
    }

    /// Where a variable is 0 it is in `low`, else in `high`. Both must be of levels below.
    pub fn make(&mut self, level: u32, low: Ref, high: Ref) -> Ref {
        if low == high {
            return low;
        }
        let turn = Ref(high.0 & 1);
        let (low, high) = (low.turned(turn), high.turned(turn));
        let mask = self.unique.len() - 1;
        let mut at = mix(level, low.0, high.0) & mask;
        loop {
            let found = self.unique[at];
            if found == FREE {
                break;
            }
            let node = self.nodes[found as usize];
            if node.level == level && node.low == low && node.high == high {
                return Ref(found << 1).turned(turn);
            }
            at = (at + 1) & mask;
        }
        if self.nodes.len() >= self.budget.nodes.min(1 << 30) {
            self.over = true;
            return Ref::NONE;
        }
        let index = self.nodes.len() as u32;
        self.unique[at] = index;
        self.nodes.push(Node { level, low, high });
        if self.nodes.len() * 2 > self.unique.len() {
            self.grow();
        }
        Ref(index << 1).turned(turn)
    }

    fn grow(&mut self) {
        let size = self.unique.len() * 2;
        let mask = size - 1;
        let mut unique = vec![FREE; size];
        for (index, node) in self.nodes.iter().enumerate().skip(1) {
            let mut at = mix(node.level, node.low.0, node.high.0) & mask;
            while unique[at] != FREE {
                at = (at + 1) & mask;
            }
            unique[at] = index as u32;
        }
        self.unique = unique;
        if self.cache.len() < size.min(1 << 22) {
            let old = std::mem::replace(&mut self.cache, vec![EMPTY; size.min(1 << 22)]);
            let mask = self.cache.len() - 1;
            for entry in old.into_iter().filter(|e| e.op != EMPTY.op) {
                self.cache[mix(entry.op, entry.a.0, entry.b.0) & mask] = entry;
            }
        }
    }

    fn recall(&self, op: u32, a: Ref, b: Ref) -> Option<Ref> {
        let entry = self.cache[mix(op, a.0, b.0) & (self.cache.len() - 1)];
        (entry.op == op && entry.a == a && entry.b == b).then_some(entry.result)
    }

    fn remember(&mut self, op: u32, a: Ref, b: Ref, result: Ref) {
        let at = mix(op, a.0, b.0) & (self.cache.len() - 1);
        self.cache[at] = Entry { op, a, b, result };
    }

    /// Counts a step; whether there is budget for it.
    pub(crate) fn step(&mut self) -> bool {
        self.steps += 1;
        self.over |= self.steps > self.budget.steps;
        !self.over
    }

    /// The complement.
    #[must_use]
    pub fn not(a: Ref) -> Ref {
        Ref(a.0 ^ 1)
    }

    /// What is in both.
    pub fn and(&mut self, a: Ref, b: Ref) -> Ref {
        if a == b || b == Ref::ALL {
            return a;
        }
        if a == Ref::ALL {
            return b;
        }
        if a == Ref::NONE || b == Ref::NONE || a.0 ^ b.0 == 1 {
            return Ref::NONE;
        }
        let (a, b) = if a < b { (a, b) } else { (b, a) };
        if let Some(known) = self.recall(OP_AND, a, b) {
            return known;
        }
        if !self.step() {
            return Ref::NONE;
        }
        let (level, (a0, a1), (b0, b1)) = self.both(a, b);
        let low = self.and(a0, b0);
        let high = self.and(a1, b1);
        let result = self.make(level, low, high);
        self.remember(OP_AND, a, b, result);
        result
    }

    /// What is in both, where that is remembered.
    pub(crate) fn known_and(&self, a: Ref, b: Ref) -> Option<Ref> {
        self.recall(OP_AND, a.min(b), a.max(b))
    }

    /// Remembers that two sets have nothing in common.
    pub(crate) fn exclude(&mut self, a: Ref, b: Ref) {
        self.remember(OP_AND, a.min(b), a.max(b), Ref::NONE);
    }

    /// The topmost level of two, and the halves of each there.
    pub(crate) fn both(&self, a: Ref, b: Ref) -> (u32, (Ref, Ref), (Ref, Ref)) {
        let (x, y) = (self.node(a), self.node(b));
        let level = x.level.min(y.level);
        let halves = |at: Ref, node: Node| if node.level == level { (node.low, node.high) } else { (at, at) };
        (level, halves(a, x), halves(b, y))
    }

    /// What is in either.
    pub fn or(&mut self, a: Ref, b: Ref) -> Ref {
        Self::not(self.and(Self::not(a), Self::not(b)))
    }

    /// What is in `a` but not in `b`.
    pub fn minus(&mut self, a: Ref, b: Ref) -> Ref {
        self.and(a, Self::not(b))
    }

    /// What is in one of them only.
    pub fn xor(&mut self, a: Ref, b: Ref) -> Ref {
        // The complement bits of the operands move to the result.
        let turn = Ref((a.0 ^ b.0) & 1);
        let (a, b) = (Ref(a.0 & !1), Ref(b.0 & !1));
        if a == b {
            return Ref::NONE.turned(turn);
        }
        if a == Ref::ALL || b == Ref::ALL {
            return Self::not(if a == Ref::ALL { b } else { a }).turned(turn);
        }
        let (a, b) = if a < b { (a, b) } else { (b, a) };
        if let Some(known) = self.recall(OP_XOR, a, b) {
            return known.turned(turn);
        }
        if !self.step() {
            return Ref::NONE;
        }
        let (level, (a0, a1), (b0, b1)) = self.both(a, b);
        let low = self.xor(a0, b0);
        let high = self.xor(a1, b1);
        let result = self.make(level, low, high);
        self.remember(OP_XOR, a, b, result);
        result.turned(turn)
    }

    /// Whether everything of `a` is in `b`.
    pub fn is_within(&mut self, a: Ref, b: Ref) -> bool {
        self.minus(a, b) == Ref::NONE
    }

    fn number(&mut self, op: Op) -> u32 {
        let next = OP_FIRST + self.ops.len() as u32;
        *self.ops.entry(op).or_insert(next)
    }

    /// Forgets what is asked of the variables in these ranges of levels (first, one past the last), sorted and disjoint.
    pub fn exists(&mut self, a: Ref, levels: &[(u32, u32)]) -> Ref {
        if levels.is_empty() {
            return a;
        }
        let op = self.number(Op::Exists(levels.to_vec()));
        self.exists_in(a, levels, op)
    }

    fn exists_in(&mut self, a: Ref, levels: &[(u32, u32)], op: u32) -> Ref {
        let node = self.node(a);
        let skip = levels.iter().take_while(|range| range.1 <= node.level).count();
        let levels = &levels[skip..];
        if levels.is_empty() || node.level == LEAF {
            return a;
        }
        if let Some(known) = self.recall(op, a, Ref::ALL) {
            return known;
        }
        if !self.step() {
            return Ref::NONE;
        }
        let low = self.exists_in(node.low, levels, op);
        let result = if levels[0].0 <= node.level {
            if low == Ref::ALL {
                low
            } else {
                let high = self.exists_in(node.high, levels, op);
                self.or(low, high)
            }
        } else {
            let high = self.exists_in(node.high, levels, op);
            self.make(node.level, low, high)
        };
        self.remember(op, a, Ref::ALL, result);
        result
    }

    /// The set as it is where these variables have these values; it says nothing of them afterwards. Sorted by level.
    pub fn fix(&mut self, a: Ref, values: &[(u32, bool)]) -> Ref {
        if values.is_empty() {
            return a;
        }
        let op = self.number(Op::Fix(values.to_vec()));
        self.fix_in(a, values, op)
    }

    fn fix_in(&mut self, a: Ref, values: &[(u32, bool)], op: u32) -> Ref {
        let node = self.node(a);
        let skip = values.iter().take_while(|value| value.0 < node.level).count();
        let values = &values[skip..];
        let Some(first) = values.first() else { return a };
        if node.level == LEAF {
            return a;
        }
        if let Some(known) = self.recall(op, a, Ref::ALL) {
            return known;
        }
        if !self.step() {
            return Ref::NONE;
        }
        let result = if first.0 == node.level {
            self.fix_in(if first.1 { node.high } else { node.low }, values, op)
        } else {
            let low = self.fix_in(node.low, values, op);
            let high = self.fix_in(node.high, values, op);
            self.make(node.level, low, high)
        };
        self.remember(op, a, Ref::ALL, result);
        result
    }

    /// The set with variables exchanged: each pair of levels changes places.
    pub fn rename(&mut self, a: Ref, pairs: &[(u32, u32)]) -> Ref {
        let op = self.number(Op::Rename(pairs.to_vec()));
        let map: HashMap<u32, u32> = pairs.iter().flat_map(|&(x, y)| [(x, y), (y, x)]).collect();
        self.rename_in(a, &map, op)
    }

    fn rename_in(&mut self, a: Ref, map: &HashMap<u32, u32>, op: u32) -> Ref {
        let node = self.node(a);
        if node.level == LEAF {
            return a;
        }
        if let Some(known) = self.recall(op, a, Ref::ALL) {
            return known;
        }
        if !self.step() {
            return Ref::NONE;
        }
        let low = self.rename_in(node.low, map, op);
        let high = self.rename_in(node.high, map, op);
        let level = map.get(&node.level).copied().unwrap_or(node.level);
        let var = self.make(level, Ref::NONE, Ref::ALL);
        let (with, without) = (self.and(var, high), self.and(Self::not(var), low));
        let result = self.or(with, without);
        self.remember(op, a, Ref::ALL, result);
        result
    }

    /// The share of all valuations that are in it: from 0 to 1.
    #[must_use]
    pub fn share(&self, a: Ref) -> f64 {
        self.share_in(a, &mut HashMap::new())
    }

    fn share_in(&self, a: Ref, known: &mut HashMap<usize, f64>) -> f64 {
        let regular = match known.get(&a.index()) {
            Some(&share) => share,
            None => {
                let node = self.nodes[a.index()];
                let share = match node.level {
                    LEAF => 1.0,
                    _ => (self.share_in(node.low, known) + self.share_in(node.high, known)) / 2.0,
                };
                known.insert(a.index(), share);
                share
            }
        };
        if a.0 & 1 == 1 { 1.0 - regular } else { regular }
    }

    /// Whether a valuation is in it.
    #[must_use]
    pub fn holds(&self, mut a: Ref, value: impl Fn(u32) -> bool) -> bool {
        loop {
            let node = self.node(a);
            if node.level == LEAF {
                return a == Ref::ALL;
            }
            a = if value(node.level) { node.high } else { node.low };
        }
    }

    /// Whether it says anything of a variable in a range of levels.
    #[must_use]
    pub fn mentions(&self, a: Ref, from: u32, to: u32) -> bool {
        let (mut open, mut seen) = (vec![a.index()], std::collections::HashSet::new());
        while let Some(at) = open.pop() {
            let node = self.nodes[at];
            if (from..to).contains(&node.level) {
                return true;
            }
            if node.level < to && seen.insert(at) {
                open.extend([node.low.index(), node.high.index()]);
            }
        }
        false
    }
}

#[cfg(test)]
#[path = "bdd_tests.rs"]
mod tests;
