//! `rfw apply`: loads a file, and takes it back unless somebody who can still reach the host says that it is good.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;
use rfw_diagnostics::{Source, SourceKind};

use crate::apply::Rollback;
use crate::personality::Personality;
use crate::settings::Settings;

/// What `rfw apply` takes.
#[derive(Args)]
pub struct ApplyArgs {
    /// A save file
    file: PathBuf,
    /// Seconds to wait for the answer
    #[arg(short, long, default_value_t = 10)]
    timeout: u64,
    /// The file is for IPv6
    #[arg(short = '6', long)]
    ipv6: bool,
}

/// Runs it; gives the exit status: 0 the new rules stay, 1 they were taken back, otherwise that of rfw-restore, with
/// nothing changed.
pub fn run(args: &ApplyArgs) -> u8 {
    let name: &[u8] = if args.ipv6 { b"rfw6-restore" } else { b"rfw-restore" };
    match apply(args, Personality::from_path(name)) {
        Ok(status) => status,
        Err(text) => {
            say(&format!("rfw apply: {text}\n"));
            4
        }
    }
}

fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn apply(args: &ApplyArgs, restorer: Personality) -> Result<u8, String> {
    let text = std::fs::read(&args.file).map_err(|e| format!("cannot read {}: {e}", args.file.display()))?;
    let new = Source::new(args.file.display().to_string(), SourceKind::File, text);
    let rollback = Rollback::new(restorer, Settings::extract(&mut Vec::new())?)?;
    // The answer that never comes is often the end of the connection it would have come over.
    rfw_kernel::ignore_hangup();
    let status = rollback.load(&new);
    if status != 0 {
        return Ok(status);
    }
    say(&format!(
        "The new rules are loaded. Open a NEW connection to this host to see whether they let you in.\n\
         Keep them? (y/N; they are taken back in {} s) ",
        args.timeout
    ));
    if answer(Duration::from_secs(args.timeout)).is_some_and(|line| matches!(line.trim(), "y" | "Y" | "yes"))
    {
        say("The new rules stay.\n");
        return Ok(0);
    }
    say("\nTaking the new rules back … ");
    rollback.back()?;
    say("done.\n");
    Ok(1)
}

/// A line from the terminal, or from standard input where there is none; `None` if the time is up first.
fn answer(timeout: Duration) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = match std::fs::File::open("/dev/tty") {
            Ok(terminal) => BufReader::new(terminal).read_line(&mut line),
            Err(_) => io::stdin().lock().read_line(&mut line),
        };
        // Nobody listens any more once the time is up.
        let _ = sender.send(read.map(|_| line).unwrap_or_default());
    });
    receiver.recv_timeout(timeout).ok()
}
