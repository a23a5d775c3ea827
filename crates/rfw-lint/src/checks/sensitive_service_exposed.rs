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

use rfw_diagnostics::{Diagnostic, codes};

use crate::Finding;
use crate::checks::{Cx, input_open_by_default};
use crate::conditions::NEW;
use crate::model::RuleId;
use crate::space::{Hook, Incomplete};
use crate::world::{Exposed, opening};

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
    let strangers = space.all_of(&[cx.strangers(), opening(space), space.state(&[NEW])]);
    let exposed = cx.exposed(input, 6, SENSITIVE, strangers)?;
    Ok(exposed.into_iter().filter_map(|(id, services)| finding(cx, id, &services)).collect())
}

fn finding(cx: &Cx<'_>, id: RuleId, Exposed { names, packet, severity }: &Exposed) -> Option<Finding> {
    let placed = cx.model.rule(id)?;
    let shown = match names.as_slice() {
        [one] => format!("{one} is"),
        [one, two] => format!("{one} and {two} are"),
        [one, rest @ ..] => format!("{one} and {} more services that are not for strangers are", rest.len()),
        [] => return None,
    };
    let found = Diagnostic::new(
        codes::SENSITIVE_SERVICE_EXPOSED,
        *severity,
        placed.span,
        format!("{shown} open to any source"),
    )
    .help(format!("restrict it with -s or -i; example: {packet}"));
    Some(Finding::about(found, cx.model, id).shows(cx, packet))
}
