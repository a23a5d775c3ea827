//! A jump to a chain that does nothing for the packets that come.
//!
//! **Why.** The chain is empty, or only returns, or none of its rules is about these packets. Whoever reads the jump
//! believes that something is checked there; every packet pays for it.
//!
//! **Packet.** tcp to port 25, sent to `SPAM` and back: nothing was done with it.
//!
//! Bad:
//! ```text
//! :SPAM - [0:0]
//! -A INPUT -p tcp --dport 25 -j SPAM
//! ```
//! Good:
//! ```text
//! :SPAM - [0:0]
//! -A INPUT -p tcp --dport 25 -j SPAM
//! -A SPAM -s 192.0.2.0/24 -j DROP
//! ```
//! **Suppress.** Where another program fills the chain at run time: name it under `external-chains` in the configuration.

use std::collections::{BTreeMap, BTreeSet};

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};

use crate::Finding;
use crate::checks::{Cx, SHOWN};
use crate::conditions::{Conditions, Outcome};
use crate::model::{Placed, RuleId, Table};
use crate::space::Incomplete;

/// Rules of the chains behind one jump that are looked at.
const RULES: usize = 64;

/// One finding per chain that does nothing at all, and one per jump whose packets no rule is about.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (at, table) in cx.model.tables.iter().enumerate() {
        let mut all = jumps(cx, at, table);
        for chain in (0..table.chains.len()).filter(|&c| table.chains[c].policy.is_none()) {
            let jumps = all.remove(table.chains[chain].name.as_slice()).unwrap_or_default();
            let Some(&first) = jumps.first() else { continue };
            if table.chains[chain].rules.iter().all(|r| r.conditions.outcome == Outcome::Return && is_plain(&r.conditions)) {
                // A chain of another program is filled by that program.
                if !table.chains[chain].is_external() {
                    out.extend(finding(cx, first, &jumps));
                }
                continue;
            }
            // If all of its rules are dead, that is reported already.
            let alive = |rules: &Vec<RuleId>| rules.iter().any(|&id| cx.space().dead(id).is_none());
            let others = (jumps.len() > 1).then(|| behind(table, at, chain)).flatten().filter(alive);
            let Some(rules) = others else { continue };
            for &jump in &jumps {
                if matches!(touches(cx, jump, &rules), Ok(false)) {
                    out.extend(finding(cx, jump, &[jump]));
                }
            }
        }
    }
}

/// The jumps of a table that are not dead, by the names of the chains that they lead to.
fn jumps<'a>(cx: &Cx<'a>, table: usize, own: &'a Table) -> BTreeMap<&'a [u8], Vec<RuleId>> {
    let mut found: BTreeMap<&[u8], Vec<RuleId>> = BTreeMap::new();
    for (chain, caller) in own.chains.iter().enumerate() {
        for (rule, placed) in caller.rules.iter().enumerate() {
            let id = RuleId { table, chain, rule };
            if let Outcome::Jump(to) = &placed.conditions.outcome
                && is_plain(&placed.conditions)
                && cx.space().dead(id).is_none()
            {
                found.entry(to).or_default().push(id);
            }
        }
    }
    found
}

/// Whether a rule does nothing but judge.
fn is_plain(asked: &Conditions) -> bool {
    !asked.logs && !asked.rewrites && asked.lists.is_empty() && asked.effects().is_empty()
}

/// The rules behind a chain that have an effect; `None` if they cannot be told or are too many.
fn behind(table: &Table, at: usize, chain: usize) -> Option<Vec<RuleId>> {
    let (mut open, mut seen, mut found) = (vec![chain], BTreeSet::from([chain]), Vec::new());
    while let Some(chain) = open.pop() {
        let own = &table.chains[chain];
        if own.is_external() {
            return None;
        }
        for (rule, placed) in own.rules.iter().enumerate() {
            let asked = &placed.conditions;
            match &asked.outcome {
                Outcome::Return if is_plain(asked) => {}
                Outcome::Jump(to) | Outcome::Goto(to) if is_plain(asked) => {
                    let to = table.position(to)?;
                    if seen.insert(to) {
                        open.push(to);
                    }
                }
                Outcome::Unknown => return None,
                _ => found.push(RuleId { table: at, chain, rule }),
            }
        }
        if found.len() > RULES {
            return None;
        }
    }
    Some(found)
}

/// Whether some rule is about packets of a jump. What could change them on the way to it would be about them too.
fn touches(cx: &Cx<'_>, jump: RuleId, rules: &[RuleId]) -> Result<bool, Incomplete> {
    let space = cx.space();
    let packets = space.judged(jump);
    for &rule in rules {
        if space.overlaps(packets, space.matched(rule))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn finding(cx: &Cx<'_>, at: RuleId, jumps: &[RuleId]) -> Option<Finding> {
    let placed = cx.model.rule(at)?;
    let name = String::from_utf8_lossy(placed.mentions.as_deref()?).into_owned();
    let mut found = Diagnostic::new(
        codes::NO_EFFECT_JUMP,
        Severity::Info,
        placed.span,
        format!("chain `{name}` does nothing for these packets"),
    )
    .help("fill it or remove the jump; list it under `external-chains` if another program fills it");
    for &other in jumps.iter().skip(1).take(SHOWN) {
        found = found.also(cx.model.rule(other)?.span, "so does this jump");
    }
    // Where the calling chain would do nothing either, what to do is another question.
    let leaves = |id: &RuleId| {
        let chain = &cx.model.tables[id.table].chains[id.chain];
        let rest = |(at, r): (usize, &Placed)| at != id.rule && r.conditions.outcome != Outcome::Return;
        chain.policy.is_some() || chain.rules.iter().enumerate().any(rest)
    };
    if !jumps.iter().all(leaves) {
        return Some(Finding::about(found, cx.model, at));
    }
    let lines: Option<Vec<_>> = jumps.iter().map(|&id| cx.whole_line(cx.model.rule(id)?.span)).collect();
    if let Some((first, rest)) = lines.as_deref().and_then(<[_]>::split_first) {
        found = found.fix(*first, "", FixSafety::Unsafe);
        for line in rest {
            found = found.and_edit(*line, "");
        }
    }
    Some(Finding::about(found, cx.model, at))
}
