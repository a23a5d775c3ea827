//! A rule asks for ESTABLISHED or RELATED, and an earlier rule has taken all such packets.
//!
//! **Why.** `NEW,ESTABLISHED` on every service reads as if the service needed it. Behind the general accept of ESTABLISHED it
//! never matches; who later removes that accept finds out which of these lists was meant.
//!
//! **Packet.** tcp to port 443, ESTABLISHED: accepted by the first rule. The second sees the first packet of each connection.
//!
//! Bad:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT
//! ```
//! **Suppress.** Where the rules are kept as they are for the day without a general accept. A list that is the only accept of
//! its packets is not reported.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, ESTABLISHED, Key, Outcome, RELATED};
use crate::model::{Placed, RuleId};
use crate::sets::Set;
use crate::space::{Incomplete, UNTRACKED};
use crate::words;

const NAMES: [(u128, &str); 2] = [(ESTABLISHED, "ESTABLISHED"), (RELATED, "RELATED")];

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for (id, placed) in cx.model.rules() {
        // `nat` sees first packets only, and `raw` none that has a state; each has a check of its own.
        let tracked = cx.model.tables.get(id.table).is_some_and(|t| !matches!(t.name, "nat" | "raw"));
        let listed: Vec<_> = NAMES.into_iter().filter(|(state, _)| lists(&placed.conditions, *state)).collect();
        if tracked && !listed.is_empty() {
            out.extend(look(cx, id, placed, &listed).ok().flatten());
        }
    }
}

/// Whether a rule names a state among others. What is left by a negation names none.
fn lists(rule: &Conditions, state: u128) -> bool {
    let Some(states) = rule.set(&Key::State) else { return false };
    states.contains(state) && states.single().is_none() && !states.contains(UNTRACKED)
}

fn look(
    cx: &Cx<'_>,
    id: RuleId,
    placed: &Placed,
    listed: &[(u128, &'static str)],
) -> Result<Option<Finding>, Incomplete> {
    let space = cx.space();
    if space.is_grouped(id) || space.dead(id).is_some() {
        return Ok(None);
    }
    let (judged, mut never) = (space.judged(id), Vec::new());
    for &(state, name) in listed {
        if !space.overlaps(judged, space.state(&[state]))? {
            never.push((state, name));
        }
    }
    if never.is_empty() || space.is_empty(judged)? {
        return Ok(None);
    }
    let names = never.iter().map(|n| n.1).collect::<Vec<_>>().join(" and ");
    let them = if never.len() == 1 { "it" } else { "them" };
    let taker = taker(cx, id, placed, &never);
    let by = match taker {
        Some((by, placed)) => {
            let verb = if placed.conditions.outcome == Outcome::Accept { "accepts" } else { "takes" };
            format!("{} already {verb} {them}", cx.line(by, placed))
        }
        None => format!("earlier rules already take {them}"),
    };
    let mut found = Diagnostic::new(
        codes::REDUNDANT_ESTABLISHED,
        Severity::Info,
        placed.span,
        format!("{names} can never match here: {by}"),
    );
    if let Some((_, placed)) = taker {
        found = found.also(placed.span, "takes all such packets");
    }
    let words = cx.words(id);
    let word = words::states(&words);
    let left = word.map(|word| {
        let kept = word.text.split(',').filter(|part| never.iter().all(|(_, name)| !part.eq_ignore_ascii_case(name)));
        (word, kept.collect::<Vec<_>>().join(","))
    });
    found = match left.filter(|(_, left)| !left.is_empty()) {
        Some((word, left)) => {
            let help = format!("`{left}` alone says what the rule does");
            found.help(help).fix(word.span, left, FixSafety::Safe)
        }
        None => found.help("leave it out of the list: the rule does the same without"),
    };
    Ok(Some(Finding::about(found, cx.model, id)))
}

/// An earlier rule of the chain that takes all that the rule would match in these states.
fn taker<'a>(
    cx: &Cx<'a>,
    id: RuleId,
    placed: &Placed,
    never: &[(u128, &str)],
) -> Option<(RuleId, &'a Placed)> {
    let mut wanted = placed.conditions.clone();
    wanted.require(Key::State, Set::union(never.iter().map(|n| (n.0, n.0))));
    let before = (0..id.rule).map(|rule| RuleId { rule, ..id });
    before.filter_map(|by| Some((by, cx.model.rule(by)?))).find(|(_, earlier)| {
        let ends = matches!(earlier.conditions.outcome, Outcome::Accept | Outcome::Drop | Outcome::Return | Outcome::Ends);
        ends && wanted.is_within(&earlier.conditions)
    })
}
