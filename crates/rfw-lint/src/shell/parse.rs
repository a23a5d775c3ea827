//! Commands of a shell script.
//!
//! A place that no shell would take is noted, and reading goes on with the next line.

use rfw_diagnostics::Span;

use super::ast::{
    AndOr, Arm, Assigned, Assignment, Command, Join, Kind, List, Pipeline, Redirect, Redirected, Script, Word,
};
use super::lex::{Parser, Pending, Result, is_name, problem};

/// After that many places that can't be read the rest is left alone.
const PROBLEMS: usize = 20;

/// Words that are no commands where a command may stand.
const CLOSING: &[&[u8]] = &[b"then", b"else", b"elif", b"fi", b"do", b"done", b"esac", b"}"];

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

    /// A command that has commands inside.
    fn compound(&mut self) -> Result<Option<Kind>> {
        let start = self.at;
        if self.looks_at(b"((")
            && let Some(close) = self.arithmetic_end(self.at + 2)
        {
            let span = Span::new(self.at + 2, close);
            self.at = close + 2;
            return Ok(Some(Kind::Arithmetic(span)));
        }
        if self.take(b"(") {
            let list = self.list(&[])?;
            if !self.take(b")") {
                return problem(start, start + 1, "no `)` closes this");
            }
            return Ok(Some(Kind::Subshell(list)));
        }
        let word = self.reserved();
        let at = Span::new(start, start + word.len());
        let mut take = || self.at += word.len();
        Ok(Some(match word {
            b"{" => {
                take();
                let list = self.list(&[b"}"])?;
                self.expect(b"}", at)?;
                Kind::Group(list)
            }
            b"if" => {
                take();
                self.conditional(at)?
            }
            b"while" | b"until" => {
                take();
                let condition = self.list(&[b"do"])?;
                let body = self.body(at)?;
                Kind::Loop { until: word == b"until", condition, body, at }
            }
            b"for" | b"select" => {
                take();
                self.counted(word == b"select", at)?
            }
            b"case" => {
                take();
                self.case(at)?
            }
            b"[[" => {
                take();
                self.test(at)?
            }
            b"function" => {
                take();
                self.blanks();
                let name = self.reserved().to_vec();
                self.at += name.len();
                self.blanks();
                if self.take(b"(") {
                    self.blanks();
                    self.take(b")");
                }
                self.function(name)?
            }
            word if CLOSING.contains(&word) => {
                let shown = String::from_utf8_lossy(word);
                return problem(
                    start,
                    start + word.len(),
                    format!("nothing is open that `{shown}` could close"),
                );
            }
            _ => return Ok(None),
        }))
    }

    fn expect(&mut self, word: &[u8], opened: Span) -> Result<()> {
        if self.reserved() == word {
            self.at += word.len();
            return Ok(());
        }
        let opening =
            String::from_utf8_lossy(&self.text[opened.start as usize..opened.end as usize]).into_owned();
        let shown = String::from_utf8_lossy(word);
        problem(opened.start as usize, opened.end as usize, format!("`{opening}` has no `{shown}`"))
    }

    fn conditional(&mut self, at: Span) -> Result<Kind> {
        let mut branches = Vec::new();
        loop {
            let condition = self.list(&[b"then"])?;
            self.expect(b"then", at)?;
            let body = self.list(&[b"elif", b"else", b"fi"])?;
            branches.push((condition, body));
            match self.reserved() {
                b"elif" => self.at += 4,
                b"else" => {
                    self.at += 4;
                    let otherwise = Some(self.list(&[b"fi"])?);
                    self.expect(b"fi", at)?;
                    return Ok(Kind::If { branches, otherwise, at });
                }
                _ => {
                    self.expect(b"fi", at)?;
                    return Ok(Kind::If { branches, otherwise: None, at });
                }
            }
        }
    }

    /// `do … done`.
    fn body(&mut self, at: Span) -> Result<List> {
        self.expect(b"do", at)?;
        let body = self.list(&[b"done"])?;
        self.expect(b"done", at)?;
        Ok(body)
    }

    fn counted(&mut self, select: bool, at: Span) -> Result<Kind> {
        self.blanks();
        if self.looks_at(b"((")
            && let Some(close) = self.arithmetic_end(self.at + 2)
        {
            self.at = close + 2;
            self.separators();
            let body = self.body(at)?;
            return Ok(Kind::Other { what: "a loop that counts", body, at });
        }
        let name = self.reserved().to_vec();
        if name.is_empty() || !name.iter().all(|&b| is_name(b)) {
            return problem(at.start as usize, at.end as usize, "a name belongs behind `for`");
        }
        self.at += name.len();
        self.lines();
        let mut words = None;
        if self.reserved() == b"in" {
            self.at += 2;
            let mut list = Vec::new();
            loop {
                self.blanks();
                let word = self.word()?;
                if word.parts.is_empty() {
                    break;
                }
                list.push(word);
            }
            words = Some(list);
        }
        self.separators();
        let body = self.body(at)?;
        if select {
            return Ok(Kind::Other { what: "`select`, which asks a person,", body, at });
        }
        Ok(Kind::For { name, words, body, at })
    }

    /// Passes `;` and line ends.
    fn separators(&mut self) {
        self.lines();
        if self.peek() == Some(b';') {
            self.at += 1;
        }
        self.lines();
    }

    fn case(&mut self, at: Span) -> Result<Kind> {
        self.blanks();
        let word = self.word()?;
        self.lines();
        self.expect(b"in", at)?;
        let mut arms = Vec::new();
        loop {
            self.lines();
            if self.reserved() == b"esac" {
                self.at += 4;
                return Ok(Kind::Case { word, arms });
            }
            self.take(b"(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                let pattern = self.word()?;
                if pattern.parts.is_empty() {
                    return problem(at.start as usize, at.end as usize, "`case` has no `esac`");
                }
                patterns.push(pattern);
                self.blanks();
                if !self.take(b"|") {
                    break;
                }
            }
            if !self.take(b")") {
                return problem(at.start as usize, at.end as usize, "a pattern of this `case` has no `)`");
            }
            let body = self.list(&[b"esac"])?;
            arms.push(Arm { patterns, body });
            if self.take(b";;") {
                self.take(b"&");
            } else {
                self.take(b";&");
            }
        }
    }

    fn test(&mut self, at: Span) -> Result<Kind> {
        let mut words = Vec::new();
        loop {
            self.lines();
            let start = self.at;
            let word = self.word()?;
            if word.bare() == Some(b"]]") {
                return Ok(Kind::Test(words));
            }
            if word.parts.is_empty() {
                // Operators and parentheses inside are words of their own.
                let length = if self.looks_at(b"&&") || self.looks_at(b"||") { 2 } else { 1 };
                if self.peek().is_none() {
                    return problem(at.start as usize, at.end as usize, "`[[` has no `]]`");
                }
                self.at = (start + length).min(self.end);
                let kind = super::ast::PartKind::Literal(self.text[start..self.at].to_vec());
                let span = Span::new(start, self.at);
                words.push(Word { parts: vec![super::ast::Part { kind, span, quoted: false }], span });
                continue;
            }
            words.push(word);
        }
    }

    fn function(&mut self, name: Vec<u8>) -> Result<Kind> {
        self.lines();
        let body = Box::new(self.deeper(Self::command)?);
        Ok(Kind::Function { name, body })
    }

    fn simple(&mut self, start: usize) -> Result<Command> {
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
    fn redirect(&mut self, out: &mut Vec<Redirect>) -> Result<bool> {
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
                super::ast::PartKind::Literal(text) => text.clone(),
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
            let part = super::ast::Part { kind: super::ast::PartKind::Other, span, quoted: true };
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
