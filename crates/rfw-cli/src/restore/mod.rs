//! The `iptables-restore` personality: a save file to one transaction.
//!
//! The whole file is read and built before anything is sent; a file with a mistake shows all its mistakes and applies
//! nothing. Tables that the file names once go into the kernel together, so that a refusal in one leaves all as they were.

mod mistakes;
mod options;
mod said;
mod threads;
#[cfg(test)]
mod threads_tests;

use std::io::Read;

use rfw_compiler::{BuildCx, Rule, RuleTarget, TableSpec, build, foreign};
use rfw_diagnostics::{Classic, Diagnostic, Source, SourceKind, Span, codes};
use rfw_extensions::Registry;
use rfw_kernel::Live;
use rfw_syntax::{
    Action, BadCounters, ChainLine, Command, Line, LineKind, Mode, SaveLines, Word, check_counters,
    check_new_name, count_lines, needs_history, nul, parse_command, split_line,
};

use crate::engine::{Done, Halt, Lists, MOST_STEPS, Origin, Transaction, Wanted, fatal};
use crate::iptables;
use crate::names::SystemNames;
use crate::personality::Personality;
use crate::report;
use crate::settings::Settings;
use options::Options;
use said::{Phase, Said};

/// Runs the command; gives the exit status.
pub fn run(personality: &Personality, mut arguments: Vec<Vec<u8>>) -> u8 {
    let settings = match Settings::extract(&mut arguments) {
        Ok(settings) => settings,
        Err(text) => return report::plain(personality, &Classic::Parameter(text)),
    };
    let options = match options::parse(personality, &arguments) {
        Ok(options) => options,
        Err(status) => return status,
    };
    let source = match read_source(options.file.as_deref()) {
        Ok(source) => source,
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.split(" (os error").next().unwrap_or_default();
            report::error_text(&format!("Can't open {}: {reason}\n", options.file.as_deref().unwrap_or("-")));
            return 1;
        }
    };
    apply(personality, &options, &source, settings)
}

/// Loads a text as rfw-restore would, with `-c` if `counters` and `-t` if `test`; gives the exit status.
pub fn load(
    personality: &Personality,
    source: &Source,
    settings: Settings,
    counters: bool,
    test: bool,
) -> u8 {
    apply(personality, &Options { counters, test, ..Options::default() }, source, settings)
}

fn apply(personality: &Personality, options: &Options, source: &Source, settings: Settings) -> u8 {
    let mut live = match Live::open() {
        Ok(live) => live,
        Err(error) => return report::plain(personality, &fatal(&rfw_kernel::Error::Os(error))),
    };
    let names = SystemNames::default();
    let history = needs_history(&source.text);
    let weighed = Lists::Weighed { most: MOST_STEPS };
    let (mut from, mut lists, mut warned) = (0, weighed, false);
    let mut said = Said::default();
    loop {
        let mut text = Said::default();
        let outcome = iptables::retry(|| {
            let left = source.text.len() - from.min(source.text.len());
            let family = personality.family;
            let mut transaction =
                Transaction::begin_file(&mut live, &names, family, settings, history, left, lists)?;
            transaction.written_in(Origin::File(source));
            let mut file = File::new(personality, options, source, &names, transaction);
            let read = file.read(from);
            // What is read again warns again.
            if !warned && !matches!(read, Err(Halt::Lists(_))) {
                report::error_text(&file.warnings);
                warned = true;
            }
            text = std::mem::take(&mut file.said);
            read?;
            let next = file.next;
            if !options.test {
                file.transaction.commit()?;
            }
            Ok(next)
        });
        if !matches!(outcome, Err(Halt::Lists(_))) {
            said.append(text);
        }
        match outcome {
            Ok(Some(next)) => (from, lists, warned) = (next, weighed, false),
            Ok(None) => break,
            Err(Halt::Lists(other)) => lists = other,
            Err(halt) => {
                // What -v says comes before the refusal.
                let until = mistakes::moment(&halt, source);
                report::output(&said.text(source, until, options.test));
                return mistakes::report_halt(personality, halt, source);
            }
        }
    }
    report::output(&said.text(source, None, options.test));
    0
}

/// A file as a source; standard input without a path.
pub fn read_source(path: Option<&str>) -> std::io::Result<Source> {
    let mut text = Vec::new();
    match path {
        None => std::io::stdin().lock().read_to_end(&mut text).map(drop)?,
        Some(path) => text = std::fs::read(path)?,
    }
    Ok(Source::new(path.unwrap_or("<stdin>"), SourceKind::File, text))
}

/// A file on its way into one transaction.
struct File<'f, 't> {
    personality: &'f Personality,
    options: &'f Options,
    source: &'f Source,
    names: &'f SystemNames,
    registry: Registry,
    transaction: Transaction<'t>,
    table: Option<(&'static TableSpec, usize)>,
    skipping: bool,
    threads: threads::Limits,
    /// Whether the rest of the open table is for one thread.
    alone: bool,
    seen: Vec<&'static str>,
    found: Vec<Diagnostic>,
    /// Where the next transaction begins, if the file needs more than one.
    next: Option<usize>,
    said: Said,
    /// What is said on standard error of lines that are taken.
    warnings: String,
}

impl<'f, 't> File<'f, 't> {
    fn new(
        personality: &'f Personality,
        options: &'f Options,
        source: &'f Source,
        names: &'f SystemNames,
        transaction: Transaction<'t>,
    ) -> Self {
        Self {
            personality,
            options,
            source,
            names,
            registry: Registry::new(personality.family),
            transaction,
            table: None,
            skipping: false,
            threads: threads::Limits::default(),
            alone: false,
            seen: Vec::new(),
            found: Vec::new(),
            next: None,
            said: Said::default(),
            warnings: String::new(),
        }
    }

    /// Reads lines from byte `from` on, up to the end of the file or a table that was there already.
    fn read(&mut self, from: usize) -> Done<()> {
        let text = &self.source.text[from.min(self.source.text.len())..];
        let before = count_lines(&self.source.text[..from.min(self.source.text.len())]);
        let mut words = Vec::new();
        let mut last = before;
        let mut lines = SaveLines::new(text);
        loop {
            if let Some((bytes, count)) = self.read_in_threads(from + lines.position()) {
                self.transaction.check_lists()?;
                lines.advance(bytes, count);
                last += count;
            }
            let Some(mut line) = lines.next() else { break };
            line.number += before;
            line.span = Span::new(line.span.start as usize + from, line.span.end as usize + from);
            last = line.number;
            if let LineKind::Table(name) = &line.kind
                && self.table.is_none()
                && TableSpec::named(&name.text).is_some_and(|s| self.seen.contains(&s.name))
            {
                self.next = Some(line.span.start as usize);
                break;
            }
            match self.line(&line, from, &mut words) {
                Ok(()) => {}
                Err(Halt::Diagnostics(found)) => self.found.extend(found),
                Err(other) => return Err(other),
            }
        }
        if self.table.is_some() {
            self.found.push(self.no_commit(last));
        }
        if self.found.is_empty() {
            return Ok(());
        }
        if let Some(next) = self.next.take() {
            // Mistakes behind the border belong in the same report.
            self.seen.clear();
            self.table = None;
            let _ = self.read(next);
        }
        Err(Halt::Diagnostics(std::mem::take(&mut self.found)))
    }

    fn no_commit(&self, last: usize) -> Diagnostic {
        let end = self.source.text.len();
        let start = self.source.text.trim_ascii_end().len();
        let span = Span::new(start.saturating_sub(1), start.max(1).min(end));
        Diagnostic::error(codes::RESTORE_FRAMING, span, "the table is not committed")
            .help("end each table with a line `COMMIT`")
            .classic(Classic::Framing(format!("COMMIT expected at line {}", last + 1)))
    }

    fn line<'w>(&mut self, line: &Line<'f>, from: usize, words: &mut Vec<Word<'w>>) -> Done<()>
    where
        'f: 'w,
    {
        let framing = |help: &str| -> Halt {
            Box::new(
                Diagnostic::error(
                    codes::RESTORE_FRAMING,
                    line.span,
                    "this line stands where it means nothing",
                )
                .help(help.to_owned())
                .classic(Classic::Framing(format!("line {} failed", line.number))),
            )
            .into()
        };
        match &line.kind {
            LineKind::Blank => Ok(()),
            LineKind::Comment(text) => self.comment(text, line.span),
            LineKind::Table(name) if self.table.is_none() => self.open(&shift(name, from), line),
            // Up to the next table, as the original passes over one that is not wanted.
            _ if self.skipping => Ok(()),
            LineKind::Commit => match self.table.take() {
                Some(_) => Ok(()),
                None => Err(framing("there is no open table; a table begins with `*`")),
            },
            LineKind::Chain(chain) if self.table.is_some() => self.chain(chain, from, line),
            LineKind::Command { counters, text, offset } if self.table.is_some() => {
                words.clear();
                split_line(text, offset + from, words);
                self.command(words, *counters, line)
            }
            LineKind::Table(_) => Err(Box::new(
                Diagnostic::error(codes::RESTORE_FRAMING, line.span, "the table above is not committed")
                    .help("end it with `COMMIT`")
                    .classic(Classic::Bare(format!("Bad argument `{}'", String::from_utf8_lossy(line.text)))),
            )
            .into()),
            LineKind::BadCounters(bad) if self.table.is_some() => self.bad_counters(*bad, from, line, words),
            _ => Err(framing("rules and chains stand between `*TABLE` and `COMMIT`")),
        }
    }

    /// Counters that are none. Without `-c` nobody reads them, and the command behind them counts.
    fn bad_counters<'w>(
        &mut self,
        bad: BadCounters<'f>,
        from: usize,
        line: &Line<'f>,
        words: &mut Vec<Word<'w>>,
    ) -> Done<()>
    where
        'f: 'w,
    {
        let text = match bad {
            BadCounters::NoNumbers { text, offset, .. } if !self.options.counters => {
                words.clear();
                split_line(text, offset + from, words);
                return self.command(words, None, line);
            }
            BadCounters::NoNumbers { packets, .. } if packets.iter().all(u8::is_ascii_digit) => {
                "-c byte counter not numeric".to_owned()
            }
            BadCounters::NoNumbers { .. } => "-c packet counter not numeric".to_owned(),
            // Without a colon the original misses the bracket behind it.
            BadCounters::NoBracket | BadCounters::NoColon => format!("Bad line {}: need ]", line.number),
        };
        Err(Box::new(
            Diagnostic::error(codes::BAD_COUNTERS, line.span, "counters are `[PACKETS:BYTES]`")
                .help("two decimal numbers with a colon between them")
                .parameter(text.clone())
                .later_parameter(text.replacen("-c ", "--set-counters ", 1)),
        )
        .into())
    }

    fn open(&mut self, name: &Word<'_>, line: &Line<'_>) -> Done<()> {
        let Some(spec) = TableSpec::named(&name.text) else {
            self.skipping = true;
            let shown = name.lossy();
            let tables = ["filter", "nat", "mangle", "raw", "security"];
            let help = match rfw_values::suggest(name.text.trim_ascii(), tables) {
                Some(near) => format!("did you mean `*{near}`?"),
                None => format!("the tables are {}", tables.join(", ")),
            };
            let program = self.personality.program();
            return Err(Box::new(
                Diagnostic::error(codes::UNKNOWN_TABLE, name.span, format!("there is no table `{shown}`"))
                    .help(help)
                    .parameter(if shown.is_empty() {
                        format!("{program}: line {} table name invalid", line.number)
                    } else {
                        format!("{program}: line {} table name '{shown}' invalid", line.number)
                    }),
            )
            .into());
        };
        if self.options.table.as_deref().is_some_and(|only| only != spec.name) {
            self.skipping = true;
            return Ok(());
        }
        self.skipping = false;
        self.seen.push(spec.name);
        let table = self.transaction.table(spec)?;
        if self.options.noflush {
            self.transaction.go_on(table)?;
        } else {
            if self.options.verbose {
                let flushed = self.transaction.said_on_start(table)?;
                let users = flushed.iter().filter(|name| spec.chain(name).is_none());
                let deleted: Vec<Vec<u8>> = users.cloned().collect();
                let mut text = iptables::said_of_chains("Flushing", &flushed);
                text.extend(iptables::said_of_chains("Deleting", &deleted));
                self.said.add(Phase::Doing, line.span.start, text);
            }
            self.transaction.start_over(table, name.span);
        }
        self.table = Some((spec, table));
        self.alone = false;
        Ok(())
    }

    fn chain(&mut self, chain: &ChainLine<'_>, from: usize, line: &Line<'_>) -> Done<()> {
        let Some((spec, table)) = self.table else { return Ok(()) };
        if line.text.contains(&0) {
            return Err(nul(line.span).into());
        }
        let name = shift(&chain.name, from);
        let Some(policy) = chain.policy.as_ref().map(|p| shift(p, from)) else {
            return Err(Box::new(
                Diagnostic::error(
                    codes::RESTORE_FRAMING,
                    line.span,
                    "a chain line is `:CHAIN POLICY [PACKETS:BYTES]`",
                )
                .help("user chains have the policy `-`")
                .parameter(format!(
                    "{}: line {} {} invalid",
                    self.personality.program(),
                    line.number,
                    if name.text.is_empty() { "chain name" } else { "policy" }
                )),
            )
            .into());
        };
        if spec.chain(&name.text).is_none() {
            check_new_name(&name, &self.registry)?;
            return self.transaction.declare_chain(table, &name);
        }
        if self.options.counters && chain.counters.is_none() {
            return Err(Box::new(
                Diagnostic::error(codes::BAD_COUNTERS, line.span, "counters are `[PACKETS:BYTES]`")
                    .help("two decimal numbers with a colon between them")
                    .parameter(format!("invalid policy counters for chain '{}'", name.lossy())),
            )
            .into());
        }
        let counters = chain.counters.filter(|_| self.options.counters).unwrap_or_default();
        if policy.text.as_ref() == b"-" {
            return self.transaction.keep_base(table, &name, counters);
        }
        self.transaction.set_policy(table, &name, &policy, counters, true)
    }

    /// A comment may hold a foreign rule; anything else is echoed by `-v` only.
    fn comment(&mut self, text: &[u8], span: Span) -> Done<()> {
        if self.options.verbose {
            self.said.add(Phase::Reading, span.start, [text, b"\n"].concat());
        }
        let (Some((_, table)), Some(rule)) = (self.table, foreign::parse(text)) else { return Ok(()) };
        let name = Word { text: rule.chain.clone().into(), span, quoted: false };
        let chain = self.transaction.chain_for_rules(table, &name)?;
        self.transaction.append_foreign(table, chain, &rule, span, self.options.noflush)
    }

    fn command(&mut self, words: &[Word<'_>], counters: Option<(u64, u64)>, line: &Line<'_>) -> Done<()> {
        let Some((spec, table)) = self.table else { return Ok(()) };
        let end = Span::new(line.span.end.saturating_sub(1) as usize, line.span.end as usize);
        let mut command = parse_command(words, end, Mode::Restore, &self.registry).map_err(|stray| {
            iptables::told_of_bang(self.personality, stray, words, Mode::Restore, self.names)
        })?;
        if command.for_other_family {
            return Ok(());
        }
        self.warnings.extend(command.notices.iter().map(|notice| format!("{notice}\n")));
        with_counters(&mut command, counters.filter(|_| self.options.counters), line.span)?;
        // With -n the original prints no rules.
        command.verbose += u32::from(self.options.verbose && !self.options.noflush);
        if command.action == Action::Append && command.verbose == 0 {
            return self.append(spec, table, &command, line);
        }
        let warn = &mut |text: &str| self.warnings.push_str(text);
        let rules = iptables::built(self.personality.family, spec, &command, self.names, warn)?;
        let version = self.personality.version;
        match command.action {
            Action::List | Action::ListRules => self.listing(spec, &command, line),
            Action::Version => {
                let text = format!("{}\n", self.personality.banner());
                self.said.add(Phase::Doing, line.span.start, text.into_bytes());
                Ok(())
            }
            _ => {
                let mut text = Vec::new();
                let done = iptables::apply(&mut self.transaction, spec, &command, &rules, version, &mut text);
                self.said.add(Phase::Doing, line.span.start, text);
                done
            }
        }
    }

    /// The common line, without detours.
    fn append(
        &mut self,
        spec: &'static TableSpec,
        table: usize,
        command: &Command<'_>,
        line: &Line<'_>,
    ) -> Done<()> {
        let Some(chain) = &command.chain else { return Ok(()) };
        let cx = BuildCx {
            family: self.personality.family,
            table: spec.name,
            chain: &chain.text,
            names: self.names,
        };
        self.warnings.extend(iptables::warnings_of_words(&command.rule));
        let rules: Vec<Rule> = build(&command.rule, &cx)?;
        self.warnings.extend(iptables::warnings_of_rules(self.personality.family, command, &rules));
        if let (Some(RuleTarget::Jump(_) | RuleTarget::Goto(_)), Some(target)) =
            (rules.first().map(|rule| &rule.target), &command.rule.target)
        {
            self.transaction.check_target(table, &target.name, &self.registry)?;
        }
        let index = self.transaction.chain_for_rules(table, chain)?;
        for rule in &rules {
            let counters = command.rule.counters.unwrap_or((0, 0));
            self.transaction.append(table, index, Wanted { rule, counters, span: line.span })?;
        }
        Ok(())
    }

    /// `-L` or `-S` inside a file shows the ruleset as it is before this transaction.
    fn listing(&mut self, spec: &'static TableSpec, command: &Command<'_>, line: &Line<'_>) -> Done<()> {
        let mut live = Live::open().map_err(|e| Halt::from(rfw_kernel::Error::Os(e)))?;
        let text = crate::show::show(&mut live, self.names, self.personality, spec, command)?;
        self.said.add(Phase::Doing, line.span.start, text);
        Ok(())
    }
}

/// Gives a command the counters that stand before it, if any do.
fn with_counters(command: &mut Command<'_>, counters: Option<(u64, u64)>, line: Span) -> Done<()> {
    if counters.is_none() {
        return Ok(());
    }
    if command.rule.counters.is_some() {
        return Err(Box::new(
            Diagnostic::error(codes::OPTION_REPEATED, line, "the line has counters twice")
                .help("keep `[PACKETS:BYTES]` or `-c`")
                .parameter("multiple -c flags not allowed")
                .later_parameter("multiple --set-counters options not allowed"),
        )
        .into());
    }
    check_counters(command.action, line)?;
    command.rule.counters = counters;
    Ok(())
}

/// A word of a part of the file, placed in the whole.
fn shift<'w>(word: &Word<'w>, from: usize) -> Word<'w> {
    let span = Span::new(word.span.start as usize + from, word.span.end as usize + from);
    Word { span, ..word.clone() }
}
