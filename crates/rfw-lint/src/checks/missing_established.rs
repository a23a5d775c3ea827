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
use crate::checks::Cx;
use crate::conditions::{Conditions, ESTABLISHED, Key, NEW, interface};
use crate::flow;
use crate::packets;
use crate::sets::Set;

/// The chain that drops, and the one that lets the first packet through.
const PAIRS: [(&str, &str); 3] = [("INPUT", "OUTPUT"), ("FORWARD", "FORWARD"), ("OUTPUT", "INPUT")];

/// Rules looked at in all; a ruleset with more flows than that allows is not judged.
const BUDGET: usize = 20_000_000;

/// One finding per chain.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((table, filter)) = cx.model.table("filter") else { return };
    let clients = packets::client_ports(filter);
    let rules: usize = filter.chains.iter().map(|c| c.rules.len()).sum();
    for (here, there) in PAIRS {
        let (Some(at), Some(opposite)) = (filter.position(here.as_bytes()), filter.position(there.as_bytes())) else {
            continue;
        };
        let mut lost = 0;
        // Every flow must lose its replies: one that keeps them shows that somebody thought of it.
        let kept = flow::accepted(filter, opposite, &opening(there), &mut |flow| {
            lost += 1;
            lost * rules > BUDGET || flow::may_accept(filter, at, &reply(flow, &clients))
        });
        if kept || lost == 0 {
            continue;
        }
        let span = cx.dropping(&filter.chains[at]);
        let diagnostic = Diagnostic::error(codes::MISSING_ESTABLISHED, span, message(here)).help(format!(
            "add `-A {here} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT` near the top"
        ));
        out.push(Finding::chain(diagnostic, cx.model, table, at));
    }
}

fn message(chain: &str) -> String {
    match chain {
        "INPUT" => "INPUT drops the replies to connections this host opens".to_owned(),
        "FORWARD" => "FORWARD drops the replies to connections it forwards".to_owned(),
        _ => format!("{chain} drops the replies to connections this host accepts"),
    }
}

/// First packets of connections, the loopback interface aside.
fn opening(chain: &str) -> Conditions {
    let mut class = Conditions::empty();
    class.require(Key::State, Set::one(NEW));
    class.require(Key::Protocol, packets::tcp_udp());
    let elsewhere = interface("lo").complement(u128::MAX);
    match chain {
        "INPUT" => class.require(Key::Iif, elsewhere),
        "OUTPUT" => class.require(Key::Oif, elsewhere),
        _ => {}
    }
    class
}

fn reply(flow: &Conditions, clients: &Set) -> Conditions {
    let mut reply = packets::replies(flow);
    reply.require(Key::State, Set::one(ESTABLISHED));
    if flow.set(&Key::SourcePort).is_none() {
        reply.require(Key::DestinationPort, clients.clone());
    }
    reply
}
