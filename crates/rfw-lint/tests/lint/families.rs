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
