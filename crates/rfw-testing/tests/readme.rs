//! The README's table names exactly the extensions that there are. `UPDATE_README=1` writes it.

use std::collections::BTreeSet;
use std::path::Path;

use rfw_extensions::{matches::MATCHES, targets::TARGETS};

fn row(head: &str, first: &str, names: impl Iterator<Item = &'static str>) -> String {
    let names: BTreeSet<&str> = names.collect();
    let names: Vec<&str> = names.into_iter().collect();
    format!("| {head} | {first}{} |", names.join(" "))
}

#[test]
fn the_readme_lists_every_extension() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = std::fs::read_to_string(&path).expect("README.md");
    let rows = [
        row("Matches", "", MATCHES.iter().map(|e| e.name)),
        row("Targets", "ACCEPT DROP RETURN, chains by -j and -g, ", TARGETS.iter().map(|e| e.name)),
    ];
    let wanted: String = text
        .lines()
        .map(|line| {
            let new = rows.iter().find(|row| line.starts_with(&row[..row.find(" |").unwrap_or(0) + 2]));
            format!("{}\n", new.map_or(line, String::as_str))
        })
        .collect();
    assert!(rows.iter().all(|row| wanted.contains(row.as_str())), "the table has a row for each kind");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, wanted).expect("README.md");
    } else {
        let stale: Vec<_> = text.lines().zip(wanted.lines()).filter(|(old, new)| old != new).collect();
        assert!(stale.is_empty(), "UPDATE_README=1 cargo test -p rfw-testing --test readme: {stale:#?}");
    }
}

/// Paths in backticks or links that begin in a folder of the repository lead somewhere.
#[test]
fn the_documents_name_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut missing = Vec::new();
    let mut seen = 0;
    for document in ["README.md", "docs/architecture.md", "docs/compatibility.md", "docs/testing.md"] {
        let text = std::fs::read_to_string(root.join(document)).expect(document);
        let words = text.split(['`', '(', ')', ' ', '\n', '|', ',', ';']);
        for word in words.map(|w| w.trim_end_matches(['.', ':'])) {
            let ours =
                ["crates/", "docs/", "tests/", "fixtures/", "dist/"].iter().any(|f| word.starts_with(f));
            if !ours || word.contains(['*', '{', '…', '<', '[']) || word.contains("NAME") {
                continue;
            }
            seen += 1;
            if !root.join(word).exists() {
                missing.push(format!("{document}: {word}"));
            }
        }
    }
    assert!(seen > 10, "the documents name only {seen} files");
    assert!(missing.is_empty(), "{missing:#?}");
}
