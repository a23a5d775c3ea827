//! A chain of your own that no rule leads to.
//!
//! **Why.** Its rules look like protection and do nothing: the jump was deleted, or never written.
//!
//! **Packet.** None ever enters the chain.
//!
//! Bad:
//! ```text
//! :OLD - [0:0]
//! -A OLD -p tcp --dport 8080 -j ACCEPT
//! ```
//! Good:
//! ```text
//! :OLD - [0:0]
//! -A INPUT -p tcp -j OLD
//! -A OLD -p tcp --dport 8080 -j ACCEPT
//! ```
//! **Suppress.** For chains that another program calls. Those of Docker, fail2ban, ufw, Kubernetes, Calico, libvirt and CNI
//! are never reported.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::model::Table;

/// One finding per chain; of chains that only call each other the first.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (table, found) in cx.model.tables.iter().enumerate() {
        let unused = unreached(found);
        let mut explained: Vec<usize> = Vec::new();
        // First those that no unused chain calls, then what is left of circles.
        let called = |at: usize| unused.iter().any(|&other| other != at && calls(found, other, at));
        let (roots, rest): (Vec<usize>, Vec<usize>) = unused.iter().partition(|&&at| !called(at));
        for at in roots.into_iter().chain(rest) {
            let chain = &found.chains[at];
            if explained.contains(&at) || chain.is_external() {
                continue;
            }
            follow(found, at, &mut explained);
            let rules = match chain.rules.len() {
                0 => "it has no rules either; delete it".to_owned(),
                1 => "its 1 rule has no effect".to_owned(),
                n => format!("its {n} rules have no effect"),
            };
            let span = chain.span.or_else(|| chain.rules.first().map(|r| r.span)).unwrap_or_else(|| cx.start());
            let diagnostic = Diagnostic::new(
                codes::UNUSED_CHAIN,
                Severity::Info,
                span,
                format!("chain `{}` is never called", chain.shown()),
            )
            .help(rules);
            out.push(Finding::chain(diagnostic, cx.model, table, at));
        }
    }
}

/// The chains of a table that no base chain leads to.
pub(crate) fn unreached(table: &Table) -> Vec<usize> {
    let mut reached: Vec<usize> = Vec::new();
    for (at, chain) in table.chains.iter().enumerate() {
        if chain.policy.is_some() {
            follow(table, at, &mut reached);
        }
    }
    (0..table.chains.len()).filter(|at| !reached.contains(at)).collect()
}

fn calls(table: &Table, from: usize, to: usize) -> bool {
    let name = table.chains[to].name.as_slice();
    table.chains[from].rules.iter().any(|r| r.mentions.as_deref() == Some(name))
}

fn follow(table: &Table, from: usize, seen: &mut Vec<usize>) {
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if seen.contains(&at) {
            continue;
        }
        seen.push(at);
        let named = table.chains[at].rules.iter().filter_map(|r| r.mentions.as_deref());
        open.extend(named.filter_map(|name| table.position(name)));
    }
}
