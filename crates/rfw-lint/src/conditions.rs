//! What a rule asks of a packet and what it does with it, as facts: no check looks at the name of an extension.
//!
//! The rule is lowered to native expressions and raised again. A test of a field becomes a set of numbers; what can't be
//! one is kept and compared for equality only, so that every answer here errs to the side of "not known".
//! An exact algebra can take the place of [`Conditions::is_within`] and [`Conditions::narrow`] without a change to checks.

use std::hash::{DefaultHasher, Hash, Hasher};

use rfw_compiler::{Rule, RuleTarget};
use rfw_extensions::selector::is_pure;
use rfw_extensions::{Effect, Encoding, Lowering, is_verdict};
use rfw_nft::Family;
use rfw_nft::expr::CmpOp;
use rfw_nft::expr::{Expr, Verdict};
use rfw_nft::predicate::{Item, Raised, Relation, Value, raise};

pub use crate::fields::{ESTABLISHED, INVALID, Key, NEW, RELATED, interface};
use crate::fields::{Masked, Tested, in_set, number, ports, test};
use crate::sets::Set;

/// Where a rule sends what it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To the next rule.
    Continue,
    /// It passes this table.
    Accept,
    /// It goes no further.
    Drop,
    /// Back to the calling chain, or to the policy.
    Return,
    /// Through a chain and, if that does not judge, to the next rule.
    Jump(Vec<u8>),
    /// To a chain for good.
    Goto(Vec<u8>),
    /// It ends here in a way that may be either.
    Ends,
    /// The line could not be read: anything.
    Unknown,
}

/// How a rule uses a list of recent addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListUse {
    /// The list.
    pub name: Vec<u8>,
    /// It adds to it.
    pub adds: bool,
}

/// A look into an ipset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The set.
    pub name: String,
    /// How many parts of the packet are looked up.
    pub dimensions: u8,
    /// Bit n, from 1: part n is that of the source.
    pub sources: u8,
    /// It asks for what is not in the set.
    pub inverted: bool,
    /// It asks for elements that except others.
    pub exceptions: bool,
}

/// What a rule asks and does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    tests: Vec<(Key, Set)>,
    masked: Vec<Masked>,
    /// Pure conditions that are known by their equality only.
    opaque: Vec<Item>,
    /// For each of them the words of its match, if it is all that the match asks.
    words: Vec<String>,
    /// And the ipset that it looks into, if it does.
    lookups: Vec<Option<Lookup>>,
    /// Conditions that answer differently for equal packets.
    limits: Vec<Item>,
    /// What the target does, verdicts excepted.
    effects: Vec<Item>,
    /// Where the packet goes.
    pub outcome: Outcome,
    /// It writes a log record.
    pub logs: bool,
    /// It changes the packet, its marks or its connection.
    pub rewrites: bool,
    /// Lists of recent addresses that it reads or writes.
    pub lists: Vec<ListUse>,
}

impl Conditions {
    /// Of a line that could not be read.
    #[must_use]
    pub fn unknown() -> Self {
        Self { outcome: Outcome::Unknown, rewrites: true, ..Self::empty() }
    }

    /// Of every packet.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            tests: Vec::new(),
            masked: Vec::new(),
            opaque: Vec::new(),
            words: Vec::new(),
            lookups: Vec::new(),
            limits: Vec::new(),
            effects: Vec::new(),
            outcome: Outcome::Continue,
            logs: false,
            rewrites: false,
            lists: Vec::new(),
        }
    }

    /// Of a typed rule.
    #[must_use]
    pub fn of_rule(rule: &Rule, family: Family) -> Self {
        let mut found = Self::empty();
        let protocol = rule.selector.protocol_pair();
        let new = || Lowering::new(Encoding::Native, family, protocol);
        let mut out = new();
        rule.selector.lower(&mut out);
        found.take_all(&out.exprs, Effect::Pure, family);
        for part in &rule.matches {
            let mut out = new();
            part.lower(&mut out);
            let facts = part.facts();
            found.lists.extend(facts.list.map(|list| ListUse { name: list.name.to_vec(), adds: list.adds }));
            let before = found.opaque.len();
            found.take_all(&out.exprs, facts.effect, family);
            if found.opaque.len() == before + 1 && out.exprs.len() == 1 {
                found.words.resize(before, String::new());
                found.words.push(crate::names::words(part, family));
                found.lookups.resize(before, None);
                found.lookups.push(facts.set.map(|set| Lookup {
                    name: set.name.to_owned(),
                    dimensions: set.dimensions,
                    sources: set.sources,
                    inverted: set.inverted,
                    exceptions: set.exceptions,
                }));
            }
        }
        found.outcome = match &rule.target {
            RuleTarget::Nothing => Outcome::Continue,
            RuleTarget::Accept => Outcome::Accept,
            RuleTarget::Drop => Outcome::Drop,
            RuleTarget::Return => Outcome::Return,
            // A verdict that needs no chain.
            RuleTarget::Jump(name) if is_verdict(name) => Outcome::Ends,
            RuleTarget::Jump(chain) => Outcome::Jump(chain.clone()),
            RuleTarget::Goto(chain) => Outcome::Goto(chain.clone()),
            RuleTarget::Extension(target) => {
                let mut out = new();
                target.lower(&mut out);
                found.effects = raise(&out.exprs).into_iter().map(|r| r.item).collect();
                let facts = target.facts();
                match facts.effect {
                    Effect::Ends if facts.refuses => Outcome::Drop,
                    Effect::Ends => found.effects.iter().find_map(ending).unwrap_or(Outcome::Ends),
                    effect => {
                        found.logs |= effect == Effect::Logs;
                        found.rewrites |= effect == Effect::Rewrites;
                        Outcome::Continue
                    }
                }
            }
        };
        found
    }

    /// Of a rule that has no iptables form.
    #[must_use]
    pub fn of_expressions(exprs: &[Expr], family: Family) -> Self {
        let mut found = Self::empty();
        for Raised { item, .. } in raise(exprs) {
            match &item {
                Item::Plain(Expr::Verdict(verdict)) => found.outcome = outcome(verdict),
                Item::Plain(Expr::Counter { .. } | Expr::Notrack) => {}
                Item::Plain(Expr::Log { .. }) => {
                    found.logs = true;
                    found.effects.push(item);
                }
                Item::Plain(Expr::Target { .. }) => {
                    found.outcome = Outcome::Ends;
                    found.rewrites = true;
                    found.effects.push(item);
                }
                Item::Plain(Expr::Match { .. }) | Item::Opaque(Expr::Unknown { .. }) => {
                    found.take(item, Effect::Limits, family);
                }
                Item::Set { .. } => {
                    found.rewrites = true;
                    found.effects.push(item);
                }
                other if ending(other).is_some() => {
                    found.outcome = ending(other).unwrap_or(Outcome::Ends);
                    found.effects.push(item);
                }
                Item::Opaque(Expr::Lookup { .. }) => found.opaque.push(item),
                other => {
                    let effect = if is_pure(other) { Effect::Pure } else { Effect::Limits };
                    found.take(item, effect, family);
                }
            }
        }
        found
    }

    fn take_all(&mut self, exprs: &[Expr], effect: Effect, family: Family) {
        for raised in raise(exprs) {
            self.take(raised.item, effect, family);
        }
    }

    fn take(&mut self, item: Item, effect: Effect, family: Family) {
        self.rewrites |= effect == Effect::Rewrites;
        self.logs |= effect == Effect::Logs;
        match &item {
            _ if effect != Effect::Pure => self.limits.push(item),
            Item::Load(_) => {}
            // Every number passes: there is a header.
            Item::Test { relation: Relation::Cmp(CmpOp::Gte, data), .. } if data.iter().all(|b| *b == 0) => {}
            Item::In { values, invert, set } => match in_set(values, *invert, set, family) {
                Some((key, set)) => self.require(key, set),
                None => self.opaque.push(item),
            },
            Item::Test { value, relation } if ports(value, relation).is_some() => {
                for (key, port) in ports(value, relation).into_iter().flatten() {
                    self.require(key, Set::one(port));
                }
            }
            Item::Test { value, relation } => match test(value, relation, family) {
                Some(Tested::Set(key, set)) => self.require(key, set),
                Some(Tested::Masked(masked)) => self.masked.push(masked),
                None => self.opaque.push(item),
            },
            _ => self.opaque.push(item),
        }
    }

    /// Tests of bits that are no set.
    pub(crate) fn masked(&self) -> &[Masked] {
        &self.masked
    }

    /// Pure conditions that are known by their equality only, and the words of each where it has its own.
    pub(crate) fn opaque(&self) -> impl Iterator<Item = (&Item, &str)> {
        let words = |at: usize| self.words.get(at).map_or("", String::as_str);
        self.opaque.iter().enumerate().map(move |(at, item)| (item, words(at)))
    }

    /// The looks into ipsets among the opaque conditions, by their place there.
    pub(crate) fn lookup(&self, at: usize) -> Option<&Lookup> {
        self.lookups.get(at)?.as_ref()
    }

    /// All of them.
    pub(crate) fn lookups(&self) -> impl Iterator<Item = &Lookup> {
        self.lookups.iter().flatten()
    }

    /// What the target does, verdicts excepted.
    pub(crate) fn effects(&self) -> &[Item] {
        &self.effects
    }

    /// Adds the condition that a field is in a set.
    pub fn require(&mut self, key: Key, set: Set) {
        match self.tests.iter_mut().find(|(k, _)| *k == key) {
            Some((_, have)) => *have = have.meet(&set),
            None => self.tests.push((key, set)),
        }
    }

    /// Removes what is asked of a field.
    pub fn forget(&mut self, key: &Key) {
        self.tests.retain(|(k, _)| k != key);
    }

    /// What is asked of a field.
    #[must_use]
    pub fn set(&self, key: &Key) -> Option<&Set> {
        self.tests.iter().find(|(k, _)| k == key).map(|(_, set)| set)
    }

    /// The sets that it asks for.
    pub fn sets(&self) -> impl Iterator<Item = (&Key, &Set)> {
        self.tests.iter().map(|(key, set)| (key, set))
    }

    /// Whether every packet satisfies it.
    #[must_use]
    pub fn is_catch_all(&self) -> bool {
        let nothing = self.tests.is_empty() && self.masked.is_empty() && self.opaque.is_empty();
        nothing && self.limits.is_empty() && self.outcome != Outcome::Unknown
    }

    /// Whether it answers differently for equal packets.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Whether it is only about packets that open a connection.
    #[must_use]
    pub fn judges_only_new(&self) -> bool {
        self.set(&Key::State).is_some_and(|set| set.is_within(&Set::one(NEW)))
    }

    /// Whether every packet that satisfies this one satisfies `other`, if both were asked at the same time.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        other.limits.is_empty() && self.is_within_but_for_limits(other)
    }

    /// The same, as if `other` had no limits.
    #[must_use]
    pub fn is_within_but_for_limits(&self, other: &Self) -> bool {
        other.outcome != Outcome::Unknown
            && self.outcome != Outcome::Unknown
            && other.tests.iter().all(|(key, set)| self.set(key).is_some_and(|own| own.is_within(set)))
            && other.masked.iter().all(|masked| self.satisfies(masked))
            && other.opaque.iter().all(|item| self.opaque.contains(item))
    }

    fn satisfies(&self, wanted: &Masked) -> bool {
        if let Some(number) = self.set(&wanted.key).and_then(Set::single) {
            return (number & wanted.mask == wanted.value) != wanted.inverted;
        }
        self.masked.iter().any(|own| {
            if own == wanted {
                return true;
            }
            if own.key != wanted.key || own.inverted {
                return false;
            }
            // Bits that are known and wanted: enough of them to be sure, or one that contradicts.
            let common = own.mask & wanted.mask;
            let same = own.value & common == wanted.value & common;
            if wanted.inverted { !same } else { same && common == wanted.mask }
        })
    }

    /// Whether a rewrite before it leaves its answer alone.
    #[must_use]
    pub fn survives_rewrites(&self, table: &str) -> bool {
        let stable = |key: &Key| key.is_stable() && (*key != Key::State || table != "raw");
        self.opaque.is_empty() && self.masked.is_empty() && self.tests.iter().all(|(key, _)| stable(key))
    }

    /// Whether two rules ask and do the same, in whatever order it was written.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.does_the_same(other)
            && alike(&self.tests, &other.tests)
            && alike(&self.masked, &other.masked)
            && alike(&self.opaque, &other.opaque)
    }

    /// Whether two rules do the same with what they match, and slow it down alike.
    #[must_use]
    pub fn does_the_same(&self, other: &Self) -> bool {
        self.outcome == other.outcome
            && self.outcome != Outcome::Unknown
            && self.effects == other.effects
            && alike(&self.limits, &other.limits)
    }

    /// Whether two rules ask and do the same but for one field, of which each asks something else.
    #[must_use]
    pub fn is_same_but_for(&self, other: &Self, key: &Key) -> bool {
        let without = |rule: &Self| -> Vec<(Key, Set)> {
            rule.tests.iter().filter(|(k, _)| k != key).cloned().collect()
        };
        let (one, two) = (without(self), without(other));
        self.outcome == other.outcome
            && self.effects == other.effects
            && self.set(key).is_some_and(|set| other.set(key).is_some_and(|two| two != set))
            && one.len() == two.len()
            && one.iter().all(|test| two.contains(test))
            && self.masked == other.masked
            && self.opaque == other.opaque
            && self.limits == other.limits
    }

    /// Equal for rules that are the same.
    #[must_use]
    pub fn signature(&self) -> u64 {
        let tests = self.tests.iter().map(|test| {
            let mut hasher = DefaultHasher::new();
            test.hash(&mut hasher);
            hasher.finish()
        });
        tests.fold(self.limits.len() as u64, u64::wrapping_add)
    }

    /// Packets that satisfy both, as far as fields are known; `None` if there surely are none.
    #[must_use]
    pub fn narrow(&self, rule: &Self) -> Option<Self> {
        let mut both = self.clone();
        for (key, set) in &rule.tests {
            both.require(key.clone(), set.clone());
        }
        both.tests.iter().all(|(_, set)| !set.is_empty()).then_some(both)
    }

    /// The destination that address translation gives: addresses and, where they change, ports.
    #[must_use]
    pub fn translated_to(&self) -> Option<(Set, Option<Set>)> {
        self.effects.iter().find_map(|item| match item {
            Item::Nat { kind: 1, addr_min: Some(low), addr_max, proto_min, proto_max, .. } => {
                let ports = match proto_min {
                    Some(low) => Some(constants(low, proto_max.as_ref())?),
                    None => None,
                };
                Some((constants(low, addr_max.as_ref())?, ports))
            }
            _ => None,
        })
    }
}

/// Whether two lists have the same members.
fn alike<T: PartialEq>(a: &[T], b: &[T]) -> bool {
    a.len() == b.len() && a.iter().all(|x| b.contains(x))
}

fn constants(low: &Value, high: Option<&Value>) -> Option<Set> {
    let from = number(low.constant()?)?;
    let to = match high {
        Some(high) => number(high.constant()?)?,
        None => from,
    };
    Some(Set::range(from, to))
}

/// How a target that ends a chain ends it.
fn ending(item: &Item) -> Option<Outcome> {
    match item {
        Item::Plain(Expr::Reject { .. }) => Some(Outcome::Drop),
        Item::Nat { .. } | Item::Masq { .. } | Item::Redir { .. } => Some(Outcome::Accept),
        _ => None,
    }
}

fn outcome(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Accept => Outcome::Accept,
        Verdict::Drop => Outcome::Drop,
        Verdict::Continue => Outcome::Continue,
        Verdict::Return => Outcome::Return,
        Verdict::Jump(chain) => Outcome::Jump(chain.clone()),
        Verdict::Goto(chain) => Outcome::Goto(chain.clone()),
    }
}
