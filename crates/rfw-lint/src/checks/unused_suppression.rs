//! A comment allows what nothing reports.
//!
//! **Why.** The rule was mended or moved and its allowance stayed. The day the mistake comes back, nobody hears of it. A
//! code that does not exist allows nothing at all, nor does an allowance that is spelt wrong or has no rule below it.
//!
//! **Packet.** None.
//!
//! Bad:
//! ```text
//! # rfw: allow(RFW501) the syslog server drops repeats
//! -A INPUT -m limit --limit 5/min -j LOG --log-prefix "drop: "
//! ```
//! Good:
//! ```text
//! # rfw: allow(RFW501) the syslog server drops repeats
//! -A INPUT -j LOG --log-prefix "drop: "
//! ```
//! **Suppress.** Take the code out of the list instead. A check that is not selected in this run is not called unused.

use crate::Finding;
use crate::checks::Cx;

/// Found when all others have run.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}
