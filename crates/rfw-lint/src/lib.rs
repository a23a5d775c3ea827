//! Checks of a ruleset: one file per check under [`checks`].
//!
//! Pure: text and names in, findings out; no file is opened and nothing is printed. A text with mistakes is analysed as far
//! as it goes: a line that does not parse gives its own finding and counts in the rest as a rule that may do anything, so
//! that no check draws a conclusion from what it could not read.
//! Findings come in the order of their places, and one cause gives one finding.

mod apply;
pub mod checks;
mod commands;
mod compare;
pub mod conditions;
mod copies;
mod dead;
pub mod facts;
mod fields;
mod fingerprint;
mod fixes;
mod flow;
mod fragments;
mod framing;
mod gather;
mod mend;
mod model;
mod names;
mod needed;
mod options;
mod packets;
mod read;
mod runs;
mod sets;
mod shell;
pub mod space;
mod suppress;
mod translations;
mod walk;
mod words;
mod world;
mod written;

use rfw_diagnostics::{Diagnostic, Source};
use rfw_extensions::Names;
use rfw_nft::Family;

pub use checks::{CHECKS, Check, page, severity};
pub use commands::{Step, Window};
pub use compare::{Comparison, compare};
pub use facts::Facts;
pub use fixes::{Fixed, apply_fixes};
pub use model::{Chain, Model, Placed, Policy, RuleId, Table};
pub use names::Offline;
pub use options::{Options, Selection, Selector};
pub use read::{Input, guess_family, read};
pub use suppress::Suppressed;
pub use walk::{Stop, Walk};

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
    /// The way of its example packet, where it has one and [`Options::walks`] asks for it.
    pub walk: Option<Walk>,
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
        Self { diagnostic, table: None, chain: None, rule: None, fingerprint: String::new(), walk: None }
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
    if input == Input::Script {
        return script(source, names, options);
    }
    let text = Text { source, input, family };
    let model = read(source, input, family, names, &options.facts);
    check(text, &model, None, names, options)
}

/// The rulesets that a text leaves: one, but for a script, which makes those of both families.
#[must_use]
pub fn models(text: Text<'_>, names: &dyn Names, facts: &Facts) -> Vec<Model> {
    match text.input {
        Input::Script => shell::read(text.source, names, facts).models.into(),
        input => vec![read(text.source, input, text.family, names, facts)],
    }
}

/// The same for the rules of one host in both families, so that checks may compare them.
#[must_use]
pub fn lint_pair(texts: [Text<'_>; 2], names: &dyn Names, options: [&Options; 2]) -> [Report; 2] {
    let models = [0, 1].map(|at: usize| {
        let text = texts[at];
        read(text.source, text.input, text.family, names, &options[at].facts)
    });
    [(0, 1), (1, 0)].map(|(own, other)| {
        check(texts[own], &models[own], Some((&models[other], texts[other].source)), names, options[own])
    })
}

/// The first of these reports alone.
#[must_use]
pub fn lint_beside(texts: [Text<'_>; 2], names: &dyn Names, options: [&Options; 2]) -> Report {
    let [own, other] = [0, 1].map(|at: usize| {
        let text = texts[at];
        read(text.source, text.input, text.family, names, &options[at].facts)
    });
    check(texts[0], &own, Some((&other, texts[1].source)), names, options[0])
}

fn check(
    text: Text<'_>,
    model: &Model,
    sibling: Option<(&Model, &Source)>,
    names: &dyn Names,
    options: &Options,
) -> Report {
    let boot = options.boot.as_ref().map(|boot| read(boot, Input::Save, text.family, names, &options.facts));
    let findings = findings(text.source, model, sibling, boot.as_ref().zip(options.boot.as_ref()), options);
    finish(findings, text.source, model, names, options)
}

/// A script: the rulesets of both families that it leaves, as far as it makes any.
fn script(source: &Source, names: &dyn Names, options: &Options) -> Report {
    let left = shell::read(source, names, &options.facts);
    let options = &Options { facts: left.facts, ..options.clone() };
    let touched = shell::touched(&left.models);
    let mut all = left.findings;
    for &at in &touched {
        let (own, other) = (&left.models[at], &left.models[1 - at]);
        let sibling = (touched.len() == 2).then_some((other, source));
        let mut found = findings(source, own, sibling, None, options);
        shell::place(own, &mut found);
        found.sort_by_key(|f| (f.diagnostic.span, f.diagnostic.code));
        fingerprint::mark(found.iter_mut(), own, source, names);
        all.append(&mut found);
    }
    shell::join(&mut all, source);
    finish(all, source, &left.models[0], names, options)
}

fn findings(
    source: &Source,
    model: &Model,
    sibling: Option<(&Model, &Source)>,
    boot: Option<(&Model, &Source)>,
    options: &Options,
) -> Vec<Finding> {
    let all = |facts: &Facts| findings_by(source, model, sibling, boot, (options, facts));
    let mut findings = all(&options.facts);
    if space::members::is_asked(model, &options.facts) {
        space::members::note(&mut findings, &all(&space::members::unknown(&options.facts)));
    }
    findings
}

fn findings_by(
    source: &Source,
    model: &Model,
    sibling: Option<(&Model, &Source)>,
    boot: Option<(&Model, &Source)>,
    (options, facts): (&Options, &Facts),
) -> Vec<Finding> {
    let mut findings = model.findings.clone();
    let mut cx = checks::Cx::new(model, source, facts, sibling);
    cx.boot = boot;
    cx.walks = options.walks;
    for check in CHECKS.iter().filter(|check| options.selection.wants(check.code)) {
        (check.run)(&cx, &mut findings);
    }
    if options.walks {
        walk::of_the_dead(&cx, &mut findings);
    }
    checks::analysis_incomplete::finish(&cx, &mut findings);
    findings
}

/// What is made of the findings of all checks.
fn finish(
    mut findings: Vec<Finding>,
    source: &Source,
    model: &Model,
    names: &dyn Names,
    options: &Options,
) -> Report {
    let mut suppressed = suppress::apply(source, &mut findings, options);
    gather::gather(&mut findings);
    let mut all: Vec<_> = suppressed.iter_mut().map(|s| &mut s.finding).chain(&mut findings).collect();
    all.retain(|f| f.fingerprint.is_empty());
    all.sort_by_key(|f| (f.diagnostic.span, f.diagnostic.code));
    fingerprint::mark(all.into_iter(), model, source, names);
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
