//! The diagnostic value.

use crate::{CompatVersion, Span};

/// How bad a finding is; ordered from harmless to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably wrong.
    Warn,
    /// Wrong.
    Error,
}

/// A stable code and its kebab-case name, for instance `RFW103` and `unknown-target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// Three digits.
    pub number: u16,
    /// Kebab-case name.
    pub name: &'static str,
}

impl Code {
    /// A code; numbers are three digits.
    #[must_use]
    pub const fn new(number: u16, name: &'static str) -> Self {
        Self { number, name }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RFW{:03}", self.number)
    }
}

/// A second place that belongs to a finding, with what to say there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What it has to do with the finding.
    pub text: String,
}

/// Whether a fix may be applied without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixSafety {
    /// Keeps the meaning, or the text had none.
    Safe,
    /// May change the meaning.
    Unsafe,
    /// One way among several: shown, never applied by a program of its own.
    Suggestion,
}

/// A replacement text for a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; of no length for an insertion.
    pub span: Span,
    /// By what.
    pub replacement: String,
}

/// Edits that belong together: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// In the order of their places, without overlap.
    pub edits: Vec<Edit>,
    /// Whether it may be applied unasked.
    pub safety: FixSafety,
}

/// What iptables 1.8.9 says and how it exits for the same mistake (`P` is `iptables v1.8.9 (nf_tables)`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classic {
    /// Status 2, `P: TEXT`, then the `Try …` lines.
    Parameter(String),
    /// Status 2, the text alone (``Bad argument `x'``), then the `Try …` lines.
    Bare(String),
    /// Status 2, a line alone, then as [`Classic::Parameter`].
    Announced {
        /// The line.
        line: String,
        /// The rest.
        text: String,
    },
    /// Status 1, `iptables: TEXT.`
    Other(String),
    /// Status 3, `P: TEXT` and `Perhaps iptables or your kernel needs to be upgraded.`
    Version(String),
    /// Status 4, `P:  TEXT`: the kernel refused.
    Resource(String),
    /// Status 1, `P: TEXT`: a listing refused.
    Refused(String),
    /// Status 1, `iptables-restore: TEXT`: the frame of a save file.
    Framing(String),
    /// Status 4, `P: TEXT`: the kernel can't be asked.
    Fatal(String),
}

impl Classic {
    /// The exit status (encoding.md 5.1).
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Parameter(_) | Self::Bare(_) | Self::Announced { .. } => 2,
            Self::Other(_) | Self::Refused(_) | Self::Framing(_) => 1,
            Self::Version(_) => 3,
            Self::Resource(_) | Self::Fatal(_) => 4,
        }
    }
}

/// One finding about a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What was found; lower case, no full stop.
    pub message: String,
    /// The guilty word.
    pub span: Span,
    /// What to write under the guilty word, if more than the message.
    pub label: Option<String>,
    /// Other places.
    pub labels: Vec<Label>,
    /// The way out.
    pub help: Option<String>,
    /// A replacement, where one is known.
    pub fix: Option<Fix>,
    /// What the iptables personalities print first.
    pub classic: Option<Classic>,
    /// What they print first as iptables 1.8.11, if that is something else.
    pub later: Option<Classic>,
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, span, message)
    }

    /// A finding at a place.
    #[must_use]
    pub fn new(code: Code, severity: Severity, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            span,
            label: None,
            labels: Vec::new(),
            help: None,
            fix: None,
            classic: None,
            later: None,
        }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds the words under the guilty word.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Sets a fix of one replacement.
    #[must_use]
    pub fn fix(mut self, span: Span, replacement: impl Into<String>, safety: FixSafety) -> Self {
        let edits = vec![Edit { span, replacement: replacement.into() }];
        self.fix = Some(Fix { edits, safety });
        self
    }

    /// Adds a replacement to the fix that there is; nothing if there is none.
    #[must_use]
    pub fn and_edit(mut self, span: Span, replacement: impl Into<String>) -> Self {
        if let Some(fix) = &mut self.fix {
            fix.edits.push(Edit { span, replacement: replacement.into() });
            fix.edits.sort_by_key(|edit| edit.span);
        }
        self
    }

    /// Sets what iptables says.
    #[must_use]
    pub fn classic(mut self, classic: Classic) -> Self {
        self.classic = Some(classic);
        self
    }

    /// Sets what iptables 1.8.11 says, where that is something else.
    #[must_use]
    pub fn later(mut self, classic: Classic) -> Self {
        self.later = Some(classic);
        self
    }

    /// Sets what iptables 1.8.11 says, where that is something else: a parameter problem, status 2.
    #[must_use]
    pub fn later_parameter(self, text: impl Into<String>) -> Self {
        self.later(Classic::Parameter(text.into()))
    }

    /// The same for one that is boxed already.
    #[must_use]
    pub fn map_later(mut self: Box<Self>, text: impl Into<String>) -> Box<Self> {
        self.later = Some(Classic::Parameter(text.into()));
        self
    }

    /// What a release of iptables says.
    #[must_use]
    pub fn words(&self, version: CompatVersion) -> Option<&Classic> {
        match version {
            CompatVersion::V1_8_11 => self.later.as_ref().or(self.classic.as_ref()),
            CompatVersion::V1_8_9 => self.classic.as_ref(),
        }
    }

    /// Sets what iptables says: a parameter problem, status 2.
    #[must_use]
    pub fn parameter(self, text: impl Into<String>) -> Self {
        self.classic(Classic::Parameter(text.into()))
    }
}
