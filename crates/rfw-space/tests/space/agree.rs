//! Laws over random rulesets.

use proptest::prelude::*;
use rfw_space::{
    Action, Budget, ChainId, Chance, Condition, Dead, Interest, Packet, Program, Rule, RuleId, Space,
    Verdict, interpret,
};

use crate::build::{packet, program};

const INPUT: ChainId = ChainId { table: 0, chain: 0 };

fn space(program: &Program) -> Space {
    Space::new(program.clone(), &Interest::default(), Budget::default())
}

/// Everything that may become of a packet: chance is tried both ways, up to a few hundred ways.
fn fates(program: &Program, packet: &Packet) -> (bool, bool, Vec<RuleId>) {
    let (mut accepted, mut dropped, mut hits) = (false, false, Vec::new());
    let mut plan: Vec<bool> = Vec::new();
    for _ in 0..512 {
        let mut at = 0;
        let trace = interpret(program, 0, 0, packet, &mut |_| {
            if at == plan.len() {
                plan.push(false);
            }
            at += 1;
            plan[at - 1]
        });
        match trace.verdict {
            Verdict::Accept => accepted = true,
            Verdict::Drop => dropped = true,
            Verdict::Unknown => (accepted, dropped) = (true, true),
        }
        hits.extend(trace.hits);
        plan.truncate(at);
        while plan.last() == Some(&true) {
            plan.pop();
        }
        match plan.last_mut() {
            Some(last) => *last = true,
            None => break,
        }
    }
    hits.sort_unstable();
    hits.dedup();
    (accepted, dropped, hits)
}

fn agree(program: &Program, packets: &[Packet]) -> Result<(), TestCaseError> {
    let space = space(program);
    let (accepted, dropped) = (space.accepted(INPUT), space.dropped(INPUT));
    let dead = space.all_dead();
    let mut samples = packets.to_vec();
    let rules: Vec<RuleId> = program.rules().map(|(id, _)| id).collect();
    // Natural packets of every set and of its complement.
    for &id in &rules {
        for region in [space.matched(id), space.comes_to(id), space.judged(id)] {
            let here = space.and(region, space.entry(INPUT));
            let elsewhere = space.minus(space.entry(INPUT), region);
            for region in [here, elsewhere] {
                samples.extend(space.witness(region).expect("budget"));
            }
        }
    }
    for packet in &samples {
        let (may_accept, may_drop, hits) = fates(program, packet);
        prop_assert_eq!(
            space.contains(accepted, packet).expect("budget"),
            may_accept,
            "accepted: {}",
            packet
        );
        prop_assert_eq!(space.contains(dropped, packet).expect("budget"), may_drop, "dropped: {}", packet);
        for &id in &rules {
            let rule = program.rule(id).expect("rule");
            let matched = space.contains(space.matched(id), packet).expect("budget");
            prop_assert_eq!(matched, packet.matches(&rule.condition), "{:?} of {:?}", packet, rule);
        }
        for hit in &hits {
            prop_assert!(!dead.contains(hit), "{:?} is hit by {}", hit, packet);
        }
        // Where nothing is changed on the way, what a rule judges is what hits it.
        if program.rules().all(|(_, rule)| rule.assigns.is_empty()) {
            for &id in rules.iter().filter(|id| program.tables[0].chains[id.chain].base.is_some()) {
                let judged = space.contains(space.judged(id), packet).expect("budget");
                prop_assert_eq!(judged, hits.contains(&id), "{:?} by {}", id, packet);
            }
        }
    }
    // No rule that is called is alive without a packet that hits it.
    for &id in rules.iter().filter(|id| !dead.contains(id)) {
        let example = space.witness(space.judged(id)).expect("budget");
        let plain = program.rules().all(|(_, rule)| rule.assigns.is_empty());
        let called = reachable(program).contains(&id.chain);
        if let Some(packet) = example.filter(|_| plain && called) {
            prop_assert!(fates(program, &packet).2.contains(&id), "{:?} is not hit by {}", id, packet);
        } else {
            prop_assert!(!plain || !called, "{:?} is alive without an example", id);
        }
    }
    Ok(())
}

/// Chains that the base chain leads to, at least in the text.
fn reachable(program: &Program) -> Vec<usize> {
    let mut found = vec![0];
    let mut at = 0;
    while let Some(&chain) = found.get(at) {
        at += 1;
        for to in program.tables[0].chains[chain].rules.iter().filter_map(|r| r.action.chain()) {
            if !found.contains(&to) {
                found.push(to);
            }
        }
    }
    found
}

fn without(program: &Program, dead: &[RuleId]) -> Program {
    let mut program = program.clone();
    for id in dead.iter().rev() {
        program.tables[id.table].chains[id.chain].rules.remove(id.rule);
    }
    program
}

/// Whether two rulesets do the same with every packet: one manager can't hold both, so packets of the differences are tried,
/// taken from the witness of each set of either.
fn same(a: &Program, b: &Program, packets: &[Packet]) -> Result<(), TestCaseError> {
    let mut samples = packets.to_vec();
    for program in [a, b] {
        let space = space(program);
        for (id, _) in program.rules() {
            samples.extend(space.witness(space.and(space.judged(id), space.entry(INPUT))).expect("budget"));
        }
    }
    for packet in &samples {
        let (one, other) = (fates(a, packet), fates(b, packet));
        prop_assert_eq!((one.0, one.1), (other.0, other.1), "{}", packet);
    }
    Ok(())
}

/// Where a rule is once its chain is [`padded`].
fn place_of(gaps: &[usize], id: RuleId) -> RuleId {
    let before: usize = (0..=id.rule).map(|at| gaps[at % gaps.len()]).sum();
    RuleId { rule: id.rule + before, ..id }
}

/// The same rules with others between them that do nothing, so many that chains are long ones; and where each rule is then.
fn padded(program: &Program, gaps: &[usize]) -> (Program, Vec<(RuleId, RuleId)>) {
    let idle = || Rule::new(Condition::always(), Action::Continue);
    let mut long = program.clone();
    for chain in &mut long.tables[0].chains {
        let mut rules = Vec::new();
        for (at, rule) in std::mem::take(&mut chain.rules).into_iter().enumerate() {
            rules.extend((0..gaps[at % gaps.len()]).map(|_| idle()));
            rules.push(rule);
        }
        let rest = 150usize.saturating_sub(rules.len());
        rules.extend((0..rest).map(|_| idle()));
        chain.rules = rules;
    }
    let places = program.rules().map(|(id, _)| (id, place_of(gaps, id))).collect();
    (long, places)
}

/// `PROPTEST_CASES` for more.
pub fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(48);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn plain_rules(program in program(false, false), packets in prop::collection::vec(packet(), 40)) {
        agree(&program, &packets)?;
    }

    #[test]
    fn rules_with_chance(program in program(true, false), packets in prop::collection::vec(packet(), 40)) {
        agree(&program, &packets)?;
    }

    #[test]
    fn rules_that_mark(program in program(false, true), packets in prop::collection::vec(packet(), 40)) {
        agree(&program, &packets)?;
    }

    #[test]
    fn a_long_chain_is_as_a_short_one(program in program(true, false), gaps in prop::collection::vec(0..40usize, 8)) {
        let mut program = program;
        for rule in program.tables[0].chains.iter_mut().flat_map(|chain| chain.rules.iter_mut().step_by(5)) {
            rule.effect = true;
        }
        let (long, places) = padded(&program, &gaps);
        let (one, other) = (space(&program), space(&long));
        prop_assert_eq!(one.witness(one.accepted(INPUT)), other.witness(other.accepted(INPUT)));
        prop_assert_eq!(one.witness(one.dropped(INPUT)), other.witness(other.dropped(INPUT)));
        for (id, place) in places {
            prop_assert_eq!(one.dead(id), other.dead(place), "{:?}", id);
            prop_assert_eq!(one.is_redundant(id), other.is_redundant(place), "{:?}", id);
            prop_assert_eq!(one.judges(id, one.entry(INPUT)), other.judges(place, other.entry(INPUT)), "{:?}", id);
            let (judged, same) = (one.judged(id), other.judged(place));
            let regions = [
                (judged, same),
                (one.minus(one.matched(id), judged), other.minus(other.matched(place), same)),
                (one.accepted_behind(id, judged), other.accepted_behind(place, same)),
                (one.dropped_behind(id, judged), other.dropped_behind(place, same)),
            ];
            for (region, same) in regions {
                prop_assert_eq!(one.witness(region), other.witness(same), "{:?}", id);
            }
            if one.dead(id).is_some() {
                let rules = one.covers(id).expect("budget").rules;
                let covers = other.covers(place).expect("budget").rules;
                let here = |of: RuleId| place_of(&gaps, of);
                prop_assert_eq!(rules.into_iter().map(here).collect::<Vec<_>>(), covers);
            }
        }
    }

    #[test]
    fn what_a_limit_leaves_ends_behind_it(
        program in program(true, false),
        packets in prop::collection::vec(packet(), 40),
        answers in any::<u64>(),
    ) {
        let space = space(&program);
        let limits = program.rules().filter(|(_, rule)| rule.condition.chance).map(|(id, _)| id);
        for id in limits.filter(|&id| !space.is_grouped(id)) {
            let judged = space.judged(id);
            let (accepted, dropped) = (space.accepted_behind(id, judged), space.dropped_behind(id, judged));
            for packet in &packets {
                // The limit matches and does not, all else by chance being the same.
                let trace = |own: bool| interpret(&program, 0, 0, packet, &mut |chance| match chance {
                    Chance::Rule(rule) if rule == id => own,
                    Chance::Rule(rule) => answers >> ((rule.chain * 11 + rule.rule) % 64) & 1 == 1,
                    Chance::Accepts(chain) => answers >> chain & 1 == 1,
                    Chance::Returns(chain) => answers >> (chain + 7) & 1 == 1,
                });
                if trace(true).hits.contains(&id) {
                    let end = trace(false).verdict;
                    let may = |region| space.contains(region, packet).expect("budget");
                    prop_assert!(end == Verdict::Drop || may(accepted), "{:?} {}", id, packet);
                    prop_assert!(end == Verdict::Accept || may(dropped), "{:?} {}", id, packet);
                }
            }
        }
    }

    #[test]
    fn deleting_dead_and_redundant_rules_changes_nothing(
        program in program(true, false),
        packets in prop::collection::vec(packet(), 40),
    ) {
        let space = space(&program);
        let dead = space.all_dead();
        same(&program, &without(&program, &dead), &packets)?;
        for (id, _) in program.rules() {
            if space.is_redundant(id).expect("budget") {
                same(&program, &without(&program, &[id]), &packets)?;
            }
        }
    }

    #[test]
    fn a_copy_behind_a_rule_that_takes_is_dead(program in program(false, false), at in any::<prop::sample::Index>()) {
        let rules: Vec<RuleId> = program.rules().filter(|(_, r)| {
            matches!(r.action, rfw_space::Action::Accept | rfw_space::Action::Drop)
        }).map(|(id, _)| id).collect();
        prop_assume!(!rules.is_empty());
        let id = rules[at.index(rules.len())];
        let mut longer = program.clone();
        let copy = program.rule(id).expect("rule").clone();
        longer.tables[0].chains[id.chain].rules.push(copy);
        let last = RuleId { rule: longer.tables[0].chains[id.chain].rules.len() - 1, ..id };
        let space = space(&longer);
        prop_assert!(space.dead(last).is_some());
        // Every covering list covers, and none of it can be left out.
        let covers = space.covers(last).expect("budget");
        prop_assert!(space.dead(last) == Some(Dead::Unsatisfiable) || !covers.rules.is_empty() || covers.excluded);
        // Moved before the rule that shadows it, it lives as long as that one did.
        let mut moved = program.clone();
        let copy = program.rule(id).expect("rule").clone();
        moved.tables[0].chains[id.chain].rules.insert(id.rule, copy);
        prop_assert_eq!(space.dead(id).is_some(), crate::agree::space(&moved).dead(id).is_some());
    }
}
