//! Commands of a shell script: lists and pipelines here, the rest in the files beside this one.
//!
//! A place that no shell would take is noted, and reading goes on with the next line.

mod compound;
pub(super) mod lex;
mod simple;

use rfw_diagnostics::Span;

use super::ast::{AndOr, Command, Join, List, Pipeline, Script};
use lex::{Parser, Result, problem};

/// After that many places that can't be read the rest is left alone.
const PROBLEMS: usize = 20;

/// Reads a script.
pub(super) fn parse(text: &[u8]) -> Script {
    let mut parser =
        Parser { text, at: 0, end: text.len(), depth: 0, script: Script::default(), pending: Vec::new() };
    while parser.at < parser.end {
        let start = parser.at;
        match parser.line() {
            Ok(list) => parser.script.list.0.extend(list.0),
            Err(found) => {
                let at = (found.span.start as usize).max(start).min(text.len());
                parser.at = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |p| at + p + 1);
                parser.end = text.len();
                parser.depth = 0;
                parser.pending.clear();
                parser.script.problems.push(found);
                if parser.script.problems.len() >= PROBLEMS {
                    break;
                }
            }
        }
    }
    parser.script.problems.sort_by_key(|p| p.span);
    parser.script
}

impl Parser<'_> {
    /// Commands up to the end of a line on which a command ends.
    fn line(&mut self) -> Result<List> {
        let mut list = List::default();
        loop {
            self.blanks();
            match self.peek() {
                None => return Ok(list),
                Some(b'\n') => {
                    self.newline();
                    return Ok(list);
                }
                _ => self.item(&mut list)?,
            }
        }
    }

    /// Commands up to a word of `stop` where a command may stand, a closing parenthesis, `;;` or the end.
    pub(super) fn list(&mut self, stop: &[&[u8]]) -> Result<List> {
        let mut list = List::default();
        loop {
            self.blanks();
            match self.peek() {
                None | Some(b')') => return Ok(list),
                Some(b'\n') => self.newline(),
                Some(b';') if matches!(self.peek_at(1), Some(b';' | b'&')) => return Ok(list),
                _ if stop.contains(&self.reserved()) => return Ok(list),
                _ => self.item(&mut list)?,
            }
        }
    }

    /// One command of a list and what separates it from the next.
    fn item(&mut self, list: &mut List) -> Result<()> {
        let before = self.at;
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let join = if self.take(b"&&") {
                Join::And
            } else if self.take(b"||") {
                Join::Or
            } else {
                break;
            };
            self.lines();
            rest.push((join, self.pipeline()?));
        }
        list.0.push(AndOr { first, rest });
        if self.peek() == Some(b'(') && self.at > before {
            return problem(self.at, self.at + 1, "`(` can't stand here");
        }
        match self.peek() {
            Some(b';') if !matches!(self.peek_at(1), Some(b';' | b'&')) => self.at += 1,
            Some(b'&') => self.at += 1,
            _ => {}
        }
        if self.at == before {
            let shown = String::from_utf8_lossy(&self.text[before..before + 1]).into_owned();
            return problem(before, before + 1, format!("no command can begin with `{shown}`"));
        }
        Ok(())
    }

    /// Passes blanks and line ends.
    fn lines(&mut self) {
        loop {
            self.blanks();
            if self.peek() != Some(b'\n') {
                return;
            }
            self.newline();
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline> {
        self.blanks();
        let mut negated = false;
        while self.reserved() == b"!" {
            self.at += 1;
            negated = !negated;
            self.blanks();
        }
        let mut commands = vec![self.deeper(Self::command)?];
        loop {
            self.blanks();
            if self.peek() != Some(b'|') || self.peek_at(1) == Some(b'|') {
                return Ok(Pipeline { negated, commands });
            }
            self.at += 1;
            self.take(b"&");
            self.lines();
            commands.push(self.deeper(Self::command)?);
        }
    }

    fn command(&mut self) -> Result<Command> {
        let start = self.at;
        let kind = match self.compound()? {
            Some(kind) => kind,
            None => return self.simple(start),
        };
        let mut redirects = Vec::new();
        loop {
            self.blanks();
            if !self.redirect(&mut redirects)? {
                break;
            }
        }
        Ok(Command { kind, redirects, span: Span::new(start, self.at) })
    }
}
