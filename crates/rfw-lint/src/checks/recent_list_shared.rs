//! Rules for different services count addresses in one list.
//!
//! **Why.** Lists of `recent` are known by their names, and a rule without `--name` uses `DEFAULT`. Copy the pair of rules
//! that protects one service for a second one, and both fill and read the same list: what a client does at one service uses
//! up its budget at the other.
//!
//! **Packet.** The first new connection to tcp/22 of a client that has just opened three to tcp/80: dropped.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 60 --hitcount 4 -j DROP
//! -A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -m recent --set
//! -A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -m recent --update --seconds 60 --hitcount 4 -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --name ssh --set
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --name ssh --update --seconds 60 --hitcount 4 -j DROP
//! -A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -m recent --name http --set
//! -A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -m recent --name http --update --seconds 60 --hitcount 4 -j DROP
//! ```
//! **Suppress.** Where one budget for several services is meant. A rule that reads the list for all of them together is
//! taken for that and nothing is reported.

use rfw_diagnostics::{Diagnostic, Severity, codes};

use crate::Finding;
use crate::checks::{Cx, unused_chain};
use crate::conditions::{Conditions, Key};
use crate::model::{Placed, RuleId};

struct Use<'a> {
    id: RuleId,
    placed: &'a Placed,
    name: &'a [u8],
    adds: bool,
    hits: u32,
}

/// One finding per list, at the first rule that adds to it for another service.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let unused: Vec<Vec<usize>> = cx.model.tables.iter().map(unused_chain::unreached).collect();
    let reachable = |id: RuleId| !unused.get(id.table).is_some_and(|u| u.contains(&id.chain));
    let mut uses: Vec<Use<'_>> = Vec::new();
    for (id, placed) in cx.model.rules().filter(|(id, _)| reachable(*id)) {
        let lists = placed.facts().filter_map(|facts| facts.list);
        uses.extend(lists.map(|list| Use { id, placed, name: list.name, adds: list.adds, hits: list.hits }));
    }
    let mut reported: Vec<&[u8]> = Vec::new();
    for second in uses.iter().filter(|u| u.adds) {
        if reported.contains(&second.name) {
            continue;
        }
        let apart = |first: &&Use<'_>| {
            first.adds && first.name == second.name && first.id < second.id
                && services_differ(&first.placed.conditions, &second.placed.conditions)
        };
        let Some(first) = uses.iter().find(apart) else { continue };
        let readers = || uses.iter().filter(|u| !u.adds && u.hits > 0 && u.name == second.name);
        let both = |reader: &Use<'_>| {
            let reads = |rule: &Conditions| !services_differ(&reader.placed.conditions, rule);
            reads(&first.placed.conditions) && reads(&second.placed.conditions)
        };
        if readers().next().is_none() || readers().any(both) {
            continue;
        }
        reported.push(second.name);
        let name = String::from_utf8_lossy(second.name);
        let found = Diagnostic::new(
            codes::RECENT_LIST_SHARED,
            Severity::Warn,
            second.placed.span,
            format!("{} and {} count into the same list `{name}`", service(first.placed), service(second.placed)),
        )
        .also(first.placed.span, "the other one")
        .help("what a client does at one service uses up its budget at the other: give each its own `--name`");
        out.push(Finding::about(found, cx.model, second.id));
    }
}

/// Whether no packet belongs to the service of both rules.
fn services_differ(one: &Conditions, other: &Conditions) -> bool {
    [Key::Protocol, Key::DestinationPort].iter().any(|key| {
        let (Some(one), Some(other)) = (one.set(key), other.set(key)) else { return false };
        one.meet(other).is_empty()
    })
}

fn service(placed: &Placed) -> String {
    let rule = &placed.conditions;
    let protocol = match rule.set(&Key::Protocol).and_then(|set| set.single()) {
        Some(6) => "tcp",
        Some(17) => "udp",
        _ => "other",
    };
    match rule.set(&Key::DestinationPort).map(|set| set.intervals()) {
        Some([(low, high)]) if low == high => format!("{protocol}/{low}"),
        Some([(low, high)]) => format!("{protocol}/{low}-{high}"),
        Some(_) => format!("{protocol} services"),
        None => format!("{protocol} packets"),
    }
}
