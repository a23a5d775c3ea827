//! The laws for rules put together at random from the parts of all fixtures.

use proptest::prelude::*;

use rfw_nft::Family;
use rfw_testing::fixture::build_line;
use rfw_testing::laws::broken;
use rfw_testing::pool::{CHAIN, Choice, Pool};

fn choice() -> impl Strategy<Value = Choice> {
    let index = any::<usize>;
    (index(), [index(), index()], proptest::collection::vec(index(), 0..5))
        .prop_map(|(goal, selectors, matches)| Choice { goal, selectors, matches })
}

fn check(family: Family) {
    let pool = Pool::new(family).expect("fixtures");
    assert!(pool.size().0 > 50 && pool.size().1 > 50, "a small pool");
    // Every refused combination counts against `max_global_rejects`, so that most must be rules.
    let default = ProptestConfig::default();
    // `PROPTEST_CASES` may ask for more.
    let cases = default.cases.max(1500);
    let config =
        ProptestConfig { cases, max_global_rejects: cases / 3, failure_persistence: None, ..default };
    proptest!(config, |(choice in choice())| {
        let (text, table) = pool.assemble(&choice).expect("a rule");
        let place = pool.place(table);
        let built = build_line(&text, &place);
        prop_assume!(built.is_ok());
        for rule in built.into_iter().flat_map(|built| built.rules) {
            let faults = broken(&rule, CHAIN, &place);
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
