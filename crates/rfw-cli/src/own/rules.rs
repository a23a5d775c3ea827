//! `rfw rules`: the checks of `rfw lint`.

use std::io::Write;

use clap::{Args, ValueEnum};
use rfw_lint::{CHECKS, Check, Selector, severity};
use serde_json::{Value, json};

use super::lint::{help_uri, print_json};
use super::out::put;

/// What `rfw rules` takes.
#[derive(Args)]
pub struct RulesArgs {
    /// Codes, names or groups (RFW3, 3xx); all without any
    words: Vec<String>,
    /// How they are shown
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line each
    Text,
    /// One array
    Json,
}

/// Runs it; gives the exit status: 2 for a word that names no check, 3 if the list cannot be written.
pub fn run(args: &RulesArgs) -> u8 {
    let mut wanted = Vec::new();
    for word in &args.words {
        let selector = Selector::parse(word);
        if !selector.is_some_and(|s| CHECKS.iter().any(|check| s.names(check.code))) {
            let _ = writeln!(std::io::stderr(), "rfw rules: no check is called `{word}`");
            return 2;
        }
        wanted.extend(selector);
    }
    let named = |check: &&Check| wanted.is_empty() || wanted.iter().any(|s| s.names(check.code));
    let checks: Vec<&Check> = CHECKS.iter().filter(named).collect();
    let shown = match args.format {
        Format::Text => text(&checks),
        Format::Json => print_json(&checks.iter().map(|check| object(check)).collect()),
    };
    put("rules", shown.as_bytes()).err().unwrap_or(0)
}

fn text(checks: &[&Check]) -> String {
    let width = checks.iter().map(|check| check.code.name.len()).max().unwrap_or_default();
    let line = |check: &&Check| {
        let level = severity(check.severity);
        format!("{}  {level:5}  {:width$}  {}\n", check.code, check.code.name, check.title())
    };
    checks.iter().map(line).collect()
}

fn object(check: &Check) -> Value {
    json!({
        "code": check.code.to_string(),
        "name": check.code.name,
        "severity": severity(check.severity),
        "title": check.title(),
        "why": check.summary(),
        "page": help_uri(check.code),
    })
}
