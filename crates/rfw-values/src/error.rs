//! What is wrong with a word, and where in it.

use rfw_diagnostics::Span;

/// A word that is not the value it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct ValueError {
    /// First wrong byte inside the word.
    pub start: usize,
    /// One past the last wrong byte inside the word.
    pub end: usize,
    /// What should stand there.
    pub expected: String,
}

impl ValueError {
    /// The bytes `start..end` should be something else.
    #[must_use]
    pub fn new(start: usize, end: usize, expected: impl Into<String>) -> Self {
        Self { start, end: end.max(start), expected: expected.into() }
    }

    /// The whole word is wrong.
    #[must_use]
    pub fn whole(text: &[u8], expected: impl Into<String>) -> Self {
        Self::new(0, text.len(), expected)
    }

    /// The same error in a word that holds this one `offset` bytes from its start.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        self.start = self.start.saturating_add(offset);
        self.end = self.end.saturating_add(offset);
        self
    }

    /// The place in a source where the word is `word`. An empty range points at the whole word, and a word that was
    /// changed by unquoting is never left.
    #[must_use]
    pub fn span(&self, word: Span) -> Span {
        let start = word.start as usize;
        let end = word.end as usize;
        let from = start.saturating_add(self.start).min(end);
        let to = start.saturating_add(self.end).min(end);
        if from < to { Span::new(from, to) } else { word }
    }
}
