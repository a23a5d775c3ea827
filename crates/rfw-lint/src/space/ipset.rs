//! What the configuration says is in ipsets, as sets of packets.
//!
//! A look into a set becomes exactly the packets that the kernel would find there (`net/netfilter/ipset`), or nothing is known
//! of it: a set whose type, options or elements are not understood to the last word stays a question that only its text is
//! known of. So does one without elements, which something fills later, and one that rules add to or delete from.
//! An element with a timeout may be gone: what only it matches, and what only it keeps from matching, is open.

mod element;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rfw_nft::Family;
use rfw_space::{Key, Literal, Set};

use crate::conditions::Lookup;
use crate::facts::{Facts, IpSet};
use crate::model::Model;
use element::{Element, Kind, Part};

/// The sets whose elements are known.
pub(super) struct Sets<'f> {
    family: Family,
    known: BTreeMap<&'f str, Parsed<'f>>,
}

/// A set that was understood.
enum Parsed<'f> {
    Elements {
        kind: Kind,
        elements: Vec<Element>,
    },
    /// Of other sets.
    List(Vec<&'f str>),
}

/// Parts of a packet that have to be in these sets.
type Boxes = Vec<Vec<(Key, Set)>>;

/// Packets that are found for sure, and that may be found.
#[derive(Default)]
struct Found {
    must: Boxes,
    may: Boxes,
    /// Some elements may be gone.
    open: bool,
}

impl Found {
    /// Whether it is about incoming interfaces. Linux knows them at POSTROUTING since 5.7, `-i` is not for there all the same.
    fn asks_incoming(&self) -> bool {
        self.may.iter().chain(&self.must).flatten().any(|(key, _)| *key == Key::Iif)
    }
}

impl<'f> Sets<'f> {
    /// Of what a ruleset may look into.
    pub(super) fn of(model: &Model, facts: &'f Facts) -> Self {
        let mut found = Self { family: model.family, known: BTreeMap::new() };
        let Some(sets) = facts.ipsets.as_ref().filter(|sets| !sets.is_empty()) else { return found };
        let filled: BTreeSet<&str> = model
            .rules()
            .flat_map(|(_, rule)| rule.facts().flat_map(|facts| facts.fills).flatten().collect::<Vec<_>>())
            .collect();
        let known = sets.iter().filter(|(name, set)| set.complete && !filled.contains(name.as_str()));
        found.known =
            known.filter_map(|(name, set)| Some((name.as_str(), parsed(set, model.family)?))).collect();
        found
    }

    /// Whether the elements of a set are known.
    pub(super) fn answers(&self, lookup: &Lookup) -> bool {
        self.find(lookup).is_some()
    }

    /// The clauses that say what a lookup asks, in a chain that POSTROUTING leads to or in another; `own` is the literal for it as a whole, where some of it is open.
    pub(super) fn clauses(
        &self,
        lookup: &Lookup,
        leaves: bool,
        own: &mut dyn FnMut() -> Literal,
    ) -> Option<Vec<Vec<Literal>>> {
        let found = self.find(lookup).filter(|found| !leaves || !found.asks_incoming())?;
        let (must, may) = (literal(found.must), literal(found.may));
        Some(match (lookup.inverted, found.open) {
            (false, false) => vec![vec![may]],
            (true, false) => vec![vec![self.not(may)]],
            (false, true) => vec![vec![may], vec![must, own()]],
            (true, true) => vec![vec![self.not(must)], vec![self.not(may), own()]],
        })
    }

    fn not(&self, literal: Literal) -> Literal {
        match literal {
            Literal::In(key, set) => {
                let limit = key.limit(self.family);
                Literal::In(key, set.complement(limit))
            }
            Literal::Boxes { boxes, negated } => Literal::Boxes { boxes, negated: !negated },
            other => other,
        }
    }

    /// What a lookup finds, not inverted.
    fn find(&self, lookup: &Lookup) -> Option<Found> {
        let mut found = Found::default();
        match self.known.get(lookup.name.as_str())? {
            Parsed::Elements { kind, elements } => look(*kind, elements, lookup, &mut found)?,
            Parsed::List(names) => {
                for name in names {
                    let Parsed::Elements { kind, elements } = self.known.get(name)? else { return None };
                    look(*kind, elements, lookup, &mut found)?;
                }
            }
        }
        Some(found)
    }
}

/// Whether a ruleset looks into a set whose elements are known.
pub(super) fn is_asked(model: &Model, facts: &Facts) -> bool {
    let sets = Sets::of(model, facts);
    !sets.known.is_empty()
        && model.rules().any(|(_, rule)| rule.conditions.lookups().any(|lookup| sets.answers(lookup)))
}

fn parsed(set: &IpSet, family: Family) -> Option<Parsed<'_>> {
    if set.entries.is_empty() {
        return None;
    }
    if set.kind == "list:set" {
        let word = |entry: &'_ String| -> Option<usize> { (!entry.contains(' ')).then_some(entry.len()) };
        let names = set.entries.iter().map(|entry| word(entry).map(|_| entry.as_str()));
        return Some(Parsed::List(names.collect::<Option<_>>()?));
    }
    let kind = Kind::of(set)?;
    if kind.has_family() && set.family.unwrap_or(Family::Ipv4) != family {
        return None;
    }
    let elements = set.entries.iter().map(|entry| Element::parse(entry, &kind, family));
    let elements = elements.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
    Some(Parsed::Elements { kind, elements })
}

/// Elements that differ in their network only, by the length of its prefix: the longest one decides.
#[derive(Default)]
struct Layer {
    /// Intervals that match: those that stay, and those that may go.
    adds: [Vec<(u128, u128)>; 2],
    /// Intervals that don't.
    excepts: [Vec<(u128, u128)>; 2],
    /// Networks of other interfaces, which keep the kernel from looking for a shorter prefix.
    blocks: Vec<(u128, u128)>,
}

/// By what elements have in common: the field of the network, and its intervals by the length of the prefix.
type Groups = HashMap<Vec<(Key, Set)>, (Key, BTreeMap<u32, Layer>)>;

/// Has the networks of each group end the search in all others.
fn block(groups: &mut Groups) {
    let mut all: BTreeMap<u32, Vec<(u128, u128)>> = BTreeMap::new();
    for (prefix, layer) in groups.values().flat_map(|(_, layers)| layers) {
        let intervals = layer.adds.iter().chain(&layer.excepts).flatten();
        all.entry(*prefix).or_default().extend(intervals);
    }
    for (_, layers) in groups.values_mut() {
        for (prefix, networks) in &all {
            layers.entry(*prefix).or_default().blocks.clone_from(networks);
        }
    }
}

/// Adds the packets that the elements of one set match.
fn look(kind: Kind, elements: &[Element], lookup: &Lookup, found: &mut Found) -> Option<()> {
    // The kernel finds nothing if fewer parts are looked up than the set has.
    if usize::from(lookup.dimensions) < kind.parts().len() {
        return Some(());
    }
    // Of networks with an interface the longest prefix decides whatever the interface is, also while it has yet to expire.
    let shared = kind.parts().contains(&Part::Interface);
    if shared && elements.iter().any(|e| e.timed) {
        return None;
    }
    let excepts = shared || elements.iter().any(|e| e.nomatch);
    let networks = kind.parts().iter().filter(|part| **part == Part::Network).count();
    let first = kind.parts().iter().position(|part| *part == Part::Network).unwrap_or(0);
    // Which of two networks is the longer prefix is a question for one network only.
    if excepts && networks != 1 {
        return None;
    }
    let swapped = lookup.exceptions && networks > 0;
    let mut groups = Groups::new();
    let mut order = Vec::new();
    for element in elements {
        let Some((key, own, rest)) = element.fields(kind, lookup, first, excepts) else { continue };
        if excepts && rest.iter().any(|(key, set)| !is_point(key, set)) {
            return None;
        }
        let layers = groups.entry(rest.clone()).or_insert_with(|| {
            order.push(rest);
            (key, BTreeMap::new())
        });
        let layer = layers.1.entry(if excepts { element.prefix(first) } else { 0 }).or_default();
        let side = if element.nomatch != swapped { &mut layer.excepts } else { &mut layer.adds };
        side[usize::from(element.timed)].extend(own.intervals());
        found.open |= element.timed;
    }
    if shared {
        block(&mut groups);
    }
    for rest in order {
        let Some((key, layers)) = groups.remove(&rest) else { continue };
        let (must, may) = decided(layers, key.limit(Family::Ipv6));
        for (boxes, set) in [(&mut found.must, must), (&mut found.may, may)] {
            let mut parts = vec![(key.clone(), set)];
            parts.extend(rest.iter().cloned());
            boxes.extend(parts.iter().all(|(_, set)| !set.is_empty()).then_some(parts));
        }
    }
    Some(())
}

/// What is matched for sure and what may be, from the shortest prefix to the longest.
fn decided(layers: BTreeMap<u32, Layer>, max: u128) -> (Set, Set) {
    let (mut must, mut may) = (Set::default(), Set::default());
    for layer in layers.into_values() {
        let [stays, goes] = layer.adds.map(Set::union);
        let [excepts, once] = layer.excepts.map(Set::union);
        let less = |all: &Set, part: &Set| {
            if part.is_empty() { all.clone() } else { all.meet(&part.complement(max)) }
        };
        let blocks = Set::union(layer.blocks);
        (must, may) = (less(&must, &blocks), less(&may, &blocks));
        may = less(&may.join(&stays).join(&goes), &excepts);
        must = less(&less(&must.join(&stays), &excepts), &once);
    }
    (must, may)
}

/// Two different ones have nothing in common.
fn is_point(key: &Key, set: &Set) -> bool {
    matches!(key, Key::Iif | Key::Oif) || set.single().is_some()
}

/// That a packet is in one of some boxes.
fn literal(boxes: Boxes) -> Literal {
    let only = match boxes.first().map(Vec::as_slice) {
        Some([(key, _)]) => Some(key.clone()),
        Some(_) => None,
        None => Some(Key::Source),
    };
    match only.filter(|only| boxes.iter().all(|parts| matches!(parts.as_slice(), [(key, _)] if key == only)))
    {
        Some(key) => {
            Literal::In(key, Set::union(boxes.iter().flatten().flat_map(|(_, set)| set.intervals().to_vec())))
        }
        None => Literal::Boxes { boxes, negated: false },
    }
}
