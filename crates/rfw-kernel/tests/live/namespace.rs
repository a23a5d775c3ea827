//! Runs a test in a new network namespace.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

const INSIDE: &str = "RFW_TEST_NAMESPACE";
static SKIPPED: AtomicUsize = AtomicUsize::new(0);

fn works(options: &str) -> bool {
    Command::new("unshare").args([options, "true"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Runs `body` as root of a network namespace; skips if there can be none.
pub fn privileged(test: &str, body: impl FnOnce()) {
    let options = if works("-n") { "-n" } else { "-rn" };
    within(options, test, body);
}

/// Runs `body` in a user namespace too, where the socket limits can't be forced.
pub fn unprivileged(test: &str, body: impl FnOnce()) {
    within("-rn", test, body);
}

fn within(options: &str, test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    if !works(options) {
        let n = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = writeln!(std::io::stderr(), "skipped {test}: no network namespace ({n} so far)");
        return;
    }
    let exe = env::current_exe().unwrap();
    let out = Command::new("unshare")
        .arg(options)
        .arg(exe)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// What a tool prints; it must succeed.
pub fn tool(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let out = Command::new(words[0]).args(&words[1..]).output().unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{line}: {errors}");
    String::from_utf8(out.stdout).unwrap()
}

/// Whether a tool is installed.
pub fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok()
}
