//! The laws for rules put together at random from the parts of all fixtures.

use proptest::prelude::*;
use proptest::sample::Index;

use rfw_compiler::{Rule, RuleTarget};
use rfw_extensions::{Match, Selector};
use rfw_nft::Family;
use rfw_syntax::Mode;
use rfw_testing::fixture::line::Place;
use rfw_testing::fixture::{RuleFile, build_line, load};
use rfw_testing::laws::{broken, printed};
use rfw_testing::names::FixedNames;

/// A part of a rule and the protocol that the rule was for.
struct Part<T> {
    value: T,
    protocol: Option<(u8, bool)>,
}

/// Where a rule may go.
struct Goal {
    target: RuleTarget,
    table: String,
}

/// The parts of all accepted rules of a family.
struct Pool {
    family: Family,
    names: FixedNames,
    selectors: Vec<Selector>,
    matches: Vec<Part<Match>>,
    goals: Vec<Part<Goal>>,
    chains: Vec<(String, Vec<u8>)>,
}

impl Pool {
    fn new(family: Family) -> Self {
        let fixtures = load().expect("fixtures");
        let files: Vec<&RuleFile> =
            fixtures.iter().flat_map(|f| &f.accept).filter(|f| f.family == family).collect();
        // A set has its number from its file; there is one numbering here.
        let mut sets: Vec<String> = files.iter().flat_map(|f| f.sets()).collect();
        sets.sort();
        sets.dedup();
        let names = FixedNames::new(&sets);
        let mut pool = Self {
            family,
            names,
            selectors: Vec::new(),
            matches: Vec::new(),
            goals: Vec::new(),
            chains: files.iter().flat_map(|f| f.chains.clone()).collect(),
        };
        for file in files {
            pool.add(file);
        }
        pool
    }

    fn chains_of(&self, table: &str) -> Vec<&[u8]> {
        self.chains.iter().filter(|(t, _)| t == table).map(|(_, c)| c.as_slice()).collect()
    }

    fn add(&mut self, file: &RuleFile) {
        for line in &file.lines {
            let chains = self.chains_of(&line.table);
            let place = Place {
                family: self.family,
                table: &line.table,
                chains: &chains,
                names: &self.names,
                mode: Mode::Restore,
            };
            let Ok(built) = build_line(&line.text, &place) else { continue };
            for rule in built.rules {
                let protocol = rule.selector.protocol_pair();
                self.matches.extend(rule.matches.into_iter().map(|value| Part { value, protocol }));
                let goal = Goal { target: rule.target, table: line.table.clone() };
                self.goals.push(Part { value: goal, protocol });
                self.selectors.push(rule.selector);
            }
        }
    }

    /// A rule of parts that agree on the protocol, and its table; it may still be one that rfw refuses.
    fn assemble(&self, choice: &Choice) -> (Rule, &str) {
        let goal = choice.goal.get(&self.goals);
        let [addresses, others] = choice.selectors.each_ref().map(|at| at.get(&self.selectors));
        let mut protocol = goal.protocol;
        let mut matches = Vec::new();
        for at in &choice.matches {
            let part = at.get(&self.matches);
            if protocol.is_none() || part.protocol.is_none() || part.protocol == protocol {
                protocol = protocol.or(part.protocol);
                matches.push(part.value.clone());
            }
        }
        let own = |s: &Selector| s.protocol_pair() == protocol;
        let carrier = self.selectors.iter().find(|s| own(s));
        let selector = Selector {
            protocol: carrier.and_then(|s| s.protocol.clone()),
            source: addresses.source.clone(),
            destination: addresses.destination.clone(),
            ..others.clone()
        };
        (Rule { selector, matches, target: goal.value.target.clone() }, &goal.value.table)
    }
}

/// Indices into a pool.
#[derive(Clone, Debug)]
struct Choice {
    goal: Index,
    selectors: [Index; 2],
    matches: Vec<Index>,
}

fn choice() -> impl Strategy<Value = Choice> {
    let index = any::<Index>;
    (index(), [index(), index()], proptest::collection::vec(index(), 0..5))
        .prop_map(|(goal, selectors, matches)| Choice { goal, selectors, matches })
}

fn check(family: Family) {
    let pool = Pool::new(family);
    assert!(pool.matches.len() > 50 && pool.goals.len() > 50, "a small pool");
    // Every refused combination counts against `max_global_rejects`, so that most must be rules.
    let config =
        ProptestConfig { cases: 1500, max_global_rejects: 1500, failure_persistence: None, ..<_>::default() };
    proptest!(config, |(choice in choice())| {
        let (rule, table) = pool.assemble(&choice);
        let chains = pool.chains_of(table);
        let place = Place { family, table, chains: &chains, names: &pool.names, mode: Mode::Restore };
        let text = printed(&rule, b"chain", &place);
        let built = build_line(&text, &place);
        prop_assume!(built.is_ok());
        for rule in built.into_iter().flat_map(|built| built.rules) {
            let faults = broken(&rule, b"chain", &place);
            prop_assert!(faults.is_empty(), "{}\n{}", String::from_utf8_lossy(&text), faults.join("\n"));
        }
    });
}

#[test]
fn rules_of_ipv4() {
    check(Family::Ipv4);
}

#[test]
fn rules_of_ipv6() {
    check(Family::Ipv6);
}
