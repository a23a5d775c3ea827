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

/// One call of iptables-apply: status, standard output, standard error, and what iptables-save prints then.
struct Applied {
    status: i32,
    out: String,
    err: String,
    rules: String,
}

/// Runs the script of the host or ours on a host with the old rules; `answer` is a shell's line for its standard input.
fn original(ours: bool, tag: &str, words: &str, answer: &str) -> Applied {
    let world = World::new();
    assert!(world.run("iptables-restore", &["-c"], OLD, &[]).status.success());
    let folder = links(tag);
    for (name, text) in [
        ("new.rules", NEW),
        ("bad.rules", "*filter\n-A INPUT -j ALLOW\nCOMMIT\n"),
        ("good.run", "#!/bin/sh\nexec iptables -A INPUT -j DROP\n"),
        ("bad.run", "#!/bin/sh\niptables -A INPUT -j DROP\nexit 3\n"),
        ("slow.run", "#!/bin/sh\niptables -A INPUT -j DROP\nexec sleep 9\n"),
    ] {
        std::fs::write(folder.join(name), text).expect("a file");
        let mode =
            std::os::unix::fs::PermissionsExt::from_mode(if name.ends_with("run") { 0o755 } else { 0o644 });
        std::fs::set_permissions(folder.join(name), mode).expect("a mode");
    }
    let _ = std::fs::remove_file(folder.join("saved"));
    let program = if ours { "./iptables-apply" } else { "/usr/sbin/iptables-apply" };
    let script = format!("cd {}; {{ {answer} }} | {program} {words}", folder.display());
    let result = world.run("bash", &["-c", &script], "", &[("LC_ALL", "C")]);
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes).replace("/usr/sbin/", "").replace("./iptables-apply", "iptables-apply")
    };
    let save = world.run("iptables-save", &[], "", &[]);
    let bare = |text: &str| -> String {
        text.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect()
    };
    let saved = std::fs::read_to_string(folder.join("saved")).unwrap_or_default();
    Applied {
        status: result.status.code().unwrap_or(-1),
        out: text(&result.stdout),
        err: text(&result.stderr),
        rules: format!("{}saved:\n{}", bare(&text(&save.stdout)), bare(&saved)),
    }
}

#[test]
fn iptables_apply_does_what_the_script_does() {
    if !possible(&["iptables", "nsenter", "bash"])
        || !std::path::Path::new("/usr/sbin/iptables-apply").exists()
    {
        return;
    }
    for (number, (words, answer)) in [
        ("new.rules", "echo y;"),
        ("-w saved new.rules", "printf Y;"),
        ("-t 1 new.rules", "sleep 2;"),
        ("-t 1 new.rules", "echo n;"),
        ("new.rules", "echo;"),
        ("new.rules", "true;"),
        ("-t 0 new.rules", "echo y;"),
        ("bad.rules", "echo y;"),
        ("nothing.rules", "echo y;"),
        ("", "echo y;"),
        ("-t 1 -c ./good.run", "echo y;"),
        ("-t 1 -c ./good.run", "echo n;"),
        ("-t 1 -c ./bad.run", "echo y;"),
        ("-t 1 -c ./slow.run", "echo y;"),
        ("-c new.rules", "echo y;"),
        ("-c good.run", "echo y;"),
        ("-c", "echo y;"),
        ("-t x new.rules", "echo y;"),
        ("-t -1 new.rules", "echo y;"),
        ("-x", "true;"),
        ("--nothing", "true;"),
        ("-t", "true;"),
        ("-w /proc/none/saved new.rules", "echo y;"),
    ]
    .into_iter()
    .enumerate()
    {
        let stock = original(false, &format!("apply-stock-{number}"), words, answer);
        let ours = original(true, &format!("apply-ours-{number}"), words, answer);
        let what = format!("{words} | {answer}\nstock says {}\nrfw says {}", stock.err, ours.err);
        assert_eq!(ours.status, stock.status, "{what}");
        assert_eq!(ours.out, stock.out, "{what}");
        if matches!(ours.status, 0 | 9) {
            assert_eq!(ours.rules, stock.rules, "{what}");
        } else {
            // The script leaves tables that came with the new rules.
            assert_eq!(ours.rules, format!("{}saved:\n", OLD.replace("[7:8] ", "")), "{what}");
        }
        let error = |text: &str| {
            text.lines()
                .find(|line| line.starts_with("Error: ") || line.starts_with("iptables-apply: "))
                .map(str::to_owned)
        };
        if !words.contains("/proc") {
            assert_eq!(error(&ours.err), error(&stock.err), "{what}");
        }
    }
}

#[test]
fn iptables_apply_takes_its_words_in_any_order() {
    if !possible(&["iptables", "nsenter", "bash"]) {
        return;
    }
    for (number, words) in
        ["-t1 new.rules", "--timeout=1 new.rules", "new.rules -t 1"].into_iter().enumerate()
    {
        let said = original(true, &format!("apply-order-{number}"), words, "echo y;");
        assert_eq!(said.status, 0, "{words}: {}", said.err);
        assert!(said.rules.contains("-A INPUT -j mine"), "{words}: {}", said.rules);
    }
}
