//! The packet lab's program.
//!
//! - `rfw-lab [--rfw PATH | --restore-cmd CMD --list-cmd CMD] --rules FILE`: the demo. Loads the rules of a stateful server
//!   into a router between two machines, sends traffic and checks where each packet went.
//! - `rfw-lab battery [--v6] [--restore-cmd CMD] --rules FILE`: the packet battery; prints each rule with its counter.
//! - `rfw-lab agent`: what the lab starts in its namespaces.
//!
//! Without `--rfw` and `--…-cmd` the stock iptables does the work. Exit status: 0 every packet went the right way, 1 one
//! did not, 2 the lab could not be run.

mod demo;
mod tools;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use rfw_testing::lab::battery::{battery, battery_v6};
use rfw_testing::lab::compare::{observe, rule_text};
use rfw_testing::lab::{LabError, agent};
use tools::Tools;

/// What the command line asks for.
#[derive(Default)]
struct Options {
    battery: bool,
    v6: bool,
    rfw: Option<PathBuf>,
    rules: Option<PathBuf>,
    restore: Option<String>,
    list: Option<String>,
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "battery" => options.battery = true,
            "--v6" => options.v6 = true,
            "--rfw" => options.rfw = Some(value()?.into()),
            "--rules" => options.rules = Some(value()?.into()),
            "--restore-cmd" => options.restore = Some(value()?),
            "--list-cmd" => options.list = Some(value()?),
            _ => return Err(format!("unknown argument `{word}`")),
        }
    }
    Ok(options)
}

/// Prints every rule of `rules` with what it counted, and what the senders saw.
fn show_battery(out: &mut impl Write, tools: &Tools, rules: &str, v6: bool) -> Result<(), LabError> {
    let probes = if v6 { battery_v6() } else { battery() };
    let load = |lab: &rfw_testing::lab::Lab, rules: &str| tools.restore(lab, rules).map(drop);
    let seen = observe(&tools.agent, &load, rules, &probes)?;
    let mut text = String::new();
    for counter in &seen.counters {
        let (packets, bytes) = counter.count.unwrap_or_default();
        let rule = rule_text(rules, counter).map_or_else(|| counter.place(), str::to_owned);
        text.push_str(&format!("{packets:5} {bytes:7}  {:8} {rule}\n", counter.table));
    }
    for (name, outcome) in &seen.outcomes {
        text.push_str(&format!("{name}: {outcome}\n"));
    }
    out.write_all(text.as_bytes()).map_err(|source| LabError::Io { what: "output".to_owned(), source })
}

fn run(words: impl Iterator<Item = String>, out: &mut impl Write) -> Result<bool, String> {
    let options = options(words)?;
    let path = options.rules.ok_or("--rules FILE is missing")?;
    let rules = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let restore = options.restore.or_else(|| options.v6.then(|| "ip6tables-restore".to_owned()));
    let tools = Tools::new(options.rfw.as_deref(), restore, options.list).map_err(|e| e.to_string())?;
    if options.battery {
        show_battery(out, &tools, &rules, options.v6).map_err(|e| e.to_string())?;
        return Ok(true);
    }
    demo::run(out, &tools, &path, &rules).map_err(|e| e.to_string())
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.peek().is_some_and(|word| word == "agent") {
        let served = agent::serve(io::stdin().lock(), io::stdout().lock());
        return ExitCode::from(if served.is_ok() { 0 } else { 2 });
    }
    match run(words, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            let _ = writeln!(io::stderr(), "rfw-lab: {message}");
            ExitCode::from(2)
        }
    }
}
