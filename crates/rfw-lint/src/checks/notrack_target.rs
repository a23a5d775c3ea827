//! `-j NOTRACK` is used, an old name.
//!
//! **Why.** The kernel has the target `CT` only; iptables turns `NOTRACK` into `CT --notrack`. Both do the same, and listings
//! of other tools show the new name. A text is told once, and the fix changes all places.
//!
//! **Packet.** None is treated differently.
//!
//! Bad:
//! ```text
//! -A PREROUTING -p udp --dport 53 -j NOTRACK
//! ```
//! Good:
//! ```text
//! -A PREROUTING -p udp --dport 53 -j CT --notrack
//! ```
//! **Suppress.** Where the file must also load on iptables before 1.4.11.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};

pub(crate) use super::by_reading as run;
use crate::written::Written;

/// One finding per rule; a text is told once, by [`crate::gather`].
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    let Some((loaded, target)) = written.target() else { return };
    let facts = target.facts();
    let Some(instead) = facts.superseded_by.filter(|_| facts.gone.is_none()) else { return };
    let new = instead.trim_start_matches("-j ");
    let message = format!("{} is the old name of `{new}`", target.name());
    let mut diagnostic = Diagnostic::new(codes::NOTRACK_TARGET, Severity::Info, loaded.at, message)
        .help("the kernel does the same for both");
    if loaded.uses.is_empty() {
        diagnostic = diagnostic.fix(loaded.at, new, FixSafety::Safe);
    }
    out.push(diagnostic);
}
