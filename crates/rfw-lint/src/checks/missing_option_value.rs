//! An option that needs a value stands at the end, or before another option.
//!
//! **Why.** iptables takes the next word as the value whatever it looks like, and then complains about a later word that is
//! innocent: `-d --dport 22` ends in ``Bad argument `22'``.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp -d --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp -d 192.0.2.10 --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Never needed: free text (`--comment`, `--log-prefix`, `--string`) may look like an option.

use crate::Finding;
use crate::checks::Cx;

/// The grammar finds it.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}
