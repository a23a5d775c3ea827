//! SARIF 2.1.0.

use std::os::unix::ffi::OsStrExt;

use rfw_diagnostics::{Code, Diagnostic, FixSafety, Severity, Source, Span, codes};
use rfw_lint::{CHECKS, Check, Finding, Walk, page};
use serde_json::{Value, json};

use super::help_uri;
use super::json::print;
use crate::own::lint::Checked;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The log: one run with all rules and the results of all texts, and what could not be read.
pub fn render(checked: &[Checked], unread: &[String]) -> String {
    let notices = unread.iter().map(|text| json!({ "level": "error", "message": { "text": text } }));
    print(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "rfw lint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes::ALL.iter().map(|&code| rule(code)).collect::<Value>(),
            }},
            "invocations": [{
                "executionSuccessful": unread.is_empty(),
                "toolExecutionNotifications": notices.collect::<Value>(),
            }],
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "SRCROOT": { "description": { "text": "where rfw was called" } } },
            "results": checked.iter().flat_map(results).collect::<Value>(),
        }],
    }))
}

/// What the driver says of a code.
fn rule(code: Code) -> Value {
    let check = CHECKS.iter().find(|check| check.code == code);
    let severity = check.map_or(Severity::Error, |check| check.severity);
    let mut rule = json!({
        "id": code.to_string(),
        "name": code.name,
        "shortDescription": { "text": check.map_or_else(|| title(code), Check::title) },
        "defaultConfiguration": { "level": level(severity) },
        "properties": {
            "tags": tags(code),
            "precision": if severity == Severity::Error { "very-high" } else { "high" },
            "problem.severity": match severity {
                Severity::Error => "error",
                Severity::Warn => "warning",
                Severity::Info => "recommendation",
            },
            "security-severity": weight(code, severity),
        },
    });
    if let Some(check) = check {
        let page = page(check);
        rule["fullDescription"] = json!({ "text": check.summary() });
        rule["help"] = json!({ "text": page.clone(), "markdown": page });
        rule["helpUri"] = json!(help_uri(code));
    }
    rule
}

/// The name as words.
fn title(code: Code) -> String {
    code.name.replace('-', " ")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

/// The group of a code, and `security` where a finding lets packets in or keeps people out.
fn tags(code: Code) -> Vec<&'static str> {
    match code.number / 100 {
        1 => vec!["syntax"],
        2 => vec!["conntrack", "security"],
        3 => vec!["reachability"],
        4 => vec!["nat", "security"],
        5 => vec!["logging"],
        6 => vec!["exposure", "security"],
        7 => vec!["performance"],
        _ => vec!["portability", "security"],
    }
}

/// How code scanning sorts: 7 and more is high, 4 and more medium.
fn weight(code: Code, severity: Severity) -> &'static str {
    let security = matches!(code.number / 100, 2 | 4 | 6 | 8);
    match (severity, security) {
        (Severity::Error, true) => "8.0",
        (Severity::Error, false) => "6.0",
        (Severity::Warn, true) => "5.0",
        (Severity::Warn, false) => "4.0",
        (Severity::Info, true) => "2.0",
        (Severity::Info, false) => "1.0",
    }
}

fn results(one: &Checked) -> impl Iterator<Item = Value> + '_ {
    let state = (!one.known.is_empty()).then_some("new");
    let open = one.report.findings.iter().map(move |finding| {
        let mut result = result(finding, one);
        if let Some(state) = state {
            result["baselineState"] = json!(state);
        }
        result
    });
    let allowed = one.report.suppressed.iter().map(move |suppressed| {
        let mut result = result(&suppressed.finding, one);
        let place = physical(one, suppressed.span);
        let mut suppression = json!({ "kind": "inSource", "location": { "physicalLocation": place } });
        if let Some(reason) = &suppressed.reason {
            suppression["justification"] = json!(reason);
        }
        result["suppressions"] = json!([suppression]);
        result
    });
    let known = one.known.iter().map(move |finding| {
        let mut result = result(finding, one);
        result["baselineState"] = json!("unchanged");
        result["suppressions"] = json!([{ "kind": "external", "justification": "in the baseline" }]);
        result
    });
    open.chain(allowed).chain(known)
}

fn result(finding: &Finding, one: &Checked) -> Value {
    let found = &finding.diagnostic;
    let mut text = found.message.clone();
    if let Some(label) = &found.label {
        text.push_str("; ");
        text.push_str(label);
    }
    if let Some(help) = &found.help {
        text.push_str(". ");
        text.push_str(help);
    }
    let mut location = json!({ "physicalLocation": physical(one, found.span) });
    if let Some(logical) = logical(finding) {
        location["logicalLocations"] = json!([logical]);
    }
    let mut result = json!({
        "ruleId": found.code.to_string(),
        "ruleIndex": codes::ALL.iter().position(|&code| code == found.code),
        "level": level(found.severity),
        "message": { "text": text },
        "locations": [location],
        "partialFingerprints": { "rfwRule/v1": finding.fingerprint },
    });
    if !found.labels.is_empty() {
        result["relatedLocations"] = found
            .labels
            .iter()
            .enumerate()
            .map(|(id, label)| {
                json!({
                    "id": id,
                    "message": { "text": label.text },
                    "physicalLocation": physical(one, label.span),
                })
            })
            .collect();
    }
    if let Some(walk) = &finding.walk {
        result["codeFlows"] = json!([code_flow(walk, one)]);
    }
    if let Some(fix) = fix(found, one) {
        result["fixes"] = json!([fix]);
    }
    result
}

/// The way of the example packet.
fn code_flow(walk: &Walk, one: &Checked) -> Value {
    let stops = walk.stops.iter().enumerate().map(|(at, stop)| {
        let mut location = json!({
            "message": { "text": stop.text },
            "logicalLocations": [{ "fullyQualifiedName": stop.name, "kind": "member" }],
        });
        if let Some(span) = stop.span {
            location["physicalLocation"] = physical(one, span);
        }
        json!({ "location": location, "executionOrder": at + 1 })
    });
    json!({
        "message": { "text": walk.packet },
        "threadFlows": [{ "locations": stops.collect::<Value>() }],
    })
}

/// Table, chain and rule.
fn logical(finding: &Finding) -> Option<Value> {
    let table = finding.table.as_deref()?;
    let parts = [Some(table.to_owned()), finding.chain.clone(), finding.rule.map(|n| n.to_string())];
    let name: Vec<String> = parts.into_iter().flatten().collect();
    Some(json!({ "fullyQualifiedName": name.join("/"), "kind": "member" }))
}

fn physical(one: &Checked, span: Span) -> Value {
    json!({ "artifactLocation": artifact(one), "region": region(&one.source, span) })
}

fn artifact(one: &Checked) -> Value {
    let Some(path) = &one.path else {
        let name = one.source.name.trim_matches(['<', '>']);
        return json!({ "uri": percent(name.as_bytes()), "description": { "text": one.source.name } });
    };
    let bytes = path.strip_prefix(".").unwrap_or(path).as_os_str().as_bytes();
    match path.is_absolute() {
        true => json!({ "uri": format!("file://{}", percent(bytes)) }),
        false => json!({ "uri": percent(bytes), "uriBaseId": "SRCROOT" }),
    }
}

/// Everything escaped that may not stand in a path of a URI.
fn percent(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into())
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn region(source: &Source, span: Span) -> Value {
    let (start, end) = (source.line_column(span.start), source.line_column(span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

fn fix(found: &Diagnostic, one: &Checked) -> Option<Value> {
    let fix = found.fix.as_ref()?;
    let text = match fix.safety {
        FixSafety::Safe => "keeps what the rules do",
        FixSafety::Unsafe => "may change what the rules do",
        FixSafety::Suggestion => "one way to write it",
    };
    let replacements: Value = fix
        .edits
        .iter()
        .map(|edit| {
            json!({
                "deletedRegion": region(&one.source, edit.span),
                "insertedContent": { "text": edit.replacement },
            })
        })
        .collect();
    Some(json!({
        "description": { "text": text },
        "artifactChanges": [{ "artifactLocation": artifact(one), "replacements": replacements }],
    }))
}
