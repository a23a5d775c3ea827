//! Statements: verdicts, `log`, `limit`, `snat`. What begins none of them is a test.

use serde_json::{Value, json};

use super::test::{constant, test};
use super::words::Words;
use super::{Made, NoJson};
use crate::nft_syntax::{LOG_LEVELS, NAT_FLAGS, TCP_OPTIONS};

pub(super) fn statement(word: String, words: &mut Words) -> Made<Value> {
    Ok(match word.as_str() {
        "accept" | "drop" | "return" | "continue" | "notrack" => json!({ word: null }),
        "jump" | "goto" => json!({ word: { "target": words.word()? } }),
        "counter" => counter(words)?,
        "limit" => limit(words)?,
        "log" => log(words)?,
        "reject" => reject(words)?,
        "snat" | "dnat" | "masquerade" | "redirect" => nat(&word, words)?,
        "dup" => {
            words.expect("to")?;
            json!({ "dup": { "addr": words.word()? } })
        }
        "quota" => quota(words)?,
        "reset" => {
            words.expect("tcp")?;
            words.expect("option")?;
            let name = words.word()?;
            if !TCP_OPTIONS.iter().any(|(_, known)| *known == name) {
                return Err(NoJson(format!("tcp option {name}")));
            }
            json!({ "reset": { "tcp option": { "name": name } } })
        }
        "ct" if words.take("count") => {
            let over = words.take("over");
            json!({ "ct count": { "val": words.number()?, "inv": over } })
        }
        _ => test(word, words)?,
    })
}

fn counter(words: &mut Words) -> Made<Value> {
    if !words.take("packets") {
        return Ok(json!({ "counter": null }));
    }
    let packets = words.number()?;
    words.expect("bytes")?;
    Ok(json!({ "counter": { "packets": packets, "bytes": words.number()? } }))
}

fn quota(words: &mut Words) -> Made<Value> {
    let over = words.take("over");
    let mut quota = json!({ "val": words.number()?, "val_unit": "bytes", "inv": over });
    words.expect("bytes")?;
    if words.take("used") {
        quota["used"] = words.number()?;
        quota["used_unit"] = json!("bytes");
        words.expect("bytes")?;
    }
    Ok(json!({ "quota": quota }))
}

const PERIODS: [&str; 5] = ["second", "minute", "hour", "day", "week"];

fn limit(words: &mut Words) -> Made<Value> {
    words.expect("rate")?;
    let inverted = words.take("over");
    let first = words.word()?;
    let (rate, per, bytes) = match first.split_once('/') {
        Some((rate, per)) => (rate.to_owned(), per.to_owned(), false),
        None => {
            let unit = words.word()?;
            let per = unit.strip_prefix("bytes/").ok_or_else(|| NoJson(unit.clone()))?;
            (first, per.to_owned(), true)
        }
    };
    if !PERIODS.contains(&per.as_str()) {
        return Err(NoJson(per));
    }
    let rate: u64 = rate.parse().map_err(|_| NoJson(rate))?;
    let mut limit = json!({ "rate": rate, "per": per, "inv": inverted });
    if bytes {
        limit["rate_unit"] = json!("bytes");
    }
    if words.take("burst") {
        limit["burst"] = words.number()?;
        words.expect(if bytes { "bytes" } else { "packets" })?;
        if bytes {
            limit["burst_unit"] = json!("bytes");
        }
    }
    Ok(json!({ "limit": limit }))
}

fn log(words: &mut Words) -> Made<Value> {
    let mut log = json!({});
    let mut flags = Vec::new();
    while let Some(word @ ("prefix" | "group" | "snaplen" | "queue-threshold" | "level" | "flags")) =
        words.peek()
    {
        let key = word.to_owned();
        words.next();
        match key.as_str() {
            "prefix" => log[key] = json!(words.quoted()?),
            "level" => log[key] = json!(words.one_of(LOG_LEVELS)?),
            "flags" => flags.push(match words.one_of(["tcp", "ip", "skuid", "ether"])? {
                "tcp" => format!("tcp {}", words.one_of(["sequence", "options"])?),
                "ip" => format!("ip {}", words.one_of(["options"])?),
                flag => flag.to_owned(),
            }),
            _ => log[key] = words.number()?,
        }
    }
    if !flags.is_empty() {
        log["flags"] = json!(flags);
    }
    Ok(json!({ "log": if log == json!({}) { Value::Null } else { log } }))
}

fn reject(words: &mut Words) -> Made<Value> {
    if !words.take("with") {
        return Ok(json!({ "reject": null }));
    }
    let kind = words.one_of(["tcp", "icmp", "icmpv6"])?;
    if kind == "tcp" {
        words.expect("reset")?;
        return Ok(json!({ "reject": { "type": "tcp reset" } }));
    }
    Ok(json!({ "reject": { "type": kind, "expr": words.word()? } }))
}

fn nat(word: &str, words: &mut Words) -> Made<Value> {
    let mut nat = json!({});
    if words.take("to") {
        let to = words.word()?;
        let (address, port) = address_and_port(&to);
        if !address.is_empty() {
            nat["addr"] = constant(&address.replace(['[', ']'], ""))?;
        }
        if let Some(port) = port {
            nat["port"] = constant(port)?;
        }
    }
    let is_flag = |word: &str| NAT_FLAGS.iter().any(|(_, flag)| *flag == word);
    if words.peek().is_some_and(|word| word.split(',').all(is_flag)) {
        nat["flags"] = json!(words.word()?.split(',').collect::<Vec<_>>());
    }
    Ok(json!({ word: if nat == json!({}) { Value::Null } else { nat } }))
}

/// `10.0.0.1:80-90`, `[2001:db8::1]:80`, `2001:db8::1`, `:80`.
fn address_and_port(to: &str) -> (&str, Option<&str>) {
    let split = match to.rfind(']') {
        Some(end) => to[end..].find(':').map(|colon| end + colon),
        None if to.matches(':').count() == 1 => to.find(':'),
        None => None,
    };
    split.map_or((to, None), |colon| (&to[..colon], Some(&to[colon + 1..])))
}
