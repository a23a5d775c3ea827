//! Diagnostics for people.
//!
//! The renderer sees only the lines that a diagnostic is about, and of long lines only the part around it, so that the
//! cost of one diagnostic does not depend on the size of the source.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};

use crate::{Code, Diagnostic, Edit, Fix, FixSafety, Severity, Source, SourceKind, Span};

/// Most lines of one span that are shown; of a longer one the beginning.
const MAX_LINES: usize = 6;
/// Unmarked lines between two marked ones that do not separate them.
const MAX_GAP: usize = 3;
/// Longest beginning of a line that is handed to the renderer, which shows what fits the screen. No line that
/// `iptables-restore` takes is longer.
const WIDE: Cut = Cut { before: 10_240, after: 1_000 };
/// The same for a fix, which the renderer shows at any length.
const NARROW: Cut = Cut { before: 60, after: 60 };
/// Longest replacement that is drawn.
const MAX_REPLACEMENT: usize = 2_000;
/// Most edits of one fix that are drawn.
const MAX_EDITS: usize = 8;

/// The diagnostics in the order given, each with its lines, marks, help and fix, and an empty line between two of them.
/// Bytes that are not UTF-8 are shown as U+FFFD. `color` asks for terminal escapes.
#[must_use]
pub fn render_text(diagnostics: &[Diagnostic], source: &Source, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    render(diagnostics, source, &renderer, &|_| None)
}

/// The same with colours, and with codes that are links, as terminals show them (OSC 8).
#[must_use]
pub fn render_linked(
    diagnostics: &[Diagnostic],
    source: &Source,
    link: &dyn Fn(Code) -> Option<String>,
) -> String {
    render(diagnostics, source, &Renderer::styled(), link)
}

fn render(
    diagnostics: &[Diagnostic],
    source: &Source,
    renderer: &Renderer,
    link: &dyn Fn(Code) -> Option<String>,
) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&renderer.render(&report(diagnostic, source, link)));
        out.push('\n');
    }
    out
}

fn report<'a>(
    diagnostic: &'a Diagnostic,
    source: &'a Source,
    link: &dyn Fn(Code) -> Option<String>,
) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Info => Level::INFO,
        Severity::Warn => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let mut title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.to_string());
    if let Some(link) = link(diagnostic.code) {
        title = title.id_url(link);
    }
    let mut group = Group::with_title(title);
    for lines in marked_lines(diagnostic, source) {
        let first_mark = lines.first_mark;
        let (snippet, exact) = lines.snippet(source);
        group = if exact {
            group.element(snippet.path(shown_name(source)))
        } else {
            // The renderer counts columns in what it is given, which is not the whole line here.
            group.element(origin(source, first_mark)).element(snippet)
        };
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let fix = diagnostic.fix.as_ref();
    std::iter::once(group).chain(fix.and_then(|fix| fix_group(fix, source))).collect()
}

fn origin(source: &Source, span: Span) -> Origin<'_> {
    let place = source.line_column(span.start);
    Origin::path(shown_name(source)).line(place.line).char_column(place.column)
}

fn shown_name(source: &Source) -> &str {
    match source.kind {
        SourceKind::CommandLine => "<command line>",
        SourceKind::File | SourceKind::Live => &source.name,
    }
}

fn fix_group<'a>(fix: &'a Fix, source: &'a Source) -> Option<Group<'a>> {
    let title = match fix.safety {
        FixSafety::Safe => "this fix keeps the meaning",
        FixSafety::Unsafe => "this fix may change what the rules do",
        FixSafety::Suggestion => "one way to write it",
    };
    let mut group = Group::with_title(Level::HELP.secondary_title(title));
    for edit in fix.edits.iter().take(MAX_EDITS) {
        group = group.element(patched(edit, source)?);
    }
    Some(group)
}

/// A replacement with its lines; `None` for one that is too large to draw.
fn patched<'a>(edit: &'a Edit, source: &Source) -> Option<Snippet<'a, Patch<'a>>> {
    let lines = lines_of(source, edit.span);
    let whole = source.line_of(edit.span.end as usize) <= lines.end;
    let excerpt = Excerpt::new(source, lines.start..lines.end + 1, &[edit.span], NARROW);
    let range = excerpt.range(edit.span);
    if !whole || edit.replacement.len() > MAX_REPLACEMENT || !excerpt.holds(edit.span) {
        return None;
    }
    let snippet = Snippet::source(excerpt.text)
        .line_start(lines.start + 1)
        .line_numbering(source.kind != SourceKind::CommandLine)
        .patch(Patch::new(range, edit.replacement.as_str()));
    Some(snippet)
}

/// Something to mark.
struct Mark<'a> {
    span: Span,
    kind: AnnotationKind,
    text: Option<&'a str>,
}

/// Neighbouring lines with their marks.
struct MarkedLines<'a> {
    lines: Range<usize>,
    first_mark: Span,
    marks: Vec<Mark<'a>>,
}

/// The marks put together where their lines are near; the lines of the guilty word come first.
fn marked_lines<'a>(diagnostic: &'a Diagnostic, source: &Source) -> Vec<MarkedLines<'a>> {
    let guilty =
        Mark { span: diagnostic.span, kind: AnnotationKind::Primary, text: diagnostic.label.as_deref() };
    let others = diagnostic.labels.iter().map(|label| Mark {
        span: label.span,
        kind: AnnotationKind::Context,
        text: Some(&label.text),
    });
    let mut marks: Vec<_> =
        std::iter::once(guilty).chain(others).map(|mark| (lines_of(source, mark.span), mark)).collect();
    marks.sort_by_key(|(lines, _)| lines.start);
    let mut found: Vec<MarkedLines<'a>> = Vec::new();
    for (lines, mark) in marks {
        match found.last_mut() {
            Some(last) if lines.start <= last.lines.end + MAX_GAP => {
                last.lines.end = last.lines.end.max(lines.end + 1);
                if mark.kind == AnnotationKind::Primary {
                    last.first_mark = mark.span;
                }
                last.marks.push(mark);
            }
            _ => found.push(MarkedLines {
                lines: lines.start..lines.end + 1,
                first_mark: mark.span,
                marks: vec![mark],
            }),
        }
    }
    let guilty = |lines: &MarkedLines<'_>| {
        let mut kinds = lines.marks.iter().map(|mark| mark.kind);
        kinds.any(|kind| kind == AnnotationKind::Primary)
    };
    found.sort_by_key(|lines| !guilty(lines));
    found
}

impl<'a> MarkedLines<'a> {
    /// The snippet, and whether columns in it are columns of the source.
    fn snippet(self, source: &Source) -> (Snippet<'a, Annotation<'a>>, bool) {
        let spans: Vec<Span> = self.marks.iter().map(|mark| mark.span).collect();
        let excerpt = Excerpt::new(source, self.lines.clone(), &spans, WIDE);
        let annotations: Vec<_> = self
            .marks
            .into_iter()
            .map(|mark| mark.kind.span(excerpt.range(mark.span)).label(mark.text))
            .collect();
        let snippet = Snippet::source(excerpt.text)
            .line_start(self.lines.start + 1)
            .line_numbering(source.kind != SourceKind::CommandLine)
            .annotations(annotations);
        (snippet, !excerpt.left_cut)
    }
}

/// The first and the last line to show for a span, by index from 0.
fn lines_of(source: &Source, span: Span) -> Range<usize> {
    let first = source.line_of(span.start as usize);
    let last_byte = (span.end as usize).saturating_sub(1).max(span.start as usize);
    let last = source.line_of(last_byte).min(first + MAX_LINES - 1);
    first..last
}

/// One character of a source and where it went.
struct Place {
    from: Range<usize>,
    to: Range<usize>,
}

/// Where a long line is cut: bytes kept before and after the start of what it is shown for.
#[derive(Clone, Copy)]
struct Cut {
    before: usize,
    after: usize,
}

/// Lines of a source as text.
struct Excerpt {
    text: String,
    places: Vec<Place>,
    /// Whether the beginning of a line is missing.
    left_cut: bool,
}

impl Excerpt {
    /// The lines, joined by line ends. Long ones are cut around the first span in them.
    fn new(source: &Source, lines: Range<usize>, spans: &[Span], cut: Cut) -> Self {
        let mut excerpt = Self { text: String::new(), places: Vec::new(), left_cut: false };
        for line in lines.clone() {
            if line > lines.start {
                excerpt.push(source.line_range(line).start.saturating_sub(1), 1, '\n');
            }
            excerpt.push_line(source, source.line_range(line), spans, cut);
        }
        excerpt
    }

    fn push_line(&mut self, source: &Source, line: Range<usize>, spans: &[Span], cut: Cut) {
        let mut shown = line.clone();
        if line.len() > cut.before + cut.after {
            let starts = spans.iter().map(|span| span.start as usize);
            let first = starts.filter(|at| line.contains(at)).min();
            let focus = first.unwrap_or(line.start);
            shown.start = focus.saturating_sub(cut.before).max(line.start);
            shown.end = focus.saturating_add(cut.after).min(line.end);
        }
        let bytes = |range: Range<usize>| source.text.get(range).unwrap_or_default();
        // A cut inside a character moves past it; a character has at most three bytes after its first.
        let rest = |at: usize| {
            let tail = bytes(at..line.end).iter().take(3);
            tail.take_while(|&b| b & 0xc0 == 0x80).count()
        };
        if shown.start > line.start {
            shown.start += rest(shown.start);
        }
        shown.end += rest(shown.end);
        if shown.start > line.start {
            self.text.push('…');
            self.left_cut = true;
        }
        let mut at = shown.start;
        for chunk in bytes(shown.clone()).utf8_chunks() {
            for character in chunk.valid().chars() {
                self.push(at, character.len_utf8(), visible(character));
                at += character.len_utf8();
            }
            for _ in chunk.invalid() {
                self.push(at, 1, char::REPLACEMENT_CHARACTER);
                at += 1;
            }
        }
        if shown.end < line.end {
            self.text.push('…');
        }
    }

    fn push(&mut self, from: usize, len: usize, character: char) {
        let start = self.text.len();
        self.text.push(character);
        self.places.push(Place { from: from..from + len, to: start..self.text.len() });
    }

    /// Where a span went; an empty range where it was cut away.
    fn range(&self, span: Span) -> Range<usize> {
        let (from, to) = (span.start as usize, span.end as usize);
        let first = self.places.partition_point(|p| p.from.end <= from);
        let start = self.places.get(first).map_or(self.text.len(), |p| p.to.start);
        let mut past = self.places.partition_point(|p| p.from.start < to);
        let line_end = |p: &Place| self.text.get(p.to.clone()) == Some("\n");
        while past > first && self.places.get(past - 1).is_some_and(line_end) {
            past -= 1;
        }
        let last = past.checked_sub(1).and_then(|at| self.places.get(at));
        let end = last.map_or(start, |p| p.to.end);
        start..end.max(start)
    }

    /// Whether nothing of a span was cut away.
    fn holds(&self, span: Span) -> bool {
        let (from, to) = (span.start as usize, span.end as usize);
        let shown = self.places.iter().filter(|p| p.from.start < to && from < p.from.end);
        shown.map(|p| p.from.len()).sum::<usize>() >= to.saturating_sub(from)
    }
}

/// A carriage return inside a line would end it on the screen.
fn visible(character: char) -> char {
    match character {
        '\r' => '␍',
        '\u{0b}' | '\u{0c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        other => other,
    }
}
