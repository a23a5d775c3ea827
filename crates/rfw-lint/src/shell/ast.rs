//! Shell scripts as trees. Every word keeps the bytes it came from.

use rfw_diagnostics::Span;

/// A script.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Its commands, as far as they could be read.
    pub(crate) list: List,
    /// Bodies of here-documents; redirections hold their index.
    pub(crate) documents: Vec<Word>,
    /// What could not be read, in the order of the text.
    pub(crate) problems: Vec<Problem>,
}

/// A place that no shell would take.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// Commands one after another.
#[derive(Debug, Default)]
pub(crate) struct List(pub(crate) Vec<AndOr>);

/// Pipelines joined by `&&` and `||`.
#[derive(Debug)]
pub(crate) struct AndOr {
    pub(crate) first: Pipeline,
    pub(crate) rest: Vec<(Join, Pipeline)>,
}

/// What joins two pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
}

/// Commands joined by `|`.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) negated: bool,
    pub(crate) commands: Vec<Command>,
}

/// A command with its redirections.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) kind: Kind,
    pub(crate) redirects: Vec<Redirect>,
    pub(crate) span: Span,
}

/// What kind of command.
#[derive(Debug)]
pub(crate) enum Kind {
    Simple {
        assignments: Vec<Assignment>,
        words: Vec<Word>,
    },
    Group(List),
    Subshell(List),
    If {
        branches: Vec<(List, List)>,
        otherwise: Option<List>,
        at: Span,
    },
    Loop {
        until: bool,
        condition: List,
        body: List,
        at: Span,
    },
    /// `words` is absent where the positional parameters are meant.
    For {
        name: Vec<u8>,
        words: Option<Vec<Word>>,
        body: List,
        at: Span,
    },
    Case {
        word: Word,
        arms: Vec<Arm>,
    },
    Function {
        name: Vec<u8>,
        body: Box<Command>,
    },
    /// `[[ … ]]`.
    Test(Vec<Word>),
    /// `(( … ))`: where the expression stands.
    Arithmetic(Span),
    /// Something that is read and not followed, with its commands.
    Other {
        what: &'static str,
        body: List,
        at: Span,
    },
}

/// One arm of a `case`.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) patterns: Vec<Word>,
    pub(crate) body: List,
}

/// `NAME=value` before a command or in its place.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) name: Vec<u8>,
    /// What stands in `NAME[…]=`.
    pub(crate) index: Option<Vec<u8>>,
    /// `+=`.
    pub(crate) append: bool,
    pub(crate) value: Assigned,
    pub(crate) span: Span,
}

/// What is assigned.
#[derive(Debug)]
pub(crate) enum Assigned {
    One(Word),
    Array(Vec<Word>),
}

/// A redirection.
#[derive(Debug)]
pub(crate) struct Redirect {
    /// The number before the operator.
    pub(crate) fd: Option<u8>,
    pub(crate) to: Redirected,
}

/// Where a redirection goes.
#[derive(Debug)]
pub(crate) enum Redirected {
    /// `< file`.
    From(Word),
    /// `> file`, `>> file`, `>| file`, `&> file`.
    Into(Word),
    /// `<<END`: index of the document.
    Document(usize),
    /// `<<< word`.
    Line(Word),
    /// `>&2` and the like.
    Copy,
}

/// A word before expansion.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) parts: Vec<Part>,
    pub(crate) span: Span,
}

/// A part of a word.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    /// Of a literal in quotes, what stands between them.
    pub(crate) span: Span,
    /// Whether quotes keep it from being split.
    pub(crate) quoted: bool,
}

/// What kind of part.
#[derive(Clone, Debug)]
pub(crate) enum PartKind {
    Literal(Vec<u8>),
    Parameter(Box<Parameter>),
    Command(std::rc::Rc<List>),
    /// `$(( … ))`: where the expression stands.
    Arithmetic(Span),
    /// Something that is not followed.
    Other,
}

/// `$NAME` or `${NAME…}`.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Vec<u8>,
    /// What stands in `${NAME[…]}`.
    pub(crate) index: Option<Vec<u8>>,
    /// `${#NAME}`.
    pub(crate) length: bool,
    pub(crate) change: Change,
}

/// What `${NAME…}` does with the value.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Nothing,
    /// `-`, `=`, `+`, `?`; with a colon, an empty value counts as none.
    Default {
        operator: u8,
        colon: bool,
        word: Word,
    },
    /// `#` or `%`, twice for the longest.
    Strip {
        suffix: bool,
        longest: bool,
        pattern: Word,
    },
    /// What is not followed.
    Other,
}

impl Word {
    /// The text of a word that is one unquoted literal.
    pub(crate) fn bare(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [Part { kind: PartKind::Literal(text), quoted: false, .. }] => Some(text),
            _ => None,
        }
    }
}
