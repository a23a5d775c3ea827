//! `iptables-translate` and `iptables-restore-translate`, beside the host's own and through `nft`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn said(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// A link to rfw under a name of the tools.
fn link(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("translate");
    std::fs::create_dir_all(&folder).expect("a folder");
    let link = folder.join(name);
    // Tests run side by side, and each makes the same link.
    let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rfw"), &link);
    link
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("a program")
}

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

fn shown(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn file(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("a path").to_owned()
}

/// The script without the lines that tell the time.
fn script(out: &Output) -> String {
    shown(out).lines().filter(|l| !l.contains(" on ")).map(|l| format!("{l}\n")).collect()
}

#[test]
fn like_the_original_where_it_is_right() {
    let stock = Command::new("iptables-translate").arg("-V").output();
    if !stock.is_ok_and(|out| shown(&out).contains("v1.8.9 (nf_tables)")) {
        return said("SKIPPED: no iptables-translate 1.8.9 to compare with\n");
    }
    for line in [
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        "-A INPUT -i eth+ -s 10.0.0.0/8 -j DROP",
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j foo",
        "-t nat -A POSTROUTING -o eth0 -j MASQUERADE",
        "-t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080",
        "-A INPUT -m comment --comment hi -g foo",
        "-I INPUT -m mark --mark 0x1 -j RETURN",
        "-A INPUT -j LOG --log-prefix hi",
        "-A INPUT -p udp --sport 1024:65535",
        "-N foo",
        "-X foo",
        "-F",
        "-F INPUT",
        "-L",
        "-V",
    ] {
        let ours = run(&link("iptables-translate"), &words(line));
        let stock = run(Path::new("iptables-translate"), &words(line));
        let sorted = |out: &Output| {
            // The order in which the original writes the parts of a rule is not that of the rule; `meta` may be left out.
            let text = shown(out);
            let parts = text.split_whitespace().filter(|word| *word != "meta");
            let mut parts: Vec<&str> = parts.collect();
            parts.sort_unstable();
            parts.join(" ")
        };
        assert_eq!(sorted(&ours), sorted(&stock), "{line}");
        assert_eq!(ours.status.code(), stock.status.code(), "{line}");
    }
    for refused in ["-D INPUT 1", "-S", "-Z", "-A INPUT --dport 1", "-A INPUT -j", "-D INPUT -j DROP"] {
        let ours = run(&link("iptables-translate"), &words(refused));
        let stock = run(Path::new("iptables-translate"), &words(refused));
        assert_eq!(ours.status.code(), stock.status.code(), "{refused}");
    }
}

#[test]
fn right_where_the_original_is_not() {
    let translate = link("iptables-translate");
    for (line, wanted) in [
        ("-I INPUT 3 -j DROP", "nft 'insert rule ip filter INPUT index 2 counter drop'\n"),
        ("-A INPUT -c 1 2 -j DROP", "nft 'add rule ip filter INPUT counter packets 1 bytes 2 drop'\n"),
        (
            "-P INPUT DROP",
            "nft 'add chain ip filter INPUT { type filter hook input priority 0; policy drop; }'\n",
        ),
        ("-E a b", "nft rename chain ip filter a b\n"),
        (
            "-A INPUT -s 10.0.0.1,10.0.0.2",
            "nft 'add rule ip filter INPUT ip saddr 10.0.0.1 counter'\n\
             nft 'add rule ip filter INPUT ip saddr 10.0.0.2 counter'\n",
        ),
        (
            "-A INPUT -m comment --comment it's",
            "nft 'add rule ip filter INPUT counter comment \"it'\\''s\"'\n",
        ),
        ("-A INPUT -m recent --set", &format!("# iptables -A INPUT -m recent --set: {RECENT}\n")),
        ("-A tcp -j DROP", "# iptables -A tcp -j DROP: a chain cannot be called `tcp' in nft\n"),
    ] {
        let out = run(&translate, &words(line));
        assert_eq!((shown(&out).as_str(), out.status.code()), (wanted, Some(0)), "{line}");
    }
    assert_eq!(run(&translate, &["-X"]).status.code(), Some(1));
    let six = run(&link("ip6tables-translate"), &words("-A INPUT -s fe80::/10 -j DROP"));
    assert_eq!(shown(&six), "nft 'add rule ip6 filter INPUT ip6 saddr fe80::/10 counter drop'\n");
    let ours = run(Path::new(env!("CARGO_BIN_EXE_rfw")), &words("translate -A INPUT -j DROP"));
    assert_eq!(shown(&ours), "nft 'add rule ip filter INPUT counter drop'\n");
}

/// Why `-m recent` stays xt.
const RECENT: &str = "-m recent has no nft form: nf_tables' sets have no times of single packets, no hit counts and no \
    files under `/proc/net/xt_recent`";

const SAVED: &str = "*filter\n:INPUT DROP [1:2]\n:foo - [0:0]\n[3:4] -A INPUT -p tcp --dport 22 -j ACCEPT\n\
    -A INPUT -m recent --set -j foo\n-A OUTPUT -j foo\n-I INPUT 3 -j RETURN\n-I INPUT 2 -i lo -j ACCEPT\nCOMMIT\n";

#[test]
fn a_save_file_is_a_script() {
    let saved = file("saved.rules", SAVED);
    let out = run(&link("iptables-restore-translate"), &["-f", &saved]);
    let wanted = "add table ip filter\n\
        add chain ip filter INPUT { type filter hook input priority 0; policy drop; }\n\
        add chain ip filter foo\n\
        add rule ip filter INPUT tcp dport 22 counter accept\n\
        # -t filter -A INPUT -m recent --set -j foo: RECENT\n\
        add chain ip filter OUTPUT { type filter hook output priority 0; }\n\
        add rule ip filter OUTPUT counter jump foo\n\
        add rule ip filter INPUT counter return\n\
        insert rule ip filter INPUT index 1 iifname \"lo\" counter accept\n"
        .replace("RECENT", RECENT);
    assert_eq!(script(&out), wanted);
    assert_eq!(out.status.code(), Some(0));
    let ours = run(Path::new(env!("CARGO_BIN_EXE_rfw")), &["translate", "--restore", &saved]);
    assert_eq!(script(&ours), wanted);
    let mut nft = Command::new("unshare");
    nft.args(["-n", "nft", "-f"]).arg(file("saved.nft", &shown(&out)));
    match nft.output() {
        Ok(out) if out.status.success() => {}
        Ok(out) => {
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(text.contains("Operation not permitted") || text.contains("unshare"), "{text}");
            said(&format!("SKIPPED loading: {text}"));
        }
        Err(_) => said("SKIPPED loading: no unshare\n"),
    }
}

#[test]
fn mistakes_give_no_script() {
    let program = link("iptables-restore-translate");
    let many = "*filter\n-A INPUT -p tcp --dport 99999\n:INPUT WHAT\n-D INPUT -j DROP\nCOMMIT\n-A INPUT\n";
    let out = run(&program, &["-f", &file("many.rules", many)]);
    assert!(out.stdout.is_empty());
    assert_eq!(out.status.code(), Some(2));
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    for line in [":2:", ":3:", ":4:", ":6:"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert_eq!(run(&program, &["-f", "/nonexistent"]).status.code(), Some(1));
    assert_eq!(run(&program, &[]).status.code(), Some(1));
    assert_eq!(run(&program, &["-x"]).status.code(), Some(1));
    assert_eq!(
        run(&program, &["-f", &file("delete.rules", "*filter\n-D INPUT 1\nCOMMIT\n")]).status.code(),
        Some(1)
    );
}

#[test]
fn json_says_what_it_leaves_out() {
    let rules =
        "*filter\n-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT\n-A INPUT -m recent --set\nCOMMIT\n";
    let program = link("iptables-restore-translate");
    let out = run(&program, &["--json", "-f", &file("json.rules", rules)]);
    assert_eq!(out.status.code(), Some(0));
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    let reason = format!("-t filter -A INPUT -m recent --set: {RECENT}");
    assert!(errors.contains(&format!("left out: {reason}")), "{errors}");
    let made: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(made["nftables"][0]["metainfo"]["left_out"], serde_json::json!([reason]));
    let rules =
        made["nftables"].as_array().into_iter().flatten().filter(|object| !object["add"]["rule"].is_null());
    assert_eq!(rules.count(), 1);
    let one =
        run(Path::new(env!("CARGO_BIN_EXE_rfw")), &["translate", "--json", "-A", "INPUT", "-j", "DROP"]);
    assert!(shown(&one).starts_with("{\"nftables\":["), "{}", shown(&one));
    let nft = Command::new("unshare")
        .args(["-n", "nft", "-j", "-f"])
        .arg(file("saved.json", &shown(&out)))
        .output();
    match nft {
        Ok(out) if out.status.success() => {}
        Ok(out) => {
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(text.contains("Operation not permitted") || text.contains("unshare"), "{text}");
            said(&format!("SKIPPED loading: {text}"));
        }
        Err(_) => said("SKIPPED loading: no unshare\n"),
    }
}

#[test]
fn what_is_nearly_the_same_is_a_comment() {
    let line = "-I INPUT 2 -p tcp --dport 22 -m recent --update --seconds 60 --hitcount 4 --name SSH -j DROP";
    let asked = format!("--approximate {line}");
    let out = run(&link("iptables-translate"), &words(&asked));
    let text = shown(&out);
    assert_eq!(out.status.code(), Some(0));
    assert!(text.lines().all(|line| line.starts_with("# ")), "{text}");
    assert!(
        text.starts_with(&format!("# iptables {asked}: {RECENT}\n").replace("--approximate ", "")),
        "{text}"
    );
    let set = "#     add set ip filter recent_rate_SSH { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 60s; }\n";
    let rule = "#     insert rule ip filter INPUT index 1 tcp dport 22 update @recent_rate_SSH { ip saddr limit rate over \
                4/minute burst 4 packets } counter drop\n";
    assert!(
        text.contains(set) && text.contains(rule) && text.contains("#   - it counts the packets"),
        "{text}"
    );
    assert!(!shown(&run(&link("iptables-translate"), &words(line))).contains("nearly"));
    let saved = file("nearly.rules", "*filter\n-A INPUT -m connlimit --connlimit-above 3 -j DROP\nCOMMIT\n");
    for (program, arguments) in [
        (link("iptables-restore-translate"), ["--approximate", "-f", &saved].as_slice()),
        (PathBuf::from(env!("CARGO_BIN_EXE_rfw")), &["translate", "--restore", "--approximate", &saved]),
        (PathBuf::from(env!("CARGO_BIN_EXE_rfw")), &["translate", "--approximate", "--restore", &saved]),
    ] {
        let text = shown(&run(&program, arguments));
        let wanted = "#     add rule ip filter INPUT add @connlimit_above_3_saddr_32 { ip saddr ct count over 3 } counter drop\n";
        assert!(text.contains(wanted), "{text}");
        let lines = script(&run(&program, arguments));
        assert!(
            !lines.lines().any(|line| line.starts_with("add rule") || line.starts_with("add set")),
            "{lines}"
        );
    }
}

#[test]
fn json_holds_what_is_nearly_the_same() {
    let rfw = Path::new(env!("CARGO_BIN_EXE_rfw"));
    let line = "-A INPUT -p tcp --dport 22 -m recent --update --seconds 60 --hitcount 4 --name SSH -j DROP";
    let saved = file("nearly-json.rules", &format!("*filter\n{line}\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"));
    let one = |options: &str| run(&link("iptables-translate"), &words(&format!("{options} {line}")));
    for out in [
        one("--json --approximate"),
        one("--approximate --json"),
        run(rfw, &["translate", "--approximate", "--restore", "--json", &saved]),
        run(&link("iptables-restore-translate"), &["--json", "--approximate", "-f", &saved]),
    ] {
        assert_eq!(out.status.code(), Some(0));
        let made: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let about = &made["nftables"][0]["metainfo"];
        let near = &about["nearly"][0];
        assert_eq!(near["instead_of"], about["left_out"][0]);
        assert_eq!(near["commands"].as_array().map(Vec::len), Some(2), "{near:#}");
        assert!(
            near["commands"][1]
                .as_str()
                .is_some_and(|c| c.starts_with("add rule ip filter INPUT tcp dport 22 update @"))
        );
        assert!(near["differs"].as_array().is_some_and(|d| d.len() > 1), "{near:#}");
        // None of it is a command of the document.
        let text = serde_json::to_string(&made["nftables"].as_array().expect("objects")[1..]).expect("JSON");
        assert!(!text.contains("recent_rate"), "{text}");
    }
    let plain: serde_json::Value = serde_json::from_slice(&one("--json").stdout).expect("JSON");
    assert!(plain["nftables"][0]["metainfo"]["nearly"].is_null());
    let text = shown(&one("--approximate"));
    assert!(
        text.contains("#   nearly the same:\n") && text.contains("#   which is another rule:\n"),
        "{text}"
    );
}
