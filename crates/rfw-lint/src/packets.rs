//! Classes of packets that checks ask about.

use crate::conditions::Key;
use crate::model::Table;
use crate::sets::Set;

/// Port ranges narrower than this are exceptions for one service, not a rule for clients.
const NARROW: u128 = 1000;

/// TCP and UDP.
#[must_use]
pub(crate) fn tcp_udp() -> Set {
    Set::union([(6, 6), (17, 17)])
}

/// The ports that a client gets from Linux (`ip_local_port_range`: 32768 to 60999) and that no rule of the table singles
/// out.
#[must_use]
pub(crate) fn client_ports(table: &Table) -> Set {
    Set::range(32_768, 60_999).meet(&narrow_ports(table).complement(0xffff))
}

/// The ports that no rule of the table singles out.
#[must_use]
pub(crate) fn unnamed_ports(table: &Table) -> Set {
    narrow_ports(table).complement(0xffff)
}

fn narrow_ports(table: &Table) -> Set {
    let rules = table.chains.iter().flat_map(|c| &c.rules);
    let sets = rules.flat_map(|r| r.conditions.sets());
    let ports = sets.filter(|(key, _)| matches!(key, Key::SourcePort | Key::DestinationPort));
    Set::union(
        ports.flat_map(|(_, set)| set.intervals().iter().copied()).filter(|(low, high)| high - low < NARROW),
    )
}
