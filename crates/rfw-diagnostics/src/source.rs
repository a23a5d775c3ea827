//! Where text came from, and places in it.

use std::ops::Range;
use std::sync::OnceLock;

/// A half-open byte range `start..end` in one [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end`; offsets past 4 GiB saturate.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// What kind of text a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A file or standard input: places are shown as line and column.
    File,
    /// Command-line words joined by single spaces.
    CommandLine,
    /// A ruleset read from the kernel and printed as a save file.
    Live,
}

/// A text with a name. The text is not meant to change: places are found through an index that is made once.
#[derive(Clone, Debug)]
pub struct Source {
    /// What a person calls it: a path, `<stdin>`, `<command line>`.
    pub name: String,
    /// What kind of text it is.
    pub kind: SourceKind,
    /// The bytes, as read; need not be UTF-8.
    pub text: Vec<u8>,
    /// Where lines begin; the first is 0.
    line_starts: OnceLock<Vec<u32>>,
}

/// A place as people count it: both from 1, columns in characters (invalid UTF-8 counts a byte as one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Source {
    /// A source of the given kind.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: SourceKind, text: Vec<u8>) -> Self {
        Self { name: name.into(), kind, text, line_starts: OnceLock::new() }
    }

    /// The line and column of a byte offset; an offset past the end is the end.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let offset = (offset as usize).min(self.text.len());
        let line = self.line_of(offset);
        let before = self.text.get(self.line_range(line).start..offset);
        LineColumn { line: line + 1, column: characters(before.unwrap_or_default()) + 1 }
    }

    /// How many lines there are. The end of the text after a last line end counts as one.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.line_starts().len()
    }

    /// The index, from 0, of the line that holds a byte offset.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.line_starts().partition_point(|&start| start as usize <= offset).saturating_sub(1)
    }

    /// The bytes of a line by its index from 0, without its line end; empty at the end of the text past the last line.
    pub(crate) fn line_range(&self, line: usize) -> Range<usize> {
        let starts = self.line_starts();
        let end = match starts.get(line + 1) {
            Some(&next) => (next as usize).saturating_sub(1),
            None => self.text.len(),
        };
        let start = starts.get(line).map_or(end, |&s| s as usize);
        let end = end.min(self.text.len());
        start.min(end)..end
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = self.text.iter().enumerate().filter(|&(_, &b)| b == b'\n');
            let next = ends.filter_map(|(at, _)| u32::try_from(at + 1).ok());
            std::iter::once(0).chain(next).collect()
        })
    }

    /// The line that holds a byte offset, without its line end.
    #[must_use]
    pub fn line_text(&self, offset: u32) -> &[u8] {
        let line = self.line_of((offset as usize).min(self.text.len()));
        self.text.get(self.line_range(line)).unwrap_or_default()
    }

    /// The bytes of a span, cut to the text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &[u8] {
        let end = (span.end as usize).min(self.text.len());
        let start = (span.start as usize).min(end);
        &self.text[start..end]
    }
}

/// How many characters there are; an invalid byte is one.
fn characters(bytes: &[u8]) -> usize {
    if bytes.is_ascii() {
        return bytes.len();
    }
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns() {
        let source = Source::new("t", SourceKind::File, b"ab\n\xc3\xa9x\n\xff\xfey\n".to_vec());
        for (offset, line, column) in [
            (0, 1, 1),
            (2, 1, 3),
            (3, 2, 1),
            (5, 2, 2),
            (6, 2, 3),
            (7, 3, 1),
            (9, 3, 3),
            (10, 3, 4),
            (11, 4, 1),
            (99, 4, 1),
        ] {
            let found = source.line_column(offset);
            assert_eq!((found.line, found.column), (line, column), "{offset}");
        }
        assert_eq!(source.line_count(), 4);
        assert_eq!(source.line_range(1), 3..6);
        assert_eq!(source.line_range(3), 11..11);
        assert_eq!(source.line_range(9), 11..11);
    }

    #[test]
    fn empty() {
        let source = Source::new("t", SourceKind::File, Vec::new());
        assert_eq!(source.line_column(5), LineColumn { line: 1, column: 1 });
        assert_eq!(source.slice(Span::new(3, 9)), b"");
    }
}
