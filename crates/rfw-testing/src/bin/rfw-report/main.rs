//! The counted comparison with iptables 1.8.9; see `rfw_testing::report`. `tests/report` starts it.
//!
//! `rfw-report [--full] [--all] [EXTENSION…]`: `--full` takes hundreds of lines for each extension instead of a few tens, and refuses
//! rows of `fixtures/report/known` that nothing needs; `--all` prints every finding. `RFW_SEED` gives other lines,
//! `RFW_BIN` is the rfw to try. Exit status: 0 no difference that is not known, 1 some, 2 the report could not be made.

use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use rfw_testing::fixture;
use rfw_testing::report::generate::lines;
use rfw_testing::report::judge::{Tally, judge};
use rfw_testing::report::known::{self, Row, fits};
use rfw_testing::report::observe::{Adder, Half, Observation};
use rfw_testing::report::seeds::Seeds;
use rfw_testing::report::{Line, Subject, print, subjects};

/// Lines of an extension, and how many of those may be whole lines of fixtures: in short, and in full.
const SHORT: [usize; 2] = [16, 4];
const FULL: [usize; 2] = [200, 80];

/// Comparisons at a time.
const THREADS: usize = 2;

/// How long the kernel may take to take an old namespace apart.
const SETTLE: Duration = Duration::from_secs(1);

/// Findings of an extension and a kind that are printed.
const SHOWN: usize = 3;

#[derive(Default)]
struct Options {
    full: bool,
    all: bool,
    names: Vec<String>,
}

fn options(words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    for word in words {
        match word.as_str() {
            "--full" => options.full = true,
            "--all" => options.all = true,
            _ if word.starts_with('-') => return Err(format!("unknown argument `{word}`")),
            _ => options.names.push(word),
        }
    }
    let known = |name: &String| subjects().iter().any(|s| s.name.eq_ignore_ascii_case(name));
    match options.names.iter().find(|name| !known(name)) {
        Some(name) => Err(format!("no extension `{name}`")),
        None => Ok(options),
    }
}

fn seed() -> u64 {
    env::var("RFW_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5eed)
}

fn made(subject: &Subject, full: bool) -> io::Result<(Seeds, Vec<Line>)> {
    let seeds = Seeds::new(subject, &fixture::load()?);
    let [count, whole] = if full { FULL } else { SHORT };
    let lines = lines(subject, &seeds, seed(), count, whole);
    Ok((seeds, lines))
}

/// `rfw-report half LABEL full|short stock|rfw DIRECTORY`, in an empty network namespace.
fn half(words: &[String]) -> io::Result<()> {
    let [label, size, adder, directory] = words else { return Err(io::Error::other("half: four words")) };
    let subject = subjects().into_iter().find(|s| s.label() == *label);
    let subject = subject.ok_or_else(|| io::Error::other(label.clone()))?;
    let (seeds, lines) = made(&subject, size == "full")?;
    let adder = if adder == "rfw" { Adder::Rfw } else { Adder::Stock };
    let half = Half { subject: &subject, lines: &lines, adder, rfw: Path::new(directory) };
    let observation = half.observe(&seeds)?;
    writeln!(io::stdout(), "{}", observation.to_json())
}

/// Runs one half in a namespace of its own.
fn observation(subject: &Subject, full: bool, adder: &str, rfw: &Path) -> io::Result<Observation> {
    let out = Command::new("timeout")
        .args(["600", "unshare", "-n"])
        .arg(env::current_exe()?)
        .args(["half", &subject.label(), if full { "full" } else { "short" }, adder])
        .arg(rfw)
        .env("RFW_ENCODING", "compat")
        .output()?;
    let error = || io::Error::other(format!("{}: {}", subject.label(), String::from_utf8_lossy(&out.stderr)));
    if !out.status.success() {
        return Err(error());
    }
    let value = serde_json::from_slice(&out.stdout)?;
    Observation::from_json(&value).ok_or_else(error)
}

fn compare(subject: &Subject, full: bool, rfw: &Path, known: &Mutex<Vec<Row>>) -> io::Result<Tally> {
    let (_, lines) = made(subject, full)?;
    let stock = observation(subject, full, "stock", rfw)?;
    let ours = observation(subject, full, "rfw", rfw)?;
    let mut known = known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(judge(subject, &lines, &stock, &ours, &mut known))
}

/// A directory with rfw under iptables' names, removed at the end.
struct Names(PathBuf);

impl Names {
    fn new() -> io::Result<Self> {
        let beside = || env::current_exe().map(|exe| exe.with_file_name("rfw"));
        let rfw = env::var_os("RFW_BIN").map_or_else(beside, |path| Ok(path.into()))?.canonicalize()?;
        let directory = env::temp_dir().join(format!("rfw-report-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        for name in ["iptables", "ip6tables"] {
            for end in ["", "-restore", "-save"] {
                symlink(&rfw, directory.join(format!("{name}{end}")))?;
            }
        }
        Ok(Self(directory))
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Why there can be no comparison here, if there can be none.
fn obstacle() -> Option<String> {
    let version = Command::new("iptables").arg("--version").output();
    match version.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()) {
        Ok(version) if version == "iptables v1.8.9 (nf_tables)" => {}
        Ok(version) => return Some(format!("iptables is `{version}`, not 1.8.9 (nf_tables)")),
        Err(_) => return Some("no iptables".into()),
    }
    let tools = [("unshare", &["-n", "true"][..]), ("nft", &["--version"]), ("ipset", &["--version"])];
    let missing = tools.into_iter().find(|(tool, words)| {
        !Command::new(tool).args(*words).output().is_ok_and(|out| out.status.success())
    });
    missing.map(|(tool, _)| format!("`{tool}` does not work here"))
}

fn report(options: &Options) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    if let Some(obstacle) = obstacle() {
        writeln!(out, "SKIPPED report: {obstacle}")?;
        return Ok(true);
    }
    let wanted = |s: &Subject| {
        options.names.is_empty() || options.names.iter().any(|name| s.name.eq_ignore_ascii_case(name))
    };
    let all: Vec<Subject> = subjects().into_iter().filter(wanted).collect();
    let known = Mutex::new(known::load()?);
    let names = Names::new()?;
    let next = AtomicUsize::new(0);
    let tallies: Mutex<Vec<(usize, io::Result<Tally>)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(subject) = all.get(at) else { return };
                    let tally = compare(subject, options.full, &names.0, &known);
                    tallies.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, tally));
                }
            });
        }
    });
    let mut tallies = tallies.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    tallies.sort_by_key(|(at, _)| *at);
    // Labels of timers and LEDs are the machine's, not a namespace's: what was found beside another comparison is looked at alone.
    for (at, tally) in &mut tallies {
        if tally.as_ref().is_ok_and(|tally| tally.different > 0) {
            thread::sleep(SETTLE);
            *tally = compare(&all[*at], options.full, &names.0, &known);
        }
    }
    let tallies = tallies
        .into_iter()
        .map(|(at, tally)| tally.map(|tally| (all[at].label(), tally)))
        .collect::<io::Result<Vec<_>>>()?;
    let known = known.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Rows for more than what was run may be needed elsewhere.
    let whole = |row: &Row| {
        let of_row = |list: &[Subject]| list.iter().filter(|s| fits(&row.subject, &s.label())).count();
        of_row(&all) == of_row(&subjects())
    };
    let ran = |row: &Row| options.full && whole(row);
    let unneeded = print::unneeded(&known, ran);
    let shown = if options.all { usize::MAX } else { SHOWN };
    write!(out, "{}{}{unneeded}", print::table(&tallies), print::findings(&tallies, shown))?;
    writeln!(out, "report: seed {}", seed())?;
    Ok(unneeded.is_empty() && tallies.iter().all(|(_, tally)| tally.different == 0))
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = if words.first().is_some_and(|w| w == "half") {
        half(&words[1..]).map(|()| true)
    } else {
        options(words.into_iter()).map_err(io::Error::other).and_then(|options| report(&options))
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "rfw-report: {error}");
            ExitCode::from(2)
        }
    }
}
