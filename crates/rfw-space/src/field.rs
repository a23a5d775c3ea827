//! Fields of a packet, and tests of them as sets of numbers.

use rfw_nft::expr::{Base, CmpOp, ct, meta};
use rfw_nft::predicate::{Field, Op, Place, Relation, Value};
use rfw_nft::{Bytes, Family};

use crate::set::Set;

/// What a test is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Name of the incoming interface: 16 bytes, as a number. 0 where there is none.
    Iif,
    /// Name of the outgoing interface.
    Oif,
    /// Layer 4 protocol.
    Protocol,
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Bytes 0 and 1 of the transport header; under ICMP they are type and code.
    SourcePort,
    /// Bytes 2 and 3 of the transport header.
    DestinationPort,
    /// The flags of TCP: byte 13 of the transport header.
    TcpFlags,
    /// Connection state: [`INVALID`] to [`UNTRACKED`].
    State,
    /// Status bits of the connection (`IPS_*`): [`SNAT`], [`DNAT`] and others.
    Status,
    /// The packet's mark.
    Mark,
    /// The connection's mark.
    ConnectionMark,
    /// Any other field, after these operations; the text tells two of them apart in an order.
    Other(OtherField),
}

/// A field that has no name here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OtherField {
    value: Box<Value>,
    /// How many bits it has.
    bits: u32,
}

impl OtherField {
    /// Where its value comes from.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl PartialOrd for OtherField {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OtherField {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if self == other {
            return std::cmp::Ordering::Equal;
        }
        format!("{self:?}").cmp(&format!("{other:?}"))
    }
}

/// The bits of `ct state`, of which every packet has exactly one (encoding.md 4.2).
const STATES: [u32; 5] = [1, 2, 4, 8, 0x40];
/// `invalid`, as an element of [`Key::State`].
pub const INVALID: u128 = 0;
/// `established`.
pub const ESTABLISHED: u128 = 1;
/// `related`.
pub const RELATED: u128 = 2;
/// `new`.
pub const NEW: u128 = 3;
/// `untracked`.
pub const UNTRACKED: u128 = 4;
/// `IPS_SRC_NAT`, a bit of [`Key::Status`].
pub const SNAT: u128 = 0x10;
/// `IPS_DST_NAT`, a bit of [`Key::Status`].
pub const DNAT: u128 = 0x20;

impl Key {
    /// The largest number that the field can hold.
    #[must_use]
    pub fn limit(&self, family: Family) -> u128 {
        let bits = match self {
            Self::Iif | Self::Oif => 128,
            Self::Protocol | Self::TcpFlags => 8,
            Self::Source | Self::Destination => u32::try_from(family.address_len() * 8).unwrap_or(128),
            Self::SourcePort | Self::DestinationPort => 16,
            Self::State => return STATES.len() as u128 - 1,
            Self::Status | Self::Mark | Self::ConnectionMark => 32,
            Self::Other(field) => field.bits,
        };
        1u128.checked_shl(bits).map_or(u128::MAX, |n| n - 1)
    }

    /// Whether no rule that lets the packet go on can change it within a table; NOTRACK changes the state in `raw`.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        !matches!(self, Self::Other(_) | Self::Mark | Self::ConnectionMark | Self::Status)
    }

    /// Whether the bytes of its values are a number in the machine's order.
    fn is_host_order(&self) -> bool {
        matches!(self, Self::Status | Self::Mark | Self::ConnectionMark)
    }
}

/// `(field & mask) == value`, or not, where the mask is no prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The field.
    pub key: Key,
    /// Its bits that are looked at.
    pub mask: u128,
    /// What they have to be.
    pub value: u128,
    /// Or must not be.
    pub inverted: bool,
}

impl Masked {
    /// The values that satisfy it, if they are no more than so many intervals.
    #[must_use]
    pub fn set(&self, max: u128, intervals: usize) -> Option<Set> {
        let free = max & !self.mask;
        let low = free.trailing_ones();
        let high: Vec<u32> = (low..128).filter(|bit| free >> bit & 1 == 1).collect();
        let count = 1usize.checked_shl(u32::try_from(high.len()).ok()?).filter(|&n| n <= intervals)?;
        let tail = 1u128.checked_shl(low).map_or(u128::MAX, |n| n - 1);
        let set = if self.value & !self.mask != 0 {
            Set::default()
        } else {
            Set::union((0..count).map(|n| {
                let bits = high.iter().enumerate().filter(|(at, _)| n >> at & 1 == 1);
                let from = bits.fold(self.value, |value, (_, bit)| value | 1 << bit);
                (from, from | tail)
            }))
        };
        Some(if self.inverted { set.complement(max) } else { set })
    }
}

/// A test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tested {
    /// That a field is in a set.
    Set(Key, Set),
    /// Of some bits.
    Masked(Masked),
}

/// A big-endian number.
#[must_use]
pub fn number(bytes: &[u8]) -> Option<u128> {
    (bytes.len() <= 16).then(|| bytes.iter().fold(0, |n, &b| n << 8 | u128::from(b)))
}

/// A number in the order of its field.
fn number_of(key: &Key, bytes: &[u8]) -> Option<u128> {
    if key.is_host_order() {
        return bytes.try_into().map(|b| u128::from(u32::from_ne_bytes(b))).ok();
    }
    number(bytes)
}

/// The field that a statement or a load is about, if it has a name here.
#[must_use]
pub fn named_field(field: &Field) -> Option<Key> {
    Some(match field {
        Field::Meta(meta::MARK) => Key::Mark,
        Field::Ct { key: ct::MARK, dir: None } => Key::ConnectionMark,
        Field::Ct { key: ct::STATUS, dir: None } => Key::Status,
        Field::Payload { base: Base::Transport, offset: 13, len: 1 } => Key::TcpFlags,
        _ => return None,
    })
}

/// The field that a statement writes.
#[must_use]
pub fn written(place: &Place) -> Key {
    let field = match *place {
        Place::Meta(key) => Field::Meta(key),
        Place::Ct { key, dir } => Field::Ct { key, dir },
        Place::Payload { base, offset, len, .. } => Field::Payload { base, offset, len },
        Place::Exthdr { kind, offset, len, op } => Field::Exthdr { kind, offset, len, op, flags: 0 },
    };
    named_field(&field).unwrap_or_else(|| other(Value { field, ops: Default::default() }, 4))
}

/// The field of a load, and how many bytes it has in all where `len` may be only the first of them.
fn key(value: &Value, width: usize, family: Family) -> (Key, Option<usize>) {
    let full = family.address_len();
    let (source, destination) = if full == 4 { (12, 16) } else { (8, 24) };
    let named = match value.field {
        Field::Meta(meta::IIFNAME) => Some((Key::Iif, Some(16))),
        Field::Meta(meta::OIFNAME) => Some((Key::Oif, Some(16))),
        Field::Meta(meta::L4PROTO) => Some((Key::Protocol, None)),
        Field::Payload { base: Base::Network, offset: 9, len: 1 } if full == 4 => Some((Key::Protocol, None)),
        Field::Payload { base: Base::Network, offset, len } if len as usize <= full && offset == source => {
            Some((Key::Source, Some(full)))
        }
        Field::Payload { base: Base::Network, offset, len }
            if len as usize <= full && offset == destination =>
        {
            Some((Key::Destination, Some(full)))
        }
        Field::Payload { base: Base::Transport, offset: 0, len: 1 | 2 } => Some((Key::SourcePort, Some(2))),
        Field::Payload { base: Base::Transport, offset: 2, len: 2 } => Some((Key::DestinationPort, None)),
        ref field => named_field(field).map(|key| (key, None)),
    };
    named.unwrap_or_else(|| (other(value.clone(), width), None))
}

fn other(value: Value, width: usize) -> Key {
    let bits = u32::try_from(width * 8).unwrap_or(128).min(128);
    Key::Other(OtherField { value: Box::new(value), bits })
}

/// Takes the and-mask off the end of the operations.
fn unmasked(value: &Value) -> (Value, Option<&Bytes>) {
    let mut bare = value.clone();
    match value.ops.last() {
        Some(Op::MaskXor { mask, xor }) if xor.iter().all(|&b| b == 0) => {
            bare.ops.pop();
            (bare, Some(mask))
        }
        _ => (bare, None),
    }
}

/// What a test asks; `None` if that can't be said as numbers.
#[must_use]
pub fn test(value: &Value, relation: &Relation, family: Family) -> Option<Tested> {
    let (bare, mask) = unmasked(value);
    if bare.field == (Field::Ct { key: ct::STATE, dir: None }) && bare.ops.is_empty() {
        return state_test(mask, relation);
    }
    // A field whose bytes are turned around is a field of its own.
    let compared = match relation {
        Relation::Range { from, .. } => from.len(),
        Relation::Cmp(_, data) => data.len(),
    };
    let (key, full) =
        if bare.ops.is_empty() { key(&bare, compared, family) } else { (other(bare, compared), None) };
    let (width, intervals, inverted) = match relation {
        Relation::Range { invert, from, to } => {
            (from.len(), (number_of(&key, from)?, number_of(&key, to)?), *invert)
        }
        Relation::Cmp(op, data) => {
            let (n, top) = (number_of(&key, data)?, number(&data.iter().map(|_| 0xff).collect::<Bytes>())?);
            // The kernel compares bytes, so order means nothing where they are the machine's.
            if key.is_host_order() && !matches!(op, CmpOp::Eq | CmpOp::Neq) {
                return None;
            }
            let (range, inverted) = match op {
                CmpOp::Eq => ((n, n), false),
                CmpOp::Neq => ((n, n), true),
                CmpOp::Lte => ((0, n), false),
                CmpOp::Gt => ((0, n), true),
                CmpOp::Gte => ((n, top), false),
                CmpOp::Lt => ((n, top), true),
            };
            (data.len(), range, inverted)
        }
    };
    if key.is_host_order() && intervals.0 != intervals.1 {
        return None;
    }
    // A load of the first bytes of a field leaves the others free.
    let whole = full.unwrap_or(width);
    let shift = u32::try_from(whole.checked_sub(width)? * 8).ok()?;
    let top = 1u128.checked_shl(shift).map_or(u128::MAX, |n| n - 1);
    let spread = |(low, high): (u128, u128)| {
        (low.checked_shl(shift).unwrap_or(0), high.checked_shl(shift).unwrap_or(0) | top)
    };
    let max = key.limit(family);
    let Some(mask) = mask else {
        let (low, high) = spread(intervals);
        let set = Set::range(low, high);
        let set = if inverted { set.complement(max) } else { set };
        let set = if matches!(key, Key::Iif | Key::Oif) { set.meet(&possible()) } else { set };
        return Some(Tested::Set(key, set));
    };
    if mask.len() != width || intervals.0 != intervals.1 {
        return None;
    }
    let mask = spread((number_of(&key, mask)?, 0)).0;
    let value = spread((intervals.0, 0)).0;
    let free = max & !mask;
    if value & !mask == 0 && free & free.wrapping_add(1) == 0 && !key.is_host_order() {
        let set = Set::range(value, value | free);
        return Some(Tested::Set(key, if inverted { set.complement(max) } else { set }));
    }
    Some(Tested::Masked(Masked { key, mask, value, inverted }))
}

/// A test of both ports at once: the source port and the destination port.
#[must_use]
pub fn ports(value: &Value, relation: &Relation) -> Option<[(Key, u128); 2]> {
    let Relation::Cmp(CmpOp::Eq, data) = relation else { return None };
    let both = Field::Payload { base: Base::Transport, offset: 0, len: 4 };
    let number = u32::from_be_bytes(data.as_slice().try_into().ok()?);
    let port = |n: u32| u128::from(n & 0xffff);
    (value.field == both && value.ops.is_empty())
        .then(|| [(Key::SourcePort, port(number >> 16)), (Key::DestinationPort, port(number))])
}

/// A set of concatenations as boxes, each with a set for each of its fields; `None` if a part can't be said as numbers.
#[must_use]
pub fn boxes(values: &[Value], members: &rfw_nft::set::Set, family: Family) -> Option<Vec<Vec<(Key, Set)>>> {
    if values.len() != members.fields.len() {
        return None;
    }
    let one = |(first, last): &(Bytes, Bytes)| {
        let mut at = 0;
        let parts = values.iter().zip(&members.fields).map(|(value, &len)| {
            let len = len as usize;
            let (key, full) = if value.ops.is_empty() {
                key(value, len, family)
            } else {
                (other(value.clone(), len), None)
            };
            let (from, to) = (first.get(at..at + len)?, last.get(at..at + len)?);
            // Parts begin at multiples of four bytes.
            at += len.next_multiple_of(4);
            if full.is_some_and(|bytes| bytes < len) {
                return None;
            }
            // The first bytes of a field leave the others free.
            let shift = 8 * u32::try_from(full.unwrap_or(len) - len).ok()?;
            let (from, to) =
                (number_of(&key, from)? << shift, number_of(&key, to)? << shift | ((1 << shift) - 1));
            Some((key, Set::range(from, to)))
        });
        parts.collect::<Option<Vec<_>>>()
    };
    members.members.iter().map(one).collect()
}

/// That a field is one of the keys of an anonymous set; `None` for a concatenation and what can't be said as numbers.
#[must_use]
pub fn in_set(
    values: &[Value],
    invert: bool,
    members: &rfw_nft::set::Set,
    family: Family,
) -> Option<(Key, Set)> {
    let [value] = values else { return None };
    let width = members.key_len as usize;
    let (key, full) =
        if value.ops.is_empty() { key(value, width, family) } else { (other(value.clone(), width), None) };
    if full.is_some_and(|bytes| bytes != width) || (key.is_host_order() && members.has_ranges()) {
        return None;
    }
    let interval = |(first, last): &(Bytes, Bytes)| Some((number_of(&key, first)?, number_of(&key, last)?));
    let set = Set::union(members.members.iter().map(interval).collect::<Option<Vec<_>>>()?);
    let max = key.limit(family);
    Some((key, if invert { set.complement(max) } else { set }))
}

/// The names that an interface can have: what `! -i +` is compared with has a slash.
fn possible() -> Set {
    interface("INVAL/D").complement(u128::MAX)
}

/// `ct state & mask` compared with 0, or `ct state` compared with one state.
fn state_test(mask: Option<&Bytes>, relation: &Relation) -> Option<Tested> {
    let Relation::Cmp(op, data) = relation else { return None };
    let word = |bytes: &[u8]| bytes.try_into().map(u32::from_ne_bytes).ok();
    let data = word(data)?;
    let (bits, inverted) = match (mask, op) {
        (Some(mask), CmpOp::Neq) if data == 0 => (word(mask)?, false),
        (Some(mask), CmpOp::Eq) if data == 0 => (word(mask)?, true),
        (None, CmpOp::Eq) => (data, false),
        (None, CmpOp::Neq) => (data, true),
        _ => return None,
    };
    let members = STATES.iter().zip(0u128..).filter(|(bit, _)| bits & **bit != 0).map(|(_, at)| (at, at));
    let set = Set::union(members);
    let set = if inverted { set.complement(STATES.len() as u128 - 1) } else { set };
    Some(Tested::Set(Key::State, set))
}

/// An interface name as an element of [`Key::Iif`] and [`Key::Oif`].
#[must_use]
pub fn interface(name: &str) -> Set {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes().take(15)) {
        *to = from;
    }
    let low = u128::from_be_bytes(bytes);
    // What follows the final NUL of a name is not compared.
    let rest = 8 * u32::try_from(15 - name.len().min(15)).unwrap_or(0);
    Set::range(low, low | (1u128.checked_shl(rest).unwrap_or(0).wrapping_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_as_intervals() {
        let masked = |mask, value, inverted| Masked { key: Key::TcpFlags, mask, value, inverted };
        let all = |m: Masked| {
            let set = m.set(0xff, 256).unwrap_or_default();
            (0..=255u128).for_each(|v| {
                assert_eq!(set.contains(v), (v & m.mask == m.value) != m.inverted, "{m:?} {v}");
            });
        };
        for (mask, value) in [(0x12, 2), (0x12, 0x12), (0x10, 0), (0xff, 7), (0x01, 1), (0x02, 3), (0, 0)] {
            all(masked(mask, value, false));
            all(masked(mask, value, true));
        }
    }

    #[test]
    fn a_name_is_a_class() {
        let eth = interface("eth0");
        assert!(!eth.is_empty() && eth.meet(&interface("eth01")).is_empty());
        assert!(!interface("").contains(interface("lo").intervals()[0].0));
    }
}
