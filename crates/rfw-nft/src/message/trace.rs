//! Trace messages: what a packet marked by `nftrace` met on its way (`enum nft_trace_attributes`).

use super::{Malformed, Message, kind};
use crate::Family;

mod nfta {
    pub const TABLE: u16 = 1;
    pub const CHAIN: u16 = 2;
    pub const RULE_HANDLE: u16 = 3;
    pub const TYPE: u16 = 4;
    pub const VERDICT: u16 = 5;
    pub const ID: u16 = 6;
    pub const NETWORK_HEADER: u16 = 8;
    pub const TRANSPORT_HEADER: u16 = 9;
    pub const IIF: u16 = 10;
    pub const OIF: u16 = 12;
    pub const MARK: u16 = 14;
    pub const POLICY: u16 = 16;
    /// `enum nft_verdict_attributes`.
    pub const VERDICT_CODE: u16 = 1;
    pub const VERDICT_CHAIN: u16 = 2;
}

/// Why a trace message was sent (`enum nft_trace_types`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// The end of a base chain: its policy decides.
    Policy,
    /// The end of a user chain.
    Return,
    /// A rule matched.
    Rule,
}

/// One step of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace<'a> {
    /// Family of the table.
    pub family: Family,
    /// Number of the packet; the same for all its steps.
    pub id: u32,
    /// Table.
    pub table: &'a [u8],
    /// Chain.
    pub chain: &'a [u8],
    /// The rule that matched.
    pub rule: Option<u64>,
    /// Why this was sent.
    pub kind: TraceKind,
    /// The verdict: a number of `enum nft_verdicts` or `NF_*`, and the chain of a jump.
    pub verdict: Option<(i32, Option<&'a [u8]>)>,
    /// The policy: `NF_*`.
    pub policy: Option<u32>,
    /// The first bytes of the network header; sent with a packet's first step.
    pub network: &'a [u8],
    /// The first bytes of the transport header.
    pub transport: &'a [u8],
    /// Index of the incoming interface.
    pub iif: Option<u32>,
    /// Index of the outgoing interface.
    pub oif: Option<u32>,
    /// The packet mark.
    pub mark: Option<u32>,
}

impl<'a> Trace<'a> {
    /// Reads a `TRACE` message; `None` for a family that is not ours.
    ///
    /// # Errors
    /// If an attribute has the wrong size, or it is another message.
    pub fn decode(message: &Message<'a>) -> Result<Option<Self>, Malformed> {
        if message.kind != kind::TRACE {
            return Err(Malformed);
        }
        let Some(family) = message.family() else { return Ok(None) };
        let mut trace = Self {
            family,
            id: 0,
            table: &[],
            chain: &[],
            rule: None,
            kind: TraceKind::Rule,
            verdict: None,
            policy: None,
            network: &[],
            transport: &[],
            iif: None,
            oif: None,
            mark: None,
        };
        for attr in message.attributes() {
            let attr = attr?;
            match attr.kind {
                nfta::TABLE => trace.table = attr.string(),
                nfta::CHAIN => trace.chain = attr.string(),
                nfta::RULE_HANDLE => trace.rule = Some(attr.u64()?),
                nfta::TYPE => {
                    trace.kind = match attr.u32()? {
                        1 => TraceKind::Policy,
                        2 => TraceKind::Return,
                        _ => TraceKind::Rule,
                    }
                }
                nfta::VERDICT => {
                    let (mut code, mut chain) = (None, None);
                    for part in attr.nested() {
                        let part = part?;
                        match part.kind {
                            nfta::VERDICT_CODE => code = Some(part.u32()?.cast_signed()),
                            nfta::VERDICT_CHAIN => chain = Some(part.string()),
                            _ => {}
                        }
                    }
                    trace.verdict = code.map(|code| (code, chain));
                }
                nfta::ID => trace.id = attr.u32()?,
                nfta::NETWORK_HEADER => trace.network = attr.payload,
                nfta::TRANSPORT_HEADER => trace.transport = attr.payload,
                nfta::IIF => trace.iif = Some(attr.u32()?),
                nfta::OIF => trace.oif = Some(attr.u32()?),
                nfta::MARK => trace.mark = Some(attr.u32()?),
                nfta::POLICY => trace.policy = Some(attr.u32()?),
                _ => {}
            }
        }
        Ok(Some(trace))
    }
}
