//! What is found in whole rulesets of real hosts, frozen: how often each code, and the line of every error.
//!
//! `RFW_RULESETS=DIRECTORY` names a folder of `*.rules` files; without it only `fixtures/rulesets` is looked at, and that is
//! said. A number that jumps is a regression, or an improvement that somebody has looked at.

#![expect(clippy::print_stderr, reason = "a skip is said")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rfw_diagnostics::Severity;
use rfw_lint::severity;

use crate::common::{findings, top};

fn rulesets(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    // The packet batteries are collections of rules, not rulesets.
    let battery =
        |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("battery"));
    files.retain(|path| path.extension().is_some_and(|x| x == "rules") && !battery(path));
    files.sort();
    files
}

/// Counts by code, then the places of errors.
fn summary(path: &Path) -> String {
    let name = path.file_name().expect("a name").to_string_lossy();
    let (source, found) = findings(&name, &fs::read(path).expect("a ruleset"));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for finding in &found {
        let d = &finding.diagnostic;
        *counts.entry(format!("{} {} {}", d.code, d.code.name, severity(d.severity))).or_default() += 1;
    }
    let mut out: String = counts.iter().map(|(what, n)| format!("{n:5} {what}\n")).collect();
    for finding in found.iter().filter(|f| f.diagnostic.severity == Severity::Error) {
        let line = source.line_column(finding.diagnostic.span.start).line;
        out.push_str(&format!("line {line}: {} {}\n", finding.diagnostic.code, finding.diagnostic.message));
    }
    if out.is_empty() { "nothing\n".to_owned() } else { out }
}

#[test]
fn findings_of_whole_rulesets_are_frozen() {
    let own = top().join("fixtures/rulesets");
    let others = std::env::var_os("RFW_RULESETS").map(PathBuf::from);
    if others.is_none() {
        eprintln!("skipped: rulesets of real hosts, RFW_RULESETS is not set");
    }
    for path in [Some(own), others].into_iter().flatten().flat_map(|folder| rulesets(&folder)) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        insta::assert_snapshot!(format!("ruleset-{name}"), summary(&path));
    }
}
