//! A table as it will be after the commands of a transaction so far.

use std::collections::{HashMap, VecDeque};

use rfw_compiler::{Rule, Stored, TableSpec};
use rfw_extensions::Encoding;
use rfw_kernel::Chain;

/// A rule of a chain.
#[derive(Debug)]
pub enum RuleRef {
    /// In the kernel.
    Kernel(Box<Stored>),
    /// Made by this transaction.
    Batch {
        /// Its number in the batch.
        id: u32,
        /// Its normal form; `None` for a foreign rule.
        rule: Option<Box<Rule>>,
    },
}

/// A chain.
#[derive(Debug)]
pub struct ChainState {
    /// Whether it exists now.
    pub present: bool,
    /// The kernel's chain; `None` if this transaction made it or it does not exist.
    pub kernel: Option<Chain>,
    /// Its rules, once somebody asked. Most changes are at one end.
    pub rules: Option<VecDeque<RuleRef>>,
}

/// A table.
#[derive(Debug)]
pub struct TableState {
    /// Which one.
    pub spec: &'static TableSpec,
    /// Whether it is in the kernel.
    pub exists: bool,
    /// Whether this transaction has made it or made sure of it.
    pub made: bool,
    /// Chains, sets and objects that the kernel has in it.
    pub uses: u32,
    /// How new rules are encoded.
    pub encoding: Encoding,
    /// Names, in the order in which they were met; states beside them.
    index: HashMap<Vec<u8>, u32>,
    names: Vec<Vec<u8>>,
    chains: Vec<ChainState>,
    /// Whether chains that were not met are known not to exist.
    pub complete: bool,
}

impl TableState {
    pub fn new(spec: &'static TableSpec, uses: Option<u32>, encoding: Encoding) -> Self {
        let exists = uses.is_some();
        Self {
            spec,
            exists,
            made: false,
            uses: uses.unwrap_or_default(),
            encoding,
            index: HashMap::new(),
            names: Vec::new(),
            chains: Vec::new(),
            complete: !exists,
        }
    }

    pub fn chain_name(&self, index: u32) -> Option<&[u8]> {
        self.names.get(index as usize).map(Vec::as_slice)
    }

    /// How many sets (and objects) the kernel's table has, once all of its chains are known.
    pub fn sets(&self) -> u64 {
        (u64::from(self.uses)).saturating_sub(self.names.len() as u64)
    }

    pub fn find(&self, name: &[u8]) -> Option<u32> {
        self.index.get(name).copied()
    }

    pub fn chain(&self, index: u32) -> &ChainState {
        &self.chains[index as usize]
    }

    pub fn chain_mut(&mut self, index: u32) -> &mut ChainState {
        &mut self.chains[index as usize]
    }

    pub fn put(&mut self, name: &[u8], state: ChainState) -> u32 {
        if let Some(index) = self.find(name) {
            self.chains[index as usize] = state;
            return index;
        }
        let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.index.insert(name.to_vec(), index);
        self.names.push(name.to_vec());
        self.chains.push(state);
        index
    }

    /// The chains that exist, by name.
    pub fn present(&self) -> impl Iterator<Item = (u32, &[u8], &ChainState)> {
        let named = self.names.iter().zip(&self.chains).enumerate();
        named
            .filter(|(_, (_, state))| state.present)
            .map(|(i, (name, state))| (u32::try_from(i).unwrap_or(u32::MAX), name.as_slice(), state))
    }

    /// Forgets everything: the table was deleted by this transaction.
    pub fn reset(&mut self) {
        self.exists = false;
        self.made = false;
        self.complete = true;
        for chain in &mut self.chains {
            *chain = ChainState { present: false, kernel: None, rules: Some(VecDeque::new()) };
        }
    }
}
