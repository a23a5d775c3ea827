//! The rulesets of both families that a script builds, and what is to be said of the script itself.

use std::borrow::Cow;

use rfw_diagnostics::{Diagnostic, Severity, Span, codes};
use rfw_syntax::Word;

use super::noted::Noted;
use super::run::{Region, Shell};
use super::text::{Field, Use, Value, Why};
use crate::apply::Reader;
use crate::checks::{joined_commands, not_followed};
use crate::commands::{self, Origin};

/// Findings about what is not followed; a script with more is not one for this reader.
const NOTES: usize = 50;

/// Something that is not followed.
struct Note {
    span: Span,
    message: String,
    why: Why,
    /// Other commands for the same reason.
    more: Vec<Span>,
}

/// Both rulesets.
pub(super) struct Firewall<'n> {
    /// IPv4, IPv6.
    pub(super) readers: [Reader<'n>; 2],
    notes: Vec<Note>,
    pub(super) noted: Noted,
    text: &'n [u8],
    gave_up: bool,
    /// Something runs at the end that is not followed.
    pub(super) undone: bool,
}

impl<'n> Firewall<'n> {
    pub(super) fn new(readers: [Reader<'n>; 2], text: &'n [u8]) -> Self {
        Self { readers, notes: Vec::new(), noted: Noted::default(), text, gave_up: false, undone: false }
    }

    /// The findings about the script itself.
    pub(super) fn findings(&mut self) -> Vec<Diagnostic> {
        let notes = std::mem::take(&mut self.notes);
        let found = |note: &Note| {
            not_followed::found(note.span, &note.message, (note.why.at, &note.why.text), &note.more)
        };
        notes.iter().map(found).collect()
    }

    /// Notes what is not followed. The same reason makes one finding.
    pub(super) fn not_followed(&mut self, span: Span, why: Why, message: &str) {
        let same = |n: &&mut Note| {
            n.message == message
                && n.why.text == why.text
                && (n.why.at == why.at || n.why.at == n.span && why.at == span)
        };
        if let Some(known) = self.notes.iter_mut().find(same) {
            if known.span != span && !known.more.contains(&span) {
                known.more.push(span);
            }
        } else if self.notes.len() < NOTES {
            self.notes.push(Note { span, message: message.to_owned(), why, more: Vec::new() });
        }
    }

    /// A stretch whose commands may not run.
    pub(super) fn not_decided(&mut self, region: &Region) {
        let mut commands = region.commands.clone();
        commands.sort_unstable();
        commands.dedup();
        let (Some(&first), count) = (commands.first(), commands.len()) else { return };
        let message = match count {
            1 => "it is not known whether this command runs".to_owned(),
            n => format!("it is not known whether these {n} commands run"),
        };
        let why = region.why.clone();
        // Both branches of one condition are one cause.
        if let Some(known) = self.notes.iter_mut().find(|n| n.why == why) {
            known.more.extend(commands.into_iter().filter(|&span| span != known.span));
            known.message = format!("it is not known which of these {} commands run", known.more.len() + 1);
            return;
        }
        if self.notes.len() < NOTES {
            self.notes.push(Note { span: first, message, why, more: commands[1..].to_vec() });
        }
    }

    /// The script is too long or too deep.
    pub(super) fn gave_up(&mut self, span: Span) {
        if !std::mem::replace(&mut self.gave_up, true) {
            let why = Why::new(span, "the bound on steps and depth is reached here");
            self.not_followed(span, why, "the script is not followed any further");
        }
    }

    /// The script is read as it is run to put the rules up.
    pub(super) fn assumed_start(&mut self, span: Span) {
        let why = Why::new(span, "other cases are left out");
        self.not_followed(span, why, "the script is read as it runs with `start`");
    }

    /// A variable that nothing sets is taken for iptables.
    pub(super) fn assumed_program(&mut self, why: &Why, span: Span, six: bool) {
        let name = if six { "ip6tables" } else { "iptables" };
        let shown = String::from_utf8_lossy(
            self.text.get(span.start as usize..span.end as usize).unwrap_or_default(),
        );
        let message = format!("`{shown}` is taken for {name}");
        let why = Why::new(span, why.text.clone());
        if !self.notes.iter().any(|n| n.message == message) {
            self.not_followed(span, why, &message);
        }
    }

    /// `set -e`.
    pub(super) fn stops_on_errors(&mut self) {
        for reader in &mut self.readers {
            reader.watch.stops = true;
        }
    }

    /// Anything may have become of all rules.
    pub(super) fn blur_all(&mut self, span: Span) {
        for reader in &mut self.readers {
            for table in 0..reader.model.tables.len() {
                reader.blur_table(table, span);
            }
        }
    }

    /// Applies a command; whether it succeeds, where that is known.
    fn command(&mut self, six: bool, fields: &[Field], span: Span, origin: &Origin) -> Option<bool> {
        let words: Vec<Word<'_>> = fields.iter().map(word).collect();
        let joints = joined_commands::find(&words);
        if let Some(found) = joined_commands::found(&words, &joints, true) {
            self.readers[usize::from(six)].report(found);
            let (mut from, mut family) = (0, six);
            for joint in joints {
                self.command(family, &fields[from..joint.at], span, origin);
                let program = super::programs::named(&words[joint.next - 1].text);
                family = matches!(program, Some(super::programs::Program::Tables(true)));
                from = joint.next;
            }
            return self.command(family, &fields[from..], span, origin);
        }
        if let Some(unknown) = fields.iter().find(|f| f.unknown.is_some()) {
            if fields.iter().any(|f| f.known().is_none_or(commands::is_change)) {
                let why =
                    unknown.unknown.clone().unwrap_or_else(|| Why::new(unknown.span, "it is not known"));
                let from =
                    self.text.get(unknown.span.start as usize..unknown.span.end as usize).unwrap_or_default();
                let shown = String::from_utf8_lossy(from);
                let message = match from.len() {
                    1..40 => format!("what `{shown}` holds is not known: this command is not followed"),
                    _ => "a part of this command is not known: it is not followed".to_owned(),
                };
                self.not_followed(unknown.span, why, &message);
                self.maybe(six, fields, span);
            }
            return None;
        }
        let reader = &mut self.readers[usize::from(six)];
        let before = reader.model.findings.len();
        let values = fields.iter().flat_map(|f| f.text.uses());
        let values = values.map(|u| (u.name.clone(), u.at, u.set)).collect();
        let status = commands::run(reader, &words, Origin { values, ..origin.clone() });
        for finding in &mut reader.model.findings[before..] {
            let place = finding.diagnostic.span;
            let blamed = fields.iter().filter(|f| overlaps(f.text.span().unwrap_or(f.span), place));
            explain(&mut finding.diagnostic, blamed.flat_map(|f| f.text.uses()));
            called(&mut finding.diagnostic, origin.called);
        }
        status
    }

    /// A command that may not run, or of which not all is known.
    fn maybe(&mut self, six: bool, fields: &[Field], span: Span) {
        let words: Vec<Option<Word<'_>>> =
            fields.iter().map(|f| f.unknown.is_none().then(|| word(f))).collect();
        let reader = &mut self.readers[usize::from(six)];
        // A word that may be several hides the command, too.
        let hidden = fields.iter().any(|f| f.many && f.unknown.is_some());
        let known = words.iter().flatten().any(|w| commands::is_change(&w.text));
        if hidden && !known {
            self.blur_all(span);
        } else {
            reader.run_maybe(&words, span);
        }
    }

    /// How many rules there are, as a measure of what a command costs.
    fn size(&self) -> usize {
        let chains = self.readers.iter().flat_map(|r| &r.model.tables).flat_map(|t| &t.chains);
        chains.map(|c| c.rules.len()).sum()
    }
}

impl<'a> Shell<'a> {
    /// A call of iptables.
    pub(super) fn tables(&mut self, six: bool, fields: &[Field], span: Span) {
        let mut six = six;
        for field in fields {
            match field.known() {
                Some(b"-6" | b"--ipv6") => six = true,
                Some(b"-4" | b"--ipv4") => six = false,
                _ => {}
            }
        }
        let unknown = fields.iter().any(|f| f.unknown.is_some());
        let changes = unknown || fields.iter().filter_map(Field::known).any(commands::is_change);
        let appends = fields.iter().any(|f| matches!(f.known(), Some(b"-A" | b"--append")));
        if changes && !appends {
            let size = self.firewall.size();
            self.charge(size);
        }
        if self.is_maybe() {
            self.status = None;
            if changes {
                if let Some(region) = self.regions.last_mut() {
                    region.commands.push(span);
                }
                self.firewall.maybe(six, fields, span);
            }
        } else {
            let origin = Origin { called: self.called, values: Vec::new() };
            self.status = self.firewall.command(six, fields, span, &origin);
        }
        if !changes {
            self.write(Value::Unknown(Why::new(span, "it is what iptables prints")));
        }
    }

    /// Changes what is known of the host.
    pub(super) fn noted(&mut self, change: impl FnOnce(&mut Noted, bool)) {
        let sure = !self.is_maybe();
        change(&mut self.firewall.noted, sure);
    }
}

/// A field as a word of iptables.
fn word(field: &Field) -> Word<'_> {
    let bytes = field.text.bytes();
    let span = if bytes.is_empty() { field.span } else { field.text.place(0, bytes.len()) };
    Word { text: Cow::Borrowed(bytes), span, quoted: field.quoted }
}

pub(super) fn overlaps(one: Span, other: Span) -> bool {
    one.start < other.end && other.start < one.end
}

/// Says where the values of variables come from.
pub(super) fn explain<'u>(diagnostic: &mut Diagnostic, uses: impl Iterator<Item = &'u Use>) {
    let mut left = 3;
    for used in uses {
        let place = used.set;
        let known = diagnostic.labels.iter().any(|l| l.span == place);
        if left == 0 || known || overlaps(place, diagnostic.span) {
            continue;
        }
        left -= 1;
        let name = String::from_utf8_lossy(&used.name);
        diagnostic
            .labels
            .push(rfw_diagnostics::Label { span: place, text: format!("`{name}` gets its value here") });
    }
}

/// Says which call ran it.
pub(super) fn called(diagnostic: &mut Diagnostic, call: Option<Span>) {
    if let Some(span) = call.filter(|&span| !overlaps(span, diagnostic.span))
        && !diagnostic.labels.iter().any(|l| overlaps(l.span, span))
    {
        diagnostic.labels.push(rfw_diagnostics::Label { span, text: "called from here".to_owned() });
    }
}

/// A place that no shell would take.
pub(super) fn unreadable(span: Span, message: &str) -> Diagnostic {
    Diagnostic::new(
        codes::NOT_FOLLOWED,
        Severity::Info,
        span,
        format!("the script can't be read here: {message}"),
    )
    .help("reading goes on with the next line; `sh -n FILE` says what the shell thinks of it")
}
