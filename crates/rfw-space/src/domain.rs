//! Which variable of the diagrams stands for what.
//!
//! A field with classes takes as many variables as the number of its classes has digits, highest first; numbers past the last
//! class mean the last class too, so that every valuation is a packet. Fields that are tested bit by bit (marks, TCP flags) take
//! one variable per bit that somebody looks at. Last come the questions of unknown meaning, one variable each.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rfw_nft::Family;

use crate::bdd::{Bdd, Ref};
use crate::classes::{Classes, Round};
use crate::condition::Literal;
use crate::field::{Key, Masked, NEW, UNTRACKED, interface};
use crate::set::Set;

/// Questions of unknown meaning that get a variable; those after them count as chance.
pub(crate) const MAX_ATOMS: usize = 1024;

/// Values that a question will be about, so that the classes tell them apart: fields and sets besides those of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    sets: Vec<(Key, Set)>,
}

impl Interest {
    /// Adds a set.
    pub fn add(&mut self, key: Key, set: Set) {
        self.sets.push((key, set));
    }
}

/// The variables of one field.
pub(crate) struct Field {
    /// The first level.
    pub(crate) base: u32,
    pub(crate) code: Code,
}

pub(crate) enum Code {
    Classes {
        classes: Classes,
        bits: u32,
    },
    /// The bits that have a variable, highest first.
    Bits(Vec<u32>),
}

impl Field {
    pub(crate) fn levels(&self) -> (u32, u32) {
        let bits = match &self.code {
            Code::Classes { bits, .. } => *bits,
            Code::Bits(bits) => bits.len() as u32,
        };
        (self.base, self.base + bits)
    }
}

/// The variables.
pub(crate) struct Domain {
    pub(crate) fields: BTreeMap<Key, Field>,
    atoms: u32,
    known: HashMap<(Key, Set), Ref>,
}

/// What the rules ask, collected before there are variables.
#[derive(Default)]
pub(crate) struct Asked {
    sets: BTreeMap<Key, HashSet<Set>>,
    /// Bits that are looked at by themselves.
    bits: BTreeMap<Key, u128>,
}

impl Asked {
    pub(crate) fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::In(key, set) => self.set(key, set),
            Literal::Bits(Masked { key, mask, .. }) => *self.bits.entry(key.clone()).or_default() |= mask,
            Literal::Boxes { boxes, .. } => {
                boxes.iter().flatten().for_each(|(key, set)| self.set(key, set));
            }
            Literal::Atom { .. } => {}
        }
    }

    pub(crate) fn set(&mut self, key: &Key, set: &Set) {
        let sets = self.sets.entry(key.clone()).or_default();
        if !sets.contains(set) {
            sets.insert(set.clone());
        }
    }

    pub(crate) fn keys(&self) -> BTreeSet<&Key> {
        self.sets.keys().chain(self.bits.keys()).collect()
    }
}

/// Addresses first: small fields before large ones make random rules explode (docs/architecture.md has figures).
const ORDER: [Key; 13] = [
    Key::Destination,
    Key::Source,
    Key::Iif,
    Key::Oif,
    Key::State,
    Key::Protocol,
    Key::DestinationPort,
    Key::SourcePort,
    Key::TcpFlags,
    Key::Status,
    Key::Mark,
    Key::ConnectionMark,
    // Stands for all others, which sort behind.
    Key::ConnectionMark,
];

/// Fields whose values change places in a reply, so that both need the classes of both.
const TURNED: [(Key, Key); 3] =
    [(Key::Source, Key::Destination), (Key::SourcePort, Key::DestinationPort), (Key::Iif, Key::Oif)];

impl Domain {
    pub(crate) fn new(mut asked: Asked, interest: &Interest, atoms: usize, family: Family) -> Self {
        asked.natural();
        for (key, set) in &interest.sets {
            asked.set(key, set);
        }
        for (one, other) in &TURNED {
            let both: HashSet<Set> =
                [one, other].iter().filter_map(|k| asked.sets.remove(k)).flatten().collect();
            asked.sets.insert(one.clone(), both.clone());
            asked.sets.insert(other.clone(), both);
        }
        let mut order: Vec<Key> = ORDER[..12].to_vec();
        order.extend(asked.keys().into_iter().filter(|k| matches!(k, Key::Other(_))).cloned());
        let mut domain = Self { fields: BTreeMap::new(), atoms: 0, known: HashMap::new() };
        for key in order {
            let code = asked.code(&key, family);
            let field = Field { base: domain.atoms, code };
            domain.atoms = field.levels().1;
            domain.fields.insert(key, field);
        }
        debug_assert!(atoms <= MAX_ATOMS);
        domain
    }

    /// The level of a question of unknown meaning.
    pub(crate) fn atom(&self, atom: usize) -> u32 {
        self.atoms + atom as u32
    }

    /// The first level behind all fields.
    pub(crate) fn atoms(&self) -> u32 {
        self.atoms
    }

    /// The levels of a field; none if it has no variable.
    pub(crate) fn levels(&self, key: &Key) -> (u32, u32) {
        self.fields.get(key).map_or((0, 0), Field::levels)
    }

    /// The packets that satisfy a literal.
    pub(crate) fn literal(&mut self, bdd: &mut Bdd, literal: &Literal) -> Ref {
        match literal {
            Literal::In(key, set) => self.set(bdd, key, set, Round::Out),
            Literal::Bits(masked) => self.bits(bdd, masked),
            Literal::Boxes { boxes, negated } => {
                let mut any = Ref::NONE;
                for fields in boxes {
                    let parts: Vec<Ref> =
                        fields.iter().map(|(key, set)| self.set(bdd, key, set, Round::Out)).collect();
                    let all = parts.into_iter().fold(Ref::ALL, |all, part| bdd.and(all, part));
                    any = bdd.or(any, all);
                }
                if *negated { Bdd::not(any) } else { any }
            }
            Literal::Atom { atom, negated } => {
                let var = bdd.make(self.atom(*atom), Ref::NONE, Ref::ALL);
                if *negated { Bdd::not(var) } else { var }
            }
        }
    }

    /// The packets whose field is in a set.
    pub(crate) fn set(&mut self, bdd: &mut Bdd, key: &Key, set: &Set, round: Round) -> Ref {
        let known = (key.clone(), set.clone());
        if round == Round::Out
            && let Some(&found) = self.known.get(&known)
        {
            return found;
        }
        let Some(field) = self.fields.get(key) else {
            let some = round == Round::Out && !set.is_empty();
            return if some { Ref::ALL } else { Ref::NONE };
        };
        let codes =
            match &field.code {
                Code::Classes { classes, bits } => {
                    let within = classes.within(set, round);
                    let last = classes.count() - 1;
                    let top = (1u128 << bits) - 1;
                    Set::union(within.into_iter().map(|class| {
                        (u128::from(class), if class == last { top } else { u128::from(class) })
                    }))
                }
                Code::Bits(positions) => compressed(set, positions, round),
            };
        let (base, end) = field.levels();
        let found = numbers(bdd, base, end - base, codes.intervals());
        if round == Round::Out {
            self.known.insert(known, found);
        }
        found
    }

    fn bits(&self, bdd: &mut Bdd, masked: &Masked) -> Ref {
        let Some(field) = self.fields.get(&masked.key) else { return Ref::ALL };
        let all = match &field.code {
            _ if masked.value & !masked.mask != 0 => Ref::NONE,
            Code::Bits(positions) => {
                let mut all = Ref::ALL;
                for (bit, level) in positions.iter().zip(field.base..field.levels().1).rev() {
                    if masked.mask >> bit & 1 == 1 {
                        let set = masked.value >> bit & 1 == 1;
                        let (low, high) = if set { (Ref::NONE, all) } else { (all, Ref::NONE) };
                        all = bdd.make(level, low, high);
                    }
                }
                all
            }
            // Bits of a field with classes are not asked for; see `Asked::code`.
            Code::Classes { .. } => return Ref::ALL,
        };
        if masked.inverted { Bdd::not(all) } else { all }
    }

    /// The values of a field that occur in a region.
    pub(crate) fn values(&self, bdd: &mut Bdd, region: Ref, key: &Key) -> Set {
        let Some(field) = self.fields.get(key) else { return Set::default() };
        let (base, end) = field.levels();
        let own = bdd.exists(region, &[(0, base), (end, u32::MAX)]);
        match &field.code {
            Code::Classes { classes, bits } => {
                let holds =
                    |class: u32| bdd.holds(own, |level| class >> (bits - 1 - (level - base)) & 1 == 1);
                let sets = (0..classes.count()).filter(|&c| holds(c)).map(|c| classes.values(c));
                Set::union(sets.flat_map(|s| s.intervals().to_vec()))
            }
            Code::Bits(_) => Set::default(),
        }
    }

    /// The region where a field has the class or the bits of a value.
    pub(crate) fn value(&self, bdd: &mut Bdd, key: &Key, value: u128) -> Ref {
        let Some(field) = self.fields.get(key) else { return Ref::ALL };
        match &field.code {
            Code::Classes { classes, bits } => {
                let class = classes.of(value);
                let top = if class + 1 == classes.count() { (1u128 << bits) - 1 } else { class.into() };
                numbers(bdd, field.base, *bits, &[(class.into(), top)])
            }
            Code::Bits(positions) => {
                let mask = positions.iter().fold(0, |mask, bit| mask | 1 << bit);
                let masked = Masked { key: key.clone(), mask, value: value & mask, inverted: false };
                self.bits(bdd, &masked)
            }
        }
    }
}

impl Asked {
    /// What every question needs: no interface, the loopback one, single states.
    fn natural(&mut self) {
        for key in [Key::Iif, Key::Oif] {
            self.set(&key, &Set::one(0));
            self.set(&key, &interface("lo"));
        }
        for state in 0..=NEW.max(UNTRACKED) {
            self.set(&Key::State, &Set::one(state));
        }
        for protocol in [1, 6, 17, 58] {
            self.set(&Key::Protocol, &Set::one(protocol));
        }
    }

    fn code(&self, key: &Key, family: Family) -> Code {
        let empty = HashSet::new();
        let sets = self.sets.get(key).unwrap_or(&empty);
        let bits = self.bits.get(key).copied();
        let by_bits = matches!(key, Key::TcpFlags | Key::Status | Key::Mark | Key::ConnectionMark);
        if !by_bits && bits.is_none() {
            let mut sorted: Vec<&Set> = sets.iter().collect();
            sorted.sort_unstable_by(|a, b| a.intervals().cmp(b.intervals()));
            let classes = Classes::new(sorted, key.limit(family));
            let bits = 32 - (classes.count() - 1).leading_zeros();
            return Code::Classes { classes, bits };
        }
        // A set needs all bits of the field.
        let width = 128 - key.limit(family).leading_zeros();
        let used = if sets.is_empty() { bits.unwrap_or(0) } else { u128::MAX };
        Code::Bits((0..width).rev().filter(|bit| used >> bit & 1 == 1).collect())
    }
}

/// A set over some bits of its field, as numbers made of those bits.
fn compressed(set: &Set, positions: &[u32], round: Round) -> Set {
    let contiguous = positions.iter().rev().copied().eq(0..positions.len() as u32);
    if contiguous {
        let top = 1u128.checked_shl(positions.len() as u32).map_or(u128::MAX, |n| n - 1);
        return set.meet(&Set::range(0, top));
    }
    // Only bits are asked of this field, never sets: what is asked now can't be told exactly.
    let some = round == Round::Out && !set.is_empty();
    if some { Set::range(0, u128::MAX >> (128 - positions.len().max(1))) } else { Set::default() }
}

/// The valuations of `bits` variables from `base` on, highest digit first, whose number is in one of the sorted intervals.
fn numbers(bdd: &mut Bdd, base: u32, bits: u32, intervals: &[(u128, u128)]) -> Ref {
    let top = 1u128.checked_shl(bits).map_or(u128::MAX, |n| n - 1);
    numbers_in(bdd, base, bits, intervals, 0, top)
}

fn numbers_in(
    bdd: &mut Bdd,
    level: u32,
    bits: u32,
    intervals: &[(u128, u128)],
    low: u128,
    high: u128,
) -> Ref {
    let first = intervals.partition_point(|i| i.1 < low);
    let intervals = &intervals[first..];
    let intervals = &intervals[..intervals.partition_point(|i| i.0 <= high)];
    match intervals {
        [] => Ref::NONE,
        [one] if one.0 <= low && high <= one.1 => Ref::ALL,
        _ if bits == 0 => Ref::ALL,
        _ => {
            let middle = low + (high - low) / 2;
            let below = numbers_in(bdd, level + 1, bits - 1, intervals, low, middle);
            let above = numbers_in(bdd, level + 1, bits - 1, intervals, middle + 1, high);
            bdd.make(level, below, above)
        }
    }
}
