//! What checks conclude from small rulesets, and above all where they keep silent.

use crate::common::{findings_with, listing, not_about_exposure, options};

fn findings(name: &str, text: &[u8]) -> (rfw_diagnostics::Source, Vec<rfw_lint::Finding>) {
    findings_with(name, text, not_about_exposure(options()))
}

/// The codes found in a filter table with these policies for INPUT, FORWARD and OUTPUT and these lines.
fn codes(policies: [&str; 3], lines: &str) -> Vec<u16> {
    let [input, forward, output] = policies;
    let text = format!(
        "*filter\n:INPUT {input} [0:0]\n:FORWARD {forward} [0:0]\n:OUTPUT {output} [0:0]\n{lines}\nCOMMIT\n"
    );
    let (source, found) = findings("t.rules", text.as_bytes());
    let codes: Vec<u16> = found.iter().map(|f| f.diagnostic.code.number).collect();
    assert!(!codes.contains(&109), "{}", listing(&source, &found));
    codes
}

const OPEN: [&str; 3] = ["ACCEPT"; 3];
const GUARDED: [&str; 3] = ["DROP", "DROP", "ACCEPT"];

#[test]
fn a_wider_rule_covers_a_narrower_one() {
    let dead = |first: &str| {
        codes(OPEN, &format!("{first}\n-A INPUT -s 10.1.2.3 -p tcp --dport 80 -i eth0 -j LOG")).contains(&502)
    };
    for first in [
        "-A INPUT -s 10.0.0.0/8 -j DROP",
        "-A INPUT -s 10.1.2.3 -j DROP",
        "-A INPUT -p tcp --dport 1:100 -j ACCEPT",
        "-A INPUT -p tcp -m multiport --dports 22,79:81 -j ACCEPT",
        "-A INPUT -i eth+ -j DROP",
        "-A INPUT -p tcp ! --dport 81 -j DROP",
        "-A INPUT ! -s 192.168.0.0/16 -j DROP",
        "-A INPUT ! -i lo -p tcp -j DROP",
        "-A INPUT -m iprange --src-range 10.1.2.0-10.1.3.0 -j DROP",
        "-A INPUT -s 10.0.2.3/255.0.255.255 -j DROP",
    ] {
        assert!(dead(first), "{first}");
    }
    for first in [
        "-A INPUT -s 10.1.2.4 -j DROP",
        "-A INPUT -s 11.0.0.0/8 -j DROP",
        "-A INPUT -p udp --dport 80 -j DROP",
        "-A INPUT -p tcp --sport 80 -j DROP",
        "-A INPUT -p tcp -m multiport --dports 22,443 -j ACCEPT",
        "-A INPUT -p tcp -m multiport ! --dports 80,443 -j ACCEPT",
        "-A INPUT -i eth01 -j DROP",
        "-A INPUT -i eth -j DROP",
        "-A INPUT -m limit --limit 1/min -j DROP",
        "-A INPUT -m mark --mark 1 -j DROP",
        "-A INPUT -m conntrack --ctstate NEW -j DROP",
        "-A INPUT -s 10.0.9.3/255.0.255.0 -j DROP",
        "-A INPUT -s 10.0.0.0/8",
        "-A INPUT -s 10.0.0.0/8 -j LOG",
    ] {
        assert!(!dead(first), "{first}");
    }
}

#[test]
fn states_are_sets() {
    let dead = |first: &str, second: &str| {
        let rule = |states: &str, target: &str| format!("-A INPUT -p tcp -m conntrack {states} -j {target}");
        codes(OPEN, &format!("{}\n{}", rule(first, "ACCEPT"), rule(second, "LOG"))).contains(&502)
    };
    assert!(dead("--ctstate NEW,ESTABLISHED", "--ctstate NEW"));
    assert!(dead("! --ctstate INVALID", "--ctstate RELATED,ESTABLISHED"));
    assert!(dead("! --ctstate INVALID", "! --ctstate INVALID,NEW"));
    assert!(!dead("--ctstate NEW", "--ctstate NEW,ESTABLISHED"));
    assert!(!dead("! --ctstate NEW", "--ctstate NEW"));
}

#[test]
fn what_is_between_may_matter() {
    let marked =
        "-A INPUT -m mark --mark 1 -j ACCEPT\n-A INPUT -s 10.0.0.1 -j M\n-A INPUT -m mark --mark 1 -j ACCEPT";
    assert!(!codes(OPEN, &format!(":M - [0:0]\n-A M -j MARK --set-mark 1\n{marked}")).contains(&305));
    assert!(codes(OPEN, &format!(":M - [0:0]\n-A M -j DROP\n{marked}")).contains(&305));
    let plain = "-A INPUT -p tcp -j ACCEPT\n-A INPUT -j MARK --set-mark 1\n-A INPUT -p tcp -j ACCEPT";
    assert!(codes(OPEN, plain).contains(&305));
    // What sets a mark again after another rule is no copy; after one about other packets it is.
    let marks = |second: &str| {
        let one = "-A INPUT -p tcp -j MARK --set-mark 1";
        codes(OPEN, &format!("{one}\n{second}\n{one}")).contains(&305)
    };
    assert!(!marks("-A INPUT -s 10.0.0.1 -j MARK --set-mark 2"));
    assert!(marks("-A INPUT -p udp -j MARK --set-mark 2"));
    let lists = |between: &str| {
        let asked = "-A INPUT -m recent --rcheck --name a -j LOG";
        codes(OPEN, &format!("{asked}\n-A INPUT -m recent --set --name {between}\n{asked}")).contains(&305)
    };
    assert!(!lists("a") && lists("b"));
}

#[test]
fn order_comments_and_implied_matches_do_not_make_a_rule_another() {
    let same = "-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT\n\
                -A INPUT -p tcp -m conntrack --ctstate NEW -m comment --comment again -m tcp --dport 22 -j ACCEPT";
    assert!(codes(OPEN, same).contains(&305));
    let flags = "-A INPUT -p tcp --tcp-flags SYN SYN -j LOG\n-A INPUT -p tcp ! --tcp-flags SYN NONE -j LOG";
    assert!(codes(OPEN, flags).contains(&305));
    let other = "-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp --dport 22 -j DROP";
    assert!(!codes(OPEN, other).contains(&305));
}

#[test]
fn a_chain_that_always_ends_is_a_catch_all() {
    let via = |body: &str| {
        codes(OPEN, &format!(":C - [0:0]\n{body}\n-A INPUT -j C\n-A INPUT -s 10.0.0.1 -j ACCEPT"))
    };
    assert!(via("-A C -p tcp -j ACCEPT\n-A C -j DROP").contains(&304));
    assert!(!via("-A C -p tcp -j RETURN\n-A C -j DROP").contains(&304));
    assert!(!via("-A C -p tcp -j ACCEPT").contains(&304));
    assert!(!via("-A C -m limit --limit 1/s -j DROP").contains(&304));
}

#[test]
fn replies_that_may_pass_are_enough() {
    let lo = "-A INPUT -i lo -j ACCEPT";
    for rule in [
        "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        "-A INPUT -m state ! --state INVALID,NEW -j ACCEPT",
        "-A INPUT -p tcp ! --syn -j ACCEPT",
        "-A INPUT -p tcp --sport 443 -j ACCEPT",
        "-A INPUT -p udp --dport 1024:65535 -j ACCEPT",
        "-A INPUT -i eth1 -j ACCEPT",
        "-A INPUT -m mark --mark 7 -j ACCEPT",
        ":C - [0:0]\n-A INPUT -j C\n-A C -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        "-A INPUT --no-such-option -j ACCEPT",
    ] {
        assert!(!codes(GUARDED, &format!("{lo}\n{rule}")).contains(&201), "{rule}");
    }
    for rule in [
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        "-A INPUT -p icmp -j ACCEPT",
        "-A INPUT -m conntrack --ctstate RELATED -j ACCEPT",
        "-A INPUT -m conntrack --ctstate ESTABLISHED -j DROP\n-A INPUT -p tcp --sport 443 -j ACCEPT",
    ] {
        assert!(codes(GUARDED, &format!("{lo}\n{rule}")).contains(&201), "{rule}");
    }
    // The policy accepts and a rule takes all that is not new.
    let dress = "-A INPUT -i lo -j ACCEPT\n-A INPUT -m state ! --state NEW -j DROP";
    assert!(codes(OPEN, dress).contains(&201));
    // A host that may open nothing loses no replies.
    assert!(!codes(["DROP"; 3], "-A INPUT -i lo -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT").contains(&201));
}

#[test]
fn forwarded_and_served_connections_need_replies_too() {
    let one_way = "-A FORWARD -i eth1 -o eth0 -s 192.168.1.0/24 -j ACCEPT";
    assert!(codes(["ACCEPT", "DROP", "ACCEPT"], one_way).contains(&406));
    let back = format!("{one_way}\n-A FORWARD -i eth0 -d 192.168.1.0/24 -j ACCEPT");
    assert!(!codes(["ACCEPT", "DROP", "ACCEPT"], &back).contains(&201));
    let served = "-A OUTPUT -o lo -j ACCEPT\n-A OUTPUT -p udp --dport 53 -j ACCEPT";
    assert!(codes(["ACCEPT", "ACCEPT", "DROP"], served).contains(&201));
    let answered = format!("{served}\n-A OUTPUT -p tcp --sport 22 -j ACCEPT");
    assert!(!codes(["ACCEPT", "ACCEPT", "DROP"], &answered).contains(&201));
}

#[test]
fn loopback_is_remembered_in_many_ways() {
    let base = "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT";
    for rule in [
        "-A INPUT -i lo -j ACCEPT",
        "-A INPUT -s 127.0.0.1 -j ACCEPT",
        "-A INPUT -d 127.0.0.0/8 -j ACCEPT",
        "-A INPUT -i lo -p tcp --dport 631 -j ACCEPT",
        "-A INPUT ! -i eth0 -j ACCEPT",
        "-A INPUT -p tcp -j ACCEPT",
        "-A INPUT -m owner --uid-owner 0 -j ACCEPT",
    ] {
        assert!(!codes(GUARDED, &format!("{base}\n{rule}")).contains(&607), "{rule}");
    }
    for rule in [
        "-A INPUT -i eth0 -j ACCEPT",
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        "-A INPUT -s 10.0.0.0/8 -j ACCEPT",
    ] {
        assert!(codes(GUARDED, &format!("{base}\n{rule}")).contains(&607), "{rule}");
    }
}

#[test]
fn logs_that_strangers_cannot_fill() {
    for lines in [
        "-A INPUT -m limit --limit 5/min -j LOG",
        "-A INPUT -i lo -j LOG",
        "-A OUTPUT -j LOG",
        "-A INPUT -s 192.0.2.0/24 -m conntrack --ctstate NEW -j LOG",
        ":L - [0:0]\n-A INPUT -m limit --limit 5/min -j L\n-A L -j LOG",
        ":L - [0:0]\n-A OUTPUT -j L\n-A L -j LOG",
        "-A INPUT -m limit --limit 5/min -j RETURN\n-A INPUT -p udp -j LOG",
    ] {
        assert!(!codes(OPEN, lines).contains(&501), "{lines}");
    }
    for lines in [
        "-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j LOG",
        "-A INPUT ! -s 192.0.2.0/24 -m conntrack --ctstate NEW -j LOG",
        ":L - [0:0]\n-A INPUT -m limit --limit 5/min -j L\n-A FORWARD -j L\n-A L -j LOG",
        "-A INPUT -p tcp -m limit --limit 5/min -j RETURN\n-A INPUT -p udp -j LOG",
    ] {
        assert!(codes(OPEN, lines).contains(&501), "{lines}");
    }
}

#[test]
fn one_cause_one_finding() {
    let lines = "-A INPUT -p udp -j ACCEPT\n-A INPUT -j DROP\n-A INPUT -p udp -j ACCEPT\n-A INPUT -p udp -j LOG\n\
                 -A INPUT -p udp -m limit --limit 1/s -j DROP";
    assert_eq!(codes(OPEN, lines).into_iter().filter(|c| *c >= 205).collect::<Vec<_>>(), [304]);
    // Only logs behind the end: the advice about logs is the better one.
    assert_eq!(codes(OPEN, "-A INPUT -i lo -j DROP\n-A INPUT -j ACCEPT\n-A INPUT -j LOG"), [607, 502]);
}

#[test]
fn an_insertion_matters_if_packets_are_judged_otherwise() {
    let reversed = |lines: &str| {
        let (_, found) = findings("t.args", format!("-P INPUT DROP\n{lines}\n").as_bytes());
        found.into_iter().find(|f| f.diagnostic.code.number == 313).map(|f| f.diagnostic.message)
    };
    let hides = reversed("-I INPUT -p tcp --syn -j ACCEPT\n-I INPUT -p tcp -j DROP");
    assert!(hides.is_some_and(|message| message.ends_with("hides it")));
    let some = reversed("-I INPUT -p tcp -j ACCEPT\n-I INPUT -p tcp --syn -j DROP");
    assert!(some.is_some_and(|message| message.ends_with("otherwise")));
    assert_eq!(reversed("-I INPUT -p tcp --syn -j ACCEPT\n-I INPUT -p tcp ! --syn -j DROP"), None);
    // What comes to the later rule is gone before.
    assert_eq!(
        reversed(
            "-I INPUT -s 10.0.0.0/8 -j ACCEPT\n-I INPUT -s 10.1.0.0/16 -j DROP\n-I INPUT -s 10.0.0.0/8 -j LOG\n\
                  -I INPUT -s 10.0.0.0/15 -j ACCEPT"
        ),
        Some("line 5 is inserted above line 3 and hides it".to_owned())
    );
}

#[test]
fn old_names_are_told_once() {
    let text = b"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i lo -m state --state NEW -j ACCEPT\n\
        -A INPUT -m state ! --state NEW -j ACCEPT\n# rfw: allow(RFW205) old\n\
        -A INPUT -p udp -m state --state INVALID -j DROP\n-A INPUT -p tcp -m state --state=INVALID -j DROP\nCOMMIT\n";
    let old = |found: &[rfw_lint::Finding]| -> Vec<rfw_lint::Finding> {
        found.iter().filter(|f| f.diagnostic.code.number == 205).cloned().collect()
    };
    let (source, found) = findings("t.rules", text);
    let all = old(&found);
    let [one] = all.as_slice() else { panic!("{}", listing(&source, &found)) };
    assert!(one.diagnostic.message.ends_with("here and in 2 more places"), "{}", one.diagnostic.message);
    assert_eq!(source.line_column(one.diagnostic.span.start).line, 3);
    // One more rule above: the finding is the same one.
    let more = String::from_utf8_lossy(text).replacen("-A", "-A INPUT -m state --state NEW\n-A", 1);
    let (_, after) = findings("t.rules", more.as_bytes());
    assert_eq!(old(&after)[0].fingerprint, one.fingerprint);
    let fixed = rfw_lint::apply_fixes(text, &[one.diagnostic.fix.as_ref().expect("a fix")]);
    let fixed = String::from_utf8_lossy(&fixed.text).into_owned();
    assert_eq!(fixed.matches("-m conntrack ").count(), 3, "{fixed}");
    assert!(fixed.contains("-m conntrack ! --ctstate NEW"), "{fixed}");
}

#[test]
fn chains_that_others_use() {
    assert!(codes(OPEN, ":A - [0:0]\n:B - [0:0]\n-A A -j B").iter().filter(|c| **c == 306).count() == 1);
    assert!(
        codes(OPEN, ":A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -j A").iter().filter(|c| **c == 306).count()
            == 1
    );
    assert!(!codes(OPEN, ":DOCKER-USER - [0:0]\n:f2b-sshd - [0:0]").contains(&306));
    assert!(!codes(OPEN, ":A - [0:0]\n-A INPUT --no-such-option -j A").contains(&306));
}

#[test]
fn commands_are_applied_in_order() {
    let found = |text: &str| {
        let (source, found) = findings("t.args", text.as_bytes());
        let list: Vec<(u16, Option<usize>)> = found
            .iter()
            .map(|f| (f.diagnostic.code.number, f.rule))
            .filter(|f| !matches!(f.0, 407 | 606 | 814))
            .collect();
        (list, listing(&source, &found))
    };
    // The second -I stands before the first.
    let (list, shown) = found("-I INPUT -p tcp --dport 22 -j LOG\n-I INPUT -p tcp -j ACCEPT\n");
    assert_eq!(list, [(502, Some(2))], "{shown}");
    let (list, shown) = found(
        "-A INPUT -j DROP\n-I INPUT 1 -j LOG --log-prefix x:\n-D INPUT 2\n-A INPUT -s 10.0.0.1 -j DROP\n",
    );
    assert_eq!(list, [(501, Some(1))], "{shown}");
    let (list, shown) = found("iptables -N W\niptables -E W X\niptables -A INPUT -j W\n");
    assert_eq!(list, [(126, None)], "{shown}");
    let (list, shown) = found("-D INPUT -j DROP\n-F NOBODY\n-X NOBODY\n-I DOCKER-USER -s 10.0.0.1 -j DROP\n");
    assert!(list.is_empty(), "{shown}");
    let (list, shown) =
        found("-A INPUT -p tcp -j LOG\n-F INPUT\n-t nat -A POSTROUTING -o eth0 -j MASQUERADE\n");
    assert!(list.is_empty(), "{shown}");
}

#[test]
fn translation_is_followed_into_forward() {
    let found = |nat: &str, forward: &str| {
        let text = format!(
            "*nat\n{nat}\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n{forward}\nCOMMIT\n"
        );
        findings("t.rules", text.as_bytes()).1.iter().any(|f| matches!(f.diagnostic.code.number, 401 | 402))
    };
    let nat = "-A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.100:80";
    for forward in [
        "-A FORWARD -p tcp --dport 80 -j ACCEPT",
        "-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT",
        "-A FORWARD -d 192.168.1.0/24 -m conntrack --ctstate NEW -j ACCEPT",
        "-A FORWARD -i eth+ -j ACCEPT",
        "-A FORWARD -m mark --mark 1 -j ACCEPT",
        "-A FORWARD -o eth1 -m limit --limit 5/s -j ACCEPT",
    ] {
        assert!(!found(nat, forward), "{forward}");
    }
    for forward in [
        "-A FORWARD -p tcp --dport 8080 -j ACCEPT",
        "-A FORWARD -d 192.168.1.101 -j ACCEPT",
        "-A FORWARD -i eth1 -j ACCEPT",
        "-A FORWARD -p udp -j ACCEPT",
        "-A FORWARD -d 192.168.1.100 -j DROP\n-A FORWARD -p tcp --dport 80 -j ACCEPT",
    ] {
        assert!(found(nat, forward), "{forward}");
    }
    let public = "-A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 203.0.113.7:80";
    assert!(!found(public, ""));
    assert!(found("-A PREROUTING -d 198.51.100.1 -j DNAT --to-destination 10.0.0.1-10.0.0.9", ""));
}

#[test]
fn rules_without_an_iptables_form_count() {
    let foreign = |exprs: &[rfw_nft::Expr]| {
        let mut line = Vec::new();
        rfw_compiler::foreign::print(b"INPUT", exprs, &[], &mut line);
        String::from_utf8(line).expect("text")
    };
    let drop_all = foreign(&[rfw_nft::Expr::Verdict(rfw_nft::Verdict::Drop)]);
    assert!(codes(OPEN, &format!("{drop_all}\n-A INPUT -p tcp -j ACCEPT")).contains(&304));
    let unknown = rfw_nft::Expr::Unknown { name: b"tunnel".to_vec(), data: None };
    let maybe = foreign(&[unknown, rfw_nft::Expr::Verdict(rfw_nft::Verdict::Accept)]);
    let found = codes(GUARDED, &format!("{maybe}\n-A INPUT -p tcp --dport 22 -j ACCEPT"));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn damaged_texts_do_not_panic() {
    let text: &[u8] = include_bytes!("../../../../fixtures/lint/article-order.rules");
    for at in (0..text.len()).step_by(7) {
        findings("t.rules", &text[..at]);
        let mut damaged = text.to_vec();
        damaged[at] = damaged[at].wrapping_mul(31).wrapping_add(at as u8);
        findings("t.rules", &damaged);
        findings("t.args", &damaged);
    }
    let loops = ":A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j A\n-A A -g A";
    codes(GUARDED, loops);
}

#[test]
fn what_is_written_in_several_ways_is_one_set_of_packets() {
    let rest = "-A INPUT -s 192.0.2.1 -p tcp --dport 22 -j ACCEPT";
    for (lines, dead) in [
        ("-A INPUT -m set --match-set a src -j ACCEPT\n-A INPUT -m set ! --match-set a src -j DROP", true),
        ("-A INPUT -m set --match-set a src -j ACCEPT\n-A INPUT -m set ! --match-set b src -j DROP", false),
        ("-A INPUT -m set --match-set a src -j ACCEPT\n-A INPUT -m set ! --match-set a dst -j DROP", false),
        ("-A INPUT -p tcp -m multiport --ports 22,80 -j DROP", true),
        ("-A INPUT -p tcp -m multiport --ports 23,80 -j DROP", false),
        ("-A INPUT -p tcp -m multiport ! --dports 23,80 -j DROP", true),
        (
            "-A INPUT -p tcp --sport 1024:65535 -j DROP\n-A INPUT -p tcp --sport 0:1023 --dport 1:100 -j DROP",
            true,
        ),
        ("-A INPUT -p tcp -m tcp -j DROP", true),
        ("-A INPUT -m mark --mark 1/1 -j DROP\n-A INPUT -m mark --mark 0/1 -j DROP", true),
        ("-A INPUT -m mark --mark 1/1 -j DROP\n-A INPUT -m mark --mark 0/3 -j DROP", false),
        ("-A INPUT -p tcp -m iprange --src-range 192.0.2.0-192.0.2.9 -j DROP", true),
        ("-A INPUT -p tcp ! --syn -j DROP\n-A INPUT -p tcp --syn -j ACCEPT", true),
        (
            "-A INPUT -p tcp -m length --length 0:99 -j DROP\n-A INPUT -p tcp -m length ! --length 0:99 -j DROP",
            true,
        ),
        ("-A INPUT -m limit --limit 1/s -j DROP", false),
        (
            "-A INPUT -m addrtype --dst-type LOCAL -j DROP\n-A INPUT -m addrtype ! --dst-type LOCAL -j DROP",
            true,
        ),
    ] {
        let found = codes(OPEN, &format!("{lines}\n{rest}"));
        assert_eq!(found.contains(&301), dead, "{lines}: {found:?}");
    }
    let icmp = |first: &str, second: &str| {
        let lines = format!(
            "-A INPUT -p icmp --icmp-type {first} -j ACCEPT\n-A INPUT -p icmp --icmp-type {second} -j DROP"
        );
        codes(OPEN, &lines).contains(&301)
    };
    assert!(icmp("any", "8") && icmp("3", "3/4") && !icmp("3/4", "3") && !icmp("8", "0"));
}

#[test]
fn marks_are_followed() {
    let lines = |mark: &str| {
        format!(
            "-A INPUT -p tcp -j MARK --set-mark {mark}\n-A INPUT -p tcp -m mark --mark 1 -j DROP\n-A INPUT -p tcp -j ACCEPT"
        )
    };
    assert!(codes(OPEN, &lines("1")).contains(&301));
    assert!(codes(OPEN, &lines("2")).contains(&301), "the second rule is dead");
    assert!(!codes(OPEN, &lines("1/2")).contains(&301), "the bit may have been set");
}

#[test]
fn both_ports_in_one_test_are_two_fields() {
    let dead = |second: &str| {
        let lines = format!("-A INPUT -p udp --sport 67 --dport 68 -j ACCEPT\n{second}");
        codes(OPEN, &lines).iter().any(|code| (301..=305).contains(code))
    };
    assert!(dead("-A INPUT -s 10.0.0.1 -p udp --dport 68 --sport 67 -j DROP"));
    assert!(!dead("-A INPUT -s 10.0.0.1 -p udp --dport 67 --sport 68 -j DROP"));
    assert!(!dead("-A INPUT -s 10.0.0.1 -p udp --dport 68 -j DROP"));
}
