//! Manual pages and completions in the repository are what the program prints, and the shells and groff take them.
//!
//! `RFW_UPDATE=1 cargo test -p rfw-cli --test generated` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rfw(arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_rfw")).args(arguments).output().expect("rfw starts");
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

/// A folder has these files with these texts and no others.
fn check(folder: &str, files: &[(String, String)]) {
    let folder = root().join(folder);
    if std::env::var_os("RFW_UPDATE").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("written");
        }
    }
    let there: BTreeSet<String> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(there, files.iter().map(|file| file.0.clone()).collect());
    for (name, text) in files {
        let kept = fs::read_to_string(folder.join(name)).expect("readable");
        let stale = kept.lines().zip(text.lines()).find(|(kept, made)| kept != made);
        assert!(kept == *text, "{name} is stale, RFW_UPDATE=1 writes it anew; first: {stale:?}");
    }
}

fn pages() -> Vec<(String, String)> {
    rfw(&["man"]).lines().map(|page| (page.to_owned(), rfw(&["man", page]))).collect()
}

fn scripts() -> Vec<(String, String)> {
    let files = [("rfw.bash", "bash"), ("rfw.fish", "fish"), ("_rfw", "zsh")];
    files.iter().map(|(file, shell)| ((*file).to_owned(), rfw(&["completions", shell]))).collect()
}

/// A script of this run, not the one in the repository, which another test may be writing.
fn script(file: &str) -> String {
    let scripts = scripts();
    let (_, text) = scripts.iter().find(|(name, _)| name == file).expect("a script");
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{:?}-{file}", std::thread::current().id()));
    fs::write(&path, text).expect("written");
    path.display().to_string()
}

/// Runs a tool; `None`, with a word about it, where it is not installed.
fn tool(program: &str, arguments: &[&str]) -> Option<Output> {
    let out = Command::new(program).args(arguments).current_dir(root()).output().ok();
    if out.is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: {program} is not installed");
    }
    out
}

fn printed(out: &Output) -> String {
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn manual_pages_are_current() {
    let pages = pages();
    check("docs/man", &pages);
    for page in ["rfw.8", "rfw-restore.8", "rfw-save.8", "rfw-persist.8", "rfw-lint.1"] {
        assert!(pages.iter().any(|(name, _)| name == page), "{page}");
    }
    let (_, text) = &pages[0];
    for words in ["\\fB[!] \\-\\-ctstate\\fR", ".SS MASQUERADE", "\\fB\\-A, \\-\\-append\\fR \\fICHAIN\\fR"] {
        assert!(text.contains(words), "{words}");
    }
}

#[test]
fn completions_are_current() {
    check("dist/completions", &scripts());
}

#[test]
fn groff_takes_every_page() {
    for (name, text) in pages() {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
        fs::write(&path, text).expect("written");
        let Some(out) = tool("groff", &["-man", "-Tutf8", "-ww", &path.display().to_string()]) else {
            return;
        };
        let title = name.rsplit_once('.').expect("a section").0.to_uppercase();
        assert!(printed(&out).starts_with(&format!("{title}(")), "{name}");
    }
}

#[test]
fn every_option_of_restore_and_save_in_the_pages_is_one() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated-links");
    fs::create_dir_all(&folder).expect("a folder");
    for program in ["rfw-restore", "rfw-save"] {
        let link = folder.join(program);
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rfw"), &link).expect("a link");
        let page = rfw(&["man", &format!("{program}.8")]);
        let items = page.lines().filter(|line| line.starts_with("\\fB\\-"));
        let mut count = 0;
        for item in items {
            let item = item.replace("\\-", "-");
            let (names, value) = item.split_once("\\fR").expect("an end of bold");
            for name in names.trim_start_matches("\\fB").split(", ") {
                let mut words = vec![name];
                match name {
                    "--encoding" => words.push("native"),
                    "--compat-version" => words.push("1.8.11"),
                    _ if value.contains("\\fI[") || value.is_empty() => {}
                    _ => words.push("filter"),
                }
                words.push("--version");
                let out = Command::new(&link).args(&words).output().expect("it starts");
                assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
                count += 1;
            }
        }
        assert!(count > 10, "{program}: {count}");
    }
}

/// What bash offers for a line, the last word of which is not finished.
fn bash(script: &str, line: &str) -> Option<BTreeSet<String>> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source '{script}'; COMP_WORDS=({}); COMP_CWORD={}; _rfw; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len() - 1,
    );
    let out = tool("bash", &["-u", "-c", &script])?;
    Some(printed(&out).lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes() {
    let script = script("rfw.bash");
    let registered = format!("source '{script}'; complete -p rfw rfw6-save");
    let Some(out) = tool("bash", &["-c", &registered]) else { return };
    assert_eq!(printed(&out), "complete -F _rfw rfw\ncomplete -F _rfw rfw6-save\n");
    for (line, wanted) in [
        ("rfw li", "lint"),
        ("rfw -A INPUT -m conntr", "conntrack"),
        ("rfw -A INPUT -m conntrack --ctst", "--ctstate --ctstatus"),
        ("rfw -A INPUT -p tcp --dp", "--dport"),
        ("rfw -A INPUT -j MASQ", "MASQUERADE"),
        ("rfw6 -t nat -A POSTROUTING -j MASQUERADE --to", "--to-ports"),
        ("rfw -A INPUT --dpo", ""),
        ("rfw -t man", "mangle"),
        ("rfw -A INPUT --encoding n", "native"),
        ("rfw-restore --no", "--noflush --no-xt"),
        ("rfw-save --count", "--counters"),
        ("rfw save --count", "--counters"),
        ("rfw lint --forma", "--format"),
        ("rfw lint --format ", "github json junit sarif text"),
        ("rfw persist lo", "load"),
        ("rfw persist load --ke", "--keep"),
        ("rfw completions f", "fish"),
    ] {
        let offered = bash(&script, line).expect("bash is here");
        let wanted: BTreeSet<String> = wanted.split(' ').map(str::to_owned).collect();
        assert_eq!(offered, wanted, "{line}");
    }
}

/// Stands for zsh's completion system: prints what it is given.
const ZSH: &str = r#"
_describe() { local a; for a in "$@"; do [[ $a == *rfw_* || $a == (loaded|options) ]] && print -rl -- "${(@P)a}"; done }
compadd() { if [[ $1 == -a ]]; then print -rl -- "${(@P)2}"; else print -rl -- "$@"; fi }
_files() { print FILES }
script=$1; shift; words=("$@"); CURRENT=$#words; PREFIX=$words[-1]; source $script
"#;

#[test]
fn zsh_completes() {
    let script = script("_rfw");
    for (line, wanted) in [
        ("rfw ", "persist:Keep the rulesets of both families in files, and load them at boot"),
        ("rfw -A INPUT -m conntrack --ctst", "--ctproto:protocol of the connection"),
        ("rfw -t ", "mangle"),
        ("rfw -A INPUT -m ", "mark:"),
        ("rfw persist ", "load"),
        ("rfw persist load --", "--keep:"),
        ("rfw lint --format ", "json"),
        ("rfw lint ", "FILES"),
        ("rfw6-restore --", "--noflush:"),
        ("rfw save --", "--counters:"),
    ] {
        let mut arguments = vec!["-f", "-c", ZSH, "zsh", &script];
        arguments.extend(line.split(' '));
        let Some(out) = tool("zsh", &arguments) else { return };
        let text = printed(&out);
        assert!(text.lines().any(|offered| offered.starts_with(wanted)), "{line}: {text}");
        assert!(!text.contains("--ctstate") || line.contains("conntrack"), "{line}: {text}");
    }
}

#[test]
fn zsh_and_fish_read_their_scripts() {
    let fish = script("rfw.fish");
    if let Some(out) = tool("zsh", &["-n", &script("_rfw")]) {
        printed(&out);
    }
    if let Some(out) = tool("fish", &["--no-execute", &fish]) {
        printed(&out);
    }
    for (line, wanted) in [
        ("rfw -A INPUT -m conntrack --ctst", "--ctstate --ctstatus"),
        ("rfw persist load --ke", "--keep"),
        ("rfw -A INPUT -j MASQ", "MASQUERADE"),
        ("rfw6 -p tcp --dpor", "--dport"),
        ("rfw lint --format j", "json junit"),
    ] {
        let script = format!("source '{fish}'; complete -C '{line}'");
        let Some(out) = tool("fish", &["--no-config", "-c", &script]) else { return };
        let text = printed(&out);
        let offered: Vec<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(offered.join(" "), wanted, "{line}");
    }
}
