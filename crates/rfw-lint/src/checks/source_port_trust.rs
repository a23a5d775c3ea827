//! Packets are trusted because of the port they come from.
//!
//! **Why.** Who sends a packet chooses its source port. A rule that accepts by source port alone, meant for replies, opens
//! every service of the host to anyone who binds that port.
//!
//! **Packet.** A new packet from udp/53 of any host to udp/161 of this one: accepted.
//!
//! Bad:
//! ```text
//! -A INPUT -p udp --sport 53 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where connection tracking is off and nothing listens on those ports. Rules for the replies to TCP
//! connections (`! --syn`) and for known sources are not reported.

use rfw_diagnostics::{Diagnostic, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW, Outcome};
use crate::model::{Placed, RuleId};
use crate::space::{Hook, Incomplete, Region};
use crate::world::{many, not_public, opening, size};

/// Destination ports from which on a rule is about no service in particular.
const WIDE: u128 = 1024;
/// Source ports up to which a rule picks out a service.
const NARROW: u128 = 1024;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((input, _)) = cx.filter(Hook::Input) else { return };
    let space = cx.space();
    let public = space.minus(cx.outside(), space.set(&Key::Source, &not_public(cx.model.family)));
    let new = space.all_of(&[public, space.state(&[NEW]), space.entry(input)]);
    let udp = space.one(&Key::Protocol, 17);
    let starts = space.or(opening(space), udp);
    let new = space.and(new, starts);
    for (id, placed) in cx.model.rules().filter(|(id, _)| id.table == input.table) {
        if selects_by_source_port(placed) && takes(cx, id, new).unwrap_or(false) {
            out.extend(finding(cx, id, placed, new).ok().flatten());
        }
    }
}

fn selects_by_source_port(placed: &Placed) -> bool {
    let rule = &placed.conditions;
    let from = rule.set(&Key::SourcePort).map_or(u128::MAX, size);
    let to = rule.set(&Key::DestinationPort).map_or(u128::MAX, size);
    rule.outcome == Outcome::Accept && from <= NARROW && to >= WIDE
}

/// Whether the rule accepts such packets from many sources, whatever chance does.
fn takes(cx: &Cx<'_>, id: RuleId, new: Region) -> Result<bool, Incomplete> {
    let space = cx.space();
    let taken = space.and(space.judged(id), new);
    Ok(size(&space.values(taken, &Key::Source)?) >= many(cx.model.family))
}

fn finding(cx: &Cx<'_>, id: RuleId, placed: &Placed, new: Region) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    let Some(packet) = space.witness(space.and(space.judged(id), new))? else { return Ok(None) };
    let protocol = match placed.conditions.set(&Key::Protocol).and_then(|set| set.single()) {
        Some(6) => "TCP ",
        Some(17) => "UDP ",
        _ => "",
    };
    let port = placed.conditions.set(&Key::SourcePort).map(|set| set.intervals());
    let port = match port {
        Some([(low, high)]) if low == high => format!("port {low}"),
        _ => "these ports".to_owned(),
    };
    let which = match placed.conditions.set(&Key::DestinationPort) {
        Some(_) => "most",
        None => "every",
    };
    let services = if which == "every" { "service" } else { "services" };
    let found = Diagnostic::error(
        codes::SOURCE_PORT_TRUST,
        placed.span,
        format!("anyone who sends from {port} reaches {which} {protocol}{services} of this host"),
    )
    .help(format!("replies are covered by ESTABLISHED: delete the rule, or add `-m conntrack --ctstate ESTABLISHED`; example: {packet}"));
    Ok(Some(Finding::about(found, cx.model, id).shows(cx, &packet)))
}
