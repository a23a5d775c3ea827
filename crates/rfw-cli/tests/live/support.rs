//! Two worlds to compare: network namespaces, and a folder in which rfw has iptables' names.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Says why a test does nothing here, or gives true.
pub fn possible(tools: &[&str]) -> bool {
    let works = |program: &str, word: &str| {
        let status = Command::new(program).arg(word).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok()
    };
    let namespace = Command::new("unshare").args(["-n", "true"]).stderr(Stdio::null()).status();
    let missing: Vec<&str> = tools.iter().copied().filter(|t| !works(t, "--version")).collect();
    let root = namespace.is_ok_and(|s| s.success());
    if !root || !missing.is_empty() {
        let _ = writeln!(std::io::stderr(), "skipped: root={root}, not installed: {missing:?}");
    }
    root && missing.is_empty()
}

/// The base names of the personalities.
pub const NAMES: &[&str] = &[
    "rfw",
    "rfw6",
    "rfw-restore",
    "rfw-save",
    "iptables",
    "ip6tables",
    "iptables-restore",
    "ip6tables-restore",
    "iptables-save",
    "ip6tables-save",
    "iptables-nft",
    "iptables-nft-save",
    "iptables-apply",
    "ip6tables-apply",
    "iptables-xml",
    "iptables-restore-translate",
    "xtables-monitor",
];

/// A folder with a link to rfw under every name.
pub fn links(tag: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("links-{tag}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in NAMES {
        let link = folder.join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rfw"), &link).expect("a link");
    }
    folder
}

/// A network namespace; it goes when its keeper does.
pub struct World {
    keeper: Child,
    path: PathBuf,
}

impl World {
    pub fn new() -> Self {
        let mut keeper = Command::new("unshare")
            .args(["-n", "sh", "-c", "echo ready; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut line = String::new();
        BufReader::new(keeper.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        let path = PathBuf::from(format!("/proc/{}/ns/net", keeper.id()));
        Self { keeper, path }
    }

    /// A command that will run inside.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path.display())).arg("--").arg(program);
        command.env_remove("RFW_ENCODING").env_remove("RFW_COMPAT_VERSION");
        command
    }

    /// Runs a program with arguments and input.
    pub fn run(
        &self,
        program: impl AsRef<std::ffi::OsStr>,
        arguments: &[&str],
        input: &str,
        environment: &[(&str, &str)],
    ) -> Output {
        let mut command = self.command(program);
        command.args(arguments).envs(environment.iter().copied());
        feed(command, input)
    }

    /// What a tool prints; it must succeed.
    pub fn tool(&self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let out = self.run(words[0], &words[1..], "", &[]);
        assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let mut rest = Vec::new();
        if let Some(out) = self.keeper.stdout.as_mut() {
            let _ = out.read_to_end(&mut rest);
        }
        let _ = self.keeper.wait();
    }
}

/// Runs a command with text on its standard input.
pub fn feed(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a program");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A program that does not read its input is no failure.
        let _ = stdin.write_all(input.as_bytes());
    });
    let out = child.wait_with_output().expect("output");
    let _ = writer.join();
    out
}

/// Splits a line as a shell would: blanks, both kinds of quotes, backslashes.
pub fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(chars.by_ref().take_while(|&c| c != '\''));
            }
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(c) = chars.next().filter(|&c| c != '"') {
                    word.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}
