//! A rule is put into a chain, or jumps to one, that nothing has made before.
//!
//! **Why.** Chains belong to one table and must exist when they are named: in a save file they are declared at the top of
//! their table's block, in a script made with `-N`. A declaration further down is too late.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! *filter
//! -A INPUT -p tcp -j WEB_IN
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! :WEB_IN - [0:0]
//! -A INPUT -p tcp -j WEB_IN
//! -A WEB_IN -p tcp --dport 80 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** In files for `iptables-restore --noflush` that count on a chain in the kernel. In lists of commands the
//! chains of Docker, fail2ban, ufw, Kubernetes and libvirt are taken to exist.

use crate::Finding;
use crate::checks::Cx;

/// Reading finds it.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}
