//! Laws of the codec: what is encoded decodes to itself, and what was accepted once is stable.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rfw_nft::attr::{NESTED, Writer};
use rfw_nft::expr::{Base, BitwiseOp, Bytes, CmpOp, CtDir, PortNat, Problem, Verdict};
use rfw_nft::{Expr, Listing, decode_list, encode_list};

fn encoded(exprs: &[Expr]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_list(exprs, &mut Writer::new(&mut bytes));
    bytes
}

fn reg() -> impl Strategy<Value = u32> {
    prop_oneof![1..=4_u32, 8..=23_u32]
}

fn constant() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 1..=64).prop_map(Bytes::from_vec)
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    vec(1..=255_u8, 1..=31)
}

fn base() -> impl Strategy<Value = Base> {
    prop_oneof![Just(Base::Link), Just(Base::Network), Just(Base::Transport), Just(Base::Inner)]
}

fn cmp_op() -> impl Strategy<Value = CmpOp> {
    prop_oneof![
        Just(CmpOp::Eq),
        Just(CmpOp::Neq),
        Just(CmpOp::Lt),
        Just(CmpOp::Lte),
        Just(CmpOp::Gt),
        Just(CmpOp::Gte)
    ]
}

fn dir() -> impl Strategy<Value = Option<CtDir>> {
    option::of(prop_oneof![Just(CtDir::Original), Just(CtDir::Reply)])
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Drop),
        Just(Verdict::Accept),
        Just(Verdict::Continue),
        Just(Verdict::Return),
        name().prop_map(Verdict::Jump),
        name().prop_map(Verdict::Goto),
    ]
}

fn port_nat() -> impl Strategy<Value = PortNat> {
    (option::of(reg()), option::of(reg()), option::of(any::<u32>()))
        .prop_map(|(proto_min, proto_max, flags)| PortNat { proto_min, proto_max, flags })
}

fn load() -> impl Strategy<Value = Expr> {
    let n = any::<u32>;
    prop_oneof![
        (reg(), base(), n(), n()).prop_map(|(dreg, base, offset, len)| Expr::Payload {
            dreg,
            base,
            offset,
            len
        }),
        (reg(), base(), n(), n(), 0..3_u32, 0..40_u32, 0..2_u32).prop_map(
            |(sreg, base, offset, len, csum_type, csum_offset, csum_flags)| Expr::PayloadWrite {
                sreg,
                base,
                offset,
                len,
                csum_type,
                csum_offset,
                csum_flags
            }
        ),
        (reg(), n()).prop_map(|(dreg, key)| Expr::Meta { dreg, key }),
        (reg(), n()).prop_map(|(sreg, key)| Expr::MetaSet { sreg, key }),
        (reg(), n(), dir()).prop_map(|(dreg, key, dir)| Expr::Ct { dreg, key, dir }),
        (reg(), n(), dir()).prop_map(|(sreg, key, dir)| Expr::CtSet { sreg, key, dir }),
        (reg(), n(), 0..2_u32, n()).prop_map(|(dreg, modulus, kind, offset)| Expr::Numgen {
            dreg,
            modulus,
            kind,
            offset
        }),
        (reg(), 1..4_u32, n()).prop_map(|(dreg, result, flags)| Expr::Fib { dreg, result, flags }),
        (reg(), any::<u8>(), n(), n(), 0..5_u32, 0..2_u32).prop_map(
            |(dreg, kind, offset, len, op, flags)| Expr::Exthdr { dreg, kind, offset, len, op, flags }
        ),
        (reg(), any::<u8>(), n(), n(), 0..5_u32)
            .prop_map(|(sreg, kind, offset, len, op)| { Expr::ExthdrWrite { sreg, kind, offset, len, op } }),
        (reg(), n()).prop_map(|(dreg, key)| Expr::Rt { dreg, key }),
    ]
}

fn bitwise() -> impl Strategy<Value = Expr> {
    let equal_length = vec(any::<(u8, u8)>(), 1..=64).prop_map(|pairs| {
        let (mask, xor): (Bytes, Bytes) = pairs.into_iter().unzip();
        (mask.len() as u32, BitwiseOp::MaskXor { mask, xor })
    });
    let op = prop_oneof![
        equal_length,
        any::<(u32, u32)>().prop_map(|(len, count)| (len, BitwiseOp::Lshift(count))),
        any::<(u32, u32)>().prop_map(|(len, count)| (len, BitwiseOp::Rshift(count))),
        (any::<u32>(), reg()).prop_map(|(len, reg)| (len, BitwiseOp::And(reg))),
        (any::<u32>(), reg()).prop_map(|(len, reg)| (len, BitwiseOp::Or(reg))),
        (any::<u32>(), reg()).prop_map(|(len, reg)| (len, BitwiseOp::Xor(reg))),
    ];
    (reg(), reg(), op).prop_map(|(sreg, dreg, (len, op))| Expr::Bitwise { sreg, dreg, len, op })
}

fn operation() -> impl Strategy<Value = Expr> {
    let n = any::<u32>;
    prop_oneof![
        (reg(), cmp_op(), constant()).prop_map(|(sreg, op, data)| Expr::Cmp { sreg, op, data }),
        (reg(), any::<bool>(), constant(), constant())
            .prop_map(|(sreg, invert, from, to)| { Expr::Range { sreg, invert, from, to } }),
        bitwise(),
        (reg(), reg(), any::<bool>(), n(), n())
            .prop_map(|(sreg, dreg, hton, len, size)| { Expr::Byteorder { sreg, dreg, hton, len, size } }),
        (reg(), constant()).prop_map(|(dreg, data)| Expr::Immediate { dreg, data }),
        verdict().prop_map(Expr::Verdict),
        (name(), option::of(n()), reg(), option::of(0..24_u32), 0..2_u32).prop_map(
            |(set, set_id, sreg, dreg, flags)| Expr::Lookup { set, set_id, sreg, dreg, flags, members: None }
        ),
    ]
}

fn statement() -> impl Strategy<Value = Expr> {
    let n = any::<u32>;
    let r = || option::of(reg());
    prop_oneof![
        any::<(u64, u64)>().prop_map(|(packets, bytes)| Expr::Counter { packets, bytes }),
        (any::<u64>(), any::<u64>(), n(), 0..2_u32, 0..2_u32)
            .prop_map(|(rate, unit, burst, kind, flags)| Expr::Limit { rate, unit, burst, kind, flags }),
        (
            any::<Option<u16>>(),
            option::of(name()),
            option::of(n()),
            any::<Option<u16>>(),
            option::of(n()),
            option::of(n())
        )
            .prop_map(|(group, prefix, snaplen, qthreshold, level, flags)| {
                Expr::Log { group, prefix, snaplen, qthreshold, level, flags }
            }),
        (name(), n(), vec(any::<u8>(), 0..300)).prop_map(|(name, rev, info)| Expr::Match { name, rev, info }),
        (name(), n(), vec(any::<u8>(), 0..300)).prop_map(|(name, rev, info)| Expr::Target {
            name,
            rev,
            info
        }),
        (0..3_u32, any::<Option<u8>>()).prop_map(|(kind, code)| Expr::Reject { kind, code }),
        (0..2_u32, n(), r(), r(), r(), r(), option::of(n())).prop_map(
            |(kind, family, addr_min, addr_max, proto_min, proto_max, flags)| Expr::Nat {
                kind,
                family,
                addr_min,
                addr_max,
                proto_min,
                proto_max,
                flags
            }
        ),
        port_nat().prop_map(Expr::Masq),
        port_nat().prop_map(Expr::Redir),
        (n(), 0..2_u32).prop_map(|(count, flags)| Expr::Connlimit { count, flags }),
        (any::<u64>(), 0..2_u32, any::<u64>())
            .prop_map(|(bytes, flags, consumed)| { Expr::Quota { bytes, flags, consumed } }),
        Just(Expr::Notrack),
        any::<u8>().prop_map(|kind| Expr::TcpOptReset { kind }),
        (reg(), proptest::option::of(reg())).prop_map(|(addr, dev)| Expr::Dup { addr, dev }),
    ]
}

/// Attributes with any types and payloads; the last one may lack its padding.
fn attributes() -> impl Strategy<Value = Vec<u8>> {
    (vec((0..12_u16, any::<bool>(), vec(any::<u8>(), 0..12)), 0..6), any::<bool>()).prop_map(|(list, cut)| {
        let mut bytes = Vec::new();
        let mut end = 0;
        for (kind, nested, payload) in list {
            let mut w = Writer::new(&mut bytes);
            w.bytes(kind | if nested { NESTED } else { 0 }, &payload);
            end = bytes.len() - (4 - payload.len() % 4) % 4;
        }
        if cut {
            bytes.truncate(end);
        }
        bytes
    })
}

fn expr() -> impl Strategy<Value = Expr> {
    let unknown = (name(), option::of(attributes())).prop_map(|(mut name, data)| {
        name.insert(0, b'?');
        Expr::Unknown { name, data }
    });
    prop_oneof![3 => load(), 3 => operation(), 3 => statement(), 1 => unknown]
}

/// A list of known names with arbitrary data, to reach every typed decoder.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<Vec<u8>> = [
        "payload",
        "meta",
        "ct",
        "cmp",
        "range",
        "bitwise",
        "byteorder",
        "immediate",
        "counter",
        "limit",
        "log",
        "match",
        "target",
        "reject",
        "nat",
        "masq",
        "redir",
        "lookup",
        "connlimit",
        "quota",
        "numgen",
        "fib",
        "exthdr",
        "rt",
        "notrack",
        "other",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    vec((proptest::sample::select(names), option::of(attributes())), 0..4).prop_map(|list| {
        let exprs: Vec<Expr> = list.into_iter().map(|(name, data)| Expr::Unknown { name, data }).collect();
        encoded(&exprs)
    })
}

/// Encoded expressions with some bytes changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (vec(expr(), 1..4), vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)).prop_map(
        |(exprs, changes)| {
            let mut bytes = encoded(&exprs);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        },
    )
}

fn stable(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(first) = decode_list(bytes) {
        let again = decode_list(&encoded(&first));
        prop_assert_eq!(again.as_ref(), Ok(&first));
        prop_assert_eq!(Listing(&first).to_string().lines().count() >= first.len(), true);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn encoded_expressions_decode_to_themselves(exprs in vec(expr(), 0..8)) {
        prop_assert_eq!(decode_list(&encoded(&exprs)), Ok(exprs));
    }

    #[test]
    fn plausible_lists_are_stable(bytes in plausible()) {
        prop_assert!(decode_list(&bytes).is_ok());
        stable(&bytes)?;
    }

    #[test]
    fn damaged_lists_are_stable(bytes in damaged()) {
        stable(&bytes)?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..64)) {
        stable(&bytes)?;
        let _ = Expr::decode(&bytes);
    }
}

#[test]
fn errors_tell_where() {
    let mut bytes = encoded(&[Expr::Notrack, Expr::Rt { dreg: 1, key: 0 }]);
    // notrack takes 16 bytes; rt's element header 4 and its name 8; then the data's header and its first attribute.
    bytes[16 + 4 + 8 + 4] = 3;
    let error = decode_list(&bytes).expect_err("an attribute of 3 bytes");
    assert_eq!(error.path, "expressions[1].data");
    assert_eq!((error.offset, error.problem), (0, Problem::Malformed));
    assert_eq!(error.to_string(), "expressions[1].data, byte 0: malformed netlink attribute");

    let nameless = [8, 0, 1, 0, 4, 0, 2, 0];
    let error = decode_list(&nameless).expect_err("no name");
    assert_eq!(error.problem, Problem::NoName);
    let stray = [8, 0, 7, 0, 4, 0, 2, 0];
    let error = decode_list(&stray).expect_err("no list element");
    assert_eq!(error.problem, Problem::Unexpected(7));
}
