//! A rule asks for an interface that packets of its chain don't have.
//!
//! **Why.** On its way to this host a packet has no outgoing interface, and what the host sends has no incoming one. In the
//! base chains themselves iptables refuses such a rule; in a user's chain that is only called from there it loads and never
//! matches, and with `!` it always does.
//!
//! **Packet.** tcp to port 80 by eth0, in a chain that INPUT calls: `-o eth0` is not true of it.
//!
//! Bad:
//! ```text
//! -A INPUT -j WEB
//! -A WEB -o eth0 -p tcp --dport 80 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -j WEB
//! -A WEB -i eth0 -p tcp --dport 80 -j ACCEPT
//! ```
//! **Suppress.** Where another chain will call this one too.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Key;
use crate::model::Placed;
use crate::space::Hook;

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, placed) in cx.model.rules() {
        let asks = |key: &Key| placed.conditions.set(key);
        if asks(&Key::Iif).is_none() && asks(&Key::Oif).is_none() {
            continue;
        }
        let table = &cx.model.tables[id.table];
        let chain = &table.chains[id.chain];
        if chain.policy.is_some() {
            continue;
        }
        let hooks = table.hooks_of(id.chain);
        let kinds = || hooks.iter().filter_map(|&at| Hook::named(&table.chains[at].name));
        for (key, words, short, has) in [
            (Key::Iif, ["-i", "--in-interface"], "-o", Hook::has_iif as fn(Hook) -> bool),
            (Key::Oif, ["-o", "--out-interface"], "-i", Hook::has_oif),
        ] {
            let Some(set) = asks(&key) else { continue };
            if kinds().next().is_none() || kinds().any(has) {
                continue;
            }
            let always = set.contains(0);
            let (option, shown) = written(cx, placed, words);
            let names: Vec<String> = hooks.iter().map(|&at| table.chains[at].shown()).collect();
            let from = format!("chain {} is only reached from {}", chain.shown(), names.join(" and "));
            let says = if always { "is always true" } else { "never matches" };
            let mut found = Diagnostic::new(
                codes::INTERFACE_NEVER_SET,
                Severity::Warn,
                placed.span,
                format!("{shown} {says}: {from}"),
            )
            .help(match always {
                true => "packets have no such interface there: delete the condition",
                false => "iptables rejects this in the base chain itself but not in a user chain",
            });
            let other = if short == "-i" { Key::Iif } else { Key::Oif };
            let has_other = kinds().all(|hook| if short == "-i" { hook.has_iif() } else { hook.has_oif() });
            if let (Some(option), true) = (option, has_other && asks(&other).is_none()) {
                found = found.fix(option, short, FixSafety::Unsafe);
            }
            out.push(Finding::about(found, cx.model, id));
        }
    }
}

/// The option as it is written: its place, and the text of it with its value.
fn written(cx: &Cx<'_>, placed: &Placed, names: [&str; 2]) -> (Option<Span>, String) {
    let text = String::from_utf8_lossy(cx.source.slice(placed.span));
    let mut at = 0;
    let mut words = Vec::new();
    for word in text.split([' ', '\t']) {
        words.push((at, word));
        at += word.len() + 1;
    }
    words.retain(|(_, word)| !word.is_empty());
    let Some(place) = words.iter().position(|(_, word)| names.contains(word)) else {
        return (None, format!("`{}`", names[0]));
    };
    let (start, option) = words[place];
    let not = if place > 0 && words[place - 1].1 == "!" { "! " } else { "" };
    let value = words.get(place + 1).map_or("", |word| word.1);
    let from = usize::try_from(placed.span.start).unwrap_or(0) + start;
    // Bytes that are no text move what follows.
    let exact = text.len() == cx.source.slice(placed.span).len();
    (exact.then(|| Span::new(from, from + option.len())), format!("`{not}{option} {value}`"))
}
