//! A ruleset with places: what the whole text leaves behind, and where each part of it was said.

use std::collections::{BTreeSet, HashMap};

use rfw_compiler::{Body, RuleTarget, TableSpec};
use rfw_diagnostics::Span;
use rfw_nft::Family;

use crate::Finding;
use crate::commands::{Step, Window};
use crate::conditions::{Conditions, Outcome};
use crate::facts::Facts;
use crate::read::Input;

/// A ruleset.
#[derive(Clone, Debug)]
pub struct Model {
    /// The address family of all of it.
    pub family: Family,
    /// What kind of text it was read from.
    pub input: Input,
    /// In the order in which the text names them.
    pub tables: Vec<Table>,
    /// What was wrong with the text.
    pub findings: Vec<Finding>,
    /// The commands that were applied, in a list of commands or a script.
    pub steps: Vec<Step>,
    /// When open sessions of administration are dropped for a while.
    pub windows: Vec<Window>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// `filter`, `nat`, …
    pub name: &'static str,
    /// The line that opens its block in a save file.
    pub span: Option<Span>,
    /// The base chains of the table first, then the user's in order of creation.
    pub chains: Vec<Chain>,
    /// Where each name is among them.
    index: HashMap<Vec<u8>, usize>,
    /// Chains that were renamed: old name, new name, where.
    pub renamed: Vec<(Vec<u8>, Vec<u8>, Span)>,
}

/// The policy of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Lets through what no rule judged.
    Accept,
    /// Drops it.
    Drop,
}

/// A chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its name.
    pub name: Vec<u8>,
    /// For a base chain.
    pub policy: Option<Policy>,
    /// Where it was declared or its policy set.
    pub span: Option<Span>,
    /// Whether other programs fill it, by the facts.
    pub external: bool,
    /// In kernel order: rule number `n` is at `n - 1`.
    pub rules: Vec<Placed>,
}

/// A rule and its place.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The rule; `None` for a line that did not parse.
    pub body: Option<Body>,
    /// What it asks and does.
    pub conditions: Conditions,
    /// The command, without counters.
    pub span: Span,
    /// The command among [`Model::steps`].
    pub step: Option<usize>,
    /// The word after each `-m`, or what loaded it, one per match of the rule.
    pub match_spans: Vec<Span>,
    /// The word after `-j` or `-g`.
    pub target_span: Option<Span>,
    /// The chain it sends packets to; of a broken line as far as it can be told.
    pub mentions: Option<Vec<u8>>,
}

pub use rfw_space::RuleId;

impl Model {
    /// An empty ruleset.
    #[must_use]
    pub fn new(family: Family, input: Input) -> Self {
        Self {
            family,
            input,
            tables: Vec::new(),
            findings: Vec::new(),
            steps: Vec::new(),
            windows: Vec::new(),
        }
    }

    /// The table of that name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<(usize, &Table)> {
        self.tables.iter().enumerate().find(|(_, t)| t.name == name)
    }

    /// The index of a table, which is made if it is new.
    pub(crate) fn enter(&mut self, spec: &'static TableSpec) -> usize {
        if let Some((at, _)) = self.table(spec.name) {
            return at;
        }
        self.tables.push(Table::new(spec));
        self.tables.len() - 1
    }

    /// The rule at a place.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Placed> {
        self.tables.get(id.table)?.chains.get(id.chain)?.rules.get(id.rule)
    }

    /// All rules with their places.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, &Placed)> {
        self.tables.iter().enumerate().flat_map(|(table, t)| {
            t.chains.iter().enumerate().flat_map(move |(chain, c)| {
                c.rules.iter().enumerate().map(move |(rule, placed)| (RuleId { table, chain, rule }, placed))
            })
        })
    }
}

impl Table {
    /// As the kernel makes it: base chains that accept.
    pub(crate) fn new(spec: &'static TableSpec) -> Self {
        let base = |name: &str| Chain {
            name: name.as_bytes().to_vec(),
            policy: Some(Policy::Accept),
            span: None,
            external: false,
            rules: Vec::new(),
        };
        let chains = spec.chains.iter().map(|c| base(c.name)).collect();
        let mut table =
            Self { name: spec.name, span: None, chains, index: HashMap::new(), renamed: Vec::new() };
        table.reindex();
        table
    }

    fn reindex(&mut self) {
        self.index = self.chains.iter().enumerate().map(|(at, c)| (c.name.clone(), at)).collect();
    }

    /// Adds a chain of the user; nothing if there is one of that name.
    pub(crate) fn add(&mut self, name: &[u8], span: Span, facts: &Facts) {
        if !self.index.contains_key(name) {
            self.index.insert(name.to_vec(), self.chains.len());
            self.chains.push(Chain {
                name: name.to_vec(),
                policy: None,
                span: Some(span),
                external: facts.is_external(name),
                rules: Vec::new(),
            });
        }
    }

    /// Keeps the chains that `keep` wants.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Chain) -> bool) {
        self.chains.retain(keep);
        self.reindex();
    }

    /// Gives a chain another name.
    pub(crate) fn rename(&mut self, chain: usize, name: &[u8], facts: &Facts) {
        self.chains[chain].name = name.to_vec();
        self.chains[chain].external = facts.is_external(name);
        self.reindex();
    }

    /// The index of a chain.
    #[must_use]
    pub fn position(&self, name: &[u8]) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The base chains that lead to a chain, itself if it is one.
    #[must_use]
    pub(crate) fn hooks_of(&self, chain: usize) -> BTreeSet<usize> {
        let (mut seen, mut open) = (BTreeSet::from([chain]), vec![chain]);
        while let Some(at) = open.pop() {
            let name = &self.chains[at].name;
            for (caller, own) in self.chains.iter().enumerate() {
                let calls = |placed: &Placed| match &placed.conditions.outcome {
                    Outcome::Jump(to) | Outcome::Goto(to) => to == name,
                    Outcome::Unknown => placed.mentions.as_ref().is_none_or(|to| to == name),
                    _ => false,
                };
                if !seen.contains(&caller) && own.rules.iter().any(calls) {
                    seen.insert(caller);
                    open.push(caller);
                }
            }
        }
        seen.retain(|&at| self.chains[at].policy.is_some());
        seen
    }

    /// The first rule that sends packets to a chain: chain index and rule index.
    #[must_use]
    pub fn reference_to(&self, name: &[u8]) -> Option<(usize, usize)> {
        self.chains.iter().enumerate().find_map(|(at, chain)| {
            let rule = chain.rules.iter().position(|r| r.mentions.as_deref() == Some(name))?;
            Some((at, rule))
        })
    }
}

impl Placed {
    /// The facts of its matches and of its target; none for a rule without an iptables form.
    pub fn facts(&self) -> impl Iterator<Item = rfw_extensions::Facts<'_>> {
        let rule = match &self.body {
            Some(Body::Rule(rule)) => Some(rule),
            _ => None,
        };
        rule.into_iter().flat_map(|rule| {
            let target = match &rule.target {
                RuleTarget::Extension(target) => Some(target.facts()),
                _ => None,
            };
            rule.matches.iter().map(|part| part.facts()).chain(target)
        })
    }
}

impl Chain {
    /// Its name for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// Whether other programs fill it (Docker, fail2ban, ufw, Kubernetes and the like).
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.external
    }
}
