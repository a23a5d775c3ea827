//! A packet in the middle of nothing opens a connection.
//!
//! **Why.** Conntrack picks up connections that it has not seen begin, so a bare ACK is in state NEW and passes the rule for
//! new connections: a scan by ACK sees which ports are open, and tracking entries can be made without a handshake. RST, FIN
//! and packets without flags are INVALID and not concerned.
//!
//! **Packet.** tcp to port 22 with only ACK set, NEW: accepted.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp ! --syn -m conntrack --ctstate NEW -j DROP
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** Where connections are to survive a reload of the tracking table, or a failover: picking them up is what it is
//! for. So this check is off unless a selection names it (`all` does). Only INPUT is looked at, once, and nothing is said
//! where `net.netfilter.nf_conntrack_tcp_loose` is known to be 0.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, Key, NEW, Outcome};
use crate::sets::Set;
use crate::space::{Hook, Incomplete};

/// FIN, SYN, RST and ACK.
const FLAGS: u128 = 0x17;
const ACK: u128 = 0x10;
const LOOSE: &str = "net.netfilter.nf_conntrack_tcp_loose";

/// One finding at the first such rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    if cx.facts.sysctl_number(LOOSE) != Some(0) {
        out.extend(look(cx).ok().flatten());
    }
}

fn look(cx: &Cx<'_>) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((input, _))) = (cx.space(), cx.filter(Hook::Input)) else { return Ok(None) };
    let bare = space.bits(&Key::TcpFlags, FLAGS, ACK);
    let packets =
        space.all_of(&[cx.outside(), space.one(&Key::Protocol, 6), space.state(&[NEW]), bare, space.entry(input)]);
    if !space.may_accept(input, packets)? {
        return Ok(None);
    }
    let mine = cx.model.rules().filter(|(id, placed)| id.table == input.table && is_for_new(&placed.conditions));
    for (id, placed) in mine {
        let Some(mut packet) = space.witness(space.and(space.judged(id), packets))? else { continue };
        packet.set(Key::TcpFlags, ACK);
        let mut found = Diagnostic::new(
            codes::NEW_WITHOUT_SYN,
            Severity::Info,
            placed.span,
            "a bare ACK counts as NEW and is accepted",
        )
        .help(format!(
            "drop `-p tcp ! --syn -m conntrack --ctstate NEW` first, or set {LOOSE} to 0; accepted: {packet}"
        ));
        if let Some((line, text)) = cx.appended(placed.span)
            && let Some(chain) = text.split_whitespace().skip_while(|word| *word != "-A").nth(1)
        {
            let rule = format!("-A {chain} -p tcp ! --syn -m conntrack --ctstate NEW -j DROP\n");
            found = found.fix(Span { end: line.start, ..line }, rule, FixSafety::Unsafe);
        }
        return Ok(Some(Finding::about(found, cx.model, id).shows(cx, &packet)));
    }
    Ok(None)
}

/// Whether a rule accepts new connections of TCP, as such.
fn is_for_new(rule: &Conditions) -> bool {
    let tcp = rule.set(&Key::Protocol).is_some_and(|set| *set == Set::one(6));
    let new = rule.set(&Key::State).is_some_and(|states| states.contains(NEW));
    rule.outcome == Outcome::Accept && tcp && new
}
