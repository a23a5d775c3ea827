//! The examples of the documents: they parse, and what they run does what they say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{DEAD_RULE, folder, rfw_in, skipped, stderr, write};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The blocks of a language in a document.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = read(document);
    let mut parts = text.split("```");
    parts.next();
    let blocks: Vec<&str> = parts.step_by(2).collect();
    let own = blocks.iter().filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    own.map(str::to_owned).collect()
}

#[test]
fn settings_in_the_guide_are_taken() {
    let folder = folder("guide");
    let [settings] = &blocks("docs/lint.md", "toml")[..] else { panic!("one block") };
    write(&folder, "rfw.toml", settings);
    write(&folder, "sysctl.conf", "");
    write(&folder, "sets.txt", "");
    write(&folder, ".rfw-baseline.json", "{\"version\": 1, \"findings\": []}");
    write(&folder, "a.rules", DEAD_RULE);
    let out = rfw_in(&folder, &["lint", "a.rules"], "");
    assert_eq!(out.status.code(), Some(1), "{}", stderr(&out));
    // Every key of the reader is in the guide.
    let reader = read("crates/rfw-cli/src/own/lint/config.rs");
    let start = reader.find("struct File {").expect("the keys");
    let keys = reader[start..].lines().take_while(|line| *line != "}").filter_map(|line| {
        let (name, _) = line.strip_prefix("    ")?.split_once(':')?;
        name.chars().all(|c| c.is_ascii_lowercase() || c == '_').then(|| name.replace('_', "-"))
    });
    let keys: Vec<String> = keys.filter(|key| !key.starts_with('-')).collect();
    assert!(keys.len() > 12, "{keys:?}");
    for key in keys {
        let key = if key == "overrides" { "override".to_owned() } else { key };
        assert!(settings.contains(&key), "{key}");
    }
}

#[test]
fn yaml_is_yaml() {
    let mut texts = blocks("docs/ci.md", "yaml");
    assert_eq!(texts.len(), 4);
    texts.push(read(".pre-commit-hooks.yaml"));
    for text in texts {
        let parse = "import sys, yaml; assert yaml.safe_load(sys.argv[1])";
        match Command::new("python3").args(["-c", parse, &text]).output() {
            Ok(out) if String::from_utf8_lossy(&out.stderr).contains("No module named") => {
                return skipped("python3-yaml is not installed");
            }
            Ok(out) => assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr)),
            Err(_) => return skipped("python3 is not installed"),
        }
    }
}

/// The command lines of rfw in a text.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter_map(|l| l.find("rfw lint ").map(|at| (l, at)));
    lines
        .filter(|(l, at)| l[..*at].chars().all(|c| "- run:ety".contains(c)))
        .map(|(l, at)| l[at..].to_owned())
        .collect()
}

#[test]
fn what_ci_runs_does_what_it_should() {
    let folder = folder("ci");
    write(&folder, "firewall/a.rules", DEAD_RULE);
    let program = Path::new(env!("CARGO_BIN_EXE_rfw")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut lines: Vec<String> = blocks("docs/ci.md", "yaml").iter().flat_map(|b| commands(b)).collect();
    lines.extend(blocks("docs/ci.md", "sh").iter().flat_map(|b| commands(b)));
    assert_eq!(lines.len(), 5, "{lines:?}");
    for line in lines {
        let out = Command::new("sh").args(["-c", &line]).env("PATH", &path).current_dir(&folder).output();
        let out = out.expect("sh starts");
        let fails = !line.contains("baseline") && !line.contains("--exit-zero");
        assert_eq!(out.status.code(), Some(i32::from(fails)), "{line}: {}", stderr(&out));
    }
    for file in ["rfw.sarif", "rfw.xml"] {
        assert!(fs::metadata(folder.join(file)).expect("written").len() > 100, "{file}");
    }
}

#[test]
fn hooks_take_files() {
    let folder = folder("hooks");
    for (line, status) in [("rfw lint", 1), ("rfw lint --fix", 1)] {
        assert!(read(".pre-commit-hooks.yaml").contains(&format!("  entry: {line}\n")));
        write(&folder, "a.rules", DEAD_RULE);
        write(&folder, "b.v4", "*security\nCOMMIT\n");
        let words: Vec<&str> = line.split(' ').skip(1).chain(["a.rules", "b.v4"]).collect();
        assert_eq!(rfw_in(&folder, &words, "").status.code(), Some(status), "{line}");
    }
}
