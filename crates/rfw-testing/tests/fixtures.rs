//! The fixtures are what they say: stock iptables takes them, and the demo tells right rules from wrong ones.
//! Needs root, `ip`, `unshare`, `nft` and the stock iptables.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder)
}

/// The files of a fixture folder whose names end in `.extension`, in order; never none.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixtures(folder)).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no .{extension} in {folder}");
    files
}

/// Runs a shell script in a network namespace of its own; it ends at the first failing command.
fn in_namespace(script: &str) -> Output {
    Command::new("unshare").args(["--net", "sh", "-e", "-c", script]).output().unwrap()
}

fn assert_done(what: &Path, output: &Output) {
    assert!(output.status.success(), "{}: {}", what.display(), String::from_utf8_lossy(&output.stderr));
}

#[test]
fn stock_takes_every_command_list_line_by_line() {
    for path in files("seeds", "args") {
        let text = std::fs::read_to_string(&path).unwrap();
        let script: String = text.lines().map(|line| format!("iptables {line} >/dev/null\n")).collect();
        assert_done(&path, &in_namespace(&script));
    }
}

#[test]
fn stock_loads_every_ruleset() {
    let own = ["stateful-server", "battery", "article-order"];
    let mut seen = 0;
    for path in [files("rulesets", "rules"), files("lint", "rules")].concat() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !own.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let command = if name.contains(".v6.") { "ip6tables-restore" } else { "iptables-restore" };
        assert_done(&path, &in_namespace(&format!("{command} < '{}'", path.display())));
        seen += 1;
    }
    assert_eq!(seen, 7);
}

fn demo(arguments: &[&str], rules: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rfw-lab"))
        .args(arguments)
        .arg("--rules")
        .arg(rules)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_demo_passes_with_the_stateful_server() {
    let (status, text) = demo(&[], &fixtures("rulesets/stateful-server.rules"));
    assert_eq!(status, Some(0), "{text}");
    assert!(!text.contains("FAIL"), "{text}");
}

#[test]
fn the_demo_finds_the_dead_rate_limit_of_the_article() {
    let (status, text) = demo(&[], &fixtures("lint/article-order.rules"));
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("FAIL  SSH try 5"), "{text}");
    assert!(text.contains("FAIL  web connection 21"), "{text}");
}

#[test]
fn the_demo_fails_without_rules_and_says_so_when_they_do_not_load() {
    let rules = fixtures("rulesets/stateful-server.rules");
    assert_eq!(demo(&["--restore-cmd", "true"], &rules).0, Some(1));
    assert_eq!(demo(&["--restore-cmd", "false"], &rules).0, Some(2));
}
