//! What the fake kernel holds.

use rfw_nft::{
    Family,
    message::{self, Counters, Hook, TableId},
};

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) tables: Vec<Table>,
    pub(super) last_table: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) family: Family,
    pub(super) name: Vec<u8>,
    pub(super) handle: u64,
    pub(super) userdata: Vec<u8>,
    pub(super) chains: Vec<Chain>,
    /// Chains and rules of a table share one count.
    pub(super) last_handle: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) name: Vec<u8>,
    pub(super) handle: u64,
    pub(super) base: Option<Base>,
    pub(super) userdata: Vec<u8>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) hook: Hook,
    pub(super) kind: Vec<u8>,
    pub(super) policy: u32,
    pub(super) counters: Option<Counters>,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) handle: u64,
    pub(super) exprs: Vec<u8>,
    pub(super) userdata: Vec<u8>,
    /// Handles of the chains it jumps or goes to.
    pub(super) targets: Vec<u64>,
    /// `NFTA_RULE_ID`, while its batch lasts.
    pub(super) id: Option<u32>,
}

impl State {
    pub(super) fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.iter().find(|t| t.family == id.family && t.name == id.name)
    }

    pub(super) fn table_index(&self, family: Family, name: &[u8]) -> Option<usize> {
        self.tables.iter().position(|t| t.family == family && t.name == name)
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Table {
    pub(super) fn next_handle(&mut self) -> u64 {
        self.last_handle += 1;
        self.last_handle
    }

    pub(super) fn show(&self) -> message::Table {
        message::Table {
            family: self.family,
            name: self.name.clone(),
            handle: self.handle,
            flags: 0,
            use_count: count(self.chains.len()),
            userdata: self.userdata.clone(),
        }
    }

    /// Rules in a chain plus jumps to it.
    pub(super) fn uses(&self, chain: &Chain) -> usize {
        let jumps = self.chains.iter().flat_map(|c| &c.rules);
        let jumps = jumps.flat_map(|r| &r.targets);
        chain.rules.len() + jumps.filter(|&&t| t == chain.handle).count()
    }

    pub(super) fn show_chain(&self, chain: &Chain) -> message::Chain {
        let base = chain.base.as_ref();
        message::Chain {
            family: self.family,
            table: self.name.clone(),
            name: chain.name.clone(),
            handle: chain.handle,
            hook: base.map(|b| b.hook),
            kind: base.map(|b| b.kind.clone()).unwrap_or_default(),
            policy: base.map(|b| b.policy),
            counters: base.and_then(|b| b.counters),
            use_count: count(self.uses(chain)),
            userdata: chain.userdata.clone(),
        }
    }

    /// Whether some path from a base chain jumps deeper than the kernel's stack (`NFT_JUMP_STACK_SIZE` 16), as all loops do.
    pub(super) fn too_deep(&self) -> bool {
        let links: Vec<Vec<usize>> = self
            .chains
            .iter()
            .map(|c| {
                let mut to: Vec<usize> = c
                    .rules
                    .iter()
                    .flat_map(|r| &r.targets)
                    .filter_map(|t| self.chains.iter().position(|c| c.handle == *t))
                    .collect();
                to.sort_unstable();
                to.dedup();
                to
            })
            .collect();
        let mut deepest = vec![None; links.len()];
        let starts = self.chains.iter().enumerate();
        starts.filter(|(_, c)| c.base.is_some()).any(|(i, _)| !fits(&links, i, 0, &mut deepest))
    }
}

const STACK: usize = 16;

/// `deepest` is the greatest level at which a chain has been seen to fit.
fn fits(links: &[Vec<usize>], chain: usize, level: usize, deepest: &mut [Option<usize>]) -> bool {
    if level >= STACK {
        return false;
    }
    if deepest[chain].is_some_and(|known| level <= known) {
        return true;
    }
    for &next in &links[chain] {
        if !fits(links, next, level + 1, deepest) {
            return false;
        }
    }
    deepest[chain] = Some(level);
    true
}
