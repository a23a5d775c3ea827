//! Root of a user namespace, as in a rootless container: rfw works, and says how long a transaction may be there.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{feed, links, possible};

/// Rules that are still quickly read; more than the usual limits need.
const MOST_RULES: usize = 60_000;

/// Runs a shell line as root of a new user namespace and network namespace.
fn unprivileged(links: &Path, line: &str, input: &str) -> Output {
    let mut command = Command::new("unshare");
    command.args(["-r", "-n", "sh", "-c", line]).env("LINKS", links).env_remove("RFW_ENCODING");
    feed(command, input)
}

fn ready() -> bool {
    let made = Command::new("unshare").args(["-r", "-n", "true"]).output();
    possible(&[]) && made.is_ok_and(|out| out.status.success())
}

#[test]
fn commands_work() {
    if !ready() {
        return;
    }
    let links = links("unprivileged");
    let line = r#""$LINKS/rfw" -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT && "$LINKS/rfw" -S INPUT && "$LINKS/rfw" -D INPUT 1 &&
        "$LINKS/rfw-save" | "$LINKS/rfw-restore" && "$LINKS/rfw" -S INPUT"#;
    let out = unprivileged(&links, line, "");
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    assert_eq!(
        String::from_utf8_lossy(&out.stdout),
        "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n-P INPUT ACCEPT\n"
    );
    assert!(out.status.success());
}

#[test]
fn a_long_transaction_is_refused_as_a_whole() {
    if !ready() {
        return;
    }
    let limit = std::fs::read_to_string("/proc/sys/net/core/wmem_max").expect("wmem_max");
    let limit: usize = limit.trim().parse().expect("a number");
    // Twice the limit is what the kernel gives; no rule of this form is shorter than 300 bytes.
    let rules = 2 * limit / 300 + 100;
    if rules > MOST_RULES {
        let _ = writeln!(std::io::stderr(), "skipped: net.core.wmem_max is {limit}");
        return;
    }
    let mut text = String::from("*filter\n");
    for rule in 0..rules {
        text.push_str(&format!("-A INPUT -s 10.0.0.1 -p tcp -m tcp --dport {} -j ACCEPT\n", rule % 65536));
    }
    text.push_str("COMMIT\n");
    let links = links("unprivileged-long");
    let line = r#""$LINKS/rfw-restore"; echo "status $?"; "$LINKS/rfw" -S"#;
    let out = unprivileged(&links, line, &text);
    assert_eq!(
        String::from_utf8_lossy(&out.stdout),
        "status 4\n-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"
    );
    let words = String::from_utf8_lossy(&out.stderr);
    assert!(words.starts_with("rfw-restore v1.8.9 (nf_tables): batch of "), "{words}");
    assert!(words.contains("sysctl -w net.core.wmem_max="), "{words}");
}
