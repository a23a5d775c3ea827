//! By hand.

use rfw_nft::Family;
use rfw_space::{
    Action, Base, Budget, Chain, ChainId, Condition, Dead, ESTABLISHED, Hook, Interest, Key, Kind, NEW,
    Program, Rule, RuleId, Set, Space, Table, Translation, interface,
};

fn program(chains: Vec<(Option<bool>, Vec<Rule>)>) -> Program {
    let chains = chains.into_iter().enumerate().map(|(at, (accepts, rules))| Chain {
        name: format!("c{at}"),
        base: accepts.map(|accepts| Base { hook: Hook::Input, accepts }),
        external: false,
        rules,
    });
    let tables = vec![Table { kind: Kind::Filter, chains: chains.collect() }];
    Program { tables, ..Program::new(Family::Ipv4) }
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
fn callers_that_meet_are_asked_for_all_packets() {
    let to = |low, high| Condition::always().with(Key::DestinationPort, Set::range(low, high));
    let space = space(vec![
        (
            Some(false),
            vec![
                Rule::new(to(0, 9), Action::Accept),
                Rule::new(to(10, 65535), Action::Accept),
                Rule::new(Condition::always(), Action::Jump(1)),
            ],
        ),
        (None, vec![Rule::new(to(4, 4), Action::Jump(2)), Rule::new(Condition::always(), Action::Jump(2))]),
        (None, vec![Rule::new(Condition::always(), Action::Accept)]),
    ]);
    assert_eq!(space.covers(rule(2, 0)).unwrap().rules, [rule(0, 0), rule(0, 1)]);
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

/// A router: raw drops one source, nat forwards a port, filter lets it through.
fn router() -> Program {
    let base = |hook, accepts, rules| Chain {
        name: format!("{hook:?}"),
        base: Some(Base { hook, accepts }),
        external: false,
        rules,
    };
    let tcp = |port| {
        Condition::always().with(Key::Protocol, Set::one(6)).with(Key::DestinationPort, Set::one(port))
    };
    let bad = Condition::always().with(Key::Source, net(0xc000_0200, 24));
    let mut forward = Rule::new(tcp(8080).with(Key::Iif, interface("eth0")), Action::Accept);
    forward.translation = Some(Translation {
        destination: true,
        addresses: Some(Set::one(0x0a00_0005)),
        ports: Some(Set::one(80)),
    });
    let inside = tcp(80).with(Key::Destination, Set::one(0x0a00_0005));
    let filter = vec![
        Rule::new(bad.clone(), Action::Accept),
        Rule::new(inside.with(Key::State, Set::one(NEW)), Action::Accept),
        Rule::new(Condition::always().with(Key::State, Set::one(ESTABLISHED)), Action::Accept),
    ];
    Program {
        family: Family::Ipv4,
        tables: vec![
            Table {
                kind: Kind::Filter,
                chains: vec![base(Hook::Forward, false, filter), base(Hook::Input, true, Vec::new())],
            },
            Table { kind: Kind::Nat, chains: vec![base(Hook::Prerouting, true, vec![forward])] },
            Table {
                kind: Kind::Raw,
                chains: vec![base(Hook::Prerouting, true, vec![Rule::new(bad, Action::Drop)])],
            },
        ],
        ..Program::new(Family::Ipv4)
    }
}

#[test]
fn translated_packets_arrive_and_dropped_ones_do_not() {
    let space = Space::new(router(), &Interest::default(), Budget::default());
    // Raw dropped them.
    assert_eq!(space.all_dead(), [rule(0, 0)]);
    let covers = space.covers(rule(0, 0)).unwrap();
    assert_eq!(covers.rules, [RuleId { table: 2, chain: 0, rule: 0 }]);
    let nat = space.base(Kind::Nat, Hook::Prerouting).unwrap();
    let forward = space.base(Kind::Filter, Hook::Forward).unwrap();
    let to = space.all_of(&[space.service(6, &Set::one(8080)), space.state(&[NEW]), space.incoming("eth0")]);
    let to = space.and(to, space.at(Kind::Nat, Hook::Prerouting));
    let image = space.image(RuleId { table: 1, chain: 0, rule: 0 }, to);
    assert_eq!(space.values(image, &Key::Destination).unwrap(), Set::one(0x0a00_0005));
    assert_eq!(space.values(image, &Key::DestinationPort).unwrap(), Set::one(80));
    assert!(space.must_accept(forward, space.moved(image, Hook::Forward)).unwrap());
    // What is not translated is dropped.
    assert!(!space.may_accept(forward, space.moved(to, Hook::Forward)).unwrap());
    assert!(space.may_accept(forward, space.moved(space.after_nat(nat, to), Hook::Forward)).unwrap());
    // Replies come back the other way and are accepted.
    let reply = space.reply(space.moved(image, Hook::Forward));
    assert_eq!(space.values(reply, &Key::Source).unwrap(), Set::one(0x0a00_0005));
    assert_eq!(space.values(reply, &Key::SourcePort).unwrap(), Set::one(80));
    assert!(space.is_within(reply, space.outgoing("eth0")).unwrap());
    assert!(space.must_accept(forward, reply).unwrap());
    assert_eq!(space.reply(space.reply(reply)), reply);
}

#[test]
fn echo_requests_are_answered_by_echo_replies() {
    let space = space(vec![(
        Some(false),
        vec![Rule::new(Condition::always().with(Key::Protocol, Set::one(1)), Action::Accept)],
    )]);
    let mut interest = Interest::default();
    for kind in [0u128, 3, 8] {
        interest.add(Key::SourcePort, Set::range(kind << 8, kind << 8 | 0xff));
    }
    let program = program(vec![(Some(false), Vec::new())]);
    let typed = Space::new(program, &interest, Budget::default());
    let icmp = typed.one(&Key::Protocol, 1);
    let ping = typed.and(icmp, typed.set(&Key::SourcePort, &Set::range(0x800, 0x8ff)));
    assert_eq!(typed.values(typed.reply(ping), &Key::SourcePort).unwrap(), Set::range(0, 0xff));
    let error = typed.and(icmp, typed.set(&Key::SourcePort, &Set::range(0x300, 0x3ff)));
    assert!(typed.is_empty(typed.reply(error)).unwrap());
    // Where nobody tells types apart, a reply may be anything of ICMP.
    assert!(!space.is_empty(space.reply(space.one(&Key::Protocol, 1))).unwrap());
}
