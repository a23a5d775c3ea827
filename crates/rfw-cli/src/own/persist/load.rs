//! `rfw persist load`: the files into the kernel, or the fail-safe.
//!
//! A load is one transaction. If the file can't be loaded these are tried in turn: the file that was loaded last, the
//! administrator's fail-safe, the built-in one, and that without connection tracking.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use rfw_compiler::TableSpec;
use rfw_diagnostics::{Source, SourceKind};
use rfw_nft::Family;
use rfw_syntax::{LineKind, SaveLines};

use super::{Place, builtin, files, restorer, say, shown};
use crate::restore;
use crate::settings::Settings;

/// What `rfw persist load` takes.
#[derive(Args)]
pub struct LoadArgs {
    #[command(flatten)]
    place: Place,
    /// Set the counters that the files name
    #[arg(short, long)]
    counters: bool,
    /// Leave the running ruleset, instead of the fail-safe, if a file is broken
    #[arg(long)]
    keep: bool,
}

/// How it went with one family.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The file's ruleset is in force.
    Loaded,
    /// Nothing was ever kept.
    NothingKept,
    /// A fail-safe is in force, or `--keep` kept what was running.
    FailSafe,
    /// The kernel took none of the rulesets.
    Nothing,
}

/// Runs it; gives the exit status.
pub fn run(args: &LoadArgs) -> u8 {
    let settings = super::settings("load");
    let outcomes: Vec<Outcome> = args.place.families().map(|f| family(args, f, settings)).collect();
    if outcomes.contains(&Outcome::Nothing) {
        return 4;
    }
    u8::from(outcomes.contains(&Outcome::FailSafe))
}

fn family(args: &LoadArgs, family: Family, settings: Settings) -> Outcome {
    let say = |text: String| say("load", &format!("{}: {text}", shown(family)));
    let load = |source: &Source| {
        let flaw = flaw(&source.text).map(|text| format!("{}: {text}", source.name));
        flaw.map_or_else(
            || match restore::load(&restorer(family), source, settings, args.counters, false) {
                0 => Ok(()),
                status => Err(format!("{} could not be loaded (status {status})", source.name)),
            },
            Err,
        )
    };
    let good = files::good(&args.place.dir, family);
    let kept = match find(&args.place, family) {
        Ok(kept) => kept,
        Err(text) => {
            say(text);
            return fail_safe(args, family, None, &load);
        }
    };
    let Some(Kept { path, text, ours }) =
        kept.filter(|kept| kept.ours || !says_nothing(&kept.text) || good.exists())
    else {
        if good.exists() {
            say(format!("rules are gone, but {} tells that there were some", good.display()));
            return fail_safe(args, family, None, &load);
        }
        say(format!("no rules in {}; nothing is loaded", args.place.dir.display()));
        return Outcome::NothingKept;
    };
    let source = Source::new(path.display().to_string(), SourceKind::File, text);
    if let Err(text) = load(&source) {
        say(text);
        return fail_safe(args, family, Some(&source.text), &load);
    }
    if !ours {
        say(format!("loaded {}", path.display()));
    }
    let known = files::read(&good).ok().flatten().is_some_and(|text| text == source.text);
    if let Err(error) = if known { Ok(()) } else { files::replace(&good, &source.text) } {
        say(format!("{}: {error}; the fail-safe is an older ruleset", good.display()));
    }
    Outcome::Loaded
}

fn fail_safe(
    args: &LoadArgs,
    family: Family,
    broken: Option<&[u8]>,
    load: &dyn Fn(&Source) -> Result<(), String>,
) -> Outcome {
    let say = |text: String| say("load", &format!("{}: {text}", shown(family)));
    if args.keep {
        say("the running ruleset is unchanged".to_owned());
        return Outcome::FailSafe;
    }
    for path in [files::good(&args.place.dir, family), files::failsafe(&args.place.dir, family)] {
        let text = match files::read(&path) {
            // What has just failed would fail again.
            Ok(Some(text)) if broken != Some(&text) => text,
            Ok(_) => continue,
            Err(error) => {
                say(format!("{}: {error}", path.display()));
                continue;
            }
        };
        let source = Source::new(path.display().to_string(), SourceKind::File, text);
        match load(&source) {
            Ok(()) => {
                say(format!("FAIL-SAFE in force: {}", path.display()));
                return Outcome::FailSafe;
            }
            Err(text) => say(text),
        }
    }
    let ssh = builtin::ssh_ports(Path::new("/etc/ssh"));
    for tracking in [true, false] {
        let text = builtin::failsafe(family, &ssh, tracking);
        match load(&Source::new("<built-in fail-safe>", SourceKind::File, text)) {
            Ok(()) => {
                let ports: Vec<String> = ssh.iter().map(u16::to_string).collect();
                let answers = if tracking { "answers" } else { "TCP answers (no connection tracking here)" };
                say(format!(
                    "FAIL-SAFE in force, built in: only loopback, {answers}, ICMP, DHCP and SSH (TCP port {}) come in",
                    ports.join(", ")
                ));
                return Outcome::FailSafe;
            }
            Err(text) => say(text),
        }
    }
    say("NO FIREWALL: the kernel takes no ruleset".to_owned());
    Outcome::Nothing
}

/// A file that was found.
pub struct Kept {
    /// Where.
    pub path: PathBuf,
    /// What is in it.
    pub text: Vec<u8>,
    /// Whether it is from rfw's own folder.
    pub ours: bool,
}

/// The ruleset's file.
pub fn find(place: &Place, family: Family) -> Result<Option<Kept>, String> {
    let standard = (place.dir == Path::new(files::FOLDER)).then(|| PathBuf::from(files::FALLBACK));
    let folders = [Some(place.dir.clone()), place.fallback_dir.clone().or(standard)];
    for (index, folder) in folders.into_iter().enumerate().filter_map(|(i, f)| Some((i, f?))) {
        let path = files::rules(&folder, family);
        match files::read(&path) {
            Ok(Some(text)) => return Ok(Some(Kept { path, text, ours: index == 0 })),
            Ok(None) => {}
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    Ok(None)
}

/// Whether there is nothing but comments: what iptables-save writes when there are no rules.
fn says_nothing(text: &[u8]) -> bool {
    SaveLines::new(text).all(|line| matches!(line.kind, LineKind::Blank | LineKind::Comment(_)))
}

/// What makes a file no whole ruleset, though rfw-restore would take it.
fn flaw(text: &[u8]) -> Option<String> {
    let mut seen = BTreeSet::new();
    for line in SaveLines::new(text) {
        if let LineKind::Table(name) = &line.kind
            && let Some(spec) = TableSpec::named(&name.text)
            && !seen.insert(spec.name)
        {
            return Some(format!(
                "line {}: table {} again; it can't be one transaction",
                line.number, spec.name
            ));
        }
    }
    seen.is_empty().then(|| "it names no table; was it cut short?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_whole_ruleset() {
        assert_eq!(flaw(b"*filter\nCOMMIT\n*nat\nCOMMIT\n"), None);
        assert!(flaw(b"").is_some() && flaw(b"# comment\n\n").is_some());
        let twice = flaw(b"*filter\nCOMMIT\n*nat\nCOMMIT\n*filter\nCOMMIT\n").expect("a flaw");
        assert!(twice.starts_with("line 5: table filter"), "{twice}");
        assert!(says_nothing(b"\n# comment\n") && !says_nothing(b"*filter\n"));
    }
}
