//! The table of connections is small for its use, or its hash is.
//!
//! **Why.** When the table is full, a packet that would open a connection is dropped by conntrack itself, before any rule of
//! the filter table is asked. That answers the question whether rules without a state match still work then: they don't,
//! for new connections; only packets that `-j CT --notrack` exempts in the raw table go on. Connections that are in the
//! table already keep working. With many entries per bucket every lookup walks a long list; and with the timeout of five
//! days that established TCP connections have by default, the dead ones of a NAT router fill the table.
//!
//! **Packet.** The 16,385th connection: `nf_conntrack: table full, dropping packet`.
//!
//! Bad:
//! ```text
//! net.netfilter.nf_conntrack_max = 16384
//! net.netfilter.nf_conntrack_buckets = 1024
//! ```
//! Good:
//! ```text
//! net.netfilter.nf_conntrack_max = 262144
//! net.netfilter.nf_conntrack_buckets = 65536
//! net.netfilter.nf_conntrack_tcp_timeout_established = 7440
//! ```
//! **Suppress.** On small machines that serve few clients. Kernel settings are looked at only where they were given.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Outcome;

const MAX: &str = "net.netfilter.nf_conntrack_max";
const BUCKETS: &str = "net.netfilter.nf_conntrack_buckets";
const ESTABLISHED: &str = "net.netfilter.nf_conntrack_tcp_timeout_established";
/// Entries that a router should have room for: the kernel's own default for 4 GiB of memory and more.
const ROUTER: u64 = 262_144;
/// Entries of a bucket: the kernel gives one where it chooses both, four is its oldest default.
const PER_BUCKET: u64 = 8;
/// Five days in seconds (nf_conntrack-sysctl.rst).
const FIVE_DAYS: u64 = 432_000;

/// One finding per setting that is small.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some(max) = cx.facts.sysctl_number(MAX) else { return };
    let mut report = |message: String, help: &str| {
        let found = Diagnostic::new(codes::CONNTRACK_CAPACITY, Severity::Info, cx.start(), message);
        out.push(Finding::new(found.help(help)));
    };
    let per_bucket = cx.facts.sysctl_number(BUCKETS).filter(|&buckets| buckets > 0).map(|buckets| max / buckets);
    let entries = match per_bucket {
        Some(each) => format!("{max} entries, {each} per bucket"),
        None => format!("{max} entries"),
    };
    let help = "a full table drops new connections before any rule is asked; raise \
                nf_conntrack_max and nf_conntrack_buckets together, or exempt bulk traffic with `-t raw … -j CT --notrack`";
    if max < ROUTER {
        report(format!("the conntrack table may overflow ({entries})"), help);
    } else if per_bucket.is_some_and(|each| each > PER_BUCKET) {
        report(format!("the conntrack table's hash is small ({entries})"), help);
    }
    let translates = cx.model.table("nat").is_some_and(|(_, nat)| {
        nat.chains.iter().flat_map(|c| &c.rules).any(|r| r.conditions.outcome != Outcome::Continue)
    });
    if translates && cx.facts.sysctl_number(ESTABLISHED) == Some(FIVE_DAYS) {
        report(
            "a dead TCP connection stays in the conntrack table for five days".to_owned(),
            "set net.netfilter.nf_conntrack_tcp_timeout_established to 7440 (RFC 5382 asks for at least that) on a router",
        );
    }
}
