//! The exact analysis with facts beside the kernel: what is found in ipsets whose elements are known, where packets are routed
//! when the host's addresses are, what translation makes of them and what comes to POSTROUTING. Needs root, `ip`, `nft`,
//! iptables and `ipset`.
//!
//! `RFW_SEED` gives other sets, rulesets and packets.

#![expect(clippy::print_stdout, reason = "what was compared is printed")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use rfw_diagnostics::{Source, SourceKind};
use rfw_lint::facts::{Interface, IpSet};
use rfw_lint::space::{ChainId, program, space};
use rfw_lint::{Facts, Input, Model, read};
use rfw_nft::Family;
use rfw_space::{Hook, Key, Kind, Program, Space, Verdict, interpret};
use rfw_testing::choices::Choices;
use rfw_testing::lab::packet::Packet;
use rfw_testing::lab::{Host, Lab, addresses, compare, counters};
use rfw_testing::names::FixedNames;

use common::name;

const RULESETS: u64 = 6;
const PACKETS: usize = 60;

/// Types of sets with options, and what each part of an element is: an address, a network, a port, an interface.
const KINDS: [(&str, &str); 11] = [
    ("hash:ip", "a"),
    ("hash:ip netmask 29", "a"),
    ("hash:net", "n"),
    ("hash:ip,port", "ap"),
    ("hash:net,port", "np"),
    ("hash:ip,port,ip", "apa"),
    ("hash:ip,port,net", "apn"),
    ("hash:net,net", "nn"),
    ("hash:net,iface", "ni"),
    ("bitmap:port range 0-10000", "b"),
    ("bitmap:ip range 203.0.0.0/16 netmask 29", "o"),
];

fn part(choices: &mut Choices, kind: char) -> String {
    let words: &[&str] = match kind {
        'a' => {
            &["203.0.113.10", "203.0.113.11", "203.0.113.1", "192.168.1.100", "192.168.1.101", "192.168.1.1"]
        }
        'o' => &["203.0.113.10", "203.0.113.1", "203.0.113.64"],
        'n' => &[
            "203.0.113.10",
            "203.0.113.8/29",
            "203.0.113.0/24",
            "203.0.0.0/16",
            "192.168.1.100",
            "192.168.1.64/26",
            "192.168.1.0/24",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "203.0.113.9-203.0.113.12",
        ],
        'p' => &[
            "tcp:22",
            "tcp:80",
            "80",
            "udp:53",
            "udp:443",
            "icmp:echo-request",
            "icmp:13/0",
            "tcp:79-91",
            "udp:80",
        ],
        'b' => &["22", "53", "80", "443", "8080"],
        _ => &["eth0", "eth1"],
    };
    choices.of(words).to_owned()
}

/// The parts of sets by their names, as in [`KINDS`].
type Made = Vec<(String, &'static str)>;

/// Makes sets, as far as the kernel has their types; the last is a list of some others.
fn make_sets(choices: &mut Choices, lab: &Lab) -> Made {
    let mut made = Made::new();
    for (at, (kind, parts)) in KINDS.iter().enumerate() {
        let mut text = format!("create s{at} {kind}\n");
        for _ in 0..1 + choices.below(6) {
            let element: Vec<String> = parts.chars().map(|p| part(choices, p)).collect();
            // Which of two networks is the longer is not known.
            let excepts = parts.matches('n').count() == 1 && choices.below(3) == 0;
            let nomatch = if excepts { " nomatch" } else { "" };
            text.push_str(&format!("add s{at} {}{nomatch}\n", element.join(",")));
        }
        let done = lab.run(Host::Router, &["ipset", "-exist", "restore"], text.as_bytes()).expect("ipset");
        let said = String::from_utf8_lossy(&done.stderr);
        if done.status.success() {
            made.push((format!("s{at}"), *parts));
        } else {
            assert!(said.contains("set type not supported"), "{said}\n{text}");
            println!("skipped: this kernel has no {kind}");
        }
    }
    let members: String = made.iter().step_by(2).map(|(name, _)| format!("add list {name}\n")).collect();
    let text = format!("create list list:set\n{members}");
    lab.check(Host::Router, &["ipset", "restore"], text.as_bytes()).expect("a list of sets");
    made.push(("list".to_owned(), "ap"));
    made
}

/// What `ipset save` prints, as facts.
fn facts(saved: &str) -> Facts {
    let mut found: BTreeMap<String, IpSet> = BTreeMap::new();
    for line in saved.lines() {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match words.as_slice() {
            [word, name, kind, options @ ..] if word == "create" => {
                let set = IpSet {
                    kind: kind.clone(),
                    family: None,
                    options: options.to_vec(),
                    entries: Vec::new(),
                    complete: true,
                };
                found.insert(name.clone(), set);
            }
            [word, name, element @ ..] if word == "add" => {
                found.get_mut(name).expect("a set").entries.push(element.join(" "));
            }
            _ => panic!("{line}"),
        }
    }
    let mut facts = Facts { ipsets: Some(found), ..Facts::default() };
    for (name, address) in [("eth0", addresses::ROUTER), ("eth1", addresses::ROUTER_INSIDE)] {
        let mut known = Interface::default();
        known.add(&format!("{address}/24")).expect("an address");
        facts.interfaces.insert(name.to_owned(), known);
    }
    facts
}

fn rule(choices: &mut Choices, sets: &Made, chain: &str, later: &[&str]) -> String {
    let mut words = vec![format!("-A {chain}")];
    if chain == "POSTROUTING" {
        // What the router itself answers leaves by the other.
        words.push("-o eth1".to_owned());
    }
    for _ in 0..1 + choices.below(2) {
        let (name, parts) = &sets[choices.below(sets.len())];
        // Too few parts find nothing, more than there are don't matter.
        // Whether there is an incoming interface at POSTROUTING depends on the kernel.
        if chain == "POSTROUTING" && parts.contains('i') {
            continue;
        }
        let count =
            (parts.len() + [0, 0, 0, 0, 1, 2][choices.below(6)]).saturating_sub(choices.below(8) / 7).max(1);
        let ends: Vec<&str> = (0..count).map(|_| choices.of(&["src", "dst"])).collect();
        let (not, exceptions) = (choices.of(&["", "", "! "]), choices.of(&["", "", "", " --return-nomatch"]));
        words.push(format!("-m set {not}--match-set {name} {}{exceptions}", ends.join(",")));
    }
    let target = match choices.below(8) {
        0..2 => "-j ACCEPT".to_owned(),
        2 => "-j DROP".to_owned(),
        3 => "-j RETURN".to_owned(),
        4..6 if !later.is_empty() => format!("-j {}", later[choices.below(later.len())]),
        _ => String::new(),
    };
    words.push(target);
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

fn ruleset(choices: &mut Choices, sets: &Made) -> String {
    let mut text = "*nat\n".to_owned();
    for (from, to) in [("-p tcp --dport 8080", "192.168.1.101:80"), ("-p udp --dport 79", "203.0.113.1:53")] {
        let set = format!("-m set --match-set s0 {}", choices.of(&["src", "dst"]));
        text.push_str(&format!("-A PREROUTING {from} {set} -j DNAT --to-destination {to}\n"));
    }
    for (table, bases) in [
        ("mangle", &["PREROUTING", "INPUT", "FORWARD", "POSTROUTING"][..]),
        ("filter", &["INPUT", "FORWARD"]),
    ] {
        text.push_str(&format!("COMMIT\n*{table}\n"));
        if table == "filter" {
            text.push_str(&format!(":FORWARD {} [0:0]\n", choices.of(&["ACCEPT", "DROP"])));
        }
        text.push_str(":A - [0:0]\n:B - [0:0]\n");
        for (chain, later) in
            bases.iter().map(|base| (*base, &["A", "B"][..])).chain([("A", &["B"][..]), ("B", &[])])
        {
            // A chain that POSTROUTING leads to would see what the router answers, too.
            let later = if table == "mangle" { &[] } else { later };
            for _ in 0..2 + choices.below(5) {
                text.push_str(&rule(choices, sets, chain, later));
                text.push('\n');
            }
        }
    }
    text.push_str("COMMIT\n");
    text
}

fn packet(choices: &mut Choices, number: u16) -> (Packet, rfw_space::Packet) {
    let all = [addresses::ROUTER, addresses::ROUTER_INSIDE, addresses::INSIDE, addresses::INSIDE_2];
    let to = all[choices.below(all.len())];
    common::packet(choices, number, to)
}

fn model(text: &str, saved: &str, facts: &Facts) -> Model {
    let source = Source::new("random.rules", SourceKind::File, text.as_bytes().to_vec());
    let sets: Vec<String> = facts.ipsets.iter().flatten().map(|(name, _)| name.clone()).collect();
    let model = read(&source, Input::Save, Family::Ipv4, &FixedNames::new(&sets), facts);
    assert!(model.findings.is_empty(), "{:?}\n{saved}\n{text}", model.findings);
    model
}

/// How many packets each rule counts: table, chain and number in it.
type Counts = BTreeMap<(&'static str, String, usize), u64>;

const TABLES: [(&str, Kind); 3] = [("nat", Kind::Nat), ("mangle", Kind::Mangle), ("filter", Kind::Filter)];

/// A packet on its way through the tables, counted.
struct Way<'a> {
    program: &'a Program,
    space: &'a Space,
    counts: &'a mut Counts,
    packet: rfw_space::Packet,
}

impl Way<'_> {
    /// Whether the packet passes.
    fn table(&mut self, kind: Kind, hook: Hook) -> bool {
        let (table, found) = self.program.table(kind).expect("a table");
        let chain = found.at_hook(hook).expect("a base chain");
        let entry = self.space.entry(ChainId { table, chain });
        assert!(
            self.space.contains(entry, &self.packet).expect("budget"),
            "{kind:?} {hook:?}: {}",
            self.packet
        );
        let trace = interpret(self.program, table, chain, &self.packet, &mut |_| {
            unreachable!("nothing is left to chance")
        });
        let name = TABLES.iter().find(|(_, k)| *k == kind).expect("a name").0;
        for &hit in &trace.hits {
            assert!(self.space.dead(hit).is_none(), "{hit:?} is dead and hit by {}", self.packet);
            *self
                .counts
                .get_mut(&(name, found.chains[hit.chain].name.clone(), hit.rule + 1))
                .expect("a rule") += 1;
        }
        let last = trace.hits.last().and_then(|&id| self.program.rule(id));
        if let Some(to) = last.and_then(|rule| rule.translation.as_ref()) {
            let one = |set: &Option<rfw_space::Set>| set.as_ref().and_then(rfw_space::Set::single);
            self.packet.set(Key::Destination, one(&to.addresses).expect("an address"));
            self.packet.set(Key::DestinationPort, one(&to.ports).expect("a port"));
        }
        trace.verdict == Verdict::Accept
    }

    fn all(&mut self, kinds: &[Kind], hook: Hook) -> bool {
        kinds.iter().all(|&kind| self.table(kind, hook))
    }

    fn is_routed(&self, hook: Hook) -> bool {
        let mut known = self.program.routing.iter().filter(|(at, _)| *at == hook);
        known.all(|(_, condition)| self.packet.matches(condition))
    }

    fn go(&mut self) {
        if !self.all(&[Kind::Mangle, Kind::Nat], Hook::Prerouting) {
            return;
        }
        assert_ne!(self.is_routed(Hook::Input), self.is_routed(Hook::Forward), "{}", self.packet);
        if self.is_routed(Hook::Input) {
            self.all(&[Kind::Mangle, Kind::Filter], Hook::Input);
            return;
        }
        let inside = self.packet.get(&Key::Destination) >> 24 == 192;
        self.packet.set(Key::Oif, name(if inside { "eth1" } else { "eth0" }));
        if self.all(&[Kind::Mangle, Kind::Filter], Hook::Forward) {
            self.packet.set(Key::Iif, 0);
            self.all(&[Kind::Mangle, Kind::Nat], Hook::Postrouting);
        }
    }
}

fn interpreted(program: &Program, space: &Space, packets: &[(Packet, rfw_space::Packet)]) -> Counts {
    let mut counts = Counts::new();
    for (name, kind) in TABLES {
        let (_, table) = program.table(kind).expect("a table");
        let rules = table.chains.iter().flat_map(|c| (1..=c.rules.len()).map(|n| (name, c.name.clone(), n)));
        counts.extend(rules.map(|place| (place, 0)));
    }
    for (_, packet) in packets {
        Way { program, space, counts: &mut counts, packet: packet.clone() }.go();
    }
    counts
}

#[test]
fn the_kernel_counts_what_the_facts_say() {
    let seed = std::env::var("RFW_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5eed_u64);
    let (mut counted, mut lookups) = (0, 0);
    for number in 0..RULESETS {
        let mut choices = Choices::new((seed * 1000).wrapping_add(number));
        let lab = Lab::new(Path::new(env!("CARGO_BIN_EXE_rfw-lab"))).expect("a lab");
        lab.check(Host::Inside, &["iptables", "-P", "INPUT", "DROP"], b"").expect("a silent host");
        let sets = make_sets(&mut choices, &lab);
        let saved = lab.check(Host::Router, &["ipset", "save"], b"").expect("sets");
        let facts = facts(&saved);
        let text = ruleset(&mut choices, &sets);
        let packets: Vec<_> =
            (0..PACKETS).map(|n| packet(&mut choices, u16::try_from(n).expect("few"))).collect();
        let model = model(&text, &saved, &facts);
        let (made, space) = (program(&model, &facts), space(&model, &facts));
        assert!(made.atoms.is_empty(), "{:?} is not understood\n{saved}", made.atoms);
        lookups += text.matches("--match-set").count();

        compare::stock_loader(compare::Family::V4)(&lab, &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        for (packet, _) in &packets {
            lab.send(Host::Client, packet).expect("sent");
        }
        let seen = counters::read(&lab).expect("counters").into_iter().filter(|c| c.family == "ip");
        let seen: Counts = seen
            .filter_map(|c| {
                let table = TABLES.iter().find(|(name, _)| *name == c.table)?.0;
                Some(((table, c.chain, c.number), c.count.expect("rules count").0))
            })
            .collect();
        let expected = interpreted(&made, &space, &packets);
        let differences: Vec<_> = expected
            .iter()
            .filter(|(place, count)| seen.get(place) != Some(count))
            .map(|(p, n)| (p, n, seen.get(p)))
            .collect();
        assert!(differences.is_empty(), "RFW_SEED={seed} ruleset {number}\n{differences:?}\n{saved}\n{text}");
        counted += seen.values().sum::<u64>();
    }
    println!(
        "{RULESETS} rulesets, {PACKETS} packets each, {lookups} looks into sets, {counted} packets counted"
    );
    assert!(counted > 0, "nothing was counted");
}
