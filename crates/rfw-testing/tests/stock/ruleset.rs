//! Rulesets in the kernel of this namespace: loading ours, reading any.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rfw_compiler::{Lowered, Rule, TableSpec};
use rfw_kernel::{Batch, CommitError, Kernel, Live, TableId, read_sets};
use rfw_nft::message::{self, Counters, Hook, NewChain, NewRule};
use rfw_nft::{Expr, Family};
use rfw_testing::fixture::RuleFile;

/// A table and a chain.
pub type Key = (String, Vec<u8>);

/// A rule of a fixture that stock iptables and the kernel took.
pub struct Wanted {
    /// Its table and chain.
    pub key: Key,
    /// The line it came from.
    pub line: usize,
    /// That line.
    pub text: String,
    /// Whether stock prints it otherwise.
    pub differs: bool,
    /// Its typed form.
    pub rule: Rule,
    /// From `-c`, else zero.
    pub counters: (u64, u64),
}

/// Removes all tables of both families.
pub fn clear(kernel: &mut Live) {
    for family in [Family::Ipv4, Family::Ipv6] {
        let tables = kernel.tables(family).unwrap();
        if tables.is_empty() {
            continue;
        }
        let mut batch = Batch::new(None);
        for table in &tables {
            batch.del_table(TableId::new(family, &table.name));
        }
        kernel.commit(&mut batch).unwrap();
    }
}

/// The rules of the tables that a file names, chain by chain.
pub fn dump(kernel: &mut Live, file: &RuleFile) -> BTreeMap<Key, Vec<message::Rule>> {
    let mut found: BTreeMap<Key, Vec<message::Rule>> = BTreeMap::new();
    for table in tables(file) {
        let mut visit = |raw: &rfw_kernel::RawRule<'_>| {
            let rule = raw.to_rule().unwrap();
            found.entry((table.clone(), rule.chain.clone())).or_default().push(rule);
            ControlFlow::Continue(())
        };
        let id = TableId::new(file.family, table.as_bytes());
        kernel.rules(id, None, &mut visit).unwrap();
        let of_table = found.iter_mut().filter(|(key, _)| key.0 == table);
        let mut exprs: Vec<&mut [Expr]> =
            of_table.flat_map(|(_, rules)| rules.iter_mut().map(|rule| rule.exprs.as_mut_slice())).collect();
        read_sets(kernel, id, &mut exprs).unwrap();
    }
    found
}

/// The tables of a file.
pub fn tables(file: &RuleFile) -> Vec<String> {
    let mut tables: Vec<String> = file.chains.iter().map(|(table, _)| table.clone()).collect();
    tables.dedup();
    tables
}

/// Loads rules in one batch; the index of the first that the kernel refuses, and its error number.
pub fn load(kernel: &mut Live, file: &RuleFile, rules: &[(&Key, &Lowered)]) -> Result<(), (usize, i32)> {
    let mut batch = Batch::new(Some(kernel.generation().unwrap()));
    for table in tables(file) {
        add_chains(&mut batch, file, &table);
    }
    // Where each rule's messages end: its sets come before it.
    let (mut ends, mut sets) = (Vec::new(), 0);
    let first = batch.next_seq();
    for ((table, chain), lowered) in rules {
        let table = TableId::new(file.family, table.as_bytes());
        let chain = table.chain(chain);
        let new =
            NewRule { compat: Some(lowered.compat), userdata: &lowered.userdata, ..NewRule::append(chain) };
        let mut exprs = lowered.exprs.clone();
        batch.add_sets(table, &mut exprs, &mut sets);
        batch.add_rule(&new, &exprs);
        ends.push(batch.next_seq());
    }
    match kernel.commit(&mut batch) {
        Ok(()) => Ok(()),
        Err(CommitError::Rejected(rejects)) => {
            let reject = rejects.first().unwrap();
            assert!(reject.seq >= first, "a chain of {} is refused: {reject:?}", file.name);
            Err((ends.partition_point(|end| *end <= reject.seq), reject.errno))
        }
        Err(error) => panic!("{}: {error}", file.name),
    }
}

fn add_chains(batch: &mut Batch, file: &RuleFile, table: &str) {
    let id = TableId::new(file.family, table.as_bytes());
    batch.add_table(id, &[]);
    let spec = TableSpec::named(table.as_bytes()).unwrap();
    for base in spec.chains {
        let new = NewChain {
            kind: base.kind.as_bytes(),
            hook: Hook { num: base.hook, priority: base.priority },
            policy: Some(1),
            counters: Some(Counters::default()),
            userdata: &[],
        };
        batch.add_base_chain(id.chain(base.name.as_bytes()), &new);
    }
    for chain in file.chains_of(table) {
        if spec.chain(chain).is_none() {
            batch.add_user_chain(id.chain(chain), &[]);
        }
    }
}
