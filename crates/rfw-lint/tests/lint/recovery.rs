//! Lines that iptables refuses: each fault is found, all of them in one run, and the rest is analysed as if the line had been
//! right.

use rfw_lint::Input;

use crate::common::{findings, listing};
use crate::recovery_texts::{FILES, LINES, around};

/// What the checks find that is not about syntax: without columns, which the mending moves.
fn meant(text: &str) -> Vec<String> {
    let (source, found) = findings("t.rules", text.as_bytes());
    let about = |f: &&rfw_lint::Finding| f.diagnostic.code.number >= 200 && f.diagnostic.code.number != 812;
    found
        .iter()
        .filter(about)
        .map(|f| {
            let d = &f.diagnostic;
            let line = source.line_column(d.span.start).line;
            format!("{line} {} {:?} {:?} {:?} {}", d.code, f.table, f.chain, f.rule, d.message)
        })
        .collect()
}

fn syntax(text: &str) -> Vec<u16> {
    let (_, found) = findings("t.rules", text.as_bytes());
    found.iter().map(|f| f.diagnostic.code.number).filter(|n| *n < 200 || *n == 812).collect()
}

#[test]
fn a_wrong_line_is_read_as_it_was_meant() {
    for (wrong, right, codes) in LINES {
        let (wrong, right) = (around(wrong), around(right));
        let mut found = syntax(&wrong);
        found.sort_unstable();
        let (source, all) = findings("t.rules", wrong.as_bytes());
        assert_eq!(found, *codes, "{wrong}\n{}", listing(&source, &all));
        assert_eq!(meant(&wrong), meant(&right), "{wrong}");
        assert_eq!(syntax(&right), [0u16; 0], "{right}");
    }
}

#[test]
fn a_wrong_file_is_read_as_it_was_meant() {
    for (wrong, right, codes) in FILES {
        let mut found = syntax(wrong);
        found.sort_unstable();
        let (source, all) = findings("t.rules", wrong.as_bytes());
        assert_eq!(found, *codes, "{wrong}\n{}", listing(&source, &all));
        if wrong.contains("*nat") {
            continue;
        }
        assert_eq!(meant(wrong), meant(right), "{wrong}");
    }
}

/// A dump that follows another of the same tables replaces it, as it does in the kernel.
#[test]
fn a_second_dump_replaces_the_first() {
    let dump = |rule: &str| format!("*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n{rule}\nCOMMIT\n");
    let both =
        format!("{}root@gw:~# iptables-save\n{}", dump("-A INPUT -j DROP"), dump("-A INPUT -p tcp -j DROP"));
    let (source, found) = findings("t.rules", both.as_bytes());
    let codes: Vec<u16> = found.iter().map(|f| f.diagnostic.code.number).collect();
    assert!(codes.contains(&112) && codes.contains(&109), "{}", listing(&source, &found));
    assert!(!codes.contains(&305) && !codes.contains(&304), "{}", listing(&source, &found));
}

/// What nobody can know is not made up.
#[test]
fn what_is_not_known_stays_unknown() {
    for (line, codes) in [
        ("-A INPUT -p tcp -d --dport 22 -j ACCEPT", &[105][..]),
        ("-A INPUT -s ! -j ACCEPT", &[105]),
        ("-A INPUT --dport 53 -j ACCEPT", &[106]),
        ("-A INPUT -p icmp --dport 53 -j ACCEPT", &[106]),
        ("-A INPUT -i eth0123456789abcdef -j ACCEPT", &[121]),
        ("-A INPUT ! -p tcp -m multiport --dports 22 -j ACCEPT", &[124]),
        ("-A INPUT -m owner --pid-owner 1 -j ACCEPT", &[812]),
        ("what is this", &[109]),
    ] {
        let text = around(line);
        let (source, all) = findings("t.rules", text.as_bytes());
        assert_eq!(syntax(&text), codes, "{line}\n{}", listing(&source, &all));
    }
}

/// Chains that are missing are reported once, however often they are named.
#[test]
fn one_finding_for_a_missing_chain() {
    let text = "*filter\n-A INPUT -j WEB_IN\n-A INPUT -p tcp -j WEB_IN\n-A WEB_IN -s 192.0.2.1 -j DROP\n-A WEB_IN -j DROP\nCOMMIT\n";
    assert_eq!(syntax(text), [104]);
}

/// A dump that was pasted with its prompt is a dump.
#[test]
fn a_prompt_does_not_make_a_script() {
    let dump = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";
    for before in [
        "root@gw:~# iptables-save\n",
        "[root@gw ~]# iptables-save\n",
        "$ sudo iptables-save\n",
        "iptables-save v1.8.9\n",
    ] {
        let text = format!("{before}{dump}root@gw:~#\n");
        assert_eq!(Input::guess("-", text.as_bytes()), Input::Save, "{text}");
        assert_eq!(syntax(&text), [109, 109], "{text}");
    }
    let script = format!("#!/bin/sh\niptables-restore <<E\n{dump}E\n");
    assert_eq!(Input::guess("-", script.as_bytes()), Input::Script);
}

#[test]
fn utf16_is_one_finding() {
    let rules = "*filter\n-A INPUT -j NONSENSE\nCOMMIT\n";
    let units: Vec<u16> = rules.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    for text in [[b"\xff\xfe", &little[..]].concat(), [b"\xfe\xff", &big[..]].concat(), little, big] {
        let (_, found) = findings("a.rules", &text);
        let [one] = found.as_slice() else { panic!("{found:#?}") };
        assert_eq!(one.diagnostic.code.number, 109);
        assert!(one.diagnostic.message.contains("UTF-16") && one.diagnostic.fix.is_none());
    }
}
