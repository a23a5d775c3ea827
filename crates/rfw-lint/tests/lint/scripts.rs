//! Shell scripts: what is found in them, and where.

use std::fs;

use rfw_diagnostics::{Source, SourceKind};
use rfw_lint::{Facts, Finding, Input, Model, Offline, read};
use rfw_nft::Family;

use crate::common::{FewNames, findings, listing, top};

fn file(name: &str) -> Vec<u8> {
    fs::read(top().join("fixtures/lint/scripts").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn count(found: &[Finding], number: u16) -> usize {
    found.iter().filter(|f| f.diagnostic.code.number == number).count()
}

/// Findings of a script.
fn of(text: &str) -> (Vec<Finding>, String) {
    let (source, found) = findings("t.sh", text.as_bytes());
    let shown = listing(&source, &found);
    (found, shown)
}

/// The ruleset that a script leaves.
fn left(text: &str, family: Family) -> Model {
    let source = Source::new("t.sh", SourceKind::File, text.as_bytes().to_vec());
    read(&source, Input::Script, family, &Offline::new(&FewNames), &Facts::default())
}

/// How many rules a chain of filter has, and how many of them are known.
fn rules(text: &str, chain: &str) -> (usize, usize) {
    let model = left(text, Family::Ipv4);
    let Some((_, table)) = model.table("filter") else { return (0, 0) };
    let Some(at) = table.position(chain.as_bytes()) else { return (0, 0) };
    let rules = &table.chains[at].rules;
    (rules.len(), rules.iter().filter(|r| r.body.is_some()).count())
}

/// The text under the first finding of a code.
fn blamed<'t>(text: &'t str, found: &[Finding], number: u16) -> &'t str {
    let finding =
        found.iter().find(|f| f.diagnostic.code.number == number).unwrap_or_else(|| panic!("no {number}"));
    let span = finding.diagnostic.span;
    &text[span.start as usize..span.end as usize]
}

#[test]
fn scripts_that_people_follow() {
    let expected: [(&str, &[(u16, usize)]); 8] = [
        ("seed-001-script.sh", &[(606, 1), (210, 2), (814, 1), (130, 0), (127, 0)]),
        ("seed-001-joined.sh", &[(127, 6), (606, 1), (130, 0)]),
        ("seed-001-steps.sh", &[(606, 1), (210, 3), (305, 1), (501, 1), (130, 0)]),
        ("seed-002-chain.sh", &[(126, 1)]),
        ("seed-002-inserts.sh", &[(313, 2), (501, 1)]),
        ("seed-003-dashes.sh", &[(130, 0)]),
        ("seed-004-session.txt", &[(607, 2), (606, 0), (814, 1)]),
        ("router.sh", &[(130, 0), (606, 0)]),
    ];
    for (name, counts) in expected {
        let text = file(name);
        let input = Input::guess(name, &text);
        assert_eq!(input, Input::Script, "{name}");
        let (source, found) = findings(&format!("{name}.sh"), &text);
        for &(number, wanted) in counts {
            assert_eq!(count(&found, number), wanted, "{name} RFW{number}\n{}", listing(&source, &found));
        }
    }
    let (_, found) = findings("t.sh", &file("seed-003-dashes.sh"));
    assert!(count(&found, 101) > 0 && count(&found, 105) > 0);
}

#[test]
fn everything_that_is_not_followed_is_said() {
    let (source, found) = findings("unknown.sh", &file("unknown.sh"));
    insta::assert_snapshot!("unknown-script", listing(&source, &found));
    let (source, found) = findings("init.sh", &file("init.sh"));
    assert_eq!(count(&found, 130), 1, "{}", listing(&source, &found));
}

#[test]
fn places_are_those_of_the_script() {
    let text = "LAN=192.168.1.0/33\niptables -A INPUT -s $LAN -j ACCEPT\n";
    let (found, shown) = of(text);
    let bad = found.iter().find(|f| f.diagnostic.severity == rfw_diagnostics::Severity::Error).expect(&shown);
    let span = bad.diagnostic.span;
    assert_eq!(&text[span.start as usize..span.end as usize], "$LAN", "{shown}");
    assert!(
        bad.diagnostic
            .labels
            .iter()
            .any(|l| &text[l.span.start as usize..l.span.end as usize] == "192.168.1.0/33"),
        "{shown}"
    );

    let text = "iptables -A INPUT -p tcp -m multiport --dports \"22,http,bogus\" -j ACCEPT\n";
    let (found, shown) = of(text);
    assert!("22,http,bogus".contains(blamed(text, &found, 151)), "{shown}");

    let text = "N=INPT\nip6tables-restore <<END\n*filter\n-A $N -j ACCEPT\n-A INPUT -s 1.2.3.4 -j ACCEPT\nCOMMIT\nEND\n";
    let (found, shown) = of(text);
    assert_eq!(blamed(text, &found, 104), "$N", "{shown}");

    let text = "for p in 22 x; do iptables -A INPUT -p tcp --dport $p -j ACCEPT; done\n";
    let (found, shown) = of(text);
    let labels: Vec<&str> = found
        .iter()
        .flat_map(|f| &f.diagnostic.labels)
        .map(|l| &text[l.span.start as usize..l.span.end as usize])
        .collect();
    assert!(labels.contains(&"x") && !labels.contains(&"22"), "{shown}");
}

#[test]
fn functions_are_named_with_their_calls() {
    let text = "allow() {\n  iptables -A INPUT -p tcp --dport $1 -j ACCEPT\n}\nallow 22\nallow 22\n";
    let (found, shown) = of(text);
    let same = found.iter().find(|f| f.diagnostic.code.number == 305).expect(&shown);
    assert!(same.diagnostic.message.contains("line 2 (called in line 4)"), "{shown}");
    assert_eq!(same.diagnostic.fix, None, "{shown}");
    let places: Vec<&str> =
        same.diagnostic.labels.iter().map(|l| &text[l.span.start as usize..l.span.end as usize]).collect();
    assert!(places.contains(&"22"), "{shown}");
}

#[test]
fn fixes_stay_inside_of_commands() {
    for name in ["router.sh", "posix.sh", "seed-001-steps.sh", "seed-003-dashes.sh", "unknown.sh"] {
        let text = file(name);
        let (_, found) = findings(name, &text);
        for finding in found.iter().filter(|f| f.diagnostic.code.number != 814) {
            for edit in finding.diagnostic.fix.iter().flat_map(|f| &f.edits) {
                let part = &text[edit.span.start as usize..edit.span.end as usize];
                assert!(!part.contains(&b'\n') && !edit.replacement.contains('\n'), "{name} {finding:?}");
            }
        }
    }
}

#[test]
fn what_a_shell_does() {
    for (text, wanted) in [
        ("IPT=/sbin/iptables-nft; $IPT -A INPUT -j ACCEPT", 1),
        ("iptables -A INPUT -j ACCEPT # iptables -A INPUT -j DROP", 1),
        ("iptables -A INPUT \\\n  -j ACCEPT\n", 1),
        ("for i in 1 2 3; do iptables -A INPUT -s 10.0.0.$i -j DROP; done", 3),
        ("for i in {1..4}; do iptables -A INPUT -s 10.0.0.$i -j DROP; done", 4),
        ("for i in $(seq 2); do iptables -A INPUT -s 10.0.0.$i -j DROP; done", 2),
        ("for i in a b c; do [ $i = b ] && break; iptables -A INPUT -i $i -j DROP; done", 1),
        ("f() { iptables -A INPUT -s \"$1\" -j \"$2\"; }; f 10.0.0.1 DROP; f 10.0.0.2 ACCEPT", 2),
        ("f() { [ $1 -gt 3 ] && return; iptables -A INPUT -i e$1 -j DROP; }; f 1; f 9", 1),
        ("a=(1 2); a+=(3); for i in \"${a[@]}\"; do iptables -A INPUT -i e$i -j DROP; done", 3),
        ("x=1; if [ $x -eq 1 ]; then iptables -A INPUT -j DROP; else iptables -F; fi", 1),
        ("x=b; case $x in a) iptables -F;; b|c) iptables -A INPUT -j DROP;; esac", 1),
        ("[[ abc == a* ]] && iptables -A INPUT -j DROP", 1),
        ("false || iptables -A INPUT -j DROP; true || iptables -A INPUT -j DROP", 1),
        ("sudo -n iptables -A INPUT -j DROP", 1),
        ("sudo -u root /usr/sbin/iptables -A INPUT -j DROP", 1),
        ("iptables -A INPUT -j DROP; exit 0; iptables -F", 1),
        ("O='-p tcp --dport 22'; iptables -A INPUT $O -j DROP", 1),
        ("P=${PORT:-22}; iptables -A INPUT -p tcp --dport ${P} -j DROP", 1),
        ("printf '*filter\\n-A INPUT -j DROP\\nCOMMIT\\n' | iptables-restore", 1),
        ("cat <<'E' | sudo iptables-restore\n*filter\n-A INPUT -i $x -j DROP\nCOMMIT\nE\n", 1),
        ("iptables-restore <<< $'*filter\\n-A INPUT -j DROP\\nCOMMIT'", 1),
        ("set -- 1 2; for i; do iptables -A INPUT -i e$i -j DROP; done", 2),
        ("set -- 1 2; while [ $# -gt 0 ]; do iptables -A INPUT -i e$1 -j DROP; shift; done", 2),
        ("iptables -w -A INPUT -j DROP; iptables -t filter -D INPUT 1", 0),
        ("while iptables -D INPUT -j DROP; do :; done; iptables -A INPUT -j DROP", 1),
        ("until false; do iptables -A INPUT -j DROP; break; done", 1),
        ("(iptables -A INPUT -j DROP) && { iptables -A INPUT -j ACCEPT; }", 2),
        ("declare -a n=(1 2); for i in ${n[*]}; do iptables -A INPUT -i e$i -j DROP; done", 2),
        ("function f { iptables -A INPUT -j DROP; }\nf\n", 1),
    ] {
        let (found, shown) = of(text);
        assert_eq!(count(&found, 130), 0, "{text}\n{shown}");
        assert_eq!(rules(text, "INPUT"), (wanted, wanted), "{text}\n{shown}");
    }
}

#[test]
fn what_is_not_known_is_never_guessed() {
    for text in [
        "iptables -A INPUT -s $ADMIN -j ACCEPT",
        "iptables -A INPUT -s $(hostname -i) -j ACCEPT",
        "iptables -A INPUT -s \"$1\" -j ACCEPT",
        "if [ -f /etc/x ]; then iptables -A INPUT -j ACCEPT; fi",
        "grep -q x /etc/y && iptables -A INPUT -j ACCEPT",
        "for f in /etc/*.conf; do iptables -A INPUT -j ACCEPT; done",
        "while read x; do iptables -A INPUT -s $x -j ACCEPT; done < list",
        "for x in $(cat list); do iptables -A INPUT -s $x -j ACCEPT; done",
        "X=a; if grep x y; then X=b; fi; iptables -A INPUT -i $X -j ACCEPT",
        "case $(uname) in Linux) iptables -A INPUT -j ACCEPT;; esac",
        "select x in a b; do iptables -A INPUT -j ACCEPT; done",
        "iptables -A INPUT $OPTIONS -j ACCEPT",
        "iptables -A INPUT -j ACCEPT; for c in $CHAINS; do iptables -F $c; done",
        "iptables -A INPUT -j ACCEPT; iptables-restore < rules",
        "iptables -A INPUT -j ACCEPT; eval \"$LATER\"",
        "iptables -A INPUT -j ACCEPT; find . | xargs iptables -D",
        "iptables -A INPUT -j ACCEPT; [ -f x ] && iptables -F",
    ] {
        let (found, shown) = of(text);
        assert_eq!(count(&found, 130), 1, "{text}\n{shown}");
        let (all, known) = rules(text, "INPUT");
        assert!(all > 0 && known == 0, "{text}: {all} rules, {known} known\n{shown}");
    }
    // The rest is followed.
    let text = "iptables -A INPUT -j ACCEPT\nf() { f; }; f\n. ./other\n$NAME -A INPUT -j DROP\n'\n";
    assert_eq!(count(&of(text).0, 130), 4, "{}", of(text).1);
    assert_eq!(rules(text, "INPUT").1, 1);
}

#[test]
fn broken_scripts_are_read_on() {
    for text in [
        "if true; then\niptables -A INPUT -j DROP\n",
        "echo \"never closed\niptables -A INPUT -j DROP\n",
        "echo $(date\niptables -A INPUT -j DROP\n",
        "fi\niptables -A INPUT -j DROP\n",
        "case x in\niptables -A INPUT -j DROP\n",
        "don't\niptables -A INPUT -j DROP\n",
    ] {
        let (found, shown) = of(text);
        assert!(count(&found, 130) > 0, "{text}\n{shown}");
        assert_eq!(rules(text, "INPUT").1, 1, "{text}\n{shown}");
    }
}

#[test]
fn other_programs() {
    for (text, notes, known) in [
        ("trap 'iptables -P INPUT ACCEPT' INT TERM\niptables -A INPUT -j DROP\n", 1, 1),
        ("trap 'iptables -F' EXIT\niptables -A INPUT -j DROP\n", 1, 0),
        ("trap 'rm -f lock' EXIT\niptables -A INPUT -j DROP\n", 0, 1),
        ("iptables -A INPUT -j DROP\nip netns exec web iptables -F\n", 1, 1),
        ("iptables -A INPUT -j DROP\nsh -c 'iptables -F'\n", 1, 0),
        ("iptables -A INPUT -j DROP\necho 'iptables -F' | sh\n", 1, 0),
        ("iptables -A INPUT -j DROP\necho 'iptables -F' | at now\n", 1, 0),
        ("iptables -A INPUT -j DROP\nrun iptables -F\n", 1, 0),
        ("iptables -A INPUT -j DROP\nfw -A INPUT -j ACCEPT\n", 1, 0),
        ("iptables -A INPUT -j DROP\necho iptables -F\nlogger iptables -F\n", 0, 1),
        ("iptables -A INPUT -j DROP\napt-get install -y iptables --quiet\n", 0, 1),
    ] {
        let (found, shown) = of(text);
        assert_eq!(count(&found, 130), notes, "{text}\n{shown}");
        assert_eq!(rules(text, "INPUT").1, known, "{text}\n{shown}");
    }
    let (found, shown) = of("iptables -A INPUT -j DROP\r\niptables -P INPUT DROP\r\n");
    assert_eq!((count(&found, 110), count(&found, 163)), (1, 0), "{shown}");
}

#[test]
fn scripts_that_are_called_with_start() {
    for (text, known) in [
        ("if [ \"$1\" = stop ]; then iptables -F; exit 0; fi\niptables -A INPUT -j DROP\n", 1),
        ("iptables -A INPUT -j DROP\n[[ $1 == stop || $1 == clear ]] && iptables -F\n", 1),
        (
            "main() { case $1 in start) iptables -A INPUT -j DROP;; stop) iptables -F;; esac; }\nmain \"$@\"\n",
            1,
        ),
        ("if test x$1 = xstop; then iptables -F; else iptables -A INPUT -j DROP; fi\n", 0),
    ] {
        let (found, shown) = of(text);
        assert_eq!(count(&found, 130), 1, "{text}\n{shown}");
        assert_eq!(rules(text, "INPUT").1, known, "{text}\n{shown}");
    }
    let text =
        "function clear() { iptables -F; }\niptables -A INPUT -j DROP\nfunciton bad() { iptables -F; }\n";
    assert_eq!((count(&of(text).0, 130), rules(text, "INPUT").1), (1, 1), "{}", of(text).1);
}

#[test]
fn two_rules_in_one_line_of_a_save_file() {
    let text = "*filter\n-A INPUT -i lo -j ACCEPT -A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n";
    let (source, found) = findings("t.rules", text.as_bytes());
    let shown = listing(&source, &found);
    assert_eq!((count(&found, 127), count(&found, 164)), (1, 0), "{shown}");
    let model = read(&source, Input::Save, Family::Ipv4, &Offline::new(&FewNames), &Facts::default());
    assert_eq!(model.rules().filter(|(_, r)| r.body.is_some()).count(), 2);
}

#[test]
fn damaged_scripts_do_not_panic() {
    for name in ["router.sh", "posix.sh", "unknown.sh", "seed-001-joined.sh"] {
        let text = file(name);
        for at in (0..text.len()).step_by(101) {
            findings("t.sh", &text[..at]);
            for byte in [b'"', b'$', b'(', b'{', b'`', 0xff] {
                let mut damaged = text.clone();
                damaged[at] = byte;
                findings("t.sh", &damaged);
            }
        }
    }
}

#[test]
fn every_script_ends() {
    for text in [
        "while true; do iptables -A INPUT -j DROP; done",
        "while :; do :; done",
        "f() { g; g; }; g() { h; h; }; h() { f; f; }; f",
        "a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; while :; do a=$a$a; done",
        "for i in {1..999}; do for j in {1..999}; do for k in {1..999}; do iptables -I INPUT -j DROP; iptables -F; done; done; done",
        "while read x; do iptables -I INPUT -j DROP; done < /dev/zero",
    ] {
        let (found, shown) = of(text);
        assert!(count(&found, 130) > 0, "{text}\n{shown}");
    }
    for deep in
        ["$(".repeat(5000), "{ ".repeat(5000), "if ".repeat(5000), "`".repeat(5001), "((".repeat(5000)]
    {
        of(&deep);
    }
}

#[test]
fn kinds_of_texts() {
    for (name, text, wanted) in [
        ("fw.sh", "", Input::Script),
        ("fw", "#!/bin/sh\n", Input::Script),
        ("fw", "#!/usr/bin/env bash\n", Input::Script),
        ("rules", "#!/sbin/iptables-restore\n*filter\nCOMMIT\n", Input::Save),
        ("fw", "iptables -F\n", Input::Script),
        ("fw", "sudo iptables -F\n", Input::Script),
        ("fw", "# comment\nIPT=/sbin/iptables\n$IPT -F\n", Input::Script),
        ("-", "# iptables -A INPUT -j DROP\n", Input::Script),
        ("-", "root@fw:~# iptables -A INPUT -j DROP\n", Input::Script),
        ("-", "-A INPUT -j DROP\n", Input::Arguments),
        ("list.args", "iptables -A INPUT -j DROP\n", Input::Arguments),
        ("rules.v4", "# Generated by iptables-save\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n", Input::Save),
        ("rules.v4", "[0:0] -A INPUT -j DROP\n", Input::Save),
    ] {
        assert_eq!(Input::guess(name, text.as_bytes()), wanted, "{name}: {text}");
    }
}
