//! What the configuration's facts let the analysis conclude: elements of ipsets, addresses of the host, and the way to
//! POSTROUTING, which needs none.

use std::collections::BTreeMap;

use rfw_diagnostics::{FixSafety, Severity, Source, SourceKind};
use rfw_lint::facts::{Interface, IpSet};
use rfw_lint::space::program;
use rfw_lint::{Facts, Finding, Input, Model, Offline, Options, lint, read};
use rfw_nft::Family;
use rfw_space::{Key, Literal, Packet, interface};

use crate::common::{FewNames, listing, options};

/// Sets by name, type with options, and elements.
fn sets(all: &[(&str, &str, &[&str])]) -> Facts {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let one = |(name, kind, entries): &(&str, &str, &[&str])| {
        let kind = words(kind);
        let set = IpSet {
            kind: kind[0].clone(),
            family: None,
            options: kind[1..].to_vec(),
            entries: entries.iter().map(|&entry| entry.to_owned()).collect(),
            complete: true,
        };
        ((*name).to_owned(), set)
    };
    Facts { ipsets: Some(all.iter().map(one).collect::<BTreeMap<_, _>>()), ..Facts::default() }
}

fn hosts(all: &[(&str, &[&str])]) -> Facts {
    let mut facts = Facts::default();
    for (name, addresses) in all {
        let mut known = Interface::default();
        addresses.iter().for_each(|text| known.add(text).expect("an address"));
        facts.interfaces.insert((*name).to_owned(), known);
    }
    facts
}

fn source(text: &str) -> Source {
    Source::new("t.rules", SourceKind::File, text.as_bytes().to_vec())
}

fn found(text: &str, facts: &Facts) -> Vec<Finding> {
    let options = Options { facts: facts.clone(), ..options() };
    let source = source(text);
    let found = lint(&source, Input::Save, Family::Ipv4, &Offline::new(&FewNames), &options).findings;
    assert!(!found.iter().any(|f| f.diagnostic.code.number < 130), "{}", listing(&source, &found));
    found
}

/// The lines that no packet comes to, with the severity of that.
fn dead(text: &str, facts: &Facts) -> Vec<(usize, Severity)> {
    let source = source(text);
    let found = found(text, facts);
    let dead = found.iter().filter(|f| matches!(f.diagnostic.code.number, 301 | 304));
    dead.map(|f| (source.line_column(f.diagnostic.span.start).line, f.diagnostic.severity)).collect()
}

fn model(text: &str, facts: &Facts) -> Model {
    read(&source(text), Input::Save, Family::Ipv4, &Offline::new(&FewNames), facts)
}

fn address(text: &str) -> u128 {
    u32::from(text.parse::<std::net::Ipv4Addr>().expect("an address")).into()
}

/// `tcp 10.0.0.1:1000 10.0.0.2:80`, from eth0 to eth1.
fn packet(text: &str) -> Packet {
    let words: Vec<&str> = text.split(' ').collect();
    let protocol = match words[0] {
        "icmp" => 1,
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        other => panic!("{other}"),
    };
    let name = |name: &str| interface(name).intervals()[0].0;
    let mut packet = Packet::new(Family::Ipv4)
        .with(Key::Protocol, protocol)
        .with(Key::Iif, name("eth0"))
        .with(Key::Oif, name("eth1"));
    let ends = [(Key::Source, Key::SourcePort), (Key::Destination, Key::DestinationPort)];
    for ((of, port), word) in ends.into_iter().zip(&words[1..]) {
        let (text, number) = word.split_once(':').unwrap_or((word, "0"));
        packet.set(of, address(text));
        packet.set(port, number.parse().expect("a number"));
    }
    packet
}

/// Whether a lookup in a set finds a packet; `None` if that is not known.
fn finds(kind: &str, entries: &[&str], lookup: &str, text: &str) -> Option<bool> {
    let facts = sets(&[("x", kind, entries)]);
    let (not, ends) = lookup.strip_prefix("! ").map_or(("", lookup), |ends| ("! ", ends));
    let text_of = format!("*filter\n-A FORWARD -m set {not}--match-set x {ends} -j DROP\nCOMMIT\n");
    let model = model(&text_of, &facts);
    assert!(model.findings.is_empty(), "{:?}", model.findings);
    let made = program(&model, &facts);
    let (_, rule) = made.rules().next().expect("a rule");
    let mut packet = packet(text);
    let open = rule.condition.clauses.iter().flatten().any(|l| matches!(l, Literal::Atom { .. }));
    let answers: Vec<bool> = [vec![], vec![0]]
        .into_iter()
        .map(|atoms| {
            packet.atoms = atoms;
            packet.matches(&rule.condition)
        })
        .collect();
    assert!(open || answers[0] == answers[1]);
    (answers[0] == answers[1]).then_some(answers[0])
}

#[test]
fn sets_of_every_kind_hold_what_the_kernel_finds_in_them() {
    let (yes, no) = (Some(true), Some(false));
    let tcp = "tcp 10.0.0.1:1000 10.0.0.2:80";
    for (kind, entries, lookup, text, expected) in [
        ("hash:ip", &["10.0.0.1"][..], "src", tcp, yes),
        ("hash:ip", &["10.0.0.1"], "dst", tcp, no),
        ("hash:ip", &["10.0.0.1"], "! src", tcp, no),
        ("hash:ip", &["10.0.0.1"], "src,dst", tcp, yes),
        ("hash:ip", &["10.0.0.2-10.0.0.9"], "dst", tcp, yes),
        ("hash:ip netmask 24", &["10.0.0.0"], "dst", tcp, yes),
        ("bitmap:ip range 10.0.0.0/16 netmask 24", &["10.0.1.0"], "dst", tcp, no),
        // The longest prefix decides.
        ("hash:net", &["10.0.0.0/8", "10.0.0.0/30 nomatch"], "src", tcp, no),
        ("hash:net", &["10.0.0.0/30 nomatch", "10.0.0.0/8", "10.0.0.1"], "src", tcp, yes),
        ("hash:net", &["10.0.0.0/30 nomatch", "10.0.0.0/8"], "! src", tcp, yes),
        ("hash:net", &["10.0.0.0/8", "10.0.0.0/30 nomatch"], "src --return-nomatch", tcp, yes),
        ("hash:net", &["10.0.0.0/8"], "src --return-nomatch", tcp, no),
        ("hash:ip", &["10.0.0.1"], "src --return-nomatch", tcp, yes),
        ("hash:net", &["10.0.0.0/8", "10.0.0.1-10.0.0.6 nomatch"], "src", tcp, no),
        // Protocol and port; that of ICMP is type and code, whichever end is asked for.
        ("hash:ip,port", &["10.0.0.1,tcp:80"], "src,dst", tcp, yes),
        ("hash:ip,port", &["10.0.0.1,80"], "src,dst", tcp, yes),
        ("hash:ip,port", &["10.0.0.1,udp:80"], "src,dst", tcp, no),
        ("hash:ip,port", &["10.0.0.1,tcp:70-90"], "src,src", tcp, no),
        ("hash:ip,port", &["10.0.0.1,icmp:echo-request"], "src,dst", "icmp 10.0.0.1:2048 10.0.0.2", yes),
        ("hash:ip,port", &["10.0.0.1,icmp:8/1"], "src,dst", "icmp 10.0.0.1:2048 10.0.0.2", no),
        ("hash:ip,port", &["10.0.0.1,gre:0"], "src,dst", "gre 10.0.0.1:77 10.0.0.2:9", yes),
        ("hash:ip,port", &["10.0.0.1,tcp:80"], "src", tcp, no),
        ("hash:ip,port", &["10.0.0.1,tcp:80"], "! src", tcp, yes),
        (
            "hash:net,port",
            &["10.0.0.0/8,tcp:80", "10.0.0.0/24,tcp:80 nomatch", "10.0.0.0/24,tcp:81"],
            "src,dst",
            tcp,
            no,
        ),
        ("hash:ip,port,ip", &["10.0.0.1,tcp:80,10.0.0.2"], "src,dst,dst", tcp, yes),
        ("hash:ip,port,ip", &["10.0.0.1,tcp:80,10.0.0.2"], "src,dst,src", tcp, no),
        (
            "hash:ip,port,net",
            &["10.0.0.1,tcp:80,10.0.0.0/24", "10.0.0.1,tcp:80,10.0.0.2 nomatch"],
            "src,dst,dst",
            tcp,
            no,
        ),
        ("hash:net,net", &["10.0.0.0/24,10.0.0.2"], "src,dst", tcp, yes),
        ("hash:net,iface", &["0.0.0.0/0,eth0"], "src,src", tcp, yes),
        ("hash:net,iface", &["0.0.0.0/0,eth0"], "src,dst", tcp, no),
        ("hash:net,iface", &["0.0.0.0/0,eth0", "10.0.0.0/8,eth0 nomatch"], "src,src", tcp, no),
        // A longer prefix ends the search, though it is another interface's.
        ("hash:net,iface", &["0.0.0.0/0,eth0", "10.0.0.0/8,eth1"], "src,src", tcp, no),
        ("hash:net,iface", &["0.0.0.0/0,eth1", "10.0.0.0/8,eth0", "10.0.0.0/8,eth1"], "src,src", tcp, yes),
        ("bitmap:port range 0-100", &["80"], "dst", tcp, yes),
        ("bitmap:port range 0-100", &["80"], "dst", "gre 10.0.0.1 10.0.0.2:80", no),
        // What may be gone may match or not; what it excepts too.
        ("hash:ip timeout 60", &["10.0.0.1"], "src", tcp, None),
        ("hash:ip timeout 60", &["10.0.0.1 timeout 0"], "src", tcp, yes),
        ("hash:ip timeout 0", &["10.0.0.1 timeout 30"], "! src", tcp, None),
        ("hash:ip timeout 60", &["10.0.0.3"], "src", tcp, no),
        ("hash:net timeout 0", &["10.0.0.0/8", "10.0.0.1 timeout 9 nomatch"], "src", tcp, None),
        ("hash:net timeout 0", &["10.0.0.0/8", "10.0.0.1 timeout 9"], "src", tcp, yes),
        (
            "hash:ip comment counters",
            &["10.0.0.1 packets 1 bytes 2 comment \"a b nomatch\""],
            "src",
            tcp,
            yes,
        ),
    ] {
        assert_eq!(finds(kind, entries, lookup, text), expected, "{kind} {entries:?} {lookup} {text}");
    }
}

#[test]
fn what_is_not_understood_stays_open() {
    for (kind, entries) in [
        ("hash:ip", &[][..]),
        ("hash:mac", &["02:00:00:00:00:01"]),
        ("hash:ip bitmask 255.255.0.255", &["10.0.0.1"]),
        ("hash:ip", &["10.0.0.1", "host.example"]),
        ("hash:ip,port", &["10.0.0.1,tcp:http"]),
        ("hash:net", &["10.0.0.1 once"]),
        ("hash:ip", &["2001:db8::1"]),
        ("hash:net,iface", &["0.0.0.0/0,physdev:eth0"]),
        ("hash:net,iface timeout 0", &["0.0.0.0/0,eth0", "10.0.0.0/8,eth1 timeout 9"]),
        ("hash:net,net", &["10.0.0.0/8,10.0.0.0/8", "10.0.0.0/24,10.0.0.0/24 nomatch"]),
        ("hash:net,port", &["10.0.0.0/8,tcp:1-90", "10.0.0.0/24,tcp:80 nomatch"]),
        ("list:set", &["nowhere"]),
    ] {
        assert_eq!(finds(kind, entries, "src,dst", "tcp 10.0.0.1:1 10.0.0.2:80"), None, "{kind} {entries:?}");
    }
}

const BEHIND: &str =
    "*filter\n-A INPUT -m set --match-set x src -j ACCEPT\n-A INPUT -s 10.1.2.3 -j DROP\nCOMMIT\n";

#[test]
fn what_came_by_which_interface_is_not_known_at_postrouting() {
    let facts = sets(&[("x", "hash:net,iface", &["10.0.0.0/8,eth0"])]);
    for (chain, known) in [("PREROUTING", true), ("POSTROUTING", false)] {
        let text = format!(
            "*mangle\n:A - [0:0]\n-A {chain} -j A\n-A A -m set --match-set x src,src -j DROP\nCOMMIT\n"
        );
        assert_eq!(program(&model(&text, &facts), &facts).atoms.is_empty(), known, "{chain}");
    }
}

#[test]
fn a_finding_that_rests_on_elements_says_so() {
    let facts = sets(&[("x", "hash:net", &["10.0.0.0/8"])]);
    let all = found(BEHIND, &facts);
    let shadowed = all.iter().find(|f| f.diagnostic.code.number == 301).expect("a finding");
    assert_eq!(shadowed.diagnostic.severity, Severity::Error);
    assert!(shadowed.diagnostic.help.as_ref().is_some_and(|help| help.contains("ipset elements")));
    assert!(shadowed.diagnostic.fix.as_ref().is_none_or(|fix| fix.safety != FixSafety::Safe));
    // What is found without them does not.
    let twice = BEHIND.replace("COMMIT", "-A INPUT -s 10.1.2.3 -j DROP\nCOMMIT");
    let all = found(&twice, &sets(&[("x", "hash:net", &["192.0.2.0/24"])]));
    let same = all.iter().find(|f| f.diagnostic.code.number == 305).expect("a finding");
    assert!(same.diagnostic.help.as_ref().is_none_or(|help| !help.contains("ipset")));
    for facts in [
        Facts::default(),
        sets(&[("x", "hash:net", &[])]),
        sets(&[("x", "hash:net timeout 9", &["10.0.0.0/8"])]),
        sets(&[("x", "hash:net", &["10.0.0.0/8", "10.1.0.0/16 nomatch"])]),
    ] {
        assert_eq!(dead(BEHIND, &facts), []);
    }
}

#[test]
fn a_set_that_rules_fill_is_not_known() {
    let facts = sets(&[("x", "hash:net", &["10.0.0.0/8"]), ("y", "hash:ip", &["10.0.0.1"])]);
    assert_eq!(dead(BEHIND, &facts), [(3, Severity::Error)]);
    for option in ["--add-set x src", "--add-set y src --del-set x src"] {
        let filled = BEHIND.replace("COMMIT", &format!("-A INPUT -p tcp --dport 22 -j SET {option}\nCOMMIT"));
        assert_eq!(dead(&filled, &facts), [], "{option}");
    }
}

#[test]
fn sets_of_sets_hold_what_those_hold() {
    let facts = sets(&[
        ("a", "hash:net", &["10.0.0.0/9"]),
        ("b", "hash:net", &["10.128.0.0/9"]),
        ("x", "list:set size 8", &["a", "b"]),
    ]);
    assert_eq!(dead(BEHIND, &facts), [(3, Severity::Error)]);
    let without = sets(&[("a", "hash:net", &["10.0.0.0/9"]), ("x", "list:set", &["a", "b"])]);
    assert_eq!(dead(BEHIND, &without), []);
}

fn filter(lines: &str) -> String {
    format!("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{lines}\nCOMMIT\n")
}

#[test]
fn addresses_of_the_host_route_packets() {
    let both = hosts(&[("eth0", &["203.0.113.5/24"]), ("eth1", &["192.168.1.1/24"])]);
    let dead = |rule: &str, facts: &Facts| !dead(&filter(rule), facts).is_empty();
    let foreign =
        ["-A INPUT -d 198.51.100.7 -j ACCEPT", "-A INPUT -i eth0 -d 192.168.1.7 -p tcp --dport 22 -j ACCEPT"];
    let own = [
        "-A FORWARD -d 203.0.113.5 -j ACCEPT",
        "-A FORWARD -i eth1 -d 192.168.1.1 -p udp -j ACCEPT",
        "-A FORWARD -d 255.255.255.255 -j ACCEPT",
        "-A FORWARD -d 203.0.113.255 -j ACCEPT",
        "-A FORWARD -d 127.0.0.0/8 -j ACCEPT",
    ];
    let sent = "-A OUTPUT -s 198.51.100.7 -j DROP";
    for rule in foreign.iter().chain(&own).chain([&sent]) {
        assert!(dead(rule, &both), "{rule}");
        assert!(!dead(rule, &Facts::default()), "{rule}");
        // Networks are no addresses.
        assert!(
            !dead(rule, &hosts(&[("eth0", &["203.0.113.0/24"]), ("eth1", &["192.168.1.0/24"])])),
            "{rule}"
        );
    }
    for fine in [
        "-A INPUT -d 203.0.113.5 -j ACCEPT",
        "-A INPUT -d 224.0.0.251 -j ACCEPT",
        "-A INPUT -d 192.168.1.255 -j ACCEPT",
        "-A INPUT -d 127.0.0.1 -j ACCEPT",
        "-A INPUT -s 198.51.100.7 -j ACCEPT",
        "-A FORWARD -d 192.168.1.7 -j ACCEPT",
        "-A FORWARD -d 224.0.0.251 -j ACCEPT",
        "-A OUTPUT -s 203.0.113.5 -j DROP",
        "-A OUTPUT -s 0.0.0.0/32 -p udp -j DROP",
    ] {
        assert!(!dead(fine, &both), "{fine}");
    }
    let mut quiet = both.clone();
    quiet.sysctls.insert("net.ipv4.conf.all.mc_forwarding".to_owned(), "0".to_owned());
    assert!(dead("-A FORWARD -d 224.0.0.251 -j ACCEPT", &quiet));
    // Not all addresses are known: those that are go to INPUT, others may too.
    for some in [
        hosts(&[("eth0", &["203.0.113.5/24"]), ("eth1", &["192.168.1.0/24"])]),
        hosts(&[("eth0", &["203.0.113.5/24"]), ("ppp+", &["192.0.2.1"])]),
    ] {
        assert!(!dead(foreign[0], &some) && !dead(sent, &some) && dead(own[0], &some));
    }
    let named = format!("{}\n-A INPUT -i eth7 -j ACCEPT", foreign[0]);
    assert!(!dead(&named, &both));
}

#[test]
fn what_is_translated_is_routed_by_its_new_address() {
    let facts = hosts(&[("eth0", &["203.0.113.5/24"]), ("eth1", &["192.168.1.1/24"])]);
    let text = |nat: &str, rule: &str| {
        format!("*nat\n-A PREROUTING -i eth0 -p tcp --dport 80 -j {nat}\nCOMMIT\n{}", filter(rule))
    };
    let inside = "-A FORWARD -i eth0 -d 192.168.1.7 -p tcp --dport 8080 -j ACCEPT";
    assert_eq!(dead(&text("DNAT --to-destination 192.168.1.7:8080", inside), &facts), []);
    // No host behind the router is meant by a redirection.
    let port = "-A INPUT -i eth0 -p tcp --dport 8080 -j ACCEPT";
    assert_eq!(dead(&text("REDIRECT --to-ports 8080", port), &facts), []);
    // What a proxy takes is for anyone.
    let proxy = "-A INPUT -d 198.51.100.7 -j ACCEPT\nCOMMIT\n*mangle\n-A PREROUTING -p tcp --dport 80 -j TPROXY --on-port 3129 --tproxy-mark 1";
    assert_eq!(dead(&filter(proxy), &facts), []);
    // A reset is sent in the name of the one that was called.
    let reset =
        "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset\n-A OUTPUT -s 198.51.100.7 -p tcp -j ACCEPT";
    assert_eq!(dead(&filter(reset), &facts), []);
    let udp = reset.replace("7 -p tcp", "7 -p udp");
    assert_eq!(dead(&filter(&udp), &facts).len(), 1);
}

#[test]
fn what_is_dropped_before_does_not_leave() {
    let nat = |rule: &str, lines: &str| {
        format!("{}*nat\n-A POSTROUTING {rule} -j MASQUERADE\nCOMMIT\n", filter(lines))
    };
    let states = "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";
    let closed = format!("{states}-A FORWARD -i eth1 -o eth0 -j ACCEPT\n-A OUTPUT -o eth2 -j DROP");
    let none = Facts::default();
    let lost = |rule: &str, lines: &str, facts: &Facts| !dead(&nat(rule, lines), facts).is_empty();
    assert!(lost("-o eth2", &closed, &none));
    assert!(!lost("-o eth0", &closed, &none));
    assert!(!lost(
        "-o eth2",
        &format!("{states}-A FORWARD -o eth2 -j ACCEPT\n-A OUTPUT -o eth2 -j DROP"),
        &none
    ));
    // The host itself may send as anybody unless its addresses are known.
    let facts = hosts(&[("eth0", &["203.0.113.5/24"]), ("eth1", &["192.168.1.1/24"])]);
    let some = format!("{states}-A FORWARD -s 192.168.1.0/24 -o eth0 -j ACCEPT");
    assert!(!lost("-s 10.0.0.0/8 -o eth0", &some, &none));
    assert!(lost("-s 10.0.0.0/8 -o eth0", &some, &facts));
    assert!(!lost("-s 192.168.1.0/24 -o eth0", &some, &facts));
}
