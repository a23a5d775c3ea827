//! Checks of a ruleset: one file per check under [`checks`].
//!
//! Pure: text and names in, findings out; no file is opened and nothing is printed. A text with mistakes is analysed as far
//! as it goes: a line that does not parse gives its own finding and counts in the rest as a rule that may do anything, so
//! that no check draws a conclusion from what it could not read.
//! Findings come in the order of their places, and one cause gives one finding.

mod apply;
pub mod checks;
pub mod conditions;
mod coverage;
pub mod facts;
mod fields;
mod fingerprint;
mod fixes;
mod flow;
mod model;
mod names;
mod options;
mod packets;
mod read;
mod runs;
mod sets;
mod suppress;

use rfw_diagnostics::{Diagnostic, Source};
use rfw_extensions::Names;
use rfw_nft::Family;

pub use checks::{CHECKS, Check, page, severity};
pub use facts::Facts;
pub use fixes::{Fixed, apply_fixes};
pub use model::{Chain, Model, Placed, Policy, RuleId, Table};
pub use names::Offline;
pub use options::{Options, Selection, Selector};
pub use read::{Input, guess_family, read};
pub use suppress::Suppressed;

/// A diagnostic and the rule it is about, as far as it is about one.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was found.
    pub diagnostic: Diagnostic,
    /// The table.
    pub table: Option<String>,
    /// The chain.
    pub chain: Option<String>,
    /// The rule's number in its chain once the whole text has been applied, from 1.
    pub rule: Option<usize>,
    /// What it is known by in other versions of the text: 32 hexadecimal digits, set when all checks have run.
    pub fingerprint: String,
}

/// What the checks say of a text.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of their places.
    pub findings: Vec<Finding>,
    /// What the text asks to leave out.
    pub suppressed: Vec<Suppressed>,
}

impl Finding {
    /// A finding that is about no rule in particular.
    #[must_use]
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, table: None, chain: None, rule: None, fingerprint: String::new() }
    }

    /// A finding about a rule.
    #[must_use]
    pub fn about(diagnostic: Diagnostic, model: &Model, id: RuleId) -> Self {
        let chain = model.tables.get(id.table).and_then(|t| t.chains.get(id.chain));
        Self {
            rule: Some(id.rule + 1),
            chain: chain.map(Chain::shown),
            ..Self::table(diagnostic, model, id.table)
        }
    }

    /// A finding about a chain.
    #[must_use]
    pub fn chain(diagnostic: Diagnostic, model: &Model, table: usize, chain: usize) -> Self {
        let name = model.tables.get(table).and_then(|t| t.chains.get(chain)).map(Chain::shown);
        Self { chain: name, ..Self::table(diagnostic, model, table) }
    }

    fn table(diagnostic: Diagnostic, model: &Model, table: usize) -> Self {
        let name = model.tables.get(table).map(|t| t.name.to_owned());
        Self { table: name, ..Self::new(diagnostic) }
    }
}

/// A text to be looked at.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// The text.
    pub source: &'a Source,
    /// What kind of text it is.
    pub input: Input,
    /// The address family of its rules.
    pub family: Family,
}

/// Reads a text and runs every check over it.
#[must_use]
pub fn lint(source: &Source, input: Input, family: Family, names: &dyn Names, options: &Options) -> Report {
    let text = Text { source, input, family };
    let model = read(source, input, family, names, &options.facts);
    check(text, &model, None, names, options)
}

/// The same for the rules of one host in both families, so that checks may compare them.
#[must_use]
pub fn lint_pair(texts: [Text<'_>; 2], names: &dyn Names, options: &Options) -> [Report; 2] {
    let models = texts.map(|text| read(text.source, text.input, text.family, names, &options.facts));
    [(0, 1), (1, 0)].map(|(own, other)| {
        check(texts[own], &models[own], Some((&models[other], texts[other].source)), names, options)
    })
}

fn check(
    text: Text<'_>,
    model: &Model,
    sibling: Option<(&Model, &Source)>,
    names: &dyn Names,
    options: &Options,
) -> Report {
    let mut findings = model.findings.clone();
    let cx = checks::Cx::new(model, text.source, &options.facts, sibling);
    for check in CHECKS {
        (check.run)(&cx, &mut findings);
    }
    let mut suppressed = suppress::apply(text.source, &mut findings, options);
    let mut all: Vec<_> = suppressed.iter_mut().map(|s| &mut s.finding).chain(&mut findings).collect();
    all.sort_by_key(|f| (f.diagnostic.span, f.diagnostic.code));
    fingerprint::mark(all.into_iter(), model, text.source, names);
    let wanted = |finding: &Finding| options.selection.wants(finding.diagnostic.code);
    findings.retain(wanted);
    suppressed.retain(|s| wanted(&s.finding));
    let all = suppressed.iter_mut().map(|s| &mut s.finding).chain(&mut findings);
    for diagnostic in all.map(|finding| &mut finding.diagnostic) {
        if let Some(&severity) = options.severities.get(&diagnostic.code) {
            diagnostic.severity = severity;
        }
    }
    findings.sort_by_key(|f| (f.diagnostic.span, f.diagnostic.code));
    Report { findings, suppressed }
}
