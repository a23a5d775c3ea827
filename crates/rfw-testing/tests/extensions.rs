//! Every fixture of every extension: golden forms, laws, completeness.
//!
//! After a change that is meant: `INSTA_UPDATE=always cargo test -p rfw-testing --test extensions`, then read the diff.
//! `RFW_FIXTURES=matches/tcp` runs only those.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rfw_extensions::matches::MATCHES;
use rfw_extensions::targets::TARGETS;
use rfw_syntax::OptionSpec;
use rfw_testing::fixture::{Fixture, Kind, RuleFile, RuleLine, Used, load};
use rfw_testing::golden::render;
use rfw_testing::laws::broken;
use rfw_testing::names::{FixedNames, repository};

/// One row of either table of extensions.
struct Row {
    kind: Kind,
    name: &'static str,
    options: &'static [OptionSpec],
}

fn rows() -> Vec<Row> {
    let matches = MATCHES.iter().map(|e| Row { kind: Kind::Match, name: e.name, options: e.options });
    let targets = TARGETS.iter().map(|e| Row { kind: Kind::Target, name: e.name, options: e.options });
    matches.chain(targets).collect()
}

fn fixtures() -> Vec<Fixture> {
    load().expect("fixtures")
}

fn filtered() -> bool {
    std::env::var_os("RFW_FIXTURES").is_some()
}

/// Fails with all complaints at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn golden() {
    let mut failed = Vec::new();
    let mut wanted = BTreeSet::new();
    for file in fixtures().iter().flat_map(|f| &f.accept) {
        let name = file.name.replace('/', "__");
        wanted.insert(format!("{name}.snap"));
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let check = || settings.bind(|| insta::assert_snapshot!(name.as_str(), render(file)));
        if catch_unwind(AssertUnwindSafe(check)).is_err() {
            failed.push(file.name.clone());
        }
    }
    none(&failed);
    let directory = repository().join("crates/rfw-testing/tests/snapshots");
    for entry in fs::read_dir(directory).expect("snapshots") {
        let name = entry.expect("snapshot").file_name().to_string_lossy().into_owned();
        let pending = name.ends_with(".new");
        assert!(filtered() || pending || wanted.contains(&name), "{name} belongs to no fixture");
    }
}

fn each_line(mut visit: impl FnMut(&Fixture, &RuleFile, &RuleLine, &FixedNames)) {
    let fixtures = fixtures();
    for fixture in &fixtures {
        for file in &fixture.accept {
            let names = file.fixed_names();
            for line in &file.lines {
                visit(fixture, file, line, &names);
            }
        }
    }
}

#[test]
fn laws() {
    let mut complaints = Vec::new();
    each_line(|_, file, line, names| {
        let at = format!("{}:{}: {}", file.name, line.number, String::from_utf8_lossy(&line.text));
        match file.build(line, names) {
            Ok(built) => {
                let place = file.place(line, names);
                let faults = built.rules.iter().flat_map(|rule| broken(rule, &built.chain, &place));
                complaints.extend(faults.map(|fault| format!("{at}\n {fault}")));
            }
            Err(diagnostic) => complaints.push(format!("{at}\n refused: {}", diagnostic.message)),
        }
    });
    none(&complaints);
}

#[test]
fn rejected_lines_are_refused() {
    let mut complaints = Vec::new();
    for file in fixtures().iter().flat_map(|f| &f.reject) {
        let names = file.fixed_names();
        for line in &file.lines {
            let at = format!("{}:{}: {}", file.name, line.number, String::from_utf8_lossy(&line.text));
            match file.build(line, &names) {
                Ok(_) => complaints.push(format!("{at}\n builds")),
                Err(d) if d.classic.is_none() => complaints.push(format!("{at}\n no classic text")),
                Err(d) if d.help.is_none() => complaints.push(format!("{at}\n no way out")),
                Err(d) if d.span.end as usize > line.text.len() => {
                    complaints.push(format!("{at}\n span {:?} outside of the line", d.span));
                }
                Err(_) => {}
            }
        }
    }
    none(&complaints);
}

#[test]
fn every_extension_has_its_fixtures() {
    if filtered() {
        return;
    }
    let fixtures = fixtures();
    let mut complaints = Vec::new();
    for row in rows() {
        let at = format!("{}/{}", row.kind.directory(), row.name);
        let found = fixtures.iter().find(|f| f.kind == row.kind && f.name.eq_ignore_ascii_case(row.name));
        match found {
            None => complaints.push(format!("fixtures/{at}: missing")),
            Some(f) if f.accept.is_empty() => complaints.push(format!("fixtures/{at}/accept.rules: missing")),
            // Nothing can be wrong in the words of an extension without options.
            Some(f) if f.reject.is_empty() && !row.options.is_empty() => {
                complaints.push(format!("fixtures/{at}/reject.rules: missing"));
            }
            Some(_) => {}
        }
    }
    for fixture in fixtures.iter().filter(|f| f.kind != Kind::Core) {
        let known = |r: &Row| r.kind == fixture.kind && fixture.name.eq_ignore_ascii_case(r.name);
        if !rows().iter().any(known) {
            complaints.push(format!(
                "fixtures/{}/{}: no such extension",
                fixture.kind.directory(),
                fixture.name
            ));
        }
    }
    none(&complaints);
}

#[test]
fn every_option_is_tried() {
    let mut seen: Vec<(Kind, Used)> = Vec::new();
    each_line(|fixture, file, line, names| {
        if let Ok(built) = file.build(line, names) {
            seen.extend(built.used.into_iter().map(|used| (fixture.kind, used)));
        }
    });
    let loaded: BTreeSet<&str> = seen.iter().map(|(_, u)| u.extension).collect();
    let mut complaints = Vec::new();
    for row in rows().iter().filter(|r| !filtered() || loaded.contains(r.name)) {
        let tried = |option: &str, inverted: bool| {
            let is = |u: &Used| u.extension == row.name && u.option == option && u.inverted == inverted;
            seen.iter().any(|(kind, u)| *kind == row.kind && is(u))
        };
        for spec in row.options.iter().filter(|o| o.alias_of.is_none()) {
            if !tried(spec.name, false) {
                complaints.push(format!(
                    "{} {}: no line uses --{}",
                    row.kind.directory(),
                    row.name,
                    spec.name
                ));
            }
            if spec.invertible && !tried(spec.name, true) {
                complaints.push(format!(
                    "{} {}: no line uses ! --{}",
                    row.kind.directory(),
                    row.name,
                    spec.name
                ));
            }
        }
        if row.options.is_empty() && !loaded.contains(row.name) {
            complaints.push(format!("{} {}: no line uses it", row.kind.directory(), row.name));
        }
    }
    none(&complaints);
}

#[test]
fn every_extension_is_documented() {
    let mut complaints = Vec::new();
    for row in rows() {
        let directory = repository().join("docs/extensions").join(row.kind.directory());
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let page = entries.map(|e| e.path()).find(|path| {
            path.file_name().is_some_and(|n| n.eq_ignore_ascii_case(format!("{}.md", row.name)))
        });
        let Some(page) = page else {
            complaints.push(format!("docs/extensions/{}/{}.md: missing", row.kind.directory(), row.name));
            continue;
        };
        let text = fs::read_to_string(&page).expect("page");
        for spec in row.options {
            if !mentions(&text, spec.name) {
                complaints.push(format!("{}: no word of --{}", page.display(), spec.name));
            }
        }
    }
    none(&complaints);
}

/// Whether `--option` stands in the text as a whole word.
fn mentions(text: &str, option: &str) -> bool {
    let word = format!("--{option}");
    text.match_indices(&word).any(|(at, _)| {
        let next = text[at + word.len()..].chars().next();
        next.is_none_or(|c| c != '-' && !c.is_alphanumeric())
    })
}

#[test]
fn every_source_file_is_registered() {
    let source = repository().join("crates/rfw-extensions/src");
    for directory in ["matches", "targets"] {
        let registry = fs::read_to_string(source.join(directory).join("mod.rs")).expect("mod.rs");
        for entry in fs::read_dir(source.join(directory)).expect("directory") {
            let path = entry.expect("entry").path();
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            let stem = stem.trim_end_matches('_');
            let registered = stem == "mod"
                || registry.contains(&format!("{stem}::"))
                || registry.contains(&format!("{stem}_::"));
            assert!(registered, "{} is not in the registry", path.display());
        }
    }
}
