//! `rfw apply` takes rules back that nobody confirms.

use crate::support::{World, links, possible};

const OLD: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[7:8] -A INPUT -p tcp -j ACCEPT\nCOMMIT\n";
const NEW: &str = "*nat\n-A POSTROUTING -j ACCEPT\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:mine - [0:0]\n-A INPUT -j mine\nCOMMIT\n";

/// Applies the new rules over the old ones with an answer; gives the status and what iptables-save prints then.
fn applied(tag: &str, new: &str, answer: &str) -> (i32, String) {
    let world = World::new();
    let folder = links(tag);
    let loaded = world.run("iptables-restore", &["-c"], OLD, &[]);
    assert!(loaded.status.success());
    let file = folder.join("new.rules");
    std::fs::write(&file, new).expect("a file");
    // Without a terminal, so that the answer is read from standard input.
    let script = format!("exec setsid -w {} apply -t 1 {}", folder.join("rfw").display(), file.display());
    let out = world.run("bash", &["-c", &format!("{{ {answer} }} | ( {script} )")], "", &[]);
    let save = world.run("iptables-save", &["-c"], "", &[]);
    let text = String::from_utf8_lossy(&save.stdout).into_owned();
    let bare = text.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
    (out.status.code().unwrap_or(-1), bare)
}

#[test]
fn rules_stay_only_if_somebody_says_so() {
    if !possible(&["iptables", "nsenter", "setsid"]) {
        return;
    }
    let (status, rules) = applied("apply-yes", NEW, "echo y;");
    assert_eq!(status, 0);
    assert!(rules.contains("-A INPUT -j mine") && rules.contains("*nat"), "{rules}");
    for (tag, answer) in [("apply-no", "echo n;"), ("apply-silent", "sleep 3;")] {
        assert_eq!(applied(tag, NEW, answer), (1, OLD.to_owned()), "{tag}");
    }
}

#[test]
fn a_file_with_a_mistake_changes_nothing() {
    if !possible(&["iptables", "nsenter", "setsid"]) {
        return;
    }
    assert_eq!(applied("apply-bad", "*filter\n-A INPUT -j ALLOW\nCOMMIT\n", "echo y;"), (2, OLD.to_owned()));
}
