//! One command: words, grammar, build, print, and back.

use rfw_compiler::builtin::TABLES;
use rfw_compiler::{Rule, RuleTarget};
use rfw_diagnostics::{Diagnostic, Span};
use rfw_extensions::{Registry, Target};
use rfw_nft::Family;
use rfw_syntax::{Action, Command, Mode, Word, join_argv, parse_command, split_line};

use super::{FAMILIES, NoNames, plain, too_many_addresses};
use crate::fixture::line::{Place, build_command};
use crate::laws::broken;

/// The commands that have a rule.
const RULES: &[Action] = &[Action::Append, Action::Insert, Action::Replace, Action::Check, Action::Delete];

/// The first byte chooses: its remainder by five the table; a capital letter says that the rest is a list of arguments
/// separated by NUL, anything else that it is a line of a save file.
///
/// # Panics
/// If a span lies outside of the text or the laws do not hold for a rule that was built.
pub fn words(data: &[u8]) {
    let Some((style, text)) = data.split_first() else { return };
    if too_many_addresses(text) {
        return;
    }
    let table = TABLES[usize::from(*style) % TABLES.len()].name;
    if style.is_ascii_uppercase() {
        let arguments: Vec<Vec<u8>> = text.split(|&b| b == 0).map(<[u8]>::to_vec).collect();
        let joined = join_argv(&arguments);
        let len = joined.source.text.len();
        each_family(&joined.words, len, Mode::CommandLine, table);
    } else {
        let mut words = Vec::new();
        split_line(text, 0, &mut words);
        each_family(&words, text.len(), Mode::Restore, table);
    }
}

fn each_family(words: &[Word<'_>], len: usize, mode: Mode, table: &str) {
    for word in words {
        inside(word.span, len);
    }
    for family in FAMILIES {
        match parse_command(words, Span::new(len, len), mode, &Registry::new(family)) {
            Ok(command) if !RULES.contains(&command.action) => {}
            Ok(command) => command_holds(&command, len, family, mode, table),
            Err(diagnostic) => spans_inside(&diagnostic, len),
        }
    }
}

fn command_holds(command: &Command<'_>, len: usize, family: Family, mode: Mode, table: &str) {
    let target = command.rule.target.as_ref().map(|t| t.name.text.to_vec()).unwrap_or_default();
    let chains = [(table.to_owned(), target)];
    let place = Place { family, table, chains: &chains, names: &NoNames, mode };
    let built = match build_command(command, &place) {
        Ok(built) => built,
        Err(diagnostic) => return spans_inside(&diagnostic, len),
    };
    let chain: &[u8] = if plain(&built.chain) { &built.chain } else { b"X" };
    for rule in &built.rules {
        if rule.target.chain().is_some_and(|c| !plain(c)) || refused_by_the_kernel(rule) {
            continue;
        }
        let faults = broken(rule, chain, &Place { mode: Mode::Restore, ..place });
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

/// What no dump ever shows, so that lifting may call it foreign.
fn refused_by_the_kernel(rule: &Rule) -> bool {
    match &rule.target {
        RuleTarget::Extension(Target::Reject(reject)) => {
            reject.is_reset() && rule.selector.protocol_pair() != Some((6, false))
        }
        _ => false,
    }
}

/// # Panics
/// If one is not.
pub(super) fn spans_inside(diagnostic: &Diagnostic, len: usize) {
    let labels = diagnostic.labels.iter().map(|l| l.span);
    let fix = diagnostic.fix.iter().flat_map(|f| &f.edits).map(|e| e.span);
    for span in labels.chain(fix).chain([diagnostic.span]) {
        inside(span, len);
    }
    assert!(diagnostic.classic.is_some(), "no classic text: {diagnostic:?}");
}

fn inside(span: Span, len: usize) {
    assert!(span.start <= span.end && span.end as usize <= len, "{span:?} outside of {len} bytes");
}
