//! The lines of a save file.

use std::borrow::Cow;

use nom::bytes::complete::{tag, take_till1, take_while};
use nom::character::complete::{digit1, multispace0, space0};
use nom::combinator::opt;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};
use rfw_diagnostics::Span;

use crate::words::Word;

/// A line with its place.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// The line without its newline.
    pub span: Span,
    /// The bytes of `span`.
    pub text: &'a [u8],
    /// What it is.
    pub kind: LineKind<'a>,
}

/// What a line is. Nothing is checked here beyond its first column.
#[derive(Clone, Debug)]
pub enum LineKind<'a> {
    /// Empty.
    Blank,
    /// `#…`, with the `#`.
    Comment(&'a [u8]),
    /// `*table`.
    Table(Word<'a>),
    /// `:chain policy [packets:bytes]`.
    Chain(ChainLine<'a>),
    /// `COMMIT`.
    Commit,
    /// Anything else: a command, its counters taken off.
    Command {
        /// From a leading `[packets:bytes]`.
        counters: Option<(u64, u64)>,
        /// The rest of the line.
        text: &'a [u8],
        /// Where the rest begins in the source.
        offset: usize,
    },
    /// A line that begins with `[` but not with counters.
    BadCounters(BadCounters<'a>),
}

/// What is wrong with the counters before a command.
#[derive(Clone, Copy, Debug)]
pub enum BadCounters<'a> {
    /// No `]`.
    NoBracket,
    /// No number, or no `:` behind it.
    NoColon,
    /// No numbers; the command is still there, and means something to a restore that ignores counters.
    NoNumbers {
        /// What stands where packets should.
        packets: &'a [u8],
        /// The line behind `]`.
        text: &'a [u8],
        /// Where that begins in the source.
        offset: usize,
    },
}

/// A chain declaration.
#[derive(Clone, Debug)]
pub struct ChainLine<'a> {
    /// The chain.
    pub name: Word<'a>,
    /// `ACCEPT`, `DROP`, `-`; absent on a broken line.
    pub policy: Option<Word<'a>>,
    /// The numbers, if they are numbers.
    pub counters: Option<(u64, u64)>,
}

/// Iterates over the lines of a save file.
#[derive(Debug)]
pub struct SaveLines<'a> {
    text: &'a [u8],
    at: usize,
    number: usize,
}

impl<'a> SaveLines<'a> {
    /// Over the whole text.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, number: 0 }
    }

    /// Where the next line begins.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Goes on behind `bytes` more bytes, which are `lines` whole lines.
    pub fn advance(&mut self, bytes: usize, lines: usize) {
        self.at += bytes;
        self.number += lines;
    }
}

/// The end of a table's lines in a text that begins among them: where its `COMMIT` begins, or the end of the text.
#[must_use]
pub fn rules_end(text: &[u8]) -> usize {
    let mut lines = memchr::memchr_iter(b'\n', text).map(|newline| newline + 1);
    lines.find(|&line| text[line..].starts_with(b"COMMIT")).unwrap_or(text.len())
}

/// Whether any line may refer to a rule that an earlier line made, as `-D` and `-I CHAIN NUMBER` do.
#[must_use]
pub fn needs_history(text: &[u8]) -> bool {
    let mut start = 0;
    memchr::memchr_iter(b'\n', text).chain([text.len()]).any(|end| {
        let line = &text[start..end];
        start = end + 1;
        // Most lines; the others may have counters.
        !line.starts_with(b"-A ") && SaveLines::new(line).any(|line| refers_back(&line.kind))
    })
}

fn refers_back(line: &LineKind<'_>) -> bool {
    let LineKind::Command { text, .. } = line else { return false };
    let text = text.trim_ascii_start();
    // Commands about whole chains refer to no rule.
    !text.starts_with(b"-A ") && !matches!(text, [b'-', b'X' | b'N' | b'F' | b'P', b' ', ..])
}

/// How many newlines a text has.
#[must_use]
pub fn count_lines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

impl<'a> Line<'a> {
    /// A line, without its newline, that begins at a place of its source.
    #[must_use]
    pub fn read(text: &'a [u8], start: usize, number: usize) -> Self {
        Self { number, span: Span::new(start, start + text.len()), text, kind: kind(text, start) }
    }
}

impl<'a> Iterator for SaveLines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        let end = memchr::memchr(b'\n', &self.text[start..]).map_or(self.text.len(), |p| start + p);
        self.at = end + 1;
        self.number += 1;
        let text = &self.text[start..end];
        Some(Line::read(text, start, self.number))
    }
}

fn kind(line: &[u8], offset: usize) -> LineKind<'_> {
    match line.first() {
        None => LineKind::Blank,
        Some(b'#') => LineKind::Comment(line),
        Some(b'*') => {
            let blank = |b: &u8| matches!(b, b' ' | b'\t');
            let start = 1 + line[1..].iter().take_while(|b| blank(b)).count();
            let name = line[start..].split(blank).next().unwrap_or_default();
            LineKind::Table(word(name, offset + start))
        }
        Some(b':') => chain_line(line, offset),
        Some(b'[') => match counters(line) {
            Ok((rest, pair)) => LineKind::Command {
                counters: Some(pair),
                text: rest,
                offset: offset + line.len() - rest.len(),
            },
            Err(_) => LineKind::BadCounters(bad_counters(line, offset)),
        },
        Some(_) if line == b"COMMIT" => LineKind::Commit,
        Some(_) => LineKind::Command { counters: None, text: line, offset },
    }
}

fn bad_counters(line: &[u8], offset: usize) -> BadCounters<'_> {
    let Some(close) = line.iter().position(|&b| b == b']') else { return BadCounters::NoBracket };
    // As `strtok` finds the first word: colons before it are passed over, and it may end behind the bracket.
    let colons = line[1..].iter().take_while(|&&b| b == b':').count();
    let packets = &line[1 + colons..];
    match packets.iter().position(|&b| b == b':') {
        None => BadCounters::NoColon,
        Some(colon) => BadCounters::NoNumbers {
            packets: &packets[..colon],
            text: &line[close + 1..],
            offset: offset + close + 1,
        },
    }
}

fn word(text: &[u8], offset: usize) -> Word<'_> {
    Word { text: Cow::Borrowed(text), span: Span::new(offset, offset + text.len()), quoted: false }
}

fn number(input: &[u8]) -> IResult<&[u8], u64> {
    nom::combinator::map_opt(digit1, |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok())
        .parse(input)
}

/// `[packets:bytes]`.
fn counters(input: &[u8]) -> IResult<&[u8], (u64, u64)> {
    delimited(tag(&b"["[..]), nom::sequence::separated_pair(number, tag(&b":"[..]), number), tag(&b"]"[..]))
        .parse(input)
}

fn chain_line(line: &[u8], offset: usize) -> LineKind<'_> {
    type Parts<'l> = (&'l [u8], Option<&'l [u8]>, Option<(u64, u64)>);
    fn parts(input: &[u8]) -> IResult<&[u8], Parts<'_>> {
        let blank = |b: u8| matches!(b, b' ' | b'\t');
        (
            preceded((tag(&b":"[..]), space0), nom::combinator::recognize(take_while(move |b| !blank(b)))),
            opt(preceded(space0, take_till1(blank))),
            opt(preceded(multispace0, counters)),
        )
            .parse(input)
    }
    let at = |part: &[u8]| offset + (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    match parts(line) {
        Ok((_, (name, policy, counters))) => LineKind::Chain(ChainLine {
            name: word(name, at(name)),
            policy: policy.map(|p| word(p, at(p))),
            counters,
        }),
        Err(_) => {
            LineKind::Chain(ChainLine { name: word(&line[1..], offset + 1), policy: None, counters: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_shapes_of_lines() {
        let text = b"# c\n*filter\n:INPUT DROP [1:2]\n:UC - [0:0]\n[3:4] -A INPUT\n-A X\nCOMMIT\n\n";
        let lines: Vec<_> = SaveLines::new(text).collect();
        assert!(matches!(lines[0].kind, LineKind::Comment(_)));
        assert!(
            matches!(&lines[1].kind, LineKind::Table(w) if w.text.as_ref() == b"filter" && w.span == Span::new(5, 11))
        );
        let LineKind::Chain(chain) = &lines[2].kind else { panic!("{:?}", lines[2]) };
        assert_eq!(chain.policy.as_ref().map(|p| p.text.as_ref()), Some(&b"DROP"[..]));
        assert_eq!(chain.policy.as_ref().map(|p| p.span), Some(Span::new(19, 23)));
        assert_eq!(chain.counters, Some((1, 2)));
        assert!(
            matches!(&lines[3].kind, LineKind::Chain(c) if c.policy.as_ref().is_some_and(|p| p.text.as_ref() == b"-"))
        );
        assert!(
            matches!(lines[4].kind, LineKind::Command { counters: Some((3, 4)), offset: 47, .. }),
            "{:?}",
            lines[4]
        );
        assert!(matches!(lines[6].kind, LineKind::Commit));
        assert!(matches!(lines[7].kind, LineKind::Blank));
    }

    #[test]
    fn knows_what_refers_to_earlier_rules() {
        for text in
            ["", "*filter", "-A INPUT", "[1:2] -A X\n:X - [0:0]\n-N Y\n-F INPUT", "# -D X", "-X X", "\n\n"]
        {
            assert!(!needs_history(text.as_bytes()), "{text}");
        }
        for text in
            ["-D X 1", "-A INPUT\n-I INPUT\n", "[1:2] -D X 1", " -R X 1", "-A", "-tfilter -A X", "-A\tX"]
        {
            assert!(needs_history(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn survives_odd_lines() {
        for text in [&b":"[..], b"[", b"[x:y] -A", b"*", b":a", b": b", b"\r", b":INPUT ACCEPT [0:x]"] {
            assert_eq!(SaveLines::new(text).count(), 1);
        }
    }
}
