//! The host may open connections, but may not look up names.
//!
//! **Why.** Almost everything that opens a connection asks the DNS first. With OUTPUT closed and port 53 forgotten, every
//! program waits for an answer that never comes, and the rules for the services look right.
//!
//! **Packet.** A query to udp/53 of any resolver: dropped on its way out.
//!
//! Bad:
//! ```text
//! :OUTPUT DROP [0:0]
//! -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A OUTPUT -p tcp --dport 443 -j ACCEPT
//! ```
//! Good:
//! ```text
//! :OUTPUT DROP [0:0]
//! -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A OUTPUT -p tcp --dport 443 -j ACCEPT
//! -A OUTPUT -p udp --dport 53 -j ACCEPT
//! -A OUTPUT -p tcp --dport 53 -j ACCEPT
//! ```
//! **Suppress.** Where all peers have numbers, or names are looked up through a program on the host itself.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::space::{Hook, Incomplete, Set};
use crate::world::opening;

/// Resolvers: plain (RFC 1035) and over TLS (RFC 7858).
const PORTS: [(u8, u128); 3] = [(17, 53), (6, 53), (6, 853)];

/// One finding for the chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    out.extend(look(cx).ok().flatten());
}

fn look(cx: &Cx<'_>) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((output, chain))) = (cx.space(), cx.filter(Hook::Output)) else { return Ok(None) };
    let away = space.and(space.not(space.outgoing("lo")), space.state(&[NEW]));
    let opens = space.and(away, opening(space));
    if !space.may_drop(output, away)? || !space.may_accept(output, opens)? {
        return Ok(None);
    }
    let mut lost = space.none();
    for (protocol, port) in PORTS {
        let query = space.and(away, space.service(protocol, &Set::one(port)));
        if space.may_accept(output, query)? {
            return Ok(None);
        }
        lost = space.or(lost, query);
    }
    let first = space.all_of(&[lost, space.one(&Key::Protocol, 17), space.entry(output)]);
    let example = cx.example("dropped", first)?;
    let found = Diagnostic::new(
        codes::OUTPUT_DROP_WITHOUT_DNS,
        Severity::Warn,
        cx.dropping(chain),
        "outgoing connections are allowed but name resolution is not",
    )
    .help(format!(
        "allow udp/53 and tcp/53 to your resolvers; NTP (udp/123) and DHCP renewals may be missing too{example}"
    ));
    Ok(Some(Finding::chain(found, cx.model, output.table, output.chain).shows(cx, example.packet())))
}
