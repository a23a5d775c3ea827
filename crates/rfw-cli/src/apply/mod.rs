//! The `iptables-apply` personality: loads a file or runs a command, asks, and takes everything back unless the answer is yes.
//!
//! Contract: options, prompts and exit statuses are those of the script of that name that comes with iptables 1.8.9: 1 a wrong
//! command line, 2 no such file, 3 and 4 the present rules can't be saved, 5 the file was refused, 6 and 7 the command can't be run
//! or failed, 8 and 9 the file to save in can't be written, 127 no such command, 255 taken back.

mod rollback;

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rfw_diagnostics::Classic;
use rfw_nft::Family;

use crate::getopt::{self, Flag, Found, Takes};
use crate::personality::Personality;
use crate::settings::Settings;
use crate::{report, restore, save};
pub use rollback::Rollback;

const FLAGS: &[Flag] = &[
    Flag { letter: 't', long: "timeout", value: Takes::Value },
    Flag { letter: 'w', long: "write", value: Takes::Value },
    Flag { letter: 'c', long: "command", value: Takes::Nothing },
    Flag { letter: 'h', long: "help", value: Takes::Nothing },
    Flag { letter: 'V', long: "version", value: Takes::Nothing },
];

/// What the words ask for.
struct Options {
    timeout: Duration,
    /// Where rules go that were confirmed.
    save: Option<PathBuf>,
    what: What,
}

/// What changes the rules.
enum What {
    File(PathBuf),
    Program(PathBuf),
}

/// An exit status before the end, with the words for standard error that are still to be said.
struct Failure(u8, String);

/// Runs the command; gives the exit status.
pub fn run(personality: &Personality, mut arguments: Vec<Vec<u8>>) -> u8 {
    let settings = match Settings::extract(&mut arguments) {
        Ok(settings) => settings,
        Err(text) => return report::plain(personality, &Classic::Parameter(text)),
    };
    let outcome = parse(personality, &arguments).and_then(|options| match options {
        None => Ok(0),
        Some(options) => apply(personality, &options, settings),
    });
    outcome.unwrap_or_else(|Failure(status, text)| {
        if !text.is_empty() {
            report::error_text(&format!("{text}\n"));
        }
        status
    })
}

fn say(text: &str) {
    report::output(text.as_bytes());
}

/// Reads the words; `None` if nothing is left to do.
fn parse(personality: &Personality, arguments: &[Vec<u8>]) -> Result<Option<Options>, Failure> {
    let called = personality.called();
    let defaults = format!("/etc/network/{}.up", family_name(personality.family));
    let (mut timeout, mut target, mut program, mut word) = ("10".to_owned(), None, false, None);
    for found in getopt::read(arguments, FLAGS) {
        match found {
            Found::Wrong(text) => return Err(Failure(1, format!("{called}: {text}"))),
            Found::Flag('t', Some(seconds)) => timeout = seconds,
            Found::Flag('w', path) => target = path,
            Found::Flag('c', _) => program = true,
            Found::Flag('h', _) => {
                report::error_text(&usage(called, &defaults));
                return Ok(None);
            }
            Found::Flag(..) => {
                report::error_text(&format!("{called} 1.1 (rfw {})\n", env!("CARGO_PKG_VERSION")));
                return Ok(None);
            }
            Found::Word(text) => word = word.or(Some(text)),
        }
    }
    let timeout = timeout.parse().map(Duration::from_secs);
    let timeout = timeout.map_err(|_| Failure(1, "Error: timeout must be a positive number".into()))?;
    let save = target.map(|path| if path.is_empty() { format!("{defaults}.rules") } else { path });
    let save = save.map(PathBuf::from);
    if let Some(path) = save.as_ref().filter(|path| path.exists())
        && std::fs::OpenOptions::new().append(true).open(path).is_err()
    {
        return Err(Failure(8, format!("Error: savefile not writable: {}", path.display())));
    }
    let end = if program { "run" } else { "rules" };
    let path = PathBuf::from(word.unwrap_or_else(|| format!("{defaults}.{end}")));
    let what = if program { What::Program(runnable(path)?) } else { What::File(readable(path)?) };
    Ok(Some(Options { timeout, save, what }))
}

fn family_name(family: Family) -> &'static str {
    if family == Family::Ipv4 { "iptables" } else { "ip6tables" }
}

fn readable(path: PathBuf) -> Result<PathBuf, Failure> {
    match std::fs::File::open(&path) {
        Ok(_) => Ok(path),
        Err(_) => Err(Failure(2, format!("Error: rulesfile not readable: {}", path.display()))),
    }
}

fn runnable(path: PathBuf) -> Result<PathBuf, Failure> {
    let mode =
        |path: &Path| path.metadata().map(|data| (data.is_file(), data.permissions().mode() & 0o111 != 0));
    if !mode(&path).is_ok_and(|(_, executable)| executable) {
        return Err(Failure(6, format!("Error: runcmd not executable: {}", path.display())));
    }
    // A name without a slash has to be here, and is then looked for in PATH: as a shell has it.
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => std::env::split_paths(&folders)
            .any(|folder| mode(&folder.join(&path)).is_ok_and(|m| m == (true, true))),
        _ => mode(&path).is_ok_and(|m| m == (true, true)),
    };
    if found {
        Ok(path)
    } else {
        Err(Failure(127, format!("Error: needed command not found: {}", path.display())))
    }
}

fn apply(personality: &Personality, options: &Options, settings: Settings) -> Result<u8, Failure> {
    let restorer = Personality::from_path(format!("{}-restore", family_name(personality.family)).as_bytes());
    let rollback = Rollback::new(restorer, settings).map_err(|text| unsaved(&text))?;
    // The answer that never comes is often the end of the connection it would have come over.
    rfw_kernel::ignore_hangup();
    match &options.what {
        What::File(path) => load(path, &rollback)?,
        What::Program(path) => run_program(path, options.timeout, &rollback)?,
    }
    say("Can you establish NEW connections to the machine? (y/N) ");
    let answer = key(options.timeout);
    say("\n");
    match answer {
        Some(b'y' | b'Y') => {
            if let Some(path) = &options.save {
                write_rules(personality.family, path)?;
            }
            say("... then my job is done. See you next time.\n");
            return Ok(0);
        }
        None | Some(b'\n') => say("Timeout! Something happened (or did not). Better play it safe...\n"),
        Some(_) => say("No affirmative response! Better play it safe...\n"),
    }
    revert(&rollback)?;
    Ok(255)
}

/// As the script tells a kernel without iptables from other troubles.
fn unsaved(text: &str) -> Failure {
    let modules = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    let (status, what) = if modules.contains("ipt") {
        (4, "Error: unknown error saving old iptables rules")
    } else {
        (3, "Error: iptables support lacking from the kernel")
    };
    Failure(status, format!("{what}: {text}"))
}

fn revert(rollback: &Rollback) -> Result<(), Failure> {
    say("Reverting to old iptables rules... ");
    rollback.back().map_err(|text| Failure(4, format!("Error: {text}")))?;
    say("done.\n");
    Ok(())
}

fn load(path: &Path, rollback: &Rollback) -> Result<(), Failure> {
    say(&format!("Applying new iptables rules from '{}'... ", path.display()));
    rfw_kernel::ignore_interruptions();
    let status = match restore::read_source(path.to_str()) {
        Ok(source) => rollback.load(&source),
        Err(_) => 1,
    };
    if status == 0 {
        say("done.\n");
        return Ok(());
    }
    say("failed.\n");
    report::error_text(&format!("Error: unknown error applying new iptables rules: {}\n", path.display()));
    revert(rollback)?;
    Err(Failure(5, String::new()))
}

fn run_program(path: &Path, timeout: Duration, rollback: &Rollback) -> Result<(), Failure> {
    say(&format!("Running command '{}'... ", path.display()));
    let child = Command::new(path).stdin(Stdio::null()).spawn();
    // The program may be interrupted; what comes now must not.
    rfw_kernel::ignore_interruptions();
    if child.is_ok_and(|mut child| finished(&mut child, timeout)) {
        say("done.\n");
        return Ok(());
    }
    say("failed.\n");
    report::error_text(&format!("Error: unknown error running command: {}\n", path.display()));
    revert(rollback)?;
    Err(Failure(7, String::new()))
}

/// Waits for a program, and asks it to end when its time is up; gives whether it succeeded.
fn finished(child: &mut Child, timeout: Duration) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < timeout {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            Err(_) => return false,
        }
    }
    // If it has ended by itself just now there is nobody to tell.
    let _ = rfw_kernel::terminate(child);
    child.wait().is_ok_and(|status| status.success())
}

/// One key from standard input; `None` if the time or the input is over first.
fn key(timeout: Duration) -> Option<u8> {
    if timeout.is_zero() {
        return None;
    }
    let _keys = rfw_kernel::Keys::new();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        let read = io::stdin().lock().read_exact(&mut byte);
        // Nobody listens any more once the time is up.
        let _ = sender.send(read.ok().map(|()| byte[0]));
    });
    receiver.recv_timeout(timeout).ok().flatten()
}

fn write_rules(family: Family, path: &Path) -> Result<(), Failure> {
    say(&format!("Writing successfully applied rules to '{}'...\n", path.display()));
    let failure = |text: String| {
        Failure(
            9,
            format!("Error: unknown error writing successfully applied rules: {}: {text}", path.display()),
        )
    };
    let saver = Personality::from_path(format!("{}-save", family_name(family)).as_bytes());
    let text = save::text_of(&saver, false).map_err(failure)?;
    let mut file = std::fs::File::create(path).map_err(|e| failure(e.to_string()))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(|e| failure(e.to_string()))
}

fn usage(called: &str, defaults: &str) -> String {
    format!(
        "Usage: {called} [-hV] [-t SECONDS] [-w SAVEFILE] [RULESFILE]\n\
         \x20      {called} [-hV] [-t SECONDS] [-w SAVEFILE] -c [RUNCMD]\n\
         Loads a save file, or runs a command that changes the rules, and asks for one key. Anything but `y' in time brings\n\
         the rules before back.\n\
         \x20  -t, --timeout SECONDS   how long to wait (10)\n\
         \x20  -w, --write SAVEFILE    where to save rules that were confirmed (if empty: {defaults}.rules)\n\
         \x20  -c, --command           run RUNCMD ({defaults}.run) instead of reading RULESFILE ({defaults}.rules)\n\
         \x20  -h, --help              this text\n\
         \x20  -V, --version           the version\n\
         \x20      --encoding=E        auto, native or compat (rfw)\n"
    )
}
