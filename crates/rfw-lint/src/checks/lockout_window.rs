//! Between two commands the ruleset drops the packets of the session that runs them.
//!
//! **Why.** Commands take effect one by one. A policy of DROP before the rules that accept, or `-F` while the policy is DROP,
//! shuts everybody out until the rules are there again; if a command in between fails, or the line breaks, for good.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:22, ESTABLISHED: dropped by the policy, until line 3 accepts it.
//!
//! Bad:
//! ```text
//! -P INPUT DROP
//! -F
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! -P INPUT DROP
//! ```
//! The services of administration are those of `rfw.toml`, else SSH.
//!
//! **Suppress.** In scripts that run at boot only, before the network is up.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;

/// One finding for each stretch of commands.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for window in &cx.model.windows {
        let line = |span: rfw_diagnostics::Span| cx.source.line_column(span.start).line;
        let (from, to) = (line(window.from), line(window.to));
        let message = format!("between lines {from} and {to} your own session is dropped");
        let mut help = "set policies last, or load everything at once with rfw-restore".to_owned();
        if window.stops {
            help.push_str("; with `set -e`, a command that fails in between leaves it so");
        }
        let diagnostic = Diagnostic::new(codes::LOCKOUT_WINDOW, Severity::Warn, window.from, message)
            .also(window.to, "packets of open sessions pass again from here on")
            .help(help);
        let table = Some("filter".to_owned());
        out.push(Finding { table, ..Finding::new(diagnostic) });
    }
}
