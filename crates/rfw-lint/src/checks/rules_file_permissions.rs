//! Others than root may write the file that holds the rules.
//!
//! **Why.** The file is loaded as root at boot: whoever may write it decides what the firewall lets in, and a script of
//! rules runs whatever is put into it.
//!
//! **Packet.** None: the next boot.
//!
//! Bad:
//! ```text
//! -rwxrwxrwx root root /etc/iptables/rules.v4
//! ```
//! Good:
//! ```text
//! -rw-r----- root root /etc/iptables/rules.v4
//! ```
//! **Suppress.** For a copy in a work tree whose group may write it.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;

/// `S_IWGRP` and `S_IWOTH` of stat(2).
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// One finding per file.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some(file) = cx.facts.file else { return };
    let who = match file.mode {
        mode if mode & OTHERS_WRITE != 0 => "any user",
        // A file of a user that a group may write is an ordinary work tree.
        mode if mode & GROUP_WRITES != 0 && file.owner == 0 => "the file's group",
        _ => return,
    };
    let found = Diagnostic::new(
        codes::RULES_FILE_PERMISSIONS,
        Severity::Warn,
        cx.start(),
        format!("{who} can change the firewall that root loads (mode {:04o})", file.mode & 0o7777),
    )
    .help("`chown root:root` and `chmod 640` the file");
    out.push(Finding::new(found));
}
