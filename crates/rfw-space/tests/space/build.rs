//! Rulesets and packets at random, small enough that rules meet.

use proptest::prelude::*;
use rfw_nft::Family;
use rfw_space::{
    Action, Assign, Base, Chain, Condition, Hook, Key, Kind, Literal, Masked, Packet, Program, Rule, Set,
    Table, Translation, interface,
};

/// Chains of the user in a random ruleset.
pub const USERS: usize = 4;
/// Questions of unknown meaning.
pub const ATOMS: usize = 2;

fn small(key: Key, max: u128) -> impl Strategy<Value = Literal> {
    let interval = (0..=max, 0..=max).prop_map(|(a, b)| (a.min(b), a.max(b)));
    (prop::collection::vec(interval, 1..3), any::<bool>()).prop_map(move |(intervals, negated)| {
        let set = Set::union(intervals);
        Literal::In(key.clone(), if negated { set.complement(key.limit(Family::Ipv4)) } else { set })
    })
}

fn literal() -> BoxedStrategy<Literal> {
    let device =
        (prop::sample::select(vec!["lo", "eth0", "eth1"]), any::<bool>()).prop_map(|(name, negated)| {
            let set = interface(name);
            Literal::In(Key::Iif, if negated { set.complement(u128::MAX) } else { set })
        });
    let bits = |key: Key, max: u128| {
        (0..=max, 0..=max, any::<bool>()).prop_map(move |(mask, value, inverted)| {
            Literal::Bits(Masked { key: key.clone(), mask, value: value & (mask | 1), inverted })
        })
    };
    prop_oneof![
        4 => small(Key::Source, 40),
        4 => small(Key::Destination, 40),
        2 => small(Key::Protocol, 20),
        3 => small(Key::DestinationPort, 12),
        1 => small(Key::SourcePort, 12),
        2 => small(Key::State, 4),
        1 => device,
        1 => bits(Key::Mark, 7),
        1 => bits(Key::TcpFlags, 0x13),
        1 => (0..ATOMS, any::<bool>()).prop_map(|(atom, negated)| Literal::Atom { atom, negated }),
    ]
    .boxed()
}

fn condition(chance: bool) -> impl Strategy<Value = Condition> {
    let clause =
        prop_oneof![9 => prop::collection::vec(literal(), 1), 1 => prop::collection::vec(literal(), 2)];
    let clauses = prop_oneof![1 => Just(0usize), 4 => Just(1), 4 => Just(2), 2 => Just(3)]
        .prop_flat_map(move |n| prop::collection::vec(clause.clone(), n));
    (clauses, prop::bool::weighted(0.15))
        .prop_map(move |(clauses, limited)| Condition { clauses, chance: chance && limited })
}

/// Rules of one chain: users call chains behind them only, so that there is no circle.
fn rules(chain: usize, chance: bool, marks: bool) -> impl Strategy<Value = Vec<Rule>> {
    let users = 1 + USERS;
    let mut actions = vec![
        (4, Just(Action::Accept).boxed()),
        (3, Just(Action::Drop).boxed()),
        (1, Just(Action::Reject).boxed()),
        (2, Just(Action::Return).boxed()),
        (1, Just(Action::Continue).boxed()),
    ];
    if chain + 1 < users {
        actions.push((4, (chain + 1..users).prop_map(Action::Jump).boxed()));
        actions.push((2, (chain + 1..users).prop_map(Action::Goto).boxed()));
    }
    let assign = (0..8u128, 0..8u128).prop_map(|(keep, value)| Assign::Bits {
        key: Key::Mark,
        keep: keep | 0xffff_fff8,
        value,
    });
    let rule = (
        condition(chance),
        prop::strategy::Union::new_weighted(actions),
        prop::option::weighted(0.25, assign),
    )
        .prop_map(move |(condition, action, assign)| {
            let mut rule = Rule::new(condition, action);
            rule.assigns.extend(assign.filter(|_| marks));
            // A question of unknown meaning may be about the mark.
            if marks {
                rule.condition.clauses.retain(|c| !c.iter().any(|l| matches!(l, Literal::Atom { .. })));
            }
            rule
        });
    prop::collection::vec(rule, 0..8)
}

/// A filter table with one base chain and a few of the user's.
pub fn program(chance: bool, marks: bool) -> impl Strategy<Value = Program> {
    let chains: Vec<_> = (0..=USERS).map(|chain| rules(chain, chance, marks)).collect();
    (chains, any::<bool>(), prop::option::weighted(0.2, 1..=USERS)).prop_map(
        move |(chains, accepts, external)| {
            let chains = chains.into_iter().enumerate().map(|(at, rules)| Chain {
                name: format!("c{at}"),
                base: (at == 0).then_some(Base { hook: Hook::Input, accepts }),
                external: chance && external == Some(at),
                rules,
            });
            Program {
                family: Family::Ipv4,
                tables: vec![Table { kind: Kind::Filter, chains: chains.collect() }],
                atoms: (0..ATOMS).map(atom).collect(),
                routing: Vec::new(),
            }
        },
    )
}

/// Rules of a base chain in one of several tables.
fn base_rules(kind: Kind, open: bool) -> impl Strategy<Value = Vec<Rule>> {
    rules(USERS, open && kind != Kind::Nat, open && kind == Kind::Mangle).prop_map(move |mut rules| {
        rules.truncate(5);
        for rule in &mut rules {
            // The state is looked up behind `raw`; marks are forgotten from table to table.
            let unknown = |l: &Literal| match l {
                Literal::In(key, _) => *key == Key::State && kind == Kind::Raw,
                Literal::Bits(masked) => masked.key == Key::Mark && !open,
                _ => false,
            };
            rule.condition.clauses.retain(|clause| !clause.iter().any(unknown));
        }
        rules
    })
}

/// What address translation makes of the packets of every other rule that accepts.
fn translated(hook: Hook, mut rules: Vec<Rule>, to: u128) -> Vec<Rule> {
    let destination = matches!(hook, Hook::Prerouting | Hook::Output);
    for (at, rule) in rules.iter_mut().enumerate() {
        rule.assigns.clear();
        if rule.action == Action::Accept && at % 2 == 0 {
            rule.translation = Some(Translation {
                destination,
                addresses: (at > 0).then(|| Set::one(to)),
                ports: to.is_multiple_of(2).then(|| Set::one(to % 13)),
            });
        }
    }
    rules
}

/// All tables with all hooks. `open`: with translations, marks and chance.
pub fn tables(open: bool) -> impl Strategy<Value = Program> {
    use Hook::{Forward, Input, Output, Postrouting, Prerouting};
    let all: [(Kind, &[Hook]); 5] = [
        (Kind::Filter, &[Input, Forward, Output]),
        (Kind::Nat, &[Prerouting, Input, Output, Postrouting]),
        (Kind::Raw, &[Prerouting, Output]),
        (Kind::Mangle, &[Prerouting, Input, Forward, Output, Postrouting]),
        (Kind::Security, &[Input, Forward, Output]),
    ];
    let tables: Vec<_> = all
        .into_iter()
        .map(|(kind, hooks)| {
            let chains: Vec<_> = hooks
                .iter()
                .map(|&hook| {
                    (base_rules(kind, open), prop::bool::weighted(0.7), 0..46u128).prop_map(
                        move |(rules, accepts, to)| Chain {
                            name: format!("{hook:?}"),
                            base: Some(Base { hook, accepts: accepts || kind == Kind::Nat }),
                            external: false,
                            rules: if kind == Kind::Nat && open {
                                translated(hook, rules, to)
                            } else {
                                rules
                            },
                        },
                    )
                })
                .collect();
            chains.prop_map(move |chains| Table { kind, chains })
        })
        .collect();
    let known = (any::<bool>(), literal(), literal(), literal());
    (tables, known).prop_map(move |(mut tables, (known, one, two, three))| {
        if !open {
            // Nothing is dropped or translated in `nat`.
            let nat = tables[1].chains.iter_mut().flat_map(|c| &mut c.rules);
            nat.for_each(|rule| rule.action = Action::Continue);
        }
        let addresses = |l: &Literal| matches!(l, Literal::In(Key::Source | Key::Destination, _));
        let hooks = [(Input, one), (Forward, two), (Output, three)].into_iter();
        let routing = hooks
            .filter(|(_, literal)| known && addresses(literal))
            .map(|(hook, literal)| (hook, Condition { clauses: vec![vec![literal]], chance: false }));
        let routing = routing.collect();
        Program { tables, atoms: (0..ATOMS).map(atom).collect(), routing, ..Program::new(Family::Ipv4) }
    })
}

fn atom(at: usize) -> rfw_space::Atom {
    let info = vec![at as u8];
    let item = rfw_nft::predicate::Item::Plain(rfw_nft::Expr::Match { name: b"set".to_vec(), rev: 1, info });
    rfw_space::Atom { item, text: format!("-m set {at}") }
}

/// A packet at INPUT, of the same small values.
pub fn packet() -> impl Strategy<Value = Packet> {
    let fields = (0..=45u128, 0..=45u128, 0..=22u128, 0..=14u128, 0..=14u128, 0..=4u128);
    let device = prop::sample::select(vec!["lo", "eth0", "eth1", "wlan0"]);
    (fields, device, 0..16u128, 0..0x20u128, prop::bits::u8::between(0, ATOMS)).prop_map(
        |((source, destination, protocol, to, from, state), device, mark, flags, atoms)| {
            let mut packet = Packet::new(Family::Ipv4)
                .with(Key::Source, source)
                .with(Key::Destination, destination)
                .with(Key::Protocol, protocol)
                .with(Key::DestinationPort, to)
                .with(Key::SourcePort, from)
                .with(Key::State, state)
                .with(Key::Iif, interface(device).intervals()[0].0)
                .with(Key::Mark, mark)
                .with(Key::TcpFlags, flags);
            packet.atoms = (0..ATOMS).filter(|at| atoms >> at & 1 == 1).collect();
            packet
        },
    )
}
