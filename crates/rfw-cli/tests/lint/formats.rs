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
fn colours_and_links_in_terminals_only() {
    let escapes = |arguments: &[&str]| {
        let mut words = vec!["lint"];
        words.extend(arguments);
        let text = stdout(&rfw(&words, DEAD_RULE));
        (text.contains('\u{1b}'), text.contains("\u{1b}]8;;"))
    };
    assert_eq!(escapes(&[]), (false, false));
    assert_eq!(escapes(&["--color", "never"]), (false, false));
    assert_eq!(escapes(&["--color", "always"]), (true, true));
    assert_eq!(escapes(&["--color", "always", "--format", "json"]), (false, false));
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let folder = folder("terminal");
    write(&folder, "a.rules", DEAD_RULE);
    let run = |setting: &str| {
        let line = format!("{setting} {} lint a.rules", env!("CARGO_BIN_EXE_rfw"));
        let out = Command::new("script").args(["-qec", &line, "/dev/null"]).current_dir(&folder).output();
        out.ok().map(|out| String::from_utf8_lossy(&out.stdout).contains('\u{1b}'))
    };
    let Some(plain) = run("env -u NO_COLOR TERM=xterm") else {
        skipped("script is not installed");
        return;
    };
    assert!(plain);
    assert_eq!(run("env NO_COLOR=1 TERM=xterm"), Some(false));
    assert_eq!(run("env -u NO_COLOR TERM=dumb"), Some(false));
}
