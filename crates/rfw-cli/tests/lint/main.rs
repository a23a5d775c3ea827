//! `rfw lint`, `rfw rules` and `rfw explain` as programs: exit status, streams, formats, settings, fixes.

mod baseline;
mod config;
mod documents;
mod fixes;
mod formats;
mod inputs;
mod sarif;
mod statuses;
mod terminals;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Not the filter table: what it leaves open would be said too.
const DEAD_RULE: &str =
    "*security\n:FORWARD DROP [0:0]\n-A FORWARD -j DROP\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n";

/// A word about what cannot be tested here.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// An empty folder of a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lint").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Writes a file, with the folders above it.
fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn rfw(arguments: &[&str], input: &str) -> Output {
    rfw_in(Path::new("/"), arguments, input)
}

/// Runs rfw in a folder.
fn rfw_in(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rfw"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rfw starts");
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("rfw ends")
}

fn status(arguments: &[&str], input: &str) -> i32 {
    rfw(arguments, input).status.code().expect("no signal")
}

#[test]
fn codes_are_chosen() {
    let text = "*security\n:X - [0:0]\n:FORWARD DROP [0:0]\n-A FORWARD -j DROP\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n";
    let found = |arguments: &[&str]| {
        let mut words = vec!["lint", "--format", "json"];
        words.extend(arguments);
        let all: serde_json::Value = serde_json::from_slice(&rfw(&words, text).stdout).expect("JSON");
        let found = all.as_array().expect("an array").clone();
        found.iter().map(|f| format!("{} {}", f["code"], f["severity"]).replace('"', "")).collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), ["RFW306 info", "RFW304 warn"]);
    assert_eq!(found(&["--select", "RFW304"]), ["RFW304 warn"]);
    assert_eq!(found(&["--select", "3xx", "--ignore", "unused-chain"]), ["RFW304 warn"]);
    assert_eq!(found(&["--ignore", "RFW3"]), [""; 0]);
    assert_eq!(found(&["--ignore", "RFW3,RFW5", "--select", "all,306"]), ["RFW306 info"]);
    assert_eq!(
        found(&["--severity", "RFW306=error", "--severity", "304=info"]),
        ["RFW306 error", "RFW304 info"]
    );
}

#[test]
fn rules_are_listed() {
    let all = stdout(&rfw(&["rules"], ""));
    assert!(all.starts_with("RFW101  error  unicode-dash "), "{all}");
    assert!(
        stdout(&rfw(&["rules", "RFW6", "501"], ""))
            .lines()
            .all(|l| l.starts_with("RFW6") || l.starts_with("RFW501"))
    );
    let list: serde_json::Value =
        serde_json::from_slice(&rfw(&["rules", "--format", "json"], "").stdout).expect("JSON");
    let list = list.as_array().expect("an array");
    assert_eq!(list.len(), all.lines().count());
    for rule in list {
        for key in ["code", "name", "severity", "title", "why", "page"] {
            assert!(rule[key].as_str().is_some_and(|text| !text.is_empty()), "{rule} {key}");
        }
    }
    assert_eq!(status(&["rules", "RFW9"], ""), 2);
}

#[test]
fn json_is_an_array_of_findings() {
    let output = rfw(&["lint", "--format", "json"], DEAD_RULE);
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [finding] = all.as_array().expect("an array").as_slice() else { panic!("{all}") };
    for (key, value) in [
        ("schema_version", 1.into()),
        ("code", "RFW304".into()),
        ("name", "rules-after-catch-all".into()),
        ("severity", "warn".into()),
        ("file", "<stdin>".into()),
        ("line", 3.into()),
        ("column", 1.into()),
        ("end_line", 3.into()),
        ("end_column", 19.into()),
        ("table", "security".into()),
        ("chain", "FORWARD".into()),
        ("rule", 1.into()),
    ] {
        let value: serde_json::Value = value;
        assert_eq!(finding[key], value, "{key}");
    }
    assert!(finding["message"].is_string() && finding["help"].is_string());
    let empty = rfw(&["lint", "--format", "json"], "");
    let empty: serde_json::Value = serde_json::from_slice(&empty.stdout).expect("JSON");
    assert_eq!(empty, serde_json::json!([]));
}

#[test]
fn text_ends_with_a_summary() {
    let text = String::from_utf8(rfw(&["lint"], DEAD_RULE).stdout).expect("UTF-8");
    assert!(text.starts_with("warning[RFW304]"), "{text}");
    assert!(
        text.ends_with("<stdin>: 0 errors, 1 warning, 0 notes; `rfw explain CODE` says more\n"),
        "{text}"
    );
}

#[test]
fn the_family_is_told_or_found() {
    let v6 = "*security\n-A INPUT -s 2001:db8::/32 -j ACCEPT\nCOMMIT\n";
    assert_eq!(status(&["lint"], v6), 0);
    assert_eq!(status(&["lint", "-6"], v6), 0);
    assert_eq!(status(&["lint", "-4"], v6), 1);
}

#[test]
fn explain_knows_codes_and_names() {
    for word in ["RFW210", "rfw210", "210", "rate-limit-unreachable"] {
        let output = rfw(&["explain", word], "");
        assert_eq!(output.status.code(), Some(0), "{word}");
        assert!(output.stdout.starts_with(b"# RFW210 rate-limit-unreachable\n"), "{word}");
    }
    let unknown = rfw(&["explain", "rate-limit-unreachabel"], "");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `rate-limit-unreachable`"));
}
