//! Every fix of every case: put into the text alone, its finding is gone and no error is new; put in together, as
//! `--fix` does, none is left.

use std::collections::BTreeMap;
use std::fs;

use rfw_diagnostics::{Fix, FixSafety, Severity};
use rfw_lint::{Finding, apply_fixes};

use crate::common::{findings, listing, top};

fn cases() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in fs::read_dir(top().join("fixtures/lint/cases")).expect("cases") {
        for file in fs::read_dir(folder.expect("a folder").path()).expect("files") {
            let path = file.expect("a file").path();
            let name = path.strip_prefix(top()).unwrap_or(&path).display().to_string();
            if name.ends_with(".rules") || name.ends_with(".args") {
                found.push((name, fs::read(&path).expect("readable")));
            }
        }
    }
    found.sort();
    found
}

/// How many errors there are of each code.
fn errors(found: &[Finding]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for finding in found.iter().filter(|f| f.diagnostic.severity == Severity::Error) {
        *counts.entry(finding.diagnostic.code.number).or_insert(0) += 1;
    }
    counts
}

fn count(found: &[Finding], code: u16) -> usize {
    found.iter().filter(|f| f.diagnostic.code.number == code).count()
}

#[test]
fn each_fix_removes_its_finding() {
    let mut tried = 0;
    for (name, text) in cases() {
        let (source, before) = findings(&name, &text);
        for finding in &before {
            let Some(fix) = &finding.diagnostic.fix else { continue };
            let code = finding.diagnostic.code.number;
            let fixed = apply_fixes(&text, &[fix]);
            assert_eq!(fixed.applied, [true], "{name} {}", finding.diagnostic.message);
            let (_, after) = findings(&name, &fixed.text);
            let shown = || {
                format!(
                    "{name}\n{}\n{}\n{}",
                    listing(&source, &before),
                    String::from_utf8_lossy(&fixed.text),
                    listing(&source, &after)
                )
            };
            assert!(count(&after, code) < count(&before, code), "RFW{code} {}", shown());
            let (old, new) = (errors(&before), errors(&after));
            // What was hidden behind a fault may come out when that is gone, but a safe fix breaks nothing.
            if fix.safety == FixSafety::Safe && code >= 200 {
                assert!(new.iter().all(|(code, n)| old.get(code).is_some_and(|o| o >= n)), "{}", shown());
            }
            if fix.safety == FixSafety::Safe {
                assert!(
                    new.iter().all(|(code, n)| *code >= 200 || old.get(code).is_some_and(|o| o >= n)),
                    "{}",
                    shown()
                );
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn safe_fixes_together_leave_none() {
    for (name, text) in cases() {
        let (mut text, mut rounds) = (text, 0);
        loop {
            let (source, found) = findings(&name, &text);
            let safe = |f: &Fix| f.safety == FixSafety::Safe;
            let fixes: Vec<&Fix> =
                found.iter().filter_map(|f| f.diagnostic.fix.as_ref()).filter(|f| safe(f)).collect();
            if fixes.is_empty() {
                break;
            }
            rounds += 1;
            assert!(rounds < 10, "{name}\n{}", listing(&source, &found));
            let fixed = apply_fixes(&text, &fixes);
            assert!(fixed.applied.contains(&true), "{name}");
            text = fixed.text;
        }
    }
}

/// The good file of a pair is what the fixes of the bad one make, where a fix is all that it needs.
#[test]
fn fixes_make_the_good_file() {
    for folder in [
        "RFW101-unicode-dash",
        "RFW102-typographic-quote",
        "RFW103-unknown-target",
        "RFW106-port-without-protocol",
        "RFW107-port-list-needs-multiport",
        "RFW108-broken-list",
        "RFW109-restore-framing",
        "RFW110-crlf-line-ending",
        "RFW111-inline-comment",
        "RFW112-duplicate-table-block",
        "RFW113-octal-octet",
        "RFW114-host-bits-set",
        "RFW115-zero-address-without-mask",
        "RFW116-partial-address",
        "RFW120-old-negation-order",
        "RFW121-interface-name-pattern",
        "RFW205-state-match-deprecated",
        "RFW214-established-in-nat",
        "RFW808-extension-unavailable",
        "RFW810-notrack-target",
        "RFW812-obsolete-option",
    ] {
        let folder_path = top().join("fixtures/lint/cases").join(folder);
        let read = |name: &str| fs::read(folder_path.join(name)).expect("a case");
        let bad = read("bad.rules");
        let (_, found) = findings("bad.rules", &bad);
        let code: u16 = folder[3..6].parse().expect("a code");
        let fix =
            found.iter().find(|f| f.diagnostic.code.number == code).and_then(|f| f.diagnostic.fix.clone());
        let fixed = apply_fixes(&bad, &[&fix.expect("a fix")]);
        assert_eq!(
            String::from_utf8_lossy(&fixed.text),
            String::from_utf8_lossy(&read("good.rules")),
            "{folder}"
        );
    }
}
