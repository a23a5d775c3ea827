//! Native tests of a connection, each taken from the front of a run. The cursor may be anywhere if one answers `None`.

use rfw_nft::expr::{CtDir, ct};
use rfw_nft::predicate::{Field, Item, Op, Relation};
use rfw_values::address::from_octets;

use super::{ALL_STATUSES, Net};
use crate::lifting::Run;
use crate::selector::Inv;
use crate::shared::inet::{Mask, union_address};
use crate::shared::ports::from_relation;
use crate::shared::states;

/// The bounds in milliseconds of a range of whole seconds, unless it runs backwards or its end has no number.
pub(super) fn milliseconds((from, to): (u32, u32)) -> Option<(u32, u32)> {
    let end = if to == u32::MAX { to } else { to.checked_mul(1000)?.checked_add(999)? };
    (from <= to).then_some((from.checked_mul(1000)?, end))
}

pub(super) fn expires(run: &mut Run<'_>) -> Option<Inv<(u32, u32)>> {
    let field = Field::Ct { key: ct::EXPIRATION, dir: None };
    let (inverted, from, to) = run.range(&field, &[Op::Byteorder { hton: true, len: 4, size: 4 }])?;
    let from = u32::from_be_bytes(from.try_into().ok()?);
    let to = u32::from_be_bytes(to.try_into().ok()?);
    let seconds = (from / 1000, if to == u32::MAX { to } else { to / 1000 });
    (milliseconds(seconds) == Some((from, to))).then_some(Inv { inverted, value: seconds })
}

pub(super) fn status(run: &mut Run<'_>) -> Option<Inv<u16>> {
    let (inverted, bits) = states::bits(run, ct::STATUS)?;
    let value = u16::try_from(bits).ok().filter(|bits| bits & !ALL_STATUSES == 0)?;
    Some(Inv { inverted, value })
}

pub(super) fn byte(run: &mut Run<'_>, key: u32, dir: Option<CtDir>) -> Option<Inv<u8>> {
    let (inverted, value) = run.equality(&Field::Ct { key, dir })?;
    let [value] = *value else { return None };
    Some(Inv { inverted, value })
}

pub(super) fn ports(run: &mut Run<'_>) -> Option<Inv<(u16, u16)>> {
    let Item::Test { value, relation } = run.take()? else { return None };
    if !value.ops.is_empty() {
        return None;
    }
    if let Relation::Range { invert: false, from, to } = relation
        && from.as_slice() == [0, 0]
        && to.as_slice() == [0xff, 0xff]
    {
        return Some(Inv { inverted: false, value: (0, u16::MAX) });
    }
    let ports = from_relation(relation)?;
    Some(Inv { inverted: ports.inverted, value: (ports.range.lo(), ports.range.hi()) })
}

pub(super) fn net(run: &mut Run<'_>, key: u32, dir: CtDir) -> Option<Inv<Net>> {
    let family = run.family;
    let test = run.masked(&Field::Ct { key, dir: Some(dir) })?;
    let inverted = test.inverted()?;
    let (all, given) = (family.address_len(), test.value.len());
    let mut address = [0; 16];
    address.get_mut(..given)?.copy_from_slice(test.value);
    let mask = match test.mask {
        Some(mask) if mask.len() == all && given == all => Mask::from_address(from_octets(mask)?),
        None if given == all => Mask::full(family),
        // `nft` writes a network of whole bytes as a comparison of these alone.
        None if (1..all).contains(&given) => Mask::prefix(u8::try_from(given * 8).ok()?, family),
        _ => return None,
    };
    let value = Net { address: union_address(address, family), mask };
    Some(Inv { inverted, value }).filter(|net| !net.value.has_host_bits())
}
