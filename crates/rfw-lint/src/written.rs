//! A rule as it was written, for checks of what its typed form no longer shows: the spelling of addresses, options that
//! were left out, the places of words.

use rfw_compiler::{Rule, TableSpec};
use rfw_diagnostics::{Diagnostic, Span};
use rfw_extensions::{Match, Registry, Target};
use rfw_nft::Family;
use rfw_syntax::{Command, Dictionary, Loaded, OptionSpec, Use, Word};

use crate::conditions::Conditions;
use crate::facts::Facts;

/// A rule and its words.
pub(crate) struct Written<'r, 'a> {
    /// The command that makes the rule.
    pub(crate) command: &'r Command<'a>,
    /// The first of the rules that it makes; the others differ from it in their addresses only.
    pub(crate) rule: &'r Rule,
    /// What that asks and does.
    pub(crate) conditions: &'r Conditions,
    pub(crate) table: &'static TableSpec,
    pub(crate) family: Family,
    pub(crate) facts: &'r Facts,
    pub(crate) registry: &'r Registry,
    /// The whole text.
    pub(crate) text: &'r [u8],
}

impl<'r, 'a> Written<'r, 'a> {
    /// The matches as written and as they are.
    pub(crate) fn matches(&self) -> impl Iterator<Item = (&'r Loaded<'a>, &'r Match)> + use<'r, 'a> {
        self.command.rule.matches.iter().zip(&self.rule.matches)
    }

    /// The target extension as written and as it is.
    pub(crate) fn target(&self) -> Option<(&'r Loaded<'a>, &'r Target)> {
        let loaded = self.command.rule.target.as_ref()?.extension.as_ref()?;
        match &self.rule.target {
            rfw_compiler::RuleTarget::Extension(target) => Some((loaded, target)),
            _ => None,
        }
    }

    /// All extensions as written.
    pub(crate) fn loaded(&self) -> impl Iterator<Item = &'r Loaded<'a>> + use<'r, 'a> {
        let target = self.command.rule.target.as_ref().and_then(|t| t.extension.as_ref());
        self.command.rule.matches.iter().chain(target)
    }

    /// All options of extensions as written.
    pub(crate) fn uses(&self) -> impl Iterator<Item = &'r Use<'a>> + use<'r, 'a> {
        self.loaded().flat_map(|loaded| &loaded.uses)
    }

    /// The options that an extension has.
    pub(crate) fn options(&self, loaded: &Loaded<'_>) -> &'static [OptionSpec] {
        self.registry.options(loaded.id)
    }

    /// The words after `-s` and `-d`.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &'r Word<'a>> + use<'r, 'a> {
        let rule = &self.command.rule;
        [&rule.source, &rule.destination].into_iter().flatten().map(|part| &part.value)
    }

    /// Whether a text that the rule carries for people has a word in it, in any case.
    pub(crate) fn says(&self, word: &str) -> bool {
        let texts = self.uses().filter(|used| used.option.free_text).filter_map(Use::value);
        let texts = texts.map(|text| text.text.to_ascii_lowercase());
        let word = word.as_bytes();
        texts.into_iter().any(|text| text.windows(word.len()).any(|part| part == word))
    }
}

/// A check of a rule as it was written.
pub(crate) type WrittenCheck = fn(&Written<'_, '_>, &mut Vec<Diagnostic>);

/// The parts of a list with commas, and where each stands. Parts that are no UTF-8 are left out.
pub(crate) fn items<'w>(word: &'w Word<'_>) -> impl Iterator<Item = (&'w str, Span)> + use<'w> {
    let mut start = 0;
    let parts = word.text.split(|&b| b == b',').map(move |part| {
        let at = start;
        start += part.len() + 1;
        (part, word.part(at, at + part.len()))
    });
    parts.filter_map(|(part, span)| Some((std::str::from_utf8(part).ok()?, span)))
}
