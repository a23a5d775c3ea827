//! What is read: files, folders, pairs.

use std::fs;

use crate::{DEAD_RULE, folder, rfw_in, stderr, stdout, write};

fn files(folder: &std::path::Path, arguments: &[&str]) -> Vec<String> {
    let mut words = vec!["lint", "--format", "json"];
    words.extend(arguments);
    let out = rfw_in(folder, &words, "");
    let all: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let found = all.as_array().expect("an array").clone();
    found.iter().map(|f| f["file"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn folders_are_walked() {
    let folder = folder("walk");
    for name in
        ["b/rules.v4", "a/host.rules", "iptables.save", ".git/x.rules", "notes.txt", "b/c/ip6tables-save"]
    {
        write(&folder, name, DEAD_RULE);
    }
    write(&folder, "udev.rules", "SUBSYSTEM==\"usb\", MODE=\"0660\"\n");
    std::os::unix::fs::symlink(&folder, folder.join("b/again")).expect("a link");
    let wanted = ["./a/host.rules", "./b/c/ip6tables-save", "./b/rules.v4", "./iptables.save"];
    assert_eq!(files(&folder, &["."]), wanted);
    // A file that is named is read whatever its name, and once.
    assert_eq!(files(&folder, &["notes.txt", "./notes.txt"]), ["notes.txt"]);
}

#[test]
fn what_cannot_be_read_does_not_stop_the_rest() {
    let folder = folder("unread");
    write(&folder, "a.rules", DEAD_RULE);
    let out = rfw_in(&folder, &["lint", "none.rules", "a.rules"], "");
    assert_eq!(out.status.code(), Some(2));
    assert!(stderr(&out).contains("none.rules: No such file") && stdout(&out).contains("RFW304"));
}

#[test]
fn the_other_family_of_a_pair_is_read_but_not_reported() {
    let folder = folder("pair");
    write(&folder, "four", DEAD_RULE);
    write(&folder, "six", "*security\n:FORWARD DROP [0:0]\n-A FORWARD -s 2001:db8::/32 -j DROP\nCOMMIT\n");
    write(&folder, "rfw.toml", "pairs = [[\"four\", \"six\"]]\n");
    assert_eq!(files(&folder, &["four"]), ["four"]);
    fs::remove_file(folder.join("six")).expect("removed");
    let out = rfw_in(&folder, &["lint", "four"], "");
    assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
    write(&folder, "six", "*security\n:X - [0:0]\n-A FORWARD -s 2001:db8::/32 -j DROP\nCOMMIT\n");
    let out = rfw_in(&folder, &["lint", "--pair", "four", "six"], "");
    assert!(stdout(&out).contains("four:3:1") && stdout(&out).contains("six:2:1"), "{}", stdout(&out));
    assert!(stdout(&out).contains("2 rulesets: "));
}

#[test]
fn scripts_in_folders_are_read_if_they_make_rules() {
    let folder = folder("scripts");
    write(
        &folder,
        "fw/up.sh",
        "#!/bin/sh\niptables -A FORWARD -j DROP\niptables -A FORWARD -p tcp -j ACCEPT\n",
    );
    write(&folder, "fw/other.sh", "#!/bin/sh\necho '*filter'\n");
    let found = files(&folder, &["fw"]);
    assert!(!found.is_empty() && found.iter().all(|file| file == "fw/up.sh"), "{found:?}");
}

#[test]
fn a_pair_that_was_said_has_its_families() {
    let folder = folder("pair-said");
    // Nothing in the texts tells the family.
    let open = |port: u16| {
        format!(
            "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n\
             -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -p tcp --dport {port} -j ACCEPT\nCOMMIT\n"
        )
    };
    write(&folder, "four", &open(22));
    write(&folder, "six", &open(80));
    let mismatch = |words: &[&str]| {
        let words: Vec<&str> = ["lint", "--select", "802"].iter().chain(words).copied().collect();
        stdout(&rfw_in(&folder, &words, "")).contains("tcp/22 is open on IPv4 only, tcp/80 on IPv6 only")
    };
    assert!(mismatch(&["--pair", "four", "six"]));
    assert!(!mismatch(&["four", "six"]));
    write(&folder, "rfw.toml", "pairs = [[\"four\", \"six\"]]\n");
    assert!(mismatch(&["four"]) && mismatch(&["six", "four"]));
}

#[test]
fn what_is_no_file_has_no_permissions() {
    let out = rfw_in(&folder("device"), &["lint", "/dev/null"], "");
    assert_eq!((out.status.code(), stdout(&out).as_str()), (Some(0), "/dev/null: nothing found\n"));
}
