//! Fields of a packet, and tests of them as sets of numbers.

use rfw_nft::expr::{Base, CmpOp, ct, meta};
use rfw_nft::predicate::{Field, Op, Relation, Value};
use rfw_nft::{Bytes, Family};

use crate::sets::Set;

/// What a test is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Name of the incoming interface: 16 bytes, as a number.
    Iif,
    /// Name of the outgoing interface.
    Oif,
    /// Layer 4 protocol.
    Protocol,
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Bytes 0 and 1 of the transport header.
    SourcePort,
    /// Bytes 2 and 3 of the transport header.
    DestinationPort,
    /// Connection state: an index into [`STATES`].
    State,
    /// Any other field, after these operations.
    Other(Box<Value>),
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

impl Key {
    /// The largest number that the field can hold; `bits` is the width of the value it was compared with.
    fn max(&self, bits: u32, family: Family) -> u128 {
        let bits = match self {
            Self::Iif | Self::Oif => 128,
            Self::Protocol => 8,
            Self::Source | Self::Destination => u32::try_from(family.address_len() * 8).unwrap_or(128),
            Self::SourcePort | Self::DestinationPort => 16,
            Self::State => return STATES.len() as u128 - 1,
            Self::Other(_) => bits,
        };
        1u128.checked_shl(bits).map_or(u128::MAX, |n| n - 1)
    }

    /// Whether no rule that lets the packet go on can change it.
    pub(crate) fn is_stable(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

/// `(field & mask) == value`, or not, where the mask is no prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Masked {
    pub(crate) key: Key,
    pub(crate) mask: u128,
    pub(crate) value: u128,
    pub(crate) inverted: bool,
}

pub(crate) enum Tested {
    Set(Key, Set),
    Masked(Masked),
}

/// A big-endian number.
pub(crate) fn number(bytes: &[u8]) -> Option<u128> {
    (bytes.len() <= 16).then(|| bytes.iter().fold(0, |n, &b| n << 8 | u128::from(b)))
}

/// The field of a load, and how many bytes it has in all where `len` may be only the first of them.
fn key(value: &Value, family: Family) -> (Key, Option<usize>) {
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
        Field::Payload { base: Base::Transport, offset: 0, len: 2 } => Some((Key::SourcePort, None)),
        Field::Payload { base: Base::Transport, offset: 2, len: 2 } => Some((Key::DestinationPort, None)),
        _ => None,
    };
    named.unwrap_or_else(|| (Key::Other(Box::new(value.clone())), None))
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

pub(crate) fn test(value: &Value, relation: &Relation, family: Family) -> Option<Tested> {
    let (bare, mask) = unmasked(value);
    if bare.field == (Field::Ct { key: ct::STATE, dir: None }) && bare.ops.is_empty() {
        return state_test(mask, relation);
    }
    // A field whose bytes are turned around is a field of its own.
    let (key, full) =
        if bare.ops.is_empty() { key(&bare, family) } else { (Key::Other(Box::new(bare)), None) };
    let (width, intervals, inverted) = match relation {
        Relation::Range { invert, from, to } => (from.len(), (number(from)?, number(to)?), *invert),
        Relation::Cmp(op, data) => {
            let (n, top) = (number(data)?, number(&data.iter().map(|_| 0xff).collect::<Bytes>())?);
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
    // A load of the first bytes of a field leaves the others free.
    let whole = full.unwrap_or(width);
    let shift = u32::try_from(whole.checked_sub(width)? * 8).ok()?;
    let top = 1u128.checked_shl(shift).map_or(u128::MAX, |n| n - 1);
    let spread = |(low, high): (u128, u128)| {
        (low.checked_shl(shift).unwrap_or(0), high.checked_shl(shift).unwrap_or(0) | top)
    };
    let max = key.max(u32::try_from(whole * 8).ok()?, family);
    let Some(mask) = mask else {
        let (low, high) = spread(intervals);
        let set = Set::range(low, high);
        return Some(Tested::Set(key, if inverted { set.complement(max) } else { set }));
    };
    if mask.len() != width || intervals.0 != intervals.1 {
        return None;
    }
    let mask = spread((number(mask)?, 0)).0;
    let value = spread((intervals.0, 0)).0;
    let free = max & !mask;
    if value & !mask == 0 && free & free.wrapping_add(1) == 0 {
        let set = Set::range(value, value | free);
        return Some(Tested::Set(key, if inverted { set.complement(max) } else { set }));
    }
    Some(Tested::Masked(Masked { key, mask, value, inverted }))
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

/// xt `multiport` revision 1: flags, count, 15 ports, 15 marks of range starts, invert (encoding.md appendix A).
pub(crate) fn port_list(info: &[u8]) -> Option<(Key, Set)> {
    let key = match info.first()? {
        0 => Key::SourcePort,
        1 => Key::DestinationPort,
        _ => return None,
    };
    let count = usize::from(*info.get(1)?).min(15);
    let port = |at: usize| {
        let bytes = info.get(2 + 2 * at..4 + 2 * at)?;
        Some(u128::from(u16::from_ne_bytes(bytes.try_into().ok()?)))
    };
    let mut intervals = Vec::with_capacity(count);
    let mut at = 0;
    while at < count {
        let low = port(at)?;
        if *info.get(32 + at)? != 0 {
            at += 1;
        }
        intervals.push((low, port(at)?));
        at += 1;
    }
    let set = Set::union(intervals);
    Some((key, if *info.get(47)? != 0 { set.complement(0xffff) } else { set }))
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
