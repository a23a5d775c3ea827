//! Where text came from, and places in it.

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
        Self {
            start: clamp(start),
            end: clamp(end.max(start)),
        }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
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

/// A text with a name.
#[derive(Clone, Debug)]
pub struct Source {
    /// What a person calls it: a path, `<stdin>`, `<command line>`.
    pub name: String,
    /// What kind of text it is.
    pub kind: SourceKind,
    /// The bytes, as read; need not be UTF-8.
    pub text: Vec<u8>,
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
        Self {
            name: name.into(),
            kind,
            text,
        }
    }

    /// The line and column of a byte offset; an offset past the end is the end.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let offset = (offset as usize).min(self.text.len());
        let before = &self.text[..offset];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let line_start = before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |p| p + 1);
        let column = String::from_utf8_lossy(&before[line_start..])
            .chars()
            .count()
            + 1;
        LineColumn { line, column }
    }

    /// The bytes of a span, cut to the text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &[u8] {
        let end = (span.end as usize).min(self.text.len());
        let start = (span.start as usize).min(end);
        &self.text[start..end]
    }
}
