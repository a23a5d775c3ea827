//! `-f` where packets are never fragments.
//!
//! **Why.** As soon as a rule asks about a connection or translates an address, connection tracking is active, and it puts
//! fragments together before any table sees them, `raw` too; so does a rule that looks for a socket. `-f` matches the second
//! and later fragments of a packet, `-m frag` what has a fragment header: there are none. IPv4 packets for the host itself are
//! put together before `INPUT` in any case.
//!
//! **Packet.** The second fragment of an echo request of 4000 bytes: the rules see the whole request instead.
//!
//! Bad:
//! ```text
//! -A INPUT -f -j DROP
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where the rule is kept for a kernel without connection tracking.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::fragments::{Whole, dead};

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, whole) in dead(cx.model) {
        let Some(placed) = cx.model.rule(id) else { continue };
        let by_name = placed.fragment_match().map_or("-f".to_owned(), |name| format!("-m {name}"));
        let (message, help) = match whole {
            Whole::Tracked(by) => (
                format!("`{by_name}` never matches: packets are reassembled before iptables sees them"),
                format!("connection tracking, which {} needs, reassembles before table raw", cx.lines(&[by])),
            ),
            Whole::Delivered => (
                format!("`{by_name}` never matches here: packets for this host are reassembled before INPUT"),
                "ask in PREROUTING of raw or mangle, as long as no rule needs connection tracking".to_owned(),
            ),
        };
        let mut found =
            Diagnostic::new(codes::FRAGMENT_MATCH_DEAD, Severity::Warn, placed.span, message).help(help);
        if let Some(line) = cx.whole_line(placed.span) {
            found = found.fix(line, "", FixSafety::Safe);
        }
        out.push(Finding::about(found, cx.model, id));
    }
}
