//! Every fixture in nft's syntax: one text per folder, kept and read by people.
//!
//! `tests/stock` loads the same rules with nft and compares. After a change that is meant:
//! `INSTA_UPDATE=always cargo test -p rfw-testing --test translate`, then read the diff.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rfw_compiler::lower;
use rfw_compiler::nft_json::{self, NoJson};
use rfw_compiler::nft_syntax::{family_word, nearly, rule_text};
use rfw_extensions::Encoding;
use rfw_nft::Family;
use rfw_testing::fixture::{Fixture, RuleFile, load};
use rfw_testing::names::repository;

const DIRECTORY: &str = "crates/rfw-testing/tests/translated";

fn render(fixture: &Fixture) -> String {
    let mut out = String::new();
    for file in &fixture.accept {
        let _ = writeln!(out, "{}", if file.family == Family::Ipv4 { "IPv4" } else { "IPv6" });
        render_file(file, &mut out);
    }
    out
}

fn render_file(file: &RuleFile, out: &mut String) {
    let names = file.fixed_names();
    for line in &file.lines {
        let _ = writeln!(out, "\n{}", String::from_utf8_lossy(&line.text));
        let built = file.build(line, &names).expect("a fixture builds");
        for rule in &built.rules {
            let lowered = lower(rule, Encoding::Native, file.family, built.counters.unwrap_or_default());
            match rule_text(&lowered.exprs, &lowered.userdata, file.family) {
                Ok(text) => {
                    for note in text.notes {
                        let _ = writeln!(out, "  # {note}");
                    }
                    let _ = writeln!(out, "  {}", text.text);
                }
                Err(error) => {
                    let _ = writeln!(out, "  # {}", error.explained(rule, file.family));
                    let near = nearly(rule, file.family, built.counters.unwrap_or_default());
                    if let Some(near) = near {
                        for (name, body) in near.sets {
                            let _ = writeln!(out, "  ~ set {name} {{ {body} }}");
                        }
                        let _ = writeln!(out, "  ~ {}", near.text);
                        for clause in near.differs {
                            let _ = writeln!(out, "  ~ - {clause}");
                        }
                    }
                }
            }
        }
    }
    out.push('\n');
}

#[test]
fn golden() {
    let mut failed = Vec::new();
    let mut wanted = BTreeSet::new();
    for fixture in load().expect("fixtures").iter().filter(|f| !f.accept.is_empty()) {
        let name = format!("{}__{}", fixture.kind.directory(), fixture.name);
        wanted.insert(format!("{name}.snap"));
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path("translated");
        let check = || settings.bind(|| insta::assert_snapshot!(name.as_str(), render(fixture)));
        if catch_unwind(AssertUnwindSafe(check)).is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "changed: {}", failed.join(", "));
    for entry in fs::read_dir(repository().join(DIRECTORY)).expect("snapshots") {
        let name = entry.expect("snapshot").file_name().to_string_lossy().into_owned();
        let filtered = std::env::var_os("RFW_FIXTURES").is_some();
        assert!(filtered || name.ends_with(".new") || wanted.contains(&name), "{name} belongs to no fixture");
    }
}

/// What JSON cannot say is told as such, and nothing else is.
#[test]
fn every_text_has_its_json() {
    let mut complaints = Vec::new();
    for file in load().expect("fixtures").iter().flat_map(|f| &f.accept) {
        let names = file.fixed_names();
        for line in &file.lines {
            let built = file.build(line, &names).expect("a fixture builds");
            for rule in &built.rules {
                let lowered = lower(rule, Encoding::Native, file.family, built.counters.unwrap_or_default());
                let Ok(text) = rule_text(&lowered.exprs, &lowered.userdata, file.family) else { continue };
                let command = format!("add rule {} x y {}", family_word(file.family), text.text);
                match nft_json::command(&command) {
                    Err(NoJson(word)) if word.parse::<u64>().is_ok_and(|n| i64::try_from(n).is_err()) => {}
                    Err(error) => {
                        complaints.push(format!("{}:{}: {command}: {error}", file.name, line.number))
                    }
                    Ok(_) => {}
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
