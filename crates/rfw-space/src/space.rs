//! The questions that can be asked of a ruleset.

use std::cell::RefCell;

use crate::bdd::{Bdd, Budget, Ref};
use crate::classes::Round;
use crate::condition::Literal;
use crate::cover::Covers;
use crate::domain::Interest;
use crate::engine::{Dead, Engine, at_hook};
use crate::field::{Key, Masked, interface};
use crate::interp::{Chance, Trace, interpret};
use crate::packet::Packet;
use crate::program::{Hook, Kind, Program, RuleId};
use crate::set::Set;

/// A set of packets, of one [`Space`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region(Ref);

/// The budget is used up: the question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete;

impl std::fmt::Display for Incomplete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the budget of the analysis is used up")
    }
}

impl std::error::Error for Incomplete {}

/// A base chain, or any other chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId {
    /// Index of the table.
    pub table: usize,
    /// Index of the chain.
    pub chain: usize,
}

/// A ruleset and what it does with every packet.
///
/// Regions are made without errors; only questions can fail, and only with [`Incomplete`]. "May" counts whatever chance, other
/// programs' chains and matches of unknown meaning make possible, "must" is true whatever they do.
pub struct Space(RefCell<Engine>);

impl Space {
    /// Analyses a ruleset. `interest` has the values that questions will be about, besides those that rules name.
    #[must_use]
    pub fn new(program: Program, interest: &Interest, budget: Budget) -> Self {
        Self(RefCell::new(Engine::new(program, interest, budget)))
    }

    /// Whether the budget ran out; then questions are answered by [`Incomplete`], and no rule is called dead.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.0.borrow().bdd.is_over()
    }

    /// Nodes and steps used so far.
    #[must_use]
    pub fn cost(&self) -> (usize, u64) {
        let engine = self.0.borrow();
        (engine.bdd.len(), engine.bdd.steps())
    }

    fn region(&self, make: impl FnOnce(&mut Engine) -> Ref) -> Region {
        Region(make(&mut self.0.borrow_mut()))
    }

    fn ask<T>(&self, question: impl FnOnce(&mut Engine) -> T) -> Result<T, Incomplete> {
        let mut engine = self.0.borrow_mut();
        let answer = question(&mut engine);
        if engine.bdd.is_over() { Err(Incomplete) } else { Ok(answer) }
    }

    // Regions.

    /// Every packet.
    #[must_use]
    pub fn all(&self) -> Region {
        Region(Ref::ALL)
    }

    /// No packet.
    #[must_use]
    pub fn none(&self) -> Region {
        Region(Ref::NONE)
    }

    /// The packets whose field is in a set. Of values that neither a rule nor the interest of the analysis names, the region
    /// has the whole class: it may be larger, see [`Space::tells_apart`].
    #[must_use]
    pub fn set(&self, key: &Key, set: &Set) -> Region {
        self.region(|e| e.domain.set(&mut e.bdd, key, set, Round::Out))
    }

    /// Whether a region can be made that has these values of a field and no others.
    #[must_use]
    pub fn tells_apart(&self, key: &Key, set: &Set) -> bool {
        let inner = self.region(|e| e.domain.set(&mut e.bdd, key, set, Round::In));
        inner == self.set(key, set)
    }

    /// The packets with one value of a field.
    #[must_use]
    pub fn one(&self, key: &Key, value: u128) -> Region {
        self.set(key, &Set::one(value))
    }

    /// The packets that have this value in these bits of a field that is asked bit by bit (flags, status, marks). A bit that no
    /// rule looks at is not told apart.
    #[must_use]
    pub fn bits(&self, key: &Key, mask: u128, value: u128) -> Region {
        let masked = Masked { key: key.clone(), mask, value, inverted: false };
        self.region(|e| e.domain.literal(&mut e.bdd, &Literal::Bits(masked)))
    }

    /// A packet, and those that no question tells apart from it.
    #[must_use]
    pub fn only(&self, packet: &Packet) -> Region {
        self.region(|e| e.point(packet))
    }

    /// The packets that come in by an interface.
    #[must_use]
    pub fn incoming(&self, name: &str) -> Region {
        self.set(&Key::Iif, &interface(name))
    }

    /// The packets that go out by an interface.
    #[must_use]
    pub fn outgoing(&self, name: &str) -> Region {
        self.set(&Key::Oif, &interface(name))
    }

    /// The packets of a protocol to some ports.
    #[must_use]
    pub fn service(&self, protocol: u8, ports: &Set) -> Region {
        let protocol = self.one(&Key::Protocol, protocol.into());
        self.and(protocol, self.set(&Key::DestinationPort, ports))
    }

    /// The packets in one of some states ([`crate::NEW`] and so on).
    #[must_use]
    pub fn state(&self, states: &[u128]) -> Region {
        self.set(&Key::State, &Set::union(states.iter().map(|&s| (s, s))))
    }

    /// The packets that there can be at a hook: the interfaces that are known there, first packets only in `nat`.
    #[must_use]
    pub fn at(&self, kind: Kind, hook: Hook) -> Region {
        self.region(|e| at_hook(&mut e.bdd, &mut e.domain, kind, hook))
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, a: Region, b: Region) -> Region {
        self.region(|e| e.bdd.and(a.0, b.0))
    }

    /// What is in all of them.
    #[must_use]
    pub fn all_of(&self, regions: &[Region]) -> Region {
        regions.iter().fold(self.all(), |all, &r| self.and(all, r))
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, a: Region, b: Region) -> Region {
        self.region(|e| e.bdd.or(a.0, b.0))
    }

    /// What is in `a` but not in `b`.
    #[must_use]
    pub fn minus(&self, a: Region, b: Region) -> Region {
        self.region(|e| e.bdd.minus(a.0, b.0))
    }

    /// Everything else.
    #[must_use]
    pub fn not(&self, a: Region) -> Region {
        Region(Bdd::not(a.0))
    }

    /// The same with any value of some fields.
    #[must_use]
    pub fn forget(&self, a: Region, keys: &[Key]) -> Region {
        self.region(|e| e.forgotten(a.0, keys))
    }

    /// The packets of a region, whatever the questions of unknown meaning are answered.
    #[must_use]
    pub fn for_some_answers(&self, a: Region) -> Region {
        self.region(|e| {
            let from = e.domain.atoms();
            e.bdd.exists(a.0, &[(from, u32::MAX)])
        })
    }

    /// What answers to packets of a region: ends exchanged (addresses, ports, interfaces), state ESTABLISHED, or UNTRACKED
    /// where they are. Flags, marks and matches of unknown meaning are open; of ICMP only echo requests are answered.
    #[must_use]
    pub fn reply(&self, a: Region) -> Region {
        self.region(|e| e.reply(a.0))
    }

    /// The packets of a region as they are at another hook: interfaces that are not known there are forgotten, one that was
    /// not known before may be any.
    #[must_use]
    pub fn moved(&self, a: Region, to: Hook) -> Region {
        self.region(|e| e.moved(a.0, to))
    }

    /// The packets of a region, as they are at a base chain of `nat`, after what its translations may make of them; those that
    /// are not translated for sure are in it as they were.
    #[must_use]
    pub fn after_nat(&self, chain: ChainId, a: Region) -> Region {
        self.region(|e| {
            let images = e.images(a.0, chain.table, chain.chain);
            e.bdd.or(a.0, images)
        })
    }

    /// The packets of a region that one rule may translate, as they are afterwards. Where the region is of another hook, move
    /// it first.
    #[must_use]
    pub fn image(&self, id: RuleId, a: Region) -> Region {
        self.region(|e| e.image(a.0, id))
    }

    // Questions about regions.

    /// Whether there is no such packet.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn is_empty(&self, a: Region) -> Result<bool, Incomplete> {
        self.ask(|_| a.0 == Ref::NONE)
    }

    /// Whether every packet of `a` is in `b`.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn is_within(&self, a: Region, b: Region) -> Result<bool, Incomplete> {
        self.ask(|e| e.bdd.is_within(a.0, b.0))
    }

    /// Whether some packet is in both.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn overlaps(&self, a: Region, b: Region) -> Result<bool, Incomplete> {
        self.ask(|e| e.bdd.and(a.0, b.0) != Ref::NONE)
    }

    /// The values of a field that occur in a region; empty for fields that are asked bit by bit (marks, flags).
    ///
    /// # Errors
    /// The budget is used up.
    pub fn values(&self, a: Region, key: &Key) -> Result<Set, Incomplete> {
        self.ask(|e| e.domain.values(&mut e.bdd, a.0, key))
    }

    /// An example, as natural as possible; `None` if there is no such packet.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn witness(&self, a: Region) -> Result<Option<Packet>, Incomplete> {
        self.ask(|e| e.witness(a.0))
    }

    /// Whether a packet is in a region.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn contains(&self, a: Region, packet: &Packet) -> Result<bool, Incomplete> {
        self.ask(|e| {
            let point = e.point(packet);
            e.bdd.and(a.0, point) != Ref::NONE
        })
    }

    // Rules.

    /// Why a rule can never match; `None` for one that can.
    #[must_use]
    pub fn dead(&self, id: RuleId) -> Option<Dead> {
        self.0.borrow().dead(id)
    }

    /// All dead rules, in order.
    #[must_use]
    pub fn all_dead(&self) -> Vec<RuleId> {
        self.0.borrow().all_dead()
    }

    /// The rules that take a dead rule's packets.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn covers(&self, id: RuleId) -> Result<Covers, Incomplete> {
        self.ask(|e| e.covers(id))
    }

    /// Whether a rule that accepts or drops could be deleted without a change to any packet's fate. Dead rules are not meant,
    /// nor those that do anything else besides, nor those that accept what otherwise only a policy would.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn is_redundant(&self, id: RuleId) -> Result<bool, Incomplete> {
        self.ask(|e| e.is_redundant(id))
    }

    /// What a rule matches, whether it comes there or not. Rules of a long block list have the region of the list, see
    /// [`Space::is_grouped`].
    #[must_use]
    pub fn matched(&self, id: RuleId) -> Region {
        self.region(|e| e.matched(id))
    }

    /// What of [`Space::matched`] a rule takes for sure, so that rules behind it do not see it.
    #[must_use]
    pub fn takes(&self, id: RuleId) -> Region {
        self.region(|e| e.takes(id))
    }

    /// Whether chance decides a rule in part: a limit, or what the analysis has no variable for.
    #[must_use]
    pub fn is_by_chance(&self, id: RuleId) -> bool {
        self.0.borrow().program.rule(id).is_some_and(|rule| rule.condition.chance)
    }

    /// What comes to a rule: of all that enters its chain, what no rule before it takes.
    #[must_use]
    pub fn comes_to(&self, id: RuleId) -> Region {
        self.region(|e| e.comes_to(id))
    }

    /// What a rule gets to judge: what comes to it and is matched.
    #[must_use]
    pub fn judged(&self, id: RuleId) -> Region {
        self.region(|e| e.judged(id))
    }

    /// Whether a rule gets to judge some packet of a region; quicker than to make [`Space::judged`].
    ///
    /// # Errors
    /// The budget is used up.
    pub fn judges(&self, id: RuleId, a: Region) -> Result<bool, Incomplete> {
        self.ask(|e| {
            let mut parts = e.coming(id);
            let matched = e.matched(id);
            parts.push(e.bdd.and(matched, a.0));
            e.bdd.meet(&parts)
        })
    }

    /// What of a region may be accepted by what follows a rule: where a limit or a log leaves packets to the rules behind it.
    #[must_use]
    pub fn accepted_behind(&self, id: RuleId, a: Region) -> Region {
        self.region(|e| e.behind(id, a.0).accepted)
    }

    /// What of a region may be dropped by what follows a rule.
    #[must_use]
    pub fn dropped_behind(&self, id: RuleId, a: Region) -> Region {
        self.region(|e| e.behind(id, a.0).dropped)
    }

    /// Whether a rule is one of a long list that is analysed as one set.
    #[must_use]
    pub fn is_grouped(&self, id: RuleId) -> bool {
        self.0.borrow().in_run(id)
    }

    // Chains.

    /// The base chain of a table at a hook.
    #[must_use]
    pub fn base(&self, kind: Kind, hook: Hook) -> Option<ChainId> {
        let engine = self.0.borrow();
        let (table, found) = engine.program.table(kind)?;
        Some(ChainId { table, chain: found.at_hook(hook)? })
    }

    /// What enters a chain.
    #[must_use]
    pub fn entry(&self, chain: ChainId) -> Region {
        self.region(|e| {
            e.tables.get(chain.table).and_then(|t| t.chains.get(chain.chain)).map_or(Ref::NONE, |c| c.entry)
        })
    }

    /// What a base chain may accept. It says nothing of what there can be at its hook; see [`Space::entry`].
    #[must_use]
    pub fn accepted(&self, chain: ChainId) -> Region {
        self.region(|e| e.fate(chain.table, chain.chain).accepted)
    }

    /// What a base chain may drop.
    #[must_use]
    pub fn dropped(&self, chain: ChainId) -> Region {
        self.region(|e| e.fate(chain.table, chain.chain).dropped)
    }

    /// Whether a base chain may accept some packet of a region that can be at its hook.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn may_accept(&self, chain: ChainId, a: Region) -> Result<bool, Incomplete> {
        let here = self.and(a, self.entry(chain));
        self.overlaps(here, self.accepted(chain))
    }

    /// Whether a base chain may drop some packet of a region that can be at its hook.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn may_drop(&self, chain: ChainId, a: Region) -> Result<bool, Incomplete> {
        let here = self.and(a, self.entry(chain));
        self.overlaps(here, self.dropped(chain))
    }

    /// Whether a base chain accepts every packet of a region that can be at its hook, whatever chance and unknown matches do.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn must_accept(&self, chain: ChainId, a: Region) -> Result<bool, Incomplete> {
        Ok(!self.may_drop(chain, a)?)
    }

    /// Follows one packet through a chain, rule by rule, without the analysis. Where chance decides, `chance` is asked.
    #[must_use]
    pub fn trace(&self, chain: ChainId, packet: &Packet, chance: &mut dyn FnMut(Chance) -> bool) -> Trace {
        interpret(&self.0.borrow().program, chain.table, chain.chain, packet, chance)
    }

    /// The packets of a region that a base chain accepts for sure.
    #[must_use]
    pub fn surely_accepted(&self, chain: ChainId, a: Region) -> Region {
        let here = self.and(a, self.entry(chain));
        self.minus(here, self.dropped(chain))
    }

    /// The packets of a region that a base chain drops for sure.
    #[must_use]
    pub fn surely_dropped(&self, chain: ChainId, a: Region) -> Region {
        let here = self.and(a, self.entry(chain));
        self.minus(here, self.accepted(chain))
    }
}

impl Engine {
    /// The packets that no question tells apart from this one.
    pub(crate) fn point(&mut self, packet: &Packet) -> Ref {
        let keys: Vec<Key> = self.domain.fields.keys().cloned().collect();
        let mut all = Ref::ALL;
        for key in keys {
            let one = self.domain.value(&mut self.bdd, &key, packet.get(&key));
            all = self.bdd.and(all, one);
        }
        for atom in 0..self.program.atoms.len().min(crate::domain::MAX_ATOMS) {
            let var = self.bdd.make(self.domain.atom(atom), Ref::NONE, Ref::ALL);
            let one = if packet.atoms.contains(&atom) { var } else { Bdd::not(var) };
            all = self.bdd.and(all, one);
        }
        all
    }
}
