//! Many programs change one ruleset at once: nothing is lost, nothing is there twice.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Child, Stdio};

use crate::support::{World, links, possible};

/// Begins a program with text for its standard input.
fn begin(world: &World, program: &str, words: &[&str], input: &str) -> Child {
    let mut command = world.command(program);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a program");
    let mut stdin = child.stdin.take().expect("piped");
    // Less than a pipe holds.
    stdin.write_all(input.as_bytes()).expect("an open pipe");
    child
}

#[test]
fn seventy_writers_lose_nothing() {
    if !possible(&["iptables", "nsenter"]) {
        return;
    }
    let world = World::new();
    let folder = links("concurrent");
    let ours = |name: &str| folder.join(name).display().to_string();
    let mut wanted: Vec<String> = Vec::new();
    let mut children = Vec::new();
    for number in 0..50 {
        let source = format!("10.0.0.{number}/32");
        wanted.push(format!("-A INPUT -s {source} -j ACCEPT"));
        children.push(begin(&world, &ours("rfw"), &["-A", "INPUT", "-s", &source, "-j", "ACCEPT"], ""));
        // Between the others, so that all kinds run at once.
        if number % 5 != 0 {
            continue;
        }
        let source = format!("10.1.0.{number}/32");
        wanted.push(format!("-A INPUT -s {source} -j DROP"));
        children.push(begin(&world, "iptables", &["-w", "-A", "INPUT", "-s", &source, "-j", "DROP"], ""));
        let (first, second) = (format!("10.2.0.{number}/32"), format!("10.3.0.{number}/32"));
        let file =
            format!("*filter\n-A INPUT -s {first} -j RETURN\n-A FORWARD -s {second} -j RETURN\nCOMMIT\n");
        wanted
            .extend([format!("-A INPUT -s {first} -j RETURN"), format!("-A FORWARD -s {second} -j RETURN")]);
        children.push(begin(&world, &ours("rfw-restore"), &["-n"], &file));
    }
    for child in children {
        let out = child.wait_with_output().expect("its end");
        assert!(out.status.success(), "{:?}: {}", out.status, String::from_utf8_lossy(&out.stderr));
    }
    for program in [ours("iptables"), "iptables".to_owned()] {
        let listing = world.tool(&format!("{program} -S"));
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for line in listing.lines().filter(|line| line.starts_with("-A ")) {
            *found.entry(line).or_default() += 1;
        }
        let once: BTreeMap<&str, usize> = wanted.iter().map(|line| (line.as_str(), 1)).collect();
        assert_eq!(found, once, "{program}");
    }
}
