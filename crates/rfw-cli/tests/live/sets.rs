//! Lists of native rules live in anonymous sets, which come, are read and go with their rule.

use crate::support::{World, links, possible, shell_words};

#[test]
fn a_rule_takes_its_sets_along() {
    if !possible(&["nft"]) {
        return;
    }
    let (world, links) = (World::new(), links("sets"));
    let rfw = |line: &str, input: &str| {
        let words = shell_words(line);
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let out = world.run(links.join(&words[0]), &arguments, input, &[("RFW_ENCODING", "native")]);
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let done = |line: &str, input: &str| {
        let (status, out) = rfw(line, input);
        assert_eq!(status, Some(0), "{line}");
        out
    };
    let list = "INPUT -p tcp -m multiport --dports 443,80,22 -j ACCEPT";
    let types = "INPUT -m addrtype ! --dst-type LOCAL,BROADCAST -j DROP";
    done(&format!("iptables -A {list}"), "");
    done(&format!("iptables -A {types}"), "");
    assert!(world.tool("nft list ruleset").contains("tcp dport { 22, 80, 443 }"));
    let saved = done("iptables-save", "");
    assert!(saved.contains(&format!("-A {list}\n-A {types}\n")), "{saved}");
    done(&format!("iptables -C {list}"), "");
    assert_eq!(rfw("iptables -C INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT", "").0, Some(1));
    // Other sets, under counters that were set.
    done("iptables -R INPUT 1 -p tcp -m multiport --ports 5,7 -c 3 4 -j ACCEPT", "");
    done("iptables -Z", "");
    assert!(
        done("iptables-save -c", "").contains("[0:0] -A INPUT -p tcp -m multiport --ports 5,7 -j ACCEPT")
    );
    let more = "*filter\n-I INPUT -p udp -m multiport --sports 9,8 -j DROP\n-D INPUT 2\nCOMMIT\n";
    done("iptables-restore -n", more);
    done(&format!("iptables -D {types}"), "");
    let left = done("iptables -S INPUT", "");
    assert_eq!(left, "-P INPUT ACCEPT\n-A INPUT -p udp -m multiport --sports 9,8 -j DROP\n");
    done("iptables -F", "");
    assert!(!world.tool("nft list sets").contains("__set"));
    done("iptables-restore", &saved);
    assert!(done("iptables-save", "").contains(&format!("-A {list}\n-A {types}\n")));
}
