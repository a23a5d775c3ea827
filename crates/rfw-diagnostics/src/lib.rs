//! Spans, sources, diagnostics, their codes and their renderers.
//!
//! Nothing here knows iptables grammar. A [`Diagnostic`] is a value: it is collected, sorted and rendered by the
//! caller; this crate prints nothing.

pub mod codes;
mod diagnostic;
mod json;
mod render;
mod source;
mod version;
mod voice;

pub use diagnostic::{Classic, Code, Diagnostic, Edit, Fix, FixSafety, Label, Severity};
pub use json::{place_to_json, to_json};
pub use render::{render_linked, render_text};
pub use source::{LineColumn, Source, SourceKind, Span};
pub use version::CompatVersion;
pub use voice::Voice;
