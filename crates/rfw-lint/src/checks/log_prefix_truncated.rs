//! The text in front of a log record is longer than the kernel keeps.
//!
//! **Why.** LOG keeps 29 bytes and NFLOG 127. iptables cuts the rest off without a message, and log filters that look for
//! the whole text find nothing.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:23, NEW: logged as `IPTABLES-INPUT-CHAIN-DROPPED-`.
//!
//! Bad:
//! ```text
//! -A INPUT -m limit --limit 5/min -j LOG --log-prefix "IPTABLES-INPUT-CHAIN-DROPPED-PKT: "
//! ```
//! Good:
//! ```text
//! -A INPUT -m limit --limit 5/min -j LOG --log-prefix "IPT-INPUT-DROP: "
//! ```
//! **Suppress.** Where nobody reads the end of the text.

use rfw_diagnostics::{Diagnostic, Severity, Span, codes};

pub(crate) use super::by_reading as run;
use crate::written::Written;

/// One finding per text, at the part that is lost.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    for used in written.uses().filter(|used| used.option.kept > 0) {
        let kept = used.option.kept;
        let Some(text) = used.value().filter(|text| text.text.len() > kept) else { continue };
        // Behind the opening quote, if the text is all of what stands between quotes.
        let length = (text.span.end - text.span.start) as usize;
        let span = if text.quoted && length == text.text.len() + 2 {
            let start = text.span.start as usize + 1;
            Span::new(start + kept, start + text.text.len())
        } else {
            text.part(kept, text.text.len())
        };
        let message = format!("log prefix is {} bytes; the kernel keeps {kept}", text.text.len());
        out.push(
            Diagnostic::new(codes::LOG_PREFIX_TRUNCATED, Severity::Warn, span, message)
                .help("the cut text is what log filters look for; shorten it"),
        );
    }
}
