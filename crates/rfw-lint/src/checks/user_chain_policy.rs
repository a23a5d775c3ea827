//! A chain of your own is declared with a policy.
//!
//! **Why.** Only the built-in chains have one. iptables-nft ignores the word without saying so, and packets that reach the
//! end of the chain go back to where they came from; iptables-legacy refuses the file.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:8080, NEW: no rule of `WEB` judges it, and it goes on behind the jump
//! instead of being dropped.
//!
//! Bad:
//! ```text
//! :WEB DROP [0:0]
//! -A INPUT -p tcp -j WEB
//! ```
//! Good:
//! ```text
//! :WEB - [0:0]
//! -A INPUT -p tcp -j WEB
//! -A WEB -j DROP
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};
use rfw_syntax::{SaveLines, Word};

pub(crate) use super::by_reading as run;

/// The finding for `:NAME POLICY`.
pub(crate) fn found(text: &[u8], name: &Word<'_>, policy: &Word<'_>) -> Diagnostic {
    let (chain, word) = (name.lossy(), policy.lossy());
    let rule = format!("-A {chain} -j {word}");
    let diagnostic =
        Diagnostic::error(codes::USER_CHAIN_POLICY, policy.span, format!("user chain `{chain}` cannot have a policy"))
            .help(format!("iptables-nft ignores it silently, legacy refuses the file: write `-` and end the chain with `{rule}`"));
    let after = |line: &rfw_syntax::Line<'_>| {
        line.span.start > policy.span.end && line.text.trim_ascii() == b"COMMIT"
    };
    let end = SaveLines::new(text).find(after);
    match end {
        Some(line) if matches!(&*policy.text, b"ACCEPT" | b"DROP") => {
            let at = Span { end: line.span.start, ..line.span };
            diagnostic.fix(policy.span, "-", FixSafety::Unsafe).and_edit(at, format!("{rule}\n"))
        }
        _ => diagnostic,
    }
}
