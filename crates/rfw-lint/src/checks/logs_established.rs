//! A rule logs every packet of the connections that run.
//!
//! **Why.** One line per packet is no log. It happens where a LOG rule is put above the accept of ESTABLISHED: it was written
//! for new connections, and writes a line for every keystroke of those there are. With a limit it is the lines that matter
//! that are lost.
//!
//! **Packet.** tcp to port 22, ESTABLISHED: logged by the first rule, accepted by the second.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -m limit --limit 30/min -j LOG --log-prefix "ssh: "
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m limit --limit 30/min -j LOG --log-prefix "ssh: "
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where traffic is recorded packet by packet, for a time. Rules that ask for a state, for flags, for a list or for
//! something in the packet itself are not reported, nor are those whose packets are all dropped afterwards, or that stand behind a
//! chain that another program fills.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, ESTABLISHED, Key, Outcome};
use crate::model::{Placed, RuleId};
use crate::packets;
use crate::space::{Incomplete, Packet};

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((filter, _)) = cx.model.table("filter") else { return };
    let rules = || cx.model.rules().filter(|(id, _)| id.table == filter);
    // Where nothing asks for states, every rule is about every packet.
    let accepts: Vec<RuleId> =
        rules().filter(|(_, placed)| accepts_established(&placed.conditions)).map(|(id, _)| id).collect();
    for (id, placed) in rules().filter(|(_, placed)| placed.conditions.logs && takes_what_comes(placed)) {
        if !cx.is_uncertain(id) {
            out.extend(look(cx, id, placed, &accepts).ok().flatten());
        }
    }
}

fn accepts_established(rule: &Conditions) -> bool {
    rule.outcome == Outcome::Accept && rule.set(&Key::State).is_some_and(|states| states.contains(ESTABLISHED))
}

/// Whether a rule asks only where packets come from and where they go.
fn takes_what_comes(placed: &Placed) -> bool {
    let rule = &placed.conditions;
    let chosen = placed.facts().any(|facts| facts.list.is_some() || facts.set.is_some());
    // What answers differently for equal packets without being a rate: chance, a clock.
    let sampled = rule.is_limited() && placed.facts().all(|facts| facts.bound.is_none());
    let plain = |key: &Key| {
        matches!(
            key,
            Key::Iif | Key::Oif | Key::Source | Key::Destination | Key::Protocol | Key::SourcePort | Key::DestinationPort
        )
    };
    let simple = rule.opaque().next().is_none() && rule.masked().is_empty();
    !chosen && !sampled && simple && rule.sets().all(|(key, _)| plain(key))
}

fn look(cx: &Cx<'_>, id: RuleId, placed: &Placed, accepts: &[RuleId]) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    let local = space.or(space.incoming("lo"), space.outgoing("lo"));
    let usual = space.or(space.not(space.one(&Key::Protocol, 6)), space.bits(&Key::TcpFlags, 0x3f, 0x10));
    let running = space.all_of(&[
        space.judged(id),
        space.state(&[ESTABLISHED]),
        space.set(&Key::Protocol, &packets::tcp_udp()),
        usual,
        space.not(local),
    ]);
    // Nobody sends packets of connections that are dropped.
    let passed = space.accepted_behind(id, running);
    for &accept in accepts {
        if let Some(packet) = space.witness(space.and(passed, space.matched(accept)))? {
            return Ok(Some(finding(cx, id, placed, &packet)));
        }
    }
    Ok(None)
}

fn finding(cx: &Cx<'_>, id: RuleId, placed: &Placed, packet: &Packet) -> Finding {
    let of = service(&placed.conditions).map_or(String::new(), |service| format!(" to {service}"));
    let mut found = Diagnostic::new(
        codes::LOGS_ESTABLISHED,
        Severity::Warn,
        placed.span,
        format!("logs every packet of running connections{of}"),
    )
    .help(format!("match `-m conntrack --ctstate NEW` to log once per connection; logged: {packet}"));
    let words = cx.words(id);
    let target = placed.target_span.and_then(|span| words.iter().position(|word| word.span == span));
    let jump = target.and_then(|at| words.get(at.checked_sub(1)?)).filter(|word| matches!(word.text, "-j" | "--jump"));
    if let Some(word) = jump {
        let at = Span { end: word.span.start, ..word.span };
        found = found.fix(at, "-m conntrack --ctstate NEW ", FixSafety::Unsafe);
    }
    Finding::about(found, cx.model, id).shows(cx, packet)
}

/// `tcp/22`.
fn service(rule: &Conditions) -> Option<String> {
    let protocol = match rule.set(&Key::Protocol)?.single()? {
        6 => "tcp",
        17 => "udp",
        _ => return None,
    };
    Some(format!("{protocol}/{}", rule.set(&Key::DestinationPort)?.single()?))
}
