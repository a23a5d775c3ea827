//! A list of recent addresses is asked or updated, but no rule ever adds an address to it.
//!
//! **Why.** `--rcheck` and `--update` match only addresses that are in the list already. Without a `--set` under the same
//! name the rule is dead; usually the `--set` line was lost or names another list (the name by default is `DEFAULT`).
//!
//! **Packet.** The tenth new connection from 192.0.2.1 to tcp/22 within a minute: meant to be dropped, passes.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 60 --hitcount 4 --name ssh -j DROP
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name ssh
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 60 --hitcount 4 --name ssh -j DROP
//! -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** Where a program fills the list through `/proc/net/xt_recent`.

use rfw_diagnostics::{Diagnostic, codes};

use crate::Finding;
use crate::checks::{Cx, unused_chain};
use crate::conditions::{ListUse, Outcome};

/// One finding per list, at the first rule that asks it.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    // A line that can't be read may be the one that adds.
    if cx.model.rules().any(|(_, placed)| placed.conditions.outcome == Outcome::Unknown) {
        return;
    }
    let unused: Vec<Vec<usize>> = cx.model.tables.iter().map(unused_chain::unreached).collect();
    let uses: Vec<_> = cx
        .model
        .rules()
        .flat_map(|(id, placed)| placed.conditions.lists.iter().map(move |list| (id, placed, list)))
        .collect();
    let added = |wanted: &ListUse| {
        uses.iter().any(|(id, _, list)| {
            list.adds && list.name == wanted.name && !unused.get(id.table).is_some_and(|u| u.contains(&id.chain))
        })
    };
    let mut reported: Vec<&[u8]> = Vec::new();
    for (id, placed, list) in &uses {
        if list.adds || reported.contains(&list.name.as_slice()) || added(list) {
            continue;
        }
        reported.push(&list.name);
        let name = String::from_utf8_lossy(&list.name);
        let option = if list.name == b"DEFAULT" { String::new() } else { format!(" --name {name}") };
        let diagnostic = Diagnostic::error(
            codes::RECENT_NEVER_SET,
            placed.span,
            format!("list `{name}` is checked but nothing ever adds to it"),
        )
        .help(format!(
            "add `-m recent --set{option}` before the check; names must be equal (the default name is DEFAULT)"
        ));
        out.push(Finding::about(diagnostic, cx.model, *id));
    }
}
