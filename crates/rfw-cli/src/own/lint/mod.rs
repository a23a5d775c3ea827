//! `rfw lint`: the checks over files, folders, standard input or the running ruleset.
//!
//! Status 0: no finding as bad as `--fail-on`; 1: some; 2: something could not be read, or the command is wrong; 3: a
//! fault of rfw itself, or something could not be written.

mod args;
mod baseline;
mod config;
mod facts;
mod fix;
mod inputs;
mod output;
mod proof;
mod settings;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rfw_diagnostics::{Severity, Source};
use rfw_extensions::Names;
use rfw_lint::{Finding, Input, Offline, Options, Report, Text};
use rfw_nft::Family;

use args::Choice;
pub use args::LintArgs;
use inputs::{Inputs, Member, Texts, Unit, Wanted};
use settings::{Finder, Settings};

use super::out::{UNWRITTEN, put};
use crate::names::SystemNames;

pub use inputs::{same_host, whole};
pub use output::{help_uri, print_json};

/// One text and what was found in it.
pub struct Checked {
    /// The text.
    pub source: Source,
    /// What kind of text it is.
    pub input: Input,
    /// The family of its rules.
    pub family: Family,
    /// Where it is, if it is a file.
    pub path: Option<PathBuf>,
    /// The settings in force.
    pub settings: Rc<Settings>,
    /// What was found.
    pub report: Report,
    /// Those of it that the baseline knows.
    pub known: Vec<Finding>,
    /// The least severity that makes the status 1.
    pub fail_on: Severity,
}

/// Why a run ended early.
enum Halt {
    /// The command or a setting is wrong, or cannot be read.
    Wrong(String),
    /// Something cannot be written; said already.
    Unwritten,
}

impl From<String> for Halt {
    fn from(text: String) -> Self {
        Self::Wrong(text)
    }
}

/// Runs it; gives the exit status.
pub fn run(args: &LintArgs) -> u8 {
    internal_errors_exit();
    match try_run(args) {
        Ok(status) => status,
        Err(Halt::Wrong(text)) => {
            say(&text);
            2
        }
        Err(Halt::Unwritten) => UNWRITTEN,
    }
}

/// A fault of rfw itself ends the program with a status of its own, not with that of a signal.
#[expect(clippy::exit, reason = "the program may be built to abort on a panic; this runs before that")]
fn internal_errors_exit() {
    std::panic::set_hook(Box::new(|about| {
        say(&format!("a fault of rfw, please report it: {about}"));
        std::process::exit(UNWRITTEN.into());
    }));
}

fn say(text: &str) {
    let _ = writeln!(io::stderr(), "rfw lint: {}", text.trim_end());
}

fn try_run(args: &LintArgs) -> Result<u8, Halt> {
    let choice = args.choice()?;
    if let Some(path) = &args.write_baseline {
        baseline::may_replace(path)?;
    }
    let mut finder = Finder::new(args.config.as_deref(), args.isolated)?;
    let inputs = inputs(args, &mut finder, &Texts::new())?;
    for text in &inputs.unread {
        say(text);
    }
    let unread = inputs.unread.clone();
    let system = SystemNames::default();
    let names = Offline::new(&system);
    let look = |inputs: Inputs| -> Vec<Checked> {
        inputs.units.into_iter().flat_map(|unit| check(unit, &names, &choice)).collect()
    };
    let mut checked = look(inputs);
    let mut unwritten = false;
    if args.fixes() {
        let fixed = fix::run(&checked, args, &choice, &names)?;
        let status = match (unread.is_empty(), fixed.unwritten) {
            (_, true) => UNWRITTEN,
            (false, _) => 2,
            _ => u8::from(fixed.changed && !args.exit_zero),
        };
        if args.diff {
            return Ok(status);
        }
        unwritten = fixed.unwritten;
        checked = look(self::inputs(args, &mut finder, &fixed.texts)?);
    }
    let found = if let Some(path) = &args.write_baseline {
        if let Err(text) = baseline::write(path, &checked) {
            say(&text);
            unwritten = true;
        }
        false
    } else {
        baseline::subtract(args.baseline.as_deref(), &mut checked)?;
        report(&checked, &unread, args)?;
        checked.iter().any(|c| c.report.findings.iter().any(|f| f.diagnostic.severity >= c.fail_on))
    };
    Ok(match (unwritten, unread.is_empty()) {
        (true, _) => UNWRITTEN,
        (_, false) => 2,
        _ => u8::from(found && !args.exit_zero),
    })
}

/// Says what was found; on standard error where standard output has the mended text of standard input.
fn report(checked: &[Checked], unread: &[String], args: &LintArgs) -> Result<(), Halt> {
    let shown = output::render(checked, unread, args);
    if args.fixes() && args.reads_stdin() {
        let _ = io::stderr().lock().write_all(shown.as_bytes());
        return Ok(());
    }
    put("lint", shown.as_bytes()).map_err(|_| Halt::Unwritten)
}

/// What an editor sees of a text.
pub struct Looked {
    /// What was found.
    pub report: Report,
    /// The file with the other family's rules of the same host, whose text counted too.
    pub beside: Option<PathBuf>,
    /// Why that file could not be read, where the settings name it.
    pub trouble: Option<String>,
}

/// Looks at one text with the settings for its path, beside the other family's text: that of `open`, which are the texts of
/// an editor by their paths, else the file.
///
/// # Errors
/// If the settings cannot be read.
pub fn look_at(source: &Source, path: Option<&Path>, open: &[(&Path, &Source)]) -> Result<Looked, String> {
    let mut finder = Finder::new(None, false)?;
    let settings = finder.of(path)?;
    let choice = Choice::default();
    let options = settings.options(path, &choice);
    let system = SystemNames::default();
    let names = Offline::new(&system);
    let family = rfw_lint::guess_family(&source.name, &source.text);
    let input = Input::guess(&source.name, &source.text);
    let found = match path.filter(|_| input != Input::Script) {
        Some(path) => inputs::beside(path, family, &settings, open),
        None => inputs::Beside { own: family, ..inputs::Beside::default() },
    };
    let text = Text { source, input, family: found.own };
    let report = match &found.text {
        Some((path, source, input, family)) => {
            let other = Text { source, input: *input, family: *family };
            let others = finder.of(Some(path))?.options(Some(path), &choice);
            rfw_lint::lint_beside([text, other], &names, [&options, &others])
        }
        None => rfw_lint::lint(source, input, found.own, &names, &options),
    };
    Ok(Looked { report, beside: found.path, trouble: found.trouble })
}

/// Reads what there is to look at; `texts` are known already, by the paths that were read.
fn inputs(args: &LintArgs, finder: &mut Finder, texts: &Texts) -> Result<Inputs, String> {
    if args.live {
        return inputs::live(args.family(), finder);
    }
    let input = ["-".into()];
    let files = if args.files.is_empty() && args.pair.is_empty() { &input[..] } else { &args.files };
    inputs::files(&Wanted { files, pairs: args.pairs(), family: args.family(), texts }, finder)
}

/// What is found in what belongs together, without what is there for comparison only.
fn check(unit: Unit, names: &dyn Names, choice: &Choice) -> Vec<Checked> {
    match unit {
        Unit::One(member) => {
            let options = options_of(&member, choice);
            let report = rfw_lint::lint(&member.source, member.input, member.family, names, &options);
            vec![checked(*member, report, choice)]
        }
        Unit::Pair(members) => {
            let options = [&members[0], &members[1]].map(|m| options_of(m, choice));
            let [one, other] = [&members[0], &members[1]].map(|m| Text {
                source: &m.source,
                input: m.input,
                family: m.family,
            });
            let reports = rfw_lint::lint_pair([one, other], names, [&options[0], &options[1]]);
            let both = members.into_iter().zip(reports).filter(|(member, _)| member.wanted);
            both.map(|(member, report)| checked(member, report, choice)).collect()
        }
    }
}

/// What a text is looked at with.
fn options_of(member: &Member, choice: &Choice) -> Options {
    let options = member.settings.options(member.path.as_deref(), choice);
    Options { boot: member.boot.clone(), ..options }
}

fn checked(member: Member, report: Report, choice: &Choice) -> Checked {
    let fail_on = member.settings.fail_on(choice);
    let Member { source, input, family, path, settings, .. } = member;
    Checked { source, input, family, path, settings, report, known: Vec::new(), fail_on }
}

/// A path as it is shown, without `./`.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// Has the test below run itself, in a process of its own, and fail there.
    const FAIL: &str = "RFW_TEST_FAULT";

    #[test]
    fn a_fault_has_its_status() {
        if std::env::var_os(FAIL).is_some() {
            super::internal_errors_exit();
            panic!("on purpose");
        }
        let own = std::env::current_exe().expect("a program");
        let arguments = ["--exact", "own::lint::tests::a_fault_has_its_status", "--nocapture"];
        let out = Command::new(own).args(arguments).env(FAIL, "1").output().expect("it runs");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(3), "{said}");
        assert!(
            said.contains("rfw lint: a fault of rfw, please report it: ") && said.contains("on purpose"),
            "{said}"
        );
    }
}
