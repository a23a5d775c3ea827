//! nf_tables messages as bytes: objects of dumps, batches, requests, errors.
//!
//! Contract: pure functions over byte slices. Whatever the bytes are, reading ends with a value or [`Malformed`], never with a
//! panic. Writing never fails; a message too long for netlink's 16-bit attributes is left out and reported by
//! [`Batch::too_long`].
//!
//! Numbers: `linux/netlink.h`, `linux/netfilter/nfnetlink.h`, `linux/netfilter/nf_tables.h`,
//! `linux/netfilter/nf_tables_compat.h`.

mod batch;
mod error;
mod object;
pub mod request;
#[cfg(test)]
mod tests;
mod trace;
pub mod userdata;

pub use batch::{Batch, ChainId, Compat, NewChain, NewRule, Place, TableId};
pub use error::{NetlinkError, expr_at_offset};
pub use object::{Chain, Counters, Hook, RawRule, Rule, Table};
pub use trace::{Trace, TraceKind};

pub use crate::attr::Malformed;
use crate::{Family, attr::Reader};

/// Length of `struct nlmsghdr`.
pub const HEADER_LEN: usize = 16;
/// Length of `struct nlmsghdr` and `struct nfgenmsg`: where the attributes begin.
pub const ATTRIBUTES_AT: usize = 20;

/// `nlmsg_flags`.
pub mod flag {
    #![allow(missing_docs, reason = "kernel names, NLM_F_*")]
    pub const REQUEST: u16 = 0x1;
    pub const ACK: u16 = 0x4;
    pub const DUMP_INTR: u16 = 0x10;
    pub const REPLACE: u16 = 0x100;
    pub const EXCL: u16 = 0x200;
    pub const CREATE: u16 = 0x400;
    pub const APPEND: u16 = 0x800;
    /// `NLM_F_ROOT | NLM_F_MATCH`.
    pub const DUMP: u16 = 0x300;
    /// Of delete messages: do not delete recursively.
    pub const NONREC: u16 = 0x100;
    /// Of an error: `NLM_F_CAPPED`, the request is not repeated.
    pub const CAPPED: u16 = 0x100;
    /// Of an error: `NLM_F_ACK_TLVS`, attributes follow.
    pub const ACK_TLVS: u16 = 0x200;
}

/// `nlmsg_type`.
pub mod kind {
    #![allow(missing_docs, reason = "kernel names")]
    pub const ERROR: u16 = 2;
    pub const DONE: u16 = 3;
    pub const BATCH_BEGIN: u16 = 0x10;
    pub const BATCH_END: u16 = 0x11;
    /// `NFNL_SUBSYS_NFTABLES`.
    pub const NFTABLES: u16 = 10;
    /// `NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET`.
    pub const COMPAT_GET: u16 = 11 << 8;
    const NFT: u16 = NFTABLES << 8;
    pub const NEWTABLE: u16 = NFT;
    pub const GETTABLE: u16 = NFT | 1;
    pub const DELTABLE: u16 = NFT | 2;
    pub const NEWCHAIN: u16 = NFT | 3;
    pub const GETCHAIN: u16 = NFT | 4;
    pub const DELCHAIN: u16 = NFT | 5;
    pub const NEWRULE: u16 = NFT | 6;
    pub const GETRULE: u16 = NFT | 7;
    pub const DELRULE: u16 = NFT | 8;
    pub const NEWSET: u16 = NFT | 9;
    pub const GETSET: u16 = NFT | 10;
    pub const NEWSETELEM: u16 = NFT | 12;
    pub const GETSETELEM: u16 = NFT | 13;
    pub const NEWGEN: u16 = NFT | 15;
    pub const GETGEN: u16 = NFT | 16;
    pub const TRACE: u16 = NFT | 17;
    pub const GETOBJ: u16 = NFT | 19;
}

/// Attribute types, one module per object.
pub(crate) mod nfta {
    pub mod table {
        pub const NAME: u16 = 1;
        pub const FLAGS: u16 = 2;
        pub const USE: u16 = 3;
        pub const HANDLE: u16 = 4;
        pub const USERDATA: u16 = 6;
    }
    pub mod chain {
        pub const TABLE: u16 = 1;
        pub const HANDLE: u16 = 2;
        pub const NAME: u16 = 3;
        pub const HOOK: u16 = 4;
        pub const POLICY: u16 = 5;
        pub const USE: u16 = 6;
        pub const TYPE: u16 = 7;
        pub const COUNTERS: u16 = 8;
        pub const USERDATA: u16 = 12;
    }
    pub mod hook {
        pub const NUM: u16 = 1;
        pub const PRIORITY: u16 = 2;
    }
    pub mod counter {
        pub const BYTES: u16 = 1;
        pub const PACKETS: u16 = 2;
    }
    pub mod rule {
        pub const TABLE: u16 = 1;
        pub const CHAIN: u16 = 2;
        pub const HANDLE: u16 = 3;
        pub const EXPRESSIONS: u16 = 4;
        pub const COMPAT: u16 = 5;
        pub const POSITION: u16 = 6;
        pub const USERDATA: u16 = 7;
        pub const ID: u16 = 9;
        pub const POSITION_ID: u16 = 10;
    }
    pub mod compat_rule {
        pub const PROTO: u16 = 1;
        pub const FLAGS: u16 = 2;
    }
    pub mod compat {
        pub const NAME: u16 = 1;
        pub const REV: u16 = 2;
        pub const TYPE: u16 = 3;
    }
    /// `NFTA_LIST_ELEM`.
    pub const LIST_ELEM: u16 = 1;
    pub mod set {
        pub const TABLE: u16 = 1;
        pub const NAME: u16 = 2;
        pub const FLAGS: u16 = 3;
        pub const KEY_TYPE: u16 = 4;
        pub const KEY_LEN: u16 = 5;
        pub const DESC: u16 = 9;
        pub const ID: u16 = 10;
        /// In `DESC`.
        pub const DESC_SIZE: u16 = 1;
        pub const DESC_CONCAT: u16 = 2;
        /// In a list element of `DESC_CONCAT`.
        pub const FIELD_LEN: u16 = 1;
    }
    pub mod element {
        pub const TABLE: u16 = 1;
        pub const SET: u16 = 2;
        pub const ELEMENTS: u16 = 3;
        pub const SET_ID: u16 = 4;
        /// In a list element of `ELEMENTS`.
        pub const KEY: u16 = 1;
        pub const FLAGS: u16 = 3;
        pub const USERDATA: u16 = 6;
        pub const KEY_END: u16 = 10;
        /// In a key.
        pub const VALUE: u16 = 1;
    }
    pub mod object {
        pub const TABLE: u16 = 1;
    }
    pub const GEN_ID: u16 = 1;
    pub const BATCH_GENID: u16 = 1;
}

/// One netlink message in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `nlmsg_type`, see [`kind`].
    pub kind: u16,
    /// `nlmsg_flags`, see [`flag`].
    pub flags: u16,
    /// Sequence number.
    pub seq: u32,
    /// All of it, header included, padding not.
    pub bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// What follows `struct nlmsghdr`.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(HEADER_LEN..).unwrap_or(&[])
    }

    /// The family of `struct nfgenmsg`; `None` if it is neither IPv4 nor IPv6.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        match self.body().first()? {
            2 => Some(Family::Ipv4),
            10 => Some(Family::Ipv6),
            _ => None,
        }
    }

    /// The attributes behind `struct nfgenmsg`.
    #[must_use]
    pub fn attributes(&self) -> Reader<'a> {
        Reader::new(self.bytes.get(ATTRIBUTES_AT..).unwrap_or(&[]))
    }

    /// The generation id in a `NEWGEN` reply.
    ///
    /// # Errors
    /// If the attribute is missing or misshapen.
    pub fn generation(&self) -> Result<u32, Malformed> {
        for attr in self.attributes() {
            let attr = attr?;
            if attr.kind == nfta::GEN_ID {
                return attr.u32();
            }
        }
        Err(Malformed)
    }
}

/// Iterates over the messages in a buffer; a malformed header ends it with one `Err`.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Reads the messages in `buf`.
    #[must_use]
    pub fn new(buf: &'a [u8]) -> Self {
        Self { rest: buf }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some(message) = first(self.rest) else {
            self.rest = &[];
            return Some(Err(Malformed));
        };
        let padded = message.bytes.len().next_multiple_of(4);
        self.rest = self.rest.get(padded..).unwrap_or(&[]);
        Some(Ok(message))
    }
}

fn first(buf: &[u8]) -> Option<Message<'_>> {
    let len = usize::try_from(u32_at(buf, 0)?).ok()?;
    if len < HEADER_LEN {
        return None;
    }
    Some(Message {
        kind: u16_at(buf, 4)?,
        flags: u16_at(buf, 6)?,
        seq: u32_at(buf, 8)?,
        bytes: buf.get(..len)?,
    })
}

pub(crate) fn u16_at(buf: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(buf.get(at..at + 2)?.try_into().ok()?))
}

pub(crate) fn u32_at(buf: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(buf.get(at..at + 4)?.try_into().ok()?))
}

/// Opens a message at the end of `buf` and returns where it began; [`close`] sets its length.
pub(crate) fn open(buf: &mut Vec<u8>, kind: u16, flags: u16, seq: u32, family: u8) -> usize {
    let at = buf.len();
    // nfnetlink wants the subsystem as the resource id of a batch's two ends and ignores it elsewhere.
    let resource = match kind {
        kind::BATCH_BEGIN | kind::BATCH_END => kind::NFTABLES,
        _ => 0,
    };
    let mut head = [0; ATTRIBUTES_AT];
    head[4..6].copy_from_slice(&kind.to_ne_bytes());
    head[6..8].copy_from_slice(&(flags | flag::REQUEST).to_ne_bytes());
    head[8..12].copy_from_slice(&seq.to_ne_bytes());
    head[16] = family;
    head[18..20].copy_from_slice(&resource.to_be_bytes());
    buf.extend_from_slice(&head);
    at
}

/// Adds to the sequence numbers of the messages in `buf`.
pub(crate) fn renumber(buf: &mut [u8], shift: u32) {
    let mut rest = buf;
    while let Some((head, _)) = rest.split_first_chunk_mut::<HEADER_LEN>() {
        let [l0, l1, l2, l3, _, _, _, _, s0, s1, s2, s3, ..] = *head;
        let seq = u32::from_ne_bytes([s0, s1, s2, s3]).wrapping_add(shift);
        head[8..12].copy_from_slice(&seq.to_ne_bytes());
        let len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        rest = rest.get_mut(len.max(HEADER_LEN)..).unwrap_or_default();
    }
}

/// Sets the length of the message that began at `at` and ends with the buffer.
pub(crate) fn close(buf: &mut [u8], at: usize) {
    let len = u32::try_from(buf.len() - at).unwrap_or(u32::MAX);
    if let Some(field) = buf.get_mut(at..at + 4) {
        field.copy_from_slice(&len.to_ne_bytes());
    }
}
