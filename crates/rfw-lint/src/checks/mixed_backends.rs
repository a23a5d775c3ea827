//! Besides this ruleset a second one is active, made by the other iptables.
//!
//! **Why.** iptables-nft and iptables-legacy keep rules in two places of the kernel, and a packet has to pass both. What one
//! of them accepts the other may still drop, and neither shows the other's rules; iptables-nft-save only leaves a comment.
//!
//! **Packet.** A connection that this file accepts: dropped, if the legacy rules drop it.
//!
//! Bad:
//! ```text
//! # Warning: iptables-legacy tables present, use iptables-legacy-save to see them
//! *filter
//! ```
//! Good:
//! ```text
//! *filter
//! ```
//! **Suppress.** While a host is being moved from one to the other.

use rfw_diagnostics::{Diagnostic, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;

/// What iptables-nft-save puts at the end where there are rules of the other kind (iptables 1.8.9, xtables-save.c).
const MARK: &[u8] = b"tables present, use ";

/// One finding, at the comment.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let mut start = 0;
    for line in cx.source.text.split(|&b| b == b'\n') {
        let comment = line.trim_ascii_start().starts_with(b"# Warning: ");
        if comment && line.windows(MARK.len()).any(|w| w == MARK) {
            let found = Diagnostic::new(
                codes::MIXED_BACKENDS,
                Severity::Warn,
                Span::new(start, start + line.trim_ascii_end().len()),
                "a second, legacy ruleset is active besides this one",
            )
            .help("packets must pass both; look at it too (`iptables-legacy-save`) or flush it, then delete this line");
            out.push(Finding::new(found));
            return;
        }
        start += line.len() + 1;
    }
}
