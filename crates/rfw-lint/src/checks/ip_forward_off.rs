//! The rules are those of a router, and the kernel may not route.
//!
//! **Why.** Forwarded ports, masquerading and rules of FORWARD do nothing while `net.ipv4.ip_forward`, or
//! `net.ipv6.conf.all.forwarding`, is 0, as it is by default: the kernel drops what is not for itself, and says nothing.
//!
//! **Packet.** tcp from 192.168.1.7 to 203.0.113.7:443: dropped by routing, before FORWARD.
//!
//! Bad:
//! ```text
//! net.ipv4.ip_forward = 0
//! ```
//! Good:
//! ```text
//! net.ipv4.ip_forward = 1
//! ```
//! **Suppress.** Where something else sets it. With the settings of the kernel given it is an error if they say 0 and nothing
//! if they say 1; else it is a note.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::model::RuleId;
use crate::sets::Set;
use crate::space::{Hook, Incomplete, Kind};
use crate::translations::private;
use crate::world::Decider;

/// One finding, at the first rule that needs routing.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let (name, each) = match cx.model.family {
        Family::Ipv4 => ("net.ipv4.ip_forward", "net.ipv4.conf."),
        Family::Ipv6 => ("net.ipv6.conf.all.forwarding", "net.ipv6.conf."),
    };
    let routes = |(key, value): (&String, &String)| {
        let own = key == name || key.starts_with(each) && key.ends_with(".forwarding");
        own && value.trim() != "0"
    };
    if cx.facts.sysctls.iter().any(routes) {
        return;
    }
    let known = cx.facts.sysctl(name).is_some();
    let Ok(Some(id)) = routing(cx) else { return };
    let Some(placed) = cx.model.rule(id) else { return };
    let severity = if known { Severity::Error } else { Severity::Info };
    let message = if known {
        format!("these rules need {name}=1, and it is 0")
    } else {
        format!("these rules need {name}=1")
    };
    let found = Diagnostic::new(codes::IP_FORWARD_OFF, severity, placed.span, message)
        .help("iptables does not switch routing on; put it in /etc/sysctl.d so that it survives a reboot");
    out.push(Finding::about(found, cx.model, id));
}

/// A rule that makes sense on a router only.
fn routing(cx: &Cx<'_>) -> Result<Option<RuleId>, Incomplete> {
    let (space, private) = (cx.space(), private(cx.model.family));
    let elsewhere = |to: &Option<Set>| to.as_ref().is_some_and(|to| to.is_within(&private));
    if let Some(rule) = cx.forwarded_ports()?.iter().find(|rule| elsewhere(&rule.addresses)) {
        return Ok(Some(rule.id));
    }
    if let Some(rule) = cx.masquerades()?.first() {
        return Ok(Some(rule.id));
    }
    let Some((forward, _)) = cx.filter(Hook::Forward) else { return Ok(None) };
    let services = space.set(&Key::Protocol, &Set::union([(6, 6), (17, 17)]));
    let packets = space.all_of(&[space.at(Kind::Filter, Hook::Forward), services, space.state(&[NEW])]);
    // What another program's chains may accept says nothing.
    let sure = space.surely_accepted(forward, packets);
    if space.is_empty(sure)? {
        return Ok(None);
    }
    Ok(match cx.accepter(forward, sure)? {
        Some(Decider::Rule(id)) => Some(id),
        _ => None,
    })
}
