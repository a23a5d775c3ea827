//! Runs a script as far as its text decides: control flow, variables, pipes.
//!
//! Nothing outside of the script is looked at. What cannot be decided is run as "maybe": its commands count as rules that may
//! do anything, and the finding says what was not decided. A bound on steps ends every script.

use std::collections::HashMap;
use std::rc::Rc;

use rfw_diagnostics::Span;

use super::ast::{AndOr, Arm, Command, Join, Kind, List, Pipeline, Redirect, Redirected, Script, Word};
use super::firewall::Firewall;
use super::text::{Field, Text, Value, Variable, Why, fits};

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

/// What a command reads, and how much of it is read.
#[derive(Clone)]
pub(super) struct Stream {
    pub(super) value: Rc<Value>,
    pub(super) at: usize,
}

impl Stream {
    pub(super) fn new(value: Value) -> Self {
        Self { value: Rc::new(value), at: 0 }
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> Value {
        match &*self.value {
            Value::Known(text) if self.at > 0 => Value::Known(text.slice(self.at, text.bytes().len())),
            other => other.clone(),
        }
    }
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

    /// Each command reads what the one before has written.
    fn piped(&mut self, commands: &'a [Command]) {
        let outer = self.input.take();
        for (i, command) in commands.iter().enumerate() {
            if i + 1 == commands.len() {
                self.command(command);
            } else {
                let written = self.captured(|shell| {
                    shell.command(command);
                });
                self.input = Some(Stream::new(written));
            }
        }
        self.input = outer;
    }

    /// What is written while `run` runs.
    pub(super) fn captured(&mut self, run: impl FnOnce(&mut Self)) -> Value {
        self.outputs.push((self.regions.len(), Value::Known(Text::default())));
        run(self);
        self.outputs.pop().map_or_else(|| Value::Known(Text::default()), |(_, written)| written)
    }

    /// What `$(…)` gives.
    pub(super) fn substitution(&mut self, list: &'a List, at: Span) -> Value {
        if self.depth > DEPTH {
            return Value::Unknown(Why::new(at, "this is nested too deep to be followed"));
        }
        self.depth += 1;
        let variables = self.variables.clone();
        self.steps += 1 + variables.len() / 4;
        let written = self.captured(|shell| {
            shell.list(list);
        });
        self.variables = variables;
        self.depth -= 1;
        match written {
            Value::Known(text) => {
                let bytes = text.bytes();
                let kept = bytes.iter().rposition(|&b| b != b'\n').map_or(0, |p| p + 1);
                Value::Known(text.slice(0, kept))
            }
            Value::Unknown(why) => Value::Unknown(Why { at, ..why }),
        }
    }

    /// Adds to what is written.
    pub(super) fn write(&mut self, written: Value) {
        let regions = self.regions.len();
        let Some((outside, output)) = self.outputs.last_mut() else { return };
        match (&mut *output, written) {
            (Value::Known(have), Value::Known(text)) => {
                let at = text.span().unwrap_or_default();
                if regions > *outside && !text.bytes().is_empty() {
                    *output = Value::Unknown(Why::new(at, "whether this is written can't be told"));
                    return;
                }
                have.append(&text);
                if have.is_too_long() {
                    *output = Value::Unknown(Why::new(at, "it is too long to be followed"));
                }
            }
            (Value::Known(_), unknown) => *output = unknown,
            (Value::Unknown(_), _) => {}
        }
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

    fn redirect(&mut self, redirect: &'a Redirect, into: &mut Option<Field>) {
        let input = matches!(redirect.fd, None | Some(0));
        let output = matches!(redirect.fd, None | Some(1));
        match &redirect.to {
            Redirected::Document(index) if input => {
                let script = self.script;
                if let Some(word) = script.documents.get(*index) {
                    let whole = self.whole(word);
                    self.input = Some(Stream::new(whole.value()));
                }
            }
            Redirected::Line(word) if input => {
                let mut field = self.whole(word);
                field.text.push(b"\n", word.span);
                self.input = Some(Stream::new(field.value()));
            }
            Redirected::From(word) if input => {
                let file = self.whole(word);
                self.input = Some(Stream::new(self.file(&file)));
            }
            Redirected::Into(word) if output => *into = Some(self.whole(word)),
            Redirected::Copy if output => *into = Some(Field::default()),
            _ => {}
        }
    }

    /// What is in a file.
    pub(super) fn file(&self, file: &Field) -> Value {
        let Some(name) = file.known() else { return file.value() };
        if name == b"/dev/null" {
            return Value::Known(Text::default());
        }
        match self.files.get(name) {
            Some(value) => value.clone(),
            None => Value::Unknown(Why::new(file.span, "this file is not part of the script")),
        }
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

    fn conditional(&mut self, branches: &'a [(List, List)], otherwise: Option<&'a List>, at: Span) -> Flow {
        for (i, (condition, body)) in branches.iter().enumerate() {
            let flow = self.list(condition);
            if flow != Flow::Next {
                return flow;
            }
            match self.status {
                Some(true) => return self.list(body),
                Some(false) => {}
                None => {
                    let at = condition.0.last().map_or(at, |c| span_of(&c.first));
                    let why = || Why::new(at, "whether this holds can't be told");
                    self.maybe(why(), |shell| {
                        shell.list(body);
                    });
                    self.maybe(why(), |shell| {
                        shell.conditional(&branches[i + 1..], otherwise, at);
                    });
                    return Flow::Next;
                }
            }
        }
        self.status = Some(true);
        otherwise.map_or(Flow::Next, |list| self.list(list))
    }

    /// One more round of a loop; `Some` where the loop ends.
    fn round(&mut self, body: &'a List) -> Option<Flow> {
        match self.list(body) {
            Flow::Next => None,
            Flow::Continue(0 | 1) => None,
            Flow::Continue(n) => Some(Flow::Continue(n - 1)),
            Flow::Break(0 | 1) => Some(Flow::Next),
            Flow::Break(n) => Some(Flow::Break(n - 1)),
            other => Some(other),
        }
    }

    fn repeat(&mut self, until: bool, condition: &'a List, body: &'a List, at: Span) -> Flow {
        loop {
            self.steps += 1;
            if self.steps > self.limit {
                self.firewall.gave_up(at);
                return Flow::Exit;
            }
            let flow = self.list(condition);
            if flow != Flow::Next {
                return flow;
            }
            match self.status {
                Some(held) if held != until => {}
                Some(_) => {
                    self.status = Some(true);
                    return Flow::Next;
                }
                None => {
                    let at = condition.0.last().map_or(at, |c| span_of(&c.first));
                    self.maybe(Why::new(at, "how often this loop runs can't be told"), |shell| {
                        shell.list(body);
                    });
                    return Flow::Next;
                }
            }
            if let Some(flow) = self.round(body) {
                return flow;
            }
        }
    }

    fn each(&mut self, name: &'a [u8], words: Option<&'a [Word]>, body: &'a List, at: Span) -> Flow {
        let fields = match words {
            Some(words) => self.fields(words),
            None => match &self.arguments {
                Some(list) => list.iter().map(|value| Field::of(value, at)).collect(),
                None => {
                    vec![Field::of(&Value::Unknown(Why::new(at, super::expand::CALLED)), at)]
                }
            },
        };
        for field in fields {
            let why = match (&field.unknown, field.pattern) {
                (Some(why), _) => Some(why.clone()),
                (None, true) => Some(Why::new(field.span, "these are files of the host")),
                (None, false) => None,
            };
            match why {
                None => {
                    self.set(name, field.value(), field.span);
                    if let Some(flow) = self.round(body) {
                        return flow;
                    }
                }
                Some(why) => {
                    let value = Value::Unknown(Why::new(field.span, why.text.clone()));
                    let why =
                        Why::new(field.span, format!("what this loop runs over can't be told: {}", why.text));
                    self.maybe(why, |shell| {
                        shell.set(name, value, field.span);
                        shell.list(body);
                    });
                }
            }
        }
        Flow::Next
    }

    fn case(&mut self, word: &'a Word, arms: &'a [Arm]) -> Flow {
        let field = self.whole(word);
        if let Some(text) = field.known() {
            let text = text.to_vec();
            for arm in arms {
                for pattern in &arm.patterns {
                    match self.pattern(pattern) {
                        Some(pattern) if fits(&pattern, &text) => return self.list(&arm.body),
                        Some(_) => {}
                        None => {
                            return self.each_arm(arms, Why::new(pattern.span, "this pattern can't be told"));
                        }
                    }
                }
            }
            self.status = Some(true);
            return Flow::Next;
        }
        // What a person calls the script with: it is read as it is run to put the rules up.
        let called = self.arguments.is_none() && word.parts.iter().any(|p| is_first_argument(&p.kind));
        let starts = |arm: &&Arm| arm.patterns.iter().any(|p| p.bare().is_some_and(|t| t == b"start"));
        if called && let Some(arm) = arms.iter().find(starts) {
            self.firewall.assumed_start(word.span);
            return self.list(&arm.body);
        }
        let text = field.unknown.map_or_else(String::new, |why| why.text);
        self.each_arm(arms, Why::new(word.span, format!("which of the cases this is can't be told: {text}")));
        Flow::Next
    }

    fn each_arm(&mut self, arms: &'a [Arm], why: Why) -> Flow {
        for arm in arms {
            self.maybe(why.clone(), |shell| {
                shell.list(&arm.body);
            });
        }
        Flow::Next
    }
}

fn is_first_argument(kind: &super::ast::PartKind) -> bool {
    matches!(kind, super::ast::PartKind::Parameter(p) if p.name == b"1")
}

pub(super) fn span_of(pipeline: &Pipeline) -> Span {
    let first = pipeline.commands.first().map_or_else(Span::default, |c| c.span);
    pipeline.commands.last().map_or(first, |last| first.to(last.span))
}
