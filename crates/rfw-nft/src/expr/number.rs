//! Attribute types inside an expression (`linux/netfilter/nf_tables.h`, `linux/netfilter/nf_tables_compat.h`), one
//! module per expression, and the numbers of verdicts and bitwise operations.

/// `NFTA_LIST_ELEM`.
pub(super) const LIST_ELEM: u16 = 1;
/// `NFTA_EXPR_NAME`.
pub(super) const EXPR_NAME: u16 = 1;
/// `NFTA_EXPR_DATA`.
pub(super) const EXPR_DATA: u16 = 2;

/// Verdict codes: `NF_*` and the negative `enum nft_verdicts`, as the 32 bits that travel.
pub(super) mod code {
    pub const DROP: u32 = 0;
    pub const ACCEPT: u32 = 1;
    pub const CONTINUE: u32 = (-1_i32).cast_unsigned();
    pub const JUMP: u32 = (-3_i32).cast_unsigned();
    pub const GOTO: u32 = (-4_i32).cast_unsigned();
    pub const RETURN: u32 = (-5_i32).cast_unsigned();
}

/// `enum nft_bitwise_ops`.
pub(super) mod bitwise_op {
    pub const MASK_XOR: u32 = 0;
    pub const LSHIFT: u32 = 1;
    pub const RSHIFT: u32 = 2;
    pub const AND: u32 = 3;
    pub const OR: u32 = 4;
    pub const XOR: u32 = 5;
}

/// `enum nft_data_attributes`.
pub(super) mod data {
    pub const VALUE: u16 = 1;
    pub const VERDICT: u16 = 2;
}

/// `enum nft_verdict_attributes`.
pub(super) mod verdict {
    pub const CODE: u16 = 1;
    pub const CHAIN: u16 = 2;
}

/// `enum nft_payload_attributes`.
pub(super) mod payload {
    pub const DREG: u16 = 1;
    pub const BASE: u16 = 2;
    pub const OFFSET: u16 = 3;
    pub const LEN: u16 = 4;
    pub const SREG: u16 = 5;
    pub const CSUM_TYPE: u16 = 6;
    pub const CSUM_OFFSET: u16 = 7;
    pub const CSUM_FLAGS: u16 = 8;
}

/// `enum nft_meta_attributes`.
pub(super) mod meta {
    pub const DREG: u16 = 1;
    pub const KEY: u16 = 2;
    pub const SREG: u16 = 3;
}

/// `enum nft_ct_attributes`.
pub(super) mod ct {
    pub const DREG: u16 = 1;
    pub const KEY: u16 = 2;
    pub const DIRECTION: u16 = 3;
    pub const SREG: u16 = 4;
}

/// `enum nft_cmp_attributes`.
pub(super) mod cmp {
    pub const SREG: u16 = 1;
    pub const OP: u16 = 2;
    pub const DATA: u16 = 3;
}

/// `enum nft_range_attributes`.
pub(super) mod range {
    pub const SREG: u16 = 1;
    pub const OP: u16 = 2;
    pub const FROM_DATA: u16 = 3;
    pub const TO_DATA: u16 = 4;
}

/// `enum nft_bitwise_attributes`.
pub(super) mod bitwise {
    pub const SREG: u16 = 1;
    pub const DREG: u16 = 2;
    pub const LEN: u16 = 3;
    pub const MASK: u16 = 4;
    pub const XOR: u16 = 5;
    pub const OP: u16 = 6;
    pub const DATA: u16 = 7;
    pub const SREG2: u16 = 8;
}

/// `enum nft_byteorder_attributes`.
pub(super) mod byteorder {
    pub const SREG: u16 = 1;
    pub const DREG: u16 = 2;
    pub const OP: u16 = 3;
    pub const LEN: u16 = 4;
    pub const SIZE: u16 = 5;
}

/// `enum nft_immediate_attributes`.
pub(super) mod immediate {
    pub const DREG: u16 = 1;
    pub const DATA: u16 = 2;
}

/// `enum nft_counter_attributes`.
pub(super) mod counter {
    pub const BYTES: u16 = 1;
    pub const PACKETS: u16 = 2;
    pub const PAD: u16 = 3;
}

/// `enum nft_limit_attributes`.
pub(super) mod limit {
    pub const RATE: u16 = 1;
    pub const UNIT: u16 = 2;
    pub const BURST: u16 = 3;
    pub const TYPE: u16 = 4;
    pub const FLAGS: u16 = 5;
    pub const PAD: u16 = 6;
}

/// `enum nft_log_attributes`.
pub(super) mod log {
    pub const GROUP: u16 = 1;
    pub const PREFIX: u16 = 2;
    pub const SNAPLEN: u16 = 3;
    pub const QTHRESHOLD: u16 = 4;
    pub const LEVEL: u16 = 5;
    pub const FLAGS: u16 = 6;
}

/// `enum nft_match_attributes` and `enum nft_target_attributes`.
pub(super) mod xt {
    pub const NAME: u16 = 1;
    pub const REV: u16 = 2;
    pub const INFO: u16 = 3;
}

/// `enum nft_reject_attributes`.
pub(super) mod reject {
    pub const TYPE: u16 = 1;
    pub const ICMP_CODE: u16 = 2;
}

/// `enum nft_nat_attributes`.
pub(super) mod nat {
    pub const TYPE: u16 = 1;
    pub const FAMILY: u16 = 2;
    pub const REG_ADDR_MIN: u16 = 3;
    pub const REG_ADDR_MAX: u16 = 4;
    pub const REG_PROTO_MIN: u16 = 5;
    pub const REG_PROTO_MAX: u16 = 6;
    pub const FLAGS: u16 = 7;
}

/// `enum nft_masq_attributes`.
pub(super) mod masq {
    pub const FLAGS: u16 = 1;
    pub const REG_PROTO_MIN: u16 = 2;
    pub const REG_PROTO_MAX: u16 = 3;
}

/// `enum nft_redir_attributes`.
pub(super) mod redir {
    pub const REG_PROTO_MIN: u16 = 1;
    pub const REG_PROTO_MAX: u16 = 2;
    pub const FLAGS: u16 = 3;
}

/// `enum nft_lookup_attributes`.
pub(super) mod lookup {
    pub const SET: u16 = 1;
    pub const SREG: u16 = 2;
    pub const DREG: u16 = 3;
    pub const SET_ID: u16 = 4;
    pub const FLAGS: u16 = 5;
}

/// `enum nft_connlimit_attributes`.
pub(super) mod connlimit {
    pub const COUNT: u16 = 1;
    pub const FLAGS: u16 = 2;
}

/// `enum nft_quota_attributes`.
pub(super) mod quota {
    pub const BYTES: u16 = 1;
    pub const FLAGS: u16 = 2;
    pub const PAD: u16 = 3;
    pub const CONSUMED: u16 = 4;
}

/// `enum nft_ng_attributes`.
pub(super) mod numgen {
    pub const DREG: u16 = 1;
    pub const MODULUS: u16 = 2;
    pub const TYPE: u16 = 3;
    pub const OFFSET: u16 = 4;
}

/// `enum nft_fib_attributes`.
pub(super) mod fib {
    pub const DREG: u16 = 1;
    pub const RESULT: u16 = 2;
    pub const FLAGS: u16 = 3;
}

/// `enum nft_exthdr_attributes`.
pub(super) mod exthdr {
    pub const DREG: u16 = 1;
    pub const TYPE: u16 = 2;
    pub const OFFSET: u16 = 3;
    pub const LEN: u16 = 4;
    pub const FLAGS: u16 = 5;
    pub const OP: u16 = 6;
    pub const SREG: u16 = 7;
    /// `NFT_EXTHDR_OP_TCPOPT`.
    pub const OP_TCPOPT: u32 = 1;
}

/// `enum nft_dup_attributes`.
pub(super) mod dup {
    pub const SREG_ADDR: u16 = 1;
    pub const SREG_DEV: u16 = 2;
}

/// `enum nft_rt_attributes`.
pub(super) mod rt {
    pub const DREG: u16 = 1;
    pub const KEY: u16 = 2;
}

/// `enum nft_dynset_attributes`; the expression itself is not modelled.
pub(super) mod dynset {
    pub const TIMEOUT: u16 = 6;
}
