//! Lists of covering rules: they suffice, and none of their rules can be left out.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rfw_nft::Family;
use rfw_space::{
    Action, Base, Budget, Chain, Condition, Dead, Hook, Interest, Key, Kind, Program, Rule, RuleId, Set,
    Space, Table,
};

use crate::build::program;

fn space(program: &Program) -> Space {
    Space::new(program.clone(), &Interest::default(), Budget::default())
}

/// Chains from which rules lead to a chain, itself included.
fn leading_to(program: &Program, chain: usize) -> BTreeSet<usize> {
    let chains = &program.tables[0].chains;
    let mut found = BTreeSet::from([chain]);
    loop {
        let leads = |at: &usize| {
            chains[*at].rules.iter().any(|r| r.action.chain().is_some_and(|to| found.contains(&to)))
        };
        let more: Vec<usize> = (0..chains.len()).filter(|at| !found.contains(at)).filter(leads).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// Chains that a rule leads to.
fn led_to(program: &Program, id: RuleId) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open: Vec<usize> = program.rule(id).and_then(|r| r.action.chain()).into_iter().collect();
    while let Some(at) = open.pop() {
        if found.insert(at) {
            open.extend(program.tables[0].chains[at].rules.iter().filter_map(|r| r.action.chain()));
        }
    }
    found
}

/// The program in which of all rules that could take packets from a dead one only those of a list do.
fn only(program: &Program, dead: RuleId, list: &[RuleId]) -> Program {
    let path = leading_to(program, dead.chain);
    let kept: BTreeSet<usize> = list.iter().flat_map(|&id| led_to(program, id)).collect();
    let mut made = program.clone();
    for (chain, own) in made.tables[0].chains.iter_mut().enumerate() {
        for (rule, found) in own.rules.iter_mut().enumerate() {
            let id = RuleId { table: 0, chain, rule };
            if id == dead || list.contains(&id) || (kept.contains(&chain) && !path.contains(&chain)) {
                continue;
            }
            found.action = match found.action.chain().filter(|to| path.contains(to)) {
                Some(to) => Action::Jump(to),
                None => Action::Continue,
            };
        }
    }
    made
}

fn minimal(program: &Program) -> Result<usize, TestCaseError> {
    let whole = space(program);
    let mut checked = 0;
    for id in whole.all_dead() {
        if whole.dead(id) == Some(Dead::Unsatisfiable) {
            continue;
        }
        let list = whole.covers(id).expect("budget").rules;
        let path = leading_to(program, id.chain);
        if list.iter().any(|&by| !led_to(program, by).is_disjoint(&path)) {
            continue;
        }
        checked += usize::from(list.len() > 1);
        // What its own chain takes is told, even where nothing like it is sent there.
        let dies = |list: &[RuleId]| {
            let dead = space(&only(program, id, list)).dead(id);
            if whole.dead(id) == Some(Dead::Here) { dead == Some(Dead::Here) } else { dead.is_some() }
        };
        prop_assert!(dies(&list), "{:?} is not covered by {:?} in {:#?}", id, list, program);
        for at in 0..list.len() {
            let mut less = list.clone();
            less.remove(at);
            prop_assert!(
                !dies(&less),
                "{:?} is covered without {:?} of {:?} in {:#?}",
                id,
                list[at],
                list,
                program
            );
        }
    }
    Ok(checked)
}

/// `PROPTEST_CASES` for more.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(48);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Lists of addresses that overlap, and rules behind them.
fn lists() -> impl Strategy<Value = Program> {
    let from = |low: u128, len: u128| Condition::always().with(Key::Source, Set::range(low, low + len));
    let member = (0..300u128, prop_oneof![4 => 0..4u128, 1 => 0..60u128]);
    let before = prop::collection::vec((0..300u128, 0..40u128), 0..3);
    let behind = prop::collection::vec((0..300u128, 0..80u128), 1..6);
    (prop::collection::vec(member, 64..120), before, behind).prop_map(move |(members, before, behind)| {
        let rules = |list: Vec<(u128, u128)>, action: Action| {
            list.into_iter().map(move |(low, len)| Rule::new(from(low, len), action))
        };
        let all = rules(before, Action::Accept).chain(rules(members, Action::Drop));
        let rules: Vec<Rule> = all.chain(rules(behind, Action::Accept)).collect();
        let base = Some(Base { hook: Hook::Input, accepts: true });
        let chains = vec![Chain { name: "c0".to_owned(), base, external: false, rules }];
        let tables = vec![Table { kind: Kind::Filter, chains }];
        Program { tables, ..Program::new(Family::Ipv4) }
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_rule_can_be_left_out(program in program(false, false)) {
        minimal(&program)?;
    }

    #[test]
    fn no_rule_of_a_list_can_be_left_out(program in lists()) {
        minimal(&program)?;
    }
}
