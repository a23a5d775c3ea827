//! By hand.

use rfw_nft::Family;
use rfw_space::{
    Action, Base, Budget, Chain, ChainId, Condition, Dead, Hook, Interest, Key, Kind, NEW, Program, Rule,
    RuleId, Set, Space, Table, interface,
};

fn program(chains: Vec<(Option<bool>, Vec<Rule>)>) -> Program {
    let chains = chains.into_iter().enumerate().map(|(at, (accepts, rules))| Chain {
        name: format!("c{at}"),
        base: accepts.map(|accepts| Base { hook: Hook::Input, accepts }),
        external: false,
        rules,
    });
    let tables = vec![Table { kind: Kind::Filter, chains: chains.collect() }];
    Program { family: Family::Ipv4, tables, atoms: Vec::new() }
}

fn space(chains: Vec<(Option<bool>, Vec<Rule>)>) -> Space {
    Space::new(program(chains), &Interest::default(), Budget::default())
}

const fn rule(chain: usize, rule: usize) -> RuleId {
    RuleId { table: 0, chain, rule }
}

fn ssh() -> Condition {
    Condition::always().with(Key::Protocol, Set::one(6)).with(Key::DestinationPort, Set::one(22))
}

fn net(address: u128, bits: u32) -> Set {
    Set::range(address, address | ((1 << (32 - bits)) - 1))
}

#[test]
fn two_rules_cover_a_third() {
    let ten = |bits, address| ssh().with(Key::Source, net(address, bits));
    let space = space(vec![(
        Some(false),
        vec![
            Rule::new(Condition::always().with(Key::Iif, interface("lo")), Action::Accept),
            Rule::new(ten(9, 0x0a00_0000), Action::Drop),
            Rule::new(ten(9, 0x0a80_0000), Action::Drop),
            Rule::new(ten(8, 0x0a00_0000), Action::Accept),
            Rule::new(ssh(), Action::Drop),
        ],
    )]);
    assert_eq!(space.all_dead(), [rule(0, 3)]);
    assert_eq!(space.dead(rule(0, 3)), Some(Dead::Here));
    assert_eq!(space.covers(rule(0, 3)).unwrap().rules, [rule(0, 1), rule(0, 2)]);
    // The policy drops what the last rule drops.
    assert!(space.is_redundant(rule(0, 4)).unwrap());
    assert!(!space.is_redundant(rule(0, 0)).unwrap());
    let input = ChainId { table: 0, chain: 0 };
    let new = space.and(space.state(&[NEW]), space.service(6, &Set::one(22)));
    let outside = space.minus(new, space.incoming("lo"));
    assert!(!space.may_accept(input, outside).unwrap());
    let packet = space.witness(space.surely_dropped(input, outside)).unwrap().unwrap();
    assert_eq!(packet.to_string(), "tcp 203.0.113.7:40000 -> 192.0.2.10:22 in eth0, NEW");
    let lo = space.and(new, space.incoming("lo"));
    assert!(space.must_accept(input, lo).unwrap());
    let packet = space.witness(space.surely_accepted(input, lo)).unwrap().unwrap();
    assert_eq!(packet.to_string(), "tcp 127.0.0.1:40000 -> 127.0.0.1:22 in lo, NEW");
}

#[test]
fn callers_cover_the_rules_of_a_chain() {
    let space = space(vec![
        (
            Some(false),
            vec![Rule::new(ssh(), Action::Accept), Rule::new(Condition::always(), Action::Jump(1))],
        ),
        (None, vec![Rule::new(ssh(), Action::Drop), Rule::new(Condition::always(), Action::Accept)]),
    ]);
    assert_eq!(space.dead(rule(1, 0)), Some(Dead::Elsewhere));
    let covers = space.covers(rule(1, 0)).unwrap();
    assert_eq!((covers.rules.as_slice(), covers.excluded), (&[rule(0, 0)][..], false));
    assert_eq!(space.dead(rule(1, 1)), None);
}

#[test]
fn a_block_list_is_one_set() {
    let from = |n: u128| Condition::always().with(Key::Source, Set::one(n));
    let mut rules: Vec<Rule> = (0..500).map(|n| Rule::new(from(n * 3), Action::Drop)).collect();
    rules.insert(300, Rule::new(from(150), Action::Drop));
    rules.push(Rule::new(from(900), Action::Accept));
    rules.push(Rule::new(from(901), Action::Accept));
    let space = space(vec![(Some(false), rules)]);
    assert!(space.is_grouped(rule(0, 10)) && !space.is_grouped(rule(0, 501)));
    assert_eq!(space.all_dead(), [rule(0, 300), rule(0, 501)]);
    assert_eq!(space.covers(rule(0, 300)).unwrap().rules, [rule(0, 50)]);
    assert_eq!(space.covers(rule(0, 501)).unwrap().rules, [rule(0, 301)]);
}

#[test]
fn a_budget_ends() {
    let program = program(vec![(
        Some(false),
        (0..200u128)
            .map(|n| {
                let c = Condition::always().with(Key::Source, Set::range(n * 7 % 97, n * 13 % 997 + 100));
                Rule::new(c.with(Key::DestinationPort, Set::range(n, n + 50)), Action::Drop)
            })
            .collect(),
    )]);
    let space = Space::new(program, &Interest::default(), Budget { nodes: 1 << 20, steps: 500 });
    assert!(space.is_incomplete() && space.all_dead().is_empty());
    assert!(space.is_empty(space.all()).is_err());
}
