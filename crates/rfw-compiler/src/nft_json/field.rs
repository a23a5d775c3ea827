//! What is loaded: `tcp dport`, `meta mark`, `ct original ip saddr`, `@nh,8,8`.

use serde_json::{Value, json};

use super::test::bits;
use super::words::Words;
use super::{Made, NoJson};
use crate::nft_syntax::{CHUNKS, FIB_FLAGS};

const PORTS: &[&str] = &["sport", "dport"];
const TYPES: &[&str] = &["type", "code"];

/// Headers and their fields.
const HEADERS: &[(&str, &[&str])] = &[
    ("ether", &["saddr"]),
    ("ip", &["saddr", "daddr", "length", "frag-off", "ttl", "protocol", "dscp", "ecn"]),
    ("ip6", &["saddr", "daddr", "length", "nexthdr", "hoplimit", "dscp", "ecn"]),
    ("tcp", &["sport", "dport", "flags"]),
    ("udp", PORTS),
    ("udplite", PORTS),
    ("dccp", PORTS),
    ("sctp", PORTS),
    ("th", PORTS),
    ("icmp", TYPES),
    ("icmpv6", TYPES),
    ("esp", &["spi"]),
    ("ah", &["spi"]),
];

/// Where bytes without a name are counted from.
const BASES: [&str; 4] = ["ll", "nh", "th", "ih"];

const META: &[&str] = &[
    "length",
    "priority",
    "mark",
    "iiftype",
    "time",
    "hour",
    "day",
    "skuid",
    "skgid",
    "nftrace",
    "rtclassid",
    "l4proto",
    "pkttype",
    "cpu",
    "cgroup",
    "random",
];

const CT: &[&str] = &[
    "state",
    "direction",
    "status",
    "mark",
    "expiration",
    "helper",
    "protocol",
    "proto-src",
    "proto-dst",
    "packets",
    "bytes",
    "avgpkt",
    "zone",
    "ip",
    "ip6",
];

/// Whether a word begins what can be loaded to be set, not a constant.
pub(super) fn starts_field(word: &str) -> bool {
    matches!(word, "meta" | "ct" | "ip" | "ip6" | "tcp" | "rt" | "numgen" | "fib" | "(")
        || word.starts_with('@')
}

/// A field, or a changed one in parentheses.
pub(super) fn field(word: String, words: &mut Words) -> Made<Value> {
    if let Some(raw) = word.strip_prefix('@') {
        let place = raw.split_once(',').filter(|(base, _)| BASES.contains(base));
        let Some((base, [offset, len])) = place.and_then(|(base, rest)| Some((base, numbers(rest)?))) else {
            return Err(NoJson(word));
        };
        return Ok(json!({ "payload": { "base": base, "offset": offset, "len": len } }));
    }
    Ok(match word.as_str() {
        "(" => {
            let word = words.word()?;
            let inner = field(word, words)?;
            let changed = bits(inner, words)?;
            words.expect(")")?;
            changed
        }
        "meta" => json!({ "meta": { "key": words.one_of(META.iter().copied())? } }),
        "iifname" | "oifname" | "iifgroup" | "oifgroup" => json!({ "meta": { "key": word } }),
        "ct" => ct(words)?,
        "rt" => json!({ "rt": { "key": words.one_of(["classid"])? } }),
        "numgen" => {
            let mode = words.one_of(["inc", "random"])?;
            words.expect("mod")?;
            let modulus = words.number()?;
            let offset = if words.take("offset") { words.number()? } else { json!(0) };
            json!({ "numgen": { "mode": mode, "mod": modulus, "offset": offset } })
        }
        "fib" => {
            let known = || FIB_FLAGS.iter().map(|(_, word)| *word);
            let mut flags = vec![words.one_of(known())?];
            while words.take(".") {
                flags.push(words.one_of(known())?);
            }
            json!({ "fib": { "result": words.one_of(["type"])?, "flags": flags } })
        }
        "sctp" if words.take("chunk") => {
            json!({ "sctp chunk": { "name": words.one_of(CHUNKS.iter().map(|(_, word)| *word))? } })
        }
        "tcp" if words.take("option") => tcp_option(words)?,
        _ => {
            let Some((_, fields)) = HEADERS.iter().find(|(header, _)| *header == word) else {
                return Err(NoJson(word));
            };
            json!({ "payload": { "protocol": word, "field": words.one_of(fields.iter().copied())? } })
        }
    })
}

/// `maxseg size`, `@34,8,16`.
fn tcp_option(words: &mut Words) -> Made<Value> {
    let name = words.word()?;
    if name == "maxseg" {
        return Ok(json!({ "tcp option": { "name": name, "field": words.one_of(["size"])? } }));
    }
    match name.strip_prefix('@').and_then(numbers) {
        Some([base, offset, len]) => {
            Ok(json!({ "tcp option": { "base": base, "offset": offset, "len": len } }))
        }
        None => Err(NoJson(format!("tcp option {name}"))),
    }
}

fn ct(words: &mut Words) -> Made<Value> {
    let mut ct = json!({});
    if let Some(direction) = ["original", "reply"].into_iter().find(|word| words.take(word)) {
        ct["dir"] = json!(direction);
    }
    let key = words.one_of(CT.iter().copied())?;
    ct["key"] = match key {
        "ip" | "ip6" => json!(format!("{key} {}", words.one_of(["saddr", "daddr"])?)),
        _ => json!(key),
    };
    Ok(json!({ "ct": ct }))
}

/// Decimal numbers with commas between.
fn numbers<const COUNT: usize>(text: &str) -> Option<[u64; COUNT]> {
    let numbers: Option<Vec<u64>> = text.split(',').map(|part| part.parse().ok()).collect();
    numbers?.try_into().ok()
}
