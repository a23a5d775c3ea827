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
mod fields;
mod flow;
mod model;
mod names;
mod packets;
mod read;
mod sets;
mod suppress;

use rfw_diagnostics::{Diagnostic, Source};
use rfw_extensions::Names;
use rfw_nft::Family;

pub use checks::{CHECKS, Check, page, severity};
pub use model::{Chain, Model, Placed, Policy, RuleId, Table};
pub use names::Offline;
pub use read::{Input, guess_family, read};

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
}

impl Finding {
    /// A finding that is about no rule in particular.
    #[must_use]
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, table: None, chain: None, rule: None }
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

/// Reads a text and runs every check over it.
#[must_use]
pub fn lint(source: &Source, input: Input, family: Family, names: &dyn Names) -> Vec<Finding> {
    let mut model = read(source, input, family, names);
    let mut findings = std::mem::take(&mut model.findings);
    let cx = checks::Cx::new(&model, source);
    for check in CHECKS {
        (check.run)(&cx, &mut findings);
    }
    suppress::apply(source, &mut findings);
    findings.sort_by_key(|f| (f.diagnostic.span, f.diagnostic.code));
    findings
}
