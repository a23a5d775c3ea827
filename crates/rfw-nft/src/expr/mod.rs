//! nf_tables expressions as values.
//!
//! Invariant: an expression that decodes to a variant other than [`Expr::Unknown`] encodes to attributes that the kernel
//! reads as the same expression; one with an attribute or a value this module does not model stays `Unknown`, with its
//! raw attributes, so nothing is ever dropped.

mod attributes;
mod decode;
mod encode;
mod keys;
mod listing;
mod number;

pub use attributes::{DecodeError, Problem};
pub use decode::decode_list;
pub use encode::encode_list;
pub use listing::Listing;

use smallvec::SmallVec;

/// Register contents or constants; up to 16 bytes inline.
pub type Bytes = SmallVec<[u8; 16]>;

/// A register number as the kernel writes it: 0 verdict, 1 to 4 the 16-byte registers, 8 to 23 the 4-byte ones. Dumps
/// say 1 to 4 for 8, 12, 16 and 20, which begin at the same place.
pub type Reg = u32;

/// `NFT_REG_VERDICT`.
pub const REG_VERDICT: Reg = 0;
/// `NFT_REG_1`: all that iptables-nft uses.
pub const REG_1: Reg = 1;
/// `NFT_REG32_01` (`NFT_REG32_00` is 8): iptables-nft's register for TRACE.
pub const REG32_01: Reg = 9;

/// Base of a payload load (`enum nft_payload_bases`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Base {
    /// Link layer.
    Link = 0,
    /// Network header.
    Network = 1,
    /// Transport header.
    Transport = 2,
    /// Behind the transport header.
    Inner = 3,
}

/// Comparison (`enum nft_cmp_ops`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum CmpOp {
    /// Equal.
    Eq = 0,
    /// Not equal.
    Neq = 1,
    /// Less.
    Lt = 2,
    /// Less or equal.
    Lte = 3,
    /// Greater.
    Gt = 4,
    /// Greater or equal.
    Gte = 5,
}

/// Where a rule sends the packet (`enum nft_verdicts`, `NF_*`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// `NF_DROP` 0.
    Drop,
    /// `NF_ACCEPT` 1.
    Accept,
    /// `NFT_CONTINUE` -1.
    Continue,
    /// `NFT_RETURN` -5.
    Return,
    /// `NFT_JUMP` -3.
    Jump(Vec<u8>),
    /// `NFT_GOTO` -4.
    Goto(Vec<u8>),
}

/// What a bitwise expression does (`enum nft_bitwise_ops`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BitwiseOp {
    /// `(sreg & mask) ^ xor`; both have the expression's length.
    MaskXor {
        /// And-mask.
        mask: Bytes,
        /// Xor-value.
        xor: Bytes,
    },
    /// Shift left by a host-order count.
    Lshift(u32),
    /// Shift right by a host-order count.
    Rshift(u32),
    /// `sreg & sreg2` (op 3).
    And(Reg),
    /// `sreg | sreg2` (op 4).
    Or(Reg),
    /// `sreg ^ sreg2` (op 5).
    Xor(Reg),
}

/// Direction of a conntrack key (`IP_CT_DIR_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum CtDir {
    /// 0.
    Original = 0,
    /// 1.
    Reply = 1,
}

/// Operands of `masq` and `redir`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortNat {
    /// Register with the lowest port.
    pub proto_min: Option<Reg>,
    /// Register with the highest port.
    pub proto_max: Option<Reg>,
    /// `NF_NAT_RANGE_*`; `None` if the attribute is absent.
    pub flags: Option<u32>,
}

/// One expression of a rule. Variants are named after the kernel's expression names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "fields carry the names of the kernel attributes")]
pub enum Expr {
    /// `payload`, load.
    Payload { dreg: Reg, base: Base, offset: u32, len: u32 },
    /// `payload`, write to the packet.
    PayloadWrite {
        sreg: Reg,
        base: Base,
        offset: u32,
        len: u32,
        csum_type: u32,
        csum_offset: u32,
        csum_flags: u32,
    },
    /// `meta`, load (`enum nft_meta_keys`, see [`meta`]).
    Meta { dreg: Reg, key: u32 },
    /// `meta`, set.
    MetaSet { sreg: Reg, key: u32 },
    /// `ct`, load (`enum nft_ct_keys`, see [`ct`]).
    Ct { dreg: Reg, key: u32, dir: Option<CtDir> },
    /// `ct`, set.
    CtSet { sreg: Reg, key: u32, dir: Option<CtDir> },
    /// `cmp`.
    Cmp { sreg: Reg, op: CmpOp, data: Bytes },
    /// `range`; `invert` is `NFT_RANGE_NEQ`.
    Range { sreg: Reg, invert: bool, from: Bytes, to: Bytes },
    /// `bitwise`.
    Bitwise { sreg: Reg, dreg: Reg, len: u32, op: BitwiseOp },
    /// `byteorder`; `hton` is `NFT_BYTEORDER_HTON`, else `NTOH`.
    Byteorder { sreg: Reg, dreg: Reg, hton: bool, len: u32, size: u32 },
    /// `immediate` with data.
    Immediate { dreg: Reg, data: Bytes },
    /// `immediate` with a verdict.
    Verdict(Verdict),
    /// `counter`.
    Counter { packets: u64, bytes: u64 },
    /// `limit`: unit in seconds; kind 0 packets, 1 bytes; flags 1 over.
    Limit { rate: u64, unit: u64, burst: u32, kind: u32, flags: u32 },
    /// `log`.
    Log {
        group: Option<u16>,
        prefix: Option<Vec<u8>>,
        snaplen: Option<u32>,
        qthreshold: Option<u16>,
        level: Option<u32>,
        flags: Option<u32>,
    },
    /// `match`: an xt match through nft_compat.
    Match { name: Vec<u8>, rev: u32, info: Vec<u8> },
    /// `target`: an xt target through nft_compat.
    Target { name: Vec<u8>, rev: u32, info: Vec<u8> },
    /// `reject`: type 0 icmp unreachable, 1 tcp reset, 2 icmpx.
    Reject { kind: u32, code: Option<u8> },
    /// `nat`: kind 0 source, 1 destination.
    Nat {
        kind: u32,
        family: u32,
        addr_min: Option<Reg>,
        addr_max: Option<Reg>,
        proto_min: Option<Reg>,
        proto_max: Option<Reg>,
        flags: Option<u32>,
    },
    /// `masq`.
    Masq(PortNat),
    /// `redir`.
    Redir(PortNat),
    /// `lookup`; flags 1 inverted. `members` is no attribute: what is in the set, if it is an anonymous one that was read
    /// or is yet to be made.
    Lookup {
        set: Vec<u8>,
        set_id: Option<u32>,
        sreg: Reg,
        dreg: Option<Reg>,
        flags: u32,
        members: Option<Box<crate::set::Set>>,
    },
    /// `connlimit`; flags 1 inverted (above).
    Connlimit { count: u32, flags: u32 },
    /// `quota`; flags 1 inverted (over), 2 used up, which only the kernel says.
    Quota { bytes: u64, flags: u32, consumed: u64 },
    /// `numgen`; kind 0 incremental, 1 random.
    Numgen { dreg: Reg, modulus: u32, kind: u32, offset: u32 },
    /// `fib`; result 1 oif, 2 oifname, 3 type.
    Fib { dreg: Reg, result: u32, flags: u32 },
    /// `exthdr` load; op 0 ipv6, 1 tcpopt, 2 ipv4 options, 3 sctp, 4 dccp.
    Exthdr { dreg: Reg, kind: u8, offset: u32, len: u32, op: u32, flags: u32 },
    /// `exthdr` write.
    ExthdrWrite { sreg: Reg, kind: u8, offset: u32, len: u32, op: u32 },
    /// `exthdr` that overwrites a TCP option with no-operations.
    TcpOptReset { kind: u8 },
    /// `dup` to an address.
    Dup { addr: Reg, dev: Option<Reg> },
    /// `rt`.
    Rt { dreg: Reg, key: u32 },
    /// `notrack`.
    Notrack,
    /// Anything else, kept: the name and the raw attributes inside `NFTA_EXPR_DATA` (`None` if it had none).
    Unknown { name: Vec<u8>, data: Option<Vec<u8>> },
}

impl Expr {
    /// The name of the anonymous set that it looks into, if its members are not known.
    #[must_use]
    pub fn unread_set(&self) -> Option<&[u8]> {
        match self {
            Self::Lookup { set, members: None, dreg: None, .. } if set.starts_with(crate::set::PREFIX) => {
                Some(set)
            }
            _ => None,
        }
    }
}

/// `enum nft_meta_keys`.
pub mod meta {
    #![allow(missing_docs, reason = "kernel names")]
    pub const LEN: u32 = 0;
    pub const PROTOCOL: u32 = 1;
    pub const PRIORITY: u32 = 2;
    pub const MARK: u32 = 3;
    pub const IIF: u32 = 4;
    pub const OIF: u32 = 5;
    pub const IIFNAME: u32 = 6;
    pub const OIFNAME: u32 = 7;
    pub const IIFTYPE: u32 = 8;
    pub const OIFTYPE: u32 = 9;
    pub const SKUID: u32 = 10;
    pub const SKGID: u32 = 11;
    pub const NFTRACE: u32 = 12;
    pub const RTCLASSID: u32 = 13;
    pub const SECMARK: u32 = 14;
    pub const NFPROTO: u32 = 15;
    pub const L4PROTO: u32 = 16;
    pub const BRI_IIFNAME: u32 = 17;
    pub const BRI_OIFNAME: u32 = 18;
    pub const PKTTYPE: u32 = 19;
    pub const CPU: u32 = 20;
    pub const IIFGROUP: u32 = 21;
    pub const OIFGROUP: u32 = 22;
    pub const CGROUP: u32 = 23;
    pub const PRANDOM: u32 = 24;
    pub const SECPATH: u32 = 25;
    pub const IIFKIND: u32 = 26;
    pub const OIFKIND: u32 = 27;
    pub const BRI_IIFPVID: u32 = 28;
    pub const BRI_IIFVPROTO: u32 = 29;
    pub const TIME_NS: u32 = 30;
    pub const TIME_DAY: u32 = 31;
    pub const TIME_HOUR: u32 = 32;
}

/// `enum nft_ct_keys`.
pub mod ct {
    #![allow(missing_docs, reason = "kernel names")]
    pub const STATE: u32 = 0;
    pub const DIRECTION: u32 = 1;
    pub const STATUS: u32 = 2;
    pub const MARK: u32 = 3;
    pub const SECMARK: u32 = 4;
    pub const EXPIRATION: u32 = 5;
    pub const HELPER: u32 = 6;
    pub const L3PROTOCOL: u32 = 7;
    pub const SRC: u32 = 8;
    pub const DST: u32 = 9;
    pub const PROTOCOL: u32 = 10;
    pub const PROTO_SRC: u32 = 11;
    pub const PROTO_DST: u32 = 12;
    pub const LABELS: u32 = 13;
    pub const PKTS: u32 = 14;
    pub const BYTES: u32 = 15;
    pub const AVGPKT: u32 = 16;
    pub const ZONE: u32 = 17;
    pub const EVENTMASK: u32 = 18;
    pub const SRC_IP: u32 = 19;
    pub const DST_IP: u32 = 20;
    pub const SRC_IP6: u32 = 21;
    pub const DST_IP6: u32 = 22;
    pub const ID: u32 = 23;
}

/// `NF_NAT_RANGE_*` (`linux/netfilter/nf_nat.h`).
pub mod nat {
    #![allow(missing_docs, reason = "kernel names")]
    pub const MAP_IPS: u32 = 1;
    pub const PROTO_SPECIFIED: u32 = 2;
    pub const PROTO_RANDOM: u32 = 4;
    pub const PERSISTENT: u32 = 8;
    pub const PROTO_RANDOM_FULLY: u32 = 16;
    pub const PROTO_OFFSET: u32 = 32;
    pub const NETMAP: u32 = 64;
}
