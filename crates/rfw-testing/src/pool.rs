//! Parts of the accepted fixture rules, to be put together at random into new rules.

use std::io;

use rfw_compiler::{Rule, RuleTarget};
use rfw_extensions::{Match, Selector};
use rfw_nft::Family;
use rfw_syntax::Mode;

use crate::fixture::line::chains_of;
use crate::fixture::{Place, RuleFile, load};
use crate::laws::printed;
use crate::names::FixedNames;

/// The chain of the rules.
pub const CHAIN: &[u8] = b"parts";

/// A part of a rule and the protocol that the rule was for.
#[derive(Debug)]
struct Part<T> {
    value: T,
    protocol: Option<(u8, bool)>,
}

/// The parts of all accepted rules of a family, those that differ from stock left out.
#[derive(Debug)]
pub struct Pool {
    /// The family.
    pub family: Family,
    /// The names with which the parts were read.
    pub names: FixedNames,
    /// The `# ipset:` commands of all files; the first of a name counts.
    pub ipset_commands: Vec<Vec<String>>,
    /// All chains, table and chain, base chains too.
    pub chains: Vec<(String, Vec<u8>)>,
    selectors: Vec<Selector>,
    matches: Vec<Part<Match>>,
    goals: Vec<Part<(RuleTarget, String)>>,
}

/// Which parts to take; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The target and table.
    pub goal: usize,
    /// The selector that gives the addresses, and the one that gives the rest.
    pub selectors: [usize; 2],
    /// The matches.
    pub matches: Vec<usize>,
}

fn pick<T>(list: &[T], number: usize) -> Option<&T> {
    list.get(number.checked_rem(list.len())?)
}

impl Pool {
    /// Of one family.
    ///
    /// # Errors
    /// As [`load`].
    pub fn new(family: Family) -> io::Result<Self> {
        let fixtures = load()?;
        let files: Vec<&RuleFile> =
            fixtures.iter().flat_map(|f| &f.accept).filter(|f| f.family == family).collect();
        let mut ipset_commands: Vec<Vec<String>> = Vec::new();
        let mut sets: Vec<String> = Vec::new();
        for command in files.iter().flat_map(|f| &f.ipset_commands) {
            let creates = command.first().is_some_and(|w| w == "create");
            let name = command.get(1).cloned().unwrap_or_default();
            if creates && sets.contains(&name) {
                continue;
            }
            if creates {
                sets.push(name);
            }
            ipset_commands.push(command.clone());
        }
        let mut chains: Vec<_> = files.iter().flat_map(|f| f.chains.clone()).collect();
        chains.sort();
        chains.dedup();
        let mut pool = Self {
            family,
            names: FixedNames::new(&sets),
            ipset_commands,
            chains,
            selectors: Vec::new(),
            matches: Vec::new(),
            goals: Vec::new(),
        };
        for file in files {
            pool.add(file);
        }
        Ok(pool)
    }

    /// How many matches and targets there are.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.matches.len(), self.goals.len())
    }

    /// The chains of a table.
    #[must_use]
    pub fn chains_of(&self, table: &str) -> Vec<&[u8]> {
        chains_of(&self.chains, table).collect()
    }

    fn add(&mut self, file: &RuleFile) {
        for line in file.lines.iter().filter(|l| !l.differs) {
            let Ok(built) = file.build(line, &self.names) else { continue };
            for rule in built.rules {
                let protocol = rule.selector.protocol_pair();
                self.matches.extend(rule.matches.into_iter().map(|value| Part { value, protocol }));
                self.goals.push(Part { value: (rule.target, line.table.clone()), protocol });
                self.selectors.push(rule.selector);
            }
        }
    }

    /// Where rules of a table stand.
    #[must_use]
    pub fn place<'p>(&'p self, table: &'p str) -> Place<'p> {
        Place { family: self.family, table, chains: &self.chains, names: &self.names, mode: Mode::Restore }
    }

    /// A rule of parts that agree on the protocol, as text, and its table; it may still be one that rfw refuses. `None` if the
    /// pool is empty.
    #[must_use]
    pub fn assemble(&self, choice: &Choice) -> Option<(Vec<u8>, &str)> {
        let goal = pick(&self.goals, choice.goal)?;
        let [addresses, others] = choice.selectors.map(|at| pick(&self.selectors, at));
        let mut protocol = goal.protocol;
        let mut matches = Vec::new();
        for part in choice.matches.iter().filter_map(|&at| pick(&self.matches, at)) {
            if protocol.is_none() || part.protocol.is_none() || part.protocol == protocol {
                protocol = protocol.or(part.protocol);
                matches.push(part.value.clone());
            }
        }
        let carrier = self.selectors.iter().find(|s| s.protocol_pair() == protocol);
        let selector = Selector {
            protocol: carrier.and_then(|s| s.protocol.clone()),
            source: addresses?.source.clone(),
            destination: addresses?.destination.clone(),
            ..others?.clone()
        };
        let (target, table) = &goal.value;
        let rule = Rule { selector, matches, target: target.clone() };
        Some((printed(&rule, CHAIN, &self.place(table)), table))
    }
}
