//! The same table is opened twice in one save file.
//!
//! **Why.** Without `--noflush` each block says all of its table: the second empties what the first has loaded. The file
//! loads without a word, and only the second half is in force.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:22, NEW: the first block accepts it, and is gone.
//!
//! Bad:
//! ```text
//! *filter
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! COMMIT
//! *filter
//! -A INPUT -p tcp --dport 80 -j ACCEPT
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! -A INPUT -p tcp --dport 80 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Never needed: for files that are loaded with `--noflush`, ignore the code for their path.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};
use rfw_syntax::{LineKind, SaveLines};

pub(crate) use super::by_reading as run;
use crate::model::Table;

/// The finding for a block at `span`, if it empties something.
pub(crate) fn found(first: &Table, text: &[u8], span: Span) -> Option<Diagnostic> {
    let rules: usize = first.chains.iter().map(|chain| chain.rules.len()).sum();
    let lost = match rules {
        0 => return None,
        1 => "the 1 rule".to_owned(),
        n => format!("the {n} rules"),
    };
    let message = format!("second `*{}` block discards {lost} loaded by the first", first.name);
    let mut diagnostic = Diagnostic::error(codes::DUPLICATE_TABLE_BLOCK, span, message)
        .help("merge both blocks under one header; iptables-restore gives no warning");
    if let Some(begins) = first.span {
        diagnostic = diagnostic.also(begins, "the first block");
        if let Some(commit) = commit_between(text, begins, span) {
            let whole = |line: Span| Span { end: line.end + 1, ..line };
            diagnostic = diagnostic.fix(whole(commit), "", FixSafety::Unsafe).and_edit(whole(span), "");
        }
    }
    Some(diagnostic)
}

/// The COMMIT of the first block, if no other table stands between the two.
fn commit_between(text: &[u8], first: Span, second: Span) -> Option<Span> {
    let mut commit = None;
    for line in SaveLines::new(text).skip_while(|line| line.span.start <= first.start) {
        match line.kind {
            _ if line.span.start >= second.start => return commit,
            LineKind::Table(_) => return None,
            LineKind::Commit => commit = Some(line.span),
            _ => {}
        }
    }
    None
}
