//! Every `# differs` of the fixtures has its row in docs/compatibility.md, and every row its rule.

use std::path::{Path, PathBuf};

/// A row: the extensions of its first cell, and the words between backticks in its last one.
struct Row {
    names: Vec<String>,
    rules: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows of the two tables.
fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("docs/compatibility.md")).expect("the document");
    let mut rows = Vec::new();
    for heading in ["\n## In matches\n", "\n## In targets\n"] {
        let (_, section) = text.split_once(heading).expect("the section");
        let section = section.split("\n## ").next().unwrap_or_default();
        // Of the tables there those whose last column has rules.
        let tables =
            section.split("\n\n").filter(|part| part.lines().next().is_some_and(|l| l.ends_with("| rule |")));
        for line in tables.flat_map(|table| table.lines().skip(2)) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let quoted = cells.last().unwrap_or(&"").split('`').skip(1).step_by(2).map(str::to_owned);
            rows.push(Row {
                names: cells[0].split(", ").map(str::to_owned).collect(),
                rules: quoted.collect(),
            });
        }
    }
    rows
}

/// The marked rules: their extension's name, and the rule.
fn marked() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for kind in ["core", "matches", "targets"] {
        for folder in std::fs::read_dir(root().join("fixtures").join(kind)).expect("fixtures").flatten() {
            let name = folder.file_name().to_string_lossy().into_owned();
            for file in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
                let text = std::fs::read_to_string(file.path()).expect("a fixture");
                let lines: Vec<&str> = text.lines().collect();
                let pairs = lines.windows(2).filter(|pair| pair[0].starts_with("# differs"));
                found.extend(pairs.map(|pair| (name.clone(), pair[1].to_owned())));
            }
        }
    }
    found
}

/// Whether the rule holds the words, as whole words.
fn holds(rule: &str, words: &str) -> bool {
    format!(" {rule} ").contains(&format!(" {words} "))
}

#[test]
fn every_marked_rule_has_its_row() {
    let (rows, marked) = (rows(), marked());
    assert!(marked.len() > 50, "{}", marked.len());
    for (name, rule) in &marked {
        let known = rows
            .iter()
            .any(|row| row.names.contains(name) && row.rules.iter().any(|words| holds(rule, words)));
        assert!(known, "no row in docs/compatibility.md for {name}: {rule}");
    }
}

#[test]
fn every_row_has_its_rule() {
    let marked = marked();
    for row in rows() {
        for words in &row.rules {
            let used = marked.iter().any(|(name, rule)| row.names.contains(name) && holds(rule, words));
            assert!(used, "{:?}: no fixture is marked for `{words}`", row.names);
        }
    }
}
