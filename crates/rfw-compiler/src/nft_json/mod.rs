//! Lines of nft's syntax, as [`crate::nft_syntax`] writes them, to the JSON of libnftables.
//!
//! Contract: [`command`] is pure and takes the words that this crate writes, no others: what it does not know is
//! [`NoJson`], by its words. `nft -j -f` (1.0.6) makes the same of the object as `nft -f` of the line.

mod field;
mod statement;
mod test;
mod words;

use serde_json::{Value, json};

use statement::statement;
use words::Words;

/// Words that have no JSON form here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}' has no JSON form")]
pub struct NoJson(pub String);

type Made<T> = Result<T, NoJson>;

/// A line like `add rule ip filter INPUT tcp dport 22 accept` as one object.
///
/// # Errors
/// The words that have no JSON form, or are none that this crate writes at their place.
pub fn command(line: &str) -> Made<Value> {
    let mut words = Words::new(line);
    let verb = words.one_of(["add", "insert", "delete", "flush", "list", "rename"])?;
    let kind = words.one_of(
        match verb {
            "add" => &["table", "chain", "rule"][..],
            "insert" => &["rule"],
            "flush" | "list" => &["table", "chain"],
            _ => &["chain"],
        }
        .iter()
        .copied(),
    )?;
    let (family, table) = (words.one_of(["ip", "ip6"])?, words.word()?);
    let object = match kind {
        "table" => json!({ "family": family, "name": table }),
        "chain" => {
            let mut chain = json!({ "family": family, "table": table, "name": words.word()? });
            if verb == "rename" {
                chain["newname"] = json!(words.word()?);
            } else if verb == "add" && words.take("{") {
                base_chain(&mut words, &mut chain)?;
            }
            chain
        }
        _ => rule(&mut words, family, &table)?,
    };
    words.end()?;
    Ok(json!({ verb: { kind: object } }))
}

/// `type filter hook input priority 0; policy accept; }`.
fn base_chain(words: &mut Words, chain: &mut Value) -> Made<()> {
    loop {
        let key = words.one_of(["type", "hook", "priority", "policy", "}"])?;
        if key == "}" {
            return Ok(());
        }
        let value = words.word()?;
        let value = value.trim_end_matches(';');
        match key {
            "priority" => {
                chain["prio"] = json!(value.parse::<i64>().map_err(|_| NoJson(value.to_owned()))?);
            }
            _ => chain[key] = json!(value),
        }
    }
}

fn rule(words: &mut Words, family: &str, table: &str) -> Made<Value> {
    let mut rule = json!({ "family": family, "table": table, "chain": words.word()? });
    if words.take("index") {
        rule["index"] = words.number()?;
    }
    let mut statements = Vec::new();
    while let Some(word) = words.next() {
        if word == "comment" {
            rule["comment"] = json!(words.quoted()?);
        } else {
            statements.push(statement(word, words)?);
        }
    }
    rule["expr"] = Value::Array(statements);
    Ok(rule)
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
    fn commands() {
        let chain = json!({ "family": "ip", "table": "nat", "name": "a" });
        assert_eq!(command("flush chain ip nat a"), Ok(json!({ "flush": { "chain": chain } })));
        let made = command("rename chain ip nat a b").unwrap_or_default();
        assert_eq!(made["rename"]["chain"]["newname"], "b");
        let made = command("add chain ip nat INPUT { type nat hook input priority 100; policy accept; }");
        let made = made.unwrap_or_default()["add"]["chain"].clone();
        assert_eq!((&made["prio"], &made["policy"]), (&json!(100), &json!("accept")));
    }

    #[test]
    fn what_has_no_json() {
        for (line, word) in [
            ("add", "the end"),
            ("add map ip x y", "map"),
            ("paint table ip x", "paint"),
            ("insert table ip x", "table"),
            ("add table arp x", "arp"),
            ("add table ip x y", "y"),
            ("add chain ip x y z", "z"),
            ("delete chain ip x y { }", "{"),
            ("add chain ip x y { type filter colour red; }", "colour"),
            ("add chain ip x y { type filter hook input priority high; }", "high"),
        ] {
            assert_eq!(command(line), Err(NoJson(word.to_owned())), "{line}");
        }
    }

    #[test]
    fn rules_that_have_no_json() {
        for (rule, word) in [
            ("counter packets 18446744073709551615 bytes 1", "18446744073709551615"),
            ("counter packets 1 octets 1", "octets"),
            ("paint red", "paint"),
            ("tcp colour 5", "colour"),
            ("tcp dport", "the end"),
            ("tcp dport == accept !=", "!="),
            ("tcp dport { 22, }", "}"),
            ("tcp dport { 22 23 }", "23"),
            ("tcp dport { 22", "the end"),
            ("tcp flags & (syn | ack == syn", "=="),
            ("tcp option 77 exists", "tcp option 77"),
            ("meta colour 5", "colour"),
            ("meta mark set \"5", "\"5"),
            ("ct reply colour 5", "colour"),
            ("@xh,0,8 5", "@xh,0,8"),
            ("fib daddr oifname \"a\"", "oifname"),
            ("numgen inc 2 == 0", "2"),
            ("limit rate 5/fortnight", "fortnight"),
            ("limit rate 5/day burst 5 bytes", "bytes"),
            ("log level loud", "loud"),
            ("log prefix loud", "loud"),
            ("log flags tcp colour", "colour"),
            ("reject with colour red", "colour"),
            ("reject with tcp fin", "fin"),
            ("snat to 10.0.0.1 always", "always"),
            ("quota 5 mbytes", "mbytes"),
            ("comment colour", "colour"),
        ] {
            let line = format!("add rule ip filter INPUT {rule}");
            assert_eq!(command(&line), Err(NoJson(word.to_owned())), "{rule}");
        }
    }
}
