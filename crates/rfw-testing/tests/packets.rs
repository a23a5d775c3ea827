//! The same rules by two loaders must see the same packets. Needs root, `ip`, `nft` and the stock iptables.

#![expect(clippy::print_stdout, reason = "a skip is counted and printed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rfw_extensions::Registry;
use rfw_extensions::matches::MATCHES;
use rfw_syntax::Dictionary;

use rfw_testing::lab::battery::{Probe, battery, battery_v6};
use rfw_testing::lab::compare::{
    Family, Loader, command_loader, compare, differences, observe, stock_loader,
};
use rfw_testing::lab::{Lab, LabError};

fn agent() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rfw-lab"))
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The rfw program: `RFW_BIN`, or the one that cargo built beside the lab.
fn rfw() -> PathBuf {
    let built = || agent().with_file_name("rfw");
    let path = std::env::var_os("RFW_BIN").map_or_else(built, PathBuf::from);
    assert!(path.exists(), "{} is missing: cargo build -p rfw-cli", path.display());
    path
}

/// The rules whose extensions rfw has; the others are counted and printed.
fn known_rules(family: Family, rules: &str) -> String {
    let registry = Registry::new(match family {
        Family::V4 => rfw_nft::Family::Ipv4,
        Family::V6 => rfw_nft::Family::Ipv6,
    });
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    let known = rules.lines().filter(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let unknown = words.windows(2).filter(|_| line.starts_with("-A")).find(|pair| match pair[0] {
            "-m" => registry.find_match(pair[1].as_bytes()).is_none(),
            "-j" => {
                let name = pair[1];
                let extension = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
                let chain = rules.lines().any(|l| l.starts_with(&format!(":{name} ")));
                extension && !chain && !registry.target_names().contains(&name)
            }
            _ => false,
        });
        if let Some(pair) = unknown {
            *missing.entry(pair[1]).or_default() += 1;
        }
        unknown.is_none()
    });
    let text = known.map(|line| format!("{line}\n")).collect();
    let count: usize = missing.values().sum();
    println!("skipped {count} rules of extensions that rfw does not have yet: {missing:?}");
    text
}

type NamedLoader = (&'static str, Box<Loader<'static>>);

/// Each of these is compared with stock.
fn loaders(family: Family) -> Vec<NamedLoader> {
    let mut list: Vec<NamedLoader> = vec![("stock again", Box::new(stock_loader(family)))];
    for (name, encoding) in RFW_ENCODINGS {
        let program = rfw();
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

const NATIVE: &str = "rfw native";

/// Encodings of rfw that are compared, with the name shown in failures.
const RFW_ENCODINGS: &[(&str, &str)] = &[("rfw compat", "compat"), (NATIVE, "native")];

fn all_agree(family: Family, file: &str, probes: &[Probe]) -> Result<(), LabError> {
    let rules = known_rules(family, &fixture(file));
    // The xt matches of transport headers drop a packet that ends inside of one; natively the rule does not match it. That
    // is a case of its own, below.
    let whole: Vec<Probe> = probes.iter().filter(|probe| !probe.is_cut()).cloned().collect();
    let stock = observe(agent(), &stock_loader(family), &rules, probes)?;
    let stock_of_whole = observe(agent(), &stock_loader(family), &rules, &whole)?;
    let mut failures = Vec::new();
    for (name, load) in loaders(family) {
        let (stock, probes) = if name == NATIVE { (&stock_of_whole, &*whole) } else { (&stock, probes) };
        let other = observe(agent(), &*load, &rules, probes)?;
        failures.extend(differences(&rules, stock, &other).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(failures.is_empty(), "stock | other:\n{}", failures.join("\n"));
    Ok(())
}

#[test]
fn every_rule_counts_the_same_packets() {
    all_agree(Family::V4, "rulesets/battery.rules", &battery()).unwrap();
}

#[test]
fn every_ipv6_rule_counts_the_same_packets() {
    all_agree(Family::V6, "rulesets/battery.v6.rules", &battery_v6()).unwrap();
}

#[test]
fn every_rule_about_the_host_counts_the_same_packets() {
    all_agree(Family::V4, "battery/host.rules", &battery()).unwrap();
    all_agree(Family::V6, "battery/host.v6.rules", &battery_v6()).unwrap();
}

#[test]
fn every_match_that_the_kernel_has_meets_packets() {
    // No module of this kernel.
    const NOT_HERE: &[&str] = &["ipvs", "nfacct"];
    let files = ["rulesets/battery", "rulesets/battery-stateless", "battery/host"];
    let texts: String = files.iter().map(|file| fixture(&format!("{file}.rules"))).collect();
    let texts_v6: String = files.iter().map(|file| fixture(&format!("{file}.v6.rules"))).collect();
    let meets = |text: &str, name: &str| {
        text.lines().filter(|line| line.starts_with("-A ")).any(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            words.windows(2).any(|pair| pair == ["-m", name])
        })
    };
    for entry in MATCHES {
        let met = meets(&texts, entry.name) || meets(&texts_v6, entry.name);
        assert_eq!(met, !NOT_HERE.contains(&entry.name), "{}", entry.name);
    }
}

/// Without connection tracking nothing puts fragments together, so rules see them.
#[test]
fn fragments_count_the_same_where_nothing_is_tracked() {
    all_agree(Family::V4, "rulesets/battery-stateless.rules", &battery()).unwrap();
    all_agree(Family::V6, "rulesets/battery-stateless.v6.rules", &battery_v6()).unwrap();
}

/// What `all_agree` leaves out: the xt match drops the packet, and no rule behind it sees it; the native one does not match.
#[test]
fn cut_headers_go_on_natively() {
    let rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n\
        -A PREROUTING -p icmp -m icmp --icmp-type 8\n-A PREROUTING -p icmp\n\
        -A PREROUTING -p tcp -m multiport --dports 2032,1\n-A PREROUTING -p tcp\n\
        -A PREROUTING -p udp -m udp\n-A PREROUTING -p udp\nCOMMIT\n";
    let probes: Vec<Probe> = battery().into_iter().filter(Probe::is_cut).collect();
    let stock = observe(agent(), &stock_loader(Family::V4), rules, &probes).unwrap();
    let (_, native) = loaders(Family::V4).into_iter().find(|(name, _)| *name == NATIVE).unwrap();
    let native = observe(agent(), &*native, rules, &probes).unwrap();
    let lines = differences(rules, &stock, &native);
    let differs = |rule: &str| lines.iter().any(|line| line.contains("0 packets") && line.ends_with(rule));
    assert!(differs("-A PREROUTING -p icmp") && differs("-A PREROUTING -p udp"), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("-m ") || line.contains("multiport")), "{lines:?}");
}

/// The kernel refuses the xt match where packets go out. The native test is taken: it never matches in OUTPUT, and in
/// POSTROUTING packets from elsewhere alone.
#[test]
fn mac_where_packets_go_out() {
    let rules = "*mangle\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n\
        -A OUTPUT -m mac --mac-source 02:00:00:00:00:10\n-A OUTPUT -m mac ! --mac-source 02:00:00:00:00:10\n\
        -A OUTPUT\n\
        -A POSTROUTING -m mac --mac-source 02:00:00:00:00:10\n-A POSTROUTING -m mac ! --mac-source 02:00:00:00:00:10\n\
        -A POSTROUTING\nCOMMIT\n";
    for line in rules.lines().filter(|line| line.contains("-m mac")) {
        let alone = format!("*mangle\n{line}\nCOMMIT\n");
        assert!(observe(agent(), &stock_loader(Family::V4), &alone, &[]).is_err(), "{line}");
    }
    let (_, native) = loaders(Family::V4).into_iter().find(|(name, _)| *name == NATIVE).unwrap();
    let seen = observe(agent(), &*native, rules, &battery()).unwrap();
    let counts = |chain: &str| -> Vec<u64> {
        let of_chain = seen.counters.iter().filter(|rule| rule.chain == chain);
        of_chain.map(|rule| rule.count.map_or(0, |(packets, _)| packets)).collect()
    };
    let (out, post) = (counts("OUTPUT"), counts("POSTROUTING"));
    assert!(matches!(out[..], [0, 0, all] if all > 0), "{out:?}");
    // Packets that come through still have the header that they came with; the host's own have none.
    assert!(
        matches!(post[..], [from, others, all] if from > 0 && others > 0 && from + others < all),
        "{post:?}"
    );
}

/// The comparison is worth something only if it sees a rule that loads but means something else.
#[test]
fn a_loader_that_changes_a_rule_is_found() {
    let rules = fixture("rulesets/battery-stateless.rules");
    let honest = stock_loader(Family::V4);
    let liar = |lab: &Lab, rules: &str| honest(lab, &rules.replace("--dport 2000:2010", "--dport 2000:2011"));
    let lines = compare(agent(), &honest, &liar, &rules, &battery()).unwrap();
    // The rule and its negation below it.
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("--dport 2000:2010")), "{lines:?}");
}
