//! What a value is loaded from, as nft names it.

use rfw_nft::Family;
use rfw_nft::expr::{Base, CtDir, ct, meta};
use rfw_nft::predicate::{Field, Op, Value};

use super::number::{Form, constant};
use super::words;
use super::{Untranslatable, Written};

/// A field: its words, and how its constants are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub text: String,
    pub form: Form,
    /// Whether its bytes are in network order.
    pub big: bool,
    /// How many bytes it has; 0 if that says nothing.
    pub len: u32,
}

impl Name {
    pub(super) fn new(text: impl Into<String>, form: Form, big: bool, len: u32) -> Self {
        Self { text: text.into(), form, big, len }
    }

    pub(super) fn constant(&self, bytes: &[u8]) -> Written<String> {
        constant(self.form, bytes, self.big)
    }
}

const PACKET_TYPES: &[(u64, &str)] = &[(0, "host"), (1, "broadcast"), (2, "multicast"), (3, "other")];
/// `RTN_*` of `linux/rtnetlink.h`; nft knows no more.
const ADDRESS_TYPES: &[(u64, &str)] = &[
    (0, "unspec"),
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
];
const STATES: &[(u64, &str)] =
    &[(1, "invalid"), (8, "new"), (4, "related"), (2, "established"), (64, "untracked")];
/// `IPS_*` of `linux/netfilter/nf_conntrack_common.h`.
const STATUS: &[(u64, &str)] = &[
    (1, "expected"),
    (2, "seen-reply"),
    (4, "assured"),
    (8, "confirmed"),
    (16, "snat"),
    (32, "dnat"),
    (512, "dying"),
];
pub(super) const TCP_FLAGS: &[(u64, &str)] =
    &[(1, "fin"), (2, "syn"), (4, "rst"), (8, "psh"), (16, "ack"), (32, "urg"), (64, "ecn"), (128, "cwr")];
/// Types of chunks that nft can name.
pub(crate) const CHUNKS: &[(u8, &str)] = &[
    (0, "data"),
    (1, "init"),
    (2, "init-ack"),
    (3, "sack"),
    (4, "heartbeat"),
    (5, "heartbeat-ack"),
    (6, "abort"),
    (7, "shutdown"),
    (8, "shutdown-ack"),
    (9, "error"),
    (10, "cookie-echo"),
    (11, "cookie-ack"),
    (12, "ecne"),
    (13, "cwr"),
    (14, "shutdown-complete"),
    (0x80, "asconf-ack"),
    (0xc0, "forward-tsn"),
    (0xc1, "asconf"),
];
/// What a route is looked up by.
pub(crate) const FIB_FLAGS: &[(u32, &str)] =
    &[(1, "saddr"), (2, "daddr"), (4, "mark"), (8, "iif"), (16, "oif")];

/// The name of a field; `protocol` is the transport protocol that the rule has tested for.
pub(super) fn name(field: &Field, family: Family, protocol: Option<u8>) -> Written<Name> {
    match field {
        Field::Payload { base, offset, len } => Ok(payload(*base, *offset, *len, family, protocol)),
        Field::Meta(key) => meta_name(*key),
        Field::Ct { key, dir } => ct_name(*key, *dir),
        Field::Rt(0) => Ok(Name::new("rt classid", Form::Hex, false, 4)),
        Field::Rt(_) => Err(Untranslatable::new("this key of `rt` has no nft form here")),
        Field::Fib { result, flags } => fib(*result, *flags),
        Field::Numgen { modulus, kind, offset } => {
            let how = match kind {
                0 => "inc",
                1 => "random",
                _ => return Err(Untranslatable::new("this kind of numgen has no nft form")),
            };
            let offset = if *offset == 0 { String::new() } else { format!(" offset {offset}") };
            Ok(Name::new(format!("numgen {how} mod {modulus}{offset}"), Form::Decimal, false, 4))
        }
        // Whether a chunk is there (`NFT_EXTHDR_OP_SCTP`, `NFT_EXTHDR_F_PRESENT`).
        Field::Exthdr { kind, op: 3, flags: 1, .. } => {
            let word = CHUNKS.iter().find(|(number, _)| number == kind).map(|(_, word)| *word);
            let word =
                word.ok_or_else(|| Untranslatable::new(format!("SCTP chunk {kind} has no nft form")))?;
            Ok(Name::new(format!("sctp chunk {word}"), Form::Presence, true, 1))
        }
        // A TCP option (`NFT_EXTHDR_OP_TCPOPT`) and its bytes.
        Field::Exthdr { kind: 2, offset: 2, len: 2, op: 1, flags: 0 } => {
            Ok(Name::new("tcp option maxseg size", Form::Decimal, true, 2))
        }
        Field::Exthdr { kind, offset, len, op: 1, flags: 0 } => {
            Ok(Name::new(format!("tcp option @{kind},{},{}", offset * 8, len * 8), Form::Hex, true, *len))
        }
        Field::Exthdr { .. } => Err(Untranslatable::new("this header option has no nft form here")),
        Field::Const(_) => Err(Untranslatable::new("a comparison of two constants has no nft form")),
    }
}

/// The form of an address or the hexadecimal number at these bytes.
pub(super) fn payload(base: Base, offset: u32, len: u32, family: Family, protocol: Option<u8>) -> Name {
    let name = |text: &str, form| Name::new(text, form, true, len);
    match (base, offset, len, family) {
        (Base::Network, 12, 4, Family::Ipv4) => name("ip saddr", Form::Address),
        (Base::Network, 16, 4, Family::Ipv4) => name("ip daddr", Form::Address),
        (Base::Link, 6, 6, _) => name("ether saddr", Form::Ethernet),
        (Base::Network, 2, 2, Family::Ipv4) => name("ip length", Form::Decimal),
        (Base::Network, 4, 2, Family::Ipv6) => name("ip6 length", Form::Decimal),
        (Base::Network, 6, 2, Family::Ipv4) => name("ip frag-off", Form::Hex),
        (Base::Network, 8, 1, Family::Ipv4) => name("ip ttl", Form::Decimal),
        (Base::Network, 9, 1, Family::Ipv4) => name("ip protocol", Form::Protocol),
        (Base::Network, 8, 16, Family::Ipv6) => name("ip6 saddr", Form::Address),
        (Base::Network, 24, 16, Family::Ipv6) => name("ip6 daddr", Form::Address),
        (Base::Network, 7, 1, Family::Ipv6) => name("ip6 hoplimit", Form::Decimal),
        (Base::Network, 6, 1, Family::Ipv6) => name("ip6 nexthdr", Form::Protocol),
        (Base::Transport, 0 | 2, 2, _) => {
            let header = protocol.and_then(words::with_ports).unwrap_or("th");
            let port = if offset == 0 { "sport" } else { "dport" };
            name(&format!("{header} {port}"), Form::Decimal)
        }
        (Base::Transport, 0 | 1, 1, _) if protocol.and_then(words::with_types).is_some() => {
            let header = protocol.and_then(words::with_types).unwrap_or("icmp");
            let part = if offset == 0 { "type" } else { "code" };
            name(&format!("{header} {part}"), Form::Decimal)
        }
        (Base::Transport, 0, 4, _) if protocol == Some(50) => name("esp spi", Form::Decimal),
        (Base::Transport, 4, 4, _) if protocol == Some(51) => name("ah spi", Form::Decimal),
        (Base::Transport, 13, 1, _) if protocol == Some(6) => name("tcp flags", Form::Flags(TCP_FLAGS)),
        _ => raw(base, offset, len),
    }
}

/// Bytes without a name.
pub(super) fn raw(base: Base, offset: u32, len: u32) -> Name {
    let base = match base {
        Base::Link => "ll",
        Base::Network => "nh",
        Base::Transport => "th",
        Base::Inner => "ih",
    };
    let (offset, bits) = (u64::from(offset) * 8, u64::from(len) * 8);
    Name::new(format!("@{base},{offset},{bits}"), Form::Hex, true, len)
}

fn meta_name(key: u32) -> Written<Name> {
    let host = |text: &str, form| Ok(Name::new(text, form, false, 4));
    match key {
        meta::LEN => host("meta length", Form::Decimal),
        meta::PRIORITY => host("meta priority", Form::Class),
        meta::MARK => host("meta mark", Form::Hex),
        meta::IIFNAME => Ok(Name::new("iifname", Form::Interface, true, 16)),
        meta::OIFNAME => Ok(Name::new("oifname", Form::Interface, true, 16)),
        meta::IIFTYPE => Ok(Name::new("meta iiftype", Form::Named(&[(1, "ether")]), false, 2)),
        meta::TIME_NS => Ok(Name::new("meta time", Form::Nanoseconds, false, 8)),
        meta::TIME_HOUR => host("meta hour", Form::Decimal),
        meta::TIME_DAY => Ok(Name::new("meta day", Form::Decimal, false, 1)),
        meta::SKUID => host("meta skuid", Form::Decimal),
        meta::SKGID => host("meta skgid", Form::Decimal),
        meta::NFTRACE => Ok(Name::new("meta nftrace", Form::Decimal, false, 1)),
        meta::RTCLASSID => host("meta rtclassid", Form::Hex),
        meta::L4PROTO => Ok(Name::new("meta l4proto", Form::Protocol, true, 1)),
        meta::PKTTYPE => Ok(Name::new("meta pkttype", Form::Named(PACKET_TYPES), false, 1)),
        meta::CPU => host("meta cpu", Form::Decimal),
        meta::IIFGROUP => host("iifgroup", Form::Decimal),
        meta::OIFGROUP => host("oifgroup", Form::Decimal),
        meta::CGROUP => host("meta cgroup", Form::Decimal),
        meta::PRANDOM => Ok(Name::new("meta random", Form::Hex, true, 4)),
        _ => Err(Untranslatable::new(format!("meta key {key} has no nft form here"))),
    }
}

fn ct_name(key: u32, dir: Option<CtDir>) -> Written<Name> {
    let (word, form, big, len) = match key {
        ct::STATE => ("state", Form::Flags(STATES), false, 4),
        ct::DIRECTION => ("direction", Form::Named(&[(0, "original"), (1, "reply")]), false, 1),
        ct::STATUS => ("status", Form::Flags(STATUS), false, 4),
        ct::MARK => ("mark", Form::Hex, false, 4),
        ct::EXPIRATION => ("expiration", Form::Milliseconds, false, 4),
        ct::HELPER => ("helper", Form::Text, true, 16),
        ct::PROTOCOL => ("protocol", Form::Protocol, true, 1),
        ct::PROTO_SRC => ("proto-src", Form::Decimal, true, 2),
        ct::PROTO_DST => ("proto-dst", Form::Decimal, true, 2),
        ct::PKTS => ("packets", Form::Decimal, false, 8),
        ct::BYTES => ("bytes", Form::Decimal, false, 8),
        ct::AVGPKT => ("avgpkt", Form::Decimal, false, 8),
        ct::ZONE => ("zone", Form::Decimal, false, 2),
        ct::SRC_IP => ("ip saddr", Form::Address, true, 4),
        ct::DST_IP => ("ip daddr", Form::Address, true, 4),
        ct::SRC_IP6 => ("ip6 saddr", Form::Address, true, 16),
        ct::DST_IP6 => ("ip6 daddr", Form::Address, true, 16),
        _ => return Err(Untranslatable::new(format!("ct key {key} has no nft form here"))),
    };
    Ok(Name::new(format!("ct {}{word}", direction(dir)), form, big, len))
}

/// The word before the key, with its blank.
pub(super) fn direction(dir: Option<CtDir>) -> &'static str {
    match dir {
        None => "",
        Some(CtDir::Original) => "original ",
        Some(CtDir::Reply) => "reply ",
    }
}

fn fib(result: u32, flags: u32) -> Written<Name> {
    let (3, 0) = (result, flags & !31) else {
        return Err(Untranslatable::new("this result of `fib` has no nft form here"));
    };
    let keys: Vec<&str> =
        FIB_FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, word)| *word).collect();
    Ok(Name::new(format!("fib {} type", keys.join(" . ")), Form::Named(ADDRESS_TYPES), false, 4))
}

/// A value as an expression, and its field.
pub(super) fn expression(value: &Value, name: Name) -> Written<(String, Name)> {
    let mut text = name.text.clone();
    for (index, op) in value.ops.iter().enumerate() {
        if index > 0 {
            text = format!("({text})");
        }
        match op {
            Op::MaskXor { mask, xor } => {
                let kept = mask.iter().all(|byte| *byte == 0xff);
                let changed = xor.iter().any(|byte| *byte != 0);
                if !kept || !changed {
                    text = format!("{text} & {}", mask_constant(&name, mask)?);
                }
                if changed {
                    text = format!("{text} ^ {}", mask_constant(&name, xor)?);
                }
            }
            Op::Lshift(count) => text = format!("{text} << {count}"),
            Op::Rshift(count) => text = format!("{text} >> {count}"),
            Op::Byteorder { .. } | Op::And(_) | Op::Or(_) | Op::Xor(_) => {
                return Err(Untranslatable::new(format!("{text} is changed in a way that has no nft form")));
            }
        }
    }
    Ok((text, name))
}

/// A mask, or what is compared with masked bits: a number or an address, never a name.
pub(super) fn mask_constant(name: &Name, bytes: &[u8]) -> Written<String> {
    match name.form {
        Form::Address => constant(Form::Address, bytes, true),
        Form::Interface | Form::Text => {
            Err(Untranslatable::new(format!("a mask on {} has no nft form", name.text)))
        }
        _ => constant(Form::Hex, bytes, name.big),
    }
}
