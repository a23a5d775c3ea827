//! Words to abstract syntax: the grammar of the iptables command line, of restore lines and of save files.
//!
//! Invariant: no extension is named here. Which options exist depends on what `-m`, `-j` and `-p` have loaded so far, so the
//! grammar asks a [`Dictionary`]; the registry of extensions is one, a test can be another.
//! The result is lossless up to white space: every word keeps its [`Span`](rfw_diagnostics::Span).

mod command;
mod dictionary;
mod grammar;
mod legality;
mod restore;
mod words;

pub use command::{Action, Command, Loaded, Negatable, RuleAst, TargetAst, Use};
pub use dictionary::{Arity, Dictionary, ExtId, OptionSpec};
pub use grammar::{Mode, base_options, check_new_name, nul, parse_command};
pub use legality::check_counters;
pub use restore::{BadCounters, ChainLine, Line, LineKind, SaveLines, count_lines, needs_history, rules_end};
pub use words::{Word, WordsSource, dash_repaired, join_argv, split_line};
