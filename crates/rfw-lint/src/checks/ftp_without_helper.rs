//! The control port of a protocol with connections of their own is open, and nothing tells conntrack to expect those.
//!
//! **Why.** FTP agrees on a port for every transfer inside its control connection. Only a helper can read that and make the
//! transfer RELATED. To load `nf_conntrack_ftp` is not enough: since Linux 4.7 no helper is attached by itself, and 6.x has
//! no switch for it any more. The same holds for TFTP, SIP, H.323, PPTP, Amanda and DCC of IRC.
//!
//! **Packet.** tcp to the port that the server named in its answer to PASV: NEW and not RELATED, dropped.
//!
//! Bad:
//! ```text
//! *filter
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! Good:
//! ```text
//! *raw
//! -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
//! *filter
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** Where control connections are encrypted, so that no helper can read them: open a range of data ports then.
//! Where such a range is open, nothing is reported.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, SourceKind, Span, codes};

use crate::checks::Cx;
use crate::conditions::{Conditions, Key, NEW, Outcome, RELATED};
use crate::model::{Placed, RuleId};
use crate::space::{ChainId, Hook, Incomplete, Region, Set};
use crate::world::size;
use crate::{Finding, Input};

/// How the connections that are agreed on run.
enum Data {
    /// From the client to the server.
    Along,
    /// From the server to the client.
    Back,
}

/// A protocol that agrees on further connections.
struct Service {
    /// What it is called, and its helper.
    name: &'static str,
    helper: &'static str,
    /// Protocol and port of the control connection (IANA).
    control: (u8, u128),
    /// Protocol and way of the others.
    data: (u128, Data),
    /// Where it matters.
    hooks: &'static [Hook],
}

const BOTH: &[Hook] = &[Hook::Input, Hook::Forward];

const SERVICES: [Service; 8] = [
    Service { name: "FTP", helper: "ftp", control: (6, 21), data: (6, Data::Along), hooks: BOTH },
    Service { name: "TFTP", helper: "tftp", control: (17, 69), data: (17, Data::Back), hooks: BOTH },
    Service { name: "SIP", helper: "sip", control: (17, 5060), data: (17, Data::Along), hooks: BOTH },
    Service { name: "SIP", helper: "sip", control: (6, 5060), data: (17, Data::Along), hooks: BOTH },
    Service { name: "H.323", helper: "Q.931", control: (6, 1720), data: (6, Data::Along), hooks: BOTH },
    Service { name: "PPTP", helper: "pptp", control: (6, 1723), data: (47, Data::Along), hooks: BOTH },
    Service { name: "Amanda", helper: "amanda", control: (17, 10080), data: (6, Data::Along), hooks: BOTH },
    // A server of IRC takes no part in DCC.
    Service { name: "IRC", helper: "irc", control: (6, 6667), data: (6, Data::Back), hooks: &[Hook::Forward] },
];

/// Fewer ports make a rule one for this service.
const MOST_PORTS: u128 = 1024;

/// One finding per protocol.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    // Kernels before 4.7 attach helpers by themselves, later ones up to 5.19 where they are told to.
    let told = cx.facts.sysctl_number("net.netfilter.nf_conntrack_helper") == Some(1);
    if told || cx.facts.kernel.is_some_and(|version| version < (4, 7)) {
        return;
    }
    let mut reported: Vec<&str> = Vec::new();
    for service in SERVICES.iter().filter(|service| !is_attached(cx, service)) {
        if reported.contains(&service.helper) {
            continue;
        }
        let rule = service.hooks.iter().find_map(|&hook| opened(cx, service, hook).ok().flatten());
        let found = match rule.or_else(|| forwarded(cx, service)) {
            Some((id, placed)) => Some(Finding::about(finding(cx, service, placed.span), cx.model, id)),
            None => loaded(cx, service).map(|span| Finding::new(finding(cx, service, span))),
        };
        reported.extend(found.iter().map(|_| service.helper));
        out.extend(found);
    }
}

fn is_attached(cx: &Cx<'_>, service: &Service) -> bool {
    cx.model.rules().any(|(_, placed)| {
        let port = placed.conditions.set(&Key::DestinationPort);
        let attaches = placed.facts().any(|facts| facts.helper == Some(service.helper.as_bytes()));
        attaches && port.is_none_or(|ports| ports.contains(service.control.1))
    })
}

/// The rule that opens the control port where the filter keeps the other connections out.
fn opened<'a>(cx: &Cx<'a>, service: &Service, hook: Hook) -> Result<Option<(RuleId, &'a Placed)>, Incomplete> {
    let Some((base, _)) = cx.filter(hook) else { return Ok(None) };
    let names = |rule: &Conditions| rule.outcome == Outcome::Accept && names_port(rule, service);
    let rules: Vec<_> =
        cx.model.rules().filter(|(id, placed)| id.table == base.table && names(&placed.conditions)).collect();
    if rules.is_empty() {
        return Ok(None);
    }
    let space = cx.space();
    let (protocol, port) = service.control;
    let control = space.all_of(&[
        space.service(protocol, &Set::one(port)),
        space.state(&[NEW]),
        space.entry(base),
        space.not(space.incoming("lo")),
    ]);
    for (id, placed) in rules {
        let taken = space.and(space.judged(id), control);
        if !space.is_empty(taken)? && needs_helper(cx, service, hook, base, taken)? {
            return Ok(Some((id, placed)));
        }
    }
    Ok(None)
}

fn names_port(rule: &Conditions, service: &Service) -> bool {
    let (protocol, port) = service.control;
    let ports = rule.set(&Key::DestinationPort).is_some_and(|set| set.contains(port) && size(set) < MOST_PORTS);
    ports && rule.set(&Key::Protocol).is_some_and(|set| set.contains(protocol.into()))
}

/// Whether some who may open the control connection may open the others only where they are RELATED.
fn needs_helper(
    cx: &Cx<'_>,
    service: &Service,
    hook: Hook,
    base: ChainId,
    control: Region,
) -> Result<bool, Incomplete> {
    let space = cx.space();
    let (at, flows) = match (&service.data.1, hook) {
        (Data::Along, _) => (base, control),
        (Data::Back, hook) => {
            let there = if hook == Hook::Input { Hook::Output } else { hook };
            let Some((opposite, _)) = cx.filter(there) else { return Ok(false) };
            (opposite, space.moved(space.reply(control), there))
        }
    };
    let what = [Key::Protocol, Key::SourcePort, Key::DestinationPort, Key::State, Key::TcpFlags, Key::Status];
    let flows = space.forget(flows, &what);
    let mut data = space.all_of(&[flows, space.one(&Key::Protocol, service.data.0), space.entry(at)]);
    if service.data.0 != 47 {
        data = space.and(data, space.set(&Key::DestinationPort, &data_ports(cx, at)));
    }
    let new = space.and(data, space.state(&[NEW]));
    let admitted = space.for_some_answers(space.and(new, space.accepted(at)));
    let lost = space.minus(new, space.forget(admitted, &what));
    let related = space.and(data, space.state(&[RELATED]));
    Ok(!space.is_empty(lost)? && space.overlaps(related, space.accepted(at))?)
}

/// Ports that transfers may use; those that a rule opens one by one are services.
fn data_ports(cx: &Cx<'_>, chain: ChainId) -> Set {
    let rules = cx.model.tables[chain.table].chains.iter().flat_map(|c| &c.rules);
    let sets = rules.filter_map(|r| r.conditions.set(&Key::DestinationPort));
    let singles = sets.flat_map(|set| set.intervals().iter().copied()).filter(|(low, high)| low == high);
    Set::range(1024, 65_535).meet(&Set::union(singles).complement(0xffff))
}

/// A rule that forwards the control port to another host, where none forwards a range of others.
fn forwarded<'a>(cx: &Cx<'a>, service: &Service) -> Option<(RuleId, &'a Placed)> {
    if !matches!(service.data, (6 | 17, Data::Along)) {
        return None;
    }
    let translates = |rule: &Conditions| rule.translated_to().is_some();
    let wide = |rule: &Conditions| rule.set(&Key::DestinationPort).is_none_or(|set| size(set) > 2);
    if cx.model.rules().any(|(_, placed)| translates(&placed.conditions) && wide(&placed.conditions)) {
        return None;
    }
    cx.model.rules().find(|(_, placed)| translates(&placed.conditions) && names_port(&placed.conditions, service))
}

/// Where a script loads the module of the helper, as if that were enough.
fn loaded(cx: &Cx<'_>, service: &Service) -> Option<Span> {
    if cx.model.input != Input::Script {
        return None;
    }
    let names = ["nf_conntrack_", "ip_conntrack_"].map(|start| format!("{start}{}", service.helper));
    let name = names.iter().find(|name| cx.facts.modules.contains(*name))?;
    let at = cx.source.text.windows(name.len()).position(|part| part == name.as_bytes())?;
    Some(Span::new(at, at + name.len()))
}

fn finding(cx: &Cx<'_>, service: &Service, span: Span) -> Diagnostic {
    let (protocol, port) = service.control;
    let protocol = if protocol == 6 { "tcp" } else { "udp" };
    let rule = format!("-A PREROUTING -p {protocol} --dport {port} -j CT --helper {}", service.helper);
    // Few who forward IRC want their clients to send files past the server.
    let severity = if service.helper == "irc" { Severity::Info } else { Severity::Warn };
    let found = Diagnostic::new(
        codes::FTP_WITHOUT_HELPER,
        severity,
        span,
        format!("no rule attaches the helper of {}: its data connections are not RELATED", service.name),
    )
    .help(format!("a loaded module does nothing by itself since Linux 4.7; add `-t raw {rule}`"));
    match place(cx) {
        Some((at, true)) => found.fix(at, format!("{rule}\n"), FixSafety::Unsafe),
        Some((at, false)) => {
            found.fix(at, format!("*raw\n:PREROUTING ACCEPT [0:0]\n{rule}\nCOMMIT\n"), FixSafety::Unsafe)
        }
        None => found,
    }
}

/// Where a rule of `raw` can be put, and whether the table is there.
fn place(cx: &Cx<'_>) -> Option<(Span, bool)> {
    if cx.source.kind != SourceKind::File || cx.model.input != Input::Save {
        return None;
    }
    let raw = cx.model.table("raw").map(|(_, raw)| raw);
    let behind = match raw {
        Some(raw) => raw.chains.iter().find(|c| c.name == b"PREROUTING").and_then(|c| c.span).or(raw.span),
        None => None,
    };
    match (raw, behind) {
        (Some(_), behind) => {
            let line = cx.whole_line(behind?)?;
            Some((Span { start: line.end, ..line }, true))
        }
        (None, _) => {
            let first = cx.model.tables.iter().filter_map(|t| t.span).min()?;
            let line = cx.whole_line(first)?;
            Some((Span { end: line.start, ..line }, false))
        }
    }
}
