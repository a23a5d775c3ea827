//! Tables, chains and rules as dumps show them.

use super::{Malformed, Message, kind, nfta};
use crate::{
    Expr, Family,
    attr::{Attr, Writer},
    expr::{DecodeError, decode_list},
};

/// A table (`enum nft_table_attributes`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: Vec<u8>,
    /// Kernel's handle.
    pub handle: u64,
    /// `NFT_TABLE_F_*`: 1 dormant, 2 owned, 4 persistent.
    pub flags: u32,
    /// Number of chains, sets and objects in it.
    pub use_count: u32,
    /// TLVs, see [`super::userdata`].
    pub userdata: Vec<u8>,
}

/// Where a base chain is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hook {
    /// `NF_INET_*`: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting.
    pub num: u32,
    /// Priority; lower runs first.
    pub priority: i32,
}

/// Packet and byte counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A chain (`enum nft_chain_attributes`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Family of its table.
    pub family: Family,
    /// Name of its table.
    pub table: Vec<u8>,
    /// Its name.
    pub name: Vec<u8>,
    /// Kernel's handle.
    pub handle: u64,
    /// `None` in a user chain.
    pub hook: Option<Hook>,
    /// `filter`, `nat` or `route`; empty in a user chain.
    pub kind: Vec<u8>,
    /// `NF_DROP` 0 or `NF_ACCEPT` 1 in a base chain.
    pub policy: Option<u32>,
    /// Policy counters; `None` if the kernel keeps none for this chain.
    pub counters: Option<Counters>,
    /// Rules in it plus jumps to it.
    pub use_count: u32,
    /// TLVs, see [`super::userdata`].
    pub userdata: Vec<u8>,
}

/// A rule whose parts are still bytes of the buffer it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRule<'a> {
    /// Family of its table.
    pub family: Family,
    /// Name of its table.
    pub table: &'a [u8],
    /// Name of its chain.
    pub chain: &'a [u8],
    /// Kernel's handle.
    pub handle: u64,
    /// Handle of the rule before it in the chain, if any.
    pub position: Option<u64>,
    /// Payload of `NFTA_RULE_EXPRESSIONS`, for [`crate::expr::decode_list`].
    pub exprs: &'a [u8],
    /// TLVs, see [`super::userdata`].
    pub userdata: &'a [u8],
}

/// A rule (`enum nft_rule_attributes`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Family of its table.
    pub family: Family,
    /// Name of its table.
    pub table: Vec<u8>,
    /// Name of its chain.
    pub chain: Vec<u8>,
    /// Kernel's handle.
    pub handle: u64,
    /// Handle of the rule before it in the chain, if any.
    pub position: Option<u64>,
    /// Its expressions.
    pub exprs: Vec<Expr>,
    /// TLVs, see [`super::userdata`].
    pub userdata: Vec<u8>,
}

impl Table {
    /// Reads a `NEWTABLE` message.
    ///
    /// # Errors
    /// If it is another message, of another family than the two, or misshapen.
    pub fn decode(message: &Message) -> Result<Self, Malformed> {
        let mut table = Self {
            family: family(message, kind::NEWTABLE)?,
            name: Vec::new(),
            handle: 0,
            flags: 0,
            use_count: 0,
            userdata: Vec::new(),
        };
        for attr in message.attributes() {
            let attr = attr?;
            match attr.kind {
                nfta::table::NAME => table.name = attr.string().to_vec(),
                nfta::table::HANDLE => table.handle = attr.u64()?,
                nfta::table::FLAGS => table.flags = attr.u32()?,
                nfta::table::USE => table.use_count = attr.u32()?,
                nfta::table::USERDATA => table.userdata = attr.payload.to_vec(),
                _ => {}
            }
        }
        named(&table.name)?;
        Ok(table)
    }
}

impl Chain {
    /// Reads a `NEWCHAIN` message.
    ///
    /// # Errors
    /// If it is another message, of another family than the two, or misshapen.
    pub fn decode(message: &Message) -> Result<Self, Malformed> {
        let mut chain = Self {
            family: family(message, kind::NEWCHAIN)?,
            table: Vec::new(),
            name: Vec::new(),
            handle: 0,
            hook: None,
            kind: Vec::new(),
            policy: None,
            counters: None,
            use_count: 0,
            userdata: Vec::new(),
        };
        for attr in message.attributes() {
            let attr = attr?;
            match attr.kind {
                nfta::chain::TABLE => chain.table = attr.string().to_vec(),
                nfta::chain::NAME => chain.name = attr.string().to_vec(),
                nfta::chain::HANDLE => chain.handle = attr.u64()?,
                nfta::chain::HOOK => chain.hook = Some(Hook::decode(&attr)?),
                nfta::chain::TYPE => chain.kind = attr.string().to_vec(),
                nfta::chain::POLICY => chain.policy = Some(attr.u32()?),
                nfta::chain::COUNTERS => chain.counters = Some(Counters::decode(&attr)?),
                nfta::chain::USE => chain.use_count = attr.u32()?,
                nfta::chain::USERDATA => chain.userdata = attr.payload.to_vec(),
                _ => {}
            }
        }
        named(&chain.name)?;
        Ok(chain)
    }
}

impl Hook {
    fn decode(attr: &Attr) -> Result<Self, Malformed> {
        let (mut num, mut priority) = (None, None);
        for inner in attr.nested() {
            let inner = inner?;
            match inner.kind {
                nfta::hook::NUM => num = Some(inner.u32()?),
                nfta::hook::PRIORITY => priority = Some(inner.u32()?.cast_signed()),
                _ => {}
            }
        }
        Ok(Self { num: num.ok_or(Malformed)?, priority: priority.ok_or(Malformed)? })
    }

    pub(super) fn encode(self, out: &mut Writer) {
        let nest = out.begin(nfta::chain::HOOK);
        out.u32(nfta::hook::NUM, self.num);
        out.u32(nfta::hook::PRIORITY, self.priority.cast_unsigned());
        out.end(nest);
    }
}

impl Counters {
    fn decode(attr: &Attr) -> Result<Self, Malformed> {
        let mut counters = Self::default();
        for inner in attr.nested() {
            let inner = inner?;
            match inner.kind {
                nfta::counter::PACKETS => counters.packets = inner.u64()?,
                nfta::counter::BYTES => counters.bytes = inner.u64()?,
                _ => {}
            }
        }
        Ok(counters)
    }

    pub(super) fn encode(self, out: &mut Writer) {
        let nest = out.begin(nfta::chain::COUNTERS);
        out.u64(nfta::counter::PACKETS, self.packets);
        out.u64(nfta::counter::BYTES, self.bytes);
        out.end(nest);
    }
}

impl<'a> RawRule<'a> {
    /// Reads a `NEWRULE` message without copying.
    ///
    /// # Errors
    /// If it is another message, of another family than the two, or misshapen.
    pub fn decode(message: &Message<'a>) -> Result<Self, Malformed> {
        let mut rule = Self {
            family: family(message, kind::NEWRULE)?,
            table: &[],
            chain: &[],
            handle: 0,
            position: None,
            exprs: &[],
            userdata: &[],
        };
        for attr in message.attributes() {
            let attr = attr?;
            match attr.kind {
                nfta::rule::TABLE => rule.table = attr.string(),
                nfta::rule::CHAIN => rule.chain = attr.string(),
                nfta::rule::HANDLE => rule.handle = attr.u64()?,
                nfta::rule::POSITION => rule.position = Some(attr.u64()?),
                nfta::rule::EXPRESSIONS => rule.exprs = attr.payload,
                nfta::rule::USERDATA => rule.userdata = attr.payload,
                _ => {}
            }
        }
        named(rule.chain)?;
        Ok(rule)
    }
}

impl RawRule<'_> {
    /// The rule with its expressions decoded, free of the buffer.
    ///
    /// # Errors
    /// If the expressions are misshapen; one that is merely unknown is kept.
    pub fn to_rule(&self) -> Result<Rule, DecodeError> {
        Ok(Rule {
            family: self.family,
            table: self.table.to_vec(),
            chain: self.chain.to_vec(),
            handle: self.handle,
            position: self.position,
            exprs: decode_list(self.exprs)?,
            userdata: self.userdata.to_vec(),
        })
    }
}

fn family(message: &Message, kind: u16) -> Result<Family, Malformed> {
    if message.kind == kind { message.family().ok_or(Malformed) } else { Err(Malformed) }
}

fn named(name: &[u8]) -> Result<(), Malformed> {
    if name.is_empty() { Err(Malformed) } else { Ok(()) }
}
