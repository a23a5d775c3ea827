//! Which rulesets do the same.

use rfw_diagnostics::{Source, SourceKind};
use rfw_lint::{Comparison, Facts, Input, Model, Offline, compare, read};
use rfw_nft::Family;

use crate::common::FewNames;

pub fn model(text: &str) -> Model {
    let source = Source::new("t.rules", SourceKind::File, text.as_bytes().to_vec());
    read(&source, Input::Save, Family::Ipv4, &Offline::new(&FewNames), &Facts::default())
}

/// Lines of a filter table whose INPUT and FORWARD drop.
fn filter(lines: &str) -> String {
    format!("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{lines}\nCOMMIT\n")
}

fn compared(before: &str, after: &str) -> Comparison {
    compare(&model(before), &model(after), &Facts::default())
}

fn same(before: &str, after: &str) {
    assert_eq!(compared(&filter(before), &filter(after)), Comparison::Same, "{before}\n--\n{after}");
}

/// Words in what is said of the difference.
fn different(before: &str, after: &str, words: &str) {
    match compared(&filter(before), &filter(after)) {
        Comparison::Different { packet, change } => {
            let said = format!("{packet}: {change}");
            assert!(said.contains(words), "{before}\n--\n{after}\n{said}");
        }
        other => panic!("{before}\n--\n{after}\n{other:?}"),
    }
}

fn unknown(before: &str, after: &str) {
    let found = compared(&filter(before), &filter(after));
    assert!(matches!(found, Comparison::Unknown(_)), "{before}\n--\n{after}\n{found:?}");
}

const SSH: &str = "-A INPUT -p tcp --dport 22 -j ACCEPT";
const LOG: &str = "-A INPUT -p tcp -j LOG --log-prefix a";

#[test]
fn rules_that_do_nothing_may_go() {
    same(&format!("{SSH}\n{SSH}"), SSH);
    same(&format!("-A INPUT -p tcp -j ACCEPT\n{SSH}"), "-A INPUT -p tcp -j ACCEPT");
    same(&format!("-A INPUT -p tcp -j DROP\n{LOG}"), "-A INPUT -p tcp -j DROP");
    same(&format!(":X - [0:0]\n-A X -j LOG\n{SSH}"), SSH);
    same(&format!(":X - [0:0]\n-A INPUT -j X\n{SSH}"), SSH);
    same(&format!("{SSH}\n-A INPUT -p tcp --dport 22 -m limit --limit 1/s -j DROP"), SSH);
    same(&format!("{SSH}\n-A INPUT -p tcp -j DROP"), SSH);
}

#[test]
fn other_words_for_the_same() {
    same(
        "-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT",
        "-A INPUT -p tcp --dport 80 -j ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT",
    );
    same("-A INPUT -m state --state NEW -j ACCEPT", "-A INPUT -m conntrack --ctstate NEW -j ACCEPT");
    same(
        "-A INPUT -s 10.0.0.0/9 -j ACCEPT\n-A INPUT -s 10.128.0.0/9 -j ACCEPT",
        "-A INPUT -s 10.0.0.0/8 -j ACCEPT",
    );
    same(&format!("{SSH} -m comment --comment a"), SSH);
    same(
        "-A INPUT -s 10.0.0.1 -j REJECT\n-A INPUT -s 10.0.0.0/31 -j REJECT",
        "-A INPUT -s 10.0.0.0/31 -j REJECT",
    );
    same(":X - [0:0]\n-A INPUT -p tcp -j X\n-A X -p tcp --dport 22 -j ACCEPT", SSH);
    same("-A INPUT -p tcp -j REJECT", "-A INPUT -p tcp -j REJECT --reject-with icmp-port-unreachable");
    let raw = |target: &str| format!("*raw\n-A PREROUTING -p tcp -j {target}\nCOMMIT\n");
    assert_eq!(compared(&raw("NOTRACK"), &raw("CT --notrack")), Comparison::Same);
    // A table that is not there accepts.
    let more = format!("{}*mangle\nCOMMIT\n", filter(SSH));
    assert_eq!(compared(&more, &filter(SSH)), Comparison::Same);
}

#[test]
fn other_fates() {
    different(SSH, "", ":22 ");
    different("", SSH, "was dropped, is accepted by filter INPUT");
    different(
        &format!("-A INPUT -s 10.0.0.0/8 -j DROP\n{SSH}"),
        &format!("{SSH}\n-A INPUT -s 10.0.0.0/8 -j DROP"),
        "was dropped, is accepted",
    );
    let open = filter(SSH).replace("FORWARD DROP", "FORWARD ACCEPT");
    assert!(matches!(compared(&filter(SSH), &open), Comparison::Different { .. }));
    different("-A INPUT -m mark --mark 1 -j ACCEPT", "-A INPUT -m mark --mark 2 -j ACCEPT", "INPUT");
}

#[test]
fn what_rules_do_besides_judging() {
    different(LOG, "", "more than judge");
    different(&format!("{LOG}\n{LOG}"), LOG, "gets it in one of them only");
    different(LOG, &LOG.replace("prefix a", "prefix b"), "more than judge");
    different(&format!("{LOG}\n{SSH}"), &format!("{SSH}\n{LOG}"), ":22");
    different("-A INPUT -p tcp -j REJECT", "-A INPUT -p tcp -j DROP", "more than judge");
    different(
        "-A INPUT -p tcp -j REJECT",
        "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
        "more than judge",
    );
    let nat =
        |to: &str| format!("*nat\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination {to}\nCOMMIT\n");
    assert_eq!(compared(&nat("10.0.0.1"), &nat("10.0.0.1")), Comparison::Same);
    assert!(matches!(compared(&nat("10.0.0.1"), &nat("10.0.0.2")), Comparison::Different { .. }));
    let list = "-A INPUT -p tcp -m recent --set --name a -j ACCEPT";
    different(list, "-A INPUT -p tcp -j ACCEPT", "INPUT");
}

#[test]
fn long_lists() {
    let list = |target: &dyn Fn(usize) -> &'static str| -> String {
        (0..100).map(|n| format!("-A INPUT -s 10.0.0.{n} -j {}\n", target(n))).collect()
    };
    let reject = list(&|_| "REJECT");
    same(&format!("{reject}-A INPUT -s 10.0.0.7 -j REJECT"), &reject);
    different(&reject, &reject.replace("10.0.0.50 ", "10.0.9.50 "), "INPUT");
    different(&reject, &list(&|_| "DROP"), "more than judge");
    let ports: String = (0..100).map(|n| format!("-A INPUT -p tcp --dport {n} -j REJECT\n")).collect();
    different(
        &format!("{reject}{ports}"),
        &format!("{reject}{}", ports.replace("--dport 50 ", "--dport 500 ")),
        "INPUT",
    );
    let resets = |odd: usize| -> String {
        let target = |n: usize| if n == odd { "tcp-reset" } else { "icmp-port-unreachable" };
        (0..100)
            .map(|n| format!("-A INPUT -s 10.0.0.{n} -p tcp -j REJECT --reject-with {}\n", target(n)))
            .collect()
    };
    let found = compared(&filter(&resets(40)), &filter(&resets(41)));
    assert!(found != Comparison::Same, "{found:?}");
}

#[test]
fn limits_hide_nothing() {
    let rate = |rate: &str, target: &str| format!("-A INPUT -p tcp -m limit --limit {rate} -j {target}");
    let both = format!("{}\n{}", rate("5/s", "ACCEPT"), rate("9/s", "DROP"));
    same(&both, &both);
    // What may be accepted and what may be dropped are the same here; what becomes of the rest is not.
    different(&format!("{both}\n-A INPUT -p tcp -j ACCEPT"), &both, "was accepted, is dropped");
    different(&rate("5/s", "ACCEPT"), &rate("6/s", "ACCEPT"), "INPUT");
    // Twice the rule is twice the rate.
    let twice = format!("{0}\n{0}", rate("5/s", "ACCEPT"));
    different(&twice, &rate("5/s", "ACCEPT"), "INPUT");
    let chain = ":L - [0:0]\n-A L -m limit --limit 1/s -j ACCEPT\n-A INPUT -j L";
    unknown(&format!("{chain}\n-A INPUT -j L"), chain);
}

#[test]
fn what_cannot_be_read_is_not_compared() {
    unknown("-A INPUT --nonsense", "-A INPUT --nonsense\n-A INPUT -j ACCEPT");
}

#[test]
fn chains_of_other_programs_stay_open() {
    let docker = ":DOCKER - [0:0]\n-A INPUT -j DOCKER";
    same(&format!("{docker}\n{SSH}\n{SSH}"), &format!("{docker}\n{SSH}"));
    different(&format!("{docker}\n{SSH}"), docker, ":22 ");
    different(&format!("{docker}\n{SSH}"), SSH, "");
}

/// Numbers that look random and are the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    pub fn rule(&mut self, chain: &str) -> String {
        let source =
            self.pick(&["", "", "-s 10.0.0.0/8 ", "-s 10.1.0.0/16 ", "! -s 10.1.0.0/16 ", "-s 192.0.2.1 "]);
        let interface = self.pick(&["", "", "-i eth0 ", "-i lo ", "! -i lo "]);
        let port =
            self.pick(&["", "-p tcp ", "-p tcp --dport 22 ", "-p tcp --dport 20:80 ", "-p udp --dport 53 "]);
        let state = self.pick(&["", "", "-m conntrack --ctstate NEW ", "-m state ! --state NEW "]);
        let limit = if self.roll(6) == 0 {
            format!("-m limit --limit {}/s ", 1 + self.roll(8))
        } else {
            String::new()
        };
        let more: &[&str] = match chain {
            "INPUT" => &["-j A", "-j B", "-g A"],
            "A" => &["-j B", "-j RETURN", "-g B"],
            _ => &["-j RETURN"],
        };
        let plain = [
            "-j ACCEPT",
            "-j DROP",
            "-j ACCEPT",
            "-j DROP",
            "-j LOG --log-prefix a",
            "-j LOG --log-prefix b",
        ];
        let target = if self.roll(3) == 0 { self.pick(more) } else { self.pick(&plain) };
        format!("-A {chain} {source}{interface}{port}{state}{limit}{target}")
    }
}

pub fn whole(lines: &[String]) -> String {
    filter(&format!(":A - [0:0]\n:B - [0:0]\n{}", lines.join("\n")))
}

/// What becomes of a packet: the verdict, and what is logged. Limits of even rates hold.
pub fn fate(text: &str, model: &Model, packet: &rfw_space::Packet) -> (rfw_space::Verdict, Vec<String>) {
    let program = rfw_lint::space::program(model, &Facts::default());
    let (table, _) = model.table("filter").expect("a table");
    let chain = model.tables[table].position(b"INPUT").expect("a chain");
    let line = |id| {
        let span = model.rule(id).expect("a rule").span;
        &text[span.start as usize..span.end as usize]
    };
    let mut chance = |asked| match asked {
        rfw_space::Chance::Rule(id) => {
            ["2/s", "4/s", "6/s", "8/s"].iter().any(|rate| line(id).contains(rate))
        }
        _ => false,
    };
    let trace = rfw_space::interpret(&program, table, chain, packet, &mut chance);
    let logged =
        trace.hits.iter().filter_map(|&id| line(id).split_once("LOG ").map(|(_, rest)| rest.to_owned()));
    (trace.verdict, logged.collect())
}

pub fn packets() -> Vec<rfw_space::Packet> {
    use rfw_space::{Key, Packet};
    let name = |text: &str| {
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        u128::from_be_bytes(bytes)
    };
    let mut all = Vec::new();
    for source in [0x0a01_0001, 0x0a02_0001, 0xc000_0201, 0xc000_0202] {
        for interface in ["eth0", "lo", "ppp0"] {
            for (protocol, port) in [(6, 22), (6, 79), (6, 443), (17, 53), (17, 54), (1, 0)] {
                for state in [rfw_space::NEW, rfw_space::ESTABLISHED] {
                    let packet =
                        Packet::new(Family::Ipv4).with(Key::Source, source).with(Key::Iif, name(interface));
                    let packet = packet.with(Key::Protocol, protocol).with(Key::DestinationPort, port);
                    all.push(packet.with(Key::State, state));
                }
            }
        }
    }
    all
}

#[test]
fn rulesets_that_are_called_the_same_treat_every_packet_alike() {
    let mut dice = Dice(2026);
    let packets = packets();
    let (mut alike, mut others) = (0, 0);
    for round in 0..400 {
        let mut lines = Vec::new();
        for chain in ["INPUT", "INPUT", "INPUT", "INPUT", "INPUT", "A", "A", "B", "B"] {
            lines.push(dice.rule(chain));
        }
        let mut changed = lines.clone();
        let at = dice.roll(changed.len());
        match dice.roll(4) {
            0 => drop(changed.remove(at)),
            1 => changed.swap(at.min(3), at.min(3) + 1),
            2 => changed.insert(at, changed[at].clone()),
            _ => changed[at] = dice.rule(["INPUT", "A", "B"][dice.0 as usize % 3]),
        }
        let texts = [whole(&lines), whole(&changed)];
        let models = [model(&texts[0]), model(&texts[1])];
        match compare(&models[0], &models[1], &Facts::default()) {
            Comparison::Same => {
                alike += 1;
                for packet in &packets {
                    let (was, is) =
                        (fate(&texts[0], &models[0], packet), fate(&texts[1], &models[1], packet));
                    assert_eq!(was, is, "{round}: {packet}\n{}\n{}", texts[0], texts[1]);
                }
            }
            Comparison::Different { .. } => others += 1,
            Comparison::Unknown(_) => {}
        }
    }
    assert!(alike > 40 && others > 100, "{alike} {others}");
}
