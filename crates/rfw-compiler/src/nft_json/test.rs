//! Tests and changes of fields: `tcp dport { 22, 80-90 }`, `meta mark set ct mark & 0xff`; constants.

use serde_json::{Value, json};

use super::field::{field, starts_field};
use super::words::{Words, unquoted};
use super::{Made, NoJson};

/// A comparison, or a change of what stands on its left.
pub(super) fn test(word: String, words: &mut Words) -> Made<Value> {
    let mut left = field(word, words)?;
    if words.peek() == Some(".") {
        let mut parts = vec![left];
        while words.take(".") {
            let word = words.word()?;
            parts.push(field(word, words)?);
        }
        left = json!({ "concat": parts });
    }
    left = bits(left, words)?;
    if words.take("set") {
        let word = words.word()?;
        let value = if starts_field(&word) && words.peek().is_some() {
            let source = field(word, words)?;
            bits(source, words)?
        } else {
            constant(&word)?
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
    let right = if words.take("{") { set(words)? } else { alternatives(words)? };
    Ok(json!({ "match": { "op": op, "left": left, "right": right } }))
}

/// `& 0xff`, `^ 0x1`, `<< 8`, behind a value.
pub(super) fn bits(mut value: Value, words: &mut Words) -> Made<Value> {
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
    if !words.take("(") {
        return constant(&words.word()?);
    }
    let mut value = constant(&words.word()?)?;
    while words.take("|") {
        value = json!({ "|": [value, constant(&words.word()?)?] });
    }
    words.expect(")")?;
    Ok(value)
}

/// The members behind `{`, each of one constant or of several with dots between.
fn set(words: &mut Words) -> Made<Value> {
    let mut members = Vec::new();
    loop {
        let mut parts = Vec::new();
        let more = loop {
            let word = words.word()?;
            let part = word.strip_suffix(',');
            parts.push(constant(part.unwrap_or(&word))?);
            if part.is_some() || !words.take(".") {
                break part.is_some();
            }
        };
        members.push(match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                json!({ "concat": parts })
            }
        });
        if !more {
            words.expect("}")?;
            return Ok(json!({ "set": members }));
        }
    }
}

/// A number, a name, an address with its prefix, a range, or several names.
pub(super) fn constant(word: &str) -> Made<Value> {
    if let Some(text) = unquoted(word) {
        return Ok(json!(text));
    }
    // Signs of the syntax, and quotes that do not close.
    if word.contains('"') || word.chars().all(|c| "{}().,;=!<>&|^".contains(c)) {
        return Err(NoJson(word.to_owned()));
    }
    if let Ok(number) = word.parse::<i64>() {
        return Ok(json!(number));
    }
    match word {
        "exists" => return Ok(json!(true)),
        "missing" => return Ok(json!(false)),
        _ => {}
    }
    let numeric = word.starts_with(|c: char| c.is_ascii_digit()) || word.contains(':');
    if let Some((first, last)) = word.split_once('-').filter(|_| numeric) {
        return Ok(json!({ "range": [constant(first)?, constant(last)?] }));
    }
    if let Some((address, len)) = word.split_once('/').filter(|_| numeric)
        && let Ok(len) = len.parse::<u8>()
    {
        return Ok(json!({ "prefix": { "addr": address, "len": len } }));
    }
    if word.contains(',') {
        return Ok(json!(word.split(',').collect::<Vec<_>>()));
    }
    Ok(json!(word))
}
