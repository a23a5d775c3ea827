//! Lines that iptables refuses, read as they were meant.
//!
//! iptables stops at the first fault of a line. Here the fault is named, the words are put right, and the line is read
//! again, until it parses or nobody knows what it means; so one run finds all faults, and what comes after reads the line as
//! its writer did. What is put right is what the catalogue of checks knows: each has its own `mend`.

use std::borrow::Cow;

use rfw_compiler::TableSpec;
use rfw_diagnostics::{Code, Diagnostic, Fix, Span, codes};
use rfw_extensions::{Names, Registry};
use rfw_syntax::{Mode, Word, parse_command};

use crate::Finding;
use crate::apply::{Reader, Refused};
use crate::checks::{MENDS, typographic_quote};
use crate::read::Input;

/// Faults that one line may have; the words only ever change when one is reported, so this is no limit in practice.
const ROUNDS: usize = 64;

/// A line that can't be read, and why.
pub(crate) struct Broken<'b, 'a> {
    /// Its words.
    pub(crate) words: &'b [Word<'a>],
    /// What is wrong.
    pub(crate) why: &'b Diagnostic,
    /// The word to blame.
    pub(crate) at: usize,
    /// The whole text.
    pub(crate) text: &'b [u8],
    pub(crate) registry: &'b Registry,
    pub(crate) names: &'b dyn Names,
    /// The table that the line is for.
    pub(crate) table: &'static TableSpec,
    pub(crate) mode: Mode,
}

/// What a check says of a broken line.
pub(crate) struct Mended<'a> {
    /// The finding, in place of the grammar's.
    pub(crate) diagnostic: Diagnostic,
    /// The lines that were meant; none if that can't be known.
    pub(crate) lines: Vec<Vec<Word<'a>>>,
}

impl<'a> Mended<'a> {
    /// The fault is known, what was meant is not.
    pub(crate) fn explained(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, lines: Vec::new() }
    }

    /// One line was meant.
    pub(crate) fn line(diagnostic: Diagnostic, words: Vec<Word<'a>>) -> Self {
        Self { diagnostic, lines: vec![words] }
    }
}

impl<'a> Broken<'_, 'a> {
    /// The guilty word.
    pub(crate) fn word(&self) -> &Word<'a> {
        &self.words[self.at]
    }

    /// The word before a place.
    pub(crate) fn before(&self, at: usize) -> Option<&Word<'a>> {
        self.words.get(at.checked_sub(1)?)
    }

    /// The place where the `!` before a word stands, else the word's.
    pub(crate) fn negated_from(&self, at: usize) -> usize {
        match self.before(at) {
            Some(word) if &*word.text == b"!" => at - 1,
            _ => at,
        }
    }

    /// The words with some of them replaced.
    pub(crate) fn with(
        &self,
        range: std::ops::Range<usize>,
        new: impl IntoIterator<Item = Word<'a>>,
    ) -> Vec<Word<'a>> {
        let mut words = self.words.to_vec();
        drop(words.splice(range, new));
        words
    }

    /// Where the line of the guilty word begins and ends in the text.
    pub(crate) fn line(&self) -> Span {
        let at = (self.words[0].span.start as usize).min(self.text.len());
        let start = self.text[..at].iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
        let end = self.text[at..].iter().position(|&b| b == b'\n').map_or(self.text.len(), |p| at + p);
        Span::new(start, end)
    }
}

/// A word that nobody wrote, before one that somebody did.
pub(crate) fn added<'a>(text: impl Into<Vec<u8>>, before: &Word<'_>) -> Word<'a> {
    word(text, Span { start: before.span.start, end: before.span.start })
}

/// A word that nobody wrote, in the place of one that somebody did.
pub(crate) fn word<'a>(text: impl Into<Vec<u8>>, span: Span) -> Word<'a> {
    Word { text: Cow::Owned(text.into()), span, quoted: false }
}

/// Whether a word has the form of an option.
pub(crate) fn is_option(word: &Word<'_>) -> bool {
    !word.quoted && word.text.len() > 1 && word.text.starts_with(b"-")
}

/// Reads and applies a command, mended where it must be.
pub(crate) fn command(reader: &mut Reader<'_>, spec: &'static TableSpec, words: &[Word<'_>], mode: Mode) {
    let mut reported = Vec::new();
    let here = reader.stands_here(words);
    let clean = match typographic_quote::clean(words, reader.text).filter(|_| here) {
        Some((clean, diagnostic)) => {
            report(reader, spec, &clean, diagnostic, &mut reported);
            Cow::Owned(clean)
        }
        None => Cow::Borrowed(words),
    };
    round(reader, spec, clean, mode, &mut reported, ROUNDS);
}

fn round(
    reader: &mut Reader<'_>,
    spec: &'static TableSpec,
    words: Cow<'_, [Word<'_>]>,
    mode: Mode,
    reported: &mut Vec<(Code, usize)>,
    left: usize,
) {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return };
    let span = first.span.to(last.span);
    let end = Span { start: last.span.end.saturating_sub(1), end: last.span.end };
    let registry = reader.registry;
    let applied = match parse_command(&words, end, mode, &registry) {
        Ok(command) if command.for_other_family => Ok(()),
        Ok(command) => reader.apply(spec, &command, &words, span),
        Err(diagnostic) => Err(Refused(Some(diagnostic))),
    };
    let Err(Refused(why)) = applied else { return };
    let Some(why) = why else { return reader.broken(spec, &words, span, None) };
    let mended = if left == 0 { None } else { mend(reader, spec, &words, &why, mode) };
    let Some(Mended { diagnostic, lines }) = mended else {
        return reader.broken(spec, &words, span, Some(*why));
    };
    if lines.is_empty() {
        return reader.broken(spec, &words, span, Some(diagnostic));
    }
    report(reader, spec, &words, diagnostic, reported);
    for line in lines {
        round(reader, spec, Cow::Owned(line), mode, reported, left - 1);
    }
}

fn mend<'a>(
    reader: &Reader<'_>,
    table: &'static TableSpec,
    words: &[Word<'a>],
    why: &Diagnostic,
    mode: Mode,
) -> Option<Mended<'a>> {
    // Words that were put in have no length, and stand before the one that they belong to.
    let same = |w: &Word<'_>| w.span == why.span;
    let inside = |w: &Word<'_>| w.span.start <= why.span.start && why.span.start < w.span.end;
    let at = words.iter().rposition(same).or_else(|| words.iter().position(inside))?;
    let broken = Broken {
        words,
        why,
        at,
        text: reader.text,
        registry: &reader.registry,
        names: reader.names,
        table,
        mode,
    };
    MENDS.iter().find_map(|mend| mend(&broken))
}

/// Faults that a line often has several of, which are one finding.
const JOINED: [Code; 5] = [
    codes::UNICODE_DASH,
    codes::TYPOGRAPHIC_QUOTE,
    codes::OLD_NEGATION_ORDER,
    codes::BROKEN_LIST,
    codes::RESTORE_FRAMING,
];

fn report(
    reader: &mut Reader<'_>,
    spec: &'static TableSpec,
    words: &[Word<'_>],
    diagnostic: Diagnostic,
    reported: &mut Vec<(Code, usize)>,
) {
    let code = diagnostic.code;
    if let Some((_, at)) = reported.iter().find(|(c, _)| *c == code && JOINED.contains(c)) {
        let first = &mut reader.model.findings[*at].diagnostic;
        if let (Some(Fix { edits, .. }), Some(more)) = (&mut first.fix, diagnostic.fix) {
            edits.extend(more.edits);
            edits.sort_by_key(|edit| edit.span);
        }
        return;
    }
    reported.push((code, reader.model.findings.len()));
    reader.fault(spec, words, diagnostic);
}

impl Reader<'_> {
    /// Whether the words are bytes of the text; those of a script may come from variables.
    fn stands_here(&self, words: &[Word<'_>]) -> bool {
        let here = |w: &Word<'_>| self.text.get(w.span.start as usize..w.span.end as usize) == Some(&*w.text);
        self.model.input != Input::Script || words.iter().all(here)
    }

    /// Notes what is wrong with a line of a table. What does not stand in the text can't be mended there.
    pub(crate) fn fault(&mut self, spec: &'static TableSpec, words: &[Word<'_>], mut diagnostic: Diagnostic) {
        if !self.stands_here(words) {
            diagnostic.fix = None;
        }
        let names = |w: &Word<'_>| matches!(&*w.text, b"-A" | b"--append" | b"-I" | b"--insert");
        let chain = words.iter().position(names).and_then(|at| words.get(at + 1));
        let (table, chain) = (Some(spec.name.to_owned()), chain.map(|w| w.lossy().into_owned()));
        self.model.findings.push(Finding { table, chain, ..Finding::new(diagnostic) });
    }
}
