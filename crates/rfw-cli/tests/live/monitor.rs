//! `rfw monitor` tells what stock iptables and packets do.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::{World, links, possible};

/// Reads lines until one holds `last`; the kernel announces everything, so that it comes or the test hangs visibly.
fn until(reader: &mut impl BufRead, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).expect("a line"), 0, "ended before `{last}`: {lines:#?}");
        lines.push(line.trim_end().to_owned());
        if lines.last().is_some_and(|line| line.contains(last)) {
            return lines;
        }
    }
}

#[test]
fn changes_and_traces_are_told_as_commands() {
    if !possible(&["iptables", "nft", "nsenter", "ip"]) {
        return;
    }
    let world = World::new();
    let run = |script: &str| {
        let out = world.run("bash", &["-c", script], "", &[]);
        assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    };
    run("ip link set lo up");
    let mut command = world.command(links("monitor").join("rfw"));
    // Ends by itself if the test fails.
    let mut child = command.arg("monitor").stdout(Stdio::piped()).spawn().expect("rfw monitor");
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    // Commands until the listener is there; then the real ones.
    run("for i in 1 2 3 4 5 6 7 8 9 10; do iptables -N t$i; sleep 0.1; done");
    until(&mut lines, "-N t10");
    run(
        "iptables -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT && iptables -I INPUT -s 192.0.2.1 -j DROP \
         && iptables -D INPUT 2 && iptables -P FORWARD DROP && ip6tables -A OUTPUT -j RETURN && iptables -X t10",
    );
    let told = until(&mut lines, "-X t10");
    for expected in [
        " EVENT: -4 -t filter -A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT",
        " EVENT: -4 -t filter -I INPUT -s 192.0.2.1/32 -j DROP",
        " EVENT: -4 -t filter -D INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT",
        " EVENT: -4 -t filter -P FORWARD DROP",
        " EVENT: -6 -t filter -A OUTPUT -j RETURN",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}\nin {told:#?}");
    }
    run("iptables -t raw -A PREROUTING -p udp --dport 9 -j TRACE && iptables -A INPUT -p udp -j DROP \
         && echo x >/dev/udp/127.0.0.1/9");
    let told = until(&mut lines, ":DROP  ");
    let packet = told.iter().find(|line| line.starts_with("PACKET: ")).expect("the packet");
    assert!(
        packet.contains(" IN=lo OUT= SRC=127.0.0.1 DST=127.0.0.1 ") && packet.ends_with(" DPT=9"),
        "{packet}"
    );
    let last = told.last().expect("a line");
    assert!(last.contains(" filter:INPUT:rule:2:DROP  -4 -t filter -A INPUT -p udp -j DROP"), "{last}");
    child.kill().expect("a signal");
    child.wait().expect("its end");
}

#[test]
fn xtables_monitor_takes_the_words_of_the_original() {
    if !possible(&["iptables", "nsenter", "xtables-monitor"]) {
        return;
    }
    let world = World::new();
    let ours = links("xtables-monitor").join("xtables-monitor");
    for words in [&["-V"][..], &["--vers"], &["-h"], &["-x"], &["--nothing"], &["-eh"], &["-46V"]] {
        let stock = world.run("xtables-monitor", words, "", &[]);
        let rfw = world.run(&ours, words, "", &[]);
        assert_eq!(rfw.status.code(), stock.status.code(), "{words:?}");
        assert_eq!(rfw.stderr, stock.stderr, "{words:?}");
        let first = |bytes: &[u8]| bytes.split(|&b| b == b'\n').next().map(<[u8]>::to_vec);
        assert_eq!(first(&rfw.stdout), first(&stock.stdout), "{words:?}");
    }
    // `-e -6` tells of changes of IPv6 only.
    let mut child = world.command(&ours).args(["-e", "-6"]).stdout(Stdio::piped()).spawn().expect("rfw");
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do iptables -N a$i; ip6tables -N b$i; sleep 0.1; done";
    assert!(world.run("bash", &["-c", script], "", &[]).status.success());
    let told = until(&mut lines, " EVENT: -6 -t filter -N b10");
    assert!(!told.iter().any(|line| line.contains(" -4 ")), "{told:#?}");
    child.kill().expect("a signal");
    child.wait().expect("its end");
}
