//! Sources are translated on every interface.
//!
//! **Why.** Translation is meant for what leaves to the world. Without an interface it also takes what goes from one inside
//! network to another, and what comes in through forwarded ports: servers see the router as the client of every connection, and
//! logs, limits and rules by address say nothing any more.
//!
//! **Packet.** tcp from 203.0.113.7, forwarded to 192.168.1.100:80: arrives there from the router's own address.
//!
//! Bad:
//! ```text
//! -A POSTROUTING -j MASQUERADE
//! ```
//! Good:
//! ```text
//! -A POSTROUTING -o eth0 -j MASQUERADE
//! ```
//! **Suppress.** Where hosts inside have no route back but to this one. A rule that names its sources is a note only.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::space::{Hook, Incomplete, Kind};
use crate::translations::{Translating, network};

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for rule in cx.masquerades().unwrap_or_default() {
        out.extend(look(cx, &rule).ok().flatten());
    }
}

fn look(cx: &Cx<'_>, rule: &Translating<'_>) -> Result<Option<Finding>, Incomplete> {
    let asked = &rule.placed.conditions;
    if [Key::Oif, Key::Destination].iter().any(|key| asked.set(key).is_some()) {
        return Ok(None);
    }
    let space = cx.space();
    let sources = space.values(rule.packets, &Key::Source)?;
    let every = space.all_of(&[
        space.at(Kind::Nat, Hook::Postrouting),
        space.not(space.outgoing("lo")),
        space.state(&[NEW]),
        space.set(&Key::Protocol, &space.values(rule.packets, &Key::Protocol)?),
        space.set(&Key::Source, &sources),
    ]);
    if !space.is_within(every, rule.packets)? {
        return Ok(None);
    }
    let all = sources.complement(Key::Source.limit(cx.model.family)).is_empty();
    let (severity, what) = if all {
        (Severity::Warn, "all forwarded and local traffic is".to_owned())
    } else {
        let whose = network(&sources, cx.model.family).unwrap_or("its sources".to_owned());
        (Severity::Info, format!("all traffic of {whose} is"))
    };
    let example = cx.example("translated", every)?;
    let found = Diagnostic::new(
        codes::MASQUERADE_WITHOUT_OIF,
        severity,
        rule.placed.span,
        format!("{what} masqueraded, on every interface"),
    )
    .help(format!(
        "internal servers then see the router as the client of every connection; add `-o` and the outside interface{}",
        example
    ));
    Ok(Some(Finding::about(found, cx.model, rule.id).shows(cx, example.packet())))
}
