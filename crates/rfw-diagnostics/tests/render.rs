//! What people and programs see of a diagnostic.

use rfw_diagnostics::{
    Diagnostic, FixSafety, Severity, Source, SourceKind, Span, codes, render_text, to_json,
};
use serde_json::{Map, json};

const RULES: &str = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 22 -j ALLOW\nCOMMIT\n";

fn file(text: impl Into<Vec<u8>>) -> Source {
    Source::new("a.rules", SourceKind::File, text.into())
}

/// The first place of a word.
fn span(text: &str, word: &str) -> Span {
    let start = text.find(word).expect("the word is in the text");
    Span::new(start, start + word.len())
}

fn unknown_target() -> Diagnostic {
    let place = span(RULES, "ALLOW");
    Diagnostic::error(codes::UNKNOWN_TARGET, place, "no target or chain is called `ALLOW`")
        .label("not a target")
        .help("did you mean `ACCEPT`?")
        .fix(place, "ACCEPT", FixSafety::Unsafe)
}

#[test]
fn word_help_and_fix() {
    insta::assert_snapshot!(render_text(&[unknown_target()], &file(RULES), false));
}

#[test]
fn places_near_and_far() {
    let text: String = (0..50).map(|n| format!("-A INPUT -s 10.0.0.{n}\n")).collect();
    let diagnostic = Diagnostic::new(
        codes::DUPLICATE_RULE,
        Severity::Warn,
        span(&text, "10.0.0.47"),
        "this rule is there already",
    )
    .also(span(&text, "10.0.0.45"), "near")
    .also(span(&text, "10.0.0.3\n"), "far");
    insta::assert_snapshot!(render_text(&[diagnostic], &file(text), false));
}

#[test]
fn command_line() {
    let text = "iptables -A INPUT --dprot 22";
    let place = span(text, "--dprot");
    let diagnostic = Diagnostic::error(codes::UNKNOWN_OPTION, place, "unknown option `--dprot`").fix(
        place,
        "--dport",
        FixSafety::Safe,
    );
    let source = Source::new("x", SourceKind::CommandLine, text.into());
    insta::assert_snapshot!(render_text(&[diagnostic], &source, false));
}

#[test]
fn bytes_that_are_not_utf8() {
    let text = b"-A \xff\xfe\xc3\xa9 \xe2\x80\x93dport 22".to_vec();
    let diagnostic = Diagnostic::error(codes::UNICODE_DASH, Span::new(8, 11), "an en dash");
    insta::assert_snapshot!(render_text(&[diagnostic], &file(text), false));
}

#[test]
fn long_line() {
    let text = format!("-A {} BAD {}", "x ".repeat(500_000), "y ".repeat(500_000));
    let place = span(&text, "BAD");
    let diagnostic = Diagnostic::error(codes::STRAY_WORD, place, "stray").fix(place, "GOOD", FixSafety::Safe);
    insta::assert_snapshot!(render_text(&[diagnostic], &file(text), false));
}

#[test]
fn line_as_long_as_restore_takes() {
    let text = format!("-A {} BAD {}", "x ".repeat(2_500), "y ".repeat(2_500));
    let diagnostic = Diagnostic::error(codes::STRAY_WORD, span(&text, "BAD"), "stray");
    insta::assert_snapshot!(render_text(&[diagnostic], &file(text), false));
}

#[test]
fn span_of_many_lines_and_of_none() {
    let text = "a\n".repeat(1000);
    let whole = Diagnostic::error(codes::RESTORE_FRAMING, Span::new(0, 2000), "all of it");
    let end = Diagnostic::error(codes::RESTORE_FRAMING, Span::new(2000, 2000), "no COMMIT");
    insta::assert_snapshot!(render_text(&[whole, end], &file(text), false));
}

#[test]
fn color_only_when_asked() {
    let source = file(RULES);
    assert!(render_text(&[unknown_target()], &source, true).contains('\u{1b}'));
    assert!(!render_text(&[unknown_target()], &source, false).contains('\u{1b}'));
}

#[test]
fn links_only_when_asked() {
    let source = file(RULES);
    let link = |code: rfw_diagnostics::Code| Some(format!("https://example.org/{code}"));
    let drawn = rfw_diagnostics::render_linked(&[unknown_target()], &source, &link);
    assert!(
        drawn.contains("\u{1b}]8;;https://example.org/RFW103\u{1b}\\RFW103\u{1b}]8;;\u{1b}\\"),
        "{drawn:?}"
    );
    assert!(!render_text(&[unknown_target()], &source, true).contains("]8;;"));
}

#[test]
fn for_programs() {
    let mut extra = Map::new();
    extra.insert("table".into(), json!("filter"));
    let found = to_json(&unknown_target(), &file(RULES), &extra);
    let expected = json!({
        "code": "RFW103", "name": "unknown-target", "severity": "error",
        "message": "no target or chain is called `ALLOW`", "help": "did you mean `ACCEPT`?",
        "file": "a.rules", "line": 3, "column": 31, "end_line": 3, "end_column": 36,
        "labels": [{"line": 3, "column": 31, "end_line": 3, "end_column": 36, "text": "not a target"}],
        "fix": {"safety": "unsafe", "edits": [
            {"line": 3, "column": 31, "end_line": 3, "end_column": 36, "replacement": "ACCEPT"}]},
        "table": "filter",
    });
    assert_eq!(found, expected);
}

#[test]
fn many_diagnostics_in_a_long_file() {
    let line = "-A INPUT -s 10.0.0.1 -j ALLOW\n";
    let text = line.repeat(100_000);
    let diagnostics: Vec<_> = (0..3_000)
        .map(|n| {
            let start = n * 33 * line.len() + 24;
            Diagnostic::error(codes::UNKNOWN_TARGET, Span::new(start, start + 5), "unknown")
        })
        .collect();
    let source = file(text);
    let started = std::time::Instant::now();
    let out = render_text(&diagnostics, &source, false);
    assert!(out.contains("a.rules:98968:25"), "the last place");
    // A walk through the text for each would take minutes.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
