//! The message that a packet was too large is dropped.
//!
//! **Why.** Path MTU discovery lives on ICMP `fragmentation needed` (type 3, code 4). Without it a connection through a
//! tunnel or over DSL opens, and hangs as soon as a full packet is sent.
//!
//! **Packet.** `fragmentation needed` from a router on the way, RELATED to a connection of this host: dropped.
//!
//! Bad:
//! ```text
//! -A INPUT -p icmp -j DROP
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p icmp --icmp-type 8 -j DROP
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where every link on the way has the same MTU.

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{ESTABLISHED, Key, NEW, RELATED};
use crate::space::{Hook, Incomplete};
use crate::world::Decider;

/// Type 3, code 4 (RFC 792, RFC 1191), as the first two bytes behind the IP header.
const FRAGMENTATION_NEEDED: u128 = 3 << 8 | 4;

/// One finding per chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    if cx.model.family != Family::Ipv4 {
        return;
    }
    for hook in [Hook::Input, Hook::Forward] {
        let found = look(cx, hook).ok().flatten();
        out.extend(found.filter(|found| !is_explained(out, found)));
    }
}

/// Whether the chain drops all errors because of their state, and is reported for that.
fn is_explained(out: &[Finding], found: &Finding) -> bool {
    out.iter().any(|f| f.diagnostic.code == codes::RELATED_ICMP_DROPPED && f.chain == found.chain)
}

fn look(cx: &Cx<'_>, hook: Hook) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((base, chain))) = (cx.space(), cx.filter(hook)) else { return Ok(None) };
    let outside = space.not(space.incoming("lo"));
    let tcp = space.one(&Key::Protocol, 6);
    // Where no connection passes, its errors need not either.
    let connections = space.all_of(&[outside, tcp, space.state(&[ESTABLISHED])]);
    if !space.may_accept(base, connections)? {
        return Ok(None);
    }
    let icmp = space.one(&Key::Protocol, 1);
    let needed = space.one(&Key::SourcePort, FRAGMENTATION_NEEDED);
    let packets = space.all_of(&[outside, icmp, needed, space.state(&[RELATED, NEW]), space.entry(base)]);
    let related = space.and(packets, space.state(&[RELATED]));
    if space.may_accept(base, packets)? {
        return Ok(None);
    }
    let decider = cx.dropper(base, related)?;
    let placed = match decider {
        Some(Decider::Rule(id)) => cx.model.rule(id).map(|placed| (id, placed)),
        _ => None,
    };
    let (span, by) = match placed {
        Some((id, placed)) => (placed.span, cx.line(id, placed)),
        None => (cx.dropping(chain), "the policy".to_owned()),
    };
    let example = cx.example("dropped", related)?;
    let found = Diagnostic::new(
        codes::ICMP_PMTU_BLOCKED,
        Severity::Warn,
        span,
        format!("`fragmentation needed` is dropped by {by}"),
    )
    .help(format!(
        "path MTU discovery breaks and connections hang; block echo-request only, after the accept of RELATED{example}"
    ));
    Ok(Some(match placed {
        Some((id, _)) => Finding::about(found, cx.model, id).shows(cx, example.packet()),
        None => Finding::chain(found, cx.model, base.table, base.chain).shows(cx, example.packet()),
    }))
}
