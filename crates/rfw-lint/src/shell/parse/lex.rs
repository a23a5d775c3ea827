//! Words, blanks, comments and here-documents of a shell script.

use rfw_diagnostics::Span;

use crate::shell::ast::{Change, Parameter, Part, PartKind, Problem, Script, Word};

/// How deep commands and substitutions may nest.
const DEPTH: usize = 60;

pub(super) type Result<T> = std::result::Result<T, Problem>;

/// Reads one script. `at` never passes `end`, and every loop moves `at`.
pub(super) struct Parser<'s> {
    pub(super) text: &'s [u8],
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) depth: usize,
    pub(super) script: Script,
    /// Here-documents whose bodies begin behind the next line end.
    pub(super) pending: Vec<Pending>,
}

pub(super) struct Pending {
    pub(super) index: usize,
    pub(super) delimiter: Vec<u8>,
    pub(super) literal: bool,
    pub(super) strip_tabs: bool,
    pub(super) at: Span,
}

pub(super) fn problem<T>(start: usize, end: usize, message: impl Into<String>) -> Result<T> {
    Err(Problem { span: Span::new(start, end), message: message.into() })
}

/// Whether a byte ends an unquoted word.
fn is_meta(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>')
}

pub(in crate::shell) fn is_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

impl<'s> Parser<'s> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        let at = self.at + ahead;
        if at < self.end { self.text.get(at).copied() } else { None }
    }

    pub(super) fn looks_at(&self, text: &[u8]) -> bool {
        self.text.get(self.at..self.end).is_some_and(|rest| rest.starts_with(text))
    }

    /// Takes a text if it is next.
    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        let found = self.looks_at(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH {
            return problem(self.at, self.at + 1, "this is nested too deep to be followed");
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Passes blanks, continued lines and a comment.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => self.at += 2,
                Some(b'\\') if self.looks_at(b"\\\r\n") => self.at += 3,
                Some(b'#') => {
                    while self.peek().is_some_and(|b| b != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Passes one line end and the here-documents that it begins.
    pub(super) fn newline(&mut self) {
        self.at += 1;
        for pending in std::mem::take(&mut self.pending) {
            self.document(&pending);
        }
    }

    fn document(&mut self, pending: &Pending) {
        let start = self.at;
        let mut lines = Vec::new();
        let mut closed = false;
        while self.at < self.end {
            let rest = &self.text[self.at..self.end];
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let mut line = &rest[..length];
            let mut from = self.at;
            if pending.strip_tabs {
                let tabs = line.iter().take_while(|&&b| b == b'\t').count();
                line = &line[tabs..];
                from += tabs;
            }
            self.at = (self.at + length + 1).min(self.end);
            if line.strip_suffix(b"\r").unwrap_or(line) == pending.delimiter {
                closed = true;
                break;
            }
            lines.push((from, from + line.len() + 1));
        }
        if !closed {
            let shown = String::from_utf8_lossy(&pending.delimiter).into_owned();
            self.script.problems.push(Problem {
                span: pending.at,
                message: format!("no line `{shown}` ends this here-document"),
            });
        }
        let mut parts = Vec::new();
        for (from, to) in lines {
            let to = to.min(self.end);
            match pending.literal {
                true => parts.push(literal(&self.text[from..to], from, true)),
                false => self.document_line(from, to, &mut parts),
            }
        }
        if let Some(document) = self.script.documents.get_mut(pending.index) {
            *document = Word { parts, span: Span::new(start, self.at) };
        }
    }

    fn document_line(&mut self, from: usize, to: usize, parts: &mut Vec<Part>) {
        let (at, end) = (self.at, self.end);
        (self.at, self.end) = (from, to);
        while self.at < self.end {
            let before = self.at;
            if let Err(found) = self.expandable(b"", parts) {
                self.script.problems.push(found);
                self.at = self.end;
            }
            if self.at == before {
                self.at += 1;
            }
        }
        (self.at, self.end) = (at, end);
    }

    /// The bare letters at this place that may be a reserved word, without taking them.
    pub(super) fn reserved(&self) -> &'s [u8] {
        let text: &'s [u8] = self.text;
        let rest = text.get(self.at..self.end).unwrap_or_default();
        let length = rest.iter().position(|&b| is_meta(b)).unwrap_or(rest.len());
        &rest[..length]
    }

    /// A word; empty parts where none begins here.
    pub(super) fn word(&mut self) -> Result<Word> {
        let start = self.at;
        let mut parts = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' if self.peek_at(1) == Some(b'\n') => self.at += 2,
                b'\\' => {
                    let end = (self.at + 2).min(self.end);
                    parts.push(literal(&self.text[self.at + 1..end], self.at, true));
                    // The blame goes to both bytes.
                    if let Some(part) = parts.last_mut() {
                        part.span = Span::new(self.at, end);
                    }
                    self.at = end;
                }
                b'\'' => parts.push(self.single()?),
                b'"' => {
                    let opened = self.at;
                    self.at += 1;
                    let before = parts.len();
                    while self.peek() != Some(b'"') {
                        if self.peek().is_none() {
                            return problem(opened, opened + 1, "this quote is never closed");
                        }
                        self.expandable(b"\"", &mut parts)?;
                    }
                    self.at += 1;
                    if parts.len() == before {
                        parts.push(literal(b"", opened + 1, true));
                    }
                }
                b'$' if self.peek_at(1) == Some(b'\'') => {
                    self.at += 1;
                    let mut part = self.single()?;
                    if let PartKind::Literal(text) = &mut part.kind {
                        *text = unescaped(text);
                    }
                    parts.push(part);
                }
                b'$' | b'`' => self.dollar(false, &mut parts)?,
                byte if is_meta(byte) => break,
                _ => {
                    let rest = &self.text[self.at..self.end];
                    let stop = |&b: &u8| is_meta(b) || matches!(b, b'\\' | b'\'' | b'"' | b'$' | b'`');
                    let length = rest.iter().position(stop).unwrap_or(rest.len()).max(1);
                    parts.push(literal(&rest[..length], self.at, false));
                    self.at += length;
                }
            }
        }
        Ok(Word { parts, span: Span::new(start, self.at) })
    }

    fn single(&mut self) -> Result<Part> {
        let start = self.at + 1;
        let rest = self.text.get(start..self.end).unwrap_or_default();
        let Some(length) = memchr::memchr(b'\'', rest) else {
            return problem(self.at, start, "this quote is never closed");
        };
        self.at = start + length + 1;
        Ok(literal(&rest[..length], start, true))
    }

    /// One step through text in which `$` and backquotes are expanded and `\` escapes them and `also`.
    fn expandable(&mut self, also: &[u8], parts: &mut Vec<Part>) -> Result<()> {
        match self.peek() {
            Some(b'$' | b'`') => self.dollar(true, parts),
            Some(b'\\') if self.peek_at(1) == Some(b'\n') => {
                self.at += 2;
                Ok(())
            }
            Some(b'\\')
                if self.peek_at(1).is_some_and(|b| matches!(b, b'$' | b'`' | b'\\') || also.contains(&b)) =>
            {
                let mut part = literal(&self.text[self.at + 1..self.at + 2], self.at, true);
                part.span = Span::new(self.at, self.at + 2);
                parts.push(part);
                self.at += 2;
                Ok(())
            }
            Some(_) => {
                let rest = &self.text[self.at..self.end];
                let stop = |&b: &u8| matches!(b, b'$' | b'`' | b'\\') || also.contains(&b);
                let length = rest.iter().skip(1).position(stop).map_or(rest.len(), |p| p + 1);
                parts.push(literal(&rest[..length], self.at, true));
                self.at += length;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What begins with `$` or a backquote.
    fn dollar(&mut self, quoted: bool, parts: &mut Vec<Part>) -> Result<()> {
        let start = self.at;
        let kind = if self.peek() == Some(b'`') {
            self.backquoted()?
        } else if self.looks_at(b"$((") && self.arithmetic_end(self.at + 3).is_some() {
            let close = self.arithmetic_end(self.at + 3).unwrap_or(self.end);
            let span = Span::new(self.at + 3, close);
            self.at = close + 2;
            PartKind::Arithmetic(span)
        } else if self.take(b"$(") {
            let list = self.deeper(|p| p.list(&[]))?;
            if !self.take(b")") {
                return problem(start, start + 2, "no `)` closes this");
            }
            PartKind::Command(std::rc::Rc::new(list))
        } else if self.take(b"${") {
            self.deeper(|p| p.braced(start, quoted))?
        } else {
            self.at += 1;
            match self.simple_name() {
                Some(name) => PartKind::Parameter(Box::new(Parameter {
                    name,
                    index: None,
                    length: false,
                    change: Change::Nothing,
                })),
                None => PartKind::Literal(b"$".to_vec()),
            }
        };
        parts.push(Part { kind, span: Span::new(start, self.at), quoted });
        Ok(())
    }

    fn simple_name(&mut self) -> Option<Vec<u8>> {
        let first = self.peek()?;
        let length =
            if matches!(first, b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-') || first.is_ascii_digit() {
                1
            } else {
                let rest = &self.text[self.at..self.end];
                rest.iter().position(|&b| !is_name(b)).unwrap_or(rest.len())
            };
        if length == 0 {
            return None;
        }
        let name = self.text[self.at..self.at + length].to_vec();
        self.at += length;
        Some(name)
    }

    fn backquoted(&mut self) -> Result<PartKind> {
        let start = self.at;
        let mut close = start + 1;
        while close < self.end && self.text[close] != b'`' {
            close += if self.text[close] == b'\\' { 2 } else { 1 };
        }
        if close >= self.end {
            return problem(start, start + 1, "this quote is never closed");
        }
        let end = std::mem::replace(&mut self.end, close);
        self.at = start + 1;
        let list = self.deeper(|p| p.list(&[]));
        self.end = end;
        self.at = close + 1;
        Ok(PartKind::Command(std::rc::Rc::new(list?)))
    }

    /// Where `))` closes what `((` opened, if it does.
    pub(super) fn arithmetic_end(&self, from: usize) -> Option<usize> {
        let mut open = 0_usize;
        let mut at = from;
        // What is longer is no expression that anybody wrote.
        let limit = self.end.min(from + 1000);
        while at < limit {
            match self.text[at] {
                b'(' => open += 1,
                b')' if open > 0 => open -= 1,
                b')' => return (self.text.get(at + 1) == Some(&b')') && at + 1 < self.end).then_some(at),
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Behind `${`.
    fn braced(&mut self, start: usize, quoted: bool) -> Result<PartKind> {
        let mut length = self.peek() == Some(b'#') && self.peek_at(1) != Some(b'}');
        if length {
            self.at += 1;
        }
        let long = self.text[self.at..self.end].iter().take_while(|b| b.is_ascii_digit()).count();
        let name = if long > 1 {
            self.at += long;
            Some(self.text[self.at - long..self.at].to_vec())
        } else {
            self.simple_name()
        };
        let Some(name) = name else {
            self.close_brace(start)?;
            return Ok(PartKind::Other);
        };
        let mut index = None;
        if self.peek() == Some(b'[') {
            let rest = &self.text[self.at + 1..self.end];
            let Some(close) = memchr::memchr(b']', rest) else {
                return problem(start, start + 2, "no `}` closes this");
            };
            index = Some(rest[..close].to_vec());
            self.at += close + 2;
        }
        let colon = self.peek() == Some(b':') && self.peek_at(1).is_some_and(|b| b"-=+?".contains(&b));
        if colon {
            self.at += 1;
        }
        let change = match self.peek() {
            Some(b'}') => Change::Nothing,
            Some(operator @ (b'-' | b'=' | b'+' | b'?')) => {
                self.at += 1;
                Change::Default { operator, colon, word: self.until_brace(start, quoted)? }
            }
            Some(sign @ (b'#' | b'%')) => {
                self.at += 1;
                let longest = self.peek() == Some(sign);
                self.at += usize::from(longest);
                Change::Strip { suffix: sign == b'%', longest, pattern: self.until_brace(start, false)? }
            }
            _ => {
                length = false;
                self.close_brace_from(start)?;
                return Ok(PartKind::Parameter(Box::new(Parameter {
                    name,
                    index,
                    length,
                    change: Change::Other,
                })));
            }
        };
        self.close_brace(start)?;
        Ok(PartKind::Parameter(Box::new(Parameter { name, index, length, change })))
    }

    fn close_brace(&mut self, start: usize) -> Result<()> {
        if self.take(b"}") { Ok(()) } else { self.close_brace_from(start) }
    }

    /// Passes whatever stands before the closing brace.
    fn close_brace_from(&mut self, start: usize) -> Result<()> {
        self.until_brace(start, true)?;
        self.at += 1;
        Ok(())
    }

    fn until_brace(&mut self, start: usize, quoted: bool) -> Result<Word> {
        let from = self.at;
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                Some(b'}') => break,
                None => return problem(start, start + 2, "no `}` closes this"),
                Some(b'\'') if !quoted => parts.push(self.single()?),
                Some(b'"') => {
                    let opened = self.at;
                    self.at += 1;
                    while self.peek() != Some(b'"') {
                        if self.peek().is_none() {
                            return problem(opened, opened + 1, "this quote is never closed");
                        }
                        self.expandable(b"\"", &mut parts)?;
                    }
                    self.at += 1;
                }
                Some(_) => {
                    let before = parts.len();
                    self.expandable(b"}\"'", &mut parts)?;
                    parts[before..].iter_mut().for_each(|p| p.quoted = quoted);
                }
            }
        }
        Ok(Word { parts, span: Span::new(from, self.at) })
    }
}

fn literal(text: &[u8], start: usize, quoted: bool) -> Part {
    Part { kind: PartKind::Literal(text.to_vec()), span: Span::new(start, start + text.len()), quoted }
}

/// The escapes of `$'…'`, the common ones.
pub(in crate::shell) fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(&other @ (b'\\' | b'\'' | b'"')) => out.push(other),
            Some(&other) => out.extend([b'\\', other]),
            None => out.push(b'\\'),
        }
    }
    out
}
