//! The running rules beside those that the next start loads, and rules for fragments.

use crate::common::{findings, findings_with, options};

/// Rules with `rules` between the accepts that all have and the end.
fn filter(rules: &str) -> String {
    format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n{rules}COMMIT\n"
    )
}

/// What is said about a difference: the message, then the others with their lines.
fn drift(now: &str, boot: &str) -> Vec<String> {
    let text = format!("{now}# boot:\n{boot}");
    let (source, found) = findings("a.rules", text.as_bytes());
    let Some(found) = found.iter().map(|f| &f.diagnostic).find(|d| d.code.number == 815) else {
        return Vec::new();
    };
    let labels =
        found.labels.iter().map(|l| format!("{}: {}", source.line_column(l.span.start).line, l.text));
    std::iter::once(found.message.clone()).chain(labels).chain(found.label.clone()).collect()
}

fn accepts(ports: impl IntoIterator<Item = u16>) -> String {
    ports.into_iter().map(|port| format!("-A INPUT -p tcp --dport {port} -j ACCEPT\n")).collect()
}

#[test]
fn all_differences_are_told() {
    assert_eq!(drift(&filter(&accepts([22, 80])), &filter(&accepts([80, 22]))), [""; 0]);
    let told = drift(&filter(&accepts([22, 80, 443])), &filter(&accepts([22, 25])));
    assert_eq!(told.len(), 4, "{told:#?}");
    assert_eq!(told[0], "after a reboot packets will fare otherwise, in 3 ways");
    for (text, line, port, change) in [
        (&told[1], 7, 80, "was accepted, is dropped by filter INPUT"),
        (&told[2], 8, 443, "was accepted, is dropped by filter INPUT"),
        // No running rule is to blame.
        (&told[3], 1, 25, "was dropped, is accepted by filter INPUT"),
    ] {
        assert!(
            text.starts_with(&format!("{line}: tcp "))
                && text.contains(&format!(":{port} in "))
                && text.ends_with(change),
            "{told:#?}"
        );
    }
    // One that judges all that is left.
    let told =
        drift(&filter("-A INPUT -p tcp -j ACCEPT\n"), &filter("").replace("INPUT DROP", "INPUT ACCEPT"));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("was dropped, is accepted by filter INPUT"), "{told:#?}");
}

#[test]
fn many_differences_are_counted() {
    let told = drift(&filter(&accepts(1000..1008)), &filter(""));
    assert_eq!(told[0], "after a reboot packets will fare otherwise, in 8 ways");
    assert_eq!((told.len(), told[6].as_str()), (7, "3 more are not shown"));
    let mixed: String = (1000..1150)
        .map(|port| match port % 2 {
            0 => format!("-A INPUT -p tcp --dport {port} -j ACCEPT\n"),
            _ => format!("-A INPUT -i eth0 -p udp --dport {port} -j ACCEPT\n"),
        })
        .collect();
    let told = drift(&filter(&mixed), &filter(""));
    assert_eq!(told[0], "after a reboot packets will fare otherwise, in 100 or more ways");
    assert_eq!(told[6], "95 more are not shown");
    // The analysis takes a long list as one.
    let told = drift(&filter(&accepts(1000..1150)), &filter(""));
    assert!(
        told.len() == 1 && told[0].ends_with("is dropped by filter INPUT, and so may others of a list be"),
        "{told:#?}"
    );
}

#[test]
fn what_rules_do_besides_judging_counts() {
    let log = "-A INPUT -p tcp --dport 80 -j LOG\n";
    let told = drift(&filter(&format!("{log}{}", accepts([80]))), &filter(""));
    assert_eq!(told[0], "after a reboot packets will fare otherwise, in 2 ways");
    assert!(
        told[2].starts_with("6: tcp ") && told[2].contains("does more than judge, in one of them only"),
        "{told:#?}"
    );
    let nat =
        |to: &str| format!("*nat\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination {to}\nCOMMIT\n");
    let told = drift(&nat("192.0.2.1"), &nat("192.0.2.2"));
    assert_eq!(told[0], "after a reboot packets will fare otherwise, in 2 ways");
    // A table that the file has not is not its own.
    assert_eq!(drift(&format!("{}{}", filter(""), nat("192.0.2.1")), &filter("")), [""; 0]);
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    let told = drift(&filter(""), &filter("-A INPUT -p tcp --dport nonsense -j ACCEPT\n"));
    assert_eq!(
        told,
        ["boot has other rules, and whether they do the same is not known: line 6 of it cannot be read"]
    );
}

/// Lines and messages of findings about fragments.
fn fragments(name: &str, text: &str) -> Vec<String> {
    let (source, found) = findings_with(name, text.as_bytes(), options());
    let own = found.iter().map(|f| &f.diagnostic).filter(|d| d.code.number == 312);
    own.map(|d| format!("{}: {}", source.line_column(d.span.start).line, d.message)).collect()
}

#[test]
fn fragments_are_gone_where_something_reassembles() {
    let first = |rule: &str| format!("*raw\n-A PREROUTING {rule}\nCOMMIT\n");
    let whole = "2: `-f` never matches: packets are reassembled before iptables sees them";
    // Seen in the kernel, one by one; what follows counts alone, in a ruleset that has nothing else.
    for (table, rule) in [
        ("filter", "-A FORWARD -m conntrack --ctstate NEW"),
        ("filter", "-A FORWARD -m state --state NEW"),
        ("filter", "-A FORWARD -m connmark --mark 1"),
        ("filter", "-A FORWARD -m connbytes --connbytes 1 --connbytes-dir both --connbytes-mode packets"),
        ("filter", "-A FORWARD -m connlimit --connlimit-above 5"),
        ("filter", "-A FORWARD -m helper --helper ftp"),
        ("filter", "-A FORWARD -m connlabel --label 1"),
        (
            "filter",
            "-A FORWARD -m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1",
        ),
        ("filter", "-A FORWARD -p tcp -j SYNPROXY"),
        ("mangle", "-A PREROUTING -p tcp --dport 7 -j TPROXY --on-port 9"),
        ("mangle", "-A PREROUTING -m socket"),
        ("mangle", "-A FORWARD -j CONNMARK --set-mark 1"),
        ("mangle", "-A FORWARD -j CONNSECMARK --save"),
        ("raw", "-A OUTPUT -p tcp --dport 21 -j CT --helper ftp"),
        ("raw", "-A OUTPUT -p tcp --dport 21 -j CT --zone 5"),
        ("nat", "-A POSTROUTING -s 192.0.2.9 -j MASQUERADE"),
        ("nat", "-A PREROUTING -p tcp -j REDIRECT --to-ports 9"),
    ] {
        let text = format!("{}*{table}\n{rule}\nCOMMIT\n", first("-f -j DROP"));
        assert_eq!(fragments("a.rules", &text), [whole], "{rule}");
        assert_eq!(fragments("a.rules", &text.replace("-f -j", "! -f -j")), [""; 0], "{rule}");
    }
    for (table, rule) in
        [("raw", "-A OUTPUT -p tcp --dport 21 -j CT --notrack"), ("nat", "-A POSTROUTING -p tcp")]
    {
        let text = format!("{}*{table}\n{rule}\nCOMMIT\n", first("-f -j DROP"));
        assert_eq!(fragments("a.rules", &text), [""; 0], "{rule}");
    }
    let v6 =
        format!("{}*filter\n-A INPUT -m state --state NEW\nCOMMIT\n", first("-m frag --fragmore -j DROP"));
    assert_eq!(
        fragments("a.v6.rules", &v6),
        ["2: `-m frag` never matches: packets are reassembled before iptables sees them"]
    );
    assert_eq!(fragments("a.v6.rules", &first("-m frag -j DROP")), [""; 0]);
}

#[test]
fn packets_for_the_host_are_whole() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:F - [0:0]\n:BOTH - [0:0]\n-A INPUT -f -j DROP\n-A INPUT -j F\n-A INPUT -j BOTH\n\
                -A FORWARD -j BOTH\n-A FORWARD -f -j DROP\n-A F -f -j DROP\n-A BOTH -f -j DROP\nCOMMIT\n";
    let here = |line: u8| {
        format!("{line}: `-f` never matches here: packets for this host are reassembled before INPUT")
    };
    assert_eq!(fragments("a.rules", text), [here(5), here(10)]);
    let v6 = "*filter\n-A INPUT -m frag -j DROP\nCOMMIT\n";
    assert_eq!(fragments("a.v6.rules", v6), [""; 0]);
}
