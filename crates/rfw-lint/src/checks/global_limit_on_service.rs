//! All clients of a service share one limit of new connections.
//!
//! **Why.** `-m limit` has one bucket for everybody. Who sends three connections a minute uses it up, and nobody else gets in:
//! the rule that should slow down an attacker is what locks out the administrator.
//!
//! **Packet.** tcp from any client to port 22, NEW, after three others in that minute: dropped.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m limit --limit 3/min -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m hashlimit --hashlimit-upto 3/min --hashlimit-mode srcip --hashlimit-name ssh -j ACCEPT
//! ```
//! **Suppress.** Where the service itself can bear no more than that from all clients together. Rules for one small network are
//! not reported.

use rfw_diagnostics::{Diagnostic, Edit, Fix, FixSafety, Severity, codes};
use rfw_extensions::{Measure, Per, Side};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::{Cx, limit_without_drop};
use crate::conditions::{Conditions, Key, NEW};
use crate::model::{Placed, RuleId};
use crate::space::Incomplete;
use crate::words;
use crate::world::size;

/// Ports of a rule for services; one for more is about packets in general.
const MOST_PORTS: u128 = 16;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let Some((filter, _)) = cx.model.table("filter") else { return };
    for (id, placed) in cx.model.rules().filter(|(id, _)| id.table == filter) {
        let shared = placed.facts().filter_map(|facts| facts.bound).any(|bound| {
            (bound.measure, bound.side, bound.per) == (Measure::Packets, Side::Below, Per::Rule)
        });
        if shared && limit_without_drop::is_limited_accept(placed) {
            out.extend(look(cx, id, placed).ok().flatten());
        }
    }
}

/// `tcp/22`, if the rule is for so few ports.
fn service(rule: &Conditions) -> Option<String> {
    let protocol = match rule.set(&Key::Protocol)?.single()? {
        6 => "tcp",
        17 => "udp",
        _ => return None,
    };
    let ports = rule.set(&Key::DestinationPort).filter(|set| size(set) <= MOST_PORTS)?;
    Some(ports.single().map_or_else(|| "these ports".to_owned(), |port| format!("{protocol}/{port}")))
}

fn look(cx: &Cx<'_>, id: RuleId, placed: &Placed) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    let Some(service) = service(&placed.conditions) else { return Ok(None) };
    // A /24, or of IPv6 what one site has.
    let few = match cx.model.family {
        Family::Ipv4 => 1 << 8,
        Family::Ipv6 => 1 << 64,
    };
    let new = space.all_of(&[space.judged(id), space.state(&[NEW]), space.not(space.incoming("lo"))]);
    if size(&space.values(new, &Key::Source)?) <= few || limit_without_drop::all_pass(cx, id, new)? {
        return Ok(None);
    }
    let Some(packet) = space.witness(new)? else { return Ok(None) };
    let mut found = Diagnostic::new(
        codes::GLOBAL_LIMIT_ON_SERVICE,
        Severity::Info,
        placed.span,
        format!("one attacker can use up the limit and lock everybody out of {service}"),
    )
    .help(format!("limit each source with hashlimit; not accepted once others used it up: {packet}"));
    found.fix = fix(cx, id, placed, &service);
    Ok(Some(Finding::about(found, cx.model, id).shows(cx, &packet)))
}

/// The same rate for each source.
fn fix(cx: &Cx<'_>, id: RuleId, placed: &Placed, service: &str) -> Option<Fix> {
    let limit = placed.facts().position(|facts| facts.bound.is_some())?;
    let name = placed.match_spans.get(limit)?;
    let words = cx.words(id);
    let word = words.iter().find(|word| word.span == *name && word.text == "limit")?;
    let rate = words::value(&words, &["--limit"])?;
    let mut edits = vec![Edit { span: word.span, replacement: "hashlimit".to_owned() }];
    for word in &words {
        let new = match word.text {
            "--limit" => "--hashlimit-upto",
            "--limit-burst" => "--hashlimit-burst",
            _ => continue,
        };
        edits.push(Edit { span: word.span, replacement: new.to_owned() });
    }
    let list = service.replace(['/', ' '], "-");
    let mode = format!("{} --hashlimit-mode srcip --hashlimit-name {list}", rate.text);
    edits.push(Edit { span: rate.span, replacement: mode });
    Some(Fix { edits, safety: FixSafety::Unsafe })
}
