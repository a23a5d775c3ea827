//! A transaction's rules from several threads: each has a share of the batch to append to.

use rfw_compiler::{Lowered, lower_in_buffer};
use rfw_kernel::{Batch, TableId};
use rfw_nft::message::{NewRule, Place};
use rfw_nft::{Expr, Family};

use super::lists::{Lists, Tally};
use super::ops::{Op, OpKind};
use super::state::TableState;
use super::{Transaction, Wanted};

/// Appends rules to the chains of one table. Which chains there are does not change meanwhile.
pub struct Share<'s> {
    family: Family,
    state: &'s TableState,
    table: u32,
    batch: Batch,
    ops: Vec<Op>,
    lists: Lists,
    sets: Tally,
    /// The number that a set got last.
    set_id: u32,
    /// The chain that was asked for last.
    last: u32,
    /// Room for the expressions of a rule.
    exprs: Vec<Expr>,
}

/// What a share has written.
pub struct Written {
    batch: Batch,
    ops: Vec<Op>,
    sets: Tally,
    set_id: u32,
}

/// How much a share is for: what room it gets, and which numbers its messages.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Bytes of text.
    pub bytes: usize,
    /// Lines. If each is one rule, the shares' numbers follow each other from the start.
    pub lines: usize,
}

impl Share<'_> {
    /// A chain that is known to be there.
    pub fn chain(&mut self, name: &[u8]) -> Option<u32> {
        // Rules of a chain mostly stand together.
        if self.state.chain_name(self.last) != Some(name) {
            self.last = self.state.find(name)?;
        }
        self.state.chain(self.last).present.then_some(self.last)
    }

    /// Appends a rule to a chain.
    pub fn append(&mut self, chain: u32, wanted: Wanted<'_>) {
        let (encoding, lists) = (self.state.encoding, self.lists.form());
        let exprs = std::mem::take(&mut self.exprs);
        let mut lowered = lower_in_buffer(exprs, wanted.rule, encoding, lists, self.family, wanted.counters);
        let (first, id) = (self.batch.next_seq(), self.set_id);
        let table = TableId::new(self.family, self.state.spec.name.as_bytes());
        self.batch.add_sets(table, &mut lowered.exprs, &mut self.set_id);
        self.sets.count(u64::from(self.set_id - id), first);
        write_rule(&mut self.batch, self.family, self.state, chain, Place::Append, &lowered, None);
        let op = Op { kind: OpKind::RuleAppend, span: wanted.span, table: self.table, chain: Some(chain) };
        self.ops.extend((first..self.batch.next_seq()).map(|_| op));
        self.exprs = lowered.exprs;
    }

    /// Whether the transaction will have too many sets, whatever the shares before this one have written.
    pub fn too_many_sets(&self) -> bool {
        self.lists.instead_of(&self.sets).is_some()
    }

    /// What was written.
    pub fn finish(self) -> Written {
        Written { batch: self.batch, ops: self.ops, sets: self.sets, set_id: self.set_id }
    }
}

/// Writes the message of a rule; gives its number.
pub(super) fn write_rule(
    batch: &mut Batch,
    family: Family,
    table: &TableState,
    chain: u32,
    place: Place,
    lowered: &Lowered,
    id: Option<u32>,
) -> u32 {
    let name = table.chain_name(chain).unwrap_or_default();
    let rule = NewRule {
        chain: TableId::new(family, table.spec.name.as_bytes()).chain(name),
        place,
        compat: lowered.first_xt().map(|_| lowered.compat),
        userdata: &lowered.userdata,
        id,
    };
    batch.add_rule(&rule, &lowered.exprs)
}

impl Transaction<'_> {
    /// Whether rules of a table can be written in shares now. Not if appending takes more than the messages of a rule: the table
    /// is yet to be made, rules are counted, or refused by their form.
    pub fn can_share(&self, table: usize) -> bool {
        !self.history && !self.settings.no_xt && self.tables.get(table).is_some_and(|state| state.made)
    }

    /// Shares of this transaction for rules of a table, in order; the first has the batch itself. None without sizes, or if the
    /// table [can't be shared](Self::can_share).
    ///
    /// What the shares have written comes back by [`Transaction::take_back`], from the first on without a gap.
    pub fn shares(&mut self, table: usize, sizes: &[Size]) -> Option<Vec<Share<'_>>> {
        if sizes.is_empty() || !self.can_share(table) {
            return None;
        }
        let state = self.tables.get(table)?;
        let mut next = self.batch.next_seq();
        let own = std::mem::replace(&mut self.batch, Batch::part(next, Vec::new()));
        let mut own = Some((own, std::mem::take(&mut self.ops), std::mem::take(&mut self.sets)));
        // Each share numbers its sets in a range of its own, which no share can come to the end of.
        let range = (u32::MAX - self.next_id) / u32::try_from(sizes.len()).unwrap_or(u32::MAX);
        let shares = (0..).zip(sizes).map(|(index, size)| {
            let (batch, ops, sets) = own.take().unwrap_or_else(|| {
                let buffer = super::buffer_for(size.bytes);
                (Batch::part(next, buffer), Vec::with_capacity(size.lines), Tally::default())
            });
            next = next.wrapping_add(u32::try_from(size.lines).unwrap_or(0));
            let table = u32::try_from(table).unwrap_or(u32::MAX);
            let set_id = self.next_id + index * range;
            let (family, lists) = (self.family, self.lists);
            Share { family, state, table, batch, ops, lists, sets, set_id, last: 0, exprs: Vec::new() }
        });
        Some(shares.collect())
    }

    /// Puts what shares of a table have written behind each other; the first is the one that had the batch.
    pub fn take_back(&mut self, table: usize, written: Vec<Written>) {
        let mut written = written.into_iter();
        let Some(first) = written.next() else { return };
        (self.batch, self.ops, self.sets) = (first.batch, first.ops, first.sets);
        self.next_id = first.set_id;
        for Written { batch, mut ops, sets, set_id } in written {
            let shift = self.batch.absorb(batch);
            self.sets.join(sets, shift);
            self.next_id = set_id;
            self.ops.append(&mut ops);
        }
        // Nobody keeps count: these chains are no longer known to be empty.
        let mut last = None;
        for op in self.ops.iter().filter(|op| op.kind == OpKind::RuleAppend && op.table as usize == table) {
            if let Some(chain) = op.chain.filter(|_| op.chain != last) {
                self.tables[table].chain_mut(chain).rules = None;
                last = op.chain;
            }
        }
    }
}
