//! A rule of FORWARD asks for the port or the address that a packet had before it was translated.
//!
//! **Why.** Translation of the destination comes before FORWARD. A forwarded port 8080 that becomes 80 is 80 there, so a rule
//! for 8080 never sees it, and the policy drops it.
//!
//! **Packet.** tcp from 203.0.113.7 to port 8080 of the router is 192.168.1.100:80 in FORWARD: dropped.
//!
//! Bad:
//! ```text
//! *nat
//! -A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.100:80
//! COMMIT
//! *filter
//! :FORWARD DROP [0:0]
//! -A FORWARD -i eth0 -p tcp --dport 8080 -j ACCEPT
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! :FORWARD DROP [0:0]
//! -A FORWARD -i eth0 -d 192.168.1.100 -p tcp --dport 80 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Hardly ever: the forwarded packets are all dropped. It takes the place of `dnat-without-forward`.

use rfw_diagnostics::{Diagnostic, FixSafety, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Key;
use crate::sets::Set;
use crate::space::Incomplete;
use crate::translations::{Lost, Meant, address, target};

/// One finding per translation, at the rule that was meant to accept it.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for lost in cx.lost_forwards().unwrap_or_default() {
        if let Some(meant) = &lost.meant {
            out.extend(report(cx, &lost, meant).ok().flatten());
        }
    }
}

fn report(cx: &Cx<'_>, lost: &Lost<'_>, meant: &Meant) -> Result<Option<Finding>, Incomplete> {
    let (Some(placed), Some(to)) = (cx.model.rule(meant.rule), &lost.rule.addresses) else { return Ok(None) };
    let family = cx.model.family;
    let before = |key: &Key| cx.space().values(lost.rule.packets, key);
    let (was, is, original) = if meant.port {
        let port = before(&Key::DestinationPort)?.single();
        let new = lost.rule.ports.as_ref().and_then(Set::single);
        let number = |port: Option<u128>, word: &str| port.map_or(format!("the {word} port"), |p| format!("port {p}"));
        let option = port.map_or("--ctorigdstport".to_owned(), |p| format!("--ctorigdstport {p}"));
        (number(port, "original"), number(new, "translated"), option)
    } else {
        let address = address(&before(&Key::Destination)?, family);
        (address.clone(), target(to, None, family), format!("--ctorigdst {address}"))
    };
    let what = if meant.port { "port" } else { "address" };
    let example = cx.example("dropped", lost.image)?;
    let mut diagnostic = Diagnostic::error(
        codes::FORWARD_USES_ORIGINAL_PORT,
        placed.span,
        format!("FORWARD accepts {was}, but the packet carries {is} here already"),
    )
    .help(format!("match the translated {what}, or the original one with `-m conntrack {original}`{example}"))
    .also(lost.rule.placed.span, "translates it before");
    if let Some((span, port)) = cx.port_to_rewrite(&lost.rule, meant)? {
        diagnostic = diagnostic.fix(span, port, FixSafety::Unsafe);
    }
    Ok(Some(Finding::about(diagnostic, cx.model, meant.rule).shows(cx, example.packet())))
}
