//! Commands one after another, as lists of arguments and scripts have them: what each was, and what the live ruleset did to
//! sessions that are open while they run.

use rfw_compiler::TableSpec;
use rfw_diagnostics::{Diagnostic, Severity, Span, codes};
use rfw_syntax::{Action, Command, Mode, Word, parse_command};

use crate::apply::Reader;
use crate::conditions::{Conditions, ESTABLISHED, Key, Outcome, interface};
use crate::facts::{Facts, Service};
use crate::flow;
use crate::mend::command;
use crate::model::{Chain, Model, Placed, Policy};
use crate::sets::Set;

/// Rules that the search for moments of lock-out may look at.
const BUDGET: usize = 2_000_000;

/// One command that was applied.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its arguments.
    pub span: Span,
    /// Its table.
    pub table: &'static str,
    /// What it does; nothing where it could not be read.
    pub action: Option<Action>,
    /// The chain it is for.
    pub chain: Option<Vec<u8>>,
    /// The number of the rule, where one is given.
    pub number: Option<u32>,
    /// Whether it waits for the lock of other programs.
    pub waits: bool,
    /// The function call that ran it.
    pub called: Option<Span>,
    /// Values of variables that are in its words: name, where it is used, where it was set.
    pub values: Vec<(Vec<u8>, Span, Span)>,
}

/// A stretch of commands during which open sessions of administration are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The command that shuts them out.
    pub from: Span,
    /// The one that lets them through again.
    pub to: Span,
    /// Whether an error in between ends the script.
    pub stops: bool,
}

/// Looks for [`Window`]s.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    since: Option<Span>,
    looked: usize,
    /// `set -e` holds.
    pub(crate) stops: bool,
}

/// From where a command comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) called: Option<Span>,
    pub(crate) values: Vec<(Vec<u8>, Span, Span)>,
}

/// Reads and applies one command; whether it succeeds, where that is known.
pub(crate) fn run(reader: &mut Reader<'_>, words: &[Word<'_>], origin: Origin) -> Option<bool> {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return None };
    let span = if first.span.start <= last.span.end { first.span.to(last.span) } else { first.span };
    let spec = table(reader, words)?;
    let end = Span { start: last.span.end.saturating_sub(1), end: last.span.end };
    let registry = reader.registry;
    let parsed = parse_command(words, end, Mode::CommandLine, &registry).ok();
    let parsed = parsed.as_ref();
    let good = parsed.map(|command| succeeds(reader, spec, command));
    let at = reader.model.enter(spec);
    let before = reader.model.findings.len();
    command(reader, spec, words, Mode::CommandLine);
    let failed = reader.model.findings[before..].iter().any(|f| f.diagnostic.severity == Severity::Error);
    if !changes(words) {
        return good.unwrap_or(None);
    }
    let step = reader.model.steps.len();
    reader.model.steps.push(Step {
        span,
        table: spec.name,
        action: parsed.map(|c| c.action),
        chain: parsed.and_then(|c| c.chain.as_ref()).map(|w| w.text.to_vec()),
        number: parsed.and_then(|c| c.number),
        waits: words.iter().any(|w| w.text.starts_with(b"-w") || w.text.starts_with(b"--wait")),
        called: origin.called,
        values: origin.values,
    });
    mark(reader, at, step);
    if spec.name == "filter" {
        look(reader, span);
    }
    if failed { None } else { good.unwrap_or(None) }
}

/// Notes by which command the rules were made that are new.
fn mark(reader: &mut Reader<'_>, table: usize, step: usize) {
    let Model { tables, steps, .. } = &mut reader.model;
    let Step { chain, number, .. } = &steps[step];
    let known = &mut tables[table];
    let Some(at) = chain.as_ref().and_then(|name| known.position(name)) else { return };
    let rules = &mut known.chains[at].rules;
    let number = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
    let start = number.saturating_sub(1).min(rules.len());
    rules[start..].iter_mut().take_while(|r| r.step.is_none()).for_each(|r| r.step = Some(step));
    rules.iter_mut().rev().take_while(|r| r.step.is_none()).for_each(|r| r.step = Some(step));
}

/// The table that a command is for; a finding where there is none of that name.
fn table(reader: &mut Reader<'_>, words: &[Word<'_>]) -> Option<&'static TableSpec> {
    let at = words.iter().position(|w| matches!(&*w.text, b"-t" | b"--table"));
    let attached = words.iter().find_map(|w| w.text.strip_prefix(b"--table="));
    let named = at.and_then(|at| words.get(at + 1));
    let name: &[u8] = attached.or(named.map(|w| &*w.text)).unwrap_or(b"filter");
    let found = TableSpec::named(name);
    if found.is_none() {
        let span = named.or(words.first()).map(|w| w.span).unwrap_or_default();
        let shown = String::from_utf8_lossy(name);
        let found = Diagnostic::error(codes::UNKNOWN_TABLE, span, format!("no table is called `{shown}`"));
        reader.report(found.help("the tables are filter, nat, mangle, raw and security"));
    }
    found
}

/// Whether a command changes the ruleset.
pub(crate) fn changes(words: &[Word<'_>]) -> bool {
    words.iter().any(|w| is_change(&w.text))
}

/// Whether a word is a command that changes the ruleset.
pub(crate) fn is_change(word: &[u8]) -> bool {
    const LONG: [&[u8]; 11] = [
        b"--append",
        b"--insert",
        b"--delete",
        b"--replace",
        b"--new-chain",
        b"--new",
        b"--policy",
        b"--flush",
        b"--delete-chain",
        b"--rename-chain",
        b"--zero",
    ];
    let short = word.len() == 2 && word[0] == b'-' && b"AIDRNPFXE".contains(&word[1]);
    short || LONG.contains(&word)
}

/// Whether a command that is right succeeds, as far as the text so far tells.
fn succeeds(reader: &Reader<'_>, spec: &'static TableSpec, command: &Command<'_>) -> Option<bool> {
    let table = reader.model.table(spec.name).map(|(_, t)| t);
    let chain = |word: &Option<Word<'_>>| {
        let name = word.as_ref()?;
        let base = spec.chains.iter().any(|c| c.name.as_bytes() == &*name.text);
        let known = table.and_then(|t| t.chains.get(t.position(&name.text)?));
        Some((base, known))
    };
    match command.action {
        Action::NewChain => chain(&command.chain).map(|(base, known)| !base && known.is_none()),
        Action::Check | Action::Delete => {
            let Some((_, Some(known))) = chain(&command.chain) else { return Some(false) };
            let name = &command.chain.as_ref()?.text;
            let cx = rfw_compiler::BuildCx {
                family: reader.family,
                table: spec.name,
                chain: name,
                names: reader.names,
            };
            let rules = rfw_compiler::build(&command.rule, &cx).ok()?;
            if known.rules.iter().any(|r| r.body.is_none()) {
                return None;
            }
            let has = |rule: &rfw_compiler::Rule| {
                known
                    .rules
                    .iter()
                    .any(|r| matches!(&r.body, Some(rfw_compiler::Body::Rule(have)) if have == rule))
            };
            Some(rules.iter().all(has))
        }
        Action::DeleteNumber | Action::Replace => {
            let (_, known) = chain(&command.chain)?;
            let number = usize::try_from(command.number?).ok()?;
            Some(known.is_some_and(|c| number <= c.rules.len()))
        }
        Action::DeleteChain => {
            let Some(name) = &command.chain else { return None };
            let (base, known) = chain(&command.chain)?;
            let used = table.and_then(|t| t.reference_to(&name.text)).is_some();
            Some(!base && !used && known.is_some_and(|c| c.rules.is_empty()))
        }
        Action::List | Action::ListRules => match chain(&command.chain) {
            Some((base, known)) => Some(base || known.is_some()),
            None => Some(true),
        },
        _ => Some(true),
    }
}

/// Looks whether open sessions of administration get through after a command.
pub(crate) fn look(reader: &mut Reader<'_>, span: Span) {
    let watch = &mut reader.watch;
    let Some((_, table)) = reader.model.table("filter") else { return };
    watch.looked += 1 + table.chains.iter().map(|c| c.rules.len()).sum::<usize>();
    if watch.looked > BUDGET {
        return;
    }
    let shut = services(reader.facts).iter().any(|service| {
        ["INPUT", "OUTPUT"].iter().any(|hook| {
            let at = table.position(hook.as_bytes());
            at.is_some_and(|at| !flow::may_accept(table, at, &session(service, hook)))
        })
    });
    match (watch.since, shut) {
        (None, true) => watch.since = Some(span),
        (Some(from), false) => {
            watch.since = None;
            reader.model.windows.push(Window { from, to: span, stops: watch.stops });
        }
        _ => {}
    }
}

/// How the host is administered: SSH where nobody said.
fn services(facts: &Facts) -> Vec<Service> {
    match facts.management.services.as_slice() {
        [] => vec![Service { protocol: 6, port: 22 }],
        known => known.to_vec(),
    }
}

/// Packets of an open session.
fn session(service: &Service, hook: &str) -> Conditions {
    let mut class = Conditions::empty();
    let elsewhere = interface("lo").complement(u128::MAX);
    let (port, via) = match hook {
        "INPUT" => (Key::DestinationPort, Key::Iif),
        _ => (Key::SourcePort, Key::Oif),
    };
    class.require(Key::Protocol, Set::one(u128::from(service.protocol)));
    class.require(port, Set::one(u128::from(service.port)));
    class.require(via, elsewhere);
    class.require(Key::State, Set::one(ESTABLISHED));
    class
}

impl Reader<'_> {
    /// A rule that may do anything, or may not be there.
    pub(crate) fn unknown_rule(
        &mut self,
        table: usize,
        chain: usize,
        span: Span,
        front: bool,
        target: Option<&Word<'_>>,
    ) {
        let placed = Placed {
            conditions: Conditions::unknown(),
            step: None,
            span,
            match_spans: Vec::new(),
            target_span: target.map(|w| w.span),
            mentions: target.map(|w| w.text.to_vec()),
            body: None,
        };
        let rules = &mut self.model.tables[table].chains[chain].rules;
        rules.insert(if front { 0 } else { rules.len() }, placed);
    }

    /// What a chain holds is no longer known.
    pub(crate) fn blur(&mut self, table: usize, chain: usize, span: Span) {
        for placed in &mut self.model.tables[table].chains[chain].rules {
            placed.body = None;
            placed.conditions = Conditions::unknown();
        }
        let first = self.model.tables[table].chains[chain].rules.first();
        if first.is_none_or(|r| r.conditions.outcome != Outcome::Unknown) {
            self.unknown_rule(table, chain, span, true, None);
        }
    }

    /// What a whole table holds is no longer known.
    pub(crate) fn blur_table(&mut self, table: usize, span: Span) {
        for chain in 0..self.model.tables[table].chains.len() {
            self.blur(table, chain, span);
        }
    }

    /// Applies a command of which it is not known whether it runs, or what all its words are (`None`).
    pub(crate) fn run_maybe(&mut self, words: &[Option<Word<'_>>], span: Span) {
        let after = |names: &[&[u8]]| {
            let is = |w: &Option<Word<'_>>| w.as_ref().is_some_and(|w| names.contains(&&*w.text));
            words.iter().position(is).map(|at| words.get(at + 1))
        };
        let specs: Vec<&'static TableSpec> = match after(&[b"-t", b"--table"]) {
            Some(Some(Some(name))) => TableSpec::named(&name.text).into_iter().collect(),
            Some(_) => rfw_compiler::builtin::TABLES.iter().collect(),
            None => TableSpec::named(b"filter").into_iter().collect(),
        };
        let action = words.iter().flatten().find(|w| is_change(&w.text));
        let chain = words.iter().position(|w| w.as_ref().is_some_and(|w| is_change(&w.text)));
        let chain = chain.and_then(|at| words.get(at + 1));
        let target = after(&[b"-j", b"--jump", b"-g", b"--goto"]).flatten().and_then(Option::as_ref);
        for spec in specs {
            let table = self.model.enter(spec);
            let Some(action) = action else {
                self.blur_table(table, span);
                continue;
            };
            let known = &self.model.tables[table];
            let chains: Vec<usize> = match chain {
                Some(Some(name)) if !name.text.starts_with(b"-") => {
                    known.position(&name.text).into_iter().collect()
                }
                _ => (0..known.chains.len()).collect(),
            };
            let name = chain.and_then(Option::as_ref);
            match &*action.text {
                b"-A" | b"--append" => {
                    chains.iter().for_each(|&at| self.unknown_rule(table, at, span, false, target));
                }
                b"-I" | b"--insert" => {
                    chains.iter().for_each(|&at| self.unknown_rule(table, at, span, true, target));
                }
                b"-N" | b"--new-chain" | b"--new" => {
                    if let Some(name) = name {
                        self.model.tables[table].add(&name.text, span, self.facts);
                    }
                }
                b"-P" | b"--policy" => {
                    let names = chains.iter().map(|&at| self.model.tables[table].chains[at].name.clone());
                    let names: Vec<_> = names.collect();
                    self.unsure_policies.extend(names.into_iter().map(|name| (spec.name, name, span)));
                }
                b"-Z" | b"--zero" => {}
                _ => chains.iter().for_each(|&at| self.blur(table, at, span)),
            }
        }
    }

    /// Chains whose policy is not known end in a rule that may do anything.
    pub(crate) fn finish_policies(&mut self) {
        for (table, name, span) in std::mem::take(&mut self.unsure_policies) {
            let Some((table, known)) = self.model.table(table) else { continue };
            if let Some(chain) = known.position(&name)
                && known.chains[chain].policy.is_some()
            {
                self.unknown_rule(table, chain, span, false, None);
            }
        }
    }
}

/// Whether a text has anything in it.
pub(crate) fn is_touched(model: &Model) -> bool {
    let said =
        |chain: &Chain| chain.span.is_some() || !chain.rules.is_empty() || chain.policy == Some(Policy::Drop);
    !model.steps.is_empty() || model.tables.iter().any(|t| t.chains.iter().any(said))
}
