//! A UDP service that answers with more than it is asked can be reached from anywhere.
//!
//! **Why.** UDP sources can be forged. A resolver, time or discovery service that answers strangers sends its large answers to
//! whomever the forger names.
//!
//! **Packet.** A query to udp/53 with a victim's address as its source: accepted, answered, and the victim gets the answer.
//!
//! Bad:
//! ```text
//! -A INPUT -p udp --dport 53 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -s 192.168.1.0/24 -p udp --dport 53 -j ACCEPT
//! ```
//! **Suppress.** On an authoritative name server or public time server: `public-services = ["udp/53"]`. A rule with a limit
//! per source is not reported.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_extensions::Per;

use crate::Finding;
use crate::checks::{Cx, input_open_by_default};
use crate::conditions::{Key, NEW};
use crate::model::RuleId;
use crate::space::{Hook, Incomplete};
use crate::world::{Exposed, group_addresses};

/// The services of the reflection attacks that are known (US-CERT alert TA14-017A).
const AMPLIFIERS: &[(u16, &str)] = &[
    (17, "quote of the day"),
    (19, "chargen"),
    (53, "DNS"),
    (69, "TFTP"),
    (111, "portmap"),
    (123, "NTP"),
    (137, "NetBIOS"),
    (161, "SNMP"),
    (389, "CLDAP"),
    (1900, "SSDP"),
    (3702, "WS-Discovery"),
    (5353, "mDNS"),
    (11211, "memcached"),
];

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    out.extend(look(cx).unwrap_or_default());
}

fn look(cx: &Cx<'_>) -> Result<Vec<Finding>, Incomplete> {
    let (space, Some((input, _))) = (cx.space(), cx.filter(Hook::Input)) else { return Ok(Vec::new()) };
    if input_open_by_default::open(cx, input)?.is_some() {
        return Ok(Vec::new());
    }
    // What is sent to a group only stays on its link.
    let one_host = space.not(space.set(&Key::Destination, &group_addresses(cx.model.family)));
    let strangers = space.all_of(&[cx.strangers(), one_host, space.state(&[NEW])]);
    let exposed = cx.exposed(input, 17, AMPLIFIERS, strangers)?;
    Ok(exposed.into_iter().filter_map(|(id, services)| finding(cx, id, &services)).collect())
}

fn finding(cx: &Cx<'_>, id: RuleId, Exposed { names, packet, severity }: &Exposed) -> Option<Finding> {
    let placed = cx.model.rule(id)?;
    if placed.facts().filter_map(|facts| facts.bound).any(|bound| bound.per == Per::Source) {
        return None;
    }
    let (shown, verb) = match names.as_slice() {
        [one] => (one.clone(), "answers"),
        [one, rest @ ..] => (format!("{one} and {} more UDP services", rest.len()), "answer"),
        [] => return None,
    };
    let found = Diagnostic::new(
        codes::AMPLIFIER_EXPOSED,
        *severity,
        placed.span,
        format!("{shown} {verb} any source: strangers can reflect traffic off this host"),
    )
    .help(format!("limit it to your clients with -s or -i, or declare it in `public-services`; example: {packet}"));
    Some(Finding::about(found, cx.model, id).shows(cx, packet))
}
