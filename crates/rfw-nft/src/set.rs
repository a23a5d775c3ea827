//! Anonymous sets: the members of `tcp dport { 22, 80-90 }`. They belong to one rule, never change and go with it.
//!
//! Contract: [`Set`] holds its members as ranges of keys in order, so two sets with the same members are equal whatever
//! their messages were. Writing and reading go through the messages `NEWSET` and `NEWSETELEM`.

use crate::attr::{Malformed, Reader, Writer};
use crate::expr::Bytes;
use crate::message::{Message, TableId, kind, nfta};

/// The name by which the kernel is asked to find one itself.
pub const ANONYMOUS: &[u8] = b"__set%d";
/// How names of anonymous sets begin; no other set can be called so by nft.
pub const PREFIX: &[u8] = b"__set";

/// `NFT_SET_ANONYMOUS | NFT_SET_CONSTANT`.
const FLAGS: u32 = 3;
/// `NFT_SET_INTERVAL`.
const INTERVAL: u32 = 4;
/// `NFT_SET_MAP`.
const MAP: u32 = 8;
/// `NFT_SET_CONCAT`.
const CONCAT: u32 = 0x80;
/// `NFT_SET_ELEM_INTERVAL_END`.
const INTERVAL_END: u32 = 1;
/// nft's note on an element that its range has no end: `NFTNL_UDATA_SET_ELEM_FLAGS`, `SET_ELEM_F_INTERVAL_OPEN`.
const OPEN: [u8; 6] = [1, 4, 1, 0, 0, 0];
/// How many members one message takes: each at most 80 bytes of its 64 KiB.
const CHUNK: usize = 512;

/// The types that nft gives to keys (`enum datatypes` of nftables): how it writes them.
pub mod key {
    #![allow(missing_docs, reason = "nft's names")]
    pub const INET_SERVICE: u32 = 13;
    pub const ICMP_TYPE: u32 = 14;
    pub const ICMP6_TYPE: u32 = 29;
    pub const ICMP_CODE: u32 = 32;
    pub const ICMPV6_CODE: u32 = 33;
    pub const FIB_ADDRTYPE: u32 = 38;
    pub const BOOLEAN: u32 = 39;
    pub const DAY: u32 = 45;

    /// The type of a concatenation.
    #[must_use]
    pub fn concat(parts: &[u32]) -> u32 {
        parts.iter().fold(0, |sum, part| sum << 6 | part)
    }
}

/// The members of an anonymous set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Set {
    /// nft's type of the key.
    pub key_type: u32,
    /// Length of a key in bytes; parts of a concatenation take 4 each.
    pub key_len: u32,
    /// Lengths of the parts of a concatenation in bytes; empty for a plain key.
    pub fields: Vec<u32>,
    /// First and last key, both included; of a concatenation, first and last of each part. In order, none twice.
    pub members: Vec<(Bytes, Bytes)>,
}

impl Set {
    /// A set of plain keys in network order, ranges of which neighbour each other or overlap becoming one.
    #[must_use]
    pub fn of_ranges(key_type: u32, ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let mut sorted: Vec<(u16, u16)> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::new();
        for (first, last) in sorted {
            match joined.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        let bytes = |number: u16| Bytes::from_slice(&number.to_be_bytes());
        let members = joined.into_iter().map(|(first, last)| (bytes(first), bytes(last))).collect();
        Self { key_type, key_len: 2, fields: Vec::new(), members }
    }

    /// A set of single plain keys.
    #[must_use]
    pub fn of_keys<'k>(key_type: u32, key_len: u32, keys: impl IntoIterator<Item = &'k [u8]>) -> Self {
        let mut members: Vec<_> =
            keys.into_iter().map(|key| (Bytes::from_slice(key), Bytes::from_slice(key))).collect();
        members.sort_unstable();
        members.dedup();
        Self { key_type, key_len, fields: Vec::new(), members }
    }

    /// A set of concatenations, each part a range of numbers in network order, of the lengths in `fields` (1 or 2 bytes).
    #[must_use]
    pub fn of_parts(
        key_type: u32,
        fields: &[u32],
        members: impl IntoIterator<Item = Vec<(u16, u16)>>,
    ) -> Self {
        let key = |parts: &[(u16, u16)], last: bool| {
            let mut bytes = Bytes::new();
            for ((from, to), len) in parts.iter().zip(fields) {
                let [high, low] = if last { to } else { from }.to_be_bytes();
                let part = if *len == 1 { [low, 0] } else { [high, low] };
                bytes.extend_from_slice(&[part[0], part[1], 0, 0]);
            }
            bytes
        };
        let mut members: Vec<_> = members.into_iter().map(|m| (key(&m, false), key(&m, true))).collect();
        members.sort_unstable();
        let key_len = 4 * u32::try_from(fields.len()).unwrap_or(0);
        Self { key_type, key_len, fields: fields.to_vec(), members }
    }

    /// The members of a set of plain keys of two bytes in network order.
    #[must_use]
    pub fn ranges(&self) -> Option<Vec<(u16, u16)>> {
        let number = |bytes: &Bytes| Some(u16::from_be_bytes(bytes.as_slice().try_into().ok()?));
        self.members.iter().map(|(first, last)| Some((number(first)?, number(last)?))).collect()
    }

    /// The members if each is a single key.
    #[must_use]
    pub fn keys(&self) -> Option<Vec<&[u8]>> {
        self.members.iter().map(|(first, last)| (first == last).then_some(first.as_slice())).collect()
    }

    /// Whether some member is more than one key.
    #[must_use]
    pub fn has_ranges(&self) -> bool {
        self.members.iter().any(|(first, last)| first != last)
    }

    /// The attributes of `NEWSET`; `id` names it for the rest of the batch.
    pub(crate) fn encode(&self, table: TableId, id: u32, out: &mut Writer) {
        let intervals = self.has_ranges();
        let mut flags = FLAGS;
        if intervals {
            flags |= INTERVAL | if self.fields.is_empty() { 0 } else { CONCAT };
        }
        out.string(nfta::set::TABLE, table.name);
        out.string(nfta::set::NAME, ANONYMOUS);
        out.u32(nfta::set::FLAGS, flags);
        out.u32(nfta::set::KEY_TYPE, self.key_type);
        out.u32(nfta::set::KEY_LEN, self.key_len);
        out.u32(nfta::set::ID, id);
        let desc = out.begin(nfta::set::DESC);
        out.u32(nfta::set::DESC_SIZE, u32::try_from(self.elements().len()).unwrap_or(u32::MAX));
        if flags & CONCAT != 0 {
            let concat = out.begin(nfta::set::DESC_CONCAT);
            for len in &self.fields {
                let field = out.begin(nfta::LIST_ELEM);
                out.u32(nfta::set::FIELD_LEN, *len);
                out.end(field);
            }
            out.end(concat);
        }
        out.end(desc);
    }

    /// The attributes of each `NEWSETELEM` that fills it.
    pub(crate) fn encode_members(
        &self,
        table: TableId,
        id: u32,
        mut message: impl FnMut(&dyn Fn(&mut Writer)),
    ) {
        for chunk in self.elements().chunks(CHUNK) {
            message(&|out| {
                out.string(nfta::element::TABLE, table.name);
                out.string(nfta::element::SET, ANONYMOUS);
                out.u32(nfta::element::SET_ID, id);
                let list = out.begin(nfta::element::ELEMENTS);
                chunk.iter().for_each(|element| element.encode(out));
                out.end(list);
            });
        }
    }

    fn elements(&self) -> Vec<Element> {
        let plain = |key: &Bytes| Element { key: key.clone(), end: None, closes: false, open: false };
        if !self.has_ranges() {
            return self.members.iter().map(|(key, _)| plain(key)).collect();
        }
        if !self.fields.is_empty() {
            let ranges = self.members.iter();
            return ranges.map(|(key, last)| Element { end: Some(last.clone()), ..plain(key) }).collect();
        }
        let mut elements = Vec::with_capacity(2 * self.members.len() + 1);
        // What nft sends: the keys before the first member, too, are a range that ends.
        if let Some((first, _)) = self.members.first().filter(|(first, _)| first.iter().any(|b| *b != 0)) {
            elements.push(Element { closes: true, ..plain(&Bytes::from_elem(0, first.len())) });
        }
        for (first, last) in &self.members {
            match successor(last) {
                Some(next) => {
                    elements.push(plain(first));
                    elements.push(Element { closes: true, ..plain(&next) });
                }
                None => elements.push(Element { open: true, ..plain(first) }),
            }
        }
        elements
    }
}

/// The key behind a key, in network order; `None` behind the last one.
fn successor(key: &Bytes) -> Option<Bytes> {
    step(key, u8::MAX, u8::wrapping_add)
}

/// The key before a key.
fn predecessor(key: &Bytes) -> Option<Bytes> {
    step(key, 0, u8::wrapping_sub)
}

fn step(key: &Bytes, wraps: u8, change: fn(u8, u8) -> u8) -> Option<Bytes> {
    let mut key = key.clone();
    for byte in key.iter_mut().rev() {
        let carry = *byte == wraps;
        *byte = change(*byte, 1);
        if !carry {
            return Some(key);
        }
    }
    None
}

/// An element as messages have it.
struct Element {
    key: Bytes,
    /// The last key, of a concatenation.
    end: Option<Bytes>,
    /// Whether a range ends before this key, instead of beginning with it.
    closes: bool,
    /// Whether nothing ends the range that begins here.
    open: bool,
}

impl Element {
    fn encode(&self, out: &mut Writer) {
        let element = out.begin(nfta::LIST_ELEM);
        if self.closes {
            out.u32(nfta::element::FLAGS, INTERVAL_END);
        }
        let parts = [(nfta::element::KEY, Some(&self.key)), (nfta::element::KEY_END, self.end.as_ref())];
        for (kind, key) in parts {
            if let Some(key) = key {
                let nest = out.begin(kind);
                out.bytes(nfta::element::VALUE, key);
                out.end(nest);
            }
        }
        if self.open {
            out.bytes(nfta::element::USERDATA, &OPEN);
        }
        out.end(element);
    }

    /// `None` for an element that is more than a key: with data, a timeout, an expression.
    fn decode(list: Reader<'_>) -> Result<Option<Self>, Malformed> {
        let mut found = Self { key: Bytes::new(), end: None, closes: false, open: false };
        for attr in list {
            let attr = attr?;
            let value = || -> Result<Bytes, Malformed> {
                let first = attr.nested().next().ok_or(Malformed)??;
                Ok(Bytes::from_slice(first.payload))
            };
            match attr.kind {
                nfta::element::KEY => found.key = value()?,
                nfta::element::KEY_END => found.end = Some(value()?),
                nfta::element::FLAGS => match attr.u32()? {
                    0 => {}
                    INTERVAL_END => found.closes = true,
                    _ => return Ok(None),
                },
                nfta::element::USERDATA => {}
                _ => return Ok(None),
            }
        }
        Ok((!found.key.is_empty()).then_some(found))
    }
}

/// What a dump says of a set before its members are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Its name.
    pub name: Vec<u8>,
    key_type: u32,
    key_len: u32,
    flags: u32,
    fields: Vec<u32>,
}

impl Heading {
    /// Reads a `NEWSET` message.
    ///
    /// # Errors
    /// If it is another message or misshapen.
    pub fn decode(message: &Message) -> Result<Self, Malformed> {
        if message.kind != kind::NEWSET {
            return Err(Malformed);
        }
        let mut found = Self { name: Vec::new(), key_type: 0, key_len: 0, flags: 0, fields: Vec::new() };
        for attr in message.attributes() {
            let attr = attr?;
            match attr.kind {
                nfta::set::NAME => found.name = attr.string().to_vec(),
                nfta::set::FLAGS => found.flags = attr.u32()?,
                nfta::set::KEY_TYPE => found.key_type = attr.u32()?,
                nfta::set::KEY_LEN => found.key_len = attr.u32()?,
                nfta::set::DESC => found.fields = fields(attr.nested())?,
                _ => {}
            }
        }
        Ok(found)
    }

    /// The set, if it is one that a rule's lookup alone explains: anonymous, without data, its members nothing but keys.
    #[must_use]
    pub fn with(self, elements: Members) -> Option<Set> {
        let known = FLAGS | INTERVAL | CONCAT;
        if self.flags & FLAGS != FLAGS
            || self.flags & !known != 0
            || self.flags & MAP != 0
            || elements.strange
        {
            return None;
        }
        let members = match (self.flags & INTERVAL != 0, self.flags & CONCAT != 0) {
            (true, false) => elements.intervals()?,
            (true, true) => elements.concatenations()?,
            (false, _) => elements.singles()?,
        };
        Some(Set { key_type: self.key_type, key_len: self.key_len, fields: self.fields, members })
    }
}

fn fields(desc: Reader<'_>) -> Result<Vec<u32>, Malformed> {
    let mut lens = Vec::new();
    for attr in desc {
        let attr = attr?;
        if attr.kind == nfta::set::DESC_CONCAT {
            for field in attr.nested() {
                for len in field?.nested() {
                    lens.push(len?.u32()?);
                }
            }
        }
    }
    Ok(lens)
}

/// Elements of a dump, in any order.
#[derive(Default)]
pub struct Members {
    elements: Vec<Element>,
    strange: bool,
}

impl Members {
    /// Adds those of a `NEWSETELEM` message.
    ///
    /// # Errors
    /// If it is another message or misshapen.
    pub fn add(&mut self, message: &Message) -> Result<(), Malformed> {
        if message.kind != kind::NEWSETELEM {
            return Err(Malformed);
        }
        for attr in message.attributes() {
            let attr = attr?;
            if attr.kind != nfta::element::ELEMENTS {
                continue;
            }
            for element in attr.nested() {
                match Element::decode(element?.nested())? {
                    Some(element) => self.elements.push(element),
                    None => self.strange = true,
                }
            }
        }
        Ok(())
    }

    fn singles(self) -> Option<Vec<(Bytes, Bytes)>> {
        let one = |e: Element| (e.end.is_none() && !e.closes).then(|| (e.key.clone(), e.key));
        let mut members: Vec<_> = self.elements.into_iter().map(one).collect::<Option<_>>()?;
        members.sort_unstable();
        Some(members)
    }

    fn concatenations(self) -> Option<Vec<(Bytes, Bytes)>> {
        let one = |e: Element| {
            let last = e.end.unwrap_or_else(|| e.key.clone());
            (!e.closes).then_some((e.key, last))
        };
        let mut members: Vec<_> = self.elements.into_iter().map(one).collect::<Option<_>>()?;
        members.sort_unstable();
        Some(members)
    }

    fn intervals(mut self) -> Option<Vec<(Bytes, Bytes)>> {
        self.elements.sort_by(|a, b| (&a.key, !a.closes).cmp(&(&b.key, !b.closes)));
        let mut members: Vec<(Bytes, Bytes)> = Vec::new();
        let mut from: Option<Bytes> = None;
        for element in self.elements {
            if element.end.is_some() {
                return None;
            }
            match (element.closes, from.take()) {
                (true, Some(first)) => join(&mut members, first, predecessor(&element.key)?),
                (true, None) => {}
                // Ranges that begin inside of one another: nothing that nft sends.
                (false, Some(_)) => return None,
                (false, None) => from = Some(element.key),
            }
        }
        if let Some(first) = from {
            let last = Bytes::from_elem(u8::MAX, first.len());
            join(&mut members, first, last);
        }
        Some(members)
    }
}

/// Adds a range behind the others; one that begins where the last ends lengthens it.
fn join(members: &mut Vec<(Bytes, Bytes)>, first: Bytes, last: Bytes) {
    match members.last_mut() {
        Some(before) if successor(&before.1).is_some_and(|next| next == first) => before.1 = last,
        _ => members.push((first, last)),
    }
}
