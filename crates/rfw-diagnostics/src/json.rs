//! Diagnostics for programs.

use serde_json::{Map, Value, json};

use crate::{Diagnostic, FixSafety, Severity, Source, Span};

/// One diagnostic as an object: `code`, `name`, `severity`, `message`, `help`, `file`, `line`, `column`, `end_line`,
/// `end_column`, `labels` and `fix`. Lines and columns count from 1, columns in characters, the end is one past the last
/// character. `help` and `fix` are null where there is none; `fix` has `safety` and `edits`, each a place and a
/// `replacement`. What the caller knows besides (table, chain, rule number) is
/// given in `extra` and wins over a key of the same name.
#[must_use]
pub fn to_json(diagnostic: &Diagnostic, source: &Source, extra: &Map<String, Value>) -> Value {
    let mut object = place_to_json(source, diagnostic.span);
    object.extend([
        ("code".to_owned(), json!(diagnostic.code.to_string())),
        ("name".to_owned(), json!(diagnostic.code.name)),
        ("severity".to_owned(), json!(severity(diagnostic.severity))),
        ("message".to_owned(), json!(diagnostic.message)),
        ("help".to_owned(), json!(diagnostic.help)),
        ("file".to_owned(), json!(source.name)),
        ("labels".to_owned(), labels(diagnostic, source)),
        ("fix".to_owned(), fix(diagnostic, source)),
    ]);
    object.extend(extra.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(object)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Error => "error",
    }
}

/// A place as `line`, `column`, `end_line` and `end_column`, counted as in [`to_json`].
#[must_use]
pub fn place_to_json(source: &Source, span: Span) -> Map<String, Value> {
    let start = source.line_column(span.start);
    let end = source.line_column(span.end);
    Map::from_iter([
        ("line".to_owned(), json!(start.line)),
        ("column".to_owned(), json!(start.column)),
        ("end_line".to_owned(), json!(end.line)),
        ("end_column".to_owned(), json!(end.column)),
    ])
}

fn labels(diagnostic: &Diagnostic, source: &Source) -> Value {
    let own = diagnostic.label.iter().map(|text| (diagnostic.span, text));
    let others = diagnostic.labels.iter().map(|l| (l.span, &l.text));
    own.chain(others)
        .map(|(span, text)| {
            let mut object = place_to_json(source, span);
            object.insert("text".to_owned(), json!(text));
            Value::Object(object)
        })
        .collect()
}

fn fix(diagnostic: &Diagnostic, source: &Source) -> Value {
    let Some(fix) = &diagnostic.fix else {
        return Value::Null;
    };
    let safety = match fix.safety {
        FixSafety::Safe => "safe",
        FixSafety::Unsafe => "unsafe",
        FixSafety::Suggestion => "suggestion",
    };
    let edits = fix.edits.iter().map(|edit| {
        let mut object = place_to_json(source, edit.span);
        object.insert("replacement".to_owned(), json!(edit.replacement));
        Value::Object(object)
    });
    json!({ "safety": safety, "edits": edits.collect::<Value>() })
}
