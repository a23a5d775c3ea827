//! Rules that can never match, each with its one cause: which check reports it follows from that.

use std::collections::BTreeMap;

use crate::checks::Cx;
use crate::conditions::{Conditions, Key, Outcome};
use crate::model::RuleId;
use crate::space::{Dead, Hook, Incomplete, Kind};

/// Why a rule can never match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its own conditions exclude each other.
    Unsatisfiable,
    /// An earlier rule of the chain takes every packet.
    CatchAll,
    /// An earlier rule asks and does the same.
    Same,
    /// Earlier rules together leave nothing for this rule and those behind it; this is the first of them.
    Exhausted,
    /// Behind such a rule.
    BehindExhausted,
    /// Nothing enters its chain.
    NothingEnters,
    /// It asks for an interface that no hook that leads here knows, or `nat` for a state that is never seen there.
    NoSuchHook,
    /// No packet that comes here is like that: another was made of it, or no rule sends it.
    NeverSent,
    /// Earlier rules take what it would match: it is a limit, or the half of one that counts.
    Limit,
    /// It only logs.
    Log,
    /// Earlier rules take what it would match.
    Shadowed,
}

/// A rule that can never match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Death {
    pub(crate) cause: Cause,
    /// The rules that take its packets.
    pub(crate) by: Vec<RuleId>,
}

/// All dead rules of a ruleset.
pub(crate) fn deaths(cx: &Cx<'_>) -> BTreeMap<RuleId, Death> {
    let mut found = BTreeMap::new();
    let mut end = None;
    for (id, placed) in cx.model.rules() {
        end = end.filter(|end: &End| (end.at.table, end.at.chain) == (id.table, id.chain));
        let Some(dead) = cx.space().dead(id) else {
            end = end.or_else(|| takes_everything(cx, id).then_some(End { at: id, cause: Cause::CatchAll }));
            continue;
        };
        let Ok(death) = death(cx, id, &placed.conditions, dead, end.as_ref()) else { break };
        if death.cause == Cause::Exhausted {
            end = Some(End { at: id, cause: Cause::BehindExhausted });
        } else if end.is_none() && dead == Dead::Elsewhere && takes_everything(cx, id) {
            end = Some(End { at: id, cause: Cause::CatchAll });
        }
        found.insert(id, death);
    }
    found
}

/// Where a chain ends before its last rule, and why the rules behind it are dead.
struct End {
    at: RuleId,
    cause: Cause,
}

/// Whether a rule takes whatever packet comes to it.
fn takes_everything(cx: &Cx<'_>, id: RuleId) -> bool {
    let space = cx.space();
    space.matched(id) == space.all() && space.takes(id) == space.all() && !space.is_grouped(id)
}

fn death(
    cx: &Cx<'_>,
    id: RuleId,
    rule: &Conditions,
    dead: Dead,
    end: Option<&End>,
) -> Result<Death, Incomplete> {
    let space = cx.space();
    let lone = |cause| Ok(Death { cause, by: Vec::new() });
    if dead == Dead::Unsatisfiable {
        return lone(Cause::Unsatisfiable);
    }
    if let Some(End { at, cause }) = end {
        let by = if *cause == Cause::CatchAll { vec![*at] } else { Vec::new() };
        return Ok(Death { cause: cause.clone(), by });
    }
    if let Some(&first) = cx.copies().get(&id) {
        return Ok(Death { cause: Cause::Same, by: vec![first] });
    }
    let chain = rfw_space::ChainId { table: id.table, chain: id.chain };
    if space.is_empty(space.entry(chain))? {
        return lone(Cause::NothingEnters);
    }
    let covers = space.covers(id)?;
    let hook = [Key::Iif, Key::Oif, Key::State].iter().any(|key| rule.set(key).is_some());
    let cause = if covers.rules.is_empty() {
        if hook && !is_possible(cx, id)? { Cause::NoSuchHook } else { Cause::NeverSent }
    } else if is_limit(rule) && covers.rules.iter().all(|&by| accepts(cx, by)) {
        Cause::Limit
    } else if rule.logs {
        Cause::Log
    } else if dead == Dead::Here && space.is_empty(space.comes_to(id))? {
        Cause::Exhausted
    } else {
        Cause::Shadowed
    };
    Ok(Death { cause, by: covers.rules })
}

/// Whether some hook that leads to a rule can have packets that it matches.
fn is_possible(cx: &Cx<'_>, id: RuleId) -> Result<bool, Incomplete> {
    let (table, space) = (&cx.model.tables[id.table], cx.space());
    let Some(kind) = Kind::named(table.name) else { return Ok(true) };
    let hooks = table.hooks_of(id.chain);
    for hook in hooks.iter().filter_map(|&at| Hook::named(&table.chains[at].name)) {
        if space.overlaps(space.at(kind, hook), space.matched(id))? {
            return Ok(true);
        }
    }
    Ok(hooks.is_empty())
}

/// A rule that slows somebody down, or the half of one that counts.
fn is_limit(rule: &Conditions) -> bool {
    let can_drop = match rule.outcome {
        Outcome::Drop | Outcome::Jump(_) | Outcome::Goto(_) | Outcome::Ends | Outcome::Return => true,
        Outcome::Continue => !rule.lists.is_empty(),
        Outcome::Accept | Outcome::Unknown => false,
    };
    rule.is_limited() && can_drop && !rule.logs
}

fn accepts(cx: &Cx<'_>, id: RuleId) -> bool {
    cx.model.rule(id).is_some_and(|placed| {
        matches!(placed.conditions.outcome, Outcome::Accept | Outcome::Jump(_) | Outcome::Goto(_))
    })
}
