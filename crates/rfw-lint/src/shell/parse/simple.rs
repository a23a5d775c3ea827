//! Simple commands: words, assignments before them, redirections.

use rfw_diagnostics::Span;

use super::lex::{Parser, Pending, Result, is_name, problem};
use crate::shell::ast::{Assigned, Assignment, Command, Kind, Part, PartKind, Redirect, Redirected, Word};

impl Parser<'_> {
    pub(super) fn simple(&mut self, start: usize) -> Result<Command> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        let mut end = start;
        loop {
            self.blanks();
            if self.redirect(&mut redirects)? {
                end = self.at;
                continue;
            }
            if words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                assignments.push(assignment);
                end = self.at;
                continue;
            }
            // `declare -a NAME=(…)`
            if let Some(assignment) = self.array_argument(&words)? {
                assignments.push(assignment);
                end = self.at;
                continue;
            }
            let word = self.word()?;
            if word.parts.is_empty() {
                break;
            }
            words.push(word);
            end = self.at;
            if let ([only], Some(b'(')) = (words.as_slice(), self.peek())
                && let Some(name) = only.bare()
            {
                let name = name.to_vec();
                self.at += 1;
                self.blanks();
                if !self.take(b")") {
                    return problem(self.at.saturating_sub(1), self.at, "`(` can't stand here");
                }
                let kind = self.function(name)?;
                return Ok(Command { kind, redirects, span: Span::new(start, self.at) });
            }
        }
        let span = Span::new(start, end);
        Ok(Command { kind: Kind::Simple { assignments, words }, redirects, span })
    }

    fn array_argument(&mut self, words: &[Word]) -> Result<Option<Assignment>> {
        let declares = words.first().and_then(Word::bare);
        let declares =
            declares.is_some_and(|w| [&b"declare"[..], b"local", b"typeset", b"readonly"].contains(&w));
        let rest = &self.text[self.at..self.end];
        let name = rest.iter().take_while(|&&b| is_name(b)).count();
        if declares && name > 0 && rest[name..].starts_with(b"=(") { self.assignment() } else { Ok(None) }
    }

    fn assignment(&mut self) -> Result<Option<Assignment>> {
        let start = self.at;
        let rest = &self.text[start..self.end];
        let length = rest.iter().take_while(|&&b| is_name(b)).count();
        if length == 0 || rest[0].is_ascii_digit() {
            return Ok(None);
        }
        let name = rest[..length].to_vec();
        let mut at = length;
        let mut index = None;
        if rest.get(at) == Some(&b'[') {
            let line = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
            let Some(close) = rest[at..line.max(at)].iter().position(|&b| b == b']') else { return Ok(None) };
            index = Some(rest[at + 1..at + close].to_vec());
            at += close + 1;
        }
        let append = rest[at..].starts_with(b"+=");
        at += usize::from(append);
        if rest.get(at) != Some(&b'=') {
            return Ok(None);
        }
        self.at = start + at + 1;
        let value = if self.peek() == Some(b'(') && index.is_none() {
            let opened = self.at;
            self.at += 1;
            let mut words = Vec::new();
            loop {
                self.lines();
                if self.take(b")") {
                    break;
                }
                let word = self.word()?;
                if word.parts.is_empty() {
                    return problem(opened, opened + 1, "no `)` closes this");
                }
                words.push(word);
            }
            Assigned::Array(words)
        } else {
            Assigned::One(self.word()?)
        };
        Ok(Some(Assignment { name, index, append, value, span: Span::new(start, self.at) }))
    }

    /// Takes a redirection if one is next.
    pub(super) fn redirect(&mut self, out: &mut Vec<Redirect>) -> Result<bool> {
        let start = self.at;
        let digits = self.text[start..self.end].iter().take_while(|b| b.is_ascii_digit()).count();
        let fd = if digits == 1 { self.peek().map(|b| b - b'0') } else { None };
        if fd.is_some() {
            self.at += 1;
        }
        let both = fd.is_none() && self.looks_at(b"&>");
        if both {
            self.at += 1;
        }
        match self.peek() {
            Some(b'<') => {}
            Some(b'>') => {}
            _ => {
                self.at = start;
                return Ok(false);
            }
        }
        if self.take(b"<<<") {
            self.blanks();
            let word = self.word()?;
            out.push(Redirect { fd, to: Redirected::Line(word) });
            return Ok(true);
        }
        if self.take(b"<<") {
            let strip_tabs = self.take(b"-");
            self.blanks();
            let word = self.word()?;
            let literal = word.parts.iter().any(|p| p.quoted);
            let delimiter = word.parts.iter().flat_map(|p| match &p.kind {
                PartKind::Literal(text) => text.clone(),
                _ => Vec::new(),
            });
            let delimiter: Vec<u8> = delimiter.collect();
            let index = self.script.documents.len();
            self.script.documents.push(Word { parts: Vec::new(), span: word.span });
            self.pending.push(Pending { index, delimiter, literal, strip_tabs, at: word.span });
            out.push(Redirect { fd, to: Redirected::Document(index) });
            return Ok(true);
        }
        let from = self.peek() == Some(b'<');
        self.at += 1;
        if self.peek() == Some(b'(') {
            // Process substitution: a file that some commands make.
            self.at += 1;
            self.deeper(|p| p.list(&[]))?;
            if !self.take(b")") {
                return problem(start, start + 2, "no `)` closes this");
            }
            let span = Span::new(start, self.at);
            let part = Part { kind: PartKind::Other, span, quoted: true };
            let word = Word { parts: vec![part], span };
            out.push(Redirect { fd, to: if from { Redirected::From(word) } else { Redirected::Copy } });
            return Ok(true);
        }
        let copies = self.take(b"&");
        if !copies && !self.take(b">") && !self.take(b"|") {
            self.take(b">");
        }
        self.blanks();
        let word = self.word()?;
        if word.parts.is_empty() {
            return problem(start, self.at.max(start + 1), "the name of a file belongs here");
        }
        let to = match (copies, from) {
            (true, _) => Redirected::Copy,
            (_, true) => Redirected::From(word),
            _ => Redirected::Into(word),
        };
        out.push(Redirect { fd, to });
        Ok(true)
    }
}
