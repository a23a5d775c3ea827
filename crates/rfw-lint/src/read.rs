//! Texts to a [`Model`]: save files and lists of iptables arguments.

use rfw_compiler::TableSpec;
use rfw_diagnostics::{Diagnostic, Source};
use rfw_extensions::{Names, Registry};
use rfw_nft::Family;
use rfw_syntax::{Line, SaveLines, split_line};

use crate::Finding;
use crate::apply::Reader;
use crate::checks::joined_commands;
use crate::commands::{self, Origin};
use crate::facts::Facts;
use crate::model::Model;
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
        if shell::is_script(name, text) && !is_pasted_dump(name, text) {
            return Self::Script;
        }
        let mut lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or_default();
        if first.starts_with(b"-") { Self::Arguments } else { Self::Save }
    }
}

/// Whether a text is a dump with the prompt before it, not a script that holds one.
fn is_pasted_dump(name: &str, text: &[u8]) -> bool {
    let script = name.ends_with("sh") || text.starts_with(b"#!") || text.windows(2).any(|w| w == b"<<");
    let mut lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let opens = |line: &[u8]| line.strip_prefix(b"*").is_some_and(|table| TableSpec::named(table).is_some());
    !script && lines.any(opens) && lines.any(|line| line == b"COMMIT")
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
    match input {
        Input::Save => crate::framing::read(&mut reader),
        Input::Arguments | Input::Script => {
            for line in SaveLines::new(&source.text) {
                arguments(&mut reader, &line);
            }
        }
    }
    reader.model
}

/// A line of an argument list: `-t TABLE` chooses the table, a leading program name is allowed.
fn arguments(reader: &mut Reader<'_>, line: &Line<'_>) {
    let mut words = Vec::new();
    split_line(line.text, line.span.start as usize, &mut words);
    let program = words.first().is_some_and(|w| shell::is_program(&w.text));
    let words = if program { &words[1..] } else { &words[..] };
    if words.first().is_none_or(|w| w.text.starts_with(b"#")) {
        return;
    }
    let joints = joined_commands::find(words);
    if let Some(found) = joined_commands::found(words, &joints, program) {
        reader.report(found);
    }
    let mut from = 0;
    for joint in joints {
        commands::run(reader, &words[from..joint.at], Origin::default());
        from = joint.next;
    }
    commands::run(reader, &words[from..], Origin::default());
}

impl Reader<'_> {
    /// Notes what is wrong with the text.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.model.findings.push(Finding::new(diagnostic));
    }
}
