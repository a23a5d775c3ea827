//! The golden bytes are what iptables-nft 1.8.9 sends for the command named, less the zeroes of the rules' counters.

use super::*;
use crate::{
    Expr, Verdict,
    expr::{CmpOp, REG_1, meta},
};

const FILTER: TableId = TableId::new(Family::Ipv4, b"filter");
const INPUT: ChainId = FILTER.chain(b"INPUT");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn input(policy: u32) -> NewChain<'static> {
    NewChain {
        kind: b"filter",
        hook: Hook { num: 1, priority: 0 },
        policy: Some(policy),
        counters: None,
        userdata: &[],
    }
}

fn with_compat(proto: u32, place: Place) -> NewRule<'static> {
    NewRule { place, compat: Some(Compat { proto, flags: 0 }), ..NewRule::append(INPUT) }
}

fn verdict(verdict: Verdict) -> Vec<Expr> {
    vec![Expr::Counter { packets: 0, bytes: 0 }, Expr::Verdict(verdict)]
}

fn accept_udp() -> Vec<Expr> {
    let mut exprs = vec![
        Expr::Meta { dreg: REG_1, key: meta::L4PROTO },
        Expr::Cmp { sreg: REG_1, op: CmpOp::Eq, data: [17].into_iter().collect() },
    ];
    exprs.extend(verdict(Verdict::Accept));
    exprs
}

const APPEND: &str = concat!(
    "1c0000001000010001000000000000000000000a0800010000000001",
    "20000000000a01040200000000000000020000000b00010066696c7465720000",
    "54000000030a01040300000000000000020000000b00010066696c7465720000",
    "0a000300494e5055540000001400048008000100000000010800020000000000",
    "08000500000000010b00070066696c7465720000",
    "d0000000060a010c0400000000000000020000000b00010066696c7465720000",
    "0a000200494e5055540000009000048020000180080001006d657461",
    "14000280080002000000001008000100000000012c00018007000100636d7000",
    "20000280080001000000000108000200000000000c0003800500010011000000",
    "100001800b000100636f756e74657200300001800d000100696d6d656469617465000000",
    "1c0002800800010000000000100002800c000280080001000000000114000580",
    "08000100000000110800020000000000",
    "140000001100010005000000000000000000000a",
);

#[test]
fn append_to_a_fresh_table() {
    let mut batch = Batch::new(Some(1));
    assert!(batch.is_empty());
    assert_eq!(batch.add_table(FILTER, &[]), 2);
    assert_eq!(batch.add_base_chain(INPUT, &input(1)), 3);
    let rule = with_compat(17, Place::Append);
    assert_eq!(batch.add_rule(&rule, &accept_udp()), 4);
    assert!(!batch.is_empty());
    batch.finish();
    batch.finish();
    assert_eq!(hex(&batch.to_bytes()), APPEND);
}

#[test]
fn insert_replace_and_policy() {
    let body = concat!(
        "44000480100001800b000100636f756e74657200300001800d000100696d6d6564696174",
        "650000001c0002800800010000000000100002800c0002800800010000000000",
        "1400058008000100000000000800020000000000",
    );
    let names = "0b00010066696c74657200000a000200494e505554000000";
    let mut batch = Batch::new(None);
    batch.add_rule(&with_compat(0, Place::First), &verdict(Verdict::Drop));
    batch.add_rule(&with_compat(0, Place::Replace(3)), &verdict(Verdict::Drop));
    let counted = NewChain { counters: Some(Counters::default()), ..input(0) };
    batch.update_base_chain(INPUT, &counted);
    let messages: Vec<_> = batch.messages().flatten().collect();
    assert_eq!(messages.len(), 4);
    assert_eq!(hex(messages[1].bytes), format!("84000000060a0104020000000000000002000000{names}{body}"));
    assert_eq!(
        hex(messages[2].bytes),
        format!("90000000060a0105030000000000000002000000{names}0c0003000000000000000003{body}")
    );
    assert_eq!(
        hex(messages[3].bytes),
        concat!(
            "70000000030a010004000000000000000200000",
            "00b00010066696c74657200000a000300494e5055540000001400048008000100",
            "0000000108000200000000000800050000000000",
            "1c0008800c00020000000000000000000c0001000000000000000000",
            "0b00070066696c7465720000"
        )
    );
}

#[test]
fn flags_of_the_other_messages() {
    let mut batch = Batch::new(None);
    let user = FILTER.chain(b"user");
    batch.del_table(FILTER);
    batch.add_user_chain(user, &[]);
    batch.zero_chain(INPUT, &input(1));
    batch.rename_chain(user, 7);
    batch.del_chain(user);
    batch.flush_chain(user);
    batch.flush_table(FILTER);
    batch.del_rule(user, 9);
    batch.del_rule_by_id(user, 2);
    batch.add_rule(&with_compat(0, Place::Before(5)), &[]);
    batch.add_rule(&with_compat(0, Place::After(5)), &[]);
    let seen: Vec<_> = batch.messages().flatten().skip(1).map(|m| (m.kind, m.flags, m.bytes.len())).collect();
    let r = flag::REQUEST;
    assert_eq!(
        seen,
        [
            (kind::DELTABLE, r, 32),
            (kind::NEWCHAIN, r | flag::EXCL, 44),
            (kind::NEWCHAIN, r | flag::CREATE, 112),
            (kind::NEWCHAIN, r, 56),
            (kind::DELCHAIN, r | flag::NONREC, 44),
            (kind::DELRULE, r, 44),
            (kind::DELRULE, r, 32),
            (kind::DELRULE, r, 56),
            (kind::DELRULE, r, 52),
            (kind::NEWRULE, r | flag::CREATE, 80),
            (kind::NEWRULE, r | flag::CREATE | flag::APPEND, 80),
        ]
    );
}

#[test]
fn another_generation() {
    let mut batch = Batch::new(Some(1));
    batch.set_generation(0x0102_0304);
    let begin = batch.messages().next().unwrap().unwrap();
    assert_eq!(begin.generation(), Ok(0x0102_0304));
    let mut without = Batch::new(None);
    without.add_table(FILTER, &[]);
    let before = without.clone();
    without.set_generation(9);
    assert_eq!(before.to_bytes(), without.to_bytes());
}

#[test]
fn a_message_too_long_is_left_out_and_named() {
    let mut batch = Batch::new(None);
    let long = Expr::Match { name: b"comment".to_vec(), rev: 0, info: vec![0; 70_000] };
    let rule = NewRule::append(INPUT);
    let before = batch.byte_len();
    assert_eq!(batch.add_rule(&rule, &[long]), 2);
    assert_eq!(batch.too_long(), [2]);
    assert_eq!(batch.byte_len(), before);
    let many = vec![Expr::Counter { packets: 1, bytes: 0 }; 2000];
    assert_eq!(batch.add_rule(&rule, &many), 3);
    assert_eq!(batch.add_rule(&rule, &many[..100]), 4);
    assert_eq!(batch.too_long(), [2, 3]);
    assert_eq!(batch.messages().count(), 2);
}

#[test]
fn objects_come_back() {
    let mut batch = Batch::new(None);
    batch.add_table(FILTER, b"\x80\x01x");
    let base = NewChain {
        hook: Hook { num: 0, priority: -300 },
        counters: Some(Counters { packets: 5, bytes: 1 << 40 }),
        userdata: b"\0\x02a\0",
        ..input(0)
    };
    batch.add_base_chain(INPUT, &base);
    let rule =
        NewRule { place: Place::Before(77), userdata: b"\x90\0", id: Some(4), ..NewRule::append(INPUT) };
    batch.add_rule(&rule, &accept_udp());
    let m: Vec<_> = batch.messages().flatten().collect();
    let table = Table::decode(&m[1]).unwrap();
    assert_eq!(
        (table.family, table.name, table.userdata),
        (Family::Ipv4, b"filter".to_vec(), b"\x80\x01x".to_vec())
    );
    let chain = Chain::decode(&m[2]).unwrap();
    assert_eq!(chain.name, b"INPUT");
    assert_eq!(chain.hook, Some(base.hook));
    assert_eq!(chain.kind, b"filter");
    assert_eq!(chain.policy, Some(0));
    assert_eq!(chain.counters, base.counters);
    assert_eq!(chain.userdata, base.userdata);
    let raw = RawRule::decode(&m[3]).unwrap();
    let rule = raw.to_rule().unwrap();
    assert_eq!(rule.exprs, accept_udp());
    assert_eq!(rule.position, Some(77));
    assert_eq!(rule.userdata, b"\x90\0");
    assert_eq!(Table::decode(&m[2]), Err(Malformed));
    assert_eq!(RawRule::decode(&m[0]), Err(Malformed));
}

#[test]
fn no_prefix_and_no_bent_byte_panics() {
    let mut batch = Batch::new(Some(3));
    batch.add_table(FILTER, b"\0\x02a\0");
    batch.add_base_chain(INPUT, &input(1));
    batch.add_rule(&with_compat(17, Place::Append), &accept_udp());
    batch.finish();
    let whole = batch.to_bytes();
    for end in 0..=whole.len() {
        read_all(&whole[..end]);
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bent = whole.to_vec();
            bent[at] = value;
            read_all(&bent);
        }
    }
}

fn read_all(bytes: &[u8]) {
    for message in Messages::new(bytes).flatten() {
        let _ = Table::decode(&message);
        let _ = Chain::decode(&message);
        let _ = RawRule::decode(&message).map(|r| r.to_rule());
        let _ = message.generation();
        let _ = expr_at_offset(message.bytes, 100);
        for flags in [0, flag::ACK_TLVS, flag::ACK_TLVS | flag::CAPPED] {
            let as_error = Message { kind: kind::ERROR, flags, ..message };
            let _ = NetlinkError::decode(&as_error);
        }
    }
}

#[test]
fn offsets_find_their_expression() {
    let mut batch = Batch::new(None);
    batch.add_rule(&with_compat(17, Place::Append), &accept_udp());
    let rule = batch.messages().flatten().nth(1).unwrap();
    // nlmsghdr 16, nfgenmsg 4, table 12, chain 12, the list's header 4.
    let first = 48;
    assert_eq!(expr_at_offset(rule.bytes, first - 1), None);
    assert_eq!(expr_at_offset(rule.bytes, first), Some(0));
    assert_eq!(expr_at_offset(rule.bytes, first + 31), Some(0));
    assert_eq!(expr_at_offset(rule.bytes, first + 32), Some(1));
    assert_eq!(expr_at_offset(rule.bytes, first + 32 + 44), Some(2));
    assert_eq!(expr_at_offset(rule.bytes, first + 32 + 44 + 16), Some(3));
    assert_eq!(expr_at_offset(rule.bytes, first + 32 + 44 + 16 + 48), None);
    assert_eq!(expr_at_offset(rule.bytes, u32::MAX), None);
}

/// An error as the kernel lays it out; `repeated` is the request behind its header.
fn error(flags: u16, errno: i32, repeated: &[u8], attributes: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(kind::ERROR.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(42u32.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend((-errno).to_ne_bytes());
    let request_len = u32::try_from(16 + repeated.len()).unwrap();
    bytes.extend(request_len.to_ne_bytes());
    bytes.extend([0; 12]);
    bytes.extend(repeated);
    bytes.extend(attributes);
    close(&mut bytes, 0);
    bytes
}

#[test]
fn errors_with_and_without_the_request() {
    let attributes = b"\x07\0\x01\0no\0\0\x08\0\x02\0\x30\0\0\0";
    let expected = NetlinkError { seq: 42, errno: 2, attr_offset: Some(48), message: Some("no".into()) };
    let decode = |bytes: &[u8]| {
        let message = Messages::new(bytes).next().unwrap().unwrap();
        NetlinkError::decode(&message).unwrap()
    };
    let both = flag::ACK_TLVS | flag::CAPPED;
    assert_eq!(decode(&error(both, 2, &[], attributes)), expected);
    let whole = error(flag::ACK_TLVS, 2, &[1, 2, 3, 4], attributes);
    assert_eq!(decode(&whole), expected);
    let bare = decode(&error(flag::CAPPED, 2, &[], &[]));
    assert_eq!((bare.errno, bare.attr_offset), (2, None));
}

#[test]
fn userdata_entries() {
    let mut out = Vec::new();
    userdata::push(&mut out, 0x80, b"v1").unwrap();
    userdata::push_comment(&mut out, b"hello").unwrap();
    assert_eq!(out, b"\x80\x02v1\0\x06hello\0");
    assert_eq!(userdata::comment(&out), Some(&b"hello"[..]));
    assert_eq!(userdata::find(&out, 0x80), Some(&b"v1"[..]));
    assert_eq!(userdata::find(&out, 0x81), None);
    let before = out.clone();
    assert_eq!(userdata::push(&mut out, 1, &[0; 256]), Err(userdata::TooLong));
    assert_eq!(userdata::push(&mut out, 1, &[0; 243]), Err(userdata::TooLong));
    assert_eq!(out, before);
    assert_eq!(userdata::push(&mut out, 1, &[0; 242]), Ok(()));
    assert_eq!(out.len(), userdata::MAX);
    let mut comment = Vec::new();
    assert_eq!(userdata::push_comment(&mut comment, &[b'x'; 253]), Ok(()));
    comment.clear();
    assert!(userdata::push_comment(&mut comment, &[b'x'; 254]).is_err());
    assert_eq!(userdata::entries(b"\x80\x05ab").count(), 0);
    assert_eq!(userdata::entries(b"\x80").count(), 0);
}

#[test]
fn parts_are_as_if_written_at_once() {
    let fill = |batch: &mut Batch, from: u8, to: u8| {
        for number in from..to {
            batch.add_rule(&with_compat(u32::from(number), Place::Append), &accept_udp());
        }
    };
    let long = vec![Expr::Counter { packets: 1, bytes: 0 }; 2000];
    let mut whole = Batch::new(Some(4));
    fill(&mut whole, 0, 9);
    let too_long = whole.add_rule(&with_compat(0, Place::Append), &long);
    fill(&mut whole, 9, 10);
    whole.set_generation(5);
    whole.finish();
    // Numbers that are right from the start, numbers that are not, and a part that has taken over another.
    for guess in [5, 1, 700] {
        let mut batch = Batch::new(Some(4));
        fill(&mut batch, 0, 3);
        let mut part = Batch::part(guess, vec![1, 2, 3]);
        fill(&mut part, 3, 6);
        let mut last = Batch::part(guess, Vec::new());
        fill(&mut last, 6, 9);
        last.add_rule(&with_compat(0, Place::Append), &long);
        part.absorb(last);
        batch.absorb(part);
        batch.absorb(Batch::part(guess, Vec::new()));
        fill(&mut batch, 9, 10);
        batch.set_generation(5);
        batch.finish();
        assert_eq!(batch.to_bytes(), whole.to_bytes(), "{guess}");
        assert_eq!(batch.byte_len(), whole.to_bytes().len());
        assert_eq!((batch.too_long(), batch.next_seq()), (&[too_long][..], whole.next_seq()));
        assert_eq!(batch.messages().count(), whole.messages().count());
    }
}
