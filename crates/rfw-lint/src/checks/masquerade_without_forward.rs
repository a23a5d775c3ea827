//! Sources are translated for clients whose connections FORWARD does not let out.
//!
//! **Why.** Translation lets nothing pass. A router whose FORWARD drops every new connection translates nothing but what it
//! sends itself.
//!
//! **Packet.** tcp from 192.168.1.7 to 203.0.113.7:443, out eth0, NEW: dropped by FORWARD.
//!
//! Bad:
//! ```text
//! *nat
//! -A POSTROUTING -o eth0 -j MASQUERADE
//! COMMIT
//! *filter
//! :FORWARD DROP [0:0]
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! :FORWARD DROP [0:0]
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A FORWARD -i eth1 -o eth0 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Where only the host's own packets are to be translated, such as those of a client of a VPN.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::space::{Hook, Incomplete, Kind};
use crate::translations::{interface_name, network, private};

/// One finding for each interface and network that is translated.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let _ = look(cx, out);
}

fn look(cx: &Cx<'_>, out: &mut Vec<Finding>) -> Result<(), Incomplete> {
    let Some((forward, chain)) = cx.filter(Hook::Forward) else { return Ok(()) };
    let (space, inside) = (cx.space(), private(cx.model.family));
    let mut known = Vec::new();
    for rule in cx.masquerades()? {
        let interfaces = space.values(rule.packets, &Key::Oif)?;
        let sources = space.values(rule.packets, &Key::Source)?;
        let packets = space.all_of(&[
            space.at(Kind::Filter, Hook::Forward),
            space.not(space.or(space.incoming("lo"), space.outgoing("lo"))),
            space.state(&[NEW]),
            space.set(&Key::Oif, &interfaces),
            space.set(&Key::Source, &sources),
        ]);
        if known.contains(&packets) || !sources.meets(&inside) || space.may_accept(forward, packets)? {
            continue;
        }
        known.push(packets);
        let back = space.set(&Key::Iif, &interfaces);
        let clients = space.and(packets, space.set(&Key::Source, &inside));
        let clients = cx.preferred(clients, &[space.not(back)])?;
        let whose = match (network(&sources, cx.model.family), interface_name(&interfaces)) {
            (Some(network), _) => format!(" for {network}"),
            (None, Some(interface)) => format!(" for {interface}"),
            _ => String::new(),
        };
        let example = cx.example("dropped", clients)?;
        let mut found = Diagnostic::new(
            codes::MASQUERADE_WITHOUT_FORWARD,
            Severity::Warn,
            rule.placed.span,
            format!("NAT is configured{whose} but FORWARD lets nothing new of that through"),
        )
        .help(format!(
            "accept the inside interface or network, e.g. `-A FORWARD -i <inside> -o {} -j ACCEPT`{}",
            interface_name(&interfaces).as_deref().unwrap_or("<outside>"),
            example
        ));
        if let Some(span) = chain.span {
            found = found.also(span, "the chain that has no rule for them");
        }
        out.push(Finding::about(found, cx.model, rule.id).shows(cx, example.packet()));
    }
    Ok(())
}
