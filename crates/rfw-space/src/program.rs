//! Rulesets as programs: chains of rules that ask, change and judge.
//!
//! Indices are those of whoever made the program: rule `r` of chain `c` of table `t` is [`RuleId`] `{ t, c, r }` everywhere.

use rfw_nft::Family;

use crate::condition::{Atom, Condition};
use crate::field::Key;

/// Where a rule is in a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// Index of the table.
    pub table: usize,
    /// Index of the chain.
    pub chain: usize,
    /// Index of the rule, one less than its number.
    pub rule: usize,
}

/// Where a base chain is hooked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// What comes from outside, before routing.
    Prerouting,
    /// What is for this host.
    Input,
    /// What passes through.
    Forward,
    /// What this host sends.
    Output,
    /// Everything that leaves, after routing.
    Postrouting,
}

impl Hook {
    /// By the name of its chains.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"PREROUTING" => Self::Prerouting,
            b"INPUT" => Self::Input,
            b"FORWARD" => Self::Forward,
            b"OUTPUT" => Self::Output,
            b"POSTROUTING" => Self::Postrouting,
            _ => return None,
        })
    }

    /// Whether packets have an incoming interface there.
    #[must_use]
    pub fn has_iif(self) -> bool {
        matches!(self, Self::Prerouting | Self::Input | Self::Forward)
    }

    /// Whether packets have an outgoing interface there.
    #[must_use]
    pub fn has_oif(self) -> bool {
        matches!(self, Self::Forward | Self::Output | Self::Postrouting)
    }
}

/// Where a rule sends what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// To the next rule.
    Continue,
    /// It passes this table.
    Accept,
    /// It goes no further.
    Drop,
    /// It goes no further, and its sender is told.
    Reject,
    /// Back to the calling chain, or to the policy.
    Return,
    /// Through a chain of the same table and, if that does not judge, to the next rule.
    Jump(usize),
    /// To a chain for good.
    Goto(usize),
    /// It ends here and may be either.
    Either,
    /// Anything: the line could not be read, or the chain is not known.
    Unknown,
}

impl Action {
    /// The chain it enters.
    #[must_use]
    pub fn chain(self) -> Option<usize> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(chain),
            _ => None,
        }
    }
}

/// A change to the packet, before its rule's action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assign {
    /// `field = (field & keep) ^ value`.
    Bits {
        /// The field.
        key: Key,
        /// Bits that stay.
        keep: u128,
        /// Bits that are turned.
        value: u128,
    },
    /// A field may have any value afterwards.
    Forget(Key),
    /// Every field that a rule can change, and every question of unknown meaning, may come out otherwise afterwards.
    ForgetAll,
}

/// Addresses and ports that address translation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// Whether the destination is rewritten; else the source.
    pub destination: bool,
    /// The new addresses; `None` for an address of this host that is not known.
    pub addresses: Option<crate::Set>,
    /// The new ports, if they change. For MASQUERADE and SNAT without ports the port may change or not: `None`.
    pub ports: Option<crate::Set>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it asks.
    pub condition: Condition,
    /// What it changes; as far as it matters here.
    pub assigns: Vec<Assign>,
    /// Where it sends the packet.
    pub action: Action,
    /// For a rule that accepts in `nat`.
    pub translation: Option<Translation>,
    /// It takes the packet out of connection tracking.
    pub untracks: bool,
    /// It has an effect besides its verdict: it logs, marks, counts in a list.
    pub effect: bool,
}

impl Rule {
    /// A rule that only judges.
    #[must_use]
    pub fn new(condition: Condition, action: Action) -> Self {
        Self { condition, assigns: Vec::new(), action, translation: None, untracks: false, effect: false }
    }
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Its name, for traces.
    pub name: String,
    /// For a base chain.
    pub base: Option<Base>,
    /// Another program fills it: besides what its rules do it may accept, and it may return.
    pub external: bool,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// What makes a chain a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Where it is hooked in.
    pub hook: Hook,
    /// Whether what no rule judged passes.
    pub accepts: bool,
}

/// Which table it is; the order is that in which a packet meets them at one hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Before connection tracking.
    Raw,
    /// Marks.
    Mangle,
    /// Address translation: first packets of connections only.
    Nat,
    /// The filter.
    Filter,
    /// SELinux.
    Security,
}

impl Kind {
    /// By name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "raw" => Self::Raw,
            "mangle" => Self::Mangle,
            "nat" => Self::Nat,
            "filter" => Self::Filter,
            "security" => Self::Security,
            _ => return None,
        })
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Which.
    pub kind: Kind,
    /// Its chains.
    pub chains: Vec<Chain>,
}

impl Table {
    /// The base chain at a hook.
    #[must_use]
    pub fn at_hook(&self, hook: Hook) -> Option<usize> {
        self.chains.iter().position(|c| c.base.is_some_and(|b| b.hook == hook))
    }
}

/// A ruleset of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The family.
    pub family: Family,
    /// The tables.
    pub tables: Vec<Table>,
    /// Questions that only their text is known of.
    pub atoms: Vec<Atom>,
    /// What is true of every packet when it comes to a hook, as far as it is known how packets are routed. Questions of unknown
    /// meaning are not asked in it.
    pub routing: Vec<(Hook, Condition)>,
}

impl Program {
    /// Without rules.
    #[must_use]
    pub fn new(family: Family) -> Self {
        Self { family, tables: Vec::new(), atoms: Vec::new(), routing: Vec::new() }
    }

    /// The rule at a place.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.tables.get(id.table)?.chains.get(id.chain)?.rules.get(id.rule)
    }

    /// The table of a kind, and its index.
    #[must_use]
    pub fn table(&self, kind: Kind) -> Option<(usize, &Table)> {
        self.tables.iter().enumerate().find(|(_, t)| t.kind == kind)
    }

    /// All rules with their places.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        self.tables.iter().enumerate().flat_map(|(table, t)| {
            t.chains.iter().enumerate().flat_map(move |(chain, c)| {
                c.rules.iter().enumerate().map(move |(rule, r)| (RuleId { table, chain, rule }, r))
            })
        })
    }
}
