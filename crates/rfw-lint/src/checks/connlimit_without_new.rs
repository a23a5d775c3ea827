//! A limit of connections also judges the packets of connections that run.
//!
//! **Why.** The match counts what a client has open and asks nothing of the packet at hand. Above the number every packet of
//! that client is dropped or rejected, those of its old connections too: all of them are cut, not only the one too many.
//!
//! **Packet.** tcp to port 80, ESTABLISHED, from a client with 21 connections: rejected.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 80 -m connlimit --connlimit-above 20 -j REJECT
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 80 --syn -m connlimit --connlimit-above 20 -j REJECT
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where a client that opens too much is meant to lose everything. A limit behind the accept of ESTABLISHED is
//! not reported.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};
use rfw_extensions::{Measure, Side};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{ESTABLISHED, Key, Outcome};
use crate::model::{Placed, RuleId};
use crate::sets::Set;
use crate::space::Incomplete;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, placed) in cx.model.rules() {
        if placed.conditions.outcome == Outcome::Drop && counts(placed) && !cx.is_uncertain(id) {
            out.extend(look(cx, id, placed).ok().flatten());
        }
    }
}

/// Whether a rule is about clients that have too many connections.
fn counts(placed: &Placed) -> bool {
    let bounds = placed.facts().filter(|facts| facts.list.is_none()).filter_map(|facts| facts.bound);
    bounds.into_iter().any(|bound| bound.measure == Measure::Connections && bound.side == Side::Above)
}

fn look(cx: &Cx<'_>, id: RuleId, placed: &Placed) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    // A packet of a running connection as most of them are: with ACK, and without the flags that open or end one.
    let tcp = space.one(&Key::Protocol, 6);
    let usual = space.or(space.not(tcp), space.bits(&Key::TcpFlags, 0x17, 0x10));
    let running = space.all_of(&[space.judged(id), space.state(&[ESTABLISHED]), usual]);
    let Some(packet) = space.witness(running)? else { return Ok(None) };
    let protocol = placed.conditions.set(&Key::Protocol);
    let is_tcp = protocol.is_some_and(|set| *set == Set::one(6));
    let instead = if is_tcp { "`--syn`" } else { "`-m conntrack --ctstate NEW`" };
    let mut found = Diagnostic::new(
        codes::CONNLIMIT_WITHOUT_NEW,
        Severity::Warn,
        placed.span,
        "the limit also judges packets of running connections",
    )
    .help(format!(
        "a client above it loses the connections it has; add {instead}, or put the rule behind the accept of ESTABLISHED; judged: {packet}"
    ));
    let asks_flags = placed.conditions.masked().iter().any(|masked| masked.key == Key::TcpFlags);
    if let Some(at) = before_limit(cx, id, placed).filter(|_| is_tcp && !asks_flags) {
        found = found.fix(at, "--syn ", FixSafety::Unsafe);
    }
    Ok(Some(Finding::about(found, cx.model, id).shows(cx, &packet)))
}

/// In front of the `-m` that brings in the limit.
fn before_limit(cx: &Cx<'_>, id: RuleId, placed: &Placed) -> Option<Span> {
    let counting = placed.facts().position(|facts| facts.bound.is_some_and(|b| b.measure == Measure::Connections))?;
    let name = placed.match_spans.get(counting)?;
    let words = cx.words(id);
    let at = words.iter().position(|word| word.span == *name)?;
    let before = words.get(at.checked_sub(1)?).filter(|word| matches!(word.text, "-m" | "--match"))?;
    Some(Span { end: before.span.start, ..before.span })
}
