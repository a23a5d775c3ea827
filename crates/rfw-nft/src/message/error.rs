//! Netlink errors and their extended acknowledgements.

use super::{ATTRIBUTES_AT, HEADER_LEN, Message, flag, kind, nfta, u32_at};
use crate::attr::{Reader, TYPE_MASK};

const ATTR_MSG: u16 = 1;
const ATTR_OFFS: u16 = 2;

/// An `NLMSG_ERROR` (`struct nlmsgerr` and what follows it).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetlinkError {
    /// Sequence number of the message concerned.
    pub seq: u32,
    /// Positive error number; 0 acknowledges.
    pub errno: i32,
    /// Offset from the start of the message, header included, of the attribute concerned.
    pub attr_offset: Option<u32>,
    /// Text for people.
    pub message: Option<String>,
}

impl NetlinkError {
    /// Reads an error message; `None` if it is another kind of message or too short.
    #[must_use]
    pub fn decode(message: &Message) -> Option<Self> {
        if message.kind != kind::ERROR {
            return None;
        }
        let body = message.body();
        let errno = u32_at(body, 0)?.cast_signed().checked_neg()?;
        let mut error = Self { seq: message.seq, errno, ..Self::default() };
        if message.flags & flag::ACK_TLVS == 0 {
            return Some(error);
        }
        let repeated = if message.flags & flag::CAPPED == 0 {
            usize::try_from(u32_at(body, 4)?).ok()?
        } else {
            HEADER_LEN
        };
        let at = repeated.checked_next_multiple_of(4)?.checked_add(4)?;
        for attr in Reader::new(body.get(at..).unwrap_or(&[])).flatten() {
            match attr.kind {
                ATTR_MSG => error.message = Some(String::from_utf8_lossy(attr.string()).into()),
                // Host order, unlike nf_tables integers.
                ATTR_OFFS => error.attr_offset = u32_at(attr.payload, 0),
                _ => {}
            }
        }
        Some(error)
    }
}

/// The index of the expression that stands at an offset of a `NEWRULE` message (header included), as extended
/// acknowledgements give it; `None` if the offset is outside of all expressions.
#[must_use]
pub fn expr_at_offset(message: &[u8], offset: u32) -> Option<usize> {
    let offset = usize::try_from(offset).ok()?;
    let list =
        spans(message, ATTRIBUTES_AT, message.len()).find(|span| span.kind == nfta::rule::EXPRESSIONS)?;
    spans(message, list.start + 4, list.end).position(|span| (span.start..span.end).contains(&offset))
}

struct Span {
    kind: u16,
    start: usize,
    end: usize,
}

fn spans(buf: &[u8], from: usize, to: usize) -> impl Iterator<Item = Span> {
    let mut at = from;
    std::iter::from_fn(move || {
        let len = usize::from(super::u16_at(buf, at)?);
        let kind = super::u16_at(buf, at + 2)? & TYPE_MASK;
        if len < 4 || at + len > to {
            return None;
        }
        let span = Span { kind, start: at, end: at + len };
        at += len.next_multiple_of(4);
        Some(span)
    })
}
