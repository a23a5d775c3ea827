//! The exact analysis beside the kernel: for random rulesets, the interpreter counts what the kernel's rules count, and
//! rules that are called dead count nothing and can be left out. Needs root, `ip`, `nft` and iptables.
//!
//! `RFW_SEED` gives other rulesets and packets.

#![expect(clippy::print_stdout, reason = "what was compared is printed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rfw_diagnostics::{Source, SourceKind};
use rfw_lint::space::{program, space};
use rfw_lint::{Facts, Input, Model, RuleId, read};
use rfw_nft::Family;
use rfw_space::{Hook, Key, Kind, Program, interpret};
use rfw_testing::choices::Choices;
use rfw_testing::lab::compare::command_loader;
use rfw_testing::lab::packet::Packet;
use rfw_testing::lab::{Host, Lab, addresses, counters};
use rfw_testing::names::FixedNames;

const RULESETS: u64 = 8;
const PACKETS: usize = 60;

/// User chains, in an order in which each may only call those after it.
const CHAINS: [&str; 4] = ["A", "B", "C", "D"];

fn rule(choices: &mut Choices, chain: &str, later: &[&str]) -> String {
    let mut words = vec![format!("-A {chain}")];
    choices.maybe(&mut words, 3, &["-i eth0", "! -i eth1", "-i eth+", "! -i eth0", "-i lo"]);
    choices.maybe(
        &mut words,
        3,
        &[
            "-s 203.0.113.10",
            "! -s 203.0.113.11",
            "-s 203.0.113.8/29",
            "-s 203.0.113.0/24",
            "-s 198.51.100.0/24",
        ],
    );
    choices.maybe(
        &mut words,
        3,
        &["-d 203.0.113.1", "! -d 192.168.1.0/24", "-d 192.168.1.100", "-d 192.168.1.64/26", "-d 0.0.0.0/1"],
    );
    let ports = [
        "--dport 22",
        "--dport 80:443",
        "! --dport 22",
        "--sport 1024:40000",
        "-m multiport --dports 22,53,80:90",
        "-m multiport ! --dports 53,443",
    ];
    match choices.below(5) {
        0 => {
            words.push("-p tcp -m tcp".to_owned());
            choices.maybe(&mut words, 2, &ports);
            choices.maybe(
                &mut words,
                4,
                &["--syn", "! --syn", "--tcp-flags SYN,FIN SYN", "--tcp-flags ALL ACK"],
            );
        }
        1 => {
            words.push("-p udp -m udp".to_owned());
            choices.maybe(&mut words, 2, &ports);
        }
        2 => {
            words.push("-p icmp".to_owned());
            choices.maybe(
                &mut words,
                2,
                &["-m icmp --icmp-type 8", "-m icmp ! --icmp-type 8", "-m icmp --icmp-type 13"],
            );
        }
        3 => choices.maybe(&mut words, 1, &["! -p tcp", "! -p icmp", "-p udp"]),
        _ => {}
    }
    choices.maybe(
        &mut words,
        6,
        &[
            "-m conntrack --ctstate NEW",
            "-m conntrack --ctstate RELATED,ESTABLISHED",
            "-m conntrack ! --ctstate INVALID",
        ],
    );
    let target = match choices.below(10) {
        0..3 => "-j ACCEPT".to_owned(),
        3..5 => "-j DROP".to_owned(),
        5 => "-j RETURN".to_owned(),
        6..8 if !later.is_empty() => format!("-j {}", later[choices.below(later.len())]),
        8 if !later.is_empty() => format!("-g {}", later[choices.below(later.len())]),
        _ => String::new(),
    };
    words.push(target);
    // Options of one match stand together, so that a line is read as it was put together.
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

fn ruleset(choices: &mut Choices) -> String {
    let mut text = format!(
        "*filter\n:INPUT {} [0:0]\n:FORWARD {} [0:0]\n:OUTPUT ACCEPT [0:0]\n",
        choices.of(&["ACCEPT", "DROP"]),
        choices.of(&["ACCEPT", "DROP"])
    );
    text.extend(CHAINS.iter().map(|chain| format!(":{chain} - [0:0]\n")));
    for (chain, later) in [("INPUT", 0), ("FORWARD", 0), ("A", 1), ("B", 2), ("C", 3), ("D", 4)] {
        for _ in 0..4 + choices.below(8) {
            text.push_str(&rule(choices, chain, &CHAINS[later..]));
            text.push('\n');
        }
    }
    text.push_str("COMMIT\n");
    text
}

/// A packet, and the hook whose rules judge it.
fn packet(choices: &mut Choices, number: u16) -> (Packet, rfw_space::Packet, Hook) {
    let (to, hook) = match choices.below(2) {
        0 => (addresses::ROUTER, Hook::Input),
        _ => (addresses::INSIDE, Hook::Forward),
    };
    let (sent, mut known) = common::packet(choices, number, to);
    if hook == Hook::Forward {
        known.set(Key::Oif, common::name("eth1"));
    }
    (sent, known, hook)
}

fn model(text: &str) -> Model {
    let source = Source::new("random.rules", SourceKind::File, text.as_bytes().to_vec());
    let model = read(&source, Input::Save, Family::Ipv4, &FixedNames::new(&[]), &Facts::default());
    assert!(model.findings.is_empty(), "{:?}\n{text}", model.findings);
    model
}

/// How many packets each rule counts: chain and number in it.
type Counts = BTreeMap<(String, usize), u64>;

fn loaded(text: &str, packets: &[(Packet, rfw_space::Packet, Hook)]) -> Counts {
    let agent = Path::new(env!("CARGO_BIN_EXE_rfw-lab"));
    let built = || agent.with_file_name("rfw");
    let program = std::env::var_os("RFW_BIN").map_or_else(built, PathBuf::from);
    let lab = Lab::new(agent).expect("a lab");
    // Nothing may answer what the router lets through.
    lab.check(Host::Inside, &["iptables", "-P", "INPUT", "DROP"], b"").expect("a silent host");
    let script = format!("exec -a rfw-restore '{}' --encoding native", program.display());
    command_loader(&["bash", "-c", &script])(&lab, text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    for (packet, ..) in packets {
        lab.send(Host::Client, packet).expect("sent");
    }
    let counters = counters::read(&lab).expect("counters");
    let filter = counters.into_iter().filter(|c| c.family == "ip" && c.table == "filter");
    filter.map(|c| ((c.chain, c.number), c.count.expect("rules count").0)).collect()
}

/// The same by the interpreter.
fn interpreted(program: &Program, packets: &[(Packet, rfw_space::Packet, Hook)]) -> Counts {
    let (at, table) = program.table(Kind::Filter).expect("a filter table");
    let rules = table.chains.iter().flat_map(|c| (1..=c.rules.len()).map(|n| (c.name.clone(), n)));
    let mut counts: Counts = rules.map(|place| (place, 0)).collect();
    for (_, packet, hook) in packets {
        let base = table.at_hook(*hook).expect("a base chain");
        let trace = interpret(program, at, base, packet, &mut |_| unreachable!("nothing is left to chance"));
        for hit in trace.hits {
            *counts.get_mut(&(table.chains[hit.chain].name.clone(), hit.rule + 1)).expect("a rule") += 1;
        }
    }
    counts
}

fn place(model: &Model, id: RuleId) -> (String, usize) {
    (model.tables[id.table].chains[id.chain].shown(), id.rule + 1)
}

#[test]
fn the_kernel_counts_what_the_analysis_says() {
    let seed = std::env::var("RFW_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5eed_u64);
    let mut dead_rules = 0;
    for number in 0..RULESETS {
        let mut choices = Choices::new(seed.wrapping_add(number));
        let text = ruleset(&mut choices);
        let packets: Vec<_> =
            (0..PACKETS).map(|n| packet(&mut choices, u16::try_from(n).expect("few"))).collect();
        let ruleset = model(&text);
        let seen = loaded(&text, &packets);
        assert_eq!(
            seen,
            interpreted(&program(&ruleset, &Facts::default()), &packets),
            "RFW_SEED={seed} ruleset {number}\n{text}"
        );

        let dead: BTreeSet<RuleId> = space(&ruleset, &Facts::default()).all_dead().into_iter().collect();
        dead_rules += dead.len();
        for &id in &dead {
            assert_eq!(seen[&place(&ruleset, id)], 0, "RFW_SEED={seed} ruleset {number}: {id:?}\n{text}");
        }
        let kept: Vec<u64> = ruleset
            .rules()
            .filter(|(id, _)| !dead.contains(id))
            .map(|(id, _)| seen[&place(&ruleset, id)])
            .collect();
        let spans: Vec<_> = dead.iter().filter_map(|&id| Some(ruleset.rule(id)?.span)).collect();
        let mut without = text.clone().into_bytes();
        for span in spans.iter().rev().collect::<BTreeSet<_>>().into_iter().rev() {
            without.drain(span.start as usize..=span.end as usize);
        }
        let without = String::from_utf8(without).expect("text");
        let (rest, again) = (model(&without), loaded(&without, &packets));
        let left: Vec<u64> = rest.rules().map(|(id, _)| again[&place(&rest, id)]).collect();
        assert_eq!(kept, left, "RFW_SEED={seed} ruleset {number} without its dead rules\n{text}\n{without}");
    }
    println!("{RULESETS} rulesets, {PACKETS} packets each, {dead_rules} dead rules");
    assert!(dead_rules > 0, "nothing was dead: the rulesets are too sparse to say anything");
}
