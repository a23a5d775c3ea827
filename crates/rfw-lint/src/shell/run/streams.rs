//! What commands read and write: pipes, redirections, `$(…)`, and the files that a script has written itself.

use std::rc::Rc;

use rfw_diagnostics::Span;

use super::{DEPTH, Shell};
use crate::shell::ast::{Command, List, Redirect, Redirected};
use crate::shell::text::{Field, Text, Value, Why};

/// What a command reads, and how much of it is read.
#[derive(Clone)]
pub(in crate::shell) struct Stream {
    pub(in crate::shell) value: Rc<Value>,
    pub(in crate::shell) at: usize,
}

impl Stream {
    pub(in crate::shell) fn new(value: Value) -> Self {
        Self { value: Rc::new(value), at: 0 }
    }

    /// What is not read yet.
    pub(in crate::shell) fn rest(&self) -> Value {
        match &*self.value {
            Value::Known(text) if self.at > 0 => Value::Known(text.slice(self.at, text.bytes().len())),
            other => other.clone(),
        }
    }
}

impl<'a> Shell<'a> {
    /// Each command reads what the one before has written.
    pub(super) fn piped(&mut self, commands: &'a [Command]) {
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
    pub(in crate::shell) fn captured(&mut self, run: impl FnOnce(&mut Self)) -> Value {
        self.outputs.push((self.regions.len(), Value::Known(Text::default())));
        run(self);
        self.outputs.pop().map_or_else(|| Value::Known(Text::default()), |(_, written)| written)
    }

    /// What `$(…)` gives.
    pub(in crate::shell) fn substitution(&mut self, list: &'a List, at: Span) -> Value {
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
    pub(in crate::shell) fn write(&mut self, written: Value) {
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

    pub(super) fn redirect(&mut self, redirect: &'a Redirect, into: &mut Option<Field>) {
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
    pub(in crate::shell) fn file(&self, file: &Field) -> Value {
        let Some(name) = file.known() else { return file.value() };
        if name == b"/dev/null" {
            return Value::Known(Text::default());
        }
        match self.files.get(name) {
            Some(value) => value.clone(),
            None => Value::Unknown(Why::new(file.span, "this file is not part of the script")),
        }
    }

    /// A command has written a file.
    pub(in crate::shell) fn wrote(&mut self, file: &Field, written: Value) {
        let Some(name) = file.known() else { return };
        if let (Some(setting), Value::Known(text)) = (name.strip_prefix(b"/proc/sys/"), &written) {
            let (setting, text) = (setting.to_vec(), text.bytes().to_vec());
            self.noted(|noted, sure| noted.setting(&setting, &text, sure));
        }
        if name.is_empty() || name.starts_with(b"/dev/") {
            return;
        }
        let written = match self.is_maybe() {
            true => Value::Unknown(Why::new(file.span, "whether this is written can't be told")),
            false => written,
        };
        self.files.insert(name.to_vec(), written);
    }
}
