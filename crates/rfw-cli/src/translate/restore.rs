//! A save file as a script for `nft -f`.
//!
//! A file with a mistake shows all its mistakes and gives no script.

use std::collections::BTreeMap;

use rfw_compiler::{TableSpec, foreign};
use rfw_diagnostics::{Classic, Diagnostic, Span, codes};
use rfw_extensions::Registry;
use rfw_syntax::{
    Action, BadCounters, ChainLine, Command, Line, LineKind, Mode, SaveLines, Word, parse_command, split_line,
};

use super::command::{base_chain, expressions, lines, table};
use super::{Form, Text, json, one_line, script_line};
use crate::engine::{Done, Halt};
use crate::iptables;
use crate::names::SystemNames;
use crate::personality::Personality;
use crate::report;
use crate::restore::read_source;

/// Runs `iptables-restore-translate`; gives the exit status.
pub fn run(personality: &Personality, arguments: &[Vec<u8>]) -> u8 {
    let (mut file, mut form) = (None, Form::default());
    let mut rest = arguments.iter().map(|word| String::from_utf8_lossy(word).into_owned());
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-h" | "--help" => {
                report::output(usage(personality).as_bytes());
                return 0;
            }
            "-V" | "--version" => {
                report::output(format!("{} v{}\n", personality.called(), personality.version).as_bytes());
                return 0;
            }
            word if form.take(word.as_bytes()) => {}
            "-f" | "--file" => file = rest.next(),
            other => match other.strip_prefix("--file=").or_else(|| other.strip_prefix("-f")) {
                Some(name) => file = Some(name.to_owned()),
                None => {
                    report::error_text(&format!("Unknown argument `{other}'\n{}", usage(personality)));
                    return 1;
                }
            },
        }
    }
    match file {
        Some(file) => {
            translate(personality, form, Some(&file).filter(|name| *name != "-").map(String::as_str))
        }
        None => {
            report::error_text(&format!("ERROR: missing file name\n{}", usage(personality)));
            1
        }
    }
}

/// Runs `rfw translate --restore [FILE]`; gives the exit status.
pub fn run_own(personality: &Personality, mut form: Form, arguments: &[Vec<u8>]) -> u8 {
    match arguments {
        [word, rest @ ..] if form.take(word) => run_own(personality, form, rest),
        [] => translate(personality, form, None),
        [file] if file == b"-" => translate(personality, form, None),
        [file] => translate(personality, form, Some(&String::from_utf8_lossy(file))),
        _ => {
            report::error_text("rfw translate --restore takes one file, or standard input\n");
            2
        }
    }
}

fn usage(personality: &Personality) -> String {
    format!(
        "Usage: {} [-h] [-f <FILE>] [-V]\n\t[ --help ]\n\t[ --file=<FILE> ]\n\t[ --json ]\n\t[ --approximate ]\n\t[ --version ]\n",
        personality.called()
    )
}

fn translate(personality: &Personality, form: Form, path: Option<&str>) -> u8 {
    let source = match read_source(path) {
        Ok(source) => source,
        Err(error) => {
            let (path, reason) = (path.unwrap_or("-"), error.to_string());
            let reason = reason.split(" (os error").next().unwrap_or_default();
            report::error_text(&format!("Cannot open file {path}: {reason}\n"));
            return 1;
        }
    };
    let names = SystemNames::default();
    let mut script = Script {
        personality,
        names: &names,
        form,
        registry: Registry::new(personality.family),
        table: None,
        chains: Vec::new(),
        rules: BTreeMap::new(),
        lines: Vec::new(),
    };
    let mut found = Vec::new();
    for line in SaveLines::new(&source.text) {
        match script.line(&line) {
            Ok(()) => {}
            Err(Halt::Diagnostics(diagnostics)) => found.extend(diagnostics),
            Err(other) => return iptables::report_halt(personality, other, &source),
        }
    }
    if !found.is_empty() {
        let line = |d: &Diagnostic| Some(source.line_column(d.span.start).line);
        return report::diagnostics(personality, &found, 0, &source, line);
    }
    match form.json {
        false => report::output(script.text().as_bytes()),
        true => report::output(json(personality, &script.lines).as_bytes()),
    }
    0
}

/// A file on its way to a script.
struct Script<'s> {
    personality: &'s Personality,
    names: &'s SystemNames,
    form: Form,
    registry: Registry,
    table: Option<&'static TableSpec>,
    /// The chains of the open table so far.
    chains: Vec<Vec<u8>>,
    /// The rules of its chains so far: whether nft has them.
    rules: BTreeMap<Vec<u8>, Vec<bool>>,
    lines: Vec<Text>,
}

impl Script<'_> {
    fn text(&self) -> String {
        let now = rfw_kernel::time::now().unwrap_or_default();
        let mut text = format!(
            "# Translated by {} v{} on {now}\n",
            self.personality.program(),
            self.personality.version
        );
        text.extend(self.lines.iter().map(script_line));
        text + &format!("# Completed on {now}\n")
    }

    fn line(&mut self, line: &Line<'_>) -> Done<()> {
        let framing = |message: &str, help: &str| -> Done<()> {
            Err(Box::new(
                Diagnostic::error(codes::RESTORE_FRAMING, line.span, message.to_owned())
                    .help(help.to_owned())
                    .classic(failed(line)),
            )
            .into())
        };
        match (&line.kind, self.table) {
            (LineKind::Blank, _) => Ok(()),
            (LineKind::Comment(text), Some(spec)) => {
                self.foreign(spec, text);
                Ok(())
            }
            (LineKind::Comment(_), None) => Ok(()),
            (LineKind::Table(name), _) => self.open(name, line),
            (LineKind::Commit, _) => {
                self.table = None;
                Ok(())
            }
            (LineKind::Chain(chain), Some(spec)) => self.chain(spec, chain, line),
            (LineKind::Command { text, offset, .. }, Some(spec)) => self.command(spec, text, *offset, line),
            // Nobody asks for the counters.
            (LineKind::BadCounters(BadCounters::NoNumbers { text, offset, .. }), Some(spec)) => {
                self.command(spec, text, *offset, line)
            }
            (LineKind::BadCounters(_), Some(_)) => {
                framing("these are no counters", "counters are `[PACKETS:BYTES]`")
            }
            (_, None) => framing(
                "this line stands where it means nothing",
                "rules and chains stand between `*TABLE` and `COMMIT`",
            ),
        }
    }

    fn open(&mut self, name: &Word<'_>, line: &Line<'_>) -> Done<()> {
        let Some(spec) = TableSpec::named(&name.text) else {
            return Err(Box::new(
                Diagnostic::error(
                    codes::UNKNOWN_TABLE,
                    name.span,
                    format!("there is no table `{}`", name.lossy()),
                )
                .help("the tables are filter, nat, mangle, raw, security")
                .classic(failed(line)),
            )
            .into());
        };
        self.table = Some(spec);
        self.chains.clear();
        self.rules.clear();
        self.lines.push(Text::Command(format!("add table {}", table(self.personality.family, spec))));
        Ok(())
    }

    fn chain(&mut self, spec: &'static TableSpec, chain: &ChainLine<'_>, line: &Line<'_>) -> Done<()> {
        let table = table(self.personality.family, spec);
        let policy = chain.policy.as_ref().map_or(&b"-"[..], |word| &word.text);
        let made = match (spec.chain(&chain.name.text), policy) {
            (Some(base), b"-") => Ok(base_chain(&table, base, None)),
            (Some(base), b"ACCEPT" | b"DROP") => Ok(base_chain(&table, base, Some(policy))),
            (Some(_), _) => {
                let span = chain.policy.as_ref().map_or(line.span, |word| word.span);
                return Err(Box::new(
                    Diagnostic::error(codes::BAD_POLICY, span, "this is no policy")
                        .help("a policy is ACCEPT or DROP")
                        .classic(failed(line)),
                )
                .into());
            }
            (None, _) => rfw_compiler::nft_syntax::chain_name(&chain.name.text)
                .map(|name| format!("add chain {table} {name}")),
        };
        self.chains.push(chain.name.text.to_vec());
        self.lines.push(
            made.map_or_else(|error| Text::Note(format!("{}: {error}", one_line(line.text))), Text::Command),
        );
        Ok(())
    }

    /// A base chain that rules use without a line of its own.
    fn need(&mut self, spec: &'static TableSpec, chain: &[u8]) {
        if let Some(base) = spec.chain(chain)
            && !self.chains.iter().any(|known| known == chain)
        {
            self.chains.push(chain.to_vec());
            let table = table(self.personality.family, spec);
            self.lines.push(Text::Command(base_chain(&table, base, None)));
        }
    }

    fn command(&mut self, spec: &'static TableSpec, text: &[u8], offset: usize, line: &Line<'_>) -> Done<()> {
        let mut words = Vec::new();
        split_line(text, offset, &mut words);
        let end = Span::new((line.span.end as usize).saturating_sub(1), line.span.end as usize);
        let mut command = parse_command(&words, end, Mode::Restore, &self.registry)?;
        // A line for the other family.
        if command.for_other_family {
            return Ok(());
        }
        for notice in &command.notices {
            report::error_text(&format!("{notice}\n"));
        }
        if let Some(chain) = &command.chain {
            self.need(spec, &chain.text);
        }
        let shown = format!("-t {} {}", spec.name, one_line(text));
        let unwritable = || failed(line);
        let at = self.place(&mut command);
        let made =
            lines(self.personality.family, spec, &command, (&shown, self.form), self.names, &unwritable)?;
        if let (Some(at), Some(chain)) = (at, &command.chain) {
            let rules = self.rules.entry(chain.text.to_vec()).or_default();
            let written = made.iter().filter(|text| matches!(text, Text::Rule(_))).count();
            rules.splice(at..at, std::iter::repeat_n(written > 0, written.max(1)));
        }
        self.lines.extend(made);
        Ok(())
    }

    /// Where a rule goes in its chain. What `-I` counts are the rules of iptables; the command is made to count those that
    /// nft has, and to append where it inserts behind the last.
    fn place(&mut self, command: &mut Command<'_>) -> Option<usize> {
        let chain = command.chain.as_ref().map(|chain| chain.text.to_vec());
        match (command.action, chain) {
            (Action::Append, Some(chain)) => Some(self.rules.entry(chain).or_default().len()),
            (Action::Insert, Some(chain)) => {
                let rules = self.rules.entry(chain).or_default();
                let number = command.number.and_then(|number| usize::try_from(number).ok()).unwrap_or(1);
                let at = number.saturating_sub(1).min(rules.len());
                let before = rules[..at].iter().filter(|written| **written).count();
                if before > 0 && !rules[at..].contains(&true) {
                    command.action = Action::Append;
                    command.number = None;
                } else {
                    command.number = u32::try_from(before + 1).ok();
                }
                Some(at)
            }
            (Action::Flush, Some(chain)) => {
                self.rules.remove(&chain);
                None
            }
            (Action::Flush, None) => {
                self.rules.clear();
                None
            }
            _ => None,
        }
    }

    /// A rule without an iptables form may well have one of nft.
    fn foreign(&mut self, spec: &'static TableSpec, text: &[u8]) {
        let Some(rule) = foreign::parse(text) else { return };
        self.need(spec, &rule.chain);
        let (family, table) = (self.personality.family, table(self.personality.family, spec));
        match expressions(&table, &rule.chain, (&rule.exprs, &rule.userdata), family) {
            Ok(made) => {
                self.rules.entry(rule.chain.clone()).or_default().push(true);
                self.lines.extend(made);
            }
            Err(error) => {
                self.rules.entry(rule.chain.clone()).or_default().push(false);
                let chain = String::from_utf8_lossy(&rule.chain).into_owned();
                self.lines.push(Text::Note(format!("-t {} a rule of {chain}: {error}", spec.name)));
            }
        }
    }
}

/// How the original refuses a line.
fn failed(line: &Line<'_>) -> Classic {
    Classic::Framing(format!("line {} failed", line.number))
}
