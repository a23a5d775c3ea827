//! Exit statuses: the table of `docs/lint.md`, cause by cause.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{DEAD_RULE, folder, rfw_in, skipped, status, stderr, stdout, write};

const DASH: &str = "*security\n-A INPUT –i lo -j ACCEPT\nCOMMIT\n";
const MENDED: &str = "*security\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

#[test]
fn the_table_has_them_all() {
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lint.md"))
        .expect("a guide");
    let section = guide.split("## Status").nth(1).and_then(|s| s.split("\n## ").next()).expect("a section");
    let rows =
        section.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u8>().ok());
    assert_eq!(rows.collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn findings_are_1() {
    assert_eq!(status(&["lint", "-"], "*security\nCOMMIT\n"), 0);
    assert_eq!(status(&["lint"], DEAD_RULE), 1);
    assert_eq!(status(&["lint", "--fail-on", "error"], DEAD_RULE), 0);
    assert_eq!(status(&["lint"], "*security\n:X - [0:0]\nCOMMIT\n"), 0);
    assert_eq!(status(&["lint", "--fail-on", "info"], "*security\n:X - [0:0]\nCOMMIT\n"), 1);
    assert_eq!(status(&["lint", "--exit-zero"], DEAD_RULE), 0);
    // What does not parse has findings; that is no failure to read.
    assert_eq!(status(&["lint"], "*security\n-A INPUT –j DROP\n"), 1);
    assert_eq!(status(&["lint", "--diff"], DASH), 1);
    assert_eq!(status(&["lint", "--diff", "--exit-zero"], DASH), 0);
    assert_eq!(status(&["lint", "--diff"], MENDED), 0);
}

#[test]
fn what_is_left_after_fixes_counts() {
    let folder = folder("status-left");
    let both = format!("{DASH}{}", DEAD_RULE.replace("*security", "*filter"));
    write(&folder, "a.rules", &both);
    assert_eq!(rfw_in(&folder, &["lint", "--fix", "a.rules"], "").status.code(), Some(1));
    // Of standard input too; its new text is all that standard output gets.
    let out = rfw_in(&folder, &["lint", "--fix", "--select", "101,304"], &both);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(stdout(&out), both.replace("–i", "-i"));
    assert!(stderr(&out).contains("RFW304") && !stderr(&out).contains("RFW101"), "{}", stderr(&out));
    assert_eq!(status(&["lint", "--fix", "--select", "101"], DASH), 0);
    // Beside files: each is mended where it is.
    write(&folder, "b.rules", DASH);
    let out = rfw_in(&folder, &["lint", "--fix", "--select", "101", "b.rules", "-"], DASH);
    assert_eq!((out.status.code(), stdout(&out).as_str()), (Some(0), MENDED));
    assert_eq!(fs::read_to_string(folder.join("b.rules")).expect("readable"), MENDED);
    assert!(stderr(&out).contains("2 rulesets: nothing found"), "{}", stderr(&out));
}

#[test]
fn what_is_wrong_or_cannot_be_read_is_2() {
    let folder = folder("status-wrong");
    write(&folder, "a.rules", MENDED);
    write(&folder, "empty/readme.txt", "nothing\n");
    write(&folder, "bad.toml", "ignroe = []\n");
    for words in [
        &["--no-such-option"][..],
        &["-4", "-6"],
        &["--select", "nonsense"],
        &["--severity", "RFW304"],
        &["--analysis-budget", "soon"],
        &["--config", "bad.toml", "a.rules"],
        &["--config", "none.toml", "a.rules"],
        &["--config", "bad.toml", "--isolated", "a.rules"],
        &["--baseline", "none.json", "a.rules"],
        &["--write-baseline", "b.json", "--diff", "a.rules"],
        &["/no/such/file"],
        &["--exit-zero", "/no/such/file"],
        &["a.rules", "none.rules"],
        &["--diff", "a.rules", "none.rules"],
        &["--live", "a.rules"],
        &["--pair", "a.rules"],
        &["empty"],
        &["a.rules", "empty"],
    ] {
        let words: Vec<&str> = ["lint"].iter().chain(words).copied().collect();
        let out = rfw_in(&folder, &words, "");
        assert_eq!(out.status.code(), Some(2), "{words:?}");
        assert!(
            !stderr(&out).is_empty() && !stdout(&out).contains("nothing found") || words.len() > 2,
            "{words:?}"
        );
    }
    assert!(!folder.join("b.json").exists());
    assert_eq!(rfw_in(&folder, &["lint", "a.rules", "a.rules", "."], "").status.code(), Some(0));
    assert_eq!(status(&["rules", "nonsense"], ""), 2);
    assert_eq!(status(&["explain", "nonsense"], ""), 2);
}

#[test]
fn programs_are_told_what_could_not_be_read() {
    let folder = folder("status-told");
    write(&folder, "a.rules", MENDED);
    let shown =
        |format: &str| stdout(&rfw_in(&folder, &["lint", "--format", format, "a.rules", "no<ne"], ""));
    let log: serde_json::Value = serde_json::from_str(&shown("sarif")).expect("JSON");
    let told = &log["runs"][0]["invocations"][0];
    assert_eq!(told["executionSuccessful"], false);
    let text = told["toolExecutionNotifications"][0]["message"]["text"].as_str().expect("a text");
    assert!(text.starts_with("no<ne: No such file"), "{text}");
    assert!(shown("github").starts_with("::error title=rfw lint::no<ne: No such file"));
    let xml = shown("junit");
    assert!(
        xml.contains("tests=\"2\" failures=\"0\" errors=\"1\"")
            && xml.contains("<error message=\"no&lt;ne: "),
        "{xml}"
    );
    let good: serde_json::Value =
        serde_json::from_str(&stdout(&rfw_in(&folder, &["lint", "--format", "sarif", "a.rules"], "")))
            .expect("JSON");
    assert_eq!(good["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

/// The status with a standard output that takes nothing.
fn to_full(arguments: &[&str], input: &str) -> Option<i32> {
    use std::io::Write;
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let mut child = Command::new(env!("CARGO_BIN_EXE_rfw"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(full)
        .stderr(Stdio::null())
        .spawn()
        .expect("rfw starts");
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait().expect("rfw ends").code()
}

#[test]
fn what_cannot_be_written_is_3() {
    for words in [
        &["lint", "-"][..],
        &["lint", "--format", "json", "-"],
        &["lint", "--exit-zero", "-"],
        &["lint", "--fix", "-"],
        &["lint", "--diff", "-"],
        &["lint", "--diff", "--exit-zero", "-"],
        &["rules"],
        &["rules", "--format", "json"],
        &["explain", "304"],
    ] {
        assert_eq!(to_full(words, DASH), Some(3), "{words:?}");
    }
    let folder = folder("status-unwritten");
    write(&folder, "a.rules", MENDED);
    for place in ["none/b.json", ".", "/proc/b.json"] {
        let out = rfw_in(&folder, &["lint", "--write-baseline", place, "a.rules"], "");
        assert_eq!(out.status.code(), Some(3), "{place}");
        assert!(stderr(&out).contains(place), "{}", stderr(&out));
    }
    // Worse than what could not be read.
    let out = rfw_in(&folder, &["lint", "--write-baseline", "none/b.json", "a.rules", "none.rules"], "");
    assert_eq!(out.status.code(), Some(3));
}

#[test]
fn one_file_that_cannot_be_mended_does_not_keep_the_others() {
    let folder = folder("status-pipe");
    write(&folder, "b.rules", DASH);
    let made = Command::new("mkfifo").arg(folder.join("a.rules")).status();
    if !made.is_ok_and(|status| status.success()) {
        return skipped("mkfifo is not installed");
    }
    let pipe = folder.join("a.rules");
    let writer = std::thread::spawn(move || fs::write(pipe, DASH));
    let out = rfw_in(&folder, &["lint", "--fix", "--select", "101", "a.rules", "b.rules"], "");
    writer.join().expect("written").expect("written");
    assert_eq!(out.status.code(), Some(3), "{}", stderr(&out));
    assert!(stderr(&out).contains("a.rules: it is no regular file"), "{}", stderr(&out));
    assert!(stdout(&out).contains("RFW101") && stdout(&out).contains("--> a.rules:2"), "{}", stdout(&out));
    assert_eq!(fs::read_to_string(folder.join("b.rules")).expect("readable"), MENDED);
    use std::os::unix::fs::FileTypeExt;
    assert!(fs::symlink_metadata(folder.join("a.rules")).expect("there").file_type().is_fifo());
}

#[test]
fn an_owner_that_cannot_be_kept_is_a_reason() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = std::env::temp_dir().join(format!("rfw-lint-owner-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let mode = |name: &str, mode| {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).expect("a mode");
    };
    write(&folder, "a.rules", DASH);
    write(&folder, "b.rules", DASH);
    mode("", 0o777);
    mode("a.rules", 0o666);
    mode("b.rules", 0o444);
    let run = |name: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_rfw")]);
        command.args(["lint", "--isolated", "--fix", "--select", "101", name]).current_dir(&folder).output()
    };
    let own = fs::metadata(folder.join("a.rules")).expect("there").uid();
    match run("a.rules") {
        Ok(out) if own == 0 && !stderr(&out).starts_with("setpriv") => {
            assert_eq!(out.status.code(), Some(3), "{}", stderr(&out));
            assert!(stderr(&out).contains("its owner could not be kept"), "{}", stderr(&out));
            let out = run("b.rules").expect("it runs");
            assert_eq!(out.status.code(), Some(3), "{}", stderr(&out));
            assert!(stderr(&out).contains("Permission denied"), "{}", stderr(&out));
            for name in ["a.rules", "b.rules"] {
                assert_eq!(fs::read_to_string(folder.join(name)).expect("readable"), DASH);
            }
            assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 2, "no file is left over");
        }
        _ => skipped("another user cannot be tried"),
    }
    fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_reader_that_goes_early_is_no_fault() {
    for line in ["rules", "explain 304", "lint --format json a.rules", "lint --diff a.rules"] {
        let folder = folder("status-head");
        write(&folder, "a.rules", &DASH.replace("COMMIT", &"-A INPUT –i lo -j ACCEPT\n".repeat(2000)));
        let line = format!("{{ {} {line}; echo $? >&2; }} | true", env!("CARGO_BIN_EXE_rfw"));
        let out = Command::new("sh").args(["-c", &line]).current_dir(&folder).output().expect("sh starts");
        let status = stderr(&out);
        let status = status.lines().last().unwrap_or_default();
        assert_eq!(status, if line.contains("lint") { "1" } else { "0" }, "{line}");
    }
}
