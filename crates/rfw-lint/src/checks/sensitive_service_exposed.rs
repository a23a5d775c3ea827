//! A service that is not meant for strangers can be reached by all of them.
//!
//! **Why.** Databases, remote desktops, orchestrators and file servers are searched for on the whole Internet all the time;
//! many of them trust whoever connects.
//!
//! **Packet.** A new connection from any address to tcp/6379.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 6379 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -s 10.0.0.0/8 -p tcp --dport 6379 -j ACCEPT
//! ```
//! **Suppress.** Where it is meant: name it in `public-services`, or call its interface `lan` in the configuration. Where
//! every port is open, [`input-open-by-default`](RFW601-input-open-by-default.md) says that instead.

use std::collections::BTreeMap;

use rfw_diagnostics::{Diagnostic, Severity, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::{Cx, input_open_by_default};
use crate::conditions::{Key, NEW};
use crate::facts::Service;
use crate::model::RuleId;
use crate::space::{Hook, Incomplete, Packet, Set};
use crate::world::{opening, size};

/// What listens there by custom (IANA's registry, and the programs' own documentation).
const SENSITIVE: &[(u16, &str)] = &[
    (23, "telnet"),
    (135, "Windows RPC"),
    (139, "NetBIOS"),
    (445, "SMB"),
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (2049, "NFS"),
    (2375, "Docker without TLS"),
    (2379, "etcd"),
    (3306, "MySQL"),
    (3389, "remote desktop"),
    (5432, "PostgreSQL"),
    (5900, "VNC"),
    (5984, "CouchDB"),
    (6379, "redis"),
    (6443, "the Kubernetes API"),
    (8086, "InfluxDB"),
    (9200, "Elasticsearch"),
    (10250, "kubelet"),
    (11211, "memcached"),
    (27017, "MongoDB"),
];

/// One finding per rule that lets in at least one of them.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    out.extend(look(cx).unwrap_or_default());
}

fn look(cx: &Cx<'_>) -> Result<Vec<Finding>, Incomplete> {
    let (space, Some((input, _))) = (cx.space(), cx.filter(Hook::Input)) else { return Ok(Vec::new()) };
    if input_open_by_default::open(cx, input)?.is_some() {
        return Ok(Vec::new());
    }
    let strangers = space.all_of(&[cx.strangers(), opening(space), space.state(&[NEW]), space.entry(input)]);
    let mut by_rule: BTreeMap<RuleId, (Vec<String>, Packet)> = BTreeMap::new();
    for (port, name) in SENSITIVE {
        if cx.facts.public_services.contains(&Service { protocol: 6, port: *port }) {
            continue;
        }
        let class = space.and(strangers, space.service(6, &Set::one((*port).into())));
        let let_in = space.and(class, space.accepted(input));
        if size(&space.values(let_in, &Key::Source)?) < many(cx.model.family) {
            continue;
        }
        let (Some(id), Some(packet)) = (cx.opener(input, let_in)?, space.witness(let_in)?) else {
            continue;
        };
        by_rule.entry(id).or_insert_with(|| (Vec::new(), packet)).0.push(format!("{name} (tcp/{port})"));
    }
    Ok(by_rule.into_iter().filter_map(|(id, (names, packet))| finding(cx, id, &names, &packet)).collect())
}

fn finding(cx: &Cx<'_>, id: RuleId, names: &[String], packet: &Packet) -> Option<Finding> {
    let placed = cx.model.rule(id)?;
    let shown = match names {
        [one] => format!("{one} is"),
        [one, two] => format!("{one} and {two} are"),
        [one, rest @ ..] => format!("{one} and {} more services that are not for strangers are", rest.len()),
        [] => return None,
    };
    // A rule for one interface may be about an inside that nobody named.
    let known = placed.conditions.set(&Key::Iif).is_some();
    let severity = if known { Severity::Info } else { Severity::Warn };
    let found = Diagnostic::new(
        codes::SENSITIVE_SERVICE_EXPOSED,
        severity,
        placed.span,
        format!("{shown} open to any source"),
    )
    .help(format!("restrict it with -s or -i; example: {packet}"));
    Some(Finding::about(found, cx.model, id))
}

/// How many public sources are the Internet and not a list of friends: a /8 of IPv4, a /32 of IPv6.
pub(crate) fn many(family: Family) -> u128 {
    match family {
        Family::Ipv4 => 1 << 24,
        Family::Ipv6 => 1 << 96,
    }
}
