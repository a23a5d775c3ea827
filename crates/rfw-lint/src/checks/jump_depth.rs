//! Chains call each other more deeply than nf_tables allows.
//!
//! **Why.** nf_tables keeps 16 places to return to, one of which the built-in chain takes; jumps and gotos both count when
//! the table is loaded. iptables-legacy has no such limit, so a file may work there and be refused here.
//!
//! **Packet.** None: the table is refused.
//!
//! Bad:
//! ```text
//! -A INPUT -j C0
//! -A C0 -j C1
//! # ... and so on ...
//! -A C14 -j C15
//! ```
//! Good:
//! ```text
//! -A INPUT -j C0
//! # ...
//! -A C14 -j ACCEPT
//! ```
//! **Suppress.** Never needed: say `target = "legacy"` in `rfw.toml` where the rules run on xtables.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::facts::Target;
use crate::model::{RuleId, Table};

/// `NFT_JUMP_STACK_SIZE`, less the base chain.
const LIMIT: usize = 15;

/// One finding per table, at the jump that goes too far.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (table, found) in cx.model.tables.iter().enumerate() {
        let Some((depth, path)) = deepest(found) else { continue };
        let Some(&(chain, rule)) = path.get(LIMIT).filter(|_| depth > LIMIT) else { continue };
        let id = RuleId { table, chain, rule };
        let Some(placed) = cx.model.rule(id) else { continue };
        let legacy = cx.facts.target == Some(Target::Legacy);
        let severity = if legacy { Severity::Info } else { Severity::Error };
        let message = format!("{depth} nested chains: nf_tables allows {LIMIT} below a base chain");
        let names: Vec<String> = path.iter().map(|step| found.chains[step.0].shown()).collect();
        let start = names.iter().take(4).cloned().collect::<Vec<_>>().join(" -> ");
        let diagnostic = Diagnostic::new(codes::JUMP_DEPTH, severity, placed.span, message).help(format!(
            "legacy iptables loads this file, iptables-nft fails with `Too many links`; put rules of the innermost chains into those that call them ({start} -> …)"
        ));
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}

/// The longest way down from a base chain: how many chains of the user it goes through, and the rules that lead down.
/// Nothing where chains call each other in a circle.
fn deepest(table: &Table) -> Option<(usize, Vec<(usize, usize)>)> {
    // For each chain how far it goes down from there, and the rule that leads the way.
    let mut down: Vec<Option<(usize, Option<usize>)>> = vec![None; table.chains.len()];
    let calls = |chain: usize| {
        table.chains[chain].rules.iter().enumerate().filter_map(|(rule, placed)| {
            Some((rule, table.position(placed.mentions.as_deref()?)?))
        })
    };
    for start in 0..table.chains.len() {
        let mut open = vec![(start, false)];
        let mut on_path = vec![false; if down[start].is_none() { table.chains.len() } else { 0 }];
        while let Some((chain, leaving)) = open.pop() {
            if down[chain].is_some() {
                continue;
            }
            if leaving {
                let best = calls(chain).filter_map(|(rule, to)| Some((down[to]?.0 + 1, Some(rule))));
                down[chain] = Some(best.max_by_key(|(depth, _)| *depth).unwrap_or((0, None)));
                on_path[chain] = false;
                continue;
            }
            on_path[chain] = true;
            open.push((chain, true));
            for (_, to) in calls(chain) {
                if on_path[to] {
                    return None;
                }
                if down[to].is_none() {
                    open.push((to, false));
                }
            }
        }
    }
    let bases = table.chains.iter().enumerate().filter(|(_, chain)| chain.policy.is_some());
    let (start, depth) = bases.filter_map(|(at, _)| Some((at, down[at]?.0))).max_by_key(|(_, depth)| *depth)?;
    let (mut path, mut chain) = (Vec::new(), start);
    while let Some((_, Some(rule))) = down[chain] {
        path.push((chain, rule));
        chain = table.position(table.chains[chain].rules.get(rule)?.mentions.as_deref()?)?;
    }
    Some((depth, path))
}
