//! `rfw.toml`.

use crate::{DEAD_RULE, folder, rfw_in, stderr, stdout, write};

const EVERYTHING: &str = r#"
select = ["all"]
ignore = ["RFW205"]
fail-on = "error"
require-reason = true
baseline = "known.json"
target = "nft"
target-kernel = "6.1"
analysis-budget = "30s"
external-chains = ["BLOCKED", "crowdsec-*"]
public-services = [443, "udp/443"]
single-family = false
boot-file = { ipv4 = "rules.v4", ipv6 = "rules.v6" }
pairs = [["rules.v4", "rules.v6"]]
encoding = "auto"

[severity]
RFW5 = "info"
unused-chain = "warn"

[management]
ports = [22, "tcp/2222"]
from = ["192.0.2.0/24", "2001:db8::/32"]

[interfaces]
eth0 = { zone = "wan", addresses = ["203.0.113.5/24"] }
"ppp+" = "wan"

[facts]
sysctl = "sysctl.conf"
ipset = ["sets.txt"]

[[override]]
paths = ["old/*.rules"]
ignore = ["RFW3"]
severity = { RFW201 = "info" }
"#;

#[test]
fn every_key_is_taken() {
    let folder = folder("config");
    write(&folder, "rfw.toml", EVERYTHING);
    write(&folder, "sysctl.conf", "net.ipv4.ip_forward = 1\n");
    write(&folder, "sets.txt", "create bad hash:ip family inet\nadd bad 192.0.2.1\n");
    write(&folder, "known.json", "{\"version\": 1, \"findings\": []}\n");
    write(&folder, "a/b/new.rules", DEAD_RULE);
    write(&folder, "old/a.rules", DEAD_RULE);
    // Found from the file upwards; a warning is not enough for status 1.
    let out = rfw_in(&folder, &["lint", "a/b/new.rules"], "");
    assert!(stdout(&out).contains("RFW304"), "{}{}", stdout(&out), stderr(&out));
    assert_eq!(out.status.code(), Some(0));
    let out = rfw_in(&folder, &["lint", "--fail-on", "warn", "a/b/new.rules"], "");
    assert_eq!(out.status.code(), Some(1));
    assert!(!stdout(&rfw_in(&folder, &["lint", "old/a.rules"], "")).contains("RFW304"));
    // The command line has the last word.
    assert!(stdout(&rfw_in(&folder, &["lint", "--select", "304", "old/a.rules"], "")).contains("RFW304"));
    assert!(stdout(&rfw_in(&folder, &["lint", "--isolated", "old/a.rules"], "")).contains("RFW304"));
}

#[test]
fn a_file_can_be_named() {
    let folder = folder("config-named");
    write(&folder, "rfw.toml", "ignore = [\"all\"]\n");
    write(&folder, "strict.toml", "fail-on = \"info\"\n[severity]\nRFW304 = \"error\"\n");
    write(&folder, "a.rules", DEAD_RULE);
    assert!(stdout(&rfw_in(&folder, &["lint", "a.rules"], "")).contains("nothing found"));
    let out = rfw_in(&folder, &["lint", "--config", "strict.toml", "a.rules"], "");
    assert!(stdout(&out).starts_with("error[RFW304]"), "{}", stdout(&out));
}

#[test]
fn mistakes_have_a_place() {
    for (text, place, words) in [
        ("ignroe = []\n", "rfw.toml:1:1", "unknown field `ignroe`; did you mean `ignore`?"),
        ("fail_on = \"warn\"\n", "rfw.toml:1:1", "did you mean `fail-on`?"),
        ("[overide]\n", "rfw.toml:1:2", "did you mean `override`?"),
        ("[severity]\nRFW301 = \"warning\"\n", "rfw.toml:2:10", "did you mean `warn`?"),
        ("target = \"nftables\"\n", "rfw.toml:1:10", "did you mean `nft`?"),
        ("[management]\nport = [22]\n", "rfw.toml:2:1", "did you mean `ports`?"),
        ("xyzzy = 1\n", "rfw.toml:1:1", "unknown field `xyzzy`, expected one of"),
        ("x", "rfw.toml:1:2", ""),
        ("\nignore = [\"RFW305\", \"shadowed-rul\"]\n", "rfw.toml:2:21", "did you mean `shadowed-rule`?"),
        ("fail-on = \"fatal\"\n", "rfw.toml:1:11", "unknown variant `fatal`"),
        ("[management]\nports = [70000]\n", "rfw.toml:2:9", "expected a port"),
        ("[management]\nports = [\"icmp/1\"]\n", "rfw.toml:2:10", "`icmp/1` is no service"),
        ("[management]\nfrom = [\"10.0.0.0/40\"]\n", "rfw.toml:2:9", "no address"),
        (
            "[interfaces]\neth0 = { zone = \"wan\", address = [] }\n",
            "rfw.toml:2:",
            "did you mean `addresses`?",
        ),
        ("[interfaces]\neth0 = 7\n", "rfw.toml:2:8", "expected a zone"),
        ("[severity]\nRFW999 = \"info\"\n", "rfw.toml:2:1", "no check is called `RFW999`"),
        ("target-kernel = \"new\"\n", "rfw.toml:1:17", "no version"),
        ("analysis-budget = \"soon\"\n", "rfw.toml:1:19", "neither"),
        ("[[override]]\npaths = [\"a[\"]\n", "rfw.toml:2:10", ""),
        ("[[override]]\npath = [\"a\"]\n", "rfw.toml:2:1", "unknown field `path`"),
        ("boot-file = { ipv5 = \"a\" }\n", "rfw.toml:1:15", "unknown field `ipv5`"),
        ("pairs = [[\"a\"]]\n", "rfw.toml:1:10", ""),
    ] {
        let folder = folder("config-mistakes");
        write(&folder, "rfw.toml", text);
        write(&folder, "a.rules", DEAD_RULE);
        let out = rfw_in(&folder, &["lint", "a.rules"], "");
        let said = stderr(&out);
        assert_eq!(out.status.code(), Some(2), "{text}{said}");
        assert!(said.contains(place) && said.contains(words), "{text}\n{said}");
    }
}

#[test]
fn files_of_facts_must_be_there() {
    let folder = folder("config-facts");
    write(&folder, "rfw.toml", "[facts]\nsysctl = \"none.conf\"\n");
    write(&folder, "a.rules", DEAD_RULE);
    let out = rfw_in(&folder, &["lint", "a.rules"], "");
    assert_eq!(out.status.code(), Some(2));
    assert!(stderr(&out).contains("none.conf: No such file"), "{}", stderr(&out));
}

#[test]
fn chains_of_other_programs_can_be_named() {
    let folder = folder("config-chains");
    write(&folder, "a.rules", "*security\n:BLOCKED - [0:0]\nCOMMIT\n");
    assert!(stdout(&rfw_in(&folder, &["lint", "a.rules"], "")).contains("RFW306"));
    write(&folder, "rfw.toml", "external-chains = [\"BLOCK*\"]\n");
    assert!(!stdout(&rfw_in(&folder, &["lint", "a.rules"], "")).contains("RFW306"));
}

#[test]
fn patterns_are_those_of_a_shell() {
    let folder = folder("config-patterns");
    for name in ["a.rules", "old/a.rules", "old/deep/a.rules", "x/old/a.rules"] {
        write(&folder, name, DEAD_RULE);
    }
    let quiet = |pattern: &str| {
        write(&folder, "rfw.toml", &format!("[[override]]\npaths = [\"{pattern}\"]\nignore = [\"all\"]\n"));
        let out = rfw_in(&folder, &["lint", "--format", "json", "."], "");
        let found: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let found: Vec<&str> =
            found.as_array().expect("an array").iter().map(|f| f["file"].as_str().expect("a name")).collect();
        let all = ["a.rules", "old/a.rules", "old/deep/a.rules", "x/old/a.rules"];
        all.into_iter().filter(|name| !found.contains(&format!("./{name}").as_str())).collect::<Vec<_>>()
    };
    assert_eq!(quiet("a.rules"), ["a.rules", "old/a.rules", "old/deep/a.rules", "x/old/a.rules"]);
    assert_eq!(quiet("*.v4"), [""; 0]);
    assert_eq!(quiet("old/*.rules"), ["old/a.rules"]);
    assert_eq!(quiet("old/*/*"), ["old/deep/a.rules"]);
    assert_eq!(quiet("old/**"), ["old/a.rules", "old/deep/a.rules"]);
    assert_eq!(quiet("**/old/*"), ["old/a.rules", "x/old/a.rules"]);
    assert_eq!(quiet("./old/*"), ["old/a.rules"]);
    assert_eq!(quiet("old/"), ["old/a.rules", "old/deep/a.rules"]);
}

#[test]
fn the_nearest_settings_count_alone() {
    let folder = folder("config-near");
    write(&folder, "rfw.toml", "ignore = [\"RFW304\"]\n");
    write(&folder, "in/rfw.toml", "fail-on = \"error\"\n");
    write(&folder, "a.rules", DEAD_RULE);
    write(&folder, "in/a.rules", DEAD_RULE);
    let out = rfw_in(&folder, &["lint", "a.rules", "in/a.rules"], "");
    assert_eq!(out.status.code(), Some(0), "{}", stdout(&out));
    assert!(
        stdout(&out).contains("in/a.rules:3:1") && !stdout(&out).contains(" a.rules:3:1"),
        "{}",
        stdout(&out)
    );
    let twice = rfw_in(&folder, &["lint", "--config", "rfw.toml", "--config", "in/rfw.toml", "a.rules"], "");
    assert_eq!(twice.status.code(), Some(2));
}
