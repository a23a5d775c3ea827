//! Whether two rulesets do the same with every packet.
//!
//! Both are put into one analysis, so that a question of equal text is one question in both. Compared are the fates that every
//! base chain gives, and for rules that do more than judge (they log, mark, translate, refuse with an answer, or ask what may be
//! answered differently for equal packets) which packets they do it to, and in which order. What cannot be told is never called
//! equal.

use std::collections::{BTreeMap, HashMap, HashSet};

use rfw_compiler::{Body, RuleTarget, TableSpec};
use rfw_diagnostics::Span;
use rfw_nft::expr::Expr;
use rfw_nft::predicate::Item;
use rfw_space::{Action, Atom, ChainId, Incomplete, Literal, Program, Region, Space};

use crate::conditions::Outcome;
use crate::facts::Facts;
use crate::fragments;
use crate::model::{Model, Placed, RuleId};
use crate::space::{budget, interest, program};

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// No packet fares otherwise.
    Same,
    /// Some do.
    Different {
        /// One of them, as a person would write it, or what there is instead of one.
        packet: String,
        /// What becomes of it: `was accepted, is dropped`.
        change: String,
    },
    /// It could not be found out; why.
    Unknown(String),
}

/// Questions of chance that are told apart; more would have no variables.
const MOST_CHANCES: usize = 512;

/// A difference between two rulesets: packets that one rule judged and that fare otherwise now, or a deed that is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// One of the packets, or what there is instead of one.
    pub(crate) packet: String,
    /// What becomes of it.
    pub(crate) change: String,
    /// The rule of the first ruleset that it is about.
    pub(crate) by: Option<Span>,
}

/// What two rulesets differ in.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// In the order of tables, not more than were asked for.
    pub(crate) found: Vec<Difference>,
    /// Why there may be more.
    pub(crate) unknown: Option<String>,
}

/// Compares two rulesets of one family.
#[must_use]
pub fn compare(before: &Model, after: &Model, facts: &Facts) -> Comparison {
    let Differences { found, unknown } = differences(before, after, facts, 1);
    match (found.into_iter().next(), unknown) {
        (Some(Difference { packet, change, .. }), _) => Comparison::Different { packet, change },
        (None, Some(why)) => Comparison::Unknown(why),
        (None, None) => Comparison::Same,
    }
}

/// What two rulesets of one family differ in, up to a number of differences.
pub(crate) fn differences(before: &Model, after: &Model, facts: &Facts, most: usize) -> Differences {
    let (mut one, mut other) = (before.clone(), after.clone());
    for (own, names) in [(&mut one, &other_tables(after)), (&mut other, &other_tables(before))] {
        for spec in names.iter().filter_map(|name| TableSpec::named(name.as_bytes())) {
            own.enter(spec);
        }
        own.tables.sort_by_key(|table| table.name);
    }
    let count = one.tables.len();
    let idle: Vec<RuleId> = fragments::dead(&one)
        .into_iter()
        .map(|(id, _)| id)
        .chain(fragments::dead(&other).into_iter().map(|(id, _)| RuleId { table: id.table + count, ..id }))
        .collect();
    let mut both = one;
    both.tables.append(&mut other.tables);
    both.findings.clear();
    let unknown = |why: String| Differences { found: Vec::new(), unknown: Some(why) };
    if let Some(placed) = both.rules().map(|(_, placed)| placed).find(|p| p.body.is_none()) {
        return unknown(format!("the line at byte {} cannot be read", placed.span.start));
    }
    let mut made = program(&both, facts);
    for id in idle {
        // No packet satisfies a choice of nothing.
        made.tables[id.table].chains[id.chain].rules[id.rule].condition.add(Vec::new());
    }
    if let Err(why) = name_chances(&mut made, &both, count) {
        return unknown(why);
    }
    let space = Space::new(made, &interest(&both, facts), budget(facts));
    let mut pair = Pair { model: &both, space: &space, count, most, found: Vec::new() };
    let unknown = match pair.compare() {
        Ok(unknown) => unknown,
        Err(Incomplete) => Some(Incomplete.to_string()),
    };
    Differences { found: pair.found, unknown }
}

fn other_tables(model: &Model) -> Vec<&'static str> {
    model.tables.iter().map(|table| table.name).collect()
}

/// Gives every question of chance a name, the same for the same question in both rulesets: then a difference does not
/// hide behind what might happen anyway.
fn name_chances(made: &mut Program, both: &Model, count: usize) -> Result<(), String> {
    let mut known: HashMap<(usize, usize, Vec<u8>, String), usize> = HashMap::new();
    for (at, table) in made.tables.iter_mut().enumerate() {
        let chains = &both.tables[at].chains;
        let mut chance = false;
        let mut turns: HashMap<(Vec<u8>, String), usize> = HashMap::new();
        for (chain, own) in table.chains.iter_mut().zip(chains) {
            for (rule, placed) in chain.rules.iter_mut().zip(&own.rules) {
                if rule.action == Action::Unknown {
                    return Err(format!("chain {} has a rule whose target is not known", own.shown()));
                }
                if !rule.condition.chance {
                    continue;
                }
                (chance, rule.condition.chance) = (true, false);
                let text = asked(placed);
                let turn = turns.entry((own.name.clone(), text.clone())).or_default();
                *turn += 1;
                let next = made.atoms.len();
                let atom = *known.entry((at % count, *turn, own.name.clone(), text)).or_insert(next);
                if atom == next {
                    made.atoms.push(Atom { item: Item::Plain(Expr::Notrack), text: String::new() });
                }
                rule.condition.add(vec![Literal::Atom { atom, negated: false }]);
            }
        }
        let changes = table.chains.iter().flat_map(|c| &c.rules).any(|rule| !rule.assigns.is_empty());
        if chance && changes {
            return Err(format!("table {} has limits beside changes of packets", both.tables[at].name));
        }
    }
    if known.len() > MOST_CHANCES {
        return Err("there are too many limits".to_owned());
    }
    Ok(())
}

/// What a rule asks, as far as chance, time or lists decide it: all its matches, but for comments.
fn asked(placed: &Placed) -> String {
    match &placed.body {
        Some(Body::Rule(rule)) => {
            let matches = rule.matches.iter().filter(|m| m.name() != "comment");
            matches.map(|m| format!("{m:?}")).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}

/// Two rulesets in one analysis: the tables of the first, then those of the second.
struct Pair<'a> {
    model: &'a Model,
    space: &'a Space,
    count: usize,
    /// Differences that are wanted.
    most: usize,
    found: Vec<Difference>,
}

/// Something that rules do beside judging.
struct Deed {
    chain: String,
    what: String,
    /// The first rule that does it.
    span: Span,
    /// The packets it is done to at least once, at least twice and so on.
    times: Vec<Region>,
}

impl Pair<'_> {
    /// Finds the differences; why there may be more.
    fn compare(&mut self) -> Result<Option<String>, Incomplete> {
        let mut unknown = None;
        for table in 0..self.count {
            if self.is_full() {
                break;
            }
            self.fates(table)?;
            unknown = unknown.or(self.deeds_of_both(table)?);
        }
        Ok(unknown)
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.most
    }

    /// What the base chains accept and drop.
    fn fates(&mut self, table: usize) -> Result<(), Incomplete> {
        let space = self.space;
        let bases = self.model.tables[table].chains.iter().filter(|c| c.policy.is_some());
        for chain in bases {
            let id = |table: usize| -> Option<ChainId> {
                let chain = self.model.tables.get(table)?.position(&chain.name)?;
                Some(ChainId { table, chain })
            };
            let (Some(one), Some(other)) = (id(table), id(table + self.count)) else { continue };
            let here = space.entry(one);
            let (was, is) = (space.and(here, space.dropped(one)), space.and(here, space.dropped(other)));
            let (passed, passes) =
                (space.and(here, space.accepted(one)), space.and(here, space.accepted(other)));
            let kinds = [
                (space.minus(is, was), "was accepted, is dropped"),
                (space.minus(was, is), "was dropped, is accepted"),
                (space.minus(passes, passed), "was dropped for sure, may be accepted"),
                (space.minus(passed, passes), "might be accepted, is dropped for sure"),
            ];
            let mut told = space.none();
            for (region, change) in kinds {
                let change = format!("{change} by {} {}", self.model.tables[table].name, chain.shown());
                self.packets([one, other], space.minus(region, told), &change)?;
                told = space.or(told, region);
            }
        }
        Ok(())
    }

    /// One packet of each rule that judges some of a region.
    fn packets(&mut self, bases: [ChainId; 2], mut region: Region, change: &str) -> Result<(), Incomplete> {
        let space = self.space;
        while !self.is_full() {
            let Some(packet) = space.witness(region)? else { break };
            let judge = |base| {
                space.trace(base, &packet, &mut |_| false).hits.last().copied().filter(|&id| self.judges(id))
            };
            let [now, then] = bases.map(judge);
            let by = now.and_then(|id| self.model.rule(id)).map(|placed| placed.span);
            let judge = now.or(then);
            // Rules of a long list are one for the analysis.
            let listed = judge.is_some_and(|id| space.is_grouped(id));
            let change = format!("{change}{}", if listed { ", and so may others of a list be" } else { "" });
            self.found.push(Difference { packet: packet.to_string(), change, by });
            let Some(id) = judge else { break };
            region = space.minus(region, space.judged(id));
            if space.contains(region, &packet)? {
                break;
            }
        }
        Ok(())
    }

    fn judges(&self, id: RuleId) -> bool {
        let outcome = self.model.rule(id).map(|placed| &placed.conditions.outcome);
        matches!(outcome, Some(Outcome::Accept | Outcome::Drop | Outcome::Ends))
    }

    /// What the rules of a table do besides judging; why that is not known.
    fn deeds_of_both(&mut self, table: usize) -> Result<Option<String>, Incomplete> {
        let name = self.model.tables[table].name;
        let (Some(one), Some(other)) = (self.deeds(table)?, self.deeds(table + self.count)?) else {
            return Ok(Some(format!("table {name} has a long list of rules that do more than judge")));
        };
        fn kinds(deeds: &[Deed]) -> Vec<(&str, &str)> {
            deeds.iter().map(|d| (d.chain.as_str(), d.what.as_str())).collect()
        }
        if kinds(&one) != kinds(&other) {
            let (gone, new) = (without(&one, &other), without(&other, &one));
            if gone.is_empty() && new.is_empty() {
                let change = "rules that do more than judge stand in another order".to_owned();
                self.tell(Difference { packet: format!("table {name}"), change, by: None });
            }
            for (deeds, old) in [(gone, true), (new, false)] {
                for deed in deeds {
                    let packet =
                        self.space.witness(deed.times.first().copied().unwrap_or(self.space.none()))?;
                    let packet = packet.map_or_else(|| format!("table {name}"), |packet| packet.to_string());
                    let verb = if old { "came to" } else { "comes to" };
                    let change = format!(
                        "{verb} a rule of {name} {} that does more than judge, in one of them only",
                        deed.chain
                    );
                    self.tell(Difference { packet, change, by: old.then_some(deed.span) });
                }
            }
            return Ok(None);
        }
        for (was, is) in one.iter().zip(&other) {
            let mut changed = self.space.none();
            for at in 0..was.times.len().max(is.times.len()) {
                let of = |deed: &Deed| deed.times.get(at).copied().unwrap_or(self.space.none());
                let (was, is) = (of(was), of(is));
                changed = self
                    .space
                    .or(changed, self.space.or(self.space.minus(was, is), self.space.minus(is, was)));
            }
            if let Some(packet) = self.space.witness(changed)? {
                let change = format!(
                    "a rule of {name} {} that does more than judge gets it in one of them only",
                    was.chain
                );
                self.tell(Difference { packet: packet.to_string(), change, by: Some(was.span) });
            }
        }
        if self.calls(table) != self.calls(table + self.count) {
            return Ok(Some(format!(
                "chains of table {name} that log, limit or change packets are called more or less often"
            )));
        }
        Ok(None)
    }

    fn tell(&mut self, difference: Difference) {
        if !self.is_full() {
            self.found.push(difference);
        }
    }

    /// The chains that some hook leads to.
    fn live(&self, table: usize) -> Vec<usize> {
        let own = &self.model.tables[table];
        let mut live: Vec<usize> =
            (0..own.chains.len()).filter(|&at| own.chains[at].policy.is_some()).collect();
        let mut seen: HashSet<usize> = live.iter().copied().collect();
        let mut next = 0;
        while let Some(chain) = live.get(next).and_then(|&at| own.chains.get(at)) {
            next += 1;
            let called = chain.rules.iter().filter_map(|p| own.position(p.mentions.as_ref()?));
            live.extend(called.filter(|&to| seen.insert(to)).collect::<Vec<_>>());
        }
        live
    }

    /// All deeds of a table in order; neighbours that are the same are one. `None` where a long list mixes them.
    fn deeds(&self, table: usize) -> Result<Option<Vec<Deed>>, Incomplete> {
        let mut found: Vec<Deed> = Vec::new();
        let mut chains = self.live(table);
        chains.sort_by_key(|&chain| &self.model.tables[table].chains[chain].name);
        for chain in chains {
            let own = &self.model.tables[table].chains[chain];
            let mut list = None;
            for (rule, placed) in own.rules.iter().enumerate() {
                let id = RuleId { table, chain, rule };
                let deed = deed(placed);
                // All rules of a long list have the region of the list: it counts once, and only if they do the same.
                let run = self.space.is_grouped(id).then(|| (self.space.matched(id), deed.clone()));
                match (&run, std::mem::replace(&mut list, run.clone())) {
                    (Some(own), Some(before)) if *own == before => continue,
                    (Some(own), Some(before)) if own.0 == before.0 => return Ok(None),
                    _ => {}
                }
                let Some(deed) = deed else { continue };
                let judged = self.space.judged(id);
                if self.space.is_empty(judged)? {
                    continue;
                }
                match found.last_mut().filter(|last| last.chain == own.shown() && last.what == deed) {
                    Some(last) => self.again(&mut last.times, judged)?,
                    None => found.push(Deed {
                        chain: own.shown(),
                        what: deed,
                        span: placed.span,
                        times: vec![judged],
                    }),
                }
            }
        }
        Ok(Some(found))
    }

    /// Adds packets that a deed is done to once more.
    fn again(&self, times: &mut Vec<Region>, mut more: Region) -> Result<(), Incomplete> {
        for region in times.iter_mut() {
            let both = self.space.and(*region, more);
            *region = self.space.or(*region, more);
            more = both;
        }
        if !self.space.is_empty(more)? {
            times.push(more);
        }
        Ok(())
    }

    /// How often rules that are not dead lead to each chain that does more than judge, itself or by others.
    fn calls(&self, table: usize) -> BTreeMap<Vec<u8>, usize> {
        let own = &self.model.tables[table];
        let goes = |placed: &Placed| placed.mentions.as_ref().and_then(|name| own.position(name));
        let mut busy: HashSet<usize> = HashSet::new();
        for (at, chain) in own.chains.iter().enumerate() {
            let limited = |p: &Placed| p.conditions.is_limited() || deed(p).is_some();
            if chain.is_external() || chain.rules.iter().any(limited) {
                busy.insert(at);
            }
        }
        loop {
            let callers = own.chains.iter().enumerate().filter(|(at, chain)| {
                !busy.contains(at) && chain.rules.iter().any(|p| goes(p).is_some_and(|to| busy.contains(&to)))
            });
            let more: Vec<usize> = callers.map(|(at, _)| at).collect();
            if more.is_empty() {
                break;
            }
            busy.extend(more);
        }
        let mut calls = BTreeMap::new();
        for chain in self.live(table) {
            for (rule, placed) in own.chains[chain].rules.iter().enumerate() {
                let dead = self.space.dead(RuleId { table, chain, rule }).is_some();
                if let Some(to) = goes(placed).filter(|to| !dead && busy.contains(to)) {
                    *calls.entry(own.chains[to].name.clone()).or_insert(0) += 1;
                }
            }
        }
        calls
    }
}

/// The deeds of a list that another has not, or not as often.
fn without<'d>(deeds: &'d [Deed], other: &[Deed]) -> Vec<&'d Deed> {
    let mut left: HashMap<(&str, &str), usize> = HashMap::new();
    for deed in other {
        *left.entry((&deed.chain, &deed.what)).or_default() += 1;
    }
    let mut alone = Vec::new();
    for deed in deeds {
        match left.get_mut(&(deed.chain.as_str(), deed.what.as_str())) {
            Some(count) if *count > 0 => *count -= 1,
            _ => alone.push(deed),
        }
    }
    alone
}

/// What a rule does besides judging: its target if that is an extension, and lists that its matches keep.
fn deed(placed: &Placed) -> Option<String> {
    let rule = match &placed.body {
        Some(Body::Rule(rule)) => rule,
        other => return Some(format!("{other:?}")),
    };
    // Two targets that become the same expressions do the same.
    let effects = placed.conditions.effects();
    let target = match &rule.target {
        RuleTarget::Extension(target) if effects.is_empty() => Some(format!("{target:?}")),
        RuleTarget::Extension(_) => Some(format!("{effects:?} {:?}", placed.conditions.outcome)),
        _ => None,
    };
    let limited = placed.conditions.is_limited() || !placed.conditions.lists.is_empty();
    match (target, limited) {
        (None, false) => None,
        (target, true) => Some(format!("{} {:?} {}", target.unwrap_or_default(), rule.target, asked(placed))),
        (target, false) => target,
    }
}
