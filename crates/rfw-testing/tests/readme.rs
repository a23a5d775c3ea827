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
        assert_eq!(text, wanted, "UPDATE_README=1 cargo test -p rfw-testing --test readme");
    }
}
