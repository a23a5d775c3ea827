//! A transaction's rules from several threads: each has a share of the batch to append to.

use rfw_compiler::{Lowered, lower};
use rfw_extensions::Encoding;
use rfw_kernel::{Batch, TableId};
use rfw_nft::Family;
use rfw_nft::message::{NewRule, Place};

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
}

/// What a share has written.
pub struct Written {
    batch: Batch,
    ops: Vec<Op>,
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
    pub fn chain(&self, name: &[u8]) -> Option<u32> {
        self.state.find(name).filter(|&index| self.state.chain(index).present)
    }

    /// Appends a rule to a chain.
    pub fn append(&mut self, chain: u32, wanted: Wanted<'_>) {
        let lowered = lower(wanted.rule, self.state.encoding, self.family, wanted.counters);
        write_rule(&mut self.batch, self.family, self.state, chain, Place::Append, &lowered, None);
        self.ops.push(Op {
            kind: OpKind::RuleAppend,
            span: wanted.span,
            table: self.table,
            chain: Some(chain),
        });
    }

    /// What was written.
    pub fn finish(self) -> Written {
        Written { batch: self.batch, ops: self.ops }
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
    /// Whether rules of a table can be written in shares now. Not if appending takes more than one message a rule: the table is
    /// yet to be made or native, rules are counted, or refused by their form.
    pub fn can_share(&self, table: usize) -> bool {
        // Rules of the native encoding may bring sets with them, which are numbered through the batch.
        let plain = |state: &TableState| state.made && state.encoding == Encoding::Compat;
        !self.history && !self.settings.no_xt && self.tables.get(table).is_some_and(plain)
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
        let mut own = Some((own, std::mem::take(&mut self.ops)));
        let shares = sizes.iter().map(|size| {
            let (batch, ops) = own.take().unwrap_or_else(|| {
                let buffer = super::buffer_for(size.bytes);
                (Batch::part(next, buffer), Vec::with_capacity(size.lines))
            });
            next = next.wrapping_add(u32::try_from(size.lines).unwrap_or(0));
            let table = u32::try_from(table).unwrap_or(u32::MAX);
            Share { family: self.family, state, table, batch, ops }
        });
        Some(shares.collect())
    }

    /// Puts what shares of a table have written behind each other; the first is the one that had the batch.
    pub fn take_back(&mut self, table: usize, written: Vec<Written>) {
        let mut written = written.into_iter();
        let Some(first) = written.next() else { return };
        (self.batch, self.ops) = (first.batch, first.ops);
        for Written { batch, mut ops } in written {
            self.batch.absorb(batch);
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
