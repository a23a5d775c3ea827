//! What checks of states and limits conclude, and above all where they keep silent.

use rfw_diagnostics::FixSafety;
use rfw_lint::{Finding, Selector, apply_fixes};

use crate::common::{findings_with, listing, options};

/// The findings of one code, and the text after its fixes.
fn found(number: u16, text: &str) -> (Vec<Finding>, String) {
    let mut options = options();
    options.selection.add(Selector::All, true);
    let (source, mut found) = findings_with("t.rules", text.as_bytes(), options);
    assert!(found.iter().all(|f| f.diagnostic.code.number != 109), "{}", listing(&source, &found));
    found.retain(|f| f.diagnostic.code.number == number);
    let fixes: Vec<_> = found.iter().filter_map(|f| f.diagnostic.fix.as_ref()).collect();
    let applied: Vec<_> = fixes.into_iter().filter(|fix| fix.safety != FixSafety::Suggestion).collect();
    let fixed = apply_fixes(text.as_bytes(), &applied).text;
    (found, String::from_utf8(fixed).expect("UTF-8"))
}

/// A filter table with these policies for INPUT, FORWARD and OUTPUT and these lines.
fn filter(policies: [&str; 3], lines: &str) -> String {
    let [input, forward, output] = policies;
    format!(
        "*filter\n:INPUT {input} [0:0]\n:FORWARD {forward} [0:0]\n:OUTPUT {output} [0:0]\n{lines}\nCOMMIT\n"
    )
}

const OPEN: [&str; 3] = ["ACCEPT"; 3];
const GUARDED: [&str; 3] = ["DROP", "DROP", "ACCEPT"];
const STATES: &str = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n";

fn count(number: u16, policies: [&str; 3], lines: &str) -> usize {
    found(number, &filter(policies, lines)).0.len()
}

#[test]
fn errors_of_accepted_connections() {
    let reports = |lines: &str| count(202, GUARDED, lines);
    let established = "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";
    assert_eq!(reports(established), 1);
    let service = "-A INPUT -p tcp --dport 22 -m state --state NEW,ESTABLISHED -j ACCEPT\n\
                   -A OUTPUT -p tcp --sport 22 -m state --state ESTABLISHED -j ACCEPT";
    assert_eq!(count(202, ["DROP"; 3], service), 1);
    assert_eq!(reports("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"), 1);
    for quiet in [
        "",
        "-A INPUT -i lo -j ACCEPT",
        STATES,
        &format!("{established}-A INPUT -p icmp -j ACCEPT"),
        &format!("{established}-A INPUT -p icmp --icmp-type 3/4 -j ACCEPT"),
        &format!("{established}-A INPUT -p icmp -m conntrack --ctstate RELATED -j ACCEPT"),
        // The rule for ICMP is what drops them: that is another finding.
        &format!("-A INPUT -p icmp -j DROP\n{STATES}"),
        "-A INPUT -j ACCEPT",
        // Packets of one service, with no regard to states, between networks.
        "-A FORWARD -i eth1 -p tcp --dport 80 -j ACCEPT\n-A FORWARD -o eth1 -m state --state ESTABLISHED,RELATED -j ACCEPT",
        ":E - [0:0]\n-A E -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -j E",
    ] {
        assert_eq!(reports(quiet), 0, "{quiet}");
    }
    // Without a rule for ESTABLISHED at all, that is what is wrong.
    assert_eq!(reports("-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT"), 0);
}

#[test]
fn invalid_packets_that_come_first() {
    let guard = "-A INPUT -m conntrack --ctstate INVALID -j DROP";
    let reports = |lines: &str| count(203, GUARDED, lines);
    for bad in [
        format!("{STATES}-A INPUT -p tcp --dport 22 -j ACCEPT\n{guard}"),
        format!("-A INPUT -p udp --dport 53 -j ACCEPT\n{STATES}{guard}"),
        format!(":T - [0:0]\n-A T -p tcp --dport 22 -j ACCEPT\n-A INPUT -j T\n{guard}"),
        format!(
            ":D - [0:0]\n-A D -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\n{}",
            guard.replace("DROP", "D")
        ),
    ] {
        assert_eq!(reports(&bad), 1, "{bad}");
    }
    for quiet in [
        format!("{guard}\n-A INPUT -p tcp --dport 22 -j ACCEPT"),
        // The order among rules for states means nothing.
        format!("{STATES}{guard}\n-A INPUT -p tcp --dport 22 -j ACCEPT"),
        format!("{STATES}-A INPUT -p tcp --dport 22 -m state --state NEW -j ACCEPT\n{guard}"),
        // Trust in an interface, a network, a protocol.
        format!(
            "-A INPUT -i lo -j ACCEPT\n-A INPUT -i lan0 -j ACCEPT\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\n{guard}"
        ),
        format!("-A INPUT -p icmp --icmp-type 8 -j ACCEPT\n{guard}"),
        // Nothing drops them by name, or only elsewhere.
        "-A INPUT -p tcp --dport 22 -j ACCEPT".to_owned(),
        format!("-A INPUT -p tcp --dport 22 -j ACCEPT\n{}", guard.replace("INPUT", "FORWARD")),
        format!(
            ":R - [0:0]\n{}\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -j R",
            guard.replace("INPUT", "R")
        ),
        format!("-A INPUT -i lan0 -p tcp --dport 22 -j ACCEPT\n{}", guard.replace("-m", "-i wan0 -m")),
    ] {
        assert_eq!(reports(&quiet), 0, "{quiet}");
    }
}

#[test]
fn the_drop_of_invalid_packets_moves_up() {
    let lines = "-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -m conntrack --ctstate INVALID -j DROP";
    let (found_before, fixed) = found(203, &filter(GUARDED, lines));
    assert_eq!(found_before.len(), 1);
    let moved = "-A INPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT";
    assert_eq!(fixed, filter(GUARDED, moved));
    assert!(found(203, &fixed).0.is_empty());
    // Over a rule that sees INVALID packets too it is only shown.
    let between = lines.replace("\n", "\n-A INPUT -i lan0 -j ACCEPT\n");
    let text = filter(GUARDED, &between);
    assert_eq!(found(203, &text).1, text);
}

#[test]
fn states_that_are_gone_before() {
    let rule = "-A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT";
    let reports = |lines: &str| count(206, GUARDED, lines);
    assert_eq!(reports(&format!("{STATES}{rule}")), 1);
    assert_eq!(
        reports(&format!(":E - [0:0]\n-A E -m state --state ESTABLISHED -j ACCEPT\n-A INPUT -j E\n{rule}")),
        1
    );
    for quiet in [
        rule.to_owned(),
        format!("-A INPUT -p udp -m conntrack --ctstate ESTABLISHED -j ACCEPT\n{rule}"),
        format!("-A INPUT -m conntrack --ctstate RELATED -j ACCEPT\n{rule}"),
        format!("-A INPUT -m limit --limit 1/s -m state --state ESTABLISHED -j ACCEPT\n{rule}"),
        format!("{STATES}-A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT"),
        format!("{STATES}-A INPUT -p tcp -m conntrack ! --ctstate INVALID -j ACCEPT"),
        // Dead altogether: another finding.
        format!("-A INPUT -p tcp -j ACCEPT\n{rule}"),
    ] {
        assert_eq!(reports(&quiet), 0, "{quiet}");
    }
    let (_, fixed) = found(206, &filter(GUARDED, &format!("{STATES}{rule}")));
    assert_eq!(fixed, filter(GUARDED, &format!("{STATES}{}", rule.replace("NEW,ESTABLISHED", "NEW"))));
    // One command that makes two rules, of which only one has dead states, stays as it is.
    let two = "-A INPUT -s 10.0.0.1 -m state --state ESTABLISHED -j ACCEPT\n\
               -A INPUT -s 10.0.0.1,10.0.0.2 -p tcp -m state --state NEW,ESTABLISHED -j ACCEPT";
    let text = filter(GUARDED, two);
    let (one, unchanged) = found(206, &text);
    assert_eq!((one.len(), unchanged), (1, text));
}

#[test]
fn an_ack_that_is_new() {
    let reports = |lines: &str| count(207, GUARDED, lines);
    let rule = "-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT";
    assert_eq!(reports(&format!("{STATES}{rule}")), 1);
    let guard = "-A INPUT -p tcp ! --syn -m conntrack --ctstate NEW -j DROP";
    assert_eq!(reports(&format!("{STATES}{guard}\n{rule}")), 0);
    assert_eq!(reports(&format!("{STATES}{rule}\n{guard}")), 1);
    assert_eq!(reports(&rule.replace("-p tcp", "-p tcp --syn")), 0);
    assert_eq!(reports(&rule.replace("tcp", "udp")), 0);
    // Nobody asked for it.
    let (source, all) = findings_with("t.rules", filter(GUARDED, rule).as_bytes(), options());
    assert!(all.iter().all(|f| f.diagnostic.code.number != 207), "{}", listing(&source, &all));
}

#[test]
fn connections_that_are_counted_while_they_run() {
    let rule = "-A INPUT -p tcp --dport 80 -m connlimit --connlimit-above 20 -j REJECT\n";
    let reports = |lines: &str| count(211, GUARDED, lines);
    assert_eq!(reports(&format!("{rule}{STATES}")), 1);
    for quiet in [
        format!("{STATES}{rule}"),
        format!(":ufw-in - [0:0]\n-A INPUT -j ufw-in\n{rule}"),
        rule.replace("-p tcp", "-p tcp --syn"),
        rule.replace("-m connlimit", "-m conntrack --ctstate NEW -m connlimit"),
        rule.replace("above", "upto").replace("REJECT", "ACCEPT"),
    ] {
        assert_eq!(reports(&quiet), 0, "{quiet}");
    }
    let (_, fixed) = found(211, &filter(GUARDED, &format!("{rule}{STATES}")));
    assert!(fixed.contains("-p tcp --dport 80 --syn -m connlimit --connlimit-above 20 -j REJECT"), "{fixed}");
    assert!(found(211, &fixed).0.is_empty());
}

#[test]
fn helpers_that_nobody_attaches() {
    let control = "-A INPUT -p tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT\n";
    let reports = |lines: &str| count(213, GUARDED, lines);
    assert_eq!(reports(&format!("{STATES}{control}")), 1);
    assert_eq!(reports(&format!("{STATES}-A INPUT -p tcp -m multiport --dports 21,80 -j ACCEPT")), 1);
    assert_eq!(reports(&format!("{STATES}-A INPUT -p udp --dport 5060 -j ACCEPT")), 1);
    for quiet in [
        STATES.to_owned(),
        // A range of data ports is open, for all or for those who may come.
        format!("{STATES}{control}-A INPUT -p tcp --dport 50000:50100 -j ACCEPT"),
        format!(
            "{STATES}-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -s 10.0.0.0/8 -p tcp --dport 21 -j ACCEPT"
        ),
        format!("-A INPUT -p tcp -j ACCEPT\n{STATES}{control}"),
        // Nothing is let in because it is RELATED: no helper would help.
        format!("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n{control}"),
        // A server of TFTP answers from another port, which OUTPUT lets out.
        format!("{STATES}-A INPUT -p udp --dport 69 -j ACCEPT"),
        format!("{STATES}-A INPUT -p tcp --dport 6667 -j ACCEPT"),
        format!("{STATES}-A INPUT -p tcp --dport 1723 -j ACCEPT\n-A INPUT -p gre -j ACCEPT"),
        format!("{STATES}-A INPUT -p tcp --dport 21 -j DROP"),
    ] {
        assert_eq!(reports(&quiet), 0, "{quiet}");
    }
    assert_eq!(reports(&format!("{STATES}{control}-A INPUT -p tcp --dport 8080 -j ACCEPT")), 1);
    assert_eq!(
        count(
            213,
            ["DROP"; 3],
            &format!(
                "{STATES}-A OUTPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -p udp --dport 69 -j ACCEPT"
            )
        ),
        1
    );
}

#[test]
fn the_helper_is_attached_where_there_is_a_table_and_where_there_is_none() {
    let rules = filter(GUARDED, &format!("{STATES}-A INPUT -p tcp --dport 21 -j ACCEPT"));
    let (_, fixed) = found(213, &rules);
    assert!(fixed.starts_with("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 21 -j CT --helper ftp\nCOMMIT\n*filter"), "{fixed}");
    assert!(found(213, &fixed).0.is_empty());
    let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 2121 -j CT --helper ftp\nCOMMIT\n";
    let (one, fixed) = found(213, &format!("{raw}{rules}"));
    assert_eq!(one.len(), 1);
    assert_eq!(fixed.matches("*raw").count(), 1, "{fixed}");
    assert!(found(213, &fixed).0.is_empty(), "{fixed}");
    // The control port of a server behind this host.
    let nat = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 21 -j DNAT --to-destination 10.0.0.5\nCOMMIT\n";
    assert_eq!(found(213, nat).0.len(), 1);
    let range = nat.replace(
        "COMMIT",
        "-A PREROUTING -p tcp --dport 50000:50100 -j DNAT --to-destination 10.0.0.5\nCOMMIT",
    );
    assert_eq!(found(213, &range).0.len(), 0);
}

#[test]
fn replies_without_tracking() {
    let raw =
        |lines: &str| format!("*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{lines}\nCOMMIT\n");
    let query = "-A OUTPUT -p udp --dport 53 -j CT --notrack";
    let both = raw(&format!("{query}\n-A PREROUTING -p udp --sport 53 -j CT --notrack"));
    let reports = |raw: &str, lines: &str| found(215, &format!("{raw}{}", filter(GUARDED, lines))).0.len();
    assert_eq!(reports(&both, STATES), 1);
    // Of one direction only: the reply begins something new, and is dropped as well.
    assert_eq!(reports(&raw(query), STATES), 1);
    let server = raw("-A PREROUTING -p udp --dport 53 -j CT --notrack");
    for quiet in [
        format!("{STATES}-A INPUT -p udp --sport 53 -m conntrack --ctstate UNTRACKED -j ACCEPT"),
        format!("{STATES}-A INPUT -p udp --sport 53 -j ACCEPT"),
        format!("{STATES}-A INPUT -m limit --limit 9/s -j ACCEPT"),
        // Not even with tracking would replies come in.
        "-A INPUT -i lo -j ACCEPT".to_owned(),
    ] {
        assert_eq!(reports(&both, &quiet), 0, "{quiet}");
    }
    assert_eq!(reports(&server, &format!("{STATES}-A INPUT -p udp --dport 53 -j ACCEPT")), 0);
    assert_eq!(
        reports(
            &server,
            &format!(
                "{STATES}-A INPUT -p udp --dport 53 -j ACCEPT\n-A OUTPUT -m state --state ESTABLISHED -j ACCEPT\n-A OUTPUT -j DROP"
            )
        ),
        1
    );
    // Nobody answers a log record.
    assert_eq!(reports(&raw("-A OUTPUT -p udp --dport 514 -j CT --notrack"), STATES), 0);
    assert_eq!(reports(&raw("-A OUTPUT -o lo -j CT --notrack"), STATES), 0);
}

#[test]
fn what_is_above_a_limit() {
    let rule = "-A INPUT -p icmp --icmp-type 8 -m limit --limit 1/sec -j ACCEPT\n";
    assert_eq!(count(504, OPEN, rule), 1);
    assert_eq!(count(504, GUARDED, &format!("{rule}-A INPUT -p icmp -j ACCEPT")), 1);
    for quiet in [
        format!("{rule}-A INPUT -p icmp --icmp-type 8 -j DROP"),
        format!("{rule}-A INPUT -p icmp -j DROP"),
        format!("{rule}-A INPUT -p icmp -s 10.0.0.0/8 -j DROP"),
        format!(":P - [0:0]\n{}-A P -j DROP\n-A INPUT -p icmp -j P", rule.replace("INPUT", "P")),
        rule.replace("ACCEPT", "LOG"),
    ] {
        assert_eq!(count(504, OPEN, &quiet), 0, "{quiet}");
    }
    assert_eq!(count(504, GUARDED, rule), 0);
}

#[test]
fn limits_that_drop() {
    let rule = "-A INPUT -p tcp --syn -m limit --limit 10/sec -j DROP\n";
    assert_eq!(count(505, OPEN, rule), 1);
    for quiet in [
        // Rejects some, and drops the rest without a word.
        "-A INPUT -m limit --limit 10/s -j REJECT\n-A INPUT -j DROP".to_owned(),
        // What may be accepted is accepted before, or behind another call.
        ":R - [0:0]\n-A R -m limit --limit 10/s -j REJECT\n-A R -j DROP\n\
         -A INPUT -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT\n-A INPUT -m limit --limit 9/s -j ACCEPT\n-A INPUT -j R"
            .to_owned(),
        ":ufw-in - [0:0]\n-A INPUT -j ufw-in\n-A INPUT -p tcp -m limit --limit 9/s -j DROP".to_owned(),
        format!("{rule}-A INPUT -p tcp --syn -j ACCEPT"),
        format!("{rule}-A INPUT -p tcp --syn -j LOG"),
        "-A INPUT -p tcp --syn -m hashlimit --hashlimit-above 9/s --hashlimit-name a -j DROP".to_owned(),
        "-A INPUT -m statistic --mode random --probability 0.1 -j DROP".to_owned(),
    ] {
        assert_eq!(count(505, OPEN, &quiet), 0, "{quiet}");
    }
    assert_eq!(count(505, GUARDED, rule), 0);
    let below = rule.replace("INPUT", "B");
    assert_eq!(count(505, OPEN, &format!(":B - [0:0]\n{below}-A INPUT -p tcp -j B")), 1);
    assert_eq!(
        count(505, OPEN, &format!(":B - [0:0]\n{below}-A INPUT -p tcp -j B\n-A INPUT -p tcp -j DROP")),
        0
    );
    assert_eq!(
        count(505, OPEN, &format!(":B - [0:0]\n{below}-A INPUT -p tcp -g B\n-A INPUT -p tcp -j DROP")),
        1
    );
}

#[test]
fn limits_that_all_share() {
    let rule = "-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m limit --limit 3/min -j ACCEPT";
    let reports = |lines: &str| count(507, GUARDED, lines);
    assert_eq!(reports(rule), 1);
    for quiet in [
        rule.replace("-p tcp", "-s 192.0.2.0/24 -p tcp"),
        rule.replace("NEW", "ESTABLISHED"),
        rule.replace("-p tcp --dport 22", "-p icmp"),
        rule.replace("-p tcp --dport 22", "-i lo -p tcp --dport 22"),
        rule.replace(
            "limit --limit 3/min",
            "hashlimit --hashlimit-upto 3/min --hashlimit-mode srcip --hashlimit-name s",
        ),
        // Without effect: another finding.
        format!("{rule}\n-A INPUT -p tcp -j ACCEPT"),
    ] {
        assert_eq!(reports(&quiet), 0, "{quiet}");
    }
    let (one, _) = found(507, &filter(GUARDED, rule));
    let fix = one[0].diagnostic.fix.as_ref().expect("a fix");
    let fixed = apply_fixes(filter(GUARDED, rule).as_bytes(), &[fix]).text;
    let fixed = String::from_utf8(fixed).expect("UTF-8");
    let limit =
        "-m hashlimit --hashlimit-upto 3/min --hashlimit-mode srcip --hashlimit-name tcp-22 -j ACCEPT";
    assert!(fixed.contains(limit), "{fixed}");
}

#[test]
fn logs_of_running_connections() {
    let rule = "-A INPUT -p tcp --dport 22 -j LOG\n";
    let reports = |lines: &str| count(508, GUARDED, lines);
    assert_eq!(reports(&format!("{rule}{STATES}")), 1);
    assert_eq!(
        reports(&format!(
            ":L - [0:0]\n-A L -j LOG\n-A L -j ACCEPT\n-A INPUT -p tcp --dport 22 -j L\n{STATES}"
        )),
        1
    );
    for quiet in [
        format!("{STATES}{rule}"),
        // What is logged is dropped, or is not the ordinary packet of a connection.
        "-A INPUT -p tcp --dport 22 -m state --state NEW,ESTABLISHED -j ACCEPT\n-A INPUT -j LOG".to_owned(),
        format!(":ufw-in - [0:0]\n-A INPUT -j ufw-in\n{rule}{STATES}"),
        format!("{rule}-A INPUT -p tcp --dport 22 -j ACCEPT"),
        format!("{}{STATES}", rule.replace("-p tcp", "-p tcp --syn")),
        format!("{}{STATES}", rule.replace("-j", "-m conntrack --ctstate NEW -j")),
        format!("{}{STATES}", rule.replace("-j", "-m conntrack --ctstate ESTABLISHED -j")),
        format!("{}{STATES}", rule.replace("-j", "-m statistic --mode random --probability 0.01 -j")),
        format!("{}{STATES}", rule.replace("-j", "-m string --algo bm --string exec -j")),
        format!("-A INPUT -i lo -j LOG\n{STATES}"),
        format!("-A INPUT -p icmp -j LOG\n{STATES}"),
    ] {
        assert_eq!(reports(&quiet), 0, "{quiet}");
    }
    let (_, fixed) = found(508, &filter(GUARDED, &format!("{rule}{STATES}")));
    assert!(fixed.contains("-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j LOG\n"), "{fixed}");
    assert!(found(508, &fixed).0.is_empty());
}
