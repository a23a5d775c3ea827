//! The fixtures against iptables 1.8.9, nft and the kernel.
//!
//! For accepted files: stock's rules lift and print as stock prints them (save, `-L`); our compat expressions are stock's;
//! stock prints, shows and deletes our rules as its own; native rules load and lift to the same rules. For rejected lines:
//! status and words. Needs root, and says so when it skips. `RFW_FIXTURES=matches/tcp` runs only those.

mod compare;
mod netns;
mod random;
mod ruleset;
mod scripts;
mod translate;

use rfw_nft::Family;
use rfw_syntax::split_line;
use rfw_testing::fixture::line::classic_text;
use rfw_testing::fixture::{Kind, RuleFile, RuleLine, load};
use rfw_testing::names::SystemNames;

use compare::{Case, Report};
use netns::{make_sets, run, say, within};

impl Report {
    fn finish(self, test: &str) {
        for skip in &self.skips {
            say(&format!("  not comparable here: {skip}"));
        }
        say(&format!("{test}: {} rules compared, {} not comparable", self.rules, self.skips.len()));
        let count = self.complaints.len();
        assert!(count == 0, "{count} complaints:\n{}", self.complaints.join("\n"));
    }
}

fn accepted(test: &str, wanted: impl Fn(Kind, Family) -> bool) {
    within(test, || {
        let mut report = Report::default();
        for fixture in load().unwrap() {
            for file in fixture.accept.iter().filter(|f| wanted(fixture.kind, f.family)) {
                Case::new(file, &mut report).compare();
            }
        }
        report.finish(test);
    });
}

#[test]
fn core_and_targets() {
    accepted("core_and_targets", |kind, _| kind != Kind::Match);
}

#[test]
fn matches_v4() {
    accepted("matches_v4", |kind, family| kind == Kind::Match && family == Family::Ipv4);
}

#[test]
fn matches_v6() {
    accepted("matches_v6", |kind, family| kind == Kind::Match && family == Family::Ipv6);
}

/// The seed of the random rules; it can be changed to look further.
fn seed() -> u64 {
    std::env::var("RFW_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5eed)
}

#[test]
fn random_rules() {
    let seed = seed();
    within("random_rules", || {
        let mut report = Report::default();
        for family in [Family::Ipv4, Family::Ipv6] {
            let file = random::file(family, seed);
            Case::new(&file, &mut report).compare();
            std::fs::remove_file(&file.path).unwrap();
        }
        report.finish("random_rules");
    });
}

#[test]
fn scripts_leave_what_the_linter_reads() {
    within("scripts_leave_what_the_linter_reads", || {
        let count = scripts::compare();
        say(&format!("scripts_leave_what_the_linter_reads: {count} scripts compared"));
    });
}

#[test]
fn rejected() {
    within("rejected", || {
        let names = SystemNames::default();
        let mut report = Report::default();
        for fixture in load().unwrap() {
            for file in &fixture.reject {
                make_sets(file);
                for line in &file.lines {
                    reject(file, line, &names, &mut report);
                }
            }
        }
        report.finish("rejected");
    });
}

fn reject(file: &RuleFile, line: &RuleLine, names: &SystemNames, report: &mut Report) {
    let shown = String::from_utf8_lossy(&line.text);
    let mut complain = |what: String| {
        report.complaints.push(format!("{}:{}: {shown}\n  {what}", file.name, line.number));
    };
    let mut words = Vec::new();
    split_line(&line.text, 0, &mut words);
    let texts: Vec<_> = words.iter().map(|w| w.lossy()).collect();
    let mut arguments = vec!["-t", line.table.as_str()];
    arguments.extend(texts.iter().map(AsRef::as_ref));
    let out = run(file.program(), &arguments, b"");
    let theirs = String::from_utf8_lossy(&out.stderr);
    // A warning is not an error; it comes first, and depends on the host's files.
    let error = |text: &str| -> String {
        text.split_inclusive('\n').skip_while(|l| l.starts_with("Warning: ")).collect()
    };
    let theirs = error(&theirs);
    let status = out.status.code();
    if !line.differs && !matches!(status, Some(1..=3)) {
        return complain(format!("stock's status is {status:?}: {theirs}"));
    }
    let diagnostic = match file.build(line, names) {
        Err(diagnostic) => diagnostic,
        Ok(_) => return complain(format!("rfw takes it; stock: {theirs}")),
    };
    if line.differs {
        return;
    }
    let Some(classic) = &diagnostic.classic else {
        return complain("no classic text".into());
    };
    let ours = error(&classic_text(classic, file.program()));
    if Some(i32::from(classic.status())) != status {
        complain(format!("status {}, stock {status:?}", classic.status()));
    }
    if ours != theirs {
        complain(format!("ours  {ours:?}\n  stock {theirs:?}"));
    }
    report.rules += 1;
}
