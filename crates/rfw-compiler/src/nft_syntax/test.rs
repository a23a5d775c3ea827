//! Tests: `tcp dport 22`, `ip saddr 10.0.0.0/8`, `ct state established,related`.

use rfw_nft::Family;
use rfw_nft::expr::{Base, CmpOp, ct, meta};
use rfw_nft::predicate::{Field, Op, Relation, Value};
use rfw_nft::set::Set;

use super::field::{self, Name, expression, mask_constant};
use super::number::{Form, address, constant, flags, integer, prefix};
use super::words;
use super::{Untranslatable, Writer, Written};

impl Writer {
    pub(super) fn test(&mut self, value: &Value, relation: &Relation) -> Written<()> {
        match (&value.field, value.ops.is_empty(), relation) {
            (Field::Meta(meta::L4PROTO), true, Relation::Cmp(CmpOp::Eq, data)) if data.len() == 1 => {
                self.flush();
                if self.protocol.is_none() {
                    self.protocol = data.first().copied();
                    self.pending = self.protocol;
                    return Ok(());
                }
            }
            (Field::Payload { base, offset, len }, ..) => {
                if let Some(text) = self.header_test((*base, *offset, *len), value, relation) {
                    return self.header(text?);
                }
            }
            (Field::Ct { key: ct::PROTO_SRC | ct::PROTO_DST, .. }, ..) if self.protocol.is_none() => {
                return Err(Untranslatable::new("a port of ct without a protocol has no nft form"));
            }
            _ => {}
        }
        let name = field::name(&value.field, self.family, self.protocol)?;
        self.header(plain(value, relation, name)?)?;
        // nft takes this for a test of the packet's protocol too.
        if let (Field::Ct { key: ct::PROTOCOL, .. }, Relation::Cmp(CmpOp::Eq, data)) =
            (&value.field, relation)
            && value.ops.is_empty()
            && let [number] = data.as_slice()
        {
            if self.protocol.is_some_and(|protocol| protocol != *number) {
                return Err(Untranslatable::new(
                    "a protocol of ct other than that of the packet has no nft form",
                ));
            }
            self.protocol = Some(*number);
        }
        Ok(())
    }

    /// `tcp dport { 22, 80-90 }`, `icmp type . icmp code != { 3 . 1 }`.
    pub(super) fn in_set(&mut self, values: &[Value], invert: bool, set: &Set) -> Written<()> {
        let mut names = Vec::with_capacity(values.len());
        for value in values {
            if !value.ops.is_empty() {
                return Err(Untranslatable::new("a set of changed values has no nft form here"));
            }
            names.push(field::name(&value.field, self.family, self.protocol)?);
        }
        let part = |name: &Name, at: usize, first: &[u8], last: &[u8]| -> Written<String> {
            let cut = |key: &[u8]| key.get(at..at + name.len as usize).map(<[u8]>::to_vec);
            let (Some(first), Some(last)) = (cut(first), cut(last)) else {
                return Err(Untranslatable::new(
                    "a set whose keys are shorter than its values has no nft form",
                ));
            };
            let text = name.constant(&first)?;
            Ok(if first == last { text } else { format!("{text}-{}", name.constant(&last)?) })
        };
        let mut members = Vec::with_capacity(set.members.len());
        for (first, last) in &set.members {
            let mut parts = Vec::with_capacity(names.len());
            let mut at = 0;
            for name in &names {
                parts.push(part(name, at, first, last)?);
                at += (name.len as usize).next_multiple_of(4);
            }
            members.push(parts.join(" . "));
        }
        if members.is_empty() {
            return Err(Untranslatable::new("an empty set has no nft form"));
        }
        let fields: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
        let sign = if invert { " !=" } else { "" };
        self.header(format!("{}{sign} {{ {} }}", fields.join(" . "), members.join(", ")))
    }

    /// Writes a test. One that names the header of the protocol just tested for says that by itself.
    fn header(&mut self, text: String) -> Written<()> {
        let named = self.pending.and_then(words::header);
        if named
            .is_some_and(|header| text.split(' ').next() == Some(header) && !text.starts_with("tcp option"))
        {
            self.pending = None;
        }
        self.push(text);
        Ok(())
    }

    /// Tests of headers that are more than a field and a constant; `None` if this is none.
    fn header_test(
        &self,
        (base, offset, len): (Base, u32, u32),
        value: &Value,
        relation: &Relation,
    ) -> Option<Written<String>> {
        let Relation::Cmp(op @ (CmpOp::Eq | CmpOp::Neq), data) = relation else { return None };
        if data.len() != len as usize {
            return Some(Err(Untranslatable::new(
                "a comparison of fewer bytes than were loaded has no nft form",
            )));
        }
        let sign = if *op == CmpOp::Neq { "!= " } else { "" };
        match value.ops.as_slice() {
            [] => match (base, offset, len) {
                (Base::Transport, 0, 4) if *op == CmpOp::Eq => {
                    let header = words::with_ports(self.protocol?)?;
                    let [a, b, c, d] = <[u8; 4]>::try_from(data.as_slice()).ok()?;
                    let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                    Some(Ok(format!("{header} sport {source} {header} dport {destination}")))
                }
                (Base::Transport, 0, 2) if *op == CmpOp::Eq => {
                    let header = words::with_types(self.protocol?)?;
                    Some(Ok(format!("{header} type {} {header} code {}", data.first()?, data.get(1)?)))
                }
                (Base::Network, ..) => {
                    let (side, bytes) = narrow_address(self.family, offset, len)?;
                    let mut whole = data.to_vec();
                    whole.resize(bytes, 0);
                    Some(Ok(format!("{side} {sign}{}/{}", address(&whole)?, len * 8)))
                }
                _ => None,
            },
            [Op::MaskXor { mask, xor }] if xor.iter().all(|b| *b == 0) && base == Base::Network => {
                let (name, shift) = traffic_class(self.family, offset, mask)?;
                let (mask, number) = (integer(mask, true)?, integer(data, true)?);
                (number & !mask == 0).then(|| Ok(format!("{name} {sign}{}", number >> shift)))
            }
            _ => None,
        }
    }
}

/// The address of which these are the first bytes, and how many it has; `None` if these are all.
fn narrow_address(family: Family, offset: u32, len: u32) -> Option<(&'static str, usize)> {
    match (family, offset, len) {
        (Family::Ipv4, 12, 1..4) => Some(("ip saddr", 4)),
        (Family::Ipv4, 16, 1..4) => Some(("ip daddr", 4)),
        (Family::Ipv6, 8, 1..16) => Some(("ip6 saddr", 16)),
        (Family::Ipv6, 24, 1..16) => Some(("ip6 daddr", 16)),
        _ => None,
    }
}

/// The part of the traffic class that a mask leaves, and by how many bits to the left it stands.
pub(super) fn traffic_class(family: Family, offset: u32, mask: &[u8]) -> Option<(&'static str, u32)> {
    match (family, offset, mask) {
        (Family::Ipv4, 1, [0xfc]) | (Family::Ipv4, 0, [0, 0xfc]) => Some(("ip dscp", 2)),
        (Family::Ipv4, 1, [0x03]) | (Family::Ipv4, 0, [0, 0x03]) => Some(("ip ecn", 0)),
        (Family::Ipv6, 0, [0x0f, 0xc0]) => Some(("ip6 dscp", 6)),
        (Family::Ipv6, 0, [0, 0x30]) | (Family::Ipv6, 1, [0x30]) => Some(("ip6 ecn", 4)),
        _ => None,
    }
}

/// A field, a relation and constants.
fn plain(value: &Value, relation: &Relation, name: Name) -> Written<String> {
    match (value.ops.as_slice(), relation) {
        ([], _) => {
            let ordered = !matches!(relation, Relation::Cmp(CmpOp::Eq | CmpOp::Neq, _));
            if ordered && !name.big && name.len != 1 {
                return Err(unordered(&name));
            }
            related(&name.text, &name, relation)
        }
        // nft turns the bytes of its own accord to compare by size.
        ([Op::Byteorder { hton: true, len, size }], _)
            if !name.big && (*len, *size) == (name.len, name.len) =>
        {
            if matches!(relation, Relation::Cmp(CmpOp::Eq | CmpOp::Neq, _)) {
                return Err(unordered(&name));
            }
            let name = Name { big: true, ..name };
            related(&name.text, &name, relation)
        }
        ([Op::MaskXor { mask, xor }], Relation::Cmp(op @ (CmpOp::Eq | CmpOp::Neq), data))
            if xor.iter().all(|b| *b == 0) =>
        {
            masked(name, mask, *op, data)
        }
        (_, Relation::Cmp(op, data)) => {
            if !matches!(op, CmpOp::Eq | CmpOp::Neq) && !name.big {
                return Err(unordered(&name));
            }
            let (text, name) = expression(value, name)?;
            Ok(format!("{text} {} {}", sign(*op), mask_constant(&name, data)?))
        }
        (_, Relation::Range { .. }) => {
            Err(Untranslatable::new(format!("a range of bits of {} has no nft form here", name.text)))
        }
    }
}

fn unordered(name: &Name) -> Untranslatable {
    Untranslatable::new(format!("this comparison of {} has no nft form", name.text))
}

const fn sign(op: CmpOp) -> &'static str {
    match op {
        CmpOp::Eq => "==",
        CmpOp::Neq => "!=",
        CmpOp::Lt => "<",
        CmpOp::Lte => "<=",
        CmpOp::Gt => ">",
        CmpOp::Gte => ">=",
    }
}

fn related(text: &str, name: &Name, relation: &Relation) -> Written<String> {
    match relation {
        // Without `==`, a name of bits asks for one of them.
        Relation::Cmp(CmpOp::Eq, data) if !matches!(name.form, Form::Flags(_)) => {
            Ok(format!("{text} {}", name.constant(data)?))
        }
        Relation::Cmp(op, data) => Ok(format!("{text} {} {}", sign(*op), name.constant(data)?)),
        Relation::Range { invert, from, to } => {
            let (first, last) = (name.constant(from)?, name.constant(to)?);
            match (from <= to, invert) {
                (true, false) => Ok(format!("{text} {first}-{last}")),
                (true, true) => Ok(format!("{text} != {first}-{last}")),
                (false, false) => Ok(format!("{text} >= {first} {text} <= {last}")),
                (false, true) => Err(Untranslatable::new(format!(
                    "an inverted range from {first} down to {last} has no nft form"
                ))),
            }
        }
    }
}

/// `FIELD & MASK == DATA`, or `!=`.
fn masked(name: Name, mask: &[u8], op: CmpOp, data: &[u8]) -> Written<String> {
    let zero = data.iter().all(|b| *b == 0);
    let within = data.len() == mask.len() && data.iter().zip(mask).all(|(d, m)| d & !m == 0);
    match name.form {
        Form::Flags(names) => {
            let bits = integer(mask, name.big).and_then(|bits| flags(names, bits));
            let wanted = integer(data, name.big).and_then(|bits| flags(names, bits));
            let tcp = names == field::TCP_FLAGS;
            match (bits, wanted, op) {
                (Some(bits), _, CmpOp::Neq) if zero && !tcp => {
                    return Ok(format!("{} {}", name.text, bits.join(",")));
                }
                (Some(bits), _, CmpOp::Eq) if zero && !tcp => {
                    return Ok(format!("{} ! {}", name.text, bits.join(",")));
                }
                (Some(bits), wanted, _) if tcp && within => {
                    let wanted = wanted.map_or_else(|| "0x0".to_owned(), |list| alternatives(&list));
                    return Ok(format!("{} & {} {} {wanted}", name.text, alternatives(&bits), sign(op)));
                }
                _ => {}
            }
        }
        Form::Address => {
            if let (Some(length), true) = (prefix(mask), within) {
                let address = constant(Form::Address, data, true)?;
                let sign = if op == CmpOp::Neq { "!= " } else { "" };
                return Ok(format!("{} {sign}{address}/{length}", name.text));
            }
        }
        _ => {}
    }
    let (mask, data) = (mask_constant(&name, mask)?, mask_constant(&name, data)?);
    Ok(format!("{} & {mask} {} {data}", name.text, sign(op)))
}

/// `(fin | syn)`, `syn`.
fn alternatives(names: &[&str]) -> String {
    match names {
        [one] => (*one).to_owned(),
        several => format!("({})", several.join(" | ")),
    }
}
