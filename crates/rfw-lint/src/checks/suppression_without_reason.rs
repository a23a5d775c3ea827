//! A comment allows a finding and does not say why.
//!
//! **Why.** Reported with `--require-reason` only. In a year nobody knows whether the exception was meant, and whether it still
//! is.
//!
//! **Packet.** None.
//!
//! Bad:
//! ```text
//! # rfw: allow(RFW501)
//! -A INPUT -j LOG --log-prefix "drop: "
//! ```
//! Good:
//! ```text
//! # rfw: allow(RFW501) the syslog server drops repeats
//! -A INPUT -j LOG --log-prefix "drop: "
//! ```
//! **Suppress.** Leave `--require-reason` out.

use crate::Finding;
use crate::checks::Cx;

/// Found when all others have run.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}
