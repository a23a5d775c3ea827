//! The same rules by two loaders must see the same packets. Needs root, `ip`, `nft` and the stock iptables.

use std::path::{Path, PathBuf};

use rfw_testing::lab::battery::{Probe, battery, battery_v6};
use rfw_testing::lab::compare::{
    Family, Loader, command_loader, compare, differences, observe, stock_loader,
};
use rfw_testing::lab::{Lab, LabError};

fn agent() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rfw-lab"))
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/rulesets").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The rfw program: `RFW_BIN`, or the one that cargo built beside the lab.
fn rfw() -> Option<PathBuf> {
    let built = || {
        let path = agent().with_file_name("rfw");
        path.exists().then_some(path)
    };
    std::env::var_os("RFW_BIN").map(PathBuf::from).or_else(built)
}

type NamedLoader = (&'static str, Box<Loader<'static>>);

/// THE PLACE for loaders. Each one is compared with stock, per family.
fn loaders(family: Family) -> Vec<NamedLoader> {
    let mut list: Vec<NamedLoader> = vec![("stock again", Box::new(stock_loader(family)))];
    for (name, encoding) in RFW_ENCODINGS {
        let Some(program) = rfw() else { continue };
        let command = match family {
            Family::V4 => "rfw-restore",
            Family::V6 => "rfw6-restore",
        };
        // The program answers to its own file name, so it is started under the one that is wanted (bash's `exec -a`).
        let script = format!("exec -a {command} '{}' --encoding {encoding}", program.display());
        list.push((name, Box::new(command_loader(&["bash", "-c", &script]))));
    }
    list
}

/// Encodings of rfw that are compared, with the name shown in failures. Filled once `rfw-restore` loads rules.
const RFW_ENCODINGS: &[(&str, &str)] = &[("rfw compat", "compat"), ("rfw native", "native")];

fn all_agree(family: Family, file: &str, probes: &[Probe]) -> Result<(), LabError> {
    let rules = fixture(file);
    let stock = observe(agent(), &stock_loader(family), &rules, probes)?;
    let mut failures = Vec::new();
    for (name, load) in loaders(family) {
        let other = observe(agent(), &*load, &rules, probes)?;
        failures
            .extend(differences(&rules, &stock, &other).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(failures.is_empty(), "stock | other:\n{}", failures.join("\n"));
    Ok(())
}

#[test]
fn every_rule_counts_the_same_packets() {
    all_agree(Family::V4, "battery.rules", &battery()).unwrap();
}

#[test]
fn every_ipv6_rule_counts_the_same_packets() {
    all_agree(Family::V6, "battery.v6.rules", &battery_v6()).unwrap();
}

/// Without connection tracking nothing puts fragments together, so rules see them.
#[test]
fn fragments_count_the_same_where_nothing_is_tracked() {
    all_agree(Family::V4, "battery-stateless.rules", &battery()).unwrap();
    all_agree(Family::V6, "battery-stateless.v6.rules", &battery_v6()).unwrap();
}

/// The comparison is worth something only if it sees a rule that loads but means something else.
#[test]
fn a_loader_that_changes_a_rule_is_found() {
    let rules = fixture("battery-stateless.rules");
    let honest = stock_loader(Family::V4);
    let liar = |lab: &Lab, rules: &str| honest(lab, &rules.replace("--dport 2000:2010", "--dport 2000:2011"));
    let lines = compare(agent(), &honest, &liar, &rules, &battery()).unwrap();
    // The rule and its negation below it.
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("--dport 2000:2010")), "{lines:?}");
}
