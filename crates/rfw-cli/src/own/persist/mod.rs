//! `rfw persist`: the rulesets of both families in files.
//!
//! Contract: a file is replaced as a whole or not at all; a load ends with the file's ruleset, a stated fail-safe, or, if
//! nothing was ever kept, with the kernel as it was. Whatever is not as asked is said on standard error.
//!
//! Status 0: as asked; 1: a fail-safe is in force, a file was kept, or file and kernel differ; 2: something could not be
//! read; 4: the kernel took no ruleset at all.

mod builtin;
mod files;
mod load;
mod status;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rfw_diagnostics::{Source, SourceKind};
use rfw_nft::Family;

use crate::personality::Personality;
use crate::report;
use crate::restore;
use crate::settings::Settings;

/// What `rfw persist` takes.
#[derive(Args)]
pub struct PersistArgs {
    #[command(subcommand)]
    command: PersistCommand,
}

#[derive(Subcommand)]
enum PersistCommand {
    /// Write the running rulesets to rules.v4 and rules.v6
    Save(SaveArgs),
    /// Load rules.v4 and rules.v6; a broken file leaves the fail-safe
    Load(load::LoadArgs),
    /// Show in what files and kernel differ
    Status(Place),
}

/// Which files, for which families.
#[derive(Args)]
struct Place {
    /// The folder of the files
    #[arg(long, value_name = "DIR", default_value = files::FOLDER)]
    dir: PathBuf,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Where rules.v4 and rules.v6 are read from if the folder has none [default: /etc/iptables, or nowhere with --dir]
    #[arg(long, value_name = "DIR")]
    fallback_dir: Option<PathBuf>,
}

#[derive(Args)]
struct SaveArgs {
    #[command(flatten)]
    place: Place,
    /// Write packet and byte counters too
    #[arg(short, long)]
    counters: bool,
}

impl Place {
    fn families(&self) -> impl Iterator<Item = Family> {
        let (v4, v6) = (!self.ipv6, !self.ipv4);
        [(Family::Ipv4, v4), (Family::Ipv6, v6)].into_iter().filter(|f| f.1).map(|f| f.0)
    }
}

/// Runs it; gives the exit status.
pub fn run(args: &PersistArgs) -> u8 {
    match &args.command {
        PersistCommand::Save(args) => save(args),
        PersistCommand::Load(args) => load::run(args),
        PersistCommand::Status(place) => status::run(place),
    }
}

/// `IPv4` or `IPv6`.
fn shown(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

fn say(command: &str, text: &str) {
    report::error_text(&format!("rfw persist {command}: {text}\n"));
}

/// What the files of a family are loaded as.
fn restorer(family: Family) -> Personality {
    Personality::from_path(if family == Family::Ipv4 { b"rfw-restore" } else { b"rfw6-restore" })
}

/// The settings of environment and configuration. A mistake there must not keep the firewall down.
fn settings(command: &str) -> Settings {
    Settings::extract(&mut Vec::new()).unwrap_or_else(|text| {
        say(command, &format!("{text}; going on with `auto`"));
        Settings::default()
    })
}

/// Both texts are read and tried before the first file changes.
fn save(args: &SaveArgs) -> u8 {
    let settings = settings("save");
    let mut texts = Vec::new();
    for family in args.place.families() {
        let path = files::rules(&args.place.dir, family);
        let text = match crate::save::live_text(family, args.counters) {
            Ok(text) if text.is_empty() => builtin::ACCEPT_ALL.to_vec(),
            Ok(text) => text,
            Err(error) => {
                say("save", &format!("{}: {error}", shown(family)));
                return 4;
            }
        };
        let source = Source::new(path.display().to_string(), SourceKind::File, text);
        if restore::load(&restorer(family), &source, settings, args.counters, true) != 0 {
            let path = path.display();
            say("save", &format!("{}: no file could bring this ruleset back; {path} is kept", shown(family)));
            return 1;
        }
        texts.push((path, source.text));
    }
    for (path, text) in texts {
        if let Err(error) = files::replace(&path, &text) {
            say("save", &format!("{}: {error}", path.display()));
            return 2;
        }
    }
    0
}
