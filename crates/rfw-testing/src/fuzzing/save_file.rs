//! A save file, read as restore and lint read it, without a kernel.

use rfw_compiler::{Body, BuildCx, Stored, TableSpec, build, foreign, print_stored};
use rfw_diagnostics::{Diagnostic, Source, SourceKind, Span};
use rfw_extensions::{Printer, Registry};
use rfw_lint::{Input, Options, apply_fixes, lint};
use rfw_nft::Family;
use rfw_syntax::{Action, Command, LineKind, Mode, SaveLines, parse_command, split_line};

use super::words::spans_inside;
use super::{FAMILIES, NoNames, plain, too_many_addresses};

/// # Panics
/// If a span lies outside of the text, or a file without mistakes is another one after it was printed and read again.
pub fn save_file(data: &[u8]) {
    for family in FAMILIES {
        linted(data, family);
        let first = File::read(data, family);
        for diagnostic in &first.found {
            spans_inside(diagnostic, data.len());
        }
        if !first.found.is_empty() || first.odd {
            continue;
        }
        let again = File::read(&first.printed, family);
        let shown = String::from_utf8_lossy(&first.printed);
        assert!(again.found.is_empty(), "{shown}\n{:?}", again.found);
        assert!(
            again.printed == first.printed,
            "{shown}\nprints as\n{}",
            String::from_utf8_lossy(&again.printed)
        );
    }
}

fn linted(data: &[u8], family: Family) {
    let source = Source::new("some/file", SourceKind::File, data.to_vec());
    for input in [Input::Save, Input::Arguments] {
        let found = lint(&source, input, family, &NoNames, &Options::default()).findings;
        for finding in &found {
            let edits = finding.diagnostic.fix.iter().flat_map(|fix| &fix.edits).map(|edit| edit.span);
            for span in edits.chain([finding.diagnostic.span]) {
                assert!(span.start <= span.end && span.end as usize <= data.len(), "{finding:?}");
            }
        }
        let fixes: Vec<_> = found.iter().filter_map(|f| f.diagnostic.fix.as_ref()).collect();
        let fixed = apply_fixes(data, &fixes);
        // Of fixes that clash one goes in.
        assert!(fixes.is_empty() || fixed.applied.contains(&true), "{fixes:?}");
    }
}

/// What became of a file.
struct File {
    family: Family,
    registry: Registry,
    table: Option<&'static TableSpec>,
    printed: Vec<u8>,
    found: Vec<Diagnostic>,
    /// Whether it holds names that no save file can, or commands that are no rules.
    odd: bool,
    len: usize,
}

impl File {
    fn read(text: &[u8], family: Family) -> Self {
        let mut file = Self {
            family,
            registry: Registry::new(family),
            table: None,
            printed: Vec::new(),
            found: Vec::new(),
            odd: false,
            len: text.len(),
        };
        for line in SaveLines::new(text) {
            file.line(&line.kind, line.span);
        }
        file
    }

    fn line(&mut self, kind: &LineKind<'_>, span: Span) {
        match kind {
            LineKind::Blank | LineKind::BadCounters(_) => {}
            LineKind::Comment(text) => {
                if let Some(rule) = foreign::parse(text) {
                    self.odd |= !plain(&rule.chain);
                    foreign::print(&rule.chain, &rule.exprs, &rule.userdata, &mut self.printed);
                    self.printed.push(b'\n');
                }
            }
            LineKind::Table(name) => {
                self.table = TableSpec::named(&name.text);
                if let Some(table) = self.table {
                    self.printed.extend_from_slice(format!("*{}\n", table.name).as_bytes());
                }
            }
            LineKind::Commit => {
                self.table = None;
                self.printed.extend_from_slice(b"COMMIT\n");
            }
            LineKind::Chain(chain) => {
                assert!(chain.name.span.end as usize <= self.len);
                self.odd |= !plain(&chain.name.text);
                let Some(policy) = &chain.policy else { return };
                self.odd |= !plain(&policy.text) && policy.text.as_ref() != b"-";
                let (packets, bytes) = chain.counters.unwrap_or_default();
                let parts: [&[u8]; 5] = [b":", &chain.name.text, b" ", &policy.text, b" "];
                self.printed.extend_from_slice(&parts.concat());
                self.printed.extend_from_slice(format!("[{packets}:{bytes}]\n").as_bytes());
            }
            LineKind::Command { counters, text, offset } => self.command(*counters, text, *offset, span),
        }
    }

    fn command(&mut self, counters: Option<(u64, u64)>, text: &[u8], offset: usize, span: Span) {
        if too_many_addresses(text) {
            self.odd = true;
            return;
        }
        let mut words = Vec::new();
        split_line(text, offset, &mut words);
        let end = Span::new(span.end as usize, span.end as usize);
        match parse_command(&words, end, Mode::Restore, &self.registry) {
            Ok(command) if command.action == Action::Append => {
                if let Err(diagnostic) = self.append(&command, counters) {
                    self.found.push(*diagnostic);
                }
            }
            Ok(_) => self.odd = true,
            Err(diagnostic) => self.found.push(*diagnostic),
        }
    }

    fn append(&mut self, command: &Command<'_>, counters: Option<(u64, u64)>) -> Result<(), Box<Diagnostic>> {
        let (Some(table), Some(chain)) = (self.table, &command.chain) else {
            self.odd = true;
            return Ok(());
        };
        let cx = BuildCx { family: self.family, table: table.name, chain: &chain.text, names: &NoNames };
        self.odd |= !plain(&chain.text);
        for rule in build(&command.rule, &cx)? {
            self.odd |= rule.target.chain().is_some_and(|c| !plain(c));
            let counters = command.rule.counters.or(counters);
            if let Some((packets, bytes)) = counters {
                self.printed.extend_from_slice(format!("[{packets}:{bytes}] ").as_bytes());
            }
            let stored = Stored { body: Body::Rule(rule), counters: (0, 0), handle: 0, userdata: Vec::new() };
            let start = self.printed.len();
            let mut out = Printer::new(&mut self.printed, self.family, &NoNames);
            print_stored(&chain.text, &stored, None, &mut out);
            // A text with a line end in it breaks the file, as it breaks that of iptables-save.
            self.odd |= self.printed[start..].contains(&b'\n');
            self.printed.push(b'\n');
        }
        Ok(())
    }
}
