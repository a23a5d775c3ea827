//! nft's words: names of things, quoting, what its grammar does not take.

use rfw_nft::expr::meta;

use super::{Untranslatable, Written};

/// Whether a `meta` key is the name of an interface.
pub(super) fn is_interface(key: u32) -> bool {
    matches!(key, meta::IIFNAME | meta::OIFNAME | meta::BRI_IIFNAME | meta::BRI_OIFNAME)
}

/// A transport protocol: by name where nft has one of its own, else by number.
pub(super) fn protocol(number: u8) -> String {
    let name = match number {
        1 => "icmp",
        2 => "igmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "ipv6-icmp",
        132 => "sctp",
        136 => "udplite",
        _ => return number.to_string(),
    };
    name.to_owned()
}

/// The name of a protocol whose header has ports.
pub(super) fn with_ports(number: u8) -> Option<&'static str> {
    Some(match number {
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        132 => "sctp",
        136 => "udplite",
        _ => return None,
    })
}

/// The name of a protocol whose header begins with a type and a code.
pub(super) fn with_types(number: u8) -> Option<&'static str> {
    match number {
        1 => Some("icmp"),
        58 => Some("icmpv6"),
        _ => None,
    }
}

/// The name of a protocol whose header nft knows.
pub(super) fn header(number: u8) -> Option<&'static str> {
    with_ports(number).or_else(|| with_types(number))
}

/// Text for between double quotes. nft knows no escapes there.
pub(super) fn quotable<'t>(text: &'t [u8], what: &str) -> Written<&'t str> {
    let text = std::str::from_utf8(text)
        .map_err(|_| Untranslatable::new(format!("{what} that is no UTF-8 has no nft form")))?;
    match text.chars().find(|c| *c == '"' || c.is_control()) {
        Some('"') => Err(Untranslatable::new(format!("{what} with a \" in it has no nft form"))),
        Some(_) => Err(Untranslatable::new(format!("{what} with a control character has no nft form"))),
        None => Ok(text),
    }
}

/// `NFTNL_UDATA_COMMENT_MAXLEN`: nft refuses longer comments.
const COMMENT_MAX: usize = 128;

/// A comment for between quotes, and what there is to say of it; or why there is none.
pub(super) fn comment(text: &[u8]) -> Result<(String, Option<String>), String> {
    if text.len() >= COMMENT_MAX {
        return Err(format!("comment of {} bytes left out: nft takes {}", text.len(), COMMENT_MAX - 1));
    }
    let changed = String::from_utf8_lossy(text).replace('"', "'").replace(char::is_control, " ");
    if changed.len() >= COMMENT_MAX {
        return Err("comment that is no UTF-8 left out".to_owned());
    }
    let note = (changed.as_bytes() != text)
        .then(|| "comment changed: nft cannot quote some of its characters".to_owned());
    Ok((changed, note))
}

/// The name of an interface as nft quotes it; `whole` unless it is only how the name begins.
pub(super) fn interface(name: &[u8], whole: bool) -> Written<String> {
    let text = quotable(name, "an interface name")?;
    match (text.strip_suffix('*'), whole) {
        _ if text.is_empty() => Err(Untranslatable::new("an empty interface name has no nft form")),
        (Some(start), true) => Ok(format!("\"{start}\\*\"")),
        (None, true) => Ok(format!("\"{text}\"")),
        (Some(_), false) => Err(Untranslatable::new("a wildcard behind a literal * has no nft form")),
        (None, false) => Ok(format!("\"{text}*\"")),
    }
}

/// The name of a chain as nft takes it: unquoted, so neither all characters nor all words can be one.
///
/// # Errors
/// If nft cannot write it.
pub fn chain_name(name: &[u8]) -> Result<&str, Untranslatable> {
    let first = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.');
    let other = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.');
    match std::str::from_utf8(name) {
        Ok(text)
            if name.first().is_some_and(first)
                && name.iter().all(other)
                && RESERVED.binary_search(&text).is_err() =>
        {
            Ok(text)
        }
        _ => Err(Untranslatable::new(format!(
            "a chain cannot be called `{}' in nft",
            String::from_utf8_lossy(name)
        ))),
    }
}

/// Words that nft does not take for a chain, sorted: all those of its manual were tried with 1.0.6; newer ones added.
const RESERVED: &[&str] = &[
    "accept",
    "add",
    "ah",
    "all",
    "and",
    "arp",
    "auto-merge",
    "bridge",
    "cgroup",
    "chain",
    "comment",
    "comp",
    "constant",
    "continue",
    "counter",
    "cpu",
    "create",
    "ct",
    "day",
    "dccp",
    "define",
    "delete",
    "describe",
    "destroy",
    "device",
    "devices",
    "dnat",
    "drop",
    "dst",
    "dup",
    "dynamic",
    "ecn",
    "element",
    "elements",
    "eq",
    "esp",
    "ether",
    "exists",
    "expires",
    "export",
    "exthdr",
    "fib",
    "flags",
    "flow",
    "flowtable",
    "flush",
    "frag",
    "fwd",
    "gc-interval",
    "ge",
    "geneve",
    "get",
    "goto",
    "gre",
    "gretap",
    "gt",
    "handle",
    "hbh",
    "hook",
    "hour",
    "ibriport",
    "ibrname",
    "icmp",
    "icmpv6",
    "igmp",
    "iif",
    "iifgroup",
    "iifname",
    "iiftype",
    "import",
    "include",
    "index",
    "inet",
    "inner",
    "insert",
    "interval",
    "ip",
    "ip6",
    "ipsec",
    "jhash",
    "jump",
    "last",
    "le",
    "limit",
    "list",
    "log",
    "lshift",
    "lt",
    "map",
    "mark",
    "masquerade",
    "meta",
    "meter",
    "mh",
    "missing",
    "monitor",
    "ne",
    "netdev",
    "nftrace",
    "not",
    "notrack",
    "numgen",
    "obriport",
    "obrname",
    "offload",
    "oif",
    "oifgroup",
    "oifname",
    "oiftype",
    "or",
    "osf",
    "pkttype",
    "policy",
    "position",
    "priority",
    "queue",
    "quota",
    "random",
    "redefine",
    "redirect",
    "reject",
    "rename",
    "replace",
    "reset",
    "return",
    "rshift",
    "rt",
    "rt0",
    "rt2",
    "rtclassid",
    "rule",
    "ruleset",
    "sctp",
    "secmark",
    "set",
    "size",
    "skgid",
    "skuid",
    "snat",
    "socket",
    "srh",
    "symhash",
    "synproxy",
    "table",
    "tcp",
    "th",
    "time",
    "timeout",
    "tproxy",
    "type",
    "typeof",
    "udp",
    "udplite",
    "undefine",
    "update",
    "vlan",
    "vmap",
    "vxlan",
    "xor",
    "xt",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn chains() {
        for good in [&b"INPUT"[..], b"f2b-sshd", b"_a", b"a.b", b"Accept"] {
            assert!(chain_name(good).is_ok());
        }
        for bad in [&b"accept"[..], b"tcp", b"1st", b"a b", b"x+y", b"\xc3\xa9", b""] {
            assert!(chain_name(bad).is_err());
        }
    }

    #[test]
    fn quoting() {
        assert_eq!(quotable(b"a \\ $", "a word"), Ok("a \\ $"));
        assert!(quotable(b"a\"b", "a word").is_err());
        assert!(quotable(b"a\nb", "a word").is_err());
        assert_eq!(interface(b"eth", false).as_deref(), Ok("\"eth*\""));
        assert_eq!(interface(b"eth*", true).as_deref(), Ok("\"eth\\*\""));
        assert_eq!(comment(b"say \"x\"").map(|(text, _)| text).as_deref(), Ok("say 'x'"));
        assert!(comment(&[b'x'; 128]).is_err());
    }
}
