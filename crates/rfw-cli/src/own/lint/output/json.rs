//! One object for programs.

use rfw_diagnostics::{Severity, Source, to_json};
use rfw_lint::Finding;
use serde_json::{Map, Value, json};

use super::count;
use crate::own::lint::Checked;

/// Raised when a key changes its meaning or goes; new keys may come at any time.
const SCHEMA: u32 = 1;

/// `schema_version`, `findings`, `suppressed` and `summary`.
pub fn render(checked: &[Checked]) -> String {
    let findings = checked.iter().flat_map(|c| c.report.findings.iter().map(|f| object(f, &c.source)));
    let known = checked.iter().flat_map(|c| {
        c.known
            .iter()
            .map(|f| with(object(f, &c.source), [("by", json!("baseline")), ("reason", Value::Null)]))
    });
    let allowed = checked.iter().flat_map(|c| {
        let suppressed = c.report.suppressed.iter();
        suppressed.map(|s| {
            with(object(&s.finding, &c.source), [("by", json!("comment")), ("reason", json!(s.reason))])
        })
    });
    print(&json!({
        "schema_version": SCHEMA,
        "findings": findings.collect::<Value>(),
        "suppressed": allowed.chain(known).collect::<Value>(),
        "summary": {
            "rulesets": checked.len(),
            "errors": count(checked, Severity::Error),
            "warnings": count(checked, Severity::Warn),
            "notes": count(checked, Severity::Info),
        },
    }))
}

/// A value as text, with a line end.
pub fn print(value: &Value) -> String {
    format!("{value:#}\n")
}

fn with<const N: usize>(mut object: Value, more: [(&str, Value); N]) -> Value {
    if let Value::Object(map) = &mut object {
        map.extend(more.map(|(key, value)| (key.to_owned(), value)));
    }
    object
}

fn object(finding: &Finding, source: &Source) -> Value {
    let extra = Map::from_iter([
        ("table".to_owned(), json!(finding.table)),
        ("chain".to_owned(), json!(finding.chain)),
        ("rule".to_owned(), json!(finding.rule)),
        ("fingerprint".to_owned(), json!(finding.fingerprint)),
    ]);
    to_json(&finding.diagnostic, source, &extra)
}
