//! Formats for programs and for terminals.

use std::process::Command;

use crate::{DEAD_RULE, folder, rfw, rfw_in, skipped, stdout, write};

#[test]
fn github_escapes_what_it_must() {
    let folder = folder("github");
    write(&folder, "a,b:100%.rules", DEAD_RULE);
    let text = stdout(&rfw_in(&folder, &["lint", "--format", "github", "a,b:100%.rules"], ""));
    let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let start = "::warning file=a%2Cb%3A100%25.rules,line=3,endLine=3,col=1,endColumn=19,\
                 title=RFW304 rules-after-catch-all::";
    assert!(line.starts_with(start), "{line}");
    assert!(line.contains("%0Ahelp: "), "{line}");
    assert_eq!(stdout(&rfw(&["lint", "--format", "github"], "")), "");
    let input = stdout(&rfw(&["lint", "--format", "github"], DEAD_RULE));
    assert!(input.starts_with("::warning title=RFW304 rules-after-catch-all::<stdin>: 1 rule"), "{input}");
}

#[test]
fn junit_is_xml_with_a_test_per_finding() {
    let text = "*security\n-A INPUT -p tcp --dport 70000 -m comment --comment \"<&>\x01\" -j ACCEPT\n:X - [0:0]\nCOMMIT\n";
    let xml = stdout(&rfw(&["lint", "--format", "junit", "-"], text));
    assert!(xml.contains("<testsuites name=\"rfw lint\" tests=\"2\" failures=\"1\">"), "{xml}");
    assert!(xml.contains("&lt;&amp;&gt;\u{fffd}") && xml.contains("<system-out>"), "{xml}");
    let clean = stdout(&rfw(&["lint", "--format", "junit", "-"], "*security\nCOMMIT\n"));
    assert!(clean.contains("tests=\"1\" failures=\"0\"") && clean.contains("nothing found"), "{clean}");
    let parse = "import sys, xml.dom.minidom as m; print(len(m.parseString(sys.argv[1]).getElementsByTagName('testcase')))";
    match Command::new("python3").args(["-c", parse, &xml]).output() {
        Ok(out) => assert_eq!(out.stdout, b"2\n", "{}", String::from_utf8_lossy(&out.stderr)),
        Err(_) => skipped("python3 is not installed"),
    }
}

#[test]
fn control_characters_reach_no_log() {
    let text = "*security\n-A INPUT -p tcp --dport \x01\x1b[31mred -j ACCEPT\nCOMMIT\n";
    for format in ["text", "json", "sarif", "github", "junit"] {
        let out = rfw(&["lint", "--format", format, "-"], text);
        let raw = out.stdout.iter().filter(|&&b| b < 0x20 && b != b'\n').count();
        assert_eq!(raw, 0, "{format}: {}", String::from_utf8_lossy(&out.stdout));
    }
    let shown = stdout(&rfw(&["lint", "--format", "github", "-"], text));
    assert!(shown.contains("`␁␛[31mred` is no port or service"), "{shown}");
}

#[test]
fn bytes_that_are_no_utf8_are_shown_and_kept() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder("bytes");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.rules");
    let text = b"*security\n-A INPUT -m comment --comment caf\xe9 \xe2\x80\x93i lo -j ACCEPT\nCOMMIT";
    std::fs::write(folder.join(name), text).expect("written");
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rfw"));
        command.arg("lint").args(words).arg(name).current_dir(&folder).output().expect("rfw starts")
    };
    for format in ["text", "json", "sarif", "github", "junit"] {
        let out = run(&["--format", format]);
        assert_eq!(out.status.code(), Some(1), "{format}");
        let text = String::from_utf8(out.stdout).unwrap_or_else(|e| panic!("{format}: {e}"));
        assert!(text.contains("RFW101"), "{format}: {text}");
        if format == "sarif" {
            assert!(text.contains("\"uri\": \"caf%E9.rules\""), "{text}");
        }
    }
    // What a patch needs: the bytes themselves, and that the last line has no end.
    let diff = run(&["--diff"]).stdout;
    let new = b"+-A INPUT -m comment --comment caf\xe9 -i lo -j ACCEPT\n";
    assert!(diff.windows(new.len()).any(|part| part == new), "{}", String::from_utf8_lossy(&diff));
    assert!(diff.ends_with(b" COMMIT\n\\ No newline at end of file\n"), "{}", String::from_utf8_lossy(&diff));
    std::fs::write(folder.join("a.diff"), &diff).expect("written");
    match Command::new("patch").args(["-s", "-p0", "-i", "a.diff"]).arg(name).current_dir(&folder).status() {
        Ok(status) => assert!(status.success()),
        Err(_) => return skipped("patch is not installed"),
    }
    let patched = std::fs::read(folder.join(name)).expect("readable");
    std::fs::write(folder.join(name), text).expect("written");
    run(&["--fix"]);
    assert_eq!(std::fs::read(folder.join(name)).expect("readable"), patched);
}
