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
        let mut explained = vec![false; found.chains.len()];
        // First those that no unused chain calls, then what is left of circles.
        let mut inner = vec![false; found.chains.len()];
        for &at in &unused {
            called(found, at).filter(|&to| to != at).for_each(|to| inner[to] = true);
        }
        let (roots, rest): (Vec<usize>, Vec<usize>) = unused.iter().partition(|&&at| !inner[at]);
        for at in roots.into_iter().chain(rest) {
            let chain = &found.chains[at];
            if explained[at] || chain.is_external() {
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
    let mut reached = vec![false; table.chains.len()];
    for (at, chain) in table.chains.iter().enumerate() {
        if chain.policy.is_some() {
            follow(table, at, &mut reached);
        }
    }
    reached.iter().enumerate().filter(|(_, reached)| !**reached).map(|(at, _)| at).collect()
}

/// The chains that the rules of one lead to.
fn called(table: &Table, from: usize) -> impl Iterator<Item = usize> {
    let named = table.chains[from].rules.iter().filter_map(|r| r.mentions.as_deref());
    named.filter_map(|name| table.position(name))
}

fn follow(table: &Table, from: usize, seen: &mut [bool]) {
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(called(table, at));
        }
    }
}
