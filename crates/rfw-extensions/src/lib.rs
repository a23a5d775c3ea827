//! The instruction set: one file per match or target, and the registry of them.
//!
//! Invariant: this crate is the only place that knows what `mark` is. An extension's file holds its option table, its typed
//! form, parse, print, list, lower and lift for both encodings, the layout of its xt payload and the facts that lints ask
//! about. The registry makes the enums [`Match`] and [`Target`] from one line per extension.

pub mod approximation;
pub mod context;
pub mod facts;
pub mod lifting;
pub mod lowering;
pub mod matches;
pub mod printer;
pub mod protocols;
mod registry;
pub mod selector;
pub mod shared;
pub mod targets;
pub mod uses;

pub use approximation::Approximation;
pub use context::{Families, Labels, Names, ParseCx};
pub use facts::{Bound, Effect, Facts, Gone, ListUse, Measure, Per, SetUse, Side};
pub use lifting::Run;
pub use lowering::{Encoding, Lowering};
pub use matches::Match;
pub use printer::Printer;
pub use registry::{Entry, Extension, Registry, VERDICTS, is_verdict, takes_free_text};
pub use selector::Selector;
pub use targets::Target;
pub use uses::Uses;

/// The result of parsing: the diagnostic is boxed because it is large and rare.
pub type Parsed<T> = Result<T, Box<rfw_diagnostics::Diagnostic>>;
