//! Items to typed form: a cursor over what is left of a rule.

use rfw_nft::expr::{CmpOp, Expr};
use rfw_nft::predicate::{Field, Item, Op, Raised, Relation, Value};
use rfw_nft::set::Set;
use rfw_nft::xt::View;

use crate::context::{Family, Names};
use crate::lowering::Hint;

/// A cursor over the items of a rule. An extension's `lift` looks at the front, and takes what is its own; one that answers
/// `None` is rewound by the caller.
pub struct Run<'r> {
    items: &'r [Raised],
    next: usize,
    end: usize,
    hints: &'r [Hint],
    spellings: &'r [(u8, Vec<u8>)],
    /// The family of the table.
    pub family: Family,
    /// The rule's protocol, number and `!`, as the selector found it.
    pub protocol: Option<(u8, bool)>,
    /// The system's names (ipset indices).
    pub names: &'r dyn Names,
}

/// A masked comparison: `(field & mask) op value`. The mask is `None` when there was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked<'r> {
    /// The and-mask.
    pub mask: Option<&'r [u8]>,
    /// The comparison.
    pub op: CmpOp,
    /// What it is compared with.
    pub value: &'r [u8],
}

impl Masked<'_> {
    /// Whether it asks for what is not equal; `None` if it compares by size.
    #[must_use]
    pub fn inverted(&self) -> Option<bool> {
        match self.op {
            CmpOp::Eq => Some(false),
            CmpOp::Neq => Some(true),
            _ => None,
        }
    }
}

impl<'r> Run<'r> {
    /// Over all items of a rule.
    #[must_use]
    pub fn new(
        items: &'r [Raised],
        hints: &'r [Hint],
        family: Family,
        protocol: Option<(u8, bool)>,
        names: &'r dyn Names,
    ) -> Self {
        Self { items, next: 0, end: items.len(), hints, spellings: &[], family, protocol, names }
    }

    /// The same with the lists that were spelled out.
    #[must_use]
    pub fn spelled(mut self, spellings: &'r [(u8, Vec<u8>)]) -> Self {
        self.spellings = spellings;
        self
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next >= self.items.len()
    }

    /// Hides the items from `end` on, or shows all again.
    pub fn limit(&mut self, end: Option<usize>) {
        self.end = end.unwrap_or(self.items.len()).min(self.items.len());
    }

    /// Where the cursor stands, to rewind to.
    #[must_use]
    pub fn position(&self) -> usize {
        self.next
    }

    /// Puts the cursor back.
    pub fn rewind(&mut self, position: usize) {
        self.next = position;
    }

    /// The item `ahead` places from the front.
    #[must_use]
    pub fn peek(&self, ahead: usize) -> Option<&'r Item> {
        self.items[..self.end].get(self.next + ahead).map(|r| &r.item)
    }

    /// Takes the front item.
    pub fn take(&mut self) -> Option<&'r Item> {
        let item = self.peek(0)?;
        self.next += 1;
        Some(item)
    }

    /// Whether the spelling `code` was remembered for the front item.
    #[must_use]
    pub fn hinted(&self, code: u8) -> bool {
        let Some(front) = self.items.get(self.next) else { return false };
        self.hints.iter().any(|h| h.code == code && usize::from(h.expr) == front.exprs.start)
    }

    /// How the list of the front item was spelled, if that was remembered.
    #[must_use]
    pub fn spelling(&self) -> Option<&'r [u8]> {
        let front = self.items.get(self.next)?;
        self.spellings
            .iter()
            .find(|(at, _)| usize::from(*at) == front.exprs.start)
            .map(|(_, bytes)| bytes.as_slice())
    }

    /// Takes a look into an anonymous set for these fields, untouched: whether it is inverted, and the set.
    pub fn in_set(&mut self, fields: &[Field]) -> Option<(bool, &'r Set)> {
        let Item::In { values, invert, set } = self.peek(0)? else { return None };
        let same = values.len() == fields.len()
            && values.iter().zip(fields).all(|(value, field)| value.ops.is_empty() && value.field == *field);
        if !same {
            return None;
        }
        self.next += 1;
        Some((*invert, set))
    }

    /// Takes an xt match of this name, revision and C struct size.
    pub fn xt_match(&mut self, xt_name: &str, revision: u32, size: usize) -> Option<View<'r>> {
        match self.peek(0)? {
            Item::Plain(Expr::Match { name, rev, info })
                if name == xt_name.as_bytes() && *rev == revision =>
            {
                let view = View::sized(info, size)?;
                self.next += 1;
                Some(view)
            }
            _ => None,
        }
    }

    /// Takes an xt target of this name, revision and C struct size.
    pub fn xt_target(&mut self, xt_name: &str, revision: u32, size: usize) -> Option<View<'r>> {
        match self.peek(0)? {
            Item::Plain(Expr::Target { name, rev, info })
                if name == xt_name.as_bytes() && *rev == revision =>
            {
                let view = View::sized(info, size)?;
                self.next += 1;
                Some(view)
            }
            _ => None,
        }
    }

    /// Takes a plain expression that `pick` accepts.
    pub fn plain<T>(&mut self, pick: impl FnOnce(&'r Expr) -> Option<T>) -> Option<T> {
        let Item::Plain(expr) = self.peek(0)? else { return None };
        let value = pick(expr)?;
        self.next += 1;
        Some(value)
    }

    /// Takes a comparison of a field, masked or not, without any other operation on it.
    pub fn masked(&mut self, field: &Field) -> Option<Masked<'r>> {
        let Item::Test { value, relation: Relation::Cmp(op, data) } = self.peek(0)? else { return None };
        if value.field != *field {
            return None;
        }
        let mask = match value.ops.as_slice() {
            [] => None,
            [Op::MaskXor { mask, xor }] if xor.iter().all(|&b| b == 0) => Some(mask.as_slice()),
            _ => return None,
        };
        self.next += 1;
        Some(Masked { mask, op: *op, value: data })
    }

    /// Takes an (in)equality test of a whole field: whether it is inverted, and the value.
    pub fn equality(&mut self, field: &Field) -> Option<(bool, &'r [u8])> {
        let start = self.next;
        let masked = self.masked(field)?;
        match masked.inverted() {
            Some(inverted) if masked.mask.is_none() => Some((inverted, masked.value)),
            _ => {
                self.next = start;
                None
            }
        }
    }

    /// Takes an (in)equality test of bits of a number of 32 bits in host order: whether it is inverted, value and mask.
    pub fn masked_number(&mut self, field: &Field) -> Option<(bool, rfw_values::Masked)> {
        let start = self.next;
        let test = self.masked(field)?;
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_ne_bytes);
        let mask = test.mask.map_or(Some(u32::MAX), number);
        match (test.inverted(), number(test.value), mask) {
            (Some(inverted), Some(value), Some(mask)) => Some((inverted, rfw_values::Masked { value, mask })),
            _ => {
                self.next = start;
                None
            }
        }
    }

    /// Takes a range test of a field: whether it is inverted, and the bounds. `ops` is what must have been done to it first.
    pub fn range(&mut self, field: &Field, ops: &[Op]) -> Option<(bool, &'r [u8], &'r [u8])> {
        let Item::Test { value, relation: Relation::Range { invert, from, to } } = self.peek(0)? else {
            return None;
        };
        if value.field != *field || value.ops.as_slice() != ops {
            return None;
        }
        self.next += 1;
        Some((*invert, from, to))
    }

    /// Takes an assignment that `pick` accepts.
    pub fn set<T>(
        &mut self,
        pick: impl FnOnce(&'r rfw_nft::predicate::Place, &'r Value) -> Option<T>,
    ) -> Option<T> {
        let Item::Set { place, value } = self.peek(0)? else { return None };
        let value = pick(place, value)?;
        self.next += 1;
        Some(value)
    }
}
