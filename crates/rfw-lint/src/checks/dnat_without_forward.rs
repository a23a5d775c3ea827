//! A port is forwarded to a host behind this one, and the filter table drops what was forwarded.
//!
//! **Why.** Address translation does not let anything pass. FORWARD sees the packet after it, with the new destination and
//! port, and needs a rule that accepts it.
//!
//! **Packet.** tcp from 192.0.2.1 to port 8080 of the router, translated to 192.168.1.100:80, state NEW: dropped by FORWARD.
//!
//! Bad:
//! ```text
//! *nat
//! -A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.100:80
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
//! -A FORWARD -d 192.168.1.100 -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Where the target is an address of this host (a bridge or a container network that it terminates). Only
//! private targets (RFC 1918, RFC 4193) are looked at.

use rfw_diagnostics::{Diagnostic, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::sets::Set;
use crate::space::{Hook, Incomplete};
use crate::translations::{Lost, address, target};

/// One finding per translation; those whose cause is known more exactly are another check's.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for lost in cx.lost_forwards().unwrap_or_default().iter().filter(|lost| lost.meant.is_none()) {
        out.extend(report(cx, lost).ok().flatten());
    }
}

fn report(cx: &Cx<'_>, lost: &Lost<'_>) -> Result<Option<Finding>, Incomplete> {
    let (Some((base, forward)), Some(to)) = (cx.filter(Hook::Forward), &lost.rule.addresses) else {
        return Ok(None);
    };
    let ports = lost.rule.ports.as_ref();
    let packet = cx.space().witness(lost.image)?;
    let mut diagnostic = Diagnostic::error(
        codes::DNAT_WITHOUT_FORWARD,
        lost.rule.placed.span,
        format!("forwarded packets to {} are dropped in FORWARD", target(to, ports, cx.model.family)),
    )
    .label(packet.as_ref().map_or(String::new(), |packet| format!("dropped: {packet}")))
    .help(format!(
        "FORWARD sees the packet after translation; accept `-d {}`{}, or once for all with `-m conntrack --ctstate DNAT`",
        address(to, cx.model.family),
        ports.and_then(Set::single).map(|p| format!(" and port {p}")).unwrap_or_default(),
    ));
    if let Some(span) = forward.span {
        diagnostic = diagnostic.also(span, "the chain that has no rule for them");
    }
    Ok(Some(Finding::about(diagnostic, cx.model, lost.rule.id).shows_at(cx, base, packet.as_ref())))
}
