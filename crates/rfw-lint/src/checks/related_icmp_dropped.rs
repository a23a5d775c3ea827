//! The errors that belong to accepted connections are dropped.
//!
//! **Why.** A router that cannot deliver a packet says so by ICMP, and conntrack puts that message in state RELATED to the
//! connection. Where only ESTABLISHED is accepted, "fragmentation needed" is lost: transfers hang as soon as packets are
//! full, and what cannot be reached times out instead of failing at once.
//!
//! **Packet.** icmp fragmentation-needed from a router on the way, RELATED to a connection of this host: dropped by policy.
//!
//! Bad:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** Where errors are accepted by another program. A rule that drops ICMP by its name is not meant here, nor is a
//! ruleset that accepts some errors by their types and not others. The fix also admits the data connections of helpers,
//! which are RELATED too.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{ESTABLISHED, Key, RELATED};
use crate::packets;
use crate::space::{Hook, Incomplete, Region, Set};
use crate::words;
use crate::world::Decider;

/// One finding per chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for hook in [Hook::Input, Hook::Forward, Hook::Output] {
        if let Some(found) = look(cx, hook).ok().flatten().filter(|found| !is_explained(out, found)) {
            out.push(found);
        }
    }
}

/// Whether the chain drops ESTABLISHED packets too, and is reported for that.
fn is_explained(out: &[Finding], found: &Finding) -> bool {
    out.iter().any(|f| f.diagnostic.code == codes::MISSING_ESTABLISHED && f.chain == found.chain)
}

fn look(cx: &Cx<'_>, hook: Hook) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((base, chain))) = (cx.space(), cx.filter(hook)) else { return Ok(None) };
    let here = space.and(space.entry(base), elsewhere(cx, hook));
    let tcp = space.and(space.one(&Key::Protocol, 6), space.state(&[ESTABLISHED]));
    let may = |packets: Region| space.for_some_answers(space.and(packets, space.accepted(base)));
    // Replies to what was opened from there: a rule for the packets of one service is no rule for states.
    let filter = &cx.model.tables[base.table];
    let clients = space.set(&Key::DestinationPort, &packets::client_ports(filter));
    let any_service = space.set(&Key::SourcePort, &packets::unnamed_ports(filter));
    let replies = space.all_of(&[here, tcp, clients, any_service]);
    let errors = space.and(here, errors(cx));
    let passed = may(errors);
    let mut lost = space.and(errors, paths(cx, may(replies)));
    lost = space.minus(lost, paths(cx, passed));
    if hook == Hook::Input && space.is_empty(lost)? && space.is_empty(passed)? && !space.is_empty(may(space.and(here, tcp)))? {
        lost = errors;
    }
    // What a router itself reports leaves by OUTPUT.
    let relays = hook != Hook::Output || match cx.filter(Hook::Forward) {
        Some((forward, _)) => space.may_accept(forward, tcp)?,
        None => false,
    };
    let Some(packet) = space.witness(lost)?.filter(|_| relays) else { return Ok(None) };
    let by = match cx.dropper(base, lost)? {
        Some(Decider::Rule(id)) => {
            let Some(placed) = cx.model.rule(id) else { return Ok(None) };
            if placed.conditions.set(&Key::Protocol).is_some() {
                return Ok(None);
            }
            cx.line(id, placed)
        }
        Some(Decider::Policy) => "the policy".to_owned(),
        None => return Ok(None),
    };
    let accepter = match cx.accepter(base, space.and(tcp, paths(cx, lost)))? {
        Some(Decider::Rule(id)) => cx.model.rule(id).map(|placed| (id, placed)),
        _ => None,
    };
    let span = accepter.map_or_else(|| cx.dropping(chain), |(_, placed)| placed.span);
    let mut found = Diagnostic::new(
        codes::RELATED_ICMP_DROPPED,
        Severity::Warn,
        span,
        format!("{} drops the ICMP errors of the connections it accepts (state RELATED)", chain.shown()),
    )
    .help(format!(
        "without `fragmentation needed` large transfers hang; accept RELATED too; dropped by {by}: {packet}"
    ));
    let Some((id, _)) = accepter else { return Ok(Some(Finding::chain(found, cx.model, base.table, base.chain).shows(cx, &packet))) };
    if let Some(word) = words::states(&cx.words(id)).filter(|word| word.text.contains("ESTABLISHED")) {
        found = found.fix(word.span, format!("{},RELATED", word.text), FixSafety::Unsafe);
    }
    Ok(Some(Finding::about(found, cx.model, id).shows(cx, &packet)))
}

fn elsewhere(cx: &Cx<'_>, hook: Hook) -> Region {
    let space = cx.space();
    match hook {
        Hook::Output => space.not(space.outgoing("lo")),
        _ => space.not(space.incoming("lo")),
    }
}

/// Unreachable, time exceeded, parameter problem (RFC 792); in ICMPv6 also packet too big (RFC 4443).
fn errors(cx: &Cx<'_>) -> Region {
    let space = cx.space();
    let (protocol, types): (u128, &[u128]) = match cx.model.family {
        Family::Ipv4 => (1, &[3, 11, 12]),
        Family::Ipv6 => (58, &[1, 2, 3, 4]),
    };
    let kinds = Set::union(types.iter().map(|kind| (kind << 8, kind << 8 | 0xff)));
    space.all_of(&[
        space.one(&Key::Protocol, protocol),
        space.set(&Key::SourcePort, &kinds),
        space.state(&[RELATED]),
    ])
}

/// Everything that goes between the interfaces of a region.
fn paths(cx: &Cx<'_>, region: Region) -> Region {
    let others = [
        Key::Source,
        Key::Destination,
        Key::State,
        Key::Protocol,
        Key::DestinationPort,
        Key::SourcePort,
        Key::TcpFlags,
        Key::Status,
        Key::Mark,
        Key::ConnectionMark,
    ];
    cx.space().forget(region, &others)
}
