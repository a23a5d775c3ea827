//! What checks conclude of translation and forwarding, and above all where they keep silent.

use rfw_diagnostics::Severity;
use rfw_lint::Finding;

use crate::common::{findings, listing};

/// What is found of these lines of `nat`, this policy of FORWARD and these lines of `filter`.
fn all(nat: &str, policy: &str, filter: &str) -> Vec<Finding> {
    let text = format!(
        "*nat\n{nat}\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:FORWARD {policy} [0:0]\n:OUTPUT ACCEPT [0:0]\n{filter}\nCOMMIT\n"
    );
    let (source, found) = findings("t.rules", text.as_bytes());
    let unread = found.iter().any(|f| (100..200).contains(&f.diagnostic.code.number));
    assert!(!unread, "{}", listing(&source, &found));
    found
}

fn has(code: u16, nat: &str, policy: &str, filter: &str) -> bool {
    all(nat, policy, filter).iter().any(|f| f.diagnostic.code.number == code)
}

const STATES: &str = "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n";
const OUT: &str = "-A POSTROUTING -o eth0 -j MASQUERADE";
const WEB: &str = "-A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.100:80";

#[test]
fn the_original_port_is_told_instead_of_the_missing_rule() {
    let codes = |nat: &str, forward: &str| -> Vec<u16> {
        let found = all(nat, "DROP", &format!("{STATES}{forward}"));
        found.iter().map(|f| f.diagnostic.code.number).filter(|c| matches!(c, 401 | 402)).collect()
    };
    assert_eq!(codes(WEB, "-A FORWARD -p tcp --dport 8080 -j ACCEPT"), [402]);
    assert_eq!(codes(WEB, "-A FORWARD -p tcp -m multiport --dports 8080,8443 -j ACCEPT"), [402]);
    let chain =
        ":W - [0:0]\n-A FORWARD -i eth0 -j W\n-A W -p tcp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT";
    assert_eq!(codes(WEB, chain), [402]);
    // The rule is about something else, and would not accept them with the old port either.
    assert_eq!(codes(WEB, "-A FORWARD -i eth1 -p tcp --dport 8080 -j ACCEPT"), [401]);
    assert_eq!(codes(WEB, "-A FORWARD -d 192.168.1.7 -p tcp --dport 8080 -j ACCEPT"), [401]);
    assert_eq!(codes(WEB, ""), [401]);
    let address = "-A PREROUTING -d 203.0.113.1 -p tcp --dport 80 -j DNAT --to-destination 192.168.1.100";
    assert_eq!(codes(address, "-A FORWARD -d 203.0.113.1 -p tcp --dport 80 -j ACCEPT"), [402]);
    assert_eq!(codes(address, "-A FORWARD -d 203.0.113.2 -p tcp --dport 80 -j ACCEPT"), [401]);
    let both = "-A FORWARD -p tcp --dport 8080 -j ACCEPT\n-A FORWARD -p tcp --dport 80 -j ACCEPT";
    for fine in [
        both,
        "-A FORWARD -p tcp -m conntrack --ctorigdstport 8080 -j ACCEPT",
        "-A FORWARD -p tcp --dport 8080 -j ACCEPT\n-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT",
        ":DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER",
    ] {
        assert!(codes(WEB, fine).is_empty(), "{fine}");
    }
    // The second of two for the same port gets nothing.
    let twice =
        format!("{WEB}\n-A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.101:80");
    assert!(codes(&twice, "-A FORWARD -d 192.168.1.100 -p tcp --dport 80 -j ACCEPT").is_empty());
    // A chain that nothing leads to.
    let idle = format!(":IDLE - [0:0]\n{}", WEB.replace("PREROUTING", "IDLE"));
    assert!(codes(&idle, "").is_empty());
    // The host's own packets do not pass FORWARD.
    assert!(codes("-A OUTPUT -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.100:80", "").is_empty());
}

#[test]
fn a_translation_that_names_a_side_is_narrow_enough() {
    let broad = |rule: &str| {
        let nat = format!("{rule} -j DNAT --to-destination 192.168.1.100:80\n{OUT}");
        has(403, &nat, "ACCEPT", "")
    };
    assert!(broad("-A PREROUTING -p tcp --dport 8080"));
    assert!(broad("-A PREROUTING -p tcp -m multiport --dports 80,443"));
    assert!(broad(":W - [0:0]\n-A PREROUTING -p tcp -j W\n-A W -p tcp --dport 8080"));
    for narrow in [
        "-A PREROUTING -i eth0 -p tcp --dport 8080",
        "-A PREROUTING ! -i docker0 -p tcp --dport 8080",
        "-A PREROUTING -d 203.0.113.1 -p tcp --dport 8080",
        "-A PREROUTING ! -d 192.168.0.0/16 -p tcp --dport 8080",
        "-A PREROUTING -s 192.168.1.0/24 -p tcp --dport 8080",
        "-A PREROUTING -p tcp --dport 8080 -m addrtype --dst-type LOCAL",
        "-A PREROUTING -p tcp --dport 8080 -m mark --mark 1",
        "-A PREROUTING -i eth1 -j RETURN\n-A PREROUTING -p tcp --dport 8080",
        ":W - [0:0]\n-A PREROUTING -i eth0 -j W\n-A W -p tcp --dport 8080",
        ":DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n-A DOCKER -p tcp --dport 8080",
    ] {
        assert!(!broad(narrow), "{narrow}");
    }
    // Nothing says that the host routes for others.
    let alone = "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080";
    assert!(!has(403, alone, "ACCEPT", ""));
}

#[test]
fn a_masquerade_that_names_where_to_is_narrow_enough() {
    let severity = |nat: &str| {
        let found = all(nat, "ACCEPT", "");
        found.iter().find(|f| f.diagnostic.code.number == 404).map(|f| f.diagnostic.severity)
    };
    assert_eq!(severity("-A POSTROUTING -j MASQUERADE"), Some(Severity::Warn));
    assert_eq!(severity("-A POSTROUTING -j SNAT --to-source 203.0.113.1"), Some(Severity::Warn));
    assert_eq!(severity("-A POSTROUTING -s 10.8.0.0/24 -j MASQUERADE"), Some(Severity::Info));
    for narrow in [
        OUT,
        "-A POSTROUTING ! -o docker0 -j MASQUERADE",
        "-A POSTROUTING ! -d 10.0.0.0/8 -j MASQUERADE",
        "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE",
        "-A POSTROUTING -d 10.0.0.0/8 -j RETURN\n-A POSTROUTING -j MASQUERADE",
        "-A POSTROUTING -m policy --dir out --pol none -j MASQUERADE",
        ":M - [0:0]\n-A POSTROUTING -o eth0 -j M\n-A M -s 10.13.42.0/23 -j MASQUERADE",
        ":M - [0:0]\n-A M -j MASQUERADE",
    ] {
        assert_eq!(severity(narrow), None, "{narrow}");
    }
}

#[test]
fn clients_that_may_get_out_are_enough() {
    assert!(has(405, OUT, "DROP", STATES));
    assert!(has(405, OUT, "DROP", &format!("{STATES}-A FORWARD -i eth1 -o eth2 -j ACCEPT")));
    let two = format!("-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE\n{OUT}");
    assert!(has(405, &two, "DROP", &format!("{STATES}-A FORWARD -s 192.168.1.0/24 -j ACCEPT")));
    for fine in [
        "-A FORWARD -i eth1 -o eth0 -j ACCEPT",
        "-A FORWARD -s 192.168.1.0/24 -j ACCEPT",
        "-A FORWARD -p tcp --dport 443 -j ACCEPT",
        "-A FORWARD -m mark --mark 1 -j ACCEPT",
        ":DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER",
        ":ufw-user-forward - [0:0]\n-A FORWARD -j ufw-user-forward",
    ] {
        assert!(!has(405, OUT, "DROP", &format!("{STATES}{fine}")), "{fine}");
    }
    assert!(!has(405, OUT, "ACCEPT", ""));
    // An address of the host's own.
    let own = "-A POSTROUTING -s 203.0.113.2 -o eth0 -j SNAT --to-source 203.0.113.1";
    assert!(!has(405, own, "DROP", STATES));
}

#[test]
fn answers_may_come_back_in_many_ways() {
    let one_way = |filter: &str| has(406, "", "DROP", filter);
    assert!(one_way("-A FORWARD -s 192.168.1.0/24 -j ACCEPT"));
    assert!(one_way("-A FORWARD -i eth1 -o eth0 -j ACCEPT"));
    assert!(one_way("-A FORWARD -p tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT"));
    assert!(one_way("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -i eth1 -j ACCEPT"));
    // Only one of two sides was thought of.
    let half = "-A FORWARD -i eth0 -o eth1 -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -i eth1 -o eth0 -j ACCEPT";
    assert!(!one_way(half));
    assert!(one_way(&format!("{half}\n-A FORWARD -i wg0 -o eth0 -j ACCEPT")));
    for fine in [
        "-A FORWARD -j ACCEPT",
        "-A FORWARD -s 192.168.1.0/24 -d 192.168.1.0/24 -j ACCEPT",
        "-A FORWARD -i br0 -o br0 -j ACCEPT",
        "-A FORWARD -s 192.168.1.0/24 -j ACCEPT\n-A FORWARD -d 192.168.1.0/24 -j ACCEPT",
        "-A FORWARD -p tcp --dport 443 -j ACCEPT\n-A FORWARD -p tcp --sport 443 ! --syn -j ACCEPT",
        "-A FORWARD -s 192.168.1.0/24 -j ACCEPT\n-A FORWARD -m state ! --state NEW,INVALID -j ACCEPT",
        "-A FORWARD -i eth1 -j ACCEPT\n-A FORWARD -m mark --mark 1 -j ACCEPT",
        "-A FORWARD -i eth1 -j ACCEPT\n-A FORWARD -m conntrack --ctdir REPLY -j ACCEPT",
        ":C - [0:0]\n-A FORWARD -j C\n-A FORWARD -i eth1 -j ACCEPT\n-A C -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        ":DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n-A FORWARD -i eth1 -j ACCEPT",
        ":IDLE - [0:0]\n-A IDLE -i eth1 -j ACCEPT",
        "-A FORWARD -p udp --dport 514 -j ACCEPT",
        "-A FORWARD -i lo -j ACCEPT",
    ] {
        assert!(!one_way(fine), "{fine}");
    }
}

#[test]
fn routing_is_asked_for_where_rules_need_it() {
    let found = |setting: &str, nat: &str, forward: &str| {
        let text = format!("{setting}\n*nat\n{nat}\nCOMMIT\n*filter\n{forward}\nCOMMIT\n");
        let (_, found) = findings("t.rules", text.as_bytes());
        found.iter().find(|f| f.diagnostic.code.number == 407).map(|f| f.diagnostic.severity)
    };
    assert_eq!(found("", OUT, ""), Some(Severity::Info));
    assert_eq!(found("", WEB, ""), Some(Severity::Info));
    let forward = ":FORWARD DROP\n-A FORWARD -i eth1 -o eth0 -j ACCEPT";
    assert_eq!(found("", "", forward), Some(Severity::Info));
    assert_eq!(found("# sysctl: net.ipv4.ip_forward = 0", OUT, ""), Some(Severity::Error));
    assert_eq!(found("# sysctl: net.ipv4.ip_forward = 1", OUT, ""), None);
    assert_eq!(found("# sysctl: net.ipv4.conf.eth0.forwarding = 1", OUT, ""), None);
    assert_eq!(found("# sysctl: net.ipv6.conf.all.forwarding = 1", OUT, ""), Some(Severity::Info));
    for host in [
        ":FORWARD ACCEPT",
        ":FORWARD DROP\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        ":FORWARD DROP\n:IDLE - [0:0]\n-A IDLE -j ACCEPT",
        ":FORWARD DROP\n:ufw-user-forward - [0:0]\n-A FORWARD -j ufw-user-forward",
        "-A INPUT -j ACCEPT",
    ] {
        assert_eq!(
            found("", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080", host),
            None,
            "{host}"
        );
    }
}

#[test]
fn redirected_packets_may_come_in_another_way() {
    let nat = "-A PREROUTING -i eth0 -p tcp --dport 80 -j REDIRECT --to-ports 8080";
    let closed = "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";
    let lost = |nat: &str, rule: &str| has(408, nat, "DROP", &format!("{closed}{rule}"));
    assert!(lost(nat, "-A INPUT -p tcp --dport 80 -j ACCEPT"));
    assert!(lost(nat, ""));
    assert!(lost(nat, "-A INPUT -i eth1 -j ACCEPT"));
    // What the host sends to itself is not redirected there.
    assert!(lost("-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080", ""));
    assert!(lost("-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 127.0.0.1:8080", ""));
    for fine in [
        "-A INPUT -p tcp --dport 8080 -j ACCEPT",
        "-A INPUT -p tcp -m conntrack --ctorigdstport 80 -j ACCEPT",
        "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT",
        "-A INPUT -s 192.168.1.0/24 -p tcp -j ACCEPT",
        "-A INPUT -p tcp --dport 8080 -m limit --limit 5/s -j ACCEPT",
        ":f2b-x - [0:0]\n-A INPUT -j f2b-x",
    ] {
        assert!(!lost(nat, fine), "{fine}");
    }
    assert!(!lost("-A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 8080", ""));
    assert!(!lost(
        "-A PREROUTING -i eth0 -p tcp --dport 80 -j REDIRECT",
        "-A INPUT -p tcp --dport 80 -j ACCEPT"
    ));
}

#[test]
fn a_block_that_sees_some_packets_has_an_effect() {
    let bypassed = |nat: &str, rule: &str| has(409, nat, "ACCEPT", rule);
    let docker = "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n-A DOCKER ! -i docker0 -p tcp --dport 5432 -j DNAT --to-destination 172.17.0.2:5432";
    let docker = format!(":DOCKER - [0:0]\n{docker}");
    assert!(bypassed(&docker, "-A INPUT -p tcp --dport 5432 -j DROP"));
    assert!(bypassed(&docker, "-A INPUT -i eth0 -p tcp --dport 5432 -j REJECT"));
    assert!(bypassed(&docker, "-A INPUT ! -s 192.0.2.7 -p tcp --dport 5432 -j DROP"));
    for effective in [
        "-A INPUT -p tcp --dport 5433 -j DROP",
        "-A INPUT -p udp --dport 5432 -j DROP",
        "-A INPUT -p tcp -m multiport --dports 22,5432 -j DROP",
        "-A INPUT -p tcp --dport 5432 -j ACCEPT",
        "-A INPUT -j DROP",
        "-A INPUT -p tcp --dport 5432 -m conntrack --ctstate INVALID -j DROP",
        ":IDLE - [0:0]\n-A IDLE -p tcp --dport 5432 -j DROP",
    ] {
        assert!(!bypassed(&docker, effective), "{effective}");
    }
    let drop = "-A INPUT -p tcp --dport 5432 -j DROP";
    for nat in [
        "-A PREROUTING -i eth1 -p tcp --dport 5432 -j DNAT --to-destination 172.17.0.2:5432",
        "-A PREROUTING -d 203.0.113.1 -p tcp --dport 5432 -j DNAT --to-destination 172.17.0.2:5432",
        "-A PREROUTING -p tcp --dport 5432 -m mark --mark 1 -j DNAT --to-destination 172.17.0.2:5432",
        "-A PREROUTING -p tcp --dport 5432 -m addrtype ! --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:5432",
        "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 5432",
    ] {
        assert!(!bypassed(nat, drop), "{nat}");
    }
}

#[test]
fn invalid_packets_may_be_dropped_in_many_places() {
    let forward = format!("{STATES}-A FORWARD -i eth1 -o eth0 -j ACCEPT");
    assert!(has(410, OUT, "DROP", &forward));
    assert!(has(410, OUT, "ACCEPT", "-A FORWARD -i eth0 -m conntrack --ctstate NEW,INVALID -j DROP"));
    for fine in [
        format!("-A FORWARD -m conntrack --ctstate INVALID -j DROP\n{forward}"),
        format!("-A FORWARD -o eth0 -m state --state INVALID -j REJECT\n{forward}"),
        format!("{STATES}-A FORWARD -i eth1 -o eth0 -m conntrack --ctstate NEW -j ACCEPT"),
        format!("{STATES}-A FORWARD -i eth1 -o eth2 -j ACCEPT"),
        format!("{forward}\nCOMMIT\n*mangle\n-A PREROUTING -m conntrack --ctstate INVALID -j DROP"),
        format!("{forward}\nCOMMIT\n*mangle\n-A POSTROUTING -m conntrack --ctstate INVALID -j DROP"),
        ":DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER".to_owned(),
    ] {
        assert!(!has(410, OUT, "DROP", &fine), "{fine}");
    }
    assert!(!has(410, "", "DROP", &forward));
    // One finding for one cause.
    assert!(!has(410, OUT, "ACCEPT", "") && has(411, OUT, "ACCEPT", ""));
}

#[test]
fn what_lets_in_some_does_not_let_in_all() {
    assert!(has(411, OUT, "ACCEPT", STATES));
    assert!(has(411, OUT, "DROP", "-A FORWARD -j ACCEPT"));
    assert!(has(
        411,
        OUT,
        "ACCEPT",
        "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n-A FORWARD -s 198.51.100.7 -j DROP"
    ));
    assert!(has(411, WEB, "ACCEPT", ""));
    for closed in [
        "-A FORWARD -i eth0 -m conntrack --ctstate NEW,INVALID -j DROP",
        "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -i eth0 -j DROP",
        "-A FORWARD -i eth0 -p tcp --syn -j DROP",
        "-A FORWARD -d 192.168.0.0/16 -m conntrack --ctstate NEW -j DROP",
        "-A FORWARD ! -i eth1 -m conntrack --ctstate NEW -j DROP",
    ] {
        assert!(!has(411, OUT, "ACCEPT", closed), "{closed}");
    }
    for some in [
        "-A FORWARD -i eth1 -o eth0 -j ACCEPT",
        "-A FORWARD -p tcp --dport 443 -j ACCEPT",
        "-A FORWARD -d 192.168.1.100 -j ACCEPT",
        "-A FORWARD -s 198.51.100.0/24 -j ACCEPT",
        "-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT",
        "-A FORWARD -m mark --mark 1 -j ACCEPT",
        "-A FORWARD -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT",
        ":DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER",
    ] {
        assert!(!has(411, OUT, "DROP", &format!("{STATES}{some}")), "{some}");
    }
    // A list of commands that sets neither policy nor rules of FORWARD says nothing of it.
    let commands = format!("-t nat {OUT}\n-A INPUT -p tcp --dport 22 -j ACCEPT\n");
    let (_, found) = findings("t.args", commands.as_bytes());
    assert!(!found.iter().any(|f| matches!(f.diagnostic.code.number, 410 | 411)));
}
