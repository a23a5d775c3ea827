//! Which rulesets do the same.

use rfw_diagnostics::{Source, SourceKind};
use rfw_lint::{Comparison, Facts, Input, Model, Offline, compare, read};
use rfw_nft::Family;

use crate::common::FewNames;

fn model(text: &str) -> Model {
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
