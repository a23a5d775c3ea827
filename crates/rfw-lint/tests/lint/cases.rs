//! Every check over its own pair of cases: the bad file reports the code, the good one does not.

use std::fs;

use rfw_diagnostics::Severity;
use rfw_lint::{CHECKS, Selector};

use crate::common::{findings, findings_with, listing, options, top};

/// The case files of a check: whether it is the bad one, its name, its text.
fn cases(code: &str, name: &str) -> Vec<(bool, String, Vec<u8>)> {
    let folder = top().join("fixtures/lint/cases").join(format!("{code}-{name}"));
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a folder entry").path();
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        found.push((file.starts_with("bad"), file, fs::read(&path).expect("a case")));
    }
    found.sort();
    found
}

#[test]
fn bad_reports_and_good_does_not() {
    for check in CHECKS {
        let cases = cases(&check.code.to_string(), check.code.name);
        assert_eq!(cases.iter().filter(|c| c.0).count(), 1, "{}", check.code);
        assert!(cases.len() >= 2, "{}", check.code);
        for (bad, file, text) in cases {
            let mut options = options();
            options.selection.add(Selector::All, true);
            let (source, found) = findings_with(&file, &text, options);
            let own: Vec<_> = found.iter().filter(|f| f.diagnostic.code == check.code).collect();
            assert_eq!(!own.is_empty(), bad, "{} {file}\n{}", check.code, listing(&source, &found));
            assert!(own.iter().all(|f| f.diagnostic.help.is_some()), "{} {file} has no help", check.code);
        }
    }
}

#[test]
fn all_findings_are_frozen() {
    for check in CHECKS {
        let mut out = String::new();
        for (_, file, text) in cases(&check.code.to_string(), check.code.name) {
            let (source, found) = findings(&file, &text);
            out.push_str(&format!("== {file}\n{}", listing(&source, &found)));
        }
        insta::assert_snapshot!(check.code.to_string(), out);
    }
}

#[test]
fn a_sound_ruleset_has_no_error() {
    for file in ["stateful-server.rules", "stateful-server.v6.rules"] {
        let text = fs::read(top().join("fixtures/rulesets").join(file)).expect("a ruleset");
        let (source, found) = findings(file, &text);
        let errors = found.iter().filter(|f| f.diagnostic.severity == Severity::Error).count();
        assert_eq!(errors, 0, "{file}\n{}", listing(&source, &found));
    }
}

#[test]
fn the_order_of_the_article() {
    let text = fs::read(top().join("fixtures/lint/article-order.rules")).expect("a ruleset");
    let (source, found) = findings("article-order.rules", &text);
    insta::assert_snapshot!("article-order", listing(&source, &found));
    let count = |number| found.iter().filter(|f| f.diagnostic.code.number == number).count();
    assert_eq!((count(210), count(305), count(501)), (3, 1, 1), "{}", listing(&source, &found));
}

#[test]
fn lists_of_commands_that_people_follow() {
    let expected: [(&str, &[(u16, usize)]); 4] = [
        ("000-three-rules.args", &[(210, 0), (502, 0), (201, 0)]),
        ("001-steps.args", &[(210, 3), (305, 1), (501, 1)]),
        ("002-guide.args", &[(501, 1), (205, 1)]),
        ("004-question.args", &[(305, 1), (607, 2), (201, 0)]),
    ];
    for (file, counts) in expected {
        let text = fs::read(top().join("fixtures/seeds").join(file)).expect("a seed");
        let (source, found) = findings(file, &text);
        for &(number, count) in counts {
            let have = found.iter().filter(|f| f.diagnostic.code.number == number).count();
            assert_eq!(have, count, "{file} RFW{number}\n{}", listing(&source, &found));
        }
        let unread = found.iter().filter(|f| (150..200).contains(&f.diagnostic.code.number)).count();
        assert_eq!(unread, 0, "{file}\n{}", listing(&source, &found));
    }
}
