//! Rules out of dumps, with the anonymous sets that they look into.

use std::ops::ControlFlow;

use rfw_compiler::{Body, Stored, lift};
use rfw_extensions::Names;
use rfw_kernel::{Error, Kernel, RawRule, TableId, read_sets};
use rfw_nft::expr::decode_list;
use rfw_nft::{Expr, Family};

/// A rule of a dump, free of its buffer.
#[derive(Debug)]
pub struct Dumped {
    /// The kernel's handle.
    pub handle: u64,
    /// Its expressions, sets included once they were read.
    pub exprs: Vec<Expr>,
    /// Its userdata.
    pub userdata: Vec<u8>,
}

impl Dumped {
    /// Attributes that are no list of expressions leave none: the rule is kept by its handle alone.
    pub fn new(raw: &RawRule<'_>) -> Self {
        let exprs = decode_list(raw.exprs).unwrap_or_default();
        Self { handle: raw.handle, exprs, userdata: raw.userdata.to_vec() }
    }

    /// Whether it looks into anonymous sets that were not read yet.
    pub fn needs_sets(&self) -> bool {
        self.exprs.iter().any(|expr| expr.unread_set().is_some())
    }

    /// What it is, its sets read if they are still there; without them it stays what its expressions are.
    pub fn read(self, kernel: &mut dyn Kernel, table: TableId, family: Family, names: &dyn Names) -> Stored {
        let mut rules = [self];
        let _ = resolve(kernel, table, &mut rules);
        let [rule] = rules;
        rule.lift(family, names)
    }

    /// What it is.
    pub fn lift(self, family: Family, names: &dyn Names) -> Stored {
        let (body, counters) = lift(&self.exprs, &self.userdata, family, names);
        Stored { body, counters, handle: self.handle, userdata: self.userdata }
    }
}

/// Reads the anonymous sets of some rules.
pub fn resolve(kernel: &mut dyn Kernel, table: TableId, rules: &mut [Dumped]) -> Result<(), Error> {
    let mut exprs: Vec<&mut [Expr]> = rules.iter_mut().map(|rule| rule.exprs.as_mut_slice()).collect();
    read_sets(kernel, table, &mut exprs)
}

/// The rules of a chain.
pub fn read_rules(
    kernel: &mut dyn Kernel,
    table: TableId,
    chain: &[u8],
    family: Family,
    names: &dyn Names,
) -> Result<Vec<Stored>, Error> {
    Ok(read_chains(kernel, table, &[chain], family, names)?.pop().unwrap_or_default())
}

/// The rules of some chains, those of each by themselves. Sets are read once for all: the kernel goes through those of a whole
/// table.
pub fn read_chains(
    kernel: &mut dyn Kernel,
    table: TableId,
    chains: &[&[u8]],
    family: Family,
    names: &dyn Names,
) -> Result<Vec<Vec<Stored>>, Error> {
    let (mut read, mut places, mut unread) = (Vec::with_capacity(chains.len()), Vec::new(), Vec::new());
    for (index, chain) in chains.iter().enumerate() {
        let mut rules = Vec::new();
        kernel.rules(table, Some(chain), &mut |raw| {
            let dumped = Dumped::new(raw);
            if dumped.needs_sets() {
                places.push((index, rules.len()));
                let body = Body::Foreign(Vec::new());
                rules.push(Stored { body, counters: (0, 0), handle: raw.handle, userdata: Vec::new() });
                unread.push(dumped);
            } else {
                rules.push(dumped.lift(family, names));
            }
            ControlFlow::Continue(())
        })?;
        read.push(rules);
    }
    resolve(kernel, table, &mut unread)?;
    for ((index, at), dumped) in places.into_iter().zip(unread) {
        read[index][at] = dumped.lift(family, names);
    }
    Ok(read)
}
