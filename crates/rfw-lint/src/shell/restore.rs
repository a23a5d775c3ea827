//! Texts that a script gives to iptables-restore.
//!
//! The text is read as a save file behind as many line ends as the script has bytes, so that its places can't be mistaken for
//! places of the script; then every place becomes the one in the script from which its bytes came.

use rfw_diagnostics::{Diagnostic, Severity, Source, SourceKind, Span};

use super::run::Shell;
use super::text::{Field, Text, Value, Why};
use crate::commands;
use crate::model::{Model, Placed};
use crate::read::{Input, read};

impl<'a> Shell<'a> {
    /// A call of iptables-restore.
    pub(super) fn restore(&mut self, six: bool, fields: &[Field], span: Span) {
        let known = |wanted: &[&[u8]]| fields.iter().any(|f| f.known().is_some_and(|k| wanted.contains(&k)));
        if known(&[b"-t", b"--test"]) {
            self.status = None;
            return;
        }
        let mut file = None;
        let mut skip = false;
        for field in fields {
            match field.known() {
                _ if std::mem::take(&mut skip) => {}
                Some(b"-T" | b"--table" | b"-M" | b"--modprobe") => skip = true,
                Some(option) if option.starts_with(b"-") => {}
                Some(b"<") => {}
                Some(number) if number.iter().all(u8::is_ascii_digit) => {}
                _ => file = Some(field),
            }
        }
        let text = match file {
            Some(file) => self.file(file),
            None => self.input.clone().map_or_else(
                || Value::Unknown(Why::new(span, "it reads what is not part of the script")),
                |input| input.rest(),
            ),
        };
        self.status = None;
        if self.is_maybe() {
            if let Some(region) = self.regions.last_mut() {
                region.commands.push(span);
            }
            self.firewall.replaced(six, span);
            return;
        }
        let partly = known(&[b"-n", b"--noflush"]);
        match text {
            Value::Known(text) if !partly => self.load(six, &text, span),
            Value::Known(_) => {
                let why = Why::new(span, "it adds to the rules that there are");
                self.firewall.not_followed(span, why, "this restore is not followed");
                self.firewall.replaced(six, span);
            }
            Value::Unknown(why) => {
                self.firewall.not_followed(span, why, "what is restored here is not known");
                self.firewall.replaced(six, span);
            }
        }
    }

    fn load(&mut self, six: bool, text: &Text, span: Span) {
        self.charge(text.bytes().len() * 8);
        let before = self.text.len() + 1;
        let mut padded = vec![b'\n'; before];
        padded.extend_from_slice(text.bytes());
        let reader = &mut self.firewall.readers[usize::from(six)];
        let source = Source::new("", SourceKind::File, padded);
        let mut fresh = read(&source, Input::Save, reader.family, reader.names, reader.facts);
        let place = |found: Span| {
            let (start, end) = (found.start as usize, found.end as usize);
            if start < before { span } else { text.place(start - before, end.max(start) - before) }
        };
        fresh.move_places(&place);
        self.status = Some(fresh.findings.iter().all(|f| f.diagnostic.severity != Severity::Error));
        reader.model.findings.append(&mut fresh.findings);
        for table in fresh.tables {
            match reader.model.tables.iter_mut().find(|t| t.name == table.name) {
                Some(known) => *known = table,
                None => reader.model.tables.push(table),
            }
        }
        commands::look(reader, span);
    }
}

impl super::firewall::Firewall<'_> {
    /// A restore whose text is not known has replaced some tables, or all.
    fn replaced(&mut self, six: bool, span: Span) {
        let reader = &mut self.readers[usize::from(six)];
        for spec in rfw_compiler::builtin::TABLES {
            let table = reader.model.enter(spec);
            reader.blur_table(table, span);
        }
    }
}

impl Model {
    /// Changes every place.
    fn move_places(&mut self, place: &dyn Fn(Span) -> Span) {
        for table in &mut self.tables {
            table.span = table.span.map(place);
            for (.., span) in &mut table.renamed {
                *span = place(*span);
            }
            for chain in &mut table.chains {
                chain.span = chain.span.map(place);
                chain.rules.iter_mut().for_each(|rule| rule.move_places(place));
            }
        }
        self.findings.iter_mut().for_each(|f| move_diagnostic(&mut f.diagnostic, place));
    }
}

impl Placed {
    fn move_places(&mut self, place: &dyn Fn(Span) -> Span) {
        self.span = place(self.span);
        self.match_spans.iter_mut().for_each(|span| *span = place(*span));
        self.target_span = self.target_span.map(place);
    }
}

fn move_diagnostic(diagnostic: &mut Diagnostic, place: &dyn Fn(Span) -> Span) {
    diagnostic.span = place(diagnostic.span);
    diagnostic.labels.iter_mut().for_each(|label| label.span = place(label.span));
    // What the text was made of may be used elsewhere, too.
    diagnostic.fix = None;
}
