//! An array of findings for programs.

use rfw_diagnostics::{Source, place_to_json, to_json};
use rfw_lint::{Finding, Walk};
use serde_json::{Map, Value, json};

use crate::own::lint::Checked;

/// Raised when a key changes its meaning or goes; new keys may come at any time.
const SCHEMA: u32 = 1;

/// The findings that are neither allowed nor in the baseline, each with the version of its keys.
pub fn render(checked: &[Checked]) -> String {
    let findings = checked.iter().flat_map(|c| c.report.findings.iter().map(|f| object(f, &c.source)));
    print(&findings.collect::<Value>())
}

/// A value as text, with a line end.
pub fn print(value: &Value) -> String {
    format!("{value:#}\n")
}

fn object(finding: &Finding, source: &Source) -> Value {
    let extra = Map::from_iter([
        ("schema_version".to_owned(), json!(SCHEMA)),
        ("table".to_owned(), json!(finding.table)),
        ("chain".to_owned(), json!(finding.chain)),
        ("rule".to_owned(), json!(finding.rule)),
        ("fingerprint".to_owned(), json!(finding.fingerprint)),
        ("example".to_owned(), json!(finding.walk.as_ref().map(|walk| example(walk, source)))),
    ]);
    to_json(&finding.diagnostic, source, &extra)
}

/// The packet, and where it comes by; a chain that the text does not mention has no place.
fn example(walk: &Walk, source: &Source) -> Value {
    let stops = walk.stops.iter().map(|stop| {
        let mut object = stop.span.map_or_else(Map::new, |span| place_to_json(source, span));
        object.insert("rule".to_owned(), json!(stop.name));
        object.insert("text".to_owned(), json!(stop.text));
        Value::Object(object)
    });
    json!({ "packet": walk.packet, "path": stops.collect::<Value>() })
}
