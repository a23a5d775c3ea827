//! Texts to a [`Model`]: save files and lists of iptables arguments.

use rfw_compiler::{TableSpec, foreign};
use rfw_diagnostics::{Diagnostic, Source, Span, codes};
use rfw_extensions::{Names, Registry};
use rfw_nft::Family;
use rfw_syntax::{ChainLine, Command, Line, LineKind, Mode, SaveLines, Word, parse_command, split_line};

use crate::Finding;
use crate::apply::Reader;
use crate::checks::joined_commands;
use crate::commands::{self, Origin};
use crate::facts::Facts;
use crate::model::{Model, Policy, Table};
use crate::shell;

/// What kind of text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// iptables-restore input: each `*table` block says all of its table.
    Save,
    /// One iptables argument list per line, applied in order to what the lines before have left.
    Arguments,
    /// A shell script: its iptables commands are followed.
    Script,
}

impl Input {
    /// By the name (`*.args`, `*.sh`), else by the first lines that say something.
    #[must_use]
    pub fn guess(name: &str, text: &[u8]) -> Self {
        if name.ends_with(".args") {
            return Self::Arguments;
        }
        if shell::is_script(name, text) {
            return Self::Script;
        }
        let mut lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or_default();
        if first.starts_with(b"-") { Self::Arguments } else { Self::Save }
    }
}

/// The family of a text: by its name, else by the addresses in its rules.
#[must_use]
pub fn guess_family(name: &str, text: &[u8]) -> Family {
    if [".v6.rules", ".v6", "rules6", "ip6tables"].iter().any(|mark| name.contains(mark)) {
        return Family::Ipv6;
    }
    let words = text.split(|b| b.is_ascii_whitespace()).filter_map(|w| std::str::from_utf8(w).ok());
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let next = words.peek().copied().unwrap_or_default();
        let address = |w: &str| w.split('/').next().is_some_and(|a| a.parse::<std::net::Ipv6Addr>().is_ok());
        match word {
            "-s" | "-d" | "--source" | "--destination" | "--src" | "--dst" if address(next) => {
                return Family::Ipv6;
            }
            "-p" | "--protocol" if matches!(next, "icmpv6" | "ipv6-icmp") => return Family::Ipv6,
            _ => {}
        }
    }
    Family::Ipv4
}

/// Reads a text. What is wrong with it is in the model's findings.
#[must_use]
pub fn read(source: &Source, input: Input, family: Family, names: &dyn Names, facts: &Facts) -> Model {
    if input == Input::Script {
        let [four, six] = shell::read(source, names, facts).models;
        return if family == Family::Ipv4 { four } else { six };
    }
    let mut reader =
        Reader::new(Model::new(family, input), Registry::new(family), names, facts, &source.text);
    for line in SaveLines::new(&source.text) {
        match input {
            Input::Save => save_line(&mut reader, &line),
            Input::Arguments | Input::Script => arguments(&mut reader, &line),
        }
    }
    if let (Input::Save, Some((spec, span))) = (input, reader.table) {
        let found =
            Diagnostic::error(codes::RESTORE_FRAMING, span, format!("table {} has no COMMIT", spec.name));
        reader.report(found.help("end it with a line `COMMIT`, or nothing of it is loaded"));
    }
    reader.model
}

fn save_line(reader: &mut Reader<'_>, line: &Line<'_>) {
    match &line.kind {
        LineKind::Blank => {}
        LineKind::Comment(text) => {
            if let (Some(rule), Some((table, _))) = (foreign::parse(text), reader.table) {
                reader.foreign(table, &rule, line.span);
            }
        }
        LineKind::Table(name) => open_table(reader, line, name),
        LineKind::Commit => {
            if reader.table.take().is_none() {
                let found = Diagnostic::error(codes::RESTORE_FRAMING, line.span, "COMMIT without a table");
                reader.report(found.help("a table begins with a line such as `*filter`"));
            }
        }
        LineKind::Chain(chain) => declare(reader, line, chain),
        LineKind::Command { text, offset, .. } => {
            let mut words = Vec::new();
            split_line(text, *offset, &mut words);
            if words.is_empty() {
                return;
            }
            match reader.table {
                Some((table, _)) => command(reader, table, &words, Mode::Restore),
                None => outside(reader, line),
            }
        }
        LineKind::BadCounters(_) => {
            let found = Diagnostic::error(codes::BAD_COUNTERS, line.span, "these are no counters");
            reader.report(found.help("a line may begin with `[packets:bytes]`, both decimal"));
            if let Some((table, _)) = reader.table {
                let mut words = Vec::new();
                split_line(line.text, line.span.start as usize, &mut words);
                reader.broken(table, words.get(1..).unwrap_or_default(), line.span, None);
            }
        }
    }
}

fn outside(reader: &mut Reader<'_>, line: &Line<'_>) {
    let found = Diagnostic::error(codes::RESTORE_FRAMING, line.span, "this line stands outside of any table");
    reader.report(found.help("put it between `*filter` (or another table) and `COMMIT`"));
}

fn open_table(reader: &mut Reader<'_>, line: &Line<'_>, name: &Word<'_>) {
    if let Some((open, span)) = reader.table.take() {
        let found = Diagnostic::error(
            codes::RESTORE_FRAMING,
            line.span,
            format!("table {} has no COMMIT before the next one begins", open.name),
        );
        reader.report(found.also(span, "it begins here").help("end it with a line `COMMIT`"));
    }
    match TableSpec::named(&name.text) {
        Some(spec) => {
            let table = reader.model.enter(spec);
            // A block says all of its table: what an earlier one said is gone.
            reader.model.tables[table] = Table::new(spec);
            reader.table = Some((spec, line.span));
        }
        None => {
            let known: Vec<&str> = rfw_compiler::builtin::TABLES.iter().map(|t| t.name).collect();
            let found = Diagnostic::error(
                codes::UNKNOWN_TABLE,
                name.span,
                format!("no table is called `{}`", name.lossy()),
            );
            reader.report(found.help(format!("the tables are {}", known.join(", "))));
        }
    }
}

fn declare(reader: &mut Reader<'_>, line: &Line<'_>, declared: &ChainLine<'_>) {
    let Some((spec, _)) = reader.table else { return outside(reader, line) };
    let table = reader.model.enter(spec);
    let (name, policy) = (&declared.name, &declared.policy);
    let bad_policy = |at: Span, help: &str| {
        let shown = name.lossy();
        Diagnostic::error(codes::BAD_POLICY, at, format!("chain `{shown}` has no usable policy")).help(help)
    };
    let Some(policy) = policy else {
        return reader.report(bad_policy(line.span, "`:INPUT DROP [0:0]`, or `-` for a chain of your own"));
    };
    let known = &mut reader.model.tables[table];
    let at = known.position(&name.text);
    let base = at.and_then(|at| known.chains.get_mut(at)).filter(|c| c.policy.is_some());
    match (base, &*policy.text) {
        (Some(chain), b"ACCEPT" | b"-") => {
            (chain.policy, chain.span) = (Some(Policy::Accept), Some(line.span))
        }
        (Some(chain), b"DROP") => (chain.policy, chain.span) = (Some(Policy::Drop), Some(line.span)),
        (Some(_), _) => reader.report(bad_policy(policy.span, "a policy is `ACCEPT` or `DROP`")),
        (None, _) => known.add(&name.text, line.span, reader.facts),
    }
}

/// A line of an argument list: `-t TABLE` chooses the table, a leading program name is allowed.
fn arguments(reader: &mut Reader<'_>, line: &Line<'_>) {
    let mut words = Vec::new();
    split_line(line.text, line.span.start as usize, &mut words);
    let program = words.first().is_some_and(|w| {
        let name = w.lossy();
        let name = name.rsplit('/').next().unwrap_or_default();
        name.starts_with("iptables") || name.starts_with("ip6tables") || name.starts_with("rfw")
    });
    let words = if program { &words[1..] } else { &words[..] };
    if words.first().is_none_or(|w| w.text.starts_with(b"#")) {
        return;
    }
    let mut words = words;
    while let Some(joint) = joined_commands::find(words) {
        reader.report(joined_commands::found(words, &joint, program));
        commands::run(reader, &words[..joint.at], Origin::default());
        words = &words[joint.next..];
    }
    commands::run(reader, words, Origin::default());
}

pub(crate) fn command(reader: &mut Reader<'_>, spec: &'static TableSpec, words: &[Word<'_>], mode: Mode) {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return };
    let span = first.span.to(last.span);
    let end = Span { start: last.span.end.saturating_sub(1), end: last.span.end };
    let registry = reader.registry;
    let parsed: Result<Command<'_>, _> = parse_command(words, end, mode, &registry);
    match parsed {
        Ok(command) => reader.apply(spec, &command, words, span),
        Err(diagnostic) => reader.broken(spec, words, span, Some(*diagnostic)),
    }
}

impl Reader<'_> {
    /// Notes what is wrong with the text.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.model.findings.push(Finding::new(diagnostic));
    }
}
