//! `iptables-xml` beside the host's, byte for byte: all fixtures, and what is at the borders of a save file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{feed, links};

/// Every file with one of the endings under a folder.
fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, endings, found);
        } else if path.extension().is_some_and(|e| endings.iter().any(|end| e == *end)) {
            found.push(path);
        }
    }
}

/// What both make of one input.
fn both(ours: &Path, words: &[&str], input: &str) -> (Output, Output) {
    let run = |program: &Path| {
        let mut command = Command::new(program);
        command.args(words);
        feed(command, input)
    };
    (run(Path::new("iptables-xml")), run(ours))
}

fn compare(ours: &Path, words: &[&str], input: &str, what: &str) {
    let (stock, rfw) = both(ours, words, input);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (ours, theirs) = (text(&rfw.stdout), text(&stock.stdout));
    let differing = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
    assert_eq!(differing, None, "{what} {words:?}");
    assert!(ours == theirs, "{what} {words:?}");
    // Not every line of the original has an end.
    assert_eq!(text(&rfw.stderr).trim_end(), text(&stock.stderr).trim_end(), "{what} {words:?}");
    assert_eq!(rfw.status.code(), stock.status.code(), "{what} {words:?}");
}

fn stock_is_there() -> bool {
    let there = Command::new("iptables-xml").arg("-h").output().is_ok();
    if !there {
        let _ = writeln!(std::io::stderr(), "skipped: no iptables-xml");
    }
    there
}

/// The original reads lines into 10,240 bytes.
fn short_lines(text: &str) -> bool {
    text.lines().all(|line| line.len() < 10_000)
}

#[test]
fn every_file_becomes_the_same_xml() {
    if !stock_is_there() {
        return;
    }
    let ours = links("xml").join("iptables-xml");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut all = Vec::new();
    files(&fixtures, &["rules", "save"], &mut all);
    if let Some(more) = std::env::var_os("RFW_RULESETS") {
        files(Path::new(&more), &["rules"], &mut all);
    }
    let mut compared = 0;
    // Files with mistakes have rules of chains that no line declares, which the original does not close.
    all.retain(|path| !path.to_string_lossy().contains("/lint/"));
    for path in all {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        // The original prints what happens to be in its memory for counters that are not there.
        let counted = |line: &str| {
            if line.starts_with(':') && !line.contains('[') {
                format!("{line} [0:0]\n")
            } else {
                format!("{line}\n")
            }
        };
        let text: String = text.lines().map(counted).collect();
        if !short_lines(&text) {
            continue;
        }
        for words in [&[][..], &["-c"], &["-v"], &["--combine", "--verb"]] {
            compare(&ours, words, &text, &path.display().to_string());
        }
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
}

#[test]
fn borders_are_the_same() {
    if !stock_is_there() {
        return;
    }
    let ours = links("xml").join("iptables-xml");
    for input in [
        "",
        "foo\n",
        ":INPUT ACCEPT [0:0]\n",
        "*\n",
        "*filter",
        "*filter\n\n# a--b -- é <&>\n\n",
        "*filter\n*  nat x\nCOMMIT\nCOMMIT\n",
        "*filter\n:\n",
        "*filter\n:INPUT\nCOMMIT\n",
        "*filter\n:INPUT ACCEPT [0:0]\n:X  - \t [3:4]\nCOMMIT\n",
        "*f\n:A&<\"> - [0:0]\n:B - [0:0]\n-A B -j A\n-A A&<\"> -s 1 -g B\n-A NEW -j B\nCOMMIT\n",
        "*f\n:A - [0:0]\n[1:2-A A\nCOMMIT\n",
        "*f\n:A - [0:0]\n[12] -A A\nCOMMIT\n",
        "*f\n:A - [0:0]\n[x:y]-A A -m comment --comment \"a \\\"b\\\" <c> \u{1}é\" -m x\nCOMMIT\n",
        "*f\n:A - [0:0]\n-A A -m comment --comment \"open\n-A A a b ! -f -p ! tcp -j LOG c --x ! d\nCOMMIT\n",
        "*f\n:A - [0:0]\n-D A\nCOMMIT\n",
        "*f\n:A - [0:0]\n-A\nCOMMIT\n",
        "*f\n:A - [0:0]\n-A A -s 1 -j LOG\n#x\n[1:2] -A A -s 1 -g A\n-A A -s 1 -j DROP\n-A A -s 1\n-A A -s 1\n-A A -j LOG\n-A A -j LOG\nCOMMIT\n",
    ] {
        for words in [&[][..], &["-c", "-v"]] {
            compare(&ours, words, input, input);
        }
    }
    compare(&ours, &["a", "b"], "", "two files");
    compare(&ours, &["/nowhere"], "", "no file");
    compare(&ours, &["--combine=3", "-x", "--foo"], "*f\nCOMMIT\n", "no options");
    let (stock, rfw) = both(&ours, &["-h"], "");
    assert_eq!(rfw.status.code(), stock.status.code());
}

/// The original leaves the last one of these open.
#[test]
fn rules_of_undeclared_chains_are_closed() {
    let mut command = Command::new(links("xml").join("iptables-xml"));
    command.arg("-v");
    let out = feed(command, "*f\n-A A -j X\n*g\n-A B -j Y\nCOMMIT\n");
    let out = String::from_utf8(out.stdout).expect("text");
    assert_eq!((out.matches("<rule ").count(), out.matches("</rule>").count()), (2, 2), "{out}");
}

/// The original goes on with the last rule of the table before, and its XML is broken then.
#[test]
fn a_rule_is_not_combined_with_one_of_another_table() {
    let ours = links("xml").join("iptables-xml");
    let table = "*f\n:A - [0:0]\n-A A -s 1 -j LOG\nCOMMIT\n";
    let mut command = Command::new(ours);
    command.arg("-c");
    let out = String::from_utf8(feed(command, &table.repeat(2)).stdout).expect("text");
    assert_eq!((out.matches("<rule ").count(), out.matches("</rule>").count()), (2, 2), "{out}");
}
