//! A ruleset with places as a program of the analysis.

use std::collections::{BTreeSet, HashMap};

use rfw_nft::Family;
use rfw_nft::expr::{Expr, ct, meta};
use rfw_nft::predicate::{Field, Item, Op, Place, Value};
use rfw_space::{
    Action, Assign, Atom, Base, Chain, Condition, Hook, Key, Kind, Literal, Program, Rule, Set, Table,
    Translation,
};

use super::ipset::Sets;
use super::routing;
use crate::conditions::{Conditions, Outcome};
use crate::facts::Facts;
use crate::fields::number;
use crate::model::{Model, Placed, Policy};

/// The program of a ruleset; tables that iptables has not are left out.
#[must_use]
pub fn program(model: &Model, facts: &Facts) -> Program {
    let mut made = Program::new(model.family);
    let mut world = World {
        family: model.family,
        atoms: Atoms::default(),
        sets: Sets::of(model, facts),
        own: routing::own(model, facts),
        leaves: false,
    };
    for table in &model.tables {
        // All names in a model are those of iptables' tables.
        let kind = Kind::named(table.name).unwrap_or(Kind::Filter);
        let leaving = leaving(table);
        let chains = table.chains.iter().enumerate().map(|(at, chain)| {
            world.leaves = leaving.contains(&at);
            let accepts = chain.policy.map(|p| p == Policy::Accept);
            let base = Hook::named(&chain.name).zip(accepts).map(|(hook, accepts)| Base { hook, accepts });
            Chain {
                name: chain.shown(),
                base,
                external: chain.is_external() && base.is_none(),
                rules: chain.rules.iter().map(|r| rule(r, table, &mut world)).collect(),
            }
        });
        made.tables.push(Table { kind, chains: chains.collect() });
    }
    made.atoms = world.atoms.all;
    made.routing = routing::routing(model, facts);
    made
}

/// What rules are put into words with.
struct World<'f> {
    family: Family,
    atoms: Atoms,
    sets: Sets<'f>,
    /// The host's own addresses, if all are known.
    own: Option<Set>,
    /// POSTROUTING leads to the chain.
    leaves: bool,
}

/// The chains that POSTROUTING leads to.
fn leaving(table: &crate::model::Table) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open: Vec<usize> = table.position(b"POSTROUTING").into_iter().collect();
    while let Some(at) = open.pop() {
        if found.insert(at) {
            let rules = table.chains.get(at).into_iter().flat_map(|chain| &chain.rules);
            open.extend(rules.filter_map(|rule| table.position(rule.mentions.as_deref()?)));
        }
    }
    found
}

/// Questions of unknown meaning, each once.
#[derive(Default)]
struct Atoms {
    all: Vec<Atom>,
    index: HashMap<String, usize>,
}

impl Atoms {
    /// The question of an item; `words` are those of its match. A match with one option asks the opposite with a `!`.
    fn of(&mut self, item: &Item, words: &str) -> Literal {
        let single = words.matches(" --").count() == 1;
        let negated = single && words.contains(" ! --");
        // Items have no order and no hash; their text tells them apart.
        let text = if single { words.replacen(" ! --", " --", 1) } else { format!("{item:?}") };
        let next = self.all.len();
        let atom = *self.index.entry(text).or_insert_with_key(|text| {
            let shown = if words.is_empty() {
                String::new()
            } else {
                format!("-m {}", if single { text } else { words })
            };
            self.all.push(Atom { item: item.clone(), text: shown });
            next
        });
        Literal::Atom { atom, negated }
    }
}

fn rule(placed: &Placed, table: &crate::model::Table, world: &mut World<'_>) -> Rule {
    let asked = &placed.conditions;
    let World { family, atoms, sets, own, leaves } = world;
    let family = *family;
    let mut condition = Condition { clauses: Vec::new(), chance: asked.is_limited() };
    for (key, set) in asked.sets() {
        condition.add(vec![Literal::In(key.clone(), set.clone())]);
    }
    for masked in asked.masked() {
        condition.add(vec![Literal::Bits(masked.clone())]);
    }
    for (at, (item, words)) in asked.opaque().enumerate() {
        let mut own = || rfw_space::literal(item, family).unwrap_or_else(|| atoms.of(item, words));
        match asked.lookup(at).and_then(|lookup| sets.clauses(lookup, *leaves, &mut own)) {
            Some(clauses) => condition.clauses.extend(clauses),
            None => condition.add(vec![own()]),
        }
    }
    let chain = |name: &[u8], make: fn(usize) -> Action| table.position(name).map_or(Action::Unknown, make);
    let action = match &asked.outcome {
        Outcome::Continue => Action::Continue,
        Outcome::Accept => Action::Accept,
        Outcome::Drop if asked.effects().is_empty() => Action::Drop,
        Outcome::Drop => Action::Reject,
        Outcome::Return => Action::Return,
        Outcome::Jump(name) => chain(name, Action::Jump),
        Outcome::Goto(name) => chain(name, Action::Goto),
        Outcome::Ends => Action::Either,
        Outcome::Unknown => Action::Unknown,
    };
    let ends = matches!(action, Action::Accept | Action::Drop | Action::Reject | Action::Either);
    Rule {
        condition,
        assigns: if ends { Vec::new() } else { assigns(asked, family) },
        action,
        translation: asked.effects().iter().find_map(|item| {
            let given = translation(item)?;
            // What has no address of its own takes one of the host's.
            let own = own.as_ref().filter(|_| !matches!(item, Item::Nat { .. }));
            Some(Translation { addresses: given.addresses.or_else(|| own.cloned()), ..given })
        }),
        untracks: asked.effects().iter().any(|item| matches!(item, Item::Plain(Expr::Notrack))),
        effect: asked.logs || asked.rewrites || !asked.lists.is_empty(),
    }
}

/// What a rule that goes on changes.
fn assigns(asked: &Conditions, family: Family) -> Vec<Assign> {
    if !asked.rewrites {
        return Vec::new();
    }
    let mut known = true;
    let mut found = Vec::new();
    for item in asked.effects() {
        match item {
            Item::Set { place, value } => found.push(assign(place, value, family)),
            Item::Plain(Expr::Notrack | Expr::Counter { .. }) => {}
            _ => known = false,
        }
    }
    if known && !asked.effects().is_empty() { found } else { vec![Assign::ForgetAll] }
}

fn assign(place: &Place, value: &Value, _: Family) -> Assign {
    let (key, own) = match place {
        Place::Meta(meta::MARK) => (Key::Mark, Field::Meta(meta::MARK)),
        Place::Ct { key: ct::MARK, dir: None } => {
            (Key::ConnectionMark, Field::Ct { key: ct::MARK, dir: None })
        }
        place => return Assign::Forget(rfw_space::field::written(place)),
    };
    let word = |bytes: &[u8]| bytes.try_into().map(|b| u128::from(u32::from_ne_bytes(b))).ok();
    if let Some(bytes) = value.constant().and_then(word) {
        return Assign::Bits { key, keep: 0, value: bytes };
    }
    if let (true, [Op::MaskXor { mask, xor }]) = (value.field == own, value.ops.as_slice())
        && let (Some(keep), Some(value)) = (word(mask), word(xor))
    {
        return Assign::Bits { key, keep, value };
    }
    Assign::Forget(key)
}

/// What address translation gives.
pub(crate) fn translation(item: &Item) -> Option<Translation> {
    let ports =
        |low: &Option<Value>, high: &Option<Value>| low.as_ref().map(|low| constants(low, high.as_ref()));
    Some(match item {
        Item::Nat { kind, addr_min, addr_max, proto_min, proto_max, .. } => Translation {
            destination: *kind == 1,
            addresses: addr_min.as_ref().and_then(|low| constants(low, addr_max.as_ref())),
            ports: ports(proto_min, proto_max).flatten(),
        },
        Item::Masq { proto_min, proto_max, .. } => {
            Translation { destination: false, addresses: None, ports: ports(proto_min, proto_max).flatten() }
        }
        Item::Redir { proto_min, proto_max, .. } => {
            Translation { destination: true, addresses: None, ports: ports(proto_min, proto_max).flatten() }
        }
        _ => return None,
    })
}

fn constants(low: &Value, high: Option<&Value>) -> Option<Set> {
    let from = number(low.constant()?)?;
    let to = match high {
        Some(high) => number(high.constant()?)?,
        None => from,
    };
    Some(Set::range(from, to))
}
