//! Once this is loaded, the host can no longer be administered.
//!
//! **Why.** The session that loads the rules is usually the only way in. If INPUT drops its packets, or new connections to
//! the port of administration, the next step is a drive to the data centre.
//!
//! **Packet.** A new connection to tcp/22: dropped. Or a packet of the running session: dropped by a rule above the accept of
//! ESTABLISHED.
//!
//! Bad:
//! ```text
//! -A INPUT -i lo -j ACCEPT
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 80 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -i lo -j ACCEPT
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 80 -j ACCEPT
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** On a host with a console. The port of administration is known from `[management]` in the configuration;
//! without it nobody can tell whether tcp/22 was closed on purpose, and this is a note.

use rfw_diagnostics::{Diagnostic, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{ESTABLISHED, Key, NEW};
use crate::facts::Service;
use crate::model::Chain;
use crate::space::{ChainId, Hook, Incomplete, Region, Set, addresses};
use crate::world::Decider;

/// One finding per service of administration.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((input, chain)) = cx.filter(Hook::Input) else { return };
    let ssh = [Service { protocol: 6, port: 22 }];
    let (services, severity) = match cx.facts.management.services.as_slice() {
        [] => (&ssh[..], Severity::Info),
        known => (known, Severity::Error),
    };
    for service in services {
        out.extend(look(cx, input, chain, *service, severity).ok().flatten());
    }
}

fn look(
    cx: &Cx<'_>,
    input: ChainId,
    chain: &Chain,
    service: Service,
    severity: Severity,
) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    let ports = space.service(service.protocol, &Set::one(service.port.into()));
    let outside = space.not(space.incoming("lo"));
    let packets = space.all_of(&[ports, outside, administrators(cx), space.entry(input)]);
    let running = space.and(packets, space.state(&[ESTABLISHED]));
    let new = space.and(packets, space.state(&[NEW]));
    let open = space.may_accept(input, new)?;
    if open && space.may_accept(input, running)? {
        return Ok(None);
    }
    // A chain that lets nothing of a connection through at all is another check's.
    let any = space.and(outside, space.state(&[ESTABLISHED]));
    if !space.may_accept(input, any)? || (severity == Severity::Info && !serves(cx, input)?) {
        return Ok(None);
    }
    let name = format!("{}/{}", if service.protocol == 17 { "udp" } else { "tcp" }, service.port);
    let shown = if service.port == 22 { format!("SSH ({name})") } else { name };
    let (lost, message) = match open {
        false => (new, format!("after loading this you can no longer open {shown} to the host")),
        true => (running, format!("loading this cuts the {shown} session that does it")),
    };
    let decider = cx.dropper(input, lost)?;
    let mut found = Diagnostic::new(codes::MANAGEMENT_LOCKOUT, severity, blame(cx, decider, chain), message);
    let example = cx.example("dropped", lost)?;
    found = found.help(format!(
        "accept it, name the right port in `[management]` of rfw.toml, or load with `rfw apply`, which takes back what nobody confirms{example}"
    ));
    Ok(Some(match decider {
        Some(Decider::Rule(id)) => Finding::about(found, cx.model, id).shows(cx, example.packet()),
        _ => Finding::chain(found, cx.model, input.table, input.chain).shows(cx, example.packet()),
    }))
}

fn blame(cx: &Cx<'_>, decider: Option<Decider>, chain: &Chain) -> Span {
    match decider {
        Some(Decider::Rule(id)) => cx.model.rule(id).map_or_else(|| cx.start(), |placed| placed.span),
        _ => cx.dropping(chain),
    }
}

/// Whether the host is one that strangers may open connections to.
fn serves(cx: &Cx<'_>, input: ChainId) -> Result<bool, Incomplete> {
    let space = cx.space();
    let tcp = space.one(&Key::Protocol, 6);
    let new = space.all_of(&[cx.outside(), tcp, space.state(&[NEW])]);
    space.may_accept(input, new)
}

/// Packets of those who administer the host.
fn administrators(cx: &Cx<'_>) -> Region {
    let space = cx.space();
    let own: Vec<Set> = cx.facts.management.from.iter().filter_map(|net| addresses(net, cx.model.family)).collect();
    if own.is_empty() {
        return space.all();
    }
    own.iter().fold(space.none(), |all, net| space.or(all, space.set(&Key::Source, net)))
}
