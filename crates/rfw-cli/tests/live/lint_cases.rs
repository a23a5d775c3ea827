//! The cases of the linter before the real iptables: what it refuses and what it loads is what the catalogue says, rfw-restore
//! refuses what it refuses, and the linter has an error to say wherever it does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{World, feed, links, possible};

#[path = "../../../rfw-lint/tests/lint/recovery_texts.rs"]
mod recovery_texts;

use recovery_texts::{FILES, LINES, around};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/lint")
}

/// The status of iptables-restore, stock and ours, for a text in an empty namespace.
fn statuses(text: &str, six: bool, folder: &Path) -> [Option<i32>; 2] {
    let name = if six { "ip6tables-restore" } else { "iptables-restore" };
    [Path::new(name).to_owned(), folder.join(name)]
        .map(|program| World::new().run(program, &[], text, &[]).status.code())
}

/// Whether the linter reports an error.
fn lint_complains(text: &str, six: bool) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rfw"));
    command.args(["lint", if six { "-6" } else { "-4" }, "--fail-on", "error", "-"]);
    feed(command, text).status.code() == Some(1)
}

#[test]
fn cases_load_or_not_as_the_catalogue_says() {
    if !possible(&["iptables", "ip6tables", "nsenter"]) {
        return;
    }
    let folder = links("lint-cases");
    let claims = fs::read_to_string(fixtures().join("loads.txt")).expect("claims");
    let (mut tried, mut wrong) = (0, Vec::new());
    let mut folders: Vec<_> =
        fs::read_dir(fixtures().join("cases")).expect("cases").flatten().map(|e| e.path()).collect();
    folders.sort();
    for case in folders {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let claim = claims.lines().find_map(|line| line.strip_prefix(&name[..6]));
        let Some(claim) = claim else { continue };
        let claim: Vec<i32> = claim.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        for (kind, expected) in ["bad", "good"].into_iter().zip(claim) {
            for (file, six) in [(format!("{kind}.rules"), false), (format!("{kind}.v6.rules"), true)] {
                let Ok(text) = fs::read_to_string(case.join(&file)) else { continue };
                let [stock, ours] = statuses(&text, six, &folder);
                tried += 1;
                if stock != Some(expected) {
                    wrong.push(format!("{name}/{file}: the catalogue says {expected}, iptables {stock:?}"));
                }
                if stock != ours {
                    wrong.push(format!("{name}/{file}: iptables {stock:?}, rfw {ours:?}"));
                }
                // A missing set or a name that does not resolve is nothing that the text alone shows.
                let outside = ["RFW125", "RFW702", "RFW809"].iter().any(|code| name.starts_with(code));
                if stock != Some(0) && !outside && !lint_complains(&text, six) {
                    wrong.push(format!("{name}/{file}: iptables {stock:?}, and the linter has no error"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 60, "only {tried} files");
}

#[test]
fn what_is_read_as_it_was_meant_is_refused_as_it_stands() {
    if !possible(&["iptables", "nsenter"]) {
        return;
    }
    let folder = links("lint-recovery");
    let lines = LINES.iter().map(|(wrong, right, _)| (around(wrong), around(right)));
    let files = FILES.iter().filter(|(.., codes)| *codes != [112]);
    let files = files.map(|(wrong, right, _)| ((*wrong).to_owned(), (*right).to_owned()));
    for (wrong, right) in lines.chain(files) {
        let [stock, ours] = statuses(&wrong, false, &folder);
        assert_ne!(stock, Some(0), "{wrong}");
        assert_eq!(stock, ours, "{wrong}");
        assert!(lint_complains(&wrong, false), "{wrong}");
        if right.contains("COMMIT") && !right.contains("*nat") {
            assert_eq!(statuses(&right, false, &folder), [Some(0), Some(0)], "{right}");
        }
    }
}
