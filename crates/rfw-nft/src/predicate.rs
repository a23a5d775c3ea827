//! Raise: what a list of expressions asks and does, with the registers gone.
//!
//! `load…compare` becomes one [`Item::Test`]; a statement carries the values it would find in its registers. What this
//! module does not follow is [`Item::Opaque`], and a load that nothing consumes is [`Item::Load`]: every expression ends up
//! in exactly one item, so nothing is dropped.

use std::ops::Range;

use smallvec::SmallVec;

use crate::expr::{Base, BitwiseOp, Bytes, CmpOp, CtDir, Expr, Reg, Verdict};
use crate::set::Set;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "fields carry the names of the kernel attributes")]
pub enum Field {
    Payload { base: Base, offset: u32, len: u32 },
    Meta(u32),
    Ct { key: u32, dir: Option<CtDir> },
    Exthdr { kind: u8, offset: u32, len: u32, op: u32, flags: u32 },
    Rt(u32),
    Fib { result: u32, flags: u32 },
    Numgen { modulus: u32, kind: u32, offset: u32 },
    Const(Bytes),
}

/// What happened to a value between its load and its use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "fields carry the names of the kernel attributes")]
pub enum Op {
    MaskXor { mask: Bytes, xor: Bytes },
    Lshift(u32),
    Rshift(u32),
    Byteorder { hton: bool, len: u32, size: u32 },
    And(Box<Value>),
    Or(Box<Value>),
    Xor(Box<Value>),
}

/// A value in a register.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    /// Where it was loaded from.
    pub field: Field,
    /// What was done to it since.
    pub ops: SmallVec<[Op; 1]>,
}

impl Value {
    /// The bytes of an untouched constant.
    #[must_use]
    pub fn constant(&self) -> Option<&[u8]> {
        match &self.field {
            Field::Const(bytes) if self.ops.is_empty() => Some(bytes),
            _ => None,
        }
    }
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "fields carry the names of the kernel attributes")]
pub enum Relation {
    Cmp(CmpOp, Bytes),
    Range { invert: bool, from: Bytes, to: Bytes },
}

/// What a statement writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "fields carry the names of the kernel attributes")]
pub enum Place {
    Meta(u32),
    Ct { key: u32, dir: Option<CtDir> },
    Payload { base: Base, offset: u32, len: u32, csum_type: u32, csum_offset: u32, csum_flags: u32 },
    Exthdr { kind: u8, offset: u32, len: u32, op: u32 },
}

/// What a group of expressions means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields carry the names of the kernel attributes")]
pub enum Item {
    /// A condition without side effects.
    Test { value: Value, relation: Relation },
    /// A condition that holds for the members of an anonymous set. Several values are a concatenation.
    In { values: Vec<Value>, invert: bool, set: Box<Set> },
    /// A load whose value is not used: it still fails where the field does not exist.
    Load(Value),
    /// An assignment.
    Set { place: Place, value: Value },
    /// `nat`.
    Nat {
        kind: u32,
        family: u32,
        addr_min: Option<Value>,
        addr_max: Option<Value>,
        proto_min: Option<Value>,
        proto_max: Option<Value>,
        flags: Option<u32>,
    },
    /// `masq`.
    Masq { proto_min: Option<Value>, proto_max: Option<Value>, flags: Option<u32> },
    /// `redir`.
    Redir { proto_min: Option<Value>, proto_max: Option<Value>, flags: Option<u32> },
    /// `dup`.
    Dup { addr: Value, dev: Option<Value> },
    /// An expression without register operands: match, target, counter, limit, log, reject, verdict, notrack, …
    Plain(Expr),
    /// An expression that this module does not follow.
    Opaque(Expr),
}

/// An item and the expressions it stands for. Loads may be apart from their use, so the ranges of two items can overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// What it means.
    pub item: Item,
    /// First to last expression involved, half open.
    pub exprs: Range<usize>,
}

impl Raised {
    /// The verdict, if it is one.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.item {
            Item::Plain(Expr::Verdict(verdict)) => Some(verdict),
            _ => None,
        }
    }
}

struct Slot {
    value: Value,
    start: usize,
    used: bool,
}

#[derive(Default)]
struct Machine {
    slots: [Option<Slot>; 16],
    out: Vec<Raised>,
}

/// 16-byte registers 1 to 4 cover the 4-byte ones 8 to 23.
fn slot(reg: Reg) -> Option<usize> {
    match reg {
        1..=4 => Some((reg as usize - 1) * 4),
        8..=23 => Some(reg as usize - 8),
        _ => None,
    }
}

/// Raises a list of expressions; items are in the order in which their last expression stands.
#[must_use]
pub fn raise(exprs: &[Expr]) -> Vec<Raised> {
    let mut machine = Machine { out: Vec::with_capacity(exprs.len()), ..Machine::default() };
    for (index, expr) in exprs.iter().enumerate() {
        machine.step(index, expr);
    }
    for index in 0..machine.slots.len() {
        machine.flush(index);
    }
    machine.out
}

impl Machine {
    fn flush(&mut self, index: usize) {
        if let Some(old) = self.slots[index].take()
            && !old.used
            && !matches!(old.value.field, Field::Const(_))
        {
            // It is known to be unused only now, but it stood before what came since.
            let at = self.out.partition_point(|r| r.exprs.end <= old.start);
            let raised = Raised { item: Item::Load(old.value), exprs: old.start..old.start + 1 };
            self.out.insert(at, raised);
        }
    }

    fn load(&mut self, reg: Reg, field: Field, index: usize, expr: &Expr) {
        let Some(at) = slot(reg) else {
            self.emit(Item::Opaque(expr.clone()), index, index);
            return;
        };
        self.flush(at);
        let value = Value { field, ops: SmallVec::new() };
        self.slots[at] = Some(Slot { value, start: index, used: false });
    }

    fn read(&mut self, reg: Reg) -> Option<(Value, usize)> {
        let slot = self.slots[slot(reg)?].as_mut()?;
        slot.used = true;
        Some((slot.value.clone(), slot.start))
    }

    fn emit(&mut self, item: Item, start: usize, index: usize) {
        self.out.push(Raised { item, exprs: start..index + 1 });
    }

    fn step(&mut self, index: usize, expr: &Expr) {
        match expr {
            Expr::Payload { dreg, base, offset, len } => {
                self.load(*dreg, Field::Payload { base: *base, offset: *offset, len: *len }, index, expr);
            }
            Expr::Meta { dreg, key } => self.load(*dreg, Field::Meta(*key), index, expr),
            Expr::Ct { dreg, key, dir } => self.load(*dreg, Field::Ct { key: *key, dir: *dir }, index, expr),
            Expr::Exthdr { dreg, kind, offset, len, op, flags } => {
                let field = Field::Exthdr { kind: *kind, offset: *offset, len: *len, op: *op, flags: *flags };
                self.load(*dreg, field, index, expr);
            }
            Expr::Rt { dreg, key } => self.load(*dreg, Field::Rt(*key), index, expr),
            Expr::Fib { dreg, result, flags } => {
                self.load(*dreg, Field::Fib { result: *result, flags: *flags }, index, expr);
            }
            Expr::Numgen { dreg, modulus, kind, offset } => {
                let field = Field::Numgen { modulus: *modulus, kind: *kind, offset: *offset };
                self.load(*dreg, field, index, expr);
            }
            Expr::Immediate { dreg, data } => self.load(*dreg, Field::Const(data.clone()), index, expr),
            Expr::Bitwise { sreg, dreg, op, .. } => self.bitwise(index, expr, *sreg, *dreg, op),
            Expr::Byteorder { sreg, dreg, hton, len, size } => {
                let op = Op::Byteorder { hton: *hton, len: *len, size: *size };
                self.modify(index, expr, *sreg, *dreg, op);
            }
            Expr::Cmp { sreg, op, data } => self.test(index, expr, *sreg, Relation::Cmp(*op, data.clone())),
            Expr::Range { sreg, invert, from, to } => {
                let relation = Relation::Range { invert: *invert, from: from.clone(), to: to.clone() };
                self.test(index, expr, *sreg, relation);
            }
            Expr::MetaSet { sreg, key } => self.assign(index, expr, *sreg, Place::Meta(*key)),
            Expr::CtSet { sreg, key, dir } => {
                self.assign(index, expr, *sreg, Place::Ct { key: *key, dir: *dir })
            }
            Expr::PayloadWrite { sreg, base, offset, len, csum_type, csum_offset, csum_flags } => {
                let place = Place::Payload {
                    base: *base,
                    offset: *offset,
                    len: *len,
                    csum_type: *csum_type,
                    csum_offset: *csum_offset,
                    csum_flags: *csum_flags,
                };
                self.assign(index, expr, *sreg, place);
            }
            Expr::ExthdrWrite { sreg, kind, offset, len, op } => {
                let place = Place::Exthdr { kind: *kind, offset: *offset, len: *len, op: *op };
                self.assign(index, expr, *sreg, place);
            }
            Expr::Nat { .. } | Expr::Masq(_) | Expr::Redir(_) => self.nat(index, expr),
            Expr::Dup { addr, dev } => {
                let mut start = index;
                let item =
                    self.dup_item(*addr, *dev, &mut start).unwrap_or_else(|()| Item::Opaque(expr.clone()));
                self.emit(item, start, index);
            }
            Expr::Lookup { sreg, dreg: None, flags, members: Some(set), .. } => {
                self.lookup(index, expr, *sreg, *flags != 0, set);
            }
            Expr::Lookup { .. } | Expr::Unknown { .. } => self.emit(Item::Opaque(expr.clone()), index, index),
            Expr::Verdict(_)
            | Expr::Counter { .. }
            | Expr::Limit { .. }
            | Expr::Log { .. }
            | Expr::Match { .. }
            | Expr::Target { .. }
            | Expr::Reject { .. }
            | Expr::Connlimit { .. }
            | Expr::Quota { .. }
            | Expr::TcpOptReset { .. }
            | Expr::Notrack => self.emit(Item::Plain(expr.clone()), index, index),
        }
    }

    fn bitwise(&mut self, index: usize, expr: &Expr, sreg: Reg, dreg: Reg, op: &BitwiseOp) {
        let other = |machine: &mut Self, reg: Reg| machine.read(reg).map(|(value, _)| Box::new(value));
        let op = match op {
            BitwiseOp::MaskXor { mask, xor } => Some(Op::MaskXor { mask: mask.clone(), xor: xor.clone() }),
            BitwiseOp::Lshift(count) => Some(Op::Lshift(*count)),
            BitwiseOp::Rshift(count) => Some(Op::Rshift(*count)),
            BitwiseOp::And(reg) => other(self, *reg).map(Op::And),
            BitwiseOp::Or(reg) => other(self, *reg).map(Op::Or),
            BitwiseOp::Xor(reg) => other(self, *reg).map(Op::Xor),
        };
        match op {
            Some(op) => self.modify(index, expr, sreg, dreg, op),
            None => self.emit(Item::Opaque(expr.clone()), index, index),
        }
    }

    fn modify(&mut self, index: usize, expr: &Expr, sreg: Reg, dreg: Reg, op: Op) {
        let (Some((mut value, start)), Some(at)) = (self.read(sreg), slot(dreg)) else {
            self.emit(Item::Opaque(expr.clone()), index, index);
            return;
        };
        value.ops.push(op);
        if slot(sreg) != Some(at) {
            self.flush(at);
        }
        self.slots[at] = Some(Slot { value, start, used: false });
    }

    fn test(&mut self, index: usize, expr: &Expr, sreg: Reg, relation: Relation) {
        match self.read(sreg) {
            Some((value, start)) => self.emit(Item::Test { value, relation }, start, index),
            None => self.emit(Item::Opaque(expr.clone()), index, index),
        }
    }

    /// The key of a set lies in as many 4-byte registers as it is long; each value takes those up to the next one.
    fn lookup(&mut self, index: usize, expr: &Expr, sreg: Reg, invert: bool, set: &Set) {
        let first = slot(sreg);
        let count = (set.key_len as usize).div_ceil(4);
        let slots = first.map_or(0..0, |first| first..(first + count).min(self.slots.len()));
        let (mut values, mut start) = (Vec::new(), index);
        for slot in self.slots[slots].iter_mut().flatten() {
            slot.used = true;
            start = start.min(slot.start);
            values.push(slot.value.clone());
        }
        let item = if first.is_some_and(|first| self.slots[first].is_some()) {
            Item::In { values, invert, set: Box::new(set.clone()) }
        } else {
            Item::Opaque(expr.clone())
        };
        self.emit(item, start, index);
    }

    fn assign(&mut self, index: usize, expr: &Expr, sreg: Reg, place: Place) {
        match self.read(sreg) {
            Some((value, start)) => self.emit(Item::Set { place, value }, start, index),
            None => self.emit(Item::Opaque(expr.clone()), index, index),
        }
    }

    /// The value of an operand register; `Err` if the register holds nothing that was seen.
    fn operand(&mut self, reg: Option<Reg>, start: &mut usize) -> Result<Option<Value>, ()> {
        let Some(reg) = reg else { return Ok(None) };
        let (value, at) = self.read(reg).ok_or(())?;
        *start = (*start).min(at);
        Ok(Some(value))
    }

    fn nat(&mut self, index: usize, expr: &Expr) {
        let mut start = index;
        let item = self.nat_item(expr, &mut start).unwrap_or_else(|()| Item::Opaque(expr.clone()));
        self.emit(item, start, index);
    }

    fn dup_item(&mut self, addr: Reg, dev: Option<Reg>, start: &mut usize) -> Result<Item, ()> {
        let addr = self.operand(Some(addr), start)?.ok_or(())?;
        Ok(Item::Dup { addr, dev: self.operand(dev, start)? })
    }

    fn nat_item(&mut self, expr: &Expr, start: &mut usize) -> Result<Item, ()> {
        match expr {
            Expr::Nat { kind, family, addr_min, addr_max, proto_min, proto_max, flags } => Ok(Item::Nat {
                kind: *kind,
                family: *family,
                addr_min: self.operand(*addr_min, start)?,
                addr_max: self.operand(*addr_max, start)?,
                proto_min: self.operand(*proto_min, start)?,
                proto_max: self.operand(*proto_max, start)?,
                flags: *flags,
            }),
            Expr::Masq(nat) => Ok(Item::Masq {
                proto_min: self.operand(nat.proto_min, start)?,
                proto_max: self.operand(nat.proto_max, start)?,
                flags: nat.flags,
            }),
            Expr::Redir(nat) => Ok(Item::Redir {
                proto_min: self.operand(nat.proto_min, start)?,
                proto_max: self.operand(nat.proto_max, start)?,
                flags: nat.flags,
            }),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{REG_1, meta};

    #[test]
    fn a_load_and_a_compare_are_one_test() {
        let exprs = [
            Expr::Meta { dreg: REG_1, key: meta::MARK },
            Expr::Bitwise {
                sreg: REG_1,
                dreg: REG_1,
                len: 4,
                op: BitwiseOp::MaskXor {
                    mask: Bytes::from_slice(&[255, 0, 0, 0]),
                    xor: Bytes::from_slice(&[0; 4]),
                },
            },
            Expr::Cmp { sreg: REG_1, op: CmpOp::Eq, data: Bytes::from_slice(&[1, 0, 0, 0]) },
            Expr::Counter { packets: 0, bytes: 0 },
        ];
        let items = raise(&exprs);
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].exprs, 0..3);
        assert!(
            matches!(&items[0].item, Item::Test { value, .. } if value.field == Field::Meta(meta::MARK) && value.ops.len() == 1)
        );
    }

    #[test]
    fn an_unused_load_is_kept() {
        let items = raise(&[Expr::Meta { dreg: REG_1, key: meta::IIFNAME }]);
        assert!(matches!(&items[0].item, Item::Load(_)));
    }

    #[test]
    fn a_compare_of_nothing_is_opaque() {
        let items = raise(&[Expr::Cmp { sreg: REG_1, op: CmpOp::Eq, data: Bytes::from_slice(&[1]) }]);
        assert!(matches!(&items[0].item, Item::Opaque(_)));
    }
}
