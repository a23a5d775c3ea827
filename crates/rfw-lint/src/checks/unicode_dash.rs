//! A word begins with a typographic dash where an option was meant.
//!
//! **Why.** Blog software and word processors turn `--` into an en dash when a command is published. iptables knows only
//! the ASCII hyphen and says no more than ``Bad argument `–dport'``, in which the dash looks right.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp –dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Never needed: quoted text and the values of `--comment` and `--log-prefix` are not looked at.

use crate::Finding;
use crate::checks::Cx;

/// The grammar finds it.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}
