//! Commands that have commands inside: groups, conditions, loops, `case`, functions; and `[[ … ]]`.

use rfw_diagnostics::Span;

use super::lex::{Parser, Result, is_name, problem};
use crate::shell::ast::{Arm, Kind, List, Part, PartKind, Word};

/// Words that are no commands where a command may stand.
const CLOSING: &[&[u8]] = &[b"then", b"else", b"elif", b"fi", b"do", b"done", b"esac", b"}"];

impl Parser<'_> {
    /// A command that has commands inside.
    pub(super) fn compound(&mut self) -> Result<Option<Kind>> {
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
                let kind = PartKind::Literal(self.text[start..self.at].to_vec());
                let span = Span::new(start, self.at);
                words.push(Word { parts: vec![Part { kind, span, quoted: false }], span });
                continue;
            }
            words.push(word);
        }
    }

    pub(super) fn function(&mut self, name: Vec<u8>) -> Result<Kind> {
        self.lines();
        let body = Box::new(self.deeper(Self::command)?);
        Ok(Kind::Function { name, body })
    }
}
