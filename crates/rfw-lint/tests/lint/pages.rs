//! `docs/lints` holds the page of every check, made from the head of its file.
//!
//! `UPDATE_PAGES=1 cargo test -p rfw-lint --test lint` writes them.

use std::collections::BTreeSet;
use std::fs;

use rfw_lint::{CHECKS, page};

use crate::common::top;

#[test]
fn pages_are_what_the_checks_say() {
    let folder = top().join("docs/lints");
    let update = std::env::var_os("UPDATE_PAGES").is_some();
    if update {
        fs::create_dir_all(&folder).expect("docs/lints");
    }
    let mut wanted = BTreeSet::new();
    for check in CHECKS {
        let file = format!("{}-{}.md", check.code, check.code.name);
        let text = page(check);
        for part in ["**Why.**", "**Packet.**", "Bad:\n", "Good:\n", "**Suppress.**"] {
            assert!(text.contains(part), "{file} lacks {part}");
        }
        if update {
            fs::write(folder.join(&file), &text).expect("a page");
        }
        assert_eq!(
            fs::read_to_string(folder.join(&file)).unwrap_or_default(),
            text,
            "{file}: see the head of this test"
        );
        wanted.insert(file);
    }
    let have: BTreeSet<String> = fs::read_dir(&folder)
        .expect("docs/lints")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(have, wanted);
}

#[test]
fn checks_are_in_order_and_once() {
    assert!(CHECKS.is_sorted_by(|a, b| a.code.number < b.code.number));
}
