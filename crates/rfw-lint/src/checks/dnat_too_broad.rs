//! A forwarded port takes every packet to it that crosses the router, those of its own clients too.
//!
//! **Why.** A rule in PREROUTING that names neither an interface nor an address sees what inside hosts send to the world as
//! well. Their connections to that port of any other server end at the forwarded host.
//!
//! **Packet.** tcp from 192.168.1.7 to 198.51.100.1:8080, on its way out: sent to 192.168.1.100:80 instead.
//!
//! Bad:
//! ```text
//! -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.100:80
//! -A POSTROUTING -o eth0 -j MASQUERADE
//! ```
//! Good:
//! ```text
//! -A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.100:80
//! -A POSTROUTING -o eth0 -j MASQUERADE
//! ```
//! **Suppress.** Where that is the purpose, as with a transparent proxy for all sides. Only hosts that show that they route are
//! looked at: they translate sources, or name several interfaces.

use std::collections::BTreeSet;

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::space::{Hook, Incomplete, Kind};
use crate::translations::{Translating, interface_name, private};
use crate::world::not_public;

/// One finding per translation.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for rule in cx.forwarded_ports().unwrap_or_default() {
        out.extend(look(cx, &rule).ok().flatten());
    }
}

fn look(cx: &Cx<'_>, rule: &Translating<'_>) -> Result<Option<Finding>, Incomplete> {
    let asked = &rule.placed.conditions;
    if [Key::Iif, Key::Source, Key::Destination].iter().any(|key| asked.set(key).is_some()) {
        return Ok(None);
    }
    let space = cx.space();
    let values = |key: Key| Ok(space.set(&key, &space.values(rule.packets, &key)?));
    let foreign = space.not(space.set(&Key::Destination, &not_public(cx.model.family)));
    let every = space.all_of(&[
        space.at(Kind::Nat, Hook::Prerouting),
        space.not(space.incoming("lo")),
        space.state(&[NEW]),
        values(Key::Protocol)?,
        values(Key::DestinationPort)?,
        foreign,
    ]);
    if space.is_empty(every)? || !space.is_within(every, rule.packets)? {
        return Ok(None);
    }
    let masquerades = cx.masquerades()?;
    if masquerades.is_empty() && interfaces(cx).len() < 2 {
        return Ok(None);
    }
    let mut outside = None;
    for masquerade in &masquerades {
        outside = outside.or(interface_name(&space.values(masquerade.packets, &Key::Oif)?));
    }
    let service = cx.service(rule.packets)?.map_or(String::new(), |service| format!("{service} "));
    let inside = space.set(&Key::Source, &private(cx.model.family));
    let inside = outside.as_ref().map_or(inside, |name| space.minus(inside, space.incoming(name)));
    let example = cx.example("redirected", cx.preferred(every, &[inside])?)?;
    let found = Diagnostic::new(
        codes::DNAT_TOO_BROAD,
        Severity::Warn,
        rule.placed.span,
        format!("every {service}packet that crosses this router is redirected, also outgoing ones"),
    )
    .help(format!(
        "limit it with `-i {}` or `-d` and the public address{example}",
        outside.as_deref().unwrap_or("<outside interface>")
    ));
    Ok(Some(Finding::about(found, cx.model, rule.id).shows(cx, example.packet())))
}

/// The interfaces that rules name, `lo` aside.
fn interfaces(cx: &Cx<'_>) -> BTreeSet<String> {
    let asked = cx.model.rules().flat_map(|(_, placed)| placed.conditions.sets());
    let names = asked.filter(|(key, _)| matches!(key, Key::Iif | Key::Oif));
    names.filter_map(|(_, set)| interface_name(set)).filter(|name| name != "lo").collect()
}
