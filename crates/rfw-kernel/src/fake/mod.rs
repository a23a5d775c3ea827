//! A kernel in memory, for tests without privileges.
//!
//! Contract: takes the bytes of a [`Batch`] and answers dumps with bytes, as the kernel does; hands out handles and generations;
//! refuses what the kernel refuses of tables, chains, rules and jumps, with its error numbers and attribute offsets. It does not
//! look into expressions other than verdicts and knows no sets: those messages end in `EOPNOTSUPP`.

mod apply;
mod state;

use std::ops::ControlFlow;

use rfw_nft::{
    Family,
    message::{Batch, Chain, ChainId, RawRule, Table, TableId},
    set::Set,
};

use crate::{CommitError, Error, IpsetError, Kernel, live::check_written};
use state::State;

/// See the module head.
#[derive(Debug)]
pub struct Fake {
    state: State,
    generation: u32,
    ipsets: Vec<Vec<u8>>,
    missing: Vec<(Vec<u8>, u32, bool)>,
    commits: usize,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// An empty kernel, at generation 1.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::default(), generation: 1, ipsets: Vec::new(), missing: Vec::new(), commits: 0 }
    }

    /// Moves the generation on, as another program's change would.
    pub fn disturb(&mut self) {
        self.generation = self.generation.wrapping_add(1).max(1);
    }

    /// Adds an ipset; its index is its rank.
    pub fn add_ipset(&mut self, name: &[u8]) {
        self.ipsets.push(name.to_vec());
    }

    /// Makes a revision of an xt match or target unknown; all others are known.
    pub fn forget_revision(&mut self, name: &[u8], revision: u32, target: bool) {
        self.missing.push((name.to_vec(), revision, target));
    }

    /// How many batches were applied.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.commits
    }
}

impl Kernel for Fake {
    fn generation(&mut self) -> Result<u32, Error> {
        Ok(self.generation)
    }

    fn tables(&mut self, family: Family) -> Result<Vec<Table>, Error> {
        let tables = self.state.tables.iter();
        Ok(tables.filter(|t| t.family == family).map(state::Table::show).collect())
    }

    fn table(&mut self, table: TableId) -> Result<Option<Table>, Error> {
        Ok(self.state.table(table).map(state::Table::show))
    }

    fn chains(&mut self, table: TableId) -> Result<Vec<Chain>, Error> {
        let Some(table) = self.state.table(table) else {
            return Ok(Vec::new());
        };
        Ok(table.chains.iter().map(|c| table.show_chain(c)).collect())
    }

    fn chain(&mut self, chain: ChainId) -> Result<Option<Chain>, Error> {
        Ok(self.state.table(chain.table).and_then(|table| {
            let found = table.chains.iter().find(|c| c.name == chain.name)?;
            Some(table.show_chain(found))
        }))
    }

    fn rules(
        &mut self,
        table: TableId,
        chain: Option<&[u8]>,
        visit: &mut dyn FnMut(&RawRule) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let Some(found) = self.state.table(table) else {
            return Ok(());
        };
        for c in &found.chains {
            if chain.is_some_and(|name| name != c.name) {
                continue;
            }
            let mut position = None;
            for rule in &c.rules {
                let raw = RawRule {
                    family: found.family,
                    table: &found.name,
                    chain: &c.name,
                    handle: rule.handle,
                    position,
                    exprs: &rule.exprs,
                    userdata: &rule.userdata,
                };
                if visit(&raw).is_break() {
                    return Ok(());
                }
                position = Some(rule.handle);
            }
        }
        Ok(())
    }

    fn sets(&mut self, _table: TableId, _names: &[&[u8]]) -> Result<Vec<(Vec<u8>, Set)>, Error> {
        Ok(Vec::new())
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), CommitError> {
        check_written(batch)?;
        batch.finish();
        let messages: Vec<_> = batch
            .messages()
            .collect::<Result<_, _>>()
            .map_err(|_| std::io::Error::from_raw_os_error(libc::EINVAL))?;
        let changed = apply::batch(&self.state, self.generation, &messages)?;
        if let Some(state) = changed {
            self.state = state;
            self.disturb();
        }
        self.commits += 1;
        Ok(())
    }

    fn revision_supported(
        &mut self,
        _family: Family,
        name: &[u8],
        revision: u32,
        target: bool,
    ) -> Result<bool, Error> {
        let known = |m: &(Vec<u8>, u32, bool)| m.0 == name && m.1 == revision && m.2 == target;
        Ok(!self.missing.iter().any(known))
    }

    fn ipset_index(&mut self, name: &[u8], _family: Family) -> Result<u16, IpsetError> {
        let at = self.ipsets.iter().position(|n| n == name);
        at.and_then(|i| u16::try_from(i).ok()).ok_or(IpsetError::Missing)
    }

    fn ipset_name(&mut self, index: u16) -> Result<Vec<u8>, IpsetError> {
        let name = self.ipsets.get(usize::from(index));
        name.cloned().ok_or(IpsetError::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rfw_nft::message::{NewRule, flag, kind};

    const TABLE: TableId = TableId::new(Family::Ipv6, b"filter");

    #[test]
    fn a_disturbed_batch_conflicts_until_it_names_the_new_generation() {
        let mut fake = Fake::new();
        let mut batch = Batch::new(Some(fake.generation().unwrap()));
        batch.add_table(TABLE, &[]);
        fake.disturb();
        assert!(matches!(fake.commit(&mut batch), Err(CommitError::Conflict)));
        batch.set_generation(fake.generation().unwrap());
        fake.commit(&mut batch).unwrap();
        assert_eq!(fake.tables(Family::Ipv6).unwrap().len(), 1);
        assert_eq!(fake.tables(Family::Ipv4).unwrap().len(), 0);
        assert_eq!(fake.commits(), 1);
    }

    #[test]
    fn a_refused_batch_changes_nothing() {
        let mut fake = Fake::new();
        let mut batch = Batch::new(None);
        batch.add_table(TABLE, &[]);
        let missing = batch.add_rule(&NewRule::append(TABLE.chain(b"x")), &[]);
        let set = batch.add(kind::NEWSET, flag::CREATE, 10, |_| {});
        match fake.commit(&mut batch) {
            Err(CommitError::Rejected(r)) => {
                let seen: Vec<_> = r.iter().map(|r| (r.seq, r.errno)).collect();
                assert_eq!(seen, [(missing, libc::ENOENT), (set, libc::EOPNOTSUPP)]);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(fake.table(TABLE).unwrap(), None);
        assert_eq!((fake.generation().unwrap(), fake.commits()), (1, 0));
    }

    #[test]
    fn a_message_too_long_is_refused_by_number() {
        let mut fake = Fake::new();
        let mut batch = Batch::new(None);
        let seq = batch.add_table(TABLE, &[0; 70_000]);
        match fake.commit(&mut batch) {
            Err(CommitError::Rejected(r)) => {
                assert_eq!((r[0].seq, r[0].errno), (seq, libc::EMSGSIZE));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ipsets_and_revisions_are_as_told() {
        let mut fake = Fake::new();
        fake.add_ipset(b"one");
        assert_eq!(fake.ipset_index(b"one", Family::Ipv4).unwrap(), 0);
        assert_eq!(fake.ipset_name(0).unwrap(), b"one");
        assert!(fake.ipset_name(1).is_err());
        fake.forget_revision(b"set", 4, false);
        let mut known = |rev| fake.revision_supported(Family::Ipv4, b"set", rev, false);
        assert!(known(3).unwrap());
        assert!(!known(4).unwrap());
    }
}
