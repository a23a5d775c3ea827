//! `--fix`, `--unsafe-fixes`, `--diff`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{folder, rfw, rfw_in, stderr, stdout, write};

const DASHES: &str = "*security\n# rfw: allow(RFW306) gone\n-A INPUT -p tcp –dport 22 –j ACCEPT\n-A INPUT –i lo -j ACCEPT\nCOMMIT\n";
const MENDED: &str = "*security\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

#[test]
fn files_are_mended_in_place() {
    let folder = folder("fix");
    write(&folder, "a.rules", DASHES);
    fs::set_permissions(folder.join("a.rules"), fs::Permissions::from_mode(0o640)).expect("a mode");
    std::os::unix::fs::symlink("a.rules", folder.join("link.rules")).expect("a link");
    let out = rfw_in(&folder, &["lint", "--fix", "link.rules"], "");
    assert!(stderr(&out).contains("link.rules: 3 fixed (RFW101 2, RFW128 1)"), "{}", stderr(&out));
    assert!(stdout(&out).contains("nothing found"), "{}", stdout(&out));
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(fs::read_to_string(folder.join("a.rules")).expect("readable"), MENDED);
    let about = fs::symlink_metadata(folder.join("a.rules")).expect("there");
    assert_eq!(about.permissions().mode() & 0o7777, 0o640);
    assert!(fs::symlink_metadata(folder.join("link.rules")).expect("there").is_symlink());
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 2, "no file is left over");
}

#[test]
fn a_difference_changes_nothing() {
    let folder = folder("diff");
    write(&folder, "a.rules", DASHES);
    let out = rfw_in(&folder, &["lint", "--diff", "a.rules"], "");
    assert_eq!(out.status.code(), Some(1));
    let text = stdout(&out);
    assert!(
        text.contains("--- a.rules\n+++ a.rules\n") && text.contains("\n+-A INPUT -i lo -j ACCEPT\n"),
        "{text}"
    );
    assert_eq!(fs::read_to_string(folder.join("a.rules")).expect("readable"), DASHES);
    write(&folder, "a.rules", MENDED);
    let out = rfw_in(&folder, &["lint", "--diff", "a.rules"], "");
    assert_eq!((out.status.code(), stdout(&out).as_str()), (Some(0), ""));
}

#[test]
fn standard_input_is_mended_on_standard_output() {
    assert_eq!(stdout(&rfw(&["lint", "--fix", "-"], DASHES)), MENDED);
}

#[test]
fn unsafe_fixes_only_when_asked() {
    let folder = folder("unsafe");
    let typo = "*filter\n-A INPUT -j ACEPT\nCOMMIT\n";
    write(&folder, "a.rules", typo);
    rfw_in(&folder, &["lint", "--fix", "a.rules"], "");
    let after = fs::read_to_string(folder.join("a.rules")).expect("readable");
    rfw_in(&folder, &["lint", "--unsafe-fixes", "a.rules"], "");
    let then = fs::read_to_string(folder.join("a.rules")).expect("readable");
    assert!(after == typo || after == then, "{after}{then}");
}

#[test]
fn the_running_ruleset_is_not_mended() {
    assert_eq!(rfw(&["lint", "--live", "--fix"], "").status.code(), Some(2));
}

#[test]
fn what_cannot_be_proved_is_refused() {
    let ports = "-A INPUT -p tcp --dport 80 -j ACCEPT\n-A INPUT -p tcp --dport 443 -j ACCEPT\n\
                 -A INPUT -p tcp --dport 8080 -j ACCEPT\n";
    let text = |more: &str| format!("*filter\n:INPUT DROP [0:0]\n{ports}{more}COMMIT\n");
    let out = rfw(&["lint", "--fix", "--select", "RFW703", "-"], &text(""));
    assert!(stdout(&out).contains("--dports 80,443,8080"), "{}{}", stdout(&out), stderr(&out));
    let broken = text("-A INPUT --nonsense -j DROP\n");
    let out = rfw(&["lint", "--fix", "--select", "RFW703", "-"], &broken);
    assert_eq!(stdout(&out), broken);
    assert!(stderr(&out).contains("the fix of RFW703 is refused"), "{}", stderr(&out));
}

#[test]
fn what_an_unsafe_fix_changes_is_said() {
    let text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 010.0.0.1 -j ACCEPT\nCOMMIT\n";
    let out = rfw(&["lint", "--unsafe-fixes", "-"], text);
    assert!(stdout(&out).contains("-s 10.0.0.1"), "{}", stdout(&out));
    let said = stderr(&out);
    assert!(said.contains("what the rules do has changed: tcp ") && said.contains("filter INPUT"), "{said}");
}

/// What fixes do to the bad example of every check: nothing that a safe one claims is ever refused.
#[test]
fn fixes_of_all_examples() {
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/lint/cases");
    let mut fixed = 0;
    let mut folders: Vec<_> =
        fs::read_dir(&cases).expect("cases").map(|e| e.expect("an entry").path()).collect();
    folders.sort();
    for case in folders {
        let code = case.file_name().expect("a name").to_string_lossy()[..6].to_owned();
        let mut files: Vec<_> =
            fs::read_dir(&case).expect("files").map(|e| e.expect("an entry").path()).collect();
        files.sort();
        for file in
            files.iter().filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with("bad")))
        {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            let folder = folder("fix-examples");
            fs::copy(file, folder.join(&name)).expect("copied");
            for how in ["--fix", "--unsafe-fixes"] {
                let said =
                    stderr(&rfw_in(&folder, &["lint", "--isolated", "--select", &code, how, &name], ""));
                assert!(!said.contains("refused"), "{code} {how}: {said}");
                fixed += usize::from(said.contains(" fixed ("));
            }
        }
    }
    assert!(fixed >= 25, "{fixed}");
}

#[test]
fn links_stay_links() {
    let folder = folder("fix-links");
    write(&folder, "in/a.rules", DASHES);
    for (link, target) in [("one.rules", "in/a.rules"), ("two.rules", "one.rules"), ("to.json", "in/b.json")]
    {
        std::os::unix::fs::symlink(target, folder.join(link)).expect("a link");
    }
    let out = rfw_in(&folder, &["lint", "--fix", "two.rules"], "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    assert_eq!(fs::read_to_string(folder.join("in/a.rules")).expect("readable"), MENDED);
    // One that leads nowhere yet.
    let out = rfw_in(&folder, &["lint", "--write-baseline", "to.json", "two.rules"], "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    assert!(folder.join("in/b.json").is_file());
    for link in ["one.rules", "two.rules", "to.json"] {
        assert!(fs::symlink_metadata(folder.join(link)).expect("there").is_symlink(), "{link}");
    }
}

#[test]
fn carriage_returns_go() {
    let folder = folder("fix-crlf");
    write(&folder, "a.rules", &MENDED.replace('\n', "\r\n"));
    let out = rfw_in(&folder, &["lint", "--diff", "a.rules"], "");
    assert!(stdout(&out).contains("-COMMIT\r\n") && stdout(&out).contains("+COMMIT\n"), "{}", stdout(&out));
    rfw_in(&folder, &["lint", "--fix", "a.rules"], "");
    assert_eq!(fs::read_to_string(folder.join("a.rules")).expect("readable"), MENDED);
}
