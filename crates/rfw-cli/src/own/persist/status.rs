//! `rfw persist status`: in what files and kernel differ.
//!
//! Both are read as rulesets and printed in one form, so that counters, comments, spelling, the order of chains and tables
//! without anything in them make no difference.

use std::fmt::Write;
use std::time::Duration;

use rfw_compiler::{Body, Stored, TableSpec, builtin::TABLES, foreign, normal, print_stored};
use rfw_diagnostics::{Severity, Source, SourceKind};
use rfw_extensions::Printer;
use rfw_lint::{Chain, Facts, Input, Model, Policy, Table};
use rfw_nft::{Expr, Family};
use similar::TextDiff;

use super::load::find;
use super::{Place, files, say, shown};
use crate::names::SystemNames;
use crate::report;

/// After this long the diff may be longer than it need be.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs it; gives the exit status.
pub fn run(place: &Place) -> u8 {
    let names = SystemNames::default();
    let mut differs = false;
    for family in place.families() {
        match difference(place, family, &names) {
            Ok(diff) => {
                differs |= !diff.is_empty();
                report::output(diff.as_bytes());
            }
            Err(text) => {
                say("status", &format!("{}: {text}", shown(family)));
                return 2;
            }
        }
    }
    u8::from(differs)
}

fn difference(place: &Place, family: Family, names: &SystemNames) -> Result<String, String> {
    let (name, kept) = match find(place, family)? {
        Some(kept) => (kept.path.display().to_string(), kept.text),
        None => {
            let path = files::rules(&place.dir, family).display().to_string();
            say("status", &format!("{}: there is no {path}", shown(family)));
            (path, Vec::new())
        }
    };
    let running = crate::save::live_text(family, false)?;
    let kept = Source::new(name, SourceKind::File, kept);
    let running = Source::new(format!("running {} ruleset", shown(family)), SourceKind::Live, running);
    let old = canonical(&kept, family, names);
    let new = canonical(&running, family, names);
    if old == new {
        return Ok(String::new());
    }
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(&old, &new);
    Ok(diff.unified_diff().header(&kept.name, &running.name).to_string())
}

/// The text of a ruleset in which two that mean the same are equal.
fn canonical(source: &Source, family: Family, names: &SystemNames) -> String {
    let model = rfw_lint::read(source, Input::Save, family, names, &Facts::default());
    let mistakes = model.findings.iter().filter(|f| f.diagnostic.severity == Severity::Error).count();
    let mut out = String::new();
    if mistakes > 0 {
        let _ = writeln!(out, "# mistakes: {mistakes}; `rfw lint {}` shows them", source.name);
    }
    for spec in TABLES {
        if let Some((_, table)) = model.table(spec.name).filter(|(_, table)| says_something(table)) {
            write_table(&mut out, spec, table, &model, source, names);
        }
    }
    out
}

fn says_something(table: &Table) -> bool {
    table.chains.iter().any(|chain| chain.policy != Some(Policy::Accept) || !chain.rules.is_empty())
}

fn write_table(
    out: &mut String,
    spec: &TableSpec,
    table: &Table,
    model: &Model,
    source: &Source,
    names: &SystemNames,
) {
    let mut chains: Vec<&Chain> = table.chains.iter().collect();
    let hook = |chain: &Chain| spec.chains.iter().position(|base| base.name.as_bytes() == chain.name);
    chains.sort_by_key(|chain| (hook(chain).unwrap_or(usize::MAX), chain.name.clone()));
    let _ = writeln!(out, "*{}", spec.name);
    for chain in &chains {
        let policy = match chain.policy {
            Some(Policy::Accept) => "ACCEPT",
            Some(Policy::Drop) => "DROP",
            None => "-",
        };
        let _ = writeln!(out, ":{} {policy}", chain.shown());
    }
    for chain in chains {
        for placed in &chain.rules {
            let line = match &placed.body {
                Some(body) => printed(&chain.name, body, source.slice(placed.span), model.family, names),
                None => source.slice(placed.span).to_vec(),
            };
            out.push_str(&String::from_utf8_lossy(&line));
            out.push('\n');
        }
    }
    out.push_str("COMMIT\n");
}

/// A rule in one form; `text` is how the ruleset spells it.
fn printed(chain: &[u8], body: &Body, text: &[u8], family: Family, names: &SystemNames) -> Vec<u8> {
    let mut userdata = Vec::new();
    let body = match body {
        Body::Rule(rule) => Body::Rule(normal(rule, family, names)),
        Body::Foreign(exprs) => {
            userdata = foreign::parse(text).map(|rule| rule.userdata).unwrap_or_default();
            Body::Foreign(exprs.iter().map(uncounted).collect())
        }
    };
    let mut out = Vec::new();
    let mut printer =
        Printer { out: &mut out, family, names, numeric: true, version: Default::default(), protocol: None };
    print_stored(chain, &Stored { body, counters: (0, 0), handle: 0, userdata }, None, &mut printer);
    out
}

fn uncounted(expr: &Expr) -> Expr {
    match expr {
        Expr::Counter { .. } => Expr::Counter { packets: 0, bytes: 0 },
        other => other.clone(),
    }
}
