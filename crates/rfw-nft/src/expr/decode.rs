//! Bytes to expressions.
//!
//! Contract: whatever the kernel dumps is accepted. An expression whose attributes and values are all modelled becomes
//! its typed variant; any other stays [`Expr::Unknown`] with its raw attributes, in a form that the kernel takes back. Only a list that is not netlink, or
//! whose elements are not expressions, is an error. Padding, nesting flags and the order of attributes do not survive;
//! their meaning does: for all accepted `b`, `decode(encode(decode(b))) == decode(b)`.

use super::attributes::{Attributes, DecodeError, Fault, Problem, each};
use super::number::{self as n, bitwise_op, code};
use super::{Base, BitwiseOp, CmpOp, CtDir, Expr, PortNat, REG_VERDICT, Verdict};
use crate::attr::{Attr, Reader};

/// Reads the contents of `NFTA_RULE_EXPRESSIONS`.
///
/// # Errors
/// If the framing is broken or something other than named expressions stands in the list.
pub fn decode_list(payload: &[u8]) -> Result<Vec<Expr>, DecodeError> {
    let mut exprs = Vec::new();
    each(payload, |attr| {
        if attr.kind != n::LIST_ELEM {
            return Err(Fault::here(Problem::Unexpected(attr.kind)));
        }
        let expr = element(attr.payload).map_err(|fault| fault.inside(&format!("[{}]", exprs.len())))?;
        exprs.push(expr);
        Ok(())
    })
    .map_err(|fault| fault.finish("expressions"))?;
    Ok(exprs)
}

impl Expr {
    /// Reads one list element: the payload of an `NFTA_LIST_ELEM`.
    ///
    /// # Errors
    /// If the framing is broken, the name is missing or something else stands beside name and data.
    pub fn decode(element_payload: &[u8]) -> Result<Self, DecodeError> {
        element(element_payload).map_err(|fault| fault.finish("expression"))
    }
}

fn element(payload: &[u8]) -> Result<Expr, Fault> {
    let (mut name, mut data) = (None, None);
    each(payload, |attr| match attr.kind {
        n::EXPR_NAME if name.is_none() => {
            name = Some(attr.string());
            Ok(())
        }
        n::EXPR_DATA if data.is_none() => {
            data = Some(attr.payload);
            Ok(())
        }
        other => Err(Fault::here(Problem::Unexpected(other))),
    })?;
    let name = name.ok_or_else(|| Fault::here(Problem::NoName))?;
    let attributes = Attributes::read(data.unwrap_or(&[])).map_err(|fault| fault.inside(".data"))?;
    let typed = attributes.and_then(|mut attributes| {
        let expr = typed(name, &mut attributes)?;
        attributes.is_empty().then_some(expr)
    });
    Ok(typed.unwrap_or_else(|| Expr::Unknown {
        name: name.to_vec(),
        data: data.map(|data| replayable(name, data)),
    }))
}

/// The raw attributes of an expression that is not modelled, without the zeroes that the kernel dumps for what was
/// never given and refuses to take back: the timeout of `dynset`.
fn replayable(name: &[u8], data: &[u8]) -> Vec<u8> {
    let zeroes: &[u16] = match name {
        b"dynset" => &[n::dynset::TIMEOUT],
        _ => return data.to_vec(),
    };
    let mut kept = Vec::with_capacity(data.len());
    let mut reader = Reader::new(data);
    loop {
        let start = data.len() - reader.remaining();
        let Some(Ok(attr)) = reader.next() else {
            return kept;
        };
        let end = data.len() - reader.remaining();
        if !(zeroes.contains(&attr.kind) && attr.payload.iter().all(|&b| b == 0)) {
            kept.extend_from_slice(&data[start..end]);
        }
    }
}

/// At most `max`: numbers above it are not modelled.
fn up_to(max: u32, number: u32) -> Option<u32> {
    (number <= max).then_some(number)
}

fn flag(number: u32) -> Option<bool> {
    up_to(1, number).map(|number| number == 1)
}

fn typed(name: &[u8], a: &mut Attributes<'_>) -> Option<Expr> {
    match name {
        b"payload" => payload(a),
        b"meta" => meta(a),
        b"ct" => ct(a),
        b"cmp" => cmp(a),
        b"range" => range(a),
        b"bitwise" => bitwise(a),
        b"byteorder" => byteorder(a),
        b"immediate" => immediate(a),
        b"counter" => counter(a),
        b"limit" => limit(a),
        b"log" => log(a),
        b"match" => xt(a).map(|(name, rev, info)| Expr::Match { name, rev, info }),
        b"target" => xt(a).map(|(name, rev, info)| Expr::Target { name, rev, info }),
        b"reject" => reject(a),
        b"nat" => nat(a),
        b"masq" => masq(a),
        b"redir" => redir(a),
        b"lookup" => lookup(a),
        b"connlimit" => connlimit(a),
        b"quota" => quota(a),
        b"numgen" => numgen(a),
        b"fib" => fib(a),
        b"exthdr" => exthdr(a),
        b"dup" => dup(a),
        b"rt" => rt(a),
        b"notrack" => Some(Expr::Notrack),
        _ => None,
    }
}

fn base(number: u32) -> Option<Base> {
    Some(match number {
        0 => Base::Link,
        1 => Base::Network,
        2 => Base::Transport,
        3 => Base::Inner,
        _ => return None,
    })
}

fn payload(a: &mut Attributes<'_>) -> Option<Expr> {
    let base = base(a.u32(n::payload::BASE)?)?;
    let offset = a.u32(n::payload::OFFSET)?;
    let len = a.u32(n::payload::LEN)?;
    if a.has(n::payload::DREG) {
        return Some(Expr::Payload { dreg: a.u32(n::payload::DREG)?, base, offset, len });
    }
    Some(Expr::PayloadWrite {
        sreg: a.u32(n::payload::SREG)?,
        base,
        offset,
        len,
        csum_type: a.u32_or_zero(n::payload::CSUM_TYPE)?,
        csum_offset: a.u32_or_zero(n::payload::CSUM_OFFSET)?,
        csum_flags: a.u32_or_zero(n::payload::CSUM_FLAGS)?,
    })
}

fn meta(a: &mut Attributes<'_>) -> Option<Expr> {
    let key = a.u32(n::meta::KEY)?;
    if a.has(n::meta::DREG) {
        let dreg = a.u32(n::meta::DREG)?;
        return Some(Expr::Meta { dreg, key });
    }
    let sreg = a.u32(n::meta::SREG)?;
    Some(Expr::MetaSet { sreg, key })
}

fn ct(a: &mut Attributes<'_>) -> Option<Expr> {
    let key = a.u32(n::ct::KEY)?;
    let dir = match a.optional(n::ct::DIRECTION, Attr::u8)? {
        None => None,
        Some(0) => Some(CtDir::Original),
        Some(1) => Some(CtDir::Reply),
        Some(_) => return None,
    };
    if a.has(n::ct::DREG) {
        let dreg = a.u32(n::ct::DREG)?;
        return Some(Expr::Ct { dreg, key, dir });
    }
    let sreg = a.u32(n::ct::SREG)?;
    Some(Expr::CtSet { sreg, key, dir })
}

fn cmp(a: &mut Attributes<'_>) -> Option<Expr> {
    let op = match a.u32(n::cmp::OP)? {
        0 => CmpOp::Eq,
        1 => CmpOp::Neq,
        2 => CmpOp::Lt,
        3 => CmpOp::Lte,
        4 => CmpOp::Gt,
        5 => CmpOp::Gte,
        _ => return None,
    };
    Some(Expr::Cmp { sreg: a.u32(n::cmp::SREG)?, op, data: a.value(n::cmp::DATA)? })
}

fn range(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Range {
        sreg: a.u32(n::range::SREG)?,
        invert: flag(a.u32(n::range::OP)?)?,
        from: a.value(n::range::FROM_DATA)?,
        to: a.value(n::range::TO_DATA)?,
    })
}

fn bitwise(a: &mut Attributes<'_>) -> Option<Expr> {
    let len = a.u32(n::bitwise::LEN)?;
    let op = match a.u32_or_zero(n::bitwise::OP)? {
        bitwise_op::MASK_XOR => {
            let mask = a.value(n::bitwise::MASK)?;
            let xor = a.value(n::bitwise::XOR)?;
            let expected = usize::try_from(len).ok()?;
            if mask.len() != expected || xor.len() != expected {
                return None;
            }
            BitwiseOp::MaskXor { mask, xor }
        }
        bitwise_op::LSHIFT => BitwiseOp::Lshift(shift(a)?),
        bitwise_op::RSHIFT => BitwiseOp::Rshift(shift(a)?),
        bitwise_op::AND => BitwiseOp::And(a.u32(n::bitwise::SREG2)?),
        bitwise_op::OR => BitwiseOp::Or(a.u32(n::bitwise::SREG2)?),
        bitwise_op::XOR => BitwiseOp::Xor(a.u32(n::bitwise::SREG2)?),
        _ => return None,
    };
    Some(Expr::Bitwise { sreg: a.u32(n::bitwise::SREG)?, dreg: a.u32(n::bitwise::DREG)?, len, op })
}

fn shift(a: &mut Attributes<'_>) -> Option<u32> {
    let count = a.value(n::bitwise::DATA)?;
    Some(u32::from_ne_bytes(count.as_slice().try_into().ok()?))
}

fn byteorder(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Byteorder {
        sreg: a.u32(n::byteorder::SREG)?,
        dreg: a.u32(n::byteorder::DREG)?,
        hton: flag(a.u32(n::byteorder::OP)?)?,
        len: a.u32(n::byteorder::LEN)?,
        size: a.u32(n::byteorder::SIZE)?,
    })
}

fn immediate(a: &mut Attributes<'_>) -> Option<Expr> {
    let dreg = a.u32(n::immediate::DREG)?;
    if dreg != REG_VERDICT {
        let data = a.value(n::immediate::DATA)?;
        return Some(Expr::Immediate { dreg, data });
    }
    let mut data = a.nested(n::immediate::DATA)?;
    let mut nest = data.nested(n::data::VERDICT)?;
    let verdict = match nest.u32(n::verdict::CODE)? {
        code::DROP => Verdict::Drop,
        code::ACCEPT => Verdict::Accept,
        code::CONTINUE => Verdict::Continue,
        code::RETURN => Verdict::Return,
        code::JUMP => Verdict::Jump(nest.string(n::verdict::CHAIN)?),
        code::GOTO => Verdict::Goto(nest.string(n::verdict::CHAIN)?),
        _ => return None,
    };
    (nest.is_empty() && data.is_empty()).then_some(Expr::Verdict(verdict))
}

fn counter(a: &mut Attributes<'_>) -> Option<Expr> {
    a.skip_pad(n::counter::PAD);
    Some(Expr::Counter {
        packets: a.optional(n::counter::PACKETS, Attr::u64)?.unwrap_or(0),
        bytes: a.optional(n::counter::BYTES, Attr::u64)?.unwrap_or(0),
    })
}

fn limit(a: &mut Attributes<'_>) -> Option<Expr> {
    a.skip_pad(n::limit::PAD);
    Some(Expr::Limit {
        rate: a.u64(n::limit::RATE)?,
        unit: a.u64(n::limit::UNIT)?,
        burst: a.u32_or_zero(n::limit::BURST)?,
        kind: up_to(1, a.u32_or_zero(n::limit::TYPE)?)?,
        flags: up_to(1, a.u32_or_zero(n::limit::FLAGS)?)?,
    })
}

fn log(a: &mut Attributes<'_>) -> Option<Expr> {
    let prefix = if a.has(n::log::PREFIX) { Some(a.string(n::log::PREFIX)?) } else { None };
    Some(Expr::Log {
        group: a.optional(n::log::GROUP, Attr::u16)?,
        prefix,
        snaplen: a.optional_u32(n::log::SNAPLEN)?,
        qthreshold: a.optional(n::log::QTHRESHOLD, Attr::u16)?,
        level: a.optional_u32(n::log::LEVEL)?,
        flags: a.optional_u32(n::log::FLAGS)?,
    })
}

fn xt(a: &mut Attributes<'_>) -> Option<(Vec<u8>, u32, Vec<u8>)> {
    Some((a.string(n::xt::NAME)?, a.u32(n::xt::REV)?, a.take(n::xt::INFO)?.payload.to_vec()))
}

fn reject(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Reject {
        kind: up_to(2, a.u32(n::reject::TYPE)?)?,
        code: a.optional(n::reject::ICMP_CODE, Attr::u8)?,
    })
}

fn nat(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Nat {
        kind: up_to(1, a.u32(n::nat::TYPE)?)?,
        family: a.u32(n::nat::FAMILY)?,
        addr_min: a.optional_u32(n::nat::REG_ADDR_MIN)?,
        addr_max: a.optional_u32(n::nat::REG_ADDR_MAX)?,
        proto_min: a.optional_u32(n::nat::REG_PROTO_MIN)?,
        proto_max: a.optional_u32(n::nat::REG_PROTO_MAX)?,
        flags: a.optional_u32(n::nat::FLAGS)?,
    })
}

fn masq(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Masq(PortNat {
        proto_min: a.optional_u32(n::masq::REG_PROTO_MIN)?,
        proto_max: a.optional_u32(n::masq::REG_PROTO_MAX)?,
        flags: a.optional_u32(n::masq::FLAGS)?,
    }))
}

fn redir(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Redir(PortNat {
        proto_min: a.optional_u32(n::redir::REG_PROTO_MIN)?,
        proto_max: a.optional_u32(n::redir::REG_PROTO_MAX)?,
        flags: a.optional_u32(n::redir::FLAGS)?,
    }))
}

fn lookup(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Lookup {
        set: a.string(n::lookup::SET)?,
        set_id: a.optional_u32(n::lookup::SET_ID)?,
        sreg: a.u32(n::lookup::SREG)?,
        dreg: a.optional_u32(n::lookup::DREG)?,
        flags: up_to(1, a.u32_or_zero(n::lookup::FLAGS)?)?,
        members: None,
    })
}

fn connlimit(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Connlimit {
        count: a.u32(n::connlimit::COUNT)?,
        flags: up_to(1, a.u32_or_zero(n::connlimit::FLAGS)?)?,
    })
}

fn quota(a: &mut Attributes<'_>) -> Option<Expr> {
    a.skip_pad(n::quota::PAD);
    Some(Expr::Quota {
        bytes: a.u64(n::quota::BYTES)?,
        flags: up_to(3, a.u32_or_zero(n::quota::FLAGS)?)?,
        consumed: a.optional(n::quota::CONSUMED, Attr::u64)?.unwrap_or(0),
    })
}

fn numgen(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Numgen {
        dreg: a.u32(n::numgen::DREG)?,
        modulus: a.u32(n::numgen::MODULUS)?,
        kind: up_to(1, a.u32(n::numgen::TYPE)?)?,
        offset: a.u32_or_zero(n::numgen::OFFSET)?,
    })
}

fn fib(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Fib {
        dreg: a.u32(n::fib::DREG)?,
        result: a.u32(n::fib::RESULT).filter(|r| (1..=3).contains(r))?,
        flags: a.u32(n::fib::FLAGS)?,
    })
}

fn exthdr(a: &mut Attributes<'_>) -> Option<Expr> {
    let kind = a.u8(n::exthdr::TYPE)?;
    if !a.has(n::exthdr::DREG) && !a.has(n::exthdr::SREG) {
        return removal(kind, a);
    }
    let offset = a.u32(n::exthdr::OFFSET)?;
    let len = a.u32(n::exthdr::LEN)?;
    let op = up_to(4, a.u32_or_zero(n::exthdr::OP)?)?;
    let flags = a.u32_or_zero(n::exthdr::FLAGS)?;
    if a.has(n::exthdr::DREG) {
        return Some(Expr::Exthdr {
            dreg: a.u32(n::exthdr::DREG)?,
            kind,
            offset,
            len,
            op,
            flags: up_to(1, flags)?,
        });
    }
    // A write has no flags, but its dump says 0.
    up_to(0, flags)?;
    Some(Expr::ExthdrWrite { sreg: a.u32(n::exthdr::SREG)?, kind, offset, len, op })
}

/// An `exthdr` without a register. The kernel dumps a place that it refuses to be given.
fn removal(kind: u8, a: &mut Attributes<'_>) -> Option<Expr> {
    for place in [n::exthdr::OFFSET, n::exthdr::LEN, n::exthdr::FLAGS] {
        up_to(0, a.u32_or_zero(place)?)?;
    }
    (a.u32(n::exthdr::OP)? == n::exthdr::OP_TCPOPT).then_some(Expr::TcpOptReset { kind })
}

fn dup(a: &mut Attributes<'_>) -> Option<Expr> {
    let dev = if a.has(n::dup::SREG_DEV) { Some(a.u32(n::dup::SREG_DEV)?) } else { None };
    Some(Expr::Dup { addr: a.u32(n::dup::SREG_ADDR)?, dev })
}

fn rt(a: &mut Attributes<'_>) -> Option<Expr> {
    Some(Expr::Rt { dreg: a.u32(n::rt::DREG)?, key: a.u32(n::rt::KEY)? })
}
