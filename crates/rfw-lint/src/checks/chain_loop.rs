//! Chains call each other in a circle.
//!
//! **Why.** A packet would go round for ever, so the kernel refuses such a table: `Too many links`. A circle that no
//! built-in chain leads to loads, and nobody ever enters it.
//!
//! **Packet.** None: the table is refused.
//!
//! Bad:
//! ```text
//! -A INPUT -j A
//! -A A -j B
//! -A B -j A
//! ```
//! Good:
//! ```text
//! -A INPUT -j A
//! -A A -j B
//! -A B -j RETURN
//! ```
//! **Suppress.** Only circles that nothing leads to can be left.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::{Cx, unused_chain};
use crate::model::{RuleId, Table};

/// One finding per circle, at the jump that closes it.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (table, found) in cx.model.tables.iter().enumerate() {
        let unused = unused_chain::unreached(found);
        for circle in circles(found) {
            let names: Vec<String> =
                circle.iter().chain(circle.first()).map(|(chain, _)| found.chains[*chain].shown()).collect();
            let Some(&(chain, rule)) = circle.last() else { continue };
            let loads = unused.contains(&chain);
            let (severity, help) = if loads {
                (Severity::Warn, "nothing leads there, so the kernel takes it; it refuses the first jump into it")
            } else {
                (Severity::Error, "the kernel refuses the table with `Too many links`")
            };
            let id = RuleId { table, chain, rule };
            let Some(placed) = cx.model.rule(id) else { continue };
            let message = format!("{} calls itself", names.join(" -> "));
            let mut diagnostic =
                Diagnostic::new(codes::CHAIN_LOOP, severity, placed.span, message).help(help);
            for &(chain, rule) in circle.iter().rev().skip(1).rev().take(5) {
                if let Some(step) = cx.model.rule(RuleId { table, chain, rule }) {
                    diagnostic = diagnostic.also(step.span, "on the way");
                }
            }
            out.push(Finding::about(diagnostic, cx.model, id));
        }
    }
}

/// The circles of a table, each once: its chains, with the rule that leads to the next one.
fn circles(table: &Table) -> Vec<Vec<(usize, usize)>> {
    let mut done = vec![false; table.chains.len()];
    let mut found = Vec::new();
    for start in 0..table.chains.len() {
        // Depth first without recursion: the path, and which rule of each chain comes next.
        let mut path: Vec<(usize, usize)> = Vec::new();
        let mut at = vec![usize::MAX; table.chains.len()];
        if !done[start] {
            at[start] = 0;
            path.push((start, 0));
        }
        while let Some(&(chain, next)) = path.last() {
            let jump = table.chains[chain].rules.iter().enumerate().skip(next).find_map(|(rule, placed)| {
                Some((rule, table.position(placed.mentions.as_deref()?)?))
            });
            let Some((rule, to)) = jump else {
                done[chain] = true;
                at[chain] = usize::MAX;
                path.pop();
                continue;
            };
            let depth = path.len() - 1;
            path[depth].1 = rule + 1;
            if let Some(step) = path.get(at[to]).filter(|step| step.0 == to) {
                let from = at[step.0];
                let circle = path[from..].iter().map(|&(chain, after)| (chain, after - 1));
                found.push(circle.collect::<Vec<_>>());
                // One circle of each chain is enough: the rest of this chain would tell the same again.
                done[chain] = true;
            } else if !done[to] {
                at[to] = path.len();
                path.push((to, 0));
            }
        }
    }
    found.sort_by_key(|circle: &Vec<(usize, usize)>| circle.iter().map(|step| step.0).min());
    found.dedup_by(|a, b| {
        let set = |circle: &[(usize, usize)]| {
            let mut chains: Vec<usize> = circle.iter().map(|step| step.0).collect();
            chains.sort_unstable();
            chains
        };
        set(a) == set(b)
    });
    found
}
