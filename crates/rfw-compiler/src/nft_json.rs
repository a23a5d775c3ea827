//! Lines of nft's syntax, as [`crate::nft_syntax`] writes them, to the JSON of libnftables.
//!
//! Contract: [`command`] is pure and takes the words that this crate writes, no others: what it does not know is
//! [`NoJson`], by its words. `nft -j -f` (1.0.6) makes the same of the object as `nft -f` of the line.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::{Value, json};

/// Words that have no JSON form here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}' has no JSON form")]
pub struct NoJson(pub String);

type Made<T> = Result<T, NoJson>;

/// A line like `add rule ip filter INPUT tcp dport 22 accept` as one object.
///
/// # Errors
/// The words that have no JSON form.
pub fn command(line: &str) -> Made<Value> {
    let mut words = Words::new(line);
    let (verb, kind) = (words.word()?, words.word()?);
    let (family, table) = (words.word()?, words.word()?);
    let object = match kind.as_str() {
        "table" => json!({ "family": family, "name": table }),
        "chain" => chain(&mut words, &family, &table)?,
        "rule" => rule(&mut words, &family, &table)?,
        _ => return Err(NoJson(kind)),
    };
    Ok(json!({ verb: { kind: object } }))
}

fn chain(words: &mut Words, family: &str, table: &str) -> Made<Value> {
    let mut chain = json!({ "family": family, "table": table, "name": words.word()? });
    match words.peek() {
        None => {}
        Some("{") => {
            let text: Vec<String> = words.by_ref().collect();
            let text = text.join(" ").replace(['{', '}', ';'], " ");
            let pairs: Vec<&str> = text.split_whitespace().collect();
            for pair in pairs.chunks(2) {
                let [key, value] = *pair else { return Err(NoJson(text)) };
                let (key, value) = match key {
                    "priority" => ("prio", value.parse::<i64>().map_or_else(|_| json!(value), Value::from)),
                    other => (other, json!(value)),
                };
                chain[key] = value;
            }
        }
        Some(_) => chain["newname"] = json!(words.word()?),
    }
    Ok(chain)
}

fn rule(words: &mut Words, family: &str, table: &str) -> Made<Value> {
    let mut rule = json!({ "family": family, "table": table, "chain": words.word()? });
    if words.take("index") {
        rule["index"] = words.number()?;
    }
    let mut statements = Vec::new();
    while let Some(word) = words.next() {
        if word == "comment" {
            rule["comment"] = json!(unquoted(&words.word()?));
        } else {
            statements.push(statement(word, words)?);
        }
    }
    rule["expr"] = Value::Array(statements);
    Ok(rule)
}

/// The words of a line; what stands in quotes is one.
struct Words(Peekable<IntoIter<String>>);

impl Words {
    fn new(line: &str) -> Self {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for letter in line.chars() {
            quoted ^= letter == '"';
            if letter == ' ' && !quoted {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            } else {
                word.push(letter);
            }
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        Self(words.into_iter().peekable())
    }

    fn peek(&mut self) -> Option<&str> {
        self.0.peek().map(String::as_str)
    }

    fn word(&mut self) -> Made<String> {
        self.next().ok_or_else(|| NoJson("the end".to_owned()))
    }

    fn number(&mut self) -> Made<Value> {
        let word = self.word()?;
        // nft's JSON knows no larger number.
        word.parse::<i64>().map(Value::from).map_err(|_| NoJson(word))
    }

    /// Takes the word if it is this one.
    fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        if found {
            self.next();
        }
        found
    }
}

impl Iterator for Words {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.0.next()
    }
}

fn unquoted(word: &str) -> &str {
    word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(word)
}

fn statement(word: String, words: &mut Words) -> Made<Value> {
    Ok(match word.as_str() {
        "accept" | "drop" | "return" | "continue" | "notrack" => json!({ word: null }),
        "jump" | "goto" => json!({ word: { "target": words.word()? } }),
        "counter" => {
            let mut counter = Value::Null;
            if words.take("packets") {
                let packets = words.number()?;
                words.take("bytes");
                counter = json!({ "packets": packets, "bytes": words.number()? });
            }
            json!({ "counter": counter })
        }
        "limit" => limit(words)?,
        "log" => log(words)?,
        "reject" => reject(words)?,
        "snat" | "dnat" | "masquerade" | "redirect" => nat(&word, words)?,
        "dup" => {
            words.take("to");
            json!({ "dup": { "addr": words.word()? } })
        }
        "quota" => {
            let over = words.take("over");
            let mut quota = json!({ "val": words.number()?, "val_unit": "bytes", "inv": over });
            words.take("bytes");
            if words.take("used") {
                quota["used"] = words.number()?;
                quota["used_unit"] = json!("bytes");
                words.take("bytes");
            }
            json!({ "quota": quota })
        }
        "reset" => {
            let (_, _, name) = (words.word()?, words.word()?, words.word()?);
            json!({ "reset": { "tcp option": tcp_option(&name, None)? } })
        }
        "ct" if words.peek() == Some("count") => {
            words.next();
            let over = words.take("over");
            json!({ "ct count": { "val": words.number()?, "inv": over } })
        }
        _ => test(word, words)?,
    })
}

fn limit(words: &mut Words) -> Made<Value> {
    words.take("rate");
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
    let rate: u64 = rate.parse().map_err(|_| NoJson(rate))?;
    let mut limit = json!({ "rate": rate, "per": per, "inv": inverted });
    if bytes {
        limit["rate_unit"] = json!("bytes");
    }
    if words.take("burst") {
        limit["burst"] = words.number()?;
        if words.word()? == "bytes" {
            limit["burst_unit"] = json!("bytes");
        }
    }
    Ok(json!({ "limit": limit }))
}

fn log(words: &mut Words) -> Made<Value> {
    let mut log = json!({});
    let mut flags = Vec::new();
    while let Some(word) = words.peek().map(str::to_owned) {
        match word.as_str() {
            "prefix" => {
                words.next();
                log["prefix"] = json!(unquoted(&words.word()?));
            }
            "group" | "snaplen" | "queue-threshold" => {
                words.next();
                log[word] = words.number()?;
            }
            "level" => {
                words.next();
                log["level"] = json!(words.word()?);
            }
            "flags" => {
                words.next();
                let flag = words.word()?;
                flags.push(match flag.as_str() {
                    "tcp" | "ip" => format!("{flag} {}", words.word()?),
                    _ => flag,
                });
            }
            _ => break,
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
    let kind = words.word()?;
    let what = words.word()?;
    Ok(match kind.as_str() {
        "tcp" => json!({ "reject": { "type": "tcp reset" } }),
        _ => json!({ "reject": { "type": kind, "expr": what } }),
    })
}

const NAT_FLAGS: [&str; 3] = ["random", "fully-random", "persistent"];

fn nat(word: &str, words: &mut Words) -> Made<Value> {
    let mut nat = json!({});
    if words.take("to") {
        let to = words.word()?;
        let (address, port) = address_and_port(&to);
        if !address.is_empty() {
            nat["addr"] = constant(&address.replace(['[', ']'], ""));
        }
        if let Some(port) = port {
            nat["port"] = constant(port);
        }
    }
    if words.peek().is_some_and(|word| word.split(',').all(|flag| NAT_FLAGS.contains(&flag))) {
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

/// A comparison, or a change of what stands on its left.
fn test(word: String, words: &mut Words) -> Made<Value> {
    let mut left = left(word, words)?;
    if words.peek() == Some(".") {
        let mut parts = vec![left];
        while words.take(".") {
            let word = words.word()?;
            parts.push(self::left(word, words)?);
        }
        left = json!({ "concat": parts });
    }
    left = bits(left, words)?;
    if words.take("set") {
        let word = words.word()?;
        let value = if starts_field(&word) && words.peek().is_some() {
            let source = self::left(word, words)?;
            bits(source, words)?
        } else {
            constant(&word)
        };
        return Ok(json!({ "mangle": { "key": left, "value": value } }));
    }
    let op = match words.peek() {
        Some(op @ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "!")) => {
            let op = op.to_owned();
            words.next();
            op
        }
        _ => "in".to_owned(),
    };
    let right = right(words)?;
    Ok(json!({ "match": { "op": op, "left": left, "right": right } }))
}

/// `& 0xff`, `^ 0x1`, `<< 8`, behind a value.
fn bits(mut value: Value, words: &mut Words) -> Made<Value> {
    while let Some(op @ ("&" | "|" | "^" | "<<" | ">>")) = words.peek() {
        let op = op.to_owned();
        words.next();
        let operand = alternatives(words)?;
        value = json!({ op: [value, operand] });
    }
    Ok(value)
}

/// `(fin | syn)` or one constant.
fn alternatives(words: &mut Words) -> Made<Value> {
    let word = words.word()?;
    // What closes here was opened before the value.
    let Some(first) = word.strip_prefix('(') else { return Ok(constant(word.trim_end_matches(')'))) };
    let mut value = constant(first.trim_end_matches(')'));
    let mut closed = word.ends_with(')');
    while !closed {
        words.take("|");
        let next = words.word()?;
        closed = next.ends_with(')');
        value = json!({ "|": [value, constant(next.trim_end_matches(')'))] });
    }
    Ok(value)
}

fn right(words: &mut Words) -> Made<Value> {
    if !words.take("{") {
        if words.peek().is_some_and(|word| word.starts_with('(')) {
            return alternatives(words);
        }
        return Ok(constant(&words.word()?));
    }
    let (mut members, mut parts) = (Vec::new(), Vec::new());
    loop {
        let word = words.word()?;
        let part = word.trim_end_matches(',');
        if part != "." && part != "}" {
            parts.push(constant(part));
        }
        if word == "}" || word.ends_with(',') {
            let mut done = std::mem::take(&mut parts);
            members.push(match (done.pop(), done.is_empty()) {
                (Some(only), true) => only,
                (Some(last), false) => {
                    done.push(last);
                    json!({ "concat": done })
                }
                (None, _) => return Err(NoJson(word)),
            });
        }
        if word == "}" {
            return Ok(json!({ "set": members }));
        }
    }
}

/// A number, a name, an address with its prefix, a range, or several names.
fn constant(word: &str) -> Value {
    if word.starts_with('"') {
        return json!(unquoted(word));
    }
    if let Ok(number) = word.parse::<i64>() {
        return json!(number);
    }
    match word {
        "exists" => return json!(true),
        "missing" => return json!(false),
        _ => {}
    }
    let numeric = word.starts_with(|c: char| c.is_ascii_digit()) || word.contains(':');
    if let Some((first, last)) = word.split_once('-').filter(|_| numeric) {
        return json!({ "range": [constant(first), constant(last)] });
    }
    if let Some((address, len)) = word.split_once('/').filter(|_| numeric)
        && let Ok(len) = len.parse::<u8>()
    {
        return json!({ "prefix": { "addr": address, "len": len } });
    }
    if word.contains(',') {
        return json!(word.split(',').collect::<Vec<_>>());
    }
    json!(word)
}

/// Whether a word begins a field, not a constant.
fn starts_field(word: &str) -> bool {
    matches!(word, "meta" | "ct" | "ip" | "ip6" | "tcp" | "rt" | "numgen" | "fib")
        || word.starts_with(['@', '('])
}

fn left(word: String, words: &mut Words) -> Made<Value> {
    if let Some(inner) = word.strip_prefix('(') {
        let value = left(inner.to_owned(), words)?;
        return bits(value, words);
    }
    if let Some(raw) = word.strip_prefix('@') {
        let parts: Vec<&str> = raw.split(',').collect();
        let [base, offset, len] = parts[..] else { return Err(NoJson(word)) };
        let number = |text: &str| text.parse::<u64>().map_err(|_| NoJson(text.to_owned()));
        return Ok(json!({ "payload": { "base": base, "offset": number(offset)?, "len": number(len)? } }));
    }
    Ok(match word.as_str() {
        "meta" => json!({ "meta": { "key": words.word()? } }),
        "iifname" | "oifname" | "iifgroup" | "oifgroup" => json!({ "meta": { "key": word } }),
        "ct" => ct(words)?,
        "rt" => json!({ "rt": { "key": words.word()? } }),
        "numgen" => {
            let mode = words.word()?;
            words.take("mod");
            let modulus = words.number()?;
            let offset = if words.take("offset") { words.number()? } else { json!(0) };
            json!({ "numgen": { "mode": mode, "mod": modulus, "offset": offset } })
        }
        "fib" => {
            let mut flags = vec![words.word()?];
            while words.take(".") {
                flags.push(words.word()?);
            }
            json!({ "fib": { "result": words.word()?, "flags": flags } })
        }
        "sctp" if words.peek() == Some("chunk") => {
            words.next();
            json!({ "sctp chunk": { "name": words.word()? } })
        }
        "tcp" if words.peek() == Some("option") => {
            words.next();
            let name = words.word()?;
            let field = if name.starts_with('@') { None } else { Some(words.word()?) };
            json!({ "tcp option": tcp_option(&name, field)? })
        }
        _ => json!({ "payload": { "protocol": word, "field": words.word()? } }),
    })
}

fn tcp_option(name: &str, field: Option<String>) -> Made<Value> {
    if let Some(raw) = name.strip_prefix('@') {
        let numbers: Vec<u64> = raw.split(',').filter_map(|part| part.parse().ok()).collect();
        let [base, offset, len] = numbers[..] else { return Err(NoJson(name.to_owned())) };
        return Ok(json!({ "base": base, "offset": offset, "len": len }));
    }
    match (name.parse::<u8>(), field) {
        (Ok(_), _) => Err(NoJson(format!("tcp option {name}"))),
        (Err(_), Some(field)) => Ok(json!({ "name": name, "field": field })),
        (Err(_), None) => Ok(json!({ "name": name })),
    }
}

fn ct(words: &mut Words) -> Made<Value> {
    let mut key = words.word()?;
    let mut ct = json!({});
    if key == "original" || key == "reply" {
        ct["dir"] = json!(key);
        key = words.word()?;
    }
    if key == "ip" || key == "ip6" {
        key = format!("{key} {}", words.word()?);
    }
    ct["key"] = json!(key);
    Ok(json!({ "ct": ct }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expressions(rule: &str) -> Value {
        let made = command(&format!("add rule ip filter INPUT {rule}")).unwrap_or_default();
        made["add"]["rule"]["expr"].clone()
    }

    #[test]
    fn rules() {
        assert_eq!(
            expressions("tcp dport { 22, 80-90 } counter accept")[0]["match"],
            json!({
                "op": "in",
                "left": { "payload": { "protocol": "tcp", "field": "dport" } },
                "right": { "set": [22, { "range": [80, 90] }] },
            })
        );
        let concat = expressions("tcp sport . tcp dport != { 1 . 0-65535 }")[0]["match"].clone();
        assert_eq!(concat["right"], json!({ "set": [{ "concat": [1, { "range": [0, 65535] }] }] }));
        let shifted = expressions("ct mark set (ct mark & 0x0 ^ 0x5) << 4")[0]["mangle"]["value"].clone();
        assert_eq!(shifted["<<"][0]["^"][1], "0x5");
        assert_eq!(expressions("log prefix \"a b\" level info")[0]["log"]["prefix"], "a b");
    }

    #[test]
    fn what_has_no_json() {
        for line in
            ["add rule ip filter INPUT counter packets 18446744073709551615 bytes 1", "add", "add map ip x y"]
        {
            assert!(command(line).is_err(), "{line}");
        }
    }
}
