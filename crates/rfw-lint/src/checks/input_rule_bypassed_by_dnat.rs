//! A rule of INPUT blocks a port that is forwarded before.
//!
//! **Why.** Translation comes before routing. A packet to a forwarded port goes to FORWARD and never to INPUT, so a block there
//! does nothing. This is how ports that Docker publishes stay open behind a closed firewall.
//!
//! **Packet.** tcp from 203.0.113.7 to port 5432 of this host: reaches 172.17.0.2, in spite of the rule.
//!
//! Bad:
//! ```text
//! *nat
//! -A PREROUTING -p tcp --dport 5432 -j DNAT --to-destination 172.17.0.2:5432
//! COMMIT
//! *filter
//! -A INPUT -p tcp --dport 5432 -j DROP
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! :DOCKER-USER - [0:0]
//! -A FORWARD -j DOCKER-USER
//! -A DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 5432 -j DROP
//! COMMIT
//! ```
//! **Suppress.** Where the block is for the day on which the port is not forwarded any more.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW, Outcome};
use crate::sets::Set;
use crate::space::{Hook, Incomplete, Region};
use crate::translations::{Translating, address, private};
use crate::world::size;

/// One finding per rule of INPUT.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let _ = look(cx, out);
}

fn look(cx: &Cx<'_>, out: &mut Vec<Finding>) -> Result<(), Incomplete> {
    let (space, private) = (cx.space(), private(cx.model.family));
    let mut taken = Vec::new();
    for rule in cx.forwarded_ports()? {
        if rule.addresses.as_ref().is_some_and(|to| to.is_within(&private)) {
            let ports = space.values(rule.packets, &Key::DestinationPort)?;
            taken.push((ports, rule));
        }
    }
    let (false, Some((input, _))) = (taken.is_empty(), cx.filter(Hook::Input)) else { return Ok(()) };
    let first = space.all_of(&[space.entry(input), cx.outside(), space.state(&[NEW])]);
    let below = cx.below(input);
    let rules = cx.model.rules().filter(|(id, _)| id.table == input.table && below.contains(&id.chain));
    for (id, placed) in rules {
        let Some(ports) = placed.conditions.set(&Key::DestinationPort) else { continue };
        let close: Vec<_> = taken.iter().filter(|(t, _)| t.meets(ports)).collect();
        if placed.conditions.outcome != Outcome::Drop || close.is_empty() {
            continue;
        }
        let blocked = space.and(space.judged(id), first);
        let seen = close.iter().fold(space.none(), |all, (_, rule)| space.or(all, rule.packets));
        let seen = cx.if_local(seen);
        let blocked = aside(cx, blocked, seen)?;
        if space.is_empty(blocked)? || !space.is_within(blocked, seen)? {
            continue;
        }
        let Some((_, rule)) = close.first() else { continue };
        out.push(report(cx, (id, placed), rule, blocked)?);
    }
    Ok(())
}

/// Without the few interfaces that translations leave out, such as the bridge to the containers itself.
fn aside(cx: &Cx<'_>, blocked: Region, taken: Region) -> Result<Region, Incomplete> {
    let space = cx.space();
    let names = space.values(taken, &Key::Iif)?;
    let most = size(&names) > u128::MAX / 2;
    Ok(if most { space.and(blocked, space.set(&Key::Iif, &names)) } else { blocked })
}

fn report(
    cx: &Cx<'_>,
    (id, placed): (crate::RuleId, &crate::Placed),
    rule: &Translating<'_>,
    blocked: Region,
) -> Result<Finding, Incomplete> {
    let port = cx.space().values(blocked, &Key::DestinationPort)?.single();
    let what = port.map_or("what it blocks".to_owned(), |port| format!("port {port}"));
    let to = address(rule.addresses.as_ref().unwrap_or(&Set::one(0)), cx.model.family);
    let option = port.map_or("--ctorigdstport".to_owned(), |port| format!("--ctorigdstport {port}"));
    let example = cx.example("never seen here", blocked)?;
    let found = Diagnostic::new(
        codes::INPUT_RULE_BYPASSED_BY_DNAT,
        Severity::Warn,
        placed.span,
        format!("this block has no effect: {what} is translated to {to} before routing"),
    )
    .help(format!(
        "block it in FORWARD (Docker: DOCKER-USER) with `-m conntrack {option}`{}",
        example
    ))
    .also(rule.placed.span, "takes the packets away");
    Ok(Finding::about(found, cx.model, id).shows(cx, example.packet()))
}
