//! Expressions to bytes: the attributes, and their order, that iptables-nft 1.8.9 and nft send through libnftnl 1.2.4.
//!
//! Contract: everything is appended to the writer's buffer; nothing else is allocated, nothing can fail. An attribute
//! that says the kernel's default is left out where those tools leave it out, and so are the zeroes of a counter, which
//! nft leaves out and iptables-nft sends: every rule has one. Names of expressions have no NUL.

use super::number::{self as n, bitwise_op, code};
use super::{BitwiseOp, CtDir, Expr, PortNat, REG_VERDICT, Reg, Verdict};
use crate::attr::{NESTED, Writer};

/// Writes the contents of `NFTA_RULE_EXPRESSIONS`: one list element per expression.
pub fn encode_list(exprs: &[Expr], w: &mut Writer<'_>) {
    for expr in exprs {
        expr.encode(w);
    }
}

impl Expr {
    /// The kernel's name of the expression.
    #[must_use]
    pub fn kernel_name(&self) -> &[u8] {
        match self {
            Self::Payload { .. } | Self::PayloadWrite { .. } => b"payload",
            Self::Meta { .. } | Self::MetaSet { .. } => b"meta",
            Self::Ct { .. } | Self::CtSet { .. } => b"ct",
            Self::Cmp { .. } => b"cmp",
            Self::Range { .. } => b"range",
            Self::Bitwise { .. } => b"bitwise",
            Self::Byteorder { .. } => b"byteorder",
            Self::Immediate { .. } | Self::Verdict(_) => b"immediate",
            Self::Counter { .. } => b"counter",
            Self::Limit { .. } => b"limit",
            Self::Log { .. } => b"log",
            Self::Match { .. } => b"match",
            Self::Target { .. } => b"target",
            Self::Reject { .. } => b"reject",
            Self::Nat { .. } => b"nat",
            Self::Masq(_) => b"masq",
            Self::Redir(_) => b"redir",
            Self::Lookup { .. } => b"lookup",
            Self::Connlimit { .. } => b"connlimit",
            Self::Quota { .. } => b"quota",
            Self::Numgen { .. } => b"numgen",
            Self::Fib { .. } => b"fib",
            Self::Exthdr { .. } | Self::ExthdrWrite { .. } | Self::TcpOptReset { .. } => b"exthdr",
            Self::Dup { .. } => b"dup",
            Self::Rt { .. } => b"rt",
            Self::Notrack => b"notrack",
            Self::Unknown { name, .. } => name,
        }
    }

    /// Writes one list element: the name, and the data if the expression has any.
    pub fn encode(&self, w: &mut Writer<'_>) {
        let element = w.begin(n::LIST_ELEM);
        // The kernel compares it with the names of all types of expressions, which takes longer with a NUL to skip each time.
        w.name(n::EXPR_NAME, self.kernel_name());
        match self {
            Self::Notrack | Self::Unknown { data: None, .. } | Self::Counter { packets: 0, bytes: 0 } => {}
            // Written with its exact length: padding inside the nest would come back as data.
            Self::Unknown { data: Some(data), .. } => w.bytes(n::EXPR_DATA | NESTED, data),
            _ => {
                let data = w.begin(n::EXPR_DATA);
                self.encode_data(w);
                w.end(data);
            }
        }
        w.end(element);
    }

    fn encode_data(&self, w: &mut Writer<'_>) {
        match self {
            Self::Payload { .. }
            | Self::PayloadWrite { .. }
            | Self::Meta { .. }
            | Self::MetaSet { .. }
            | Self::Ct { .. }
            | Self::CtSet { .. }
            | Self::Fib { .. }
            | Self::Exthdr { .. }
            | Self::ExthdrWrite { .. }
            | Self::Rt { .. }
            | Self::Numgen { .. } => self.encode_load(w),
            Self::Cmp { .. }
            | Self::Range { .. }
            | Self::Bitwise { .. }
            | Self::Byteorder { .. }
            | Self::Lookup { .. } => self.encode_operation(w),
            Self::Immediate { dreg, data } => {
                w.u32(n::immediate::DREG, *dreg);
                value(w, n::immediate::DATA, data);
            }
            Self::Verdict(verdict) => encode_verdict(verdict, w),
            Self::Counter { packets, bytes } => {
                w.u64(n::counter::BYTES, *bytes);
                w.u64(n::counter::PACKETS, *packets);
            }
            Self::Match { name, rev, info } | Self::Target { name, rev, info } => {
                w.string(n::xt::NAME, name);
                w.u32(n::xt::REV, *rev);
                w.bytes(n::xt::INFO, info);
            }
            Self::TcpOptReset { kind } => {
                w.u8(n::exthdr::TYPE, *kind);
                w.u32(n::exthdr::OP, n::exthdr::OP_TCPOPT);
            }
            Self::Dup { addr, dev } => {
                w.u32(n::dup::SREG_ADDR, *addr);
                if let Some(dev) = dev {
                    w.u32(n::dup::SREG_DEV, *dev);
                }
            }
            _ => self.encode_statement(w),
        }
    }

    /// Expressions that load a register from the packet or its metadata, and their writing counterparts.
    fn encode_load(&self, w: &mut Writer<'_>) {
        match *self {
            Self::Payload { dreg, base, offset, len } => {
                w.u32(n::payload::DREG, dreg);
                w.u32(n::payload::BASE, base as u32);
                w.u32(n::payload::OFFSET, offset);
                w.u32(n::payload::LEN, len);
            }
            Self::PayloadWrite { sreg, base, offset, len, csum_type, csum_offset, csum_flags } => {
                w.u32(n::payload::SREG, sreg);
                w.u32(n::payload::BASE, base as u32);
                w.u32(n::payload::OFFSET, offset);
                w.u32(n::payload::LEN, len);
                if csum_type != 0 || csum_offset != 0 {
                    w.u32(n::payload::CSUM_TYPE, csum_type);
                    w.u32(n::payload::CSUM_OFFSET, csum_offset);
                }
                if csum_flags != 0 {
                    w.u32(n::payload::CSUM_FLAGS, csum_flags);
                }
            }
            Self::Meta { dreg, key } => {
                w.u32(n::meta::KEY, key);
                w.u32(n::meta::DREG, dreg);
            }
            Self::MetaSet { sreg, key } => {
                w.u32(n::meta::KEY, key);
                w.u32(n::meta::SREG, sreg);
            }
            Self::Ct { dreg, key, dir } => {
                w.u32(n::ct::KEY, key);
                w.u32(n::ct::DREG, dreg);
                direction(w, dir);
            }
            Self::CtSet { sreg, key, dir } => {
                w.u32(n::ct::KEY, key);
                direction(w, dir);
                w.u32(n::ct::SREG, sreg);
            }
            Self::Fib { dreg, result, flags } => {
                w.u32(n::fib::FLAGS, flags);
                w.u32(n::fib::RESULT, result);
                w.u32(n::fib::DREG, dreg);
            }
            Self::Rt { dreg, key } => {
                w.u32(n::rt::KEY, key);
                w.u32(n::rt::DREG, dreg);
            }
            Self::Numgen { dreg, modulus, kind, offset } => {
                w.u32(n::numgen::DREG, dreg);
                w.u32(n::numgen::MODULUS, modulus);
                w.u32(n::numgen::TYPE, kind);
                w.u32(n::numgen::OFFSET, offset);
            }
            _ => self.encode_exthdr(w),
        }
    }

    fn encode_exthdr(&self, w: &mut Writer<'_>) {
        let (reg_type, reg, kind, offset, len, op) = match *self {
            Self::Exthdr { dreg, kind, offset, len, op, .. } => {
                (n::exthdr::DREG, dreg, kind, offset, len, op)
            }
            Self::ExthdrWrite { sreg, kind, offset, len, op } => {
                (n::exthdr::SREG, sreg, kind, offset, len, op)
            }
            _ => return,
        };
        w.u32(reg_type, reg);
        w.u8(n::exthdr::TYPE, kind);
        w.u32(n::exthdr::OFFSET, offset);
        w.u32(n::exthdr::LEN, len);
        w.u32(n::exthdr::OP, op);
        // The kernel refuses flags on a write, although it dumps them.
        if let Self::Exthdr { flags, .. } = *self {
            w.u32(n::exthdr::FLAGS, flags);
        }
    }

    /// Expressions from register to register or to a decision.
    fn encode_operation(&self, w: &mut Writer<'_>) {
        match self {
            Self::Cmp { sreg, op, data } => {
                w.u32(n::cmp::SREG, *sreg);
                w.u32(n::cmp::OP, *op as u32);
                value(w, n::cmp::DATA, data);
            }
            Self::Range { sreg, invert, from, to } => {
                w.u32(n::range::SREG, *sreg);
                w.u32(n::range::OP, u32::from(*invert));
                value(w, n::range::FROM_DATA, from);
                value(w, n::range::TO_DATA, to);
            }
            Self::Bitwise { sreg, dreg, len, op } => {
                w.u32(n::bitwise::SREG, *sreg);
                w.u32(n::bitwise::DREG, *dreg);
                encode_bitwise(*len, op, w);
            }
            Self::Byteorder { sreg, dreg, hton, len, size } => {
                w.u32(n::byteorder::SREG, *sreg);
                w.u32(n::byteorder::DREG, *dreg);
                w.u32(n::byteorder::OP, u32::from(*hton));
                w.u32(n::byteorder::LEN, *len);
                w.u32(n::byteorder::SIZE, *size);
            }
            Self::Lookup { set, set_id, sreg, dreg, flags, members: _ } => {
                w.u32(n::lookup::SREG, *sreg);
                optional(w, n::lookup::DREG, *dreg);
                w.string(n::lookup::SET, set);
                optional(w, n::lookup::SET_ID, *set_id);
                if *flags != 0 {
                    w.u32(n::lookup::FLAGS, *flags);
                }
            }
            _ => {}
        }
    }

    /// Expressions that act or keep state.
    fn encode_statement(&self, w: &mut Writer<'_>) {
        match *self {
            Self::Limit { rate, unit, burst, kind, flags } => {
                w.u64(n::limit::RATE, rate);
                w.u64(n::limit::UNIT, unit);
                if burst != 0 {
                    w.u32(n::limit::BURST, burst);
                }
                w.u32(n::limit::TYPE, kind);
                w.u32(n::limit::FLAGS, flags);
            }
            Self::Reject { kind, code } => {
                w.u32(n::reject::TYPE, kind);
                if let Some(code) = code {
                    w.u8(n::reject::ICMP_CODE, code);
                }
            }
            Self::Masq(PortNat { proto_min, proto_max, flags }) => {
                optional(w, n::masq::FLAGS, flags);
                optional(w, n::masq::REG_PROTO_MIN, proto_min);
                optional(w, n::masq::REG_PROTO_MAX, proto_max);
            }
            Self::Redir(PortNat { proto_min, proto_max, flags }) => {
                optional(w, n::redir::REG_PROTO_MIN, proto_min);
                optional(w, n::redir::REG_PROTO_MAX, proto_max);
                optional(w, n::redir::FLAGS, flags);
            }
            Self::Connlimit { count, flags } => {
                w.u32(n::connlimit::COUNT, count);
                w.u32(n::connlimit::FLAGS, flags);
            }
            Self::Quota { bytes, flags, consumed } => {
                w.u64(n::quota::BYTES, bytes);
                w.u64(n::quota::CONSUMED, consumed);
                w.u32(n::quota::FLAGS, flags);
            }
            Self::Log { .. } => self.encode_log(w),
            Self::Nat { .. } => self.encode_nat(w),
            _ => {}
        }
    }

    fn encode_log(&self, w: &mut Writer<'_>) {
        let Self::Log { group, prefix, snaplen, qthreshold, level, flags } = self else {
            return;
        };
        if let Some(prefix) = prefix {
            w.string(n::log::PREFIX, prefix);
        }
        if let Some(group) = *group {
            w.u16(n::log::GROUP, group);
        }
        optional(w, n::log::SNAPLEN, *snaplen);
        if let Some(qthreshold) = *qthreshold {
            w.u16(n::log::QTHRESHOLD, qthreshold);
        }
        optional(w, n::log::LEVEL, *level);
        optional(w, n::log::FLAGS, *flags);
    }

    fn encode_nat(&self, w: &mut Writer<'_>) {
        let Self::Nat { kind, family, addr_min, addr_max, proto_min, proto_max, flags } = *self else {
            return;
        };
        w.u32(n::nat::TYPE, kind);
        w.u32(n::nat::FAMILY, family);
        optional(w, n::nat::REG_ADDR_MIN, addr_min);
        optional(w, n::nat::REG_ADDR_MAX, addr_max);
        optional(w, n::nat::REG_PROTO_MIN, proto_min);
        optional(w, n::nat::REG_PROTO_MAX, proto_max);
        optional(w, n::nat::FLAGS, flags);
    }
}

fn encode_verdict(verdict: &Verdict, w: &mut Writer<'_>) {
    let (code, chain) = match verdict {
        Verdict::Drop => (code::DROP, None),
        Verdict::Accept => (code::ACCEPT, None),
        Verdict::Continue => (code::CONTINUE, None),
        Verdict::Return => (code::RETURN, None),
        Verdict::Jump(chain) => (code::JUMP, Some(chain)),
        Verdict::Goto(chain) => (code::GOTO, Some(chain)),
    };
    w.u32(n::immediate::DREG, REG_VERDICT);
    let data = w.begin(n::immediate::DATA);
    let nest = w.begin(n::data::VERDICT);
    w.u32(n::verdict::CODE, code);
    if let Some(chain) = chain {
        w.string(n::verdict::CHAIN, chain);
    }
    w.end(nest);
    w.end(data);
}

/// The attributes of a bitwise expression from its operation on.
fn encode_bitwise(len: u32, op: &BitwiseOp, w: &mut Writer<'_>) {
    let registers = |w: &mut Writer<'_>, op: u32, sreg2: Reg| {
        w.u32(n::bitwise::OP, op);
        w.u32(n::bitwise::LEN, len);
        w.u32(n::bitwise::SREG2, sreg2);
    };
    let shift = |w: &mut Writer<'_>, op: u32, count: u32| {
        w.u32(n::bitwise::OP, op);
        w.u32(n::bitwise::LEN, len);
        value(w, n::bitwise::DATA, &count.to_ne_bytes());
    };
    match op {
        // iptables-nft 1.8.9 names no operation here; 0 is the kernel's default.
        BitwiseOp::MaskXor { mask, xor } => {
            w.u32(n::bitwise::LEN, len);
            value(w, n::bitwise::MASK, mask);
            value(w, n::bitwise::XOR, xor);
        }
        BitwiseOp::Lshift(count) => shift(w, bitwise_op::LSHIFT, *count),
        BitwiseOp::Rshift(count) => shift(w, bitwise_op::RSHIFT, *count),
        BitwiseOp::And(reg) => registers(w, bitwise_op::AND, *reg),
        BitwiseOp::Or(reg) => registers(w, bitwise_op::OR, *reg),
        BitwiseOp::Xor(reg) => registers(w, bitwise_op::XOR, *reg),
    }
}

/// A constant: `NFTA_DATA_VALUE` inside `kind`.
fn value(w: &mut Writer<'_>, kind: u16, bytes: &[u8]) {
    let nest = w.begin(kind);
    w.bytes(n::data::VALUE, bytes);
    w.end(nest);
}

fn optional(w: &mut Writer<'_>, kind: u16, number: Option<u32>) {
    if let Some(number) = number {
        w.u32(kind, number);
    }
}

fn direction(w: &mut Writer<'_>, dir: Option<CtDir>) {
    if let Some(dir) = dir {
        w.u8(n::ct::DIRECTION, dir as u8);
    }
}
