//! Colours and links.

use std::process::{Command, Stdio};

use crate::{DEAD_RULE, folder, skipped, write};

/// Whether there are colours, and links.
fn escapes(text: &[u8]) -> (bool, bool) {
    let text = String::from_utf8_lossy(text);
    (text.contains("\u{1b}["), text.contains("\u{1b}]8;;"))
}

const VARIABLES: [&str; 4] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM"];

/// The same line on a terminal and in a pipe; settings are `NAME=value` words.
fn both(settings: &str, options: &str) -> Option<[(bool, bool); 2]> {
    let folder = folder("terminal");
    write(&folder, "a.rules", DEAD_RULE);
    let unset: String = VARIABLES.iter().map(|name| format!(" -u {name}")).collect();
    let line = format!("env{unset} {settings} {} lint {options} a.rules", env!("CARGO_BIN_EXE_rfw"));
    let run = |program: &str, words: &[&str]| {
        let out =
            Command::new(program).args(words).current_dir(&folder).stdin(Stdio::null()).output().ok()?;
        Some(escapes(&out.stdout))
    };
    Some([run("script", &["-qec", &line, "/dev/null"])?, run("sh", &["-c", &line])?])
}

#[test]
fn who_gets_them() {
    let (none, colours, all) = ((false, false), (true, false), (true, true));
    for (settings, options, terminal, pipe) in [
        ("TERM=xterm", "", all, none),
        ("", "", none, none),
        ("TERM=dumb", "", none, none),
        ("TERM=xterm NO_COLOR=1", "", none, none),
        ("TERM=xterm NO_COLOR=", "", all, none),
        ("TERM=xterm CLICOLOR=0", "", none, none),
        ("TERM=xterm CLICOLOR=1", "", all, none),
        ("TERM=xterm CLICOLOR_FORCE=1", "", all, colours),
        ("TERM=xterm CLICOLOR_FORCE=0", "", all, none),
        ("TERM=dumb CLICOLOR_FORCE=1", "", colours, colours),
        ("TERM=xterm CLICOLOR_FORCE=1 NO_COLOR=1", "", none, none),
        ("TERM=xterm NO_COLOR=1", "--color always", all, colours),
        ("TERM=dumb", "--color always", colours, colours),
        ("TERM=xterm CLICOLOR_FORCE=1", "--color never", none, none),
        ("TERM=xterm", "--color always --format json", none, none),
        ("TERM=xterm CLICOLOR_FORCE=1", "--format sarif", none, none),
        ("TERM=xterm CLICOLOR_FORCE=1", "--format github", none, none),
        ("TERM=xterm CLICOLOR_FORCE=1", "--format junit", none, none),
    ] {
        let Some(found) = both(settings, options) else { return skipped("script is not installed") };
        assert_eq!(found, [terminal, pipe], "{settings} {options}");
    }
}
