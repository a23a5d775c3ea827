//! Long chains as a tree of blocks, so that no rule costs a new diagram of all rules before it.
//!
//! What comes to rule 1,000 is everything that the 999 before it leave. As one diagram that is rebuilt for every rule, and each
//! time as large as what was asked so far of the fields that come first: rules that ask for a source, between rules that ask for
//! a destination, cost all destinations each. A block of neighbours says what it does with any packet; two blocks make one
//! twice as long; what comes to a rule is the intersection of the few blocks before it, which is looked into and rarely made.

use crate::bdd::{Bdd, Ref};
use crate::flow::Summary;

/// Steps of a chain from which on it has blocks. Shorter ones are as quick one by one.
pub(crate) const LEAST: usize = 128;

/// What neighbours do with packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) summary: Summary,
    /// What may come to what follows.
    pub(crate) left: Ref,
    /// What a rule matches that judges, leads elsewhere or does anything besides.
    pub(crate) touched: Ref,
}

impl Block {
    fn then(self, bdd: &mut Bdd, next: Self) -> Self {
        let mut part = |own: Ref, more: Ref| {
            let more = bdd.and(self.left, more);
            bdd.or(own, more)
        };
        let (own, more) = (self.summary, next.summary);
        let summary = Summary {
            accepted: part(own.accepted, more.accepted),
            dropped: part(own.dropped, more.dropped),
            rejected: part(own.rejected, more.rejected),
            returned: part(own.returned, more.returned),
        };
        let left = bdd.and(self.left, next.left);
        Self { summary, left, touched: bdd.or(self.touched, next.touched) }
    }
}

/// The blocks of a chain: its steps, pairs of them, and so on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks(Vec<Vec<Block>>);

impl Blocks {
    /// Of a chain's steps.
    pub(crate) fn new(bdd: &mut Bdd, steps: Vec<Block>) -> Self {
        let mut all = vec![steps];
        while let Some(last) = all.last().filter(|last| last.len() > 1) {
            let pairs = last.chunks_exact(2).map(|pair| pair[0].then(bdd, pair[1])).collect();
            all.push(pairs);
        }
        Self(all)
    }

    /// Whether the chain has none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The blocks that the steps before one are made of, in order.
    fn before(&self, step: usize) -> impl Iterator<Item = Block> {
        let mut at = 0;
        self.0.iter().enumerate().rev().filter_map(move |(size, blocks)| {
            let own = step >> size & 1 == 1;
            let found = own.then(|| blocks.get(at >> size).copied()).flatten();
            at += usize::from(own) << size;
            found
        })
    }

    /// What comes to a step is in all of these.
    pub(crate) fn left(&self, step: usize) -> Vec<Ref> {
        self.before(step).map(|block| block.left).filter(|&left| left != Ref::ALL).collect()
    }

    /// What the steps before one do, and what they leave.
    pub(crate) fn all(&self, bdd: &mut Bdd, step: usize) -> (Summary, Ref) {
        let nothing = Block { summary: Summary::NOTHING, left: Ref::ALL, touched: Ref::NONE };
        let all = self.before(step).fold(nothing, |all, block| all.then(bdd, block));
        (all.summary, all.left)
    }

    /// The first step from one on that touches some of a region.
    pub(crate) fn touching(&self, bdd: &mut Bdd, mut step: usize, region: Ref) -> Option<usize> {
        let count = self.0.first().map_or(0, Vec::len);
        'next: while step < count {
            for (size, blocks) in self.0.iter().enumerate().rev() {
                let aligned = step & ((1 << size) - 1) == 0;
                let Some(block) = blocks.get(step >> size).filter(|_| aligned) else { continue };
                if !bdd.meet(&[region, block.touched]) {
                    step += 1 << size;
                    continue 'next;
                }
            }
            return Some(step);
        }
        None
    }
}
