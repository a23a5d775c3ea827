//! Packets of running connections pass many rules before the one that accepts them.
//!
//! **Why.** Nearly all packets belong to a connection that was accepted long ago. Each of them is compared with every rule
//! above the accept of ESTABLISHED; at the top it costs them one comparison.
//!
//! **Packet.** tcp 203.0.113.7:443 to this host, ESTABLISHED: compared with 18 block rules, then accepted.
//!
//! Bad:
//! ```text
//! -A INPUT -s 198.51.100.1 -j DROP
//! ... 16 more of the kind ...
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -s 198.51.100.1 -j DROP
//! ... 16 more of the kind ...
//! ```
//! **Suppress.** Where a block list has to cut running connections too, which only works above the accept.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{ESTABLISHED, Key, NEW, Outcome};
use crate::model::{RuleId, Table};
use crate::space::{Hook, Incomplete, program};

/// More rules than that are many.
const MANY: usize = 16;
/// Accepts that are looked at for one base chain.
const ACCEPTS: usize = 32;

/// One finding per base chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let mut seen = Vec::new();
    for hook in [Hook::Input, Hook::Forward, Hook::Output] {
        let Ok(Some((id, count))) = latest(cx, hook) else { continue };
        let (Some(placed), false) = (cx.model.rule(id), seen.contains(&id)) else { continue };
        seen.push(id);
        let found = Diagnostic::new(
            codes::ESTABLISHED_ACCEPT_LATE,
            Severity::Info,
            placed.span,
            format!("packets of running connections are compared with {count} rules first"),
        )
        .help("move the ESTABLISHED accept up, unless the block list must also cut running connections");
        out.push(Finding::about(found, cx.model, id));
    }
}

/// The accept of running connections with the most rules before it, for a real packet.
fn latest(cx: &Cx<'_>, hook: Hook) -> Result<Option<(RuleId, usize)>, Incomplete> {
    let (space, Some((base, _))) = (cx.space(), cx.filter(hook)) else { return Ok(None) };
    let table = &cx.model.tables[base.table];
    if table.chains.iter().map(|chain| chain.rules.len()).sum::<usize>() <= MANY {
        return Ok(None);
    }
    let accepts = cx.model.rules().filter(|(id, placed)| {
        let states = placed.conditions.set(&Key::State);
        id.table == base.table
            && placed.conditions.outcome == Outcome::Accept
            && states.is_some_and(|set| set.contains(ESTABLISHED) && !set.contains(NEW))
    });
    let made = program(cx.model, cx.facts);
    let running = space.and(space.entry(base), space.state(&[ESTABLISHED]));
    let mut found: Option<(RuleId, usize)> = None;
    for (id, _) in accepts.take(ACCEPTS) {
        let Some(packet) = space.witness(space.and(space.judged(id), running))? else { continue };
        let trace = rfw_space::interpret(&made, base.table, base.chain, &packet, &mut |_| false);
        let count = compared(table, base.chain, &trace.hits);
        if trace.hits.last() == Some(&id) && count > MANY + 1 && found.is_none_or(|(_, most)| count > most + 1) {
            found = Some((id, count - 1));
        }
    }
    Ok(found)
}

/// How many rules a packet was compared with, by those that it satisfied.
pub(crate) fn compared(table: &Table, base: usize, hits: &[RuleId]) -> usize {
    let length = |chain: usize| table.chains.get(chain).map_or(0, |c| c.rules.len());
    let mut frames = vec![(base, 0)];
    let mut count = 0;
    for hit in hits {
        // Chains that ended without another hit.
        while let Some(&(chain, at)) = frames.last() {
            if chain == hit.chain && at <= hit.rule {
                break;
            }
            count += length(chain).saturating_sub(at);
            frames.pop();
        }
        let Some(frame) = frames.last_mut() else { return count };
        count += hit.rule + 1 - frame.1;
        frame.1 = hit.rule + 1;
        let outcome = table.chains.get(hit.chain).and_then(|c| c.rules.get(hit.rule)).map(|r| &r.conditions.outcome);
        match outcome {
            Some(Outcome::Jump(to)) => frames.extend(table.position(to).map(|to| (to, 0))),
            Some(Outcome::Goto(to)) => {
                frames.pop();
                frames.extend(table.position(to).map(|to| (to, 0)));
            }
            Some(Outcome::Return) => {
                frames.pop();
            }
            Some(Outcome::Continue) => {}
            _ => return count,
        }
    }
    count + frames.iter().map(|&(chain, at)| length(chain).saturating_sub(at)).sum::<usize>()
}
