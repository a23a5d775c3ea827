//! The running rules are not those that the next start will load.
//!
//! **Why.** Rules that were typed in are gone after a reboot, and rules that were deleted are back, long after anybody
//! remembers. Compared is what becomes of packets, not the text: counters, order of tables and equal rules in other words
//! make no difference.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:443 in eth0, NEW: accepted now, dropped after a reboot.
//!
//! Bad:
//! ```text
//! running:   -A INPUT -p tcp --dport 443 -j ACCEPT
//! boot file: no such rule
//! ```
//! Good:
//! ```text
//! running:   -A INPUT -p tcp --dport 443 -j ACCEPT
//! boot file: -A INPUT -p tcp --dport 443 -j ACCEPT
//! ```
//! **Suppress.** Where something else loads rules after the boot file. Tables that the file doesn't have are left out, and so
//! are chains of other programs (`external-chains`) with the jumps to them. It is looked at by `rfw lint --live` only, with the
//! files that `boot-file` in rfw.toml names, else `/etc/iptables/rules.v4` or `/etc/sysconfig/iptables`, and their like for IPv6.

use std::collections::BTreeSet;

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::{Cx, SHOWN};
use crate::compare::{Difference, Differences, differences};
use crate::model::Model;

/// Differences that are counted.
const COUNTED: usize = 100;

/// One finding: how many differences there are, and the first ones.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((boot, file)) = cx.boot else { return };
    let mut now = cx.model.clone();
    now.tables.retain(|table| boot.table(table.name).is_some());
    let (now, then) = (without_others(now), without_others(boot.clone()));
    if are_equal(&now, &then) {
        return;
    }
    let unread = then.rules().find(|(_, placed)| placed.body.is_none());
    let Differences { found, unknown } = match unread {
        Some((_, placed)) => {
            let line = file.line_column(placed.span.start).line;
            let why = format!("line {line} of it cannot be read");
            Differences { found: Vec::new(), unknown: Some(why) }
        }
        None => differences(&now, &then, cx.facts, COUNTED),
    };
    let rest = unknown.as_ref().map_or(String::new(), |why| format!("; there may be more: {why}"));
    let message = match (found.as_slice(), unknown) {
        ([], None) => return,
        ([], Some(why)) => {
            format!("{} has other rules, and whether they do the same is not known: {why}", file.name)
        }
        ([one], _) => format!("after a reboot packets will fare otherwise: {}: {}{rest}", one.packet, one.change),
        (all, _) => {
            let count = if all.len() == COUNTED { format!("{COUNTED} or more") } else { all.len().to_string() };
            format!("after a reboot packets will fare otherwise, in {count} ways{rest}")
        }
    };
    let mut diagnostic = Diagnostic::new(codes::BOOT_FILE_DRIFT, Severity::Warn, cx.start(), message);
    let shown = if found.len() == 1 { &[][..] } else { found.get(..SHOWN).unwrap_or(&found) };
    for Difference { packet, change, by } in shown {
        diagnostic = diagnostic.also(by.unwrap_or_else(|| cx.start()), format!("{packet}: {change}"));
    }
    if found.len() > SHOWN {
        let more = format!("{} more are not shown", found.len() - SHOWN);
        diagnostic = diagnostic.label(more);
    }
    diagnostic = diagnostic.help(format!(
        "save the running rules (`netfilter-persistent save`, or `iptables-save` into {}), or load the file",
        file.name
    ));
    out.push(Finding::new(diagnostic));
}

/// A ruleset without the chains that other programs fill.
fn without_others(mut model: Model) -> Model {
    for table in &mut model.tables {
        let others = table.chains.iter().filter(|c| c.is_external() && c.policy.is_none());
        let others: BTreeSet<Vec<u8>> = others.map(|c| c.name.clone()).collect();
        for chain in &mut table.chains {
            chain.rules.retain(|rule| rule.mentions.as_ref().is_none_or(|to| !others.contains(to)));
        }
        table.retain(|chain| !others.contains(&chain.name));
    }
    model
}

/// Whether two rulesets have the same rules in the same places.
fn are_equal(one: &Model, other: &Model) -> bool {
    let all = |model: &Model| {
        let chains = model.tables.iter().flat_map(|table| table.chains.iter().map(move |chain| (table.name, chain)));
        let mut all: Vec<_> = chains.map(|(table, c)| (table, c.name.clone(), c.policy == Some(crate::Policy::Drop), bodies(c))).collect();
        all.sort();
        all
    };
    all(one) == all(other)
}

fn bodies(chain: &crate::Chain) -> Vec<String> {
    chain.rules.iter().map(|rule| format!("{:?}", rule.body)).collect()
}
