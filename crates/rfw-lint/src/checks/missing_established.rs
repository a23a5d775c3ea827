//! A chain drops the replies to connections that another chain, or the same one, lets through.
//!
//! **Why.** Packets of a connection come from both sides. A host that drops by default must accept state ESTABLISHED, or
//! whatever it opens itself times out. `! --ctstate NEW -j DROP` is the same fault in another dress.
//!
//! **Packet.** tcp 192.0.2.1:443 to this host:40000, state ESTABLISHED: dropped by the policy of INPUT.
//!
//! Bad:
//! ```text
//! :INPUT DROP [0:0]
//! :OUTPUT ACCEPT [0:0]
//! -A INPUT -i lo -j ACCEPT
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! :INPUT DROP [0:0]
//! :OUTPUT ACCEPT [0:0]
//! -A INPUT -i lo -j ACCEPT
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** On a host that is meant to open no connection but does not say so in OUTPUT.

use rfw_diagnostics::{Diagnostic, codes};

use crate::Finding;
use crate::checks::{Cx, forward_one_way};
use crate::conditions::Key;
use crate::model::Table;
use crate::packets;
use crate::space::{ChainId, Hook, Incomplete, Kind, NEW, Packet};

/// The chain that drops, and the one that lets the first packet through.
const PAIRS: [(&str, Hook, Hook); 3] = [
    ("INPUT", Hook::Input, Hook::Output),
    ("FORWARD", Hook::Forward, Hook::Forward),
    ("OUTPUT", Hook::Output, Hook::Input),
];

/// One finding per chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((_, filter)) = cx.model.table("filter") else { return };
    for (name, here, there) in PAIRS {
        let space = cx.space();
        let (Some(at), Some(opposite)) = (space.base(Kind::Filter, here), space.base(Kind::Filter, there)) else {
            continue;
        };
        let Ok(Some(lost)) = lost(cx, filter, at, here, opposite) else { continue };
        // Where rules of FORWARD are to blame, these are told.
        if here == Hook::Forward && forward_one_way::lost(cx).is_ok_and(|rules| !rules.is_empty()) {
            continue;
        }
        let span = cx.dropping(&filter.chains[at.chain]);
        let diagnostic = Diagnostic::error(codes::MISSING_ESTABLISHED, span, message(name))
            .label(format!("dropped: {lost}"))
            .help(format!("add `-A {name} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT` near the top"));
        out.push(Finding::chain(diagnostic, cx.model, at.table, at.chain).shows(cx, &lost));
    }
}

/// A reply that is dropped, if all are: a flow that keeps its replies shows that somebody thought of them.
fn lost(cx: &Cx<'_>, filter: &Table, at: ChainId, here: Hook, opposite: ChainId) -> Result<Option<Packet>, Incomplete> {
    let space = cx.space();
    // First packets of connections, the loopback interface aside.
    let first = space.and(space.state(&[NEW]), space.set(&Key::Protocol, &packets::tcp_udp()));
    let local = space.or(space.incoming("lo"), space.outgoing("lo"));
    let first = space.all_of(&[first, space.not(local), space.entry(opposite), space.accepted(opposite)]);
    let clients = space.set(&Key::SourcePort, &packets::client_ports(filter));
    let usual = space.and(first, clients);
    let opened = if space.is_empty(usual)? { first } else { usual };
    // One is enough, and answered much faster than all of them.
    let Some(one) = space.witness(opened)? else { return Ok(None) };
    if space.may_accept(at, space.moved(space.reply(space.only(&one)), here))? {
        return Ok(None);
    }
    let replies = space.and(space.moved(space.reply(opened), here), space.entry(at));
    if space.may_accept(at, replies)? {
        return Ok(None);
    }
    space.witness(replies)
}

fn message(chain: &str) -> String {
    match chain {
        "INPUT" => "INPUT drops the replies to connections this host opens".to_owned(),
        "FORWARD" => "FORWARD drops the replies to connections it forwards".to_owned(),
        _ => format!("{chain} drops the replies to connections this host accepts"),
    }
}
