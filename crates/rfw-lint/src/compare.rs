//! Whether two rulesets do the same with every packet.
//!
//! Both are put into one analysis, so that a question of equal text is one question in both. Compared are the fates that every
//! base chain gives, and for rules that do more than judge (they log, mark, translate, refuse with an answer, or ask what may be
//! answered differently for equal packets) which packets they do it to, and in which order. What cannot be told is never called
//! equal.

use std::collections::{BTreeMap, HashMap, HashSet};

use rfw_compiler::{Body, RuleTarget, TableSpec};
use rfw_nft::expr::Expr;
use rfw_nft::predicate::Item;
use rfw_space::{Action, Atom, Incomplete, Literal, Program, Region, Space};

use crate::facts::Facts;
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

/// Compares two rulesets of one family.
#[must_use]
pub fn compare(before: &Model, after: &Model, facts: &Facts) -> Comparison {
    let (mut one, mut other) = (before.clone(), after.clone());
    for (own, names) in [(&mut one, &other_tables(after)), (&mut other, &other_tables(before))] {
        for spec in names.iter().filter_map(|name| TableSpec::named(name.as_bytes())) {
            own.enter(spec);
        }
        own.tables.sort_by_key(|table| table.name);
    }
    let count = one.tables.len();
    let mut both = one;
    both.tables.append(&mut other.tables);
    both.findings.clear();
    if let Some(placed) = both.rules().map(|(_, placed)| placed).find(|p| p.body.is_none()) {
        return Comparison::Unknown(format!("the line at byte {} cannot be read", placed.span.start));
    }
    let mut made = program(&both);
    if let Err(why) = name_chances(&mut made, &both, count) {
        return Comparison::Unknown(why);
    }
    let space = Space::new(made, &interest(&both, facts), budget(facts));
    let pair = Pair { model: &both, space: &space, count };
    pair.compare().unwrap_or_else(|Incomplete| Comparison::Unknown(Incomplete.to_string()))
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
}

/// Something that rules do beside judging.
struct Deed {
    chain: String,
    what: String,
    /// The packets it is done to at least once, at least twice and so on.
    times: Vec<Region>,
}

impl Pair<'_> {
    fn compare(&self) -> Result<Comparison, Incomplete> {
        for table in 0..self.count {
            let found = self.fates(table)?;
            if found != Comparison::Same {
                return Ok(found);
            }
            let found = self.deeds_of_both(table)?;
            if found != Comparison::Same {
                return Ok(found);
            }
        }
        Ok(Comparison::Same)
    }

    /// What the base chains accept and drop.
    fn fates(&self, table: usize) -> Result<Comparison, Incomplete> {
        let space = self.space;
        let bases = self.model.tables[table].chains.iter().filter(|c| c.policy.is_some());
        for chain in bases {
            let id = |table: usize| -> Option<rfw_space::ChainId> {
                let chain = self.model.tables.get(table)?.position(&chain.name)?;
                Some(rfw_space::ChainId { table, chain })
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
            for (region, change) in kinds {
                if let Some(packet) = space.witness(region)? {
                    let name = (self.model.tables[table].name, chain.shown());
                    let change = format!("{change} by {} {}", name.0, name.1);
                    return Ok(Comparison::Different { packet: packet.to_string(), change });
                }
            }
        }
        Ok(Comparison::Same)
    }

    fn deeds_of_both(&self, table: usize) -> Result<Comparison, Incomplete> {
        let name = self.model.tables[table].name;
        let (Some(one), Some(other)) = (self.deeds(table)?, self.deeds(table + self.count)?) else {
            return Ok(Comparison::Unknown(format!(
                "table {name} has a long list of rules that do more than judge"
            )));
        };
        let kinds =
            |deeds: &[Deed]| deeds.iter().map(|d| (d.chain.clone(), d.what.clone())).collect::<Vec<_>>();
        if kinds(&one) != kinds(&other) {
            let packet = format!("table {name}");
            let change = "other rules do more than judge, or in another order".to_owned();
            return Ok(Comparison::Different { packet, change });
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
                return Ok(Comparison::Different { packet: packet.to_string(), change });
            }
        }
        if self.calls(table) != self.calls(table + self.count) {
            return Ok(Comparison::Unknown(format!(
                "chains of table {name} that log, limit or change packets are called more or less often"
            )));
        }
        Ok(Comparison::Same)
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
                    None => found.push(Deed { chain: own.shown(), what: deed, times: vec![judged] }),
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
