//! Runs a script as far as its text decides: lists and pipelines here, branches and streams beside this file.
//!
//! Nothing outside of the script is looked at. What cannot be decided is run as "maybe": its commands count as rules that may
//! do anything, and the finding says what was not decided. A bound on steps ends every script.

mod branches;
mod streams;

use std::collections::HashMap;

use rfw_diagnostics::Span;

use super::ast::{AndOr, Command, Join, Kind, List, Pipeline, Script};
use super::firewall::Firewall;
use super::text::{Field, Value, Variable, Why};
pub(super) use streams::Stream;

/// Commands and copied bytes (64 to a step) that one script may cost, besides one for each of its bytes.
const STEPS: usize = 50_000;
/// How deep commands and functions may nest while they run.
const DEPTH: usize = 120;

/// Where the script goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break(usize),
    Continue(usize),
    Return,
    Exit,
}

/// Commands that may not run.
pub(super) struct Region {
    pub(super) why: Why,
    /// The firewall commands in it.
    pub(super) commands: Vec<Span>,
}

/// The state of a run.
pub(super) struct Shell<'a> {
    pub(super) script: &'a Script,
    pub(super) text: &'a [u8],
    pub(super) bash: bool,
    pub(super) variables: HashMap<Vec<u8>, Variable>,
    pub(super) functions: HashMap<&'a [u8], &'a Command>,
    /// The outermost function call that is running.
    pub(super) called: Option<Span>,
    /// The functions that are running.
    pub(super) calls: Vec<&'a [u8]>,
    /// The positional parameters, inside a function or after `set --`.
    pub(super) arguments: Option<Vec<Value>>,
    /// Whether the last command succeeded, if that is known.
    pub(super) status: Option<bool>,
    pub(super) steps: usize,
    limit: usize,
    depth: usize,
    pub(super) regions: Vec<Region>,
    /// What is written by commands whose output is wanted, and how many regions were open when they began.
    pub(super) outputs: Vec<(usize, Value)>,
    /// Standard input, as far as it is not read.
    pub(super) input: Option<Stream>,
    /// Files that the script has written.
    pub(super) files: HashMap<Vec<u8>, Value>,
    /// Another file has been read in, and may have set anything.
    pub(super) sourced: bool,
    pub(super) firewall: Firewall<'a>,
}

impl<'a> Shell<'a> {
    pub(super) fn new(script: &'a Script, text: &'a [u8], firewall: Firewall<'a>) -> Self {
        let first = text.split(|&b| b == b'\n').next().unwrap_or_default();
        let plain = first.starts_with(b"#!") && !first.windows(4).any(|w| w == b"bash");
        Self {
            script,
            text,
            bash: !plain,
            variables: HashMap::new(),
            functions: HashMap::new(),
            called: None,
            calls: Vec::new(),
            limit: STEPS + text.len(),
            arguments: None,
            status: Some(true),
            steps: 0,
            depth: 0,
            regions: Vec::new(),
            outputs: Vec::new(),
            input: None,
            files: HashMap::new(),
            sourced: false,
            firewall,
        }
    }

    /// Runs all of it.
    pub(super) fn run(mut self) -> Firewall<'a> {
        let script: &'a Script = self.script;
        self.list(&script.list);
        self.firewall
    }

    /// Counts work that depends on the length of a text.
    pub(super) fn charge(&mut self, bytes: usize) {
        self.steps += bytes / 64;
    }

    /// Whether the commands that run now may not run.
    pub(super) fn is_maybe(&self) -> bool {
        !self.regions.is_empty()
    }

    pub(super) fn list(&mut self, list: &'a List) -> Flow {
        for and_or in &list.0 {
            let flow = self.and_or(and_or);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    fn and_or(&mut self, list: &'a AndOr) -> Flow {
        let mut flow = self.pipeline(&list.first);
        let mut decisive = span_of(&list.first);
        for (join, next) in &list.rest {
            if flow != Flow::Next {
                return flow;
            }
            match (join, self.status) {
                (Join::And, Some(true)) | (Join::Or, Some(false)) => flow = self.pipeline(next),
                (Join::And, Some(false)) | (Join::Or, Some(true)) => continue,
                (_, None) => {
                    self.maybe(Why::new(decisive, "whether this succeeds can't be told"), |shell| {
                        shell.pipeline(next);
                    });
                    self.status = None;
                }
            }
            decisive = span_of(next);
        }
        flow
    }

    /// Runs what may not run. What it sets is not known afterwards.
    pub(super) fn maybe(&mut self, why: Why, run: impl FnOnce(&mut Self)) {
        let before = self.variables.clone();
        self.steps += before.len() / 4;
        let arguments = self.arguments.clone();
        self.regions.push(Region { why, commands: Vec::new() });
        run(self);
        let region = self.regions.pop();
        for (name, variable) in &mut self.variables {
            if before.get(name) != Some(&*variable) {
                let why = Why::new(variable.at, "it is set where it can't be told whether that runs");
                variable.values = vec![Value::Unknown(why)];
            }
        }
        for (name, variable) in before {
            self.variables.entry(name).or_insert(variable);
        }
        if self.arguments != arguments {
            self.arguments = None;
        }
        self.status = None;
        if let Some(region) = region {
            match self.regions.last_mut() {
                Some(outer) => outer.commands.extend(region.commands),
                None => self.firewall.not_decided(&region),
            }
        }
    }

    fn pipeline(&mut self, pipeline: &'a Pipeline) -> Flow {
        self.steps += 1;
        if self.steps > self.limit || self.depth > DEPTH {
            self.firewall.gave_up(span_of(pipeline));
            return Flow::Exit;
        }
        self.depth += 1;
        let flow = match pipeline.commands.as_slice() {
            [only] => self.command(only),
            several => {
                let variables = self.variables.clone();
                self.steps += variables.len() / 4;
                self.piped(several);
                self.variables = variables;
                Flow::Next
            }
        };
        self.depth -= 1;
        if pipeline.negated {
            self.status = self.status.map(|good| !good);
        }
        flow
    }

    pub(super) fn command(&mut self, command: &'a Command) -> Flow {
        let outer = if command.redirects.is_empty() { None } else { self.input.clone() };
        let mut into = None;
        for redirect in &command.redirects {
            self.redirect(redirect, &mut into);
        }
        let flow = match into {
            None => self.kind(command),
            Some(file) => {
                let mut flow = Flow::Next;
                let written = self.captured(|shell| flow = shell.kind(command));
                self.wrote(&file, written);
                flow
            }
        };
        if !command.redirects.is_empty() {
            self.input = outer;
        }
        flow
    }

    /// Runs a command whose redirections are done.
    fn kind(&mut self, command: &'a Command) -> Flow {
        match &command.kind {
            Kind::Simple { assignments, words } => self.simple(assignments, words, command.span),
            Kind::Group(list) => self.list(list),
            Kind::Subshell(list) => {
                let (variables, arguments) = (self.variables.clone(), self.arguments.clone());
                self.steps += variables.len() / 4;
                self.list(list);
                (self.variables, self.arguments) = (variables, arguments);
                Flow::Next
            }
            Kind::If { branches, otherwise, at } => self.conditional(branches, otherwise.as_ref(), *at),
            Kind::Loop { until, condition, body, at } => self.repeat(*until, condition, body, *at),
            Kind::For { name, words, body, at } => self.each(name, words.as_deref(), body, *at),
            Kind::Case { word, arms } => self.case(word, arms),
            Kind::Function { name, body } => {
                self.functions.insert(name, body);
                Flow::Next
            }
            Kind::Test(words) => {
                let fields: Vec<Field> = words.iter().map(|word| self.whole(word)).collect();
                self.status = self.test(&fields, true);
                Flow::Next
            }
            Kind::Arithmetic(span) => {
                self.status = self.number(*span).map(|n| n != 0);
                Flow::Next
            }
            Kind::Other { what, body, at } => {
                self.maybe(Why::new(*at, format!("{what} is not followed")), |shell| {
                    shell.list(body);
                });
                Flow::Next
            }
        }
    }
}

pub(super) fn span_of(pipeline: &Pipeline) -> Span {
    let first = pipeline.commands.first().map_or_else(Span::default, |c| c.span);
    pipeline.commands.last().map_or(first, |last| first.to(last.span))
}
