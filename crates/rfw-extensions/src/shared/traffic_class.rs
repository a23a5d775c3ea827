//! The byte that was Type of Service and is DSCP and ECN: IPv4's second byte, and bits 4 to 11 of an IPv6 header.

use rfw_nft::Expr;
use rfw_nft::expr::{Base, REG_1};
use rfw_nft::predicate::{Field, Op, Place};
use rfw_syntax::Word;

use crate::Parsed;
use crate::context::Family;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::uses::{bad_choice, bad_value};

/// The bits of the byte that are DSCP (RFC 2474).
pub const DSCP_MASK: u8 = 0xfc;
/// The bits of the byte that are ECN (RFC 3168).
pub const ECN_MASK: u8 = 0x03;
/// Hint: the mask is that of DSCP or ECN, and yet the user spoke of TOS.
pub const HINT_TOS: u8 = 20;

/// Per-hop behaviours by name (RFC 2474, 2597, 3246), as iptables knows them.
const CLASSES: &[(&str, u8)] = &[
    ("CS0", 0x00),
    ("CS1", 0x08),
    ("CS2", 0x10),
    ("CS3", 0x18),
    ("CS4", 0x20),
    ("CS5", 0x28),
    ("CS6", 0x30),
    ("CS7", 0x38),
    ("BE", 0x00),
    ("AF11", 0x0a),
    ("AF12", 0x0c),
    ("AF13", 0x0e),
    ("AF21", 0x12),
    ("AF22", 0x14),
    ("AF23", 0x16),
    ("AF31", 0x1a),
    ("AF32", 0x1c),
    ("AF33", 0x1e),
    ("AF41", 0x22),
    ("AF42", 0x24),
    ("AF43", 0x26),
    ("EF", 0x2e),
];

/// Symbolic TOS values (RFC 1349); they leave the two highest bits alone.
const TOS_NAMES: &[(&str, u8)] = &[
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
];
const TOS_NAME_MASK: u8 = 0x3f;

/// A class name.
///
/// # Errors
/// With iptables' words for a name that it does not know.
pub fn parse_class(word: &Word<'_>) -> Parsed<u8> {
    let found = CLASSES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(&word.text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = CLASSES.iter().map(|(name, _)| *name).collect();
        bad_choice(word, &word.text, word.span, &names, format!("Invalid DSCP value `{}'", word.lossy()))
    })
}

/// `VALUE[/MASK]` or a symbolic name: value and mask.
///
/// # Errors
/// With iptables' words.
pub fn parse_tos(word: &Word<'_>) -> Parsed<(u8, u8)> {
    let number = rfw_values::number::prefix(&word.text);
    let Some((value, len)) = number.and_then(|(n, len)| Some((u8::try_from(n).ok()?, len))) else {
        let found = TOS_NAMES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(&word.text));
        return found.map(|(_, value)| (*value, TOS_NAME_MASK)).ok_or_else(|| {
            let names: Vec<&str> = TOS_NAMES.iter().map(|(name, _)| *name).collect();
            let classic = format!("Symbolic name \"{}\" is unknown", word.lossy());
            bad_choice(word, &word.text, word.span, &names, classic)
        });
    };
    let rest = &word.text[len..];
    let mask = match rest.split_first() {
        None => Ok(u8::MAX),
        Some((b'/', mask)) => {
            rfw_values::number::parse_u8(mask, 0, u8::MAX).map_err(|error| error.shifted(len + 1))
        }
        Some(_) => Err(rfw_values::ValueError::new(len, word.text.len(), "a value, or value/mask")),
    };
    mask.map(|mask| (value, mask))
        .map_err(|error| bad_value(word, &error, format!("Illegal value: \"{}\"", word.lossy())))
}

/// The symbolic name of a value and mask.
#[must_use]
pub fn tos_name(value: u8, mask: u8) -> Option<&'static str> {
    let found = TOS_NAMES.iter().find(|(_, v)| *v == value && mask == TOS_NAME_MASK)?;
    Some(found.0)
}

/// Whether nothing but a hint tells a test or change of these bits from one that another extension makes.
#[must_use]
pub fn ambiguous(value: u8, mask: u8) -> bool {
    matches!(mask, DSCP_MASK | ECN_MASK) && value & !mask == 0
}

/// The byte at its place in the first two bytes of an IPv6 header.
fn in_v6(byte: u8) -> [u8; 2] {
    (u16::from(byte) << 4).to_be_bytes()
}

fn from_v6(bytes: &[u8]) -> Option<u8> {
    let bits = u16::from_be_bytes(bytes.try_into().ok()?);
    (bits & 0xf00f == 0).then_some(u8::try_from(bits >> 4).ok()?)
}

/// Tests `(byte & mask) == value`.
pub fn lower_test(out: &mut Lowering, inverted: bool, value: u8, mask: u8) {
    match out.family {
        Family::Ipv4 => {
            out.payload(Base::Network, 1, 1);
            out.masked_equals(inverted, &[value], &[mask]);
        }
        Family::Ipv6 => {
            out.payload(Base::Network, 0, 2);
            out.masked_equals(inverted, &in_v6(value), &in_v6(mask));
        }
    }
}

/// Takes what [`lower_test`] makes: whether it is inverted, value and mask.
pub fn lift_test(run: &mut Run<'_>) -> Option<(bool, u8, u8)> {
    let (offset, len) = if run.family == Family::Ipv4 { (1, 1) } else { (0, 2) };
    let family = run.family;
    let test = run.masked(&Field::Payload { base: Base::Network, offset, len })?;
    let inverted = test.inverted()?;
    match (family, test.value, test.mask) {
        (Family::Ipv4, &[value], None) => Some((inverted, value, u8::MAX)),
        (Family::Ipv4, &[value], Some(&[mask])) => Some((inverted, value, mask)),
        (Family::Ipv6, value, Some(mask)) => Some((inverted, from_v6(value)?, from_v6(mask)?)),
        _ => None,
    }
}

/// Replaces the byte by `(byte & ~mask) ^ value`.
pub fn lower_write(out: &mut Lowering, value: u8, mask: u8) {
    out.payload(Base::Network, 0, 2);
    let (keep, xor) = write_bits(out.family, value, mask);
    out.mask_xor(&keep, &xor);
    let (csum_type, csum_offset) = checksum(out.family);
    out.push(Expr::PayloadWrite {
        sreg: REG_1,
        base: Base::Network,
        offset: 0,
        len: 2,
        csum_type,
        csum_offset,
        csum_flags: 0,
    });
}

fn write_bits(family: Family, value: u8, mask: u8) -> ([u8; 2], [u8; 2]) {
    match family {
        Family::Ipv4 => ([0xff, !mask], [0, value]),
        Family::Ipv6 => {
            let [high, low] = in_v6(mask);
            ([!high, !low], in_v6(value))
        }
    }
}

/// `NFT_PAYLOAD_CSUM_INET` and where IPv4's header checksum is; IPv6 has none.
#[must_use]
pub fn checksum(family: Family) -> (u32, u32) {
    if family == Family::Ipv4 { (1, 10) } else { (0, 0) }
}

/// Takes what [`lower_write`] makes: value and mask.
pub fn lift_write(run: &mut Run<'_>) -> Option<(u8, u8)> {
    let family = run.family;
    let (csum_type, csum_offset) = checksum(family);
    let target =
        Place::Payload { base: Base::Network, offset: 0, len: 2, csum_type, csum_offset, csum_flags: 0 };
    run.set(|place, value| {
        let from = Field::Payload { base: Base::Network, offset: 0, len: 2 };
        let ([Op::MaskXor { mask, xor }], true) =
            (value.ops.as_slice(), *place == target && value.field == from)
        else {
            return None;
        };
        let lifted = match (family, mask.as_slice(), xor.as_slice()) {
            (Family::Ipv4, &[_, keep], &[_, value]) => (value, !keep),
            (Family::Ipv6, &[high, low], value) => (from_v6(value)?, from_v6(&[!high, !low])?),
            _ => return None,
        };
        let (keep, bits) = write_bits(family, lifted.0, lifted.1);
        (mask.as_slice() == keep && xor.as_slice() == bits).then_some(lifted)
    })
}
