//! New connections from the world are let in without asking for what.
//!
//! **Why.** A firewall that accepts what nobody thought of protects only against what somebody did. It happens by a policy
//! ACCEPT without a final DROP, or by a rule that accepts every NEW packet above those that name services.
//!
//! **Packet.** A new connection from anywhere to a port that no rule names, on any interface: accepted.
//!
//! Bad:
//! ```text
//! :INPUT DROP [0:0]
//! -A INPUT -m conntrack --ctstate NEW -j ACCEPT
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! -A INPUT -j DROP
//! ```
//! Good:
//! ```text
//! :INPUT DROP [0:0]
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** On a host that another firewall protects. An INPUT chain that cannot drop anything is a note, not a warning;
//! interfaces that the configuration calls `lan` or `vpn` may accept what they like.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::facts::Zone;
use crate::packets;
use crate::space::{ChainId, Hook, Incomplete, Region, interface_names};
use crate::world::{many, Decider, opening, size};

/// One finding for the chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    if let Ok(Some(found)) = look(cx) {
        out.push(found);
    }
}

fn look(cx: &Cx<'_>) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((input, chain))) = (cx.space(), cx.filter(Hook::Input)) else { return Ok(None) };
    let Some(stray) = open(cx, input)? else { return Ok(None) };
    let harmless = space.is_empty(space.and(space.entry(input), space.dropped(input)))?;
    if harmless {
        let span = chain.span.unwrap_or_else(|| cx.start());
        let found = Diagnostic::new(codes::INPUT_OPEN_BY_DEFAULT, Severity::Info, span, "INPUT drops nothing at all")
            .help("where nothing else protects this host: accept what it serves and end with `-P INPUT DROP`");
        return Ok(Some(Finding::chain(found, cx.model, input.table, input.chain)));
    }
    let Some(packet) = space.witness(stray)? else { return Ok(None) };
    let decider = cx.accepter(input, stray)?;
    let (span, by) = match decider {
        Some(Decider::Rule(id)) => match cx.model.rule(id) {
            Some(placed) => (placed.span, cx.line(id, placed)),
            None => return Ok(None),
        },
        _ => (chain.span.unwrap_or_else(|| cx.start()), "the policy".to_owned()),
    };
    let found = Diagnostic::new(
        codes::INPUT_OPEN_BY_DEFAULT,
        Severity::Warn,
        span,
        format!("every new connection is accepted by {by}; drops elsewhere in INPUT are exceptions only"),
    )
    .help(format!("accept new connections per service; example of what gets in: {packet}"));
    let finding = match decider {
        Some(Decider::Rule(id)) => Finding::about(found, cx.model, id),
        _ => Finding::chain(found, cx.model, input.table, input.chain),
    };
    Ok(Some(finding.shows(cx, &packet)))
}

/// New connections to ports that no rule is about, if every interface that may lead to the world takes them.
pub(crate) fn open(cx: &Cx<'_>, input: ChainId) -> Result<Option<Region>, Incomplete> {
    let space = cx.space();
    let Some(filter) = cx.model.tables.get(input.table) else { return Ok(None) };
    let ports = packets::client_ports(filter);
    let unnamed = space.set(&Key::DestinationPort, &ports);
    let class = space.all_of(&[cx.strangers(), opening(space), space.state(&[NEW]), unnamed, space.entry(input)]);
    let accepted = space.surely_accepted(input, class);
    if size(&space.values(accepted, &Key::Source)?) < many(cx.model.family) {
        return Ok(None);
    }
    let wan: Vec<_> = cx.facts.interfaces.iter().filter(|(_, known)| known.zone == Some(Zone::Wan)).collect();
    let everywhere = match wan.as_slice() {
        [] => {
            let all = space.values(class, &Key::Iif)?;
            all.is_within(&space.values(accepted, &Key::Iif)?)
        }
        wan => {
            let mut open = false;
            for (name, _) in wan {
                open |= space.overlaps(accepted, space.set(&Key::Iif, &interface_names(name)))?;
            }
            open
        }
    };
    Ok((everywhere && !space.is_empty(accepted)?).then_some(accepted))
}
