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
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::model::RuleId;
use crate::sets::Set;
use crate::space::{ChainId, Hook, Incomplete, Kind, NEW, Packet};

/// One finding per translation.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((nat, _)) = cx.model.table("nat") else { return };
    let Some(forward) = cx.space().base(Kind::Filter, Hook::Forward) else { return };
    let private = private(cx.model.family);
    for (id, placed) in cx.model.rules().filter(|(id, _)| id.table == nat) {
        let Some((addresses, ports)) = placed.conditions.translated_to() else { continue };
        if !addresses.is_within(&private) {
            continue;
        }
        let Ok(Some(lost)) = lost(cx, id, forward) else { continue };
        let to = target(&addresses, ports.as_ref(), cx.model.family);
        let mut diagnostic = Diagnostic::error(
            codes::DNAT_WITHOUT_FORWARD,
            placed.span,
            format!("forwarded packets to {to} are dropped in FORWARD"),
        )
        .label(format!("dropped: {lost}"))
        .help(format!(
            "FORWARD sees the packet after translation; accept `-d {}`{}, or once for all with `-m conntrack --ctstate DNAT`",
            address(&addresses, cx.model.family),
            ports.as_ref().and_then(Set::single).map(|p| format!(" and port {p}")).unwrap_or_default(),
        ));
        if let Some(span) = cx.model.tables[forward.table].chains[forward.chain].span {
            diagnostic = diagnostic.also(span, "the chain that has no rule for them");
        }
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}

/// A first packet that the rule translates and FORWARD drops, if it drops all of them.
fn lost(cx: &Cx<'_>, id: RuleId, forward: ChainId) -> Result<Option<Packet>, Incomplete> {
    let space = cx.space();
    // What the host itself sends is translated in OUTPUT and does not pass FORWARD.
    let first = space.all_of(&[space.judged(id), space.at(Kind::Nat, Hook::Prerouting), space.state(&[NEW])]);
    let image = space.moved(space.image(id, first), Hook::Forward);
    let image = space.and(image, space.entry(forward));
    if space.is_empty(image)? || space.may_accept(forward, image)? {
        return Ok(None);
    }
    space.witness(image)
}

fn private(family: Family) -> Set {
    match family {
        Family::Ipv4 => Set::union([(0x0a00_0000, 0x0aff_ffff), (0xac10_0000, 0xac1f_ffff), (0xc0a8_0000, 0xc0a8_ffff)]),
        Family::Ipv6 => Set::range(0xfc << 120, (0xfe << 120) - 1),
    }
}

fn address(addresses: &Set, family: Family) -> String {
    let first = addresses.intervals().first().map_or(0, |i| i.0);
    match family {
        Family::Ipv4 => std::net::Ipv4Addr::from_bits(u32::try_from(first).unwrap_or(0)).to_string(),
        Family::Ipv6 => std::net::Ipv6Addr::from_bits(first).to_string(),
    }
}

fn target(addresses: &Set, ports: Option<&Set>, family: Family) -> String {
    let address = address(addresses, family);
    match (ports.and_then(Set::single), family) {
        (Some(port), Family::Ipv4) => format!("{address}:{port}"),
        (Some(port), Family::Ipv6) => format!("[{address}]:{port}"),
        (None, _) => address,
    }
}
