//! The abstract syntax of one command.

use rfw_diagnostics::Span;
use smallvec::SmallVec;

use crate::{ExtId, OptionSpec, Word};

/// A value before which `!` may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negatable<T> {
    /// Whether `!` stood before the option.
    pub inverted: bool,
    /// The value.
    pub value: T,
    /// From the `!` or the option to the end of the value.
    pub span: Span,
}

/// One use of an extension's option.
#[derive(Clone, Debug)]
pub struct Use<'a> {
    /// Which option.
    pub option: &'static OptionSpec,
    /// Whether `!` stood before it.
    pub inverted: bool,
    /// The option's own word.
    pub at: Span,
    /// Its values: as many as its arity says.
    pub values: [Option<Word<'a>>; 2],
}

impl<'a> Use<'a> {
    /// From the option to the end of its last value.
    #[must_use]
    pub fn span(&self) -> Span {
        self.values.iter().flatten().fold(self.at, |span, word| span.to(word.span))
    }

    /// The first value. The grammar gives one to every option whose arity is not `Flag`.
    #[must_use]
    pub fn value(&self) -> Option<&Word<'a>> {
        self.values[0].as_ref()
    }
}

/// An extension that a rule loads, with the options it was given.
#[derive(Clone, Debug)]
pub struct Loaded<'a> {
    /// Which extension.
    pub id: ExtId,
    /// The word that named it; for an implicit protocol match, the option that loaded it.
    pub at: Span,
    /// Whether `-p` and an option loaded it, not `-m`.
    pub implicit: bool,
    /// The options in the order given.
    pub uses: SmallVec<[Use<'a>; 1]>,
}

impl Loaded<'_> {
    /// Without options yet.
    #[must_use]
    pub fn new(id: ExtId, at: Span, implicit: bool) -> Self {
        Self { id, at, implicit, uses: SmallVec::new() }
    }
}

/// What stands after `-j` or `-g`.
#[derive(Clone, Debug)]
pub struct TargetAst<'a> {
    /// The word.
    pub name: Word<'a>,
    /// `-g`.
    pub goto: bool,
    /// The target extension, unless the word is a verdict or a chain.
    pub extension: Option<Loaded<'a>>,
}

/// A rule specification.
#[derive(Clone, Debug, Default)]
pub struct RuleAst<'a> {
    /// `-s`.
    pub source: Option<Negatable<Word<'a>>>,
    /// `-d`.
    pub destination: Option<Negatable<Word<'a>>>,
    /// `-i`.
    pub in_interface: Option<Negatable<Word<'a>>>,
    /// `-o`.
    pub out_interface: Option<Negatable<Word<'a>>>,
    /// `-p`.
    pub protocol: Option<Negatable<Word<'a>>>,
    /// `-f`.
    pub fragment: Option<Negatable<()>>,
    /// `-m` and implicit matches, in order.
    pub matches: Vec<Loaded<'a>>,
    /// `-j` or `-g`.
    pub target: Option<TargetAst<'a>>,
    /// `-c` or the `[packets:bytes]` before a restore line.
    pub counters: Option<(u64, u64)>,
}

impl RuleAst<'_> {
    /// What iptables says of options that it takes with a warning.
    pub fn warnings(&self) -> impl Iterator<Item = &'static str> {
        let target = self.target.as_ref().and_then(|t| t.extension.as_ref());
        self.matches.iter().chain(target).flat_map(|l| &l.uses).filter_map(|u| u.option.warning)
    }
}

/// What a command does. Chains and numbers are words as given, not yet checked against a ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names of the commands")]
pub enum Action {
    Append,
    Insert,
    Delete,
    DeleteNumber,
    Replace,
    Check,
    List,
    ListRules,
    Flush,
    Zero,
    ZeroNumber,
    NewChain,
    DeleteChain,
    RenameChain,
    Policy,
    Help,
    Version,
}

impl Action {
    /// The letter that asks for it.
    #[must_use]
    pub fn letter(self) -> u8 {
        match self {
            Self::Append => b'A',
            Self::Insert => b'I',
            Self::Delete | Self::DeleteNumber => b'D',
            Self::Replace => b'R',
            Self::Check => b'C',
            Self::List => b'L',
            Self::ListRules => b'S',
            Self::Flush => b'F',
            Self::Zero | Self::ZeroNumber => b'Z',
            Self::NewChain => b'N',
            Self::DeleteChain => b'X',
            Self::RenameChain => b'E',
            Self::Policy => b'P',
            Self::Help => b'h',
            Self::Version => b'V',
        }
    }
}

/// One iptables command.
#[derive(Clone, Debug)]
pub struct Command<'a> {
    /// What to do.
    pub action: Action,
    /// `-L` or `-S` together with `-Z`: zero after listing.
    pub also_zero: bool,
    /// The chain, where one was given.
    pub chain: Option<Word<'a>>,
    /// The rule number of -I, -D, -R, -L, -S, -Z; from 1.
    pub number: Option<u32>,
    /// The new name (-E) or the policy (-P).
    pub argument: Option<Word<'a>>,
    /// `-t`.
    pub table: Option<Word<'a>>,
    /// The rule.
    pub rule: RuleAst<'a>,
    /// How often `-v`.
    pub verbose: u32,
    /// `-n`.
    pub numeric: bool,
    /// `-x`.
    pub exact: bool,
    /// `--line-numbers`.
    pub line_numbers: bool,
    /// The line of a file has `-6` and iptables reads it, or `-4` and ip6tables: nothing is to be done, and what follows was not
    /// read.
    pub for_other_family: bool,
    /// The word that named the command.
    pub at: Span,
    /// Texts for standard error that stop nothing.
    pub notices: Vec<String>,
}
