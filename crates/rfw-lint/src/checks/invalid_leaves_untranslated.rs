//! Packets of no known connection leave by the interface of a masquerade with their inside address.
//!
//! **Why.** Translation happens for connections. A packet in state INVALID, such as a late RST or FIN, belongs to none and is
//! not translated. If FORWARD accepts it, it leaves with a private source: it shows the inside to the provider, whose filters
//! may complain, and the connection that it was to end stays open on the other side.
//!
//! **Packet.** tcp 192.168.1.7:40000 -> 203.0.113.7:443, RST, INVALID: leaves eth0 from 192.168.1.7.
//!
//! Bad:
//! ```text
//! *nat
//! -A POSTROUTING -o eth0 -j MASQUERADE
//! COMMIT
//! *filter
//! :FORWARD DROP [0:0]
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -i eth1 -o eth0 -j ACCEPT
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! :FORWARD DROP [0:0]
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -m conntrack --ctstate INVALID -j DROP
//! -A FORWARD -i eth1 -o eth0 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Where the next router translates again. The fix drops what passed before, so it is never made unasked: hosts with
//! addresses of their own may send packets that are INVALID here and fine elsewhere.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

use crate::Finding;
use crate::checks::{Cx, router_forwards_everything};
use crate::conditions::{INVALID, Key};
use crate::model::Placed;
use crate::sets::Set;
use crate::space::{ChainId, Hook, Incomplete, Kind, Region};
use crate::translations::{Translating, interface_name, private};
use crate::world::{Decider, not_public};

/// One finding for each set of interfaces that is translated.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let _ = look(cx, out);
}

fn look(cx: &Cx<'_>, out: &mut Vec<Finding>) -> Result<(), Incomplete> {
    let Some((forward, _)) = cx.filter(Hook::Forward).filter(|_| cx.is_whole()) else { return Ok(()) };
    // Where everything passes, that is told.
    if router_forwards_everything::open(cx)?.is_some_and(|open| open.by == Some(Decider::Policy)) {
        return Ok(());
    }
    let space = cx.space();
    let rules = cx.masquerades()?;
    let mut known: Vec<Set> = Vec::new();
    for rule in &rules {
        let interfaces = space.values(rule.packets, &Key::Oif)?;
        if known.contains(&interfaces) {
            continue;
        }
        let (outside, into) = (space.set(&Key::Oif, &interfaces), space.set(&Key::Iif, &interfaces));
        let sources = space.values(rule.packets, &Key::Source)?.meet(&private(cx.model.family));
        let packets = space.all_of(&[
            space.at(Kind::Filter, Hook::Forward),
            space.not(space.or(space.incoming("lo"), space.outgoing("lo"))),
            space.state(&[INVALID]),
            space.set(&Key::Source, &sources),
            space.not(space.set(&Key::Destination, &not_public(cx.model.family))),
            space.minus(outside, into),
        ]);
        let leaving = leaving(cx, space.surely_accepted(forward, packets))?;
        if !space.is_empty(leaving)? {
            let leaving = cx.preferred(leaving, &[space.one(&Key::Protocol, 6)])?;
            known.push(interfaces.clone());
            out.push(report(cx, forward, rule, leaving, &interfaces)?);
        }
    }
    Ok(())
}

/// What POSTROUTING of the other tables lets out.
fn leaving(cx: &Cx<'_>, packets: Region) -> Result<Region, Incomplete> {
    let space = cx.space();
    let Some(late) = space.base(Kind::Mangle, Hook::Postrouting) else { return Ok(packets) };
    let there = space.moved(packets, Hook::Postrouting);
    Ok(if space.may_accept(late, there)? { packets } else { space.none() })
}

fn report(
    cx: &Cx<'_>,
    forward: ChainId,
    rule: &Translating<'_>,
    leaving: Region,
    interfaces: &Set,
) -> Result<Finding, Incomplete> {
    let name = interface_name(interfaces);
    let shown = name.as_deref().unwrap_or("this host");
    let decider = cx.accepter(forward, leaving)?;
    let chain = &cx.model.tables[forward.table].chains[forward.chain];
    let at = match decider {
        Some(Decider::Rule(id)) => cx.model.rule(id).map(|placed| (id, placed)),
        _ => None,
    };
    let judged = at.map(|(id, _)| cx.space().judged(id));
    let leaving = judged.map_or(leaving, |judged| cx.space().and(judged, leaving));
    let span = at.map(|(_, placed)| placed.span).or(chain.span).unwrap_or(rule.placed.span);
    let example = cx.example("leaves as it is", leaving)?;
    let mut found = Diagnostic::new(
        codes::INVALID_LEAVES_UNTRANSLATED,
        Severity::Warn,
        span,
        format!("INVALID packets skip NAT and leave {shown} with an inside address"),
    )
    .help(format!("drop INVALID in FORWARD before they are accepted{example}"))
    .also(rule.placed.span, "translates connections only");
    // Before the rule itself if it stands in FORWARD, else before all.
    let own = at.filter(|(id, _)| (id.table, id.chain) == (forward.table, forward.chain)).map(|(_, placed)| placed);
    let before: Option<&Placed> = own.or(chain.rules.first()).filter(|_| at.is_some());
    if let (Some(name), Some(line)) = (&name, before.and_then(|placed| cx.whole_line(placed.span))) {
        let line = Span::new(line.start as usize, line.start as usize);
        let text = format!("-A FORWARD -o {name} -m conntrack --ctstate INVALID -j DROP\n");
        found = found.fix(line, text, FixSafety::Unsafe);
    }
    Ok(match at {
        Some((id, _)) => Finding::about(found, cx.model, id).shows(cx, example.packet()),
        None => Finding::chain(found, cx.model, forward.table, forward.chain).shows(cx, example.packet()),
    })
}
