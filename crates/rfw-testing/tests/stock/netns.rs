//! Runs a test in a new network namespace, and tools inside it.

use std::env;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use rfw_testing::fixture::RuleFile;

const INSIDE: &str = "RFW_TEST_NAMESPACE";

fn probe(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

/// Why there can be no comparison here, if there can be none.
fn obstacle() -> Option<String> {
    if !probe("unshare", &["-n", "true"]) {
        return Some("no network namespace for this user".into());
    }
    for tool in ["nft", "ipset"] {
        if !probe(tool, &["--version"]) {
            return Some(format!("no {tool}"));
        }
    }
    let version = Command::new("iptables").arg("--version").output();
    let version = version.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    match version {
        Ok(version) if version == "iptables v1.8.9 (nf_tables)" => None,
        Ok(version) => Some(format!("iptables is `{version}`, not 1.8.9 (nf_tables)")),
        Err(_) => Some("no iptables".into()),
    }
}

/// Says so where nothing captures it.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs `body` in a new network namespace by running this test once more there; says so if it cannot.
pub fn within(test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    if let Some(obstacle) = obstacle() {
        say(&format!("SKIPPED {test}: {obstacle}"));
        return;
    }
    let exe = env::current_exe().unwrap();
    let out = Command::new("unshare")
        .arg("-n")
        .arg(exe)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let (text, notes) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("1 passed"), "{text}{notes}");
    say(notes.trim_end());
}

/// Runs a tool with text on its standard input.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    rfw_testing::oracle::run(program, arguments, input).unwrap()
}

/// What a tool prints; it must succeed.
pub fn tool(program: &str, arguments: &[&str]) -> String {
    let out = run(program, arguments, b"");
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Leaves the ipsets that a file declares, if it declares any.
pub fn make_sets(file: &RuleFile) {
    if !file.ipset_commands.is_empty() {
        tool("ipset", &["destroy"]);
    }
    for command in &file.ipset_commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        tool("ipset", &words);
    }
}
