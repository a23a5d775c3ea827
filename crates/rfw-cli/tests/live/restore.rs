//! A file with mistakes: all of them are shown, nothing is applied.

use crate::support::{World, links, possible};

/// Twenty mistakes of different kinds; the lines between them are right.
const MISTAKES: &str = "\
*filter
:INPUT DENY [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT
:ACCEPT - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp --dport 22,80 -j ACCEPT
-A INPUT --dport 22 -j ACCEPT
-A INPUT -p tpc --dport 22 -j ACCEPT
-A INPUT -s 10.0.0.300 -j DROP
-A INPUT -j ACCPET
-A INPUT -j nowhere
-A INPTU -j ACCEPT
-A INPUT -m conntrak --ctstate NEW
-A INPUT \u{2013}j DROP
-A INPUT -o eth0 -j DROP
-A INPUT -i abcdefghijklmnop -j DROP
-A INPUT ! -j DROP
-A INPUT -s 10.0.0.1 -s 10.0.0.2
-t nat -A INPUT -j ACCEPT
-A FORWARD -j ACCEPT
COMMIT
*nat
-A PREROUTING -j DROP
-R INPUT -j ACCEPT
-A POSTROUTING -j ACCEPT --frobnicate
COMMIT
";

#[test]
fn twenty_mistakes_are_twenty_diagnostics() {
    if !possible(&["iptables", "nft", "nsenter"]) {
        return;
    }
    let world = World::new();
    let out = world.run(links("mistakes").join("iptables-restore"), &[], MISTAKES, &[]);
    let stock = world.run("iptables-restore", &[], MISTAKES, &[]);
    assert_eq!(out.status.code(), stock.status.code());
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(text.starts_with(&*String::from_utf8_lossy(&stock.stderr)), "{text}");
    assert_eq!(text.matches("\nerror[").count(), 20, "{text}");
    assert_eq!(world.tool("nft list ruleset"), "");
    insta::assert_snapshot!(text);
}

#[test]
fn a_mistake_in_the_second_table_leaves_the_first_alone() {
    if !possible(&["nft", "nsenter"]) {
        return;
    }
    let world = World::new();
    let folder = links("second");
    let run = |line: &str, input: &str| {
        let words = crate::support::shell_words(line);
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let out = world.run(folder.join(&words[0]), &arguments, input, &[]);
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    assert_eq!(run("rfw -A INPUT -s 192.0.2.1 -j DROP", "").0, Some(0));
    let before = world.tool("nft list ruleset");
    let parsed = "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n*nat\n-A PREROUTING -j NOWHERE\nCOMMIT\n";
    assert_eq!(run("rfw-restore", parsed).0, Some(2));
    assert_eq!(world.tool("nft list ruleset"), before);
    // The parser is content with these; the kernel is not, and its refusals go to their lines.
    let looped = "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n*nat\n:A - [0:0]\n-A OUTPUT -j A\n-A A -j A\nCOMMIT\n";
    let (status, errors) = run("rfw-restore", looped);
    assert_eq!(status, Some(4), "{errors}");
    assert!(errors.contains("\nline 7: RULE_APPEND failed (Too many links): rule in chain A\n"), "{errors}");
    assert!(errors.contains("\n7 | -A A -j A\n"), "{errors}");
    assert_eq!(world.tool("nft list ruleset"), before);
    let several = "*filter\n-A INPUT -j MASQUERADE\n-A INPUT -j ACCEPT\n-A FORWARD -j DNAT --to-destination 192.0.2.1\nCOMMIT\n";
    let (status, errors) = run("rfw-restore", several);
    assert_eq!(status, Some(4), "{errors}");
    let told: Vec<&str> = errors.lines().filter(|line| line.starts_with("line ")).collect();
    assert_eq!(
        told,
        [
            "line 2: RULE_APPEND failed (Invalid argument): rule in chain INPUT",
            "line 4: RULE_APPEND failed (Invalid argument): rule in chain FORWARD"
        ]
    );
    assert_eq!(world.tool("nft list ruleset"), before);
}
