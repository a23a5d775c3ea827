//! Rules that can never match, each with its one cause: which check reports it follows from that.

use std::collections::BTreeMap;

use crate::checks::Cx;
use crate::conditions::{Conditions, Key, Outcome};
use crate::coverage::Cover;
use crate::model::RuleId;
use crate::space::{Dead, Incomplete};

/// Why a rule can never match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its own conditions exclude each other.
    Unsatisfiable,
    /// An earlier rule without conditions ends the chain.
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
    let mut exhausted: Option<(usize, usize)> = None;
    for (id, placed) in cx.model.rules() {
        let Some(dead) = cx.space().dead(id) else { continue };
        let behind = exhausted == Some((id.table, id.chain));
        let Ok(death) = death(cx, id, &placed.conditions, dead, behind) else { break };
        if death.cause == Cause::Exhausted {
            exhausted = Some((id.table, id.chain));
        }
        found.insert(id, death);
    }
    found
}

fn death(cx: &Cx<'_>, id: RuleId, rule: &Conditions, dead: Dead, behind: bool) -> Result<Death, Incomplete> {
    let own = |rule| RuleId { rule, ..id };
    let space = cx.space();
    let lone = |cause| Ok(Death { cause, by: Vec::new() });
    if dead == Dead::Unsatisfiable {
        return lone(Cause::Unsatisfiable);
    }
    match cx.coverage.cover(id) {
        Some(Cover::CatchAll(by)) => return Ok(Death { cause: Cause::CatchAll, by: vec![own(by)] }),
        Some(Cover::Same(by)) => return Ok(Death { cause: Cause::Same, by: vec![own(by)] }),
        _ => {}
    }
    let chain = rfw_space::ChainId { table: id.table, chain: id.chain };
    if space.is_empty(space.entry(chain))? {
        return lone(Cause::NothingEnters);
    }
    if behind {
        return lone(Cause::BehindExhausted);
    }
    let covers = space.covers(id)?;
    let hook = [Key::Iif, Key::Oif, Key::State].iter().any(|key| rule.set(key).is_some());
    let cause = if covers.rules.is_empty() {
        if covers.excluded && hook { Cause::NoSuchHook } else { Cause::NeverSent }
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
