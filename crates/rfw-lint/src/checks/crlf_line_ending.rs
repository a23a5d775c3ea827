//! Lines of a save file end in a carriage return and a newline, as Windows writes them.
//!
//! **Why.** The carriage return belongs to the last word of each line: the table is called `filter\r`, and iptables-restore
//! stops at line 1 with a message in which nothing looks wrong. (`␍` below is a carriage return.)
//!
//! **Packet.** None: the file is refused, and the rules that were there stay.
//!
//! Bad:
//! ```text
//! *filter␍
//! -A INPUT -i lo -j ACCEPT␍
//! COMMIT␍
//! ```
//! Good:
//! ```text
//! *filter
//! -A INPUT -i lo -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, Span, codes};

pub(crate) use super::by_reading as run;

/// The finding for a file with so many of them, at the first.
pub(crate) fn found(span: Span, count: usize) -> Diagnostic {
    let lines = if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
    Diagnostic::error(codes::CRLF_LINE_ENDING, span, format!("file has Windows line endings ({lines})"))
        .help("iptables-restore takes the carriage return for part of the last word: convert the file with `dos2unix`")
}

/// The same for a shell script.
pub(crate) fn in_script(span: Span, count: usize) -> Diagnostic {
    found(span, count)
        .help("the shell takes the carriage return for part of the last word of each command: convert the file with `dos2unix`")
}
