//! `rfw lint` and `rfw explain` as a program: exit status, streams, the shape of JSON.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const DEAD_RULE: &str =
    "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j DROP\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n";

fn rfw(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rfw"))
        .args(arguments)
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
fn status_tells_how_bad() {
    assert_eq!(status(&["lint", "-"], "*filter\nCOMMIT\n"), 0);
    assert_eq!(status(&["lint"], DEAD_RULE), 1);
    assert_eq!(status(&["lint", "--fail-on", "error"], DEAD_RULE), 0);
    assert_eq!(status(&["lint"], "*filter\n:X - [0:0]\nCOMMIT\n"), 0);
    assert_eq!(status(&["lint", "--fail-on", "info"], "*filter\n:X - [0:0]\nCOMMIT\n"), 1);
    assert_eq!(status(&["lint", "/no/such/file"], ""), 2);
    assert_eq!(status(&["lint", "--no-such-option"], ""), 2);
    assert_eq!(status(&["lint", "-4", "-6"], ""), 2);
}

#[test]
fn json_is_an_array_of_findings() {
    let output = rfw(&["lint", "--format", "json"], DEAD_RULE);
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [finding] = all.as_array().expect("an array").as_slice() else { panic!("{all}") };
    for (key, value) in [
        ("code", "RFW304".into()),
        ("name", "rules-after-catch-all".into()),
        ("severity", "warn".into()),
        ("file", "<stdin>".into()),
        ("line", 3.into()),
        ("column", 1.into()),
        ("end_line", 3.into()),
        ("end_column", 19.into()),
        ("table", "filter".into()),
        ("chain", "FORWARD".into()),
        ("rule", 1.into()),
    ] {
        let value: serde_json::Value = value;
        assert_eq!(finding[key], value, "{key}");
    }
    assert!(finding["message"].is_string() && finding["help"].is_string());
    let empty = rfw(&["lint", "--format", "json"], "");
    assert_eq!(empty.stdout, b"[]\n");
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
    let v6 = "*filter\n-A INPUT -s 2001:db8::/32 -j ACCEPT\nCOMMIT\n";
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
