//! The translation to nft's syntax: `nft -f` makes the rules that rfw makes.
//!
//! Every rule of the fixtures that lowers natively is loaded twice, by rfw and as text by nft, and read back. What is
//! compared is what the rules raise to, in a form in which a range is two comparisons and bytes are compared one by one.

use std::collections::BTreeMap;

use rfw_compiler::nft_json;
use rfw_compiler::nft_syntax::{Nearly, chain_name, family_word, nearly, rule_text};
use rfw_compiler::{Lowered, TableSpec, lower};
use rfw_extensions::Encoding;
use rfw_kernel::Live;
use rfw_nft::expr::{CmpOp, meta};
use rfw_nft::message::userdata;
use rfw_nft::predicate::{Field, Item, Op, Place as Written, Relation, Value, raise};
use rfw_nft::{Family, message};
use rfw_testing::fixture::{RuleFile, load as fixtures};
use rfw_testing::names::SystemNames;

use crate::netns::{make_sets, run, say, within};
use crate::random;
use crate::ruleset::{Key, clear, dump, load, tables};

/// A rule that has an nft form.
struct Case {
    key: Key,
    line: String,
    lowered: Lowered,
    text: String,
    /// Whether nft can keep the comment as it is.
    commented: bool,
}

#[derive(Default)]
struct Tally {
    same: usize,
    untranslatable: usize,
    refused: usize,
    without_json: usize,
    complaints: Vec<String>,
}

#[test]
fn nft_makes_the_same_rules() {
    within("translate::nft_makes_the_same_rules", || {
        let mut tally = Tally::default();
        for file in fixtures().unwrap().iter().flat_map(|f| &f.accept) {
            compare(file, &mut tally);
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            let file = random::file(family, crate::seed());
            compare(&file, &mut tally);
            std::fs::remove_file(&file.path).unwrap();
        }
        say(&format!(
            "translate: {} rules are the same by nft, {} of them have no JSON form, {} have no nft form, {} the kernel refuses",
            tally.same, tally.without_json, tally.untranslatable, tally.refused
        ));
        let complaints = tally.complaints;
        assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
        assert!(tally.same > 0 || std::env::var_os("RFW_FIXTURES").is_some());
    });
}

/// What `--approximate` shows would load, each by itself.
#[test]
fn nft_takes_what_is_nearly_the_same() {
    within("translate::nft_takes_what_is_nearly_the_same", || {
        let (mut complaints, mut taken) = (Vec::new(), BTreeMap::<String, usize>::new());
        for fixture in fixtures().unwrap() {
            for file in &fixture.accept {
                for (line, key, near) in approximated(file) {
                    match nft_would(&(frame(file) + &near_script(file, &key, &near))) {
                        None => *taken.entry(fixture.name.clone()).or_default() += 1,
                        Some(error) => {
                            complaints.push(format!("{}: {line}\n  {near:?}\n  {error}", file.name))
                        }
                    }
                }
            }
        }
        say(&format!("translate: nft would take these rules that are nearly the same: {taken:?}"));
        assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
        for name in ["recent", "hashlimit", "connlimit"] {
            assert!(
                std::env::var_os("RFW_FIXTURES").is_some() || taken.contains_key(name),
                "{name}: {taken:?}"
            );
        }
    });
}

fn approximated(file: &RuleFile) -> Vec<(String, Key, Nearly)> {
    make_sets(file);
    let names = SystemNames::default();
    let mut found = Vec::new();
    for line in &file.lines {
        let built = file.build(line, &names).unwrap();
        for near in built.rules.iter().filter_map(|rule| nearly(rule, file.family, (0, 0))) {
            let text = String::from_utf8_lossy(&line.text).into_owned();
            found.push((text, (line.table.clone(), built.chain.clone()), near));
        }
    }
    found
}

fn near_script(file: &RuleFile, (table, chain): &Key, near: &Nearly) -> String {
    let family = family_word(file.family);
    let mut text = String::new();
    for (name, body) in &near.sets {
        text.push_str(&format!("add set {family} {table} {name} {{ {body} }}\n"));
    }
    text + &format!("add rule {family} {table} {} {}\n", chain_name(chain).unwrap(), near.text)
}

/// What nft says if it would refuse a script.
fn nft_would(script: &str) -> Option<String> {
    let out = run("nft", &["-c", "-f", "-"], script.as_bytes());
    (!out.status.success()).then(|| String::from_utf8_lossy(&out.stderr).into_owned())
}

fn compare(file: &RuleFile, tally: &mut Tally) {
    make_sets(file);
    let mut kernel = Live::open().unwrap();
    let mut cases = translated(file, tally);
    let found = loop {
        clear(&mut kernel);
        let rules: Vec<(&Key, &Lowered)> = cases.iter().map(|c| (&c.key, &c.lowered)).collect();
        match load(&mut kernel, file, &rules) {
            Ok(()) => break dump(&mut kernel, file),
            Err((at, _)) => {
                cases.remove(at);
                tally.refused += 1;
            }
        }
    };
    clear(&mut kernel);
    let script: String = cases.iter().map(|case| case.command(file)).collect();
    if let Some(error) = nft(&(frame(file) + &script)) {
        let mut guilty = 0;
        cases.retain(|case| match nft(&(frame(file) + &case.command(file))) {
            None => true,
            Some(error) => {
                guilty += 1;
                tally.complaints.push(format!("{}: {}\n  {}\n  {error}", file.name, case.line, case.text));
                false
            }
        });
        if guilty == 0 {
            tally.complaints.push(format!("{}: only all rules together fail: {error}", file.name));
        }
        clear(&mut kernel);
        return;
    }
    let by_nft = dump(&mut kernel, file);
    clear(&mut kernel);
    let by_json = by_json(&mut kernel, file, &cases, tally);
    for (key, texts) in &by_nft {
        let written = cases.iter().filter(|case| case.key == *key).zip(texts);
        let written: Vec<_> =
            written.filter(|(case, _)| nft_json::command(case.command(file).trim_end()).is_ok()).collect();
        let objects = by_json.get(key).map_or(&[][..], Vec::as_slice);
        assert!(objects.len() == written.len() || !tally.complaints.is_empty(), "{} {key:?}", file.name);
        for ((case, text), object) in written.into_iter().zip(objects) {
            let (text, object) = (canonical(text), canonical(object));
            if text != object {
                let line = &case.line;
                tally.complaints.push(format!("{}: {line}\n  text {text:?}\n  json {object:?}", file.name));
            }
        }
    }
    for (key, ours) in &found {
        let theirs = by_nft.get(key).map_or(&[][..], Vec::as_slice);
        assert_eq!(ours.len(), theirs.len(), "{} {key:?}", file.name);
        let written = cases.iter().filter(|case| case.key == *key);
        for ((case, ours), theirs) in written.zip(ours).zip(theirs) {
            let (ours, theirs) = (canonical(ours), canonical(theirs));
            if ours.0 == theirs.0 && (ours.1 == theirs.1 || !case.commented) {
                tally.same += 1;
            } else {
                tally.complaints.push(format!(
                    "{}: {}\n  {}\n  rfw {ours:?}\n  nft {theirs:?}",
                    file.name, case.line, case.text
                ));
            }
        }
    }
    clear(&mut kernel);
}

impl Case {
    fn command(&self, file: &RuleFile) -> String {
        let chain = chain_name(&self.key.1).unwrap();
        format!("add rule {} {} {chain} {}\n", family_word(file.family), self.key.0, self.text)
    }
}

/// The rules of a file that have an nft form.
fn translated(file: &RuleFile, tally: &mut Tally) -> Vec<Case> {
    let names = SystemNames::default();
    let mut cases = Vec::new();
    for line in &file.lines {
        let built = file.build(line, &names).unwrap();
        for rule in &built.rules {
            let counters = built.counters.unwrap_or_default();
            let lowered = lower(rule, Encoding::Native, file.family, counters);
            let text = chain_name(&built.chain)
                .and_then(|_| rule_text(&lowered.exprs, &lowered.userdata, file.family));
            match text {
                Ok(text) => cases.push(Case {
                    key: (line.table.clone(), built.chain.clone()),
                    line: String::from_utf8_lossy(&line.text).into_owned(),
                    lowered,
                    commented: text.notes.is_empty(),
                    text: text.text,
                }),
                Err(_) => tally.untranslatable += 1,
            }
        }
    }
    cases
}

/// The file's tables and chains, in nft's words.
fn frame(file: &RuleFile) -> String {
    let family = family_word(file.family);
    let mut text = String::new();
    for table in tables(file) {
        text.push_str(&format!("add table {family} {table}\n"));
        let spec = TableSpec::named(table.as_bytes()).unwrap();
        for base in spec.chains {
            let hook = ["prerouting", "input", "forward", "output", "postrouting"][base.hook as usize];
            text.push_str(&format!(
                "add chain {family} {table} {} {{ type {} hook {hook} priority {}; policy accept; }}\n",
                base.name, base.kind, base.priority
            ));
        }
        for chain in file.chains_of(&table) {
            if let (None, Ok(name)) = (spec.chain(chain), chain_name(chain)) {
                text.push_str(&format!("add chain {family} {table} {name}\n"));
            }
        }
    }
    text
}

/// What nft makes of the same rules as JSON. Rules without a JSON form are counted.
fn by_json(
    kernel: &mut Live,
    file: &RuleFile,
    cases: &[Case],
    tally: &mut Tally,
) -> BTreeMap<Key, Vec<message::Rule>> {
    let objects = |lines: String| -> Result<String, String> {
        let objects: Result<Vec<_>, _> = lines.lines().map(nft_json::command).collect();
        let objects = objects.map_err(|error| error.to_string())?;
        Ok(serde_json::json!({ "nftables": objects }).to_string())
    };
    let mut script = frame(file);
    let mut missing = 0;
    for case in cases {
        match objects(case.command(file)) {
            Ok(_) => script.push_str(&case.command(file)),
            Err(_) => missing += 1,
        }
    }
    tally.without_json += missing;
    let whole = objects(script.clone()).unwrap();
    let said = run("nft", &["-j", "-f", "-"], whole.as_bytes());
    if !said.status.success() {
        for line in script.lines().filter(|line| line.starts_with("add rule")) {
            let one = objects(frame(file) + line).unwrap();
            let said = run("nft", &["-j", "-f", "-"], one.as_bytes());
            if !said.status.success() {
                let error = String::from_utf8_lossy(&said.stderr).into_owned();
                tally.complaints.push(format!(
                    "{}: {line}\n  {}\n  {error}",
                    file.name,
                    objects(line.into()).unwrap()
                ));
            }
            clear(kernel);
        }
    }
    dump(kernel, file)
}

/// Runs a script; what nft says if it refuses.
fn nft(script: &str) -> Option<String> {
    let out = run("nft", &["-f", "-"], script.as_bytes());
    (!out.status.success()).then(|| String::from_utf8_lossy(&out.stderr).into_owned())
}

/// A part of a rule without its spelling.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// Bytes under a mask that must be as given, or of which one must differ.
    Bytes {
        differ: bool,
        bytes: Vec<(Field, usize, u8, u8)>,
    },
    Other(Box<Item>),
}

/// What a rule is, its spelling gone; without rfw's private notes.
fn canonical(rule: &message::Rule) -> (Vec<Part>, Option<Vec<u8>>) {
    let mut parts = Vec::new();
    for raised in raise(&rule.exprs) {
        split(raised.item, &mut parts);
    }
    // nft joins comparisons of neighbouring bytes across other tests; between tests the order says nothing.
    let test = |part: &Part| match part {
        Part::Bytes { .. } => true,
        Part::Other(item) => matches!(**item, Item::Test { .. } | Item::In { .. }),
    };
    for tests in parts.chunk_by_mut(|one, next| test(one) && test(next)) {
        tests.sort_by_cached_key(|part| format!("{part:?}"));
    }
    (parts, userdata::comment(&rule.userdata).map(<[u8]>::to_vec))
}

fn split(item: Item, parts: &mut Vec<Part>) {
    match item {
        Item::Test { value, relation: Relation::Range { invert: false, from, to } } => {
            for (op, data) in [(CmpOp::Gte, from), (CmpOp::Lte, to)] {
                let relation = Relation::Cmp(op, data);
                parts.push(Part::Other(Box::new(Item::Test { value: value.clone(), relation })));
            }
        }
        Item::Test { value, relation: Relation::Cmp(op @ (CmpOp::Eq | CmpOp::Neq), data) }
            if bytewise(&value) =>
        {
            let bytes = bytes(&value, &data);
            match op {
                CmpOp::Eq => {
                    let one = |byte| Part::Bytes { differ: false, bytes: vec![byte] };
                    parts.extend(bytes.into_iter().map(one));
                }
                _ => parts.push(Part::Bytes { differ: true, bytes }),
            }
        }
        // nft says of every concatenation how long its parts are.
        Item::In { values, invert, mut set } => {
            set.fields.clear();
            parts.push(Part::Other(Box::new(Item::In { values, invert, set })));
        }
        // Any name of an interface.
        Item::Load(Value { field: Field::Meta(meta::IIFNAME | meta::OIFNAME), .. }) => {}
        // One byte, whatever the length of the constant.
        Item::Set { place: Written::Meta(meta::NFTRACE), mut value } => {
            if let Field::Const(data) = &mut value.field {
                data.truncate(1);
            }
            parts.push(Part::Other(Box::new(Item::Set { place: Written::Meta(meta::NFTRACE), value })));
        }
        other => parts.push(Part::Other(Box::new(other))),
    }
}

fn bytewise(value: &Value) -> bool {
    matches!(value.ops.as_slice(), [] | [Op::MaskXor { .. }])
}

/// Field, place in it, mask and wanted bits of each byte that matters.
fn bytes(value: &Value, data: &[u8]) -> Vec<(Field, usize, u8, u8)> {
    let name = matches!(value.field, Field::Meta(meta::IIFNAME | meta::OIFNAME));
    let end = data.iter().position(|byte| name && *byte == 0).map_or(data.len(), |at| at + 1);
    let mut found = Vec::new();
    for (index, byte) in data[..end].iter().enumerate() {
        let (mask, wanted) = match value.ops.first() {
            Some(Op::MaskXor { mask, xor }) => (mask[index], byte ^ xor[index]),
            _ => (0xff, *byte),
        };
        let (field, at) = match &value.field {
            Field::Payload { base, offset, .. } => {
                let offset = offset + u32::try_from(index).unwrap();
                (Field::Payload { base: *base, offset, len: 1 }, 0)
            }
            other => (other.clone(), index),
        };
        if mask != 0 || wanted != 0 {
            found.push((field, at, mask, wanted));
        }
    }
    found
}
