//! Some packet is compared with hundreds of rules.
//!
//! **Why.** Rules of a chain are asked one after another. A few hundred are nothing; with thousands every new connection
//! costs microseconds, and a flood of them the processor. Chains of their own for ranges of addresses, or a set, cut that to
//! a few comparisons.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:22, NEW: compared with 510 rules, then dropped by the policy.
//!
//! Bad:
//! ```text
//! -A INPUT -s 198.18.0.1 -p tcp --dport 22 -j ACCEPT
//! ... 509 more of the kind ...
//! ```
//! Good:
//! ```text
//! -A INPUT -s 198.18.0.0/24 -j NET0
//! -A INPUT -s 198.18.1.0/24 -j NET1
//! ... 255 rules in each of them ...
//! ```
//! **Suppress.** Where few connections are opened, or the accept of ESTABLISHED comes first and that is enough.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use super::established_accept_late::compared;
use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Key;
use crate::model::{Chain, RuleId, Table};
use crate::space::{ChainId, Incomplete, NEW, Packet, program};

/// More rules than that are many.
const MANY: usize = 500;
/// Chains whose ends are looked at for one table.
const ENDS: usize = 16;

/// One finding per table: the longest path.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (at, table) in cx.model.tables.iter().enumerate() {
        if table.chains.iter().map(|c| c.rules.len()).sum::<usize>() > MANY {
            out.extend(longest(cx, at, table).ok().flatten().and_then(|path| finding(cx, at, table, &path)));
        }
    }
}

/// A packet, the rules it is compared with, and the chain in which most of them are.
struct Path {
    packet: Packet,
    count: usize,
    chain: usize,
}

fn longest(cx: &Cx<'_>, at: usize, table: &Table) -> Result<Option<Path>, Incomplete> {
    let space = cx.space();
    let made = program(cx.model, cx.facts);
    // The ends of long chains: what comes there has passed the rest of them.
    let mut chains: Vec<usize> = (0..table.chains.len()).filter(|&c| !table.chains[c].rules.is_empty()).collect();
    chains.sort_by_key(|&chain| std::cmp::Reverse(table.chains[chain].rules.len()));
    let mut found: Option<Path> = None;
    for chain in chains.into_iter().take(ENDS) {
        let last = RuleId { table: at, chain, rule: table.chains[chain].rules.len() - 1 };
        let coming = space.comes_to(last);
        for (base, _) in table.chains.iter().enumerate().filter(|(_, c)| c.policy.is_some()) {
            let here = space.and(coming, space.entry(ChainId { table: at, chain: base }));
            let new = space.and(here, space.state(&[NEW]));
            let here = if space.is_empty(new)? { here } else { new };
            let Some(packet) = space.witness(here)? else { continue };
            let trace = rfw_space::interpret(&made, at, base, &packet, &mut |_| false);
            let count = compared(table, base, &trace.hits);
            if count > found.as_ref().map_or(MANY, |path| path.count) {
                found = Some(Path { packet, count, chain });
            }
        }
    }
    Ok(found)
}

fn finding(cx: &Cx<'_>, at: usize, table: &Table, path: &Path) -> Option<Finding> {
    let chain = &table.chains[path.chain];
    let span = chain.rules.first().map(|rule| rule.span).or(chain.span)?;
    let found = Diagnostic::new(
        codes::LONG_LINEAR_PATH,
        Severity::Info,
        span,
        format!("a packet is compared with {} rules, most of them in chain `{}`", path.count, chain.shown()),
    )
    .help(format!(
        "dispatch by {} first (user chains, a set, or an nft verdict map); compared: {}",
        best_field(chain),
        path.packet
    ));
    Some(Finding::chain(found, cx.model, at, path.chain).shows(cx, &path.packet))
}

/// The field that tells most rules of a chain apart.
fn best_field(chain: &Chain) -> &'static str {
    let fields = [
        (Key::Destination, "destination"),
        (Key::Source, "source"),
        (Key::Iif, "incoming interface"),
        (Key::Oif, "outgoing interface"),
        (Key::DestinationPort, "destination port"),
    ];
    let kinds = |key: &Key| {
        let values: std::collections::HashSet<_> =
            chain.rules.iter().filter_map(|rule| rule.conditions.set(key)).map(|set| set.intervals()).collect();
        values.len()
    };
    fields.into_iter().rev().max_by_key(|(key, _)| kinds(key)).map_or("address", |(_, name)| name)
}
