//! A limit is used without saying its rate.
//!
//! **Why.** The default of `-m limit` is 3 packets per hour, which next to nobody means.
//!
//! **Packet.** icmp 203.0.113.7 -> 192.0.2.10, echo-request: the fourth within an hour is not accepted.
//!
//! Bad:
//! ```text
//! -A INPUT -p icmp -m limit --limit-burst 3 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p icmp -m limit --limit 1/sec --limit-burst 3 -j ACCEPT
//! ```
//! **Suppress.** Never needed: state the rate.

use rfw_diagnostics::{Diagnostic, Severity, codes};

pub(crate) use super::by_reading as run;
use crate::written::Written;

/// One finding per match.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    for loaded in written.loaded() {
        for option in written.options(loaded) {
            let Some(otherwise) = option.otherwise else { continue };
            if loaded.uses.iter().any(|used| used.option.key() == option.name) {
                continue;
            }
            let message = format!("no `--{}` given: the default is {otherwise}", option.name);
            out.push(
                Diagnostic::new(codes::IMPLICIT_LIMIT_RATE, Severity::Warn, loaded.at, message)
                    .help("state the rate you want"),
            );
        }
    }
}
