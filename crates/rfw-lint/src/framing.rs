//! Save files: what stands between the rules.
//!
//! iptables-restore gives up at the first line that it does not know. Here such a line is reported and the rest is read as
//! it was meant: carriage returns and blanks around `COMMIT` are left out, lines that end in `\` are joined, rules without
//! a table belong to the one before them, a second block of a table adds to the first unless it declares its chains anew.

use rfw_compiler::{TableSpec, foreign};
use rfw_diagnostics::{Diagnostic, Edit, Fix, FixSafety, Span, codes};
use rfw_syntax::{ChainLine, Line, LineKind, Mode, SaveLines, Word, split_line};

use crate::apply::Reader;
use crate::checks::{duplicate_table_block, restore_framing, user_chain_policy};
use crate::mend::command;
use crate::model::{Policy, Table};

/// The state of reading a save file.
#[derive(Default)]
struct Framing {
    /// Lines outside of any table that say nothing.
    stray: Vec<Span>,
    /// Bytes that are wrong at the end or the beginning of many lines, a finding for each kind.
    returns: Vec<Span>,
    blank_lines: Vec<Span>,
    indented: Vec<Span>,
    /// The table that is being read began without a `*` line.
    assumed: bool,
    /// The block is for a table that nobody knows.
    skipped: bool,
    /// The block is a second one for its table, which may still turn out to replace the first.
    second: bool,
    /// The last table that was open.
    last: Option<&'static TableSpec>,
}

/// Reads a save file.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let text = reader.text;
    if restore_framing::is_utf16(text) {
        // Nothing in it can be told from a mistake.
        return reader.report(restore_framing::utf16(text));
    }
    let mut framing = Framing::default();
    let mut lines = SaveLines::new(text).peekable();
    while let Some(line) = lines.next() {
        let line = framing.clean(reader, &line);
        let mut more = Vec::new();
        if matches!(line.kind, LineKind::Command { .. }) {
            let mut end = line.text;
            while end.ends_with(b"\\") {
                let Some(next) = lines.next() else { break };
                let next = framing.clean(reader, &next);
                end = next.text;
                more.push(next);
            }
        }
        framing.line(reader, &line, &more);
    }
    framing.finish(reader);
}

impl Framing {
    /// The line without what should not be around it.
    fn clean<'a>(&mut self, reader: &mut Reader<'_>, line: &Line<'a>) -> Line<'a> {
        let mut text = line.text;
        let mut start = line.span.start as usize;
        if line.number == 1
            && let Some(rest) = text.strip_prefix("\u{feff}".as_bytes())
        {
            reader.report(restore_framing::byte_order_mark(Span::new(start, start + 3)));
            (text, start) = (rest, start + 3);
        }
        if let Some(rest) = text.strip_suffix(b"\r") {
            self.returns.push(Span::new(start + rest.len(), start + text.len()));
            text = rest;
        }
        let trimmed = text.trim_ascii();
        let at = start + text.len() - text.trim_ascii_start().len();
        if trimmed.is_empty() && !text.is_empty() {
            self.blank_lines.push(Span::new(start, start + text.len()));
            text = trimmed;
        } else if trimmed.eq_ignore_ascii_case(b"COMMIT") && text != b"COMMIT" {
            reader.report(restore_framing::commit(Span::new(start, start + text.len()), text));
            return Line { kind: LineKind::Commit, ..Line::read(text, start, line.number) };
        } else if at != start && matches!(trimmed.first(), Some(b'#' | b'*' | b':')) {
            self.indented.push(Span::new(start, at));
            (text, start) = (text.trim_ascii_start(), at);
        }
        Line::read(text, start, line.number)
    }

    fn line(&mut self, reader: &mut Reader<'_>, line: &Line<'_>, more: &[Line<'_>]) {
        match &line.kind {
            LineKind::Blank => {}
            LineKind::Comment(text) => {
                if let (Some(rule), Some((table, _))) = (foreign::parse(text), reader.table) {
                    reader.foreign(table, &rule, line.span);
                }
            }
            LineKind::Table(name) => self.open_table(reader, line, name),
            LineKind::Commit => {
                if reader.table.take().is_none() && !self.skipped {
                    reader.report(restore_framing::commit_alone(line.span, reader.text));
                }
                (self.skipped, self.assumed) = (false, false);
            }
            _ if self.skipped => {}
            LineKind::Chain(chain) => {
                if self.enter(reader, line) {
                    self.declare(reader, line, chain);
                }
            }
            LineKind::Command { text, offset, .. } => {
                let words = joined(reader, text, *offset, more);
                if words.is_empty() {
                    return;
                }
                if reader.table.is_none() && !restore_framing::is_rule(&words) {
                    return self.stray.extend(std::iter::once(line).chain(more).map(|l| l.span));
                }
                if self.enter(reader, line)
                    && let Some((table, _)) = reader.table
                {
                    command(reader, table, &words, Mode::Restore);
                }
            }
            LineKind::BadCounters(_) => self.bad_counters(reader, line),
        }
    }

    /// Counters that are none, or a prompt such as `[root@host ~]#`.
    fn bad_counters(&mut self, reader: &mut Reader<'_>, line: &Line<'_>) {
        let mut words = Vec::new();
        split_line(line.text, line.span.start as usize, &mut words);
        let Some((table, _)) = reader.table else { return self.stray.push(line.span) };
        if restore_framing::program(&words).is_some() {
            return command(reader, table, &words, Mode::Restore);
        }
        let found = Diagnostic::error(codes::BAD_COUNTERS, line.span, "these are no counters");
        reader.report(found.help("a line may begin with `[packets:bytes]`, both decimal"));
        reader.broken(table, words.get(1..).unwrap_or_default(), line.span, None);
    }

    /// Sees to it that a table is open.
    fn enter(&mut self, reader: &mut Reader<'_>, line: &Line<'_>) -> bool {
        if reader.table.is_none() {
            self.flush_stray(reader);
            let Some(spec) = self.last.or_else(|| TableSpec::named(b"filter")) else { return false };
            reader.report(restore_framing::no_table(line.span, spec.name, self.last.is_some()));
            reader.table = Some((spec, line.span));
            self.assumed = true;
        }
        true
    }

    fn open_table(&mut self, reader: &mut Reader<'_>, line: &Line<'_>, name: &Word<'_>) {
        self.flush_stray(reader);
        if let Some((open, span)) = reader.table.take()
            && !self.assumed
        {
            reader.report(restore_framing::not_closed(open.name, span, line.span));
        }
        (self.assumed, self.skipped, self.second) = (false, false, false);
        let lower = name.text.to_ascii_lowercase();
        let Some(spec) = TableSpec::named(&name.text).or_else(|| {
            let spec = TableSpec::named(&lower);
            let fix = spec.map(|s| s.name);
            reader.report(restore_framing::unknown_table(name, fix));
            spec
        }) else {
            self.skipped = true;
            return;
        };
        let known = reader.model.table(spec.name).is_some();
        let table = reader.model.enter(spec);
        if known {
            let lost = &reader.model.tables[table];
            if let Some(found) = duplicate_table_block::found(lost, reader.text, line.span) {
                reader.report(found);
            }
            self.second = true;
        }
        reader.model.tables[table].span = Some(line.span);
        reader.table = Some((spec, line.span));
        self.last = Some(spec);
    }

    fn declare(&mut self, reader: &mut Reader<'_>, line: &Line<'_>, declared: &ChainLine<'_>) {
        let Some((spec, span)) = reader.table else { return };
        let table = reader.model.enter(spec);
        let (name, policy) = (&declared.name, &declared.policy);
        let bad_policy = |at: Span, help: &str| {
            let shown = name.lossy();
            Diagnostic::error(codes::BAD_POLICY, at, format!("chain `{shown}` has no usable policy"))
                .help(help)
        };
        let Some(policy) = policy else {
            return reader
                .report(bad_policy(line.span, "`:INPUT DROP [0:0]`, or `-` for a chain of your own"));
        };
        if std::mem::take(&mut self.second) && spec.chain(&name.text).is_some() {
            // A block that declares its base chains says all of its table.
            let mut anew = Table::new(spec);
            anew.span = Some(span);
            reader.model.tables[table] = anew;
        }
        let known = &mut reader.model.tables[table];
        let at = known.position(&name.text);
        let base = at.and_then(|at| known.chains.get_mut(at)).filter(|c| c.policy.is_some());
        match (base, &*policy.text) {
            (Some(chain), b"ACCEPT" | b"-") => {
                (chain.policy, chain.span) = (Some(Policy::Accept), Some(line.span))
            }
            (Some(chain), b"DROP") => (chain.policy, chain.span) = (Some(Policy::Drop), Some(line.span)),
            (Some(_), _) => reader.report(bad_policy(policy.span, "a policy is `ACCEPT` or `DROP`")),
            (None, word) => {
                known.add(&name.text, line.span, reader.facts);
                if word != b"-" {
                    let found = user_chain_policy::found(reader.text, name, policy);
                    reader.report(found);
                }
            }
        }
    }

    fn flush_stray(&mut self, reader: &mut Reader<'_>) {
        let stray = std::mem::take(&mut self.stray);
        if let Some(found) = restore_framing::stray(reader.text, &stray) {
            reader.report(found);
        }
    }

    fn finish(mut self, reader: &mut Reader<'_>) {
        self.flush_stray(reader);
        if let Some((spec, span)) = reader.table
            && !self.assumed
        {
            reader.report(restore_framing::no_commit(spec.name, span, reader.text));
        }
        let kinds = [
            (&self.returns, crate::checks::crlf_line_ending::found as fn(Span, usize) -> Diagnostic),
            (&self.blank_lines, restore_framing::blank_lines),
            (&self.indented, restore_framing::indented),
        ];
        for (spans, found) in kinds {
            let Some(first) = spans.first() else { continue };
            let mut diagnostic = found(*first, spans.len());
            let edits = spans.iter().map(|&span| Edit { span, replacement: String::new() }).collect();
            diagnostic.fix = Some(Fix { edits, safety: FixSafety::Safe });
            reader.report(diagnostic);
        }
    }
}

/// The words of a line and of those that it goes on in.
fn joined<'a>(reader: &mut Reader<'_>, text: &'a [u8], offset: usize, more: &[Line<'a>]) -> Vec<Word<'a>> {
    let mut words = Vec::new();
    let mut parts = vec![(text, offset)];
    parts.extend(more.iter().map(|line| (line.text, line.span.start as usize)));
    let mut breaks = Vec::new();
    let last = parts.len() - 1;
    for (at, (text, offset)) in parts.into_iter().enumerate() {
        let body = text.strip_suffix(b"\\").filter(|_| at < last);
        if let Some(body) = body {
            breaks.push(Span::new(offset + body.len(), offset + text.len()));
        }
        split_line(body.unwrap_or(text), offset, &mut words);
    }
    if let Some(first) = breaks.first() {
        reader.report(restore_framing::continued(*first, &breaks, more));
    }
    words
}
