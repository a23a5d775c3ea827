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

/// Sets in a transaction cost the kernel their number times its length: see `engine/lists.rs`.
#[test]
fn a_file_with_very_many_lists_keeps_them_xt() {
    if !possible(&["nft"]) {
        return;
    }
    let (world, links) = (World::new(), links("many-sets"));
    let run = |line: &str, input: &str| {
        let words = shell_words(line);
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let out = world.run(links.join(&words[0]), &arguments, input, &[("RFW_ENCODING", "native")]);
        let said = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (out.status.code(), said.concat())
    };
    let done = |line: &str, input: &str| {
        let (status, out) = run(line, input);
        assert_eq!(status, Some(0), "{line}: {out}");
        out
    };
    // nft shows an xt match in its own syntax; its debug output is what there is.
    let counts = || {
        let listing = world.tool("nft --debug=netlink list table filter");
        let count = |text: &str| listing.lines().filter(|line| line.contains(text)).count();
        (count("[ lookup "), count("[ match name "))
    };
    let rule = |n: u16| match n % 5 {
        0 => format!(
            "-A INPUT -p tcp -m multiport --dports {},22 -m comment --comment \"r {n}\" -j ACCEPT",
            n + 100
        ),
        1 => format!("-A INPUT -p udp -m multiport ! --ports {}:60000,53 -j DROP", n + 100),
        2 => format!(
            "-A INPUT -p tcp -m multiport --sports 1,2,{} -m addrtype --dst-type LOCAL,BROADCAST",
            n + 100
        ),
        3 => format!("-A INPUT -s 10.0.{}.{}/32 -p icmp -m icmp ! --icmp-type 3/4 -j DROP", n / 256, n % 256),
        _ => format!(
            "-A INPUT -m mark --mark 0x{n:x} -m time --weekdays Mon,Tue --datestop 2038-01-19T03:14:07 --kerneltz -j RETURN"
        ),
    };
    let text = |many: u16| {
        let rules: Vec<String> = (0..many).map(rule).collect();
        format!(
            "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{}\nCOMMIT\n",
            rules.join("\n")
        )
    };
    let saved = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect::<String>()
    };
    let (few, many) = (text(200), text(1700));
    done("rfw-restore", &few);
    // Six lists in five rules.
    assert_eq!(counts(), (240, 0));
    done("rfw-restore", &many);
    assert_eq!(counts(), (0, 2040));
    assert_eq!(saved(&done("rfw-save", "")), many);
    // Commands find such a rule, and write sets.
    let last = rule(1697);
    let last = last.strip_prefix("-A ").expect("an -A");
    done(&format!("rfw -C {last}"), "");
    done(&format!("rfw -D {last}"), "");
    assert_eq!(run(&format!("rfw -C {last}"), "").0, Some(1));
    done(&format!("rfw -A {last}"), "");
    assert_eq!(counts(), (2, 2038));
    done(&format!("rfw -C {last}"), "");
    done(&format!("rfw -D {last}"), "");
    done("rfw -D INPUT 1", "");
    assert_eq!(counts(), (0, 2037));
    // What was sets and what was xt is one ruleset.
    let without_xt = done("rfw-restore --no-xt", &many);
    assert_eq!((without_xt.as_str(), counts()), ("", (2040, 0)));
    assert_eq!(saved(&done("rfw-save", "")), many);
    // Warnings of a file that is read twice are said once.
    let odd = "-A INPUT -i eth/1 -j DROP\nCOMMIT";
    let warned = done("rfw-restore", &many.replace("COMMIT", odd));
    assert_eq!(warned.lines().filter(|line| line.contains("eth/1")).count(), 1, "{warned}");
    assert_eq!(counts().0, 0);
}

/// So do the sets that the table holds already, if it is kept.
#[test]
fn lists_beside_very_many_sets_stay_xt() {
    if !possible(&["nft"]) {
        return;
    }
    let (world, links) = (World::new(), links("sets-before"));
    let restore = |arguments: &[&str], first: u16| {
        let rule = |n: u16| format!("-A INPUT -p tcp -m multiport --dports {n},22 -j ACCEPT\n");
        let rules: String = (first..first + 400).map(rule).collect();
        let text = format!("*filter\n{rules}COMMIT\n");
        let out = world.run(links.join("iptables-restore"), arguments, &text, &[("RFW_ENCODING", "native")]);
        assert!(out.status.success(), "{out:?}");
    };
    let counts = || {
        let listing = world.tool("nft --debug=netlink list chain filter INPUT");
        let count = |text: &str| listing.lines().filter(|line| line.contains(text)).count();
        (count("[ lookup "), count("[ match name "))
    };
    restore(&["-n"], 1000);
    assert_eq!(counts(), (400, 0), "an empty table");
    let sets: String =
        (0..4000).map(|n| format!("add set ip filter s{n} {{ type inet_service; }}\n")).collect();
    let out = world.run("nft", &["-f", "-"], &sets, &[]);
    assert!(out.status.success(), "{out:?}");
    restore(&["-n"], 2000);
    assert_eq!(counts(), (400, 400), "beside 4,400 sets");
    restore(&["-n", "--no-xt"], 3000);
    assert_eq!(counts(), (800, 400), "sets were asked for");
    restore(&[], 4000);
    assert_eq!(counts(), (400, 0), "a table that is made anew");
}
