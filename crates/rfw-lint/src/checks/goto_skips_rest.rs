//! What comes back from a goto misses the rest of its chain.
//!
//! **Why.** `-g` leaves the chain for good: where the other chain ends without a verdict, the packet goes on behind the jump
//! to *this* chain, or to the policy, not behind the `-g`. Rules that follow it are skipped.
//!
//! **Packet.** tcp to port 22 from 203.0.113.7: sent to B, not dropped there, and never shown to the accept below the `-g`.
//!
//! Bad:
//! ```text
//! -A INPUT -j A
//! -A A -p tcp -g B
//! -A A -p tcp --dport 22 -j ACCEPT
//! -A B -s 192.0.2.0/24 -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -j A
//! -A A -p tcp -j B
//! -A A -p tcp --dport 22 -j ACCEPT
//! -A B -s 192.0.2.0/24 -j DROP
//! ```
//! **Suppress.** Where the rest is meant for other packets only. A goto whose packets no later rule of its chain is about, or
//! that never come back, is not reported.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, Outcome};
use crate::model::{Placed, RuleId};
use crate::space::{Incomplete, Region};

/// Rules that are followed in all.
const RULES: usize = 20_000;
/// Chains within chains; the kernel's bound is 16.
const DEPTH: usize = 16;

/// One finding per goto.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let mut walk = Walk { cx, rules: RULES };
    for (id, placed) in cx.model.rules() {
        if let Outcome::Goto(to) = &placed.conditions.outcome
            && cx.space().dead(id).is_none()
        {
            out.extend(look(&mut walk, id, placed, to).ok().flatten());
        }
    }
}

fn look(walk: &mut Walk<'_>, id: RuleId, placed: &Placed, to: &[u8]) -> Result<Option<Finding>, Incomplete> {
    let (cx, space) = (walk.cx, walk.cx.space());
    let table = &cx.model.tables[id.table];
    let rest = &table.chains[id.chain].rules[id.rule + 1..];
    if rest.is_empty() {
        return Ok(None);
    }
    let Some(chain) = table.position(to) else { return Ok(None) };
    let Some(back) = walk.returned(id.table, chain, space.judged(id), 0) else { return Ok(None) };
    for (at, later) in rest.iter().enumerate() {
        let skipped = RuleId { rule: id.rule + 1 + at, ..id };
        if matches!(later.conditions.outcome, Outcome::Return) {
            continue;
        }
        let missed = space.and(back, space.matched(skipped));
        let Some(packet) = space.witness(missed)? else { continue };
        let name = String::from_utf8_lossy(to).into_owned();
        let mut found = Diagnostic::new(
            codes::GOTO_SKIPS_REST,
            Severity::Warn,
            placed.span,
            format!("after `-g {name}` packets never come back to {}", cx.line(skipped, later)),
        )
        .help(format!("use `-j {name}` if you want to continue here; skipped by: {packet}"))
        .also(later.span, "would be asked next after `-j`");
        if let Some(option) = option(cx, placed) {
            found = found.fix(option, "-j", FixSafety::Unsafe);
        }
        return Ok(Some(Finding::about(found, cx.model, id).shows(cx, &packet)));
    }
    Ok(None)
}

/// The place of `-g`.
fn option(cx: &Cx<'_>, placed: &Placed) -> Option<Span> {
    let target = placed.target_span?;
    let start = usize::try_from(placed.span.start).ok()?;
    let before = cx.source.text.get(start..usize::try_from(target.start).ok()?)?.trim_ascii_end();
    let option = [&b" -g"[..], b" --goto"].into_iter().find(|option| before.ends_with(option))?;
    let end = start + before.len();
    Some(Span::new(end + 1 - option.len(), end))
}

/// Following packets through chains.
struct Walk<'a> {
    cx: &'a Cx<'a>,
    rules: usize,
}

impl Walk<'_> {
    /// The packets that may leave a chain without a verdict; `None` where that is too much to find out.
    fn returned(&mut self, table: usize, chain: usize, packets: Region, depth: usize) -> Option<Region> {
        let space = self.cx.space();
        let own = &self.cx.model.tables[table].chains[chain];
        if own.is_external() || depth > DEPTH {
            return Some(packets);
        }
        let (mut left, mut back) = (packets, space.none());
        for (rule, placed) in own.rules.iter().enumerate() {
            self.rules = self.rules.checked_sub(1)?;
            if space.is_empty(left).ok()? {
                break;
            }
            let asked = &placed.conditions;
            let hit = space.and(left, space.matched(RuleId { table, chain, rule }));
            let rest = if asked.is_limited() { left } else { space.minus(left, hit) };
            let position = |to: &Vec<u8>| self.cx.model.tables[table].position(to);
            left = match &asked.outcome {
                Outcome::Accept | Outcome::Drop | Outcome::Ends => rest,
                Outcome::Return => {
                    back = space.or(back, hit);
                    rest
                }
                Outcome::Jump(to) => {
                    let to = position(to)?;
                    let returned = self.returned(table, to, hit, depth + 1)?;
                    space.or(rest, returned)
                }
                Outcome::Goto(to) => {
                    let to = position(to)?;
                    let returned = self.returned(table, to, hit, depth + 1)?;
                    back = space.or(back, returned);
                    rest
                }
                // Marks may be others from here on.
                Outcome::Continue if asked.rewrites => space.forget(left, &[Key::Mark, Key::ConnectionMark]),
                Outcome::Continue | Outcome::Unknown => left,
            };
        }
        Some(space.or(back, left))
    }
}
