//! What a rule asks: a conjunction of clauses, each of which is satisfied by one of its literals.

use rfw_nft::Family;
use rfw_nft::predicate::{Field, Item};

use crate::field::{Key, Masked, Tested, boxes, in_set, test};
use crate::set::Set;

/// One question to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// Whether a field is in a set.
    In(Key, Set),
    /// Whether some bits of a field have a value.
    Bits(Masked),
    /// Whether one of these boxes has the packet: every field of the box is in its set.
    Boxes {
        /// The boxes.
        boxes: Vec<Vec<(Key, Set)>>,
        /// None of them may have it.
        negated: bool,
    },
    /// A question that only its text is known of: an index into [`crate::Program::atoms`].
    Atom {
        /// Which.
        atom: usize,
        /// The packet must not satisfy it.
        negated: bool,
    },
}

/// What a rule asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// All of these hold; of each, one literal.
    pub clauses: Vec<Vec<Literal>>,
    /// It may fail for a packet that satisfies the clauses: a rate, chance, a list, a clock. Every evaluation may come out
    /// differently.
    pub chance: bool,
}

impl Condition {
    /// Every packet.
    #[must_use]
    pub fn always() -> Self {
        Self::default()
    }

    /// Adds that a field is in a set.
    #[must_use]
    pub fn with(mut self, key: Key, set: Set) -> Self {
        self.clauses.push(vec![Literal::In(key, set)]);
        self
    }

    /// Adds a clause.
    pub fn add(&mut self, clause: Vec<Literal>) {
        self.clauses.push(clause);
    }

    /// Whether it asks nothing.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.clauses.is_empty() && !self.chance
    }

    /// The fields and sets that stand alone in a clause.
    pub fn sets(&self) -> impl Iterator<Item = (&Key, &Set)> {
        self.clauses.iter().filter_map(|clause| match clause.as_slice() {
            [Literal::In(key, set)] => Some((key, set)),
            _ => None,
        })
    }
}

/// The literal of an item, where it is a test that numbers can say.
#[must_use]
pub fn literal(item: &Item, family: Family) -> Option<Literal> {
    match item {
        Item::In { values, invert, set } => match in_set(values, *invert, set, family) {
            Some((key, set)) => Some(Literal::In(key, set)),
            None => Some(Literal::Boxes { boxes: boxes(values, set, family)?, negated: *invert }),
        },
        Item::Test { value, relation } => Some(match test(value, relation, family)? {
            Tested::Set(key, set) => Literal::In(key, set),
            Tested::Masked(masked) => narrow(masked, family),
        }),
        _ => None,
    }
}

/// Bits of small fields are a set.
fn narrow(masked: Masked, family: Family) -> Literal {
    let small = matches!(masked.key, Key::SourcePort | Key::DestinationPort | Key::Protocol);
    let max = masked.key.limit(family);
    match masked.set(max, 1 << 16).filter(|_| small) {
        Some(set) => Literal::In(masked.key, set),
        None => Literal::Bits(masked),
    }
}

/// A question that is compared for equality only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atom {
    /// The question, not inverted.
    pub item: Item,
    /// How a person writes it, for messages; may be empty.
    pub text: String,
}

/// Whether what a statement writes may change the answer of a test of a field.
#[must_use]
pub fn touches(written: &Key, read: &Key) -> bool {
    if written == read {
        return true;
    }
    match (written, read) {
        (Key::Other(written), Key::Other(read)) => same_source(&written.value().field, &read.value().field),
        // A lookup of routes may depend on the mark.
        (Key::Mark, Key::Other(read)) => {
            matches!(read.value().field, Field::Fib { flags, .. } if flags & 4 != 0)
        }
        _ => false,
    }
}

fn same_source(a: &Field, b: &Field) -> bool {
    match (a, b) {
        (Field::Payload { .. } | Field::Exthdr { .. }, Field::Payload { .. } | Field::Exthdr { .. }) => true,
        (Field::Ct { key: a, .. }, Field::Ct { key: b, .. }) => a == b,
        (a, b) => a == b,
    }
}
