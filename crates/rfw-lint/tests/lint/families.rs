//! Checks of IPv6 and of both families together: above all where they keep silent.

use crate::common::{findings, listing};

/// The findings of a text with one of some codes, as `803 Error`.
fn found(name: &str, text: &str, codes: &[u16]) -> Vec<String> {
    let (source, found) = findings(name, text.as_bytes());
    assert!(!found.iter().any(|f| f.diagnostic.code.number == 109), "{}", listing(&source, &found));
    let own = found.iter().map(|f| &f.diagnostic).filter(|d| codes.contains(&d.code.number));
    own.map(|d| format!("{} {:?}", d.code.number, d.severity)).collect()
}

/// A filter with these policies of INPUT, FORWARD and OUTPUT.
fn filter(policies: [&str; 3], lines: &str) -> String {
    let [input, forward, output] = policies;
    format!(
        "*filter\n:INPUT {input} [0:0]\n:FORWARD {forward} [0:0]\n:OUTPUT {output} [0:0]\n{lines}\nCOMMIT\n"
    )
}

const GUARDED: [&str; 3] = ["DROP", "DROP", "ACCEPT"];
const CLOSED: [&str; 3] = ["DROP"; 3];
const OPEN: [&str; 3] = ["ACCEPT"; 3];
const RUNNING: &str =
    "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";

fn v6(policies: [&str; 3], lines: &str) -> Vec<String> {
    found("t.v6.rules", &filter(policies, lines), &[803, 804, 805])
}

#[test]
fn neighbours_have_to_pass() {
    let lost = |lines: &str| v6(GUARDED, &format!("{RUNNING}\n{lines}")).contains(&"803 Error".to_owned());
    assert!(lost("-A INPUT -p tcp --dport 22 -j ACCEPT"));
    assert!(lost("-A INPUT -p ipv6-icmp --icmpv6-type 135 -j ACCEPT"));
    assert!(lost("-A INPUT -m conntrack --ctstate NEW -p ipv6-icmp -j ACCEPT"));
    assert!(lost("-A INPUT -p ipv6-icmp --icmpv6-type 136 -j DROP\n-A INPUT -p ipv6-icmp -j ACCEPT"));
    for lines in [
        "-A INPUT -p ipv6-icmp -j ACCEPT",
        "-A INPUT -p ipv6-icmp -m limit --limit 10/s -j ACCEPT",
        "-A INPUT -p ipv6-icmp -s fe80::/10 -j ACCEPT",
        "-A INPUT -i eth0 -p ipv6-icmp -m hl --hl-eq 255 -j ACCEPT",
        "-A INPUT -m conntrack ! --ctstate NEW,INVALID -j ACCEPT",
        "-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT",
        ":ICMP - [0:0]\n-A INPUT -j ICMP\n-A ICMP ! -p ipv6-icmp -j RETURN\n-A ICMP -j ACCEPT",
    ] {
        assert!(!lost(lines), "{lines}");
    }
    // A family that is turned off, and rules of IPv4.
    assert!(v6(CLOSED, "").is_empty());
    assert!(v6(CLOSED, "-A INPUT -i lo -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT").is_empty());
    assert!(found("t.rules", &filter(GUARDED, RUNNING), &[803, 804, 805]).is_empty());
    assert!(v6(OPEN, "").is_empty());
}

#[test]
fn neighbours_are_answered_by_output() {
    let rest =
        "-A INPUT -p ipv6-icmp -j ACCEPT\n-A INPUT -p tcp --dport 80 -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT";
    let output = |lines: &str| v6(CLOSED, &format!("{RUNNING}\n{rest}\n{lines}"));
    let tracked = "-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
    assert_eq!(output(tracked), ["803 Error"]);
    assert!(output(&format!("{tracked}\n-A OUTPUT -p ipv6-icmp -j ACCEPT")).is_empty());
}

#[test]
fn advertisements_are_for_hosts() {
    let neighbours = "-A INPUT -p ipv6-icmp --icmpv6-type 135 -j ACCEPT\n-A INPUT -p ipv6-icmp --icmpv6-type 136 -j ACCEPT";
    assert_eq!(v6(GUARDED, &format!("{RUNNING}\n{neighbours}")), ["803 Info"]);
    let forwards =
        "-A FORWARD -i eth1 -j ACCEPT\n-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
    assert!(v6(GUARDED, &format!("{RUNNING}\n{neighbours}\n{forwards}")).is_empty());
}

#[test]
fn errors_of_icmpv6() {
    let discovery = "-A INPUT -p ipv6-icmp --icmpv6-type 133/0 -j ACCEPT\n-A INPUT -p ipv6-icmp --icmpv6-type 134 -j ACCEPT\n\
                     -A INPUT -p ipv6-icmp --icmpv6-type 135 -j ACCEPT\n-A INPUT -p ipv6-icmp --icmpv6-type 136 -j ACCEPT\n\
                     -A INPUT -p tcp --dport 80 -j ACCEPT";
    let lost = |lines: &str| v6(GUARDED, &format!("{discovery}\n{lines}"));
    assert_eq!(lost(&format!("-A INPUT -p ipv6-icmp -j DROP\n{RUNNING}")), ["804 Error"]);
    assert_eq!(lost(&format!("-A INPUT -p ipv6-icmp --icmpv6-type 2 -j DROP\n{RUNNING}")), ["804 Error"]);
    assert_eq!(lost("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"), ["804 Error"]);
    assert!(lost(RUNNING).is_empty());
    // An echo request is no error.
    assert!(lost(&format!("-A INPUT -p ipv6-icmp --icmpv6-type 128 -j DROP\n{RUNNING}")).is_empty());
    assert!(
        lost(&format!(
            "-A INPUT -p ipv6-icmp -m limit --limit 9/s -j ACCEPT\n-A INPUT -p ipv6-icmp -j DROP\n{RUNNING}"
        ))
        .is_empty()
    );
    // One rule that drops all of ICMPv6 is one fault.
    let all = format!("-A INPUT -p ipv6-icmp -j DROP\n{RUNNING}\n-A INPUT -p tcp --dport 80 -j ACCEPT");
    assert_eq!(v6(GUARDED, &all), ["803 Error"]);
}

#[test]
fn errors_of_what_is_not_tracked() {
    let raw = "*raw\n-A PREROUTING -p tcp --dport 80 -j CT --notrack\n-A OUTPUT -p tcp --sport 80 -j CT --notrack\nCOMMIT\n";
    let lines = "-A INPUT -p tcp --dport 80 -m conntrack --ctstate UNTRACKED -j ACCEPT\n\
                 -A INPUT -p ipv6-icmp -m conntrack --ctstate UNTRACKED -j ACCEPT";
    let text = |more: &str| format!("{raw}{}", filter(GUARDED, &format!("{RUNNING}\n{lines}\n{more}")));
    let codes = |text: &str| found("t.v6.rules", text, &[804]);
    assert_eq!(codes(&text("")), ["804 Warn"]);
    assert!(codes(&text("-A INPUT -p ipv6-icmp -j ACCEPT")).is_empty());
    assert!(codes(&filter(GUARDED, &format!("{RUNNING}\n{lines}"))).is_empty());
}

#[test]
fn answers_of_dhcpv6() {
    let lost = |lines: &str| v6(GUARDED, &format!("{RUNNING}\n-A INPUT -p ipv6-icmp -j ACCEPT\n{lines}"));
    assert_eq!(lost("-A INPUT -p tcp --dport 22 -j ACCEPT"), ["805 Warn"]);
    assert!(lost("-A INPUT -p udp --dport 546 -j ACCEPT").is_empty());
    assert!(lost("-A INPUT -p udp -m udp --sport 547 -s fe80::/10 -j ACCEPT").is_empty());
    // A server, a router, a host that may not ask.
    assert!(lost("-A INPUT -p tcp --dport 443 -j ACCEPT").is_empty());
    assert!(lost("-A FORWARD -i eth1 -j ACCEPT").is_empty());
    assert!(lost("-A OUTPUT -p udp --dport 547 -j DROP").is_empty());
    // Nobody asks where no router is heard.
    let neighbours = "-A INPUT -p ipv6-icmp --icmpv6-type 135:136 -j ACCEPT".replace("135:136", "135");
    assert!(!v6(GUARDED, &format!("{RUNNING}\n{neighbours}")).contains(&"805 Warn".to_owned()));
}

#[test]
fn one_family_is_open() {
    let pair = |v4: &str, v6: &str| found("t.rules", &format!("{v4}# v6:\n{v6}"), &[801]).len();
    let guarded = filter(GUARDED, RUNNING);
    for open in [
        "",
        "*filter\nCOMMIT\n",
        &filter(OPEN, ""),
        &filter(OPEN, "-A INPUT -p tcp --dport 111 -j DROP"),
        &filter(OPEN, RUNNING),
    ] {
        assert_eq!(pair(&guarded, open), 1, "{open}");
    }
    let raw = "*raw\n:PREROUTING DROP [0:0]\nCOMMIT\n";
    let one = filter(OPEN, "-A INPUT -p tcp --dport 111 -j DROP");
    for (v4, v6) in [
        (guarded.as_str(), guarded.as_str()),
        (&guarded, &filter(CLOSED, "")),
        (&guarded, &filter(OPEN, &format!("{RUNNING}\n-A INPUT -j DROP"))),
        (&guarded, &filter(OPEN, "-A INPUT -p tcp --syn -j REJECT")),
        (&guarded, raw),
        // Both are open but for a port.
        (&one, &one),
        (&filter(OPEN, ""), ""),
        ("*nat\nCOMMIT\n", ""),
    ] {
        assert_eq!(pair(v4, v6), 0, "{v4}{v6}");
    }
    assert_eq!(pair(&one, ""), 1);
}

#[test]
fn interfaces_that_no_hook_has() {
    let codes = |lines: &str| {
        found("t.rules", &filter(OPEN, &format!(":A - [0:0]\n:B - [0:0]\n{lines}")), &[309]).len()
    };
    assert_eq!(codes("-A INPUT -j A\n-A A -o eth0 -j DROP"), 1);
    assert_eq!(codes("-A INPUT -j A\n-A A -p tcp -j B\n-A B -o eth+ -j DROP"), 1);
    assert_eq!(codes("-A OUTPUT -g A\n-A A -i eth0 -j DROP"), 1);
    assert_eq!(codes("-A INPUT -j A\n-A OUTPUT -j B\n-A A ! -o eth0 -j DROP"), 1);
    assert_eq!(codes("-A INPUT -j A\n-A FORWARD -j A\n-A A -o eth0 -j DROP"), 0);
    assert_eq!(codes("-A INPUT -j A\n-A OUTPUT -j A\n-A A -o eth0 -j DROP"), 0);
    assert_eq!(codes("-A A -o eth0 -j DROP"), 0);
    assert_eq!(codes("-A INPUT -j A\n-A A -i eth0 -j DROP"), 0);
}

#[test]
fn services_of_both_families() {
    let pair = |v4: &str, v6: &str| {
        let (v4, v6) =
            (format!("{RUNNING}\n{v4}"), format!("{RUNNING}\n-A INPUT -p ipv6-icmp -j ACCEPT\n{v6}"));
        let text = format!("{}# v6:\n{}", filter(GUARDED, &v4), filter(GUARDED, &v6));
        let (_, found) = findings("t.rules", text.as_bytes());
        found.iter().find(|f| f.diagnostic.code.number == 802).map(|f| f.diagnostic.message.clone())
    };
    let web = "-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT";
    let same = "-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT\n-A INPUT -p tcp --dport 443 -j ACCEPT";
    assert_eq!(pair(web, same), None);
    assert_eq!(
        pair(web, "-A INPUT -p tcp --dport 443 -j ACCEPT").as_deref(),
        Some("tcp/80 is open on IPv4 only")
    );
    let both = pair("-A INPUT -p udp --dport 53 -j ACCEPT", "-A INPUT -p tcp --dport 53 -j ACCEPT");
    assert_eq!(both.as_deref(), Some("udp/53 is open on IPv4 only, tcp/53 on IPv6 only"));
    // What has one family, what a known network may reach, what is limited.
    assert_eq!(pair(&format!("{web}\n-A INPUT -p udp --dport 67:68 -j ACCEPT"), same), None);
    assert_eq!(pair(web, &format!("{same}\n-A INPUT -p udp --dport 546 -j ACCEPT")), None);
    assert_eq!(pair(&format!("{web}\n-A INPUT -s 198.51.100.0/24 -p tcp --dport 22 -j ACCEPT"), same), None);
    assert_eq!(pair(&format!("{web}\n-A INPUT -s 192.168.0.0/16 -j ACCEPT"), same), None);
    let limited = "-A INPUT -p tcp -m multiport --dports 80,443 -m limit --limit 9/s -j ACCEPT";
    assert_eq!(pair(web, limited), None);
}

#[test]
fn jumps_that_do_nothing() {
    let codes = |lines: &str| {
        found("t.rules", &filter(OPEN, &format!(":A - [0:0]\n:B - [0:0]\n{lines}")), &[307]).len()
    };
    assert_eq!(codes("-A INPUT -p tcp -j A"), 1);
    assert_eq!(codes("-A INPUT -p tcp -j A\n-A INPUT -p udp -j A"), 1);
    assert_eq!(codes("-A INPUT -p tcp -j A\n-A A -s 10.0.0.1 -j RETURN"), 1);
    // The empty chain is the cause, not those that lead to it.
    assert_eq!(codes("-A INPUT -p tcp -j A\n-A A -j B"), 1);
    assert_eq!(codes("-A INPUT -p tcp -j A\n-A INPUT -p udp -j A\n-A A -p udp -j DROP"), 1);
    for quiet in [
        "-A INPUT -p tcp -j A\n-A A -s 10.0.0.1 -j DROP",
        "-A INPUT -p tcp -j A\n-A A -j LOG",
        "-A INPUT -p tcp -j A\n-A A -s 10.0.0.1",
        "-A INPUT -p tcp -j A\n-A A -m recent --name x --set",
        "-A INPUT -p tcp -j A\n-A A -j MARK --set-mark 1",
        "-A INPUT -p tcp -g A",
        ":f2b-x - [0:0]\n-A INPUT -p tcp -j f2b-x\n-A INPUT -p tcp -j A\n-A A -j B\n-A B -j f2b-x\n-A B -s 10.0.0.1 -j DROP",
    ] {
        assert_eq!(codes(quiet), 0, "{quiet}");
    }
}

#[test]
fn what_a_goto_skips() {
    let codes = |lines: &str| {
        found("t.rules", &filter(OPEN, &format!(":A - [0:0]\n:B - [0:0]\n{lines}")), &[311]).len()
    };
    let around = |b: &str, rest: &str| codes(&format!("-A INPUT -j A\n-A A -p tcp -g B\n{rest}\n{b}"));
    let ssh = "-A A -p tcp --dport 22 -j DROP";
    assert_eq!(around("-A B -s 10.0.0.0/8 -j DROP", ssh), 1);
    assert_eq!(around("-A B -p tcp --dport 22 -j RETURN\n-A B -j DROP", ssh), 1);
    assert_eq!(around("-A B -m limit --limit 1/s -j DROP", ssh), 1);
    for (b, rest) in [
        ("-A B -j DROP", ssh),
        ("-A B -p tcp --dport 1:100 -j DROP", ssh),
        ("-A B -s 10.0.0.0/8 -j DROP\n-A B -j ACCEPT", ssh),
        ("-A B -s 10.0.0.0/8 -j DROP", "-A A -p udp --dport 53 -j DROP"),
        ("-A B -s 10.0.0.0/8 -j DROP", ""),
        ("-A B -s 10.0.0.0/8 -j DROP", "-A A -j RETURN"),
        ("-A B -p tcp --dport 80 -j RETURN\n-A B -j DROP", ssh),
    ] {
        assert_eq!(around(b, rest), 0, "{b} {rest}");
    }
}

#[test]
fn sources_that_anybody_can_claim() {
    let codes =
        |lines: &str| found("t.rules", &filter(GUARDED, &format!("{RUNNING}\n{lines}")), &[609]).len();
    let dial = "-A INPUT -i ppp0 -p tcp --dport 22 -j ACCEPT";
    assert_eq!(
        codes(&format!("-A INPUT -s 192.168.0.0/16 -j ACCEPT\n-A INPUT -s 10.0.0.7 -j ACCEPT\n{dial}")),
        1
    );
    for quiet in [
        "-A INPUT -s 192.168.0.0/16 -j ACCEPT".to_owned(),
        format!("-A INPUT -i eth1 -s 192.168.0.0/16 -j ACCEPT\n{dial}"),
        format!("-A INPUT ! -i ppp0 -s 192.168.0.0/16 -j ACCEPT\n{dial}"),
        format!("-A INPUT -i ppp+ -s 192.168.0.0/16 -j DROP\n-A INPUT -s 192.168.0.0/16 -j ACCEPT\n{dial}"),
        format!(":LAN - [0:0]\n-A INPUT -i eth1 -j LAN\n-A LAN -s 192.168.0.0/16 -j ACCEPT\n{dial}"),
        format!("-A INPUT -s 192.0.0.0/8 -j ACCEPT\n{dial}"),
        format!("-A INPUT -s 192.168.0.0/16 -j DROP\n{dial}"),
    ] {
        assert_eq!(codes(&quiet), 0, "{quiet}");
    }
}

#[test]
fn what_is_behind_an_interface() {
    let head = "# rfw.toml: [interfaces] eth0 = [\"192.168.1.0/24\"]\n";
    let codes = |head: &str, lines: &str| {
        found("t.rules", &format!("{head}{}", filter(GUARDED, lines)), &[610]).len()
    };
    assert_eq!(codes(head, "-A FORWARD -i eth0 -j ACCEPT"), 1);
    assert_eq!(codes(head, "-A FORWARD -j ACCEPT\n-A INPUT -i eth+ -p tcp --dport 22 -j ACCEPT"), 1);
    assert_eq!(codes(head, "-A INPUT -s 192.168.0.0/16 -j ACCEPT"), 1);
    for quiet in [
        "-A FORWARD -i eth0 -s 192.168.1.0/24 -j ACCEPT",
        "-A FORWARD -i eth0 ! -s 192.168.1.0/24 -j DROP\n-A FORWARD -j ACCEPT",
        "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        "-A FORWARD -i eth1 -j ACCEPT",
        "-A INPUT -i eth0 -s 0.0.0.0 -p udp --dport 67 -j ACCEPT",
        "COMMIT\n*raw\n-A PREROUTING -i eth0 ! -s 192.168.1.0/24 -j DROP\nCOMMIT\n*filter\n-A FORWARD -j ACCEPT",
    ] {
        assert_eq!(codes(head, quiet), 0, "{quiet}");
    }
    assert_eq!(codes("", "-A FORWARD -i eth0 -j ACCEPT"), 0);
}

#[test]
fn fragments_that_nobody_sees() {
    let codes = |lines: &str| found("t.rules", &filter(OPEN, lines), &[312]).len();
    let nat = "COMMIT\n*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n*filter";
    assert_eq!(codes("-A INPUT -f -j DROP\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT"), 1);
    assert_eq!(codes(&format!("-A INPUT -f -j DROP\n{nat}")), 1);
    assert_eq!(codes("-A INPUT -f -j DROP\n-A INPUT -m connmark --mark 1 -j ACCEPT"), 1);
    assert_eq!(codes("-A INPUT -f -j DROP"), 1);
    assert_eq!(codes("-A FORWARD -f -j DROP"), 0);
    assert_eq!(codes("-A INPUT ! -f -j DROP\n-A INPUT -m state --state NEW -j ACCEPT"), 0);
}

#[test]
fn what_the_next_start_loads() {
    let codes = |now: &str, boot: &str| {
        let text = format!("{}# boot:\n{}", filter(GUARDED, now), filter(GUARDED, boot));
        found("t.rules", &text, &[815]).len()
    };
    let web = "-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT";
    let same = "-A INPUT -p tcp --dport 443 -j ACCEPT\n-A INPUT -p tcp --dport 80 -j ACCEPT";
    let limited = "-A INPUT -p tcp -m limit --limit 5/s -j LOG";
    assert_eq!((codes(web, web), codes(web, same), codes(limited, limited)), (0, 0, 0));
    assert_eq!(
        (codes(web, ""), codes("", web), codes(web, &format!("-A INPUT -s 10.0.0.1 -j DROP\n{web}"))),
        (1, 1, 1)
    );
    // What other programs add, and tables that the file leaves alone.
    let others = format!(":f2b-x - [0:0]\n-A INPUT -j f2b-x\n-A f2b-x -s 10.0.0.1 -j DROP\n{web}");
    assert_eq!(codes(&others, web), 0);
    let nat = format!("{web}\nCOMMIT\n*nat\n-A POSTROUTING -o eth0 -j MASQUERADE");
    assert_eq!((codes(&nat, web), codes(web, &nat)), (0, 1));
}

#[test]
fn rules_before_the_accept_of_connections() {
    let codes = |lines: &str| found("t.rules", &filter(GUARDED, lines), &[701]).len();
    let block: String = (1..30).map(|n| format!("-A INPUT -s 198.51.100.{n} -j DROP\n")).collect();
    let accept = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
    assert_eq!((codes(&format!("{block}{accept}")), codes(&format!("{accept}\n{block}"))), (1, 0));
    // Only what a packet passes counts.
    let chain = block.replace("-A INPUT", "-A B");
    let called = |jump: &str| codes(&format!(":B - [0:0]\n-A INPUT {jump} -j B\n{accept}\n{chain}"));
    assert_eq!((called("-p tcp"), called("-m conntrack --ctstate NEW"), called("-i lo")), (1, 0, 0));
}

#[test]
fn pairs_that_only_their_order_decides() {
    let codes = |head: &str, lines: &str| {
        found("t.rules", &format!("{head}{}", filter(GUARDED, lines)), &[310]).len()
    };
    let all = "# select: all\n";
    let pair =
        "-A FORWARD -s 10.0.0.0/8 -p tcp --dport 22 -j DROP\n-A FORWARD -d 192.0.2.0/24 -p tcp -j ACCEPT";
    assert_eq!((codes(all, pair), codes("", pair)), (1, 0));
    for quiet in [
        "-A FORWARD -s 10.0.0.1 -p tcp -j DROP\n-A FORWARD -s 10.0.0.0/8 -j ACCEPT",
        "-A FORWARD -p tcp --dport 22 -j DROP\n-A FORWARD -p tcp --dport 23 -s 10.0.0.1 -j ACCEPT",
        "-A FORWARD -p tcp -j ACCEPT\n-A FORWARD -s 10.0.0.1 -j ACCEPT",
    ] {
        assert_eq!(codes(all, quiet), 0, "{quiet}");
    }
}

#[test]
fn paths_through_many_rules() {
    let codes = |text: &str| found("t.rules", &filter(GUARDED, text), &[704]).len();
    let list = |chain: &str, count: usize| -> String {
        (0..count)
            .map(|n| {
                format!("-A {chain} -s 198.18.{}.{} -p tcp --dport {} -j ACCEPT\n", n / 250, n % 250, n % 9)
            })
            .collect()
    };
    assert_eq!((codes(&list("INPUT", 520)), codes(&list("INPUT", 490))), (1, 0));
    let chained = |a: &str, b: &str| {
        let jumps = format!("-A INPUT {a} -j A\n-A INPUT {b} -j B\n");
        codes(&format!(":A - [0:0]\n:B - [0:0]\n{jumps}{}{}", list("A", 300), list("B", 300)))
    };
    assert_eq!((chained("-p tcp", "-p tcp"), chained("-i eth0", "-i eth1")), (1, 0));
}
