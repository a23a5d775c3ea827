//! Rules that ask and do what an earlier rule of their chain asked and did already.
//!
//! Two rules ask the same if the same packets satisfy them, however it is written, and if their limits and lists are written
//! alike. A copy of a rule that takes all its packets is dead. Where the first leaves packets, as a log or a limit does, the
//! second has its effect once more; it is a copy as long as nothing in between changes what it asks, what it writes, or a list
//! that it uses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::checks::Cx;
use crate::conditions::{Conditions, Outcome};
use crate::model::{Placed, RuleId, Table};
use crate::space::{ChainId, Dead, Incomplete, Region};

/// The copies of a ruleset, each with the first of the rules that it is like.
pub(crate) fn copies(cx: &Cx<'_>) -> BTreeMap<RuleId, RuleId> {
    let mut found = BTreeMap::new();
    for (table, t) in cx.model.tables.iter().enumerate() {
        let writes = Writes::of(t);
        for chain in 0..t.chains.len() {
            // What was found before the budget ran out is true.
            let _ = in_chain(cx, table, chain, &writes, &mut found);
        }
    }
    found
}

fn in_chain(
    cx: &Cx<'_>,
    table: usize,
    chain: usize,
    writes: &Writes<'_>,
    found: &mut BTreeMap<RuleId, RuleId>,
) -> Result<(), Incomplete> {
    let rules = &cx.model.tables[table].chains[chain].rules;
    let changers = writes.changers(&cx.model.tables[table], rules);
    let (mut in_words, mut in_packets) =
        (HashMap::<u64, Vec<usize>>::new(), HashMap::<Region, Vec<usize>>::new());
    for (rule, placed) in rules.iter().enumerate() {
        let (id, own) = (RuleId { table, chain, rule }, &placed.conditions);
        let worded = in_words.entry(own.signature()).or_default();
        let mut like: Vec<usize> = Vec::new();
        like.extend(worded.iter().filter(|&&at| own.is_same(&rules[at].conditions)));
        let alike = asks_what_is_known(cx, id).then(|| in_packets.entry(cx.space().matched(id)).or_default());
        if let Some(alike) = &alike {
            like.extend(alike.iter().filter(|&&at| own.does_the_same(&rules[at].conditions)));
        }
        like.sort_unstable();
        let mut is_new = true;
        for first in like {
            let first = RuleId { rule: first, ..id };
            if is_copy(cx, first, id, &changers, writes)? {
                found.insert(id, first);
                is_new = false;
                break;
            }
        }
        // What is like a copy is like the first of them: a rule that stands there by the thousand costs no square.
        if is_new {
            worded.push(rule);
            alike.into_iter().for_each(|alike| alike.push(rule));
        }
    }
    Ok(())
}

/// Whether the packets that the analysis has for a rule are those that it asks for.
fn asks_what_is_known(cx: &Cx<'_>, id: RuleId) -> bool {
    let space = cx.space();
    let limited = cx.model.rule(id).is_none_or(|placed| placed.conditions.is_limited());
    !space.is_grouped(id) && space.is_by_chance(id) == limited
}

/// Whether a rule that is like an earlier one is no more than that.
fn is_copy(
    cx: &Cx<'_>,
    first: RuleId,
    id: RuleId,
    changers: &[usize],
    writes: &Writes<'_>,
) -> Result<bool, Incomplete> {
    let space = cx.space();
    let takes_all = space.takes(first) == space.matched(first);
    let like = match space.dead(id) {
        Some(Dead::Unsatisfiable) => false,
        // Where nothing enters the chain, what matters is what would become of it.
        Some(Dead::Elsewhere)
            if space.is_empty(space.entry(ChainId { table: id.table, chain: id.chain }))? =>
        {
            true
        }
        Some(_) => takes_all,
        None => !takes_all,
    };
    let from = changers.partition_point(|&at| at <= first.rule);
    let upto = changers.partition_point(|&at| at < id.rule);
    Ok(like && !changed(cx, id, &changers[from..upto], writes)?)
}

/// Whether one of some earlier rules changes what a rule asks, writes or looks up.
fn changed(cx: &Cx<'_>, id: RuleId, by: &[usize], writes: &Writes<'_>) -> Result<bool, Incomplete> {
    let table = &cx.model.tables[id.table];
    let rules = &table.chains[id.chain].rules;
    let (own, space) = (&rules[id.rule].conditions, cx.space());
    let (lasting, lists) = (own.survives_rewrites(table.name), writes.lists(table, own));
    let writing = writes.rewrites(table, own);
    for &at in by {
        let other = &rules[at].conditions;
        if !lists.is_disjoint(&writes.lists(table, other)) {
            return Ok(true);
        }
        if (lasting && !writing) || !writes.rewrites(table, other) {
            continue;
        }
        let other = RuleId { rule: at, ..id };
        if !lasting || space.overlaps(space.matched(other), space.matched(id))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the chains of a table write, those that they call included.
struct Writes<'m> {
    rewrites: Vec<bool>,
    lists: Vec<BTreeSet<&'m [u8]>>,
}

impl<'m> Writes<'m> {
    fn of(table: &'m Table) -> Self {
        let count = table.chains.len();
        let mut found = Self { rewrites: vec![false; count], lists: vec![BTreeSet::new(); count] };
        // Once for each level of calls, which are few.
        let mut more = true;
        while std::mem::take(&mut more) {
            for (at, chain) in table.chains.iter().enumerate() {
                for placed in &chain.rules {
                    let (rewrites, lists) =
                        (found.rewrites(table, &placed.conditions), found.lists(table, &placed.conditions));
                    let known = found.lists[at].len();
                    found.lists[at].extend(lists);
                    more |= found.lists[at].len() > known || rewrites && !found.rewrites[at];
                    found.rewrites[at] |= rewrites;
                }
            }
        }
        found
    }

    /// The rules of a chain that may keep a later one from being a copy.
    fn changers(&self, table: &Table, rules: &'m [Placed]) -> Vec<usize> {
        let changes =
            |rule: &'m Conditions| self.rewrites(table, rule) || !self.lists(table, rule).is_empty();
        rules.iter().enumerate().filter(|(_, placed)| changes(&placed.conditions)).map(|(at, _)| at).collect()
    }

    /// Whether a rule, or a chain it enters, may change what later rules see.
    fn rewrites(&self, table: &Table, rule: &Conditions) -> bool {
        rule.rewrites || callee(table, rule).is_some_and(|to| self.rewrites[to])
    }

    /// The lists of addresses that a rule uses, or a chain it enters.
    fn lists(&self, table: &Table, rule: &'m Conditions) -> BTreeSet<&'m [u8]> {
        let own = rule.lists.iter().map(|list| list.name.as_slice());
        own.chain(callee(table, rule).into_iter().flat_map(|to| self.lists[to].iter().copied())).collect()
    }
}

fn callee(table: &Table, rule: &Conditions) -> Option<usize> {
    match &rule.outcome {
        Outcome::Jump(to) | Outcome::Goto(to) => table.position(to),
        _ => None,
    }
}
