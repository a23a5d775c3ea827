//! `rfw lint`: the checks over files, standard input or the running ruleset.
//!
//! Status 0: no finding as bad as `--fail-on`; 1: some; 2: something could not be read.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rfw_diagnostics::{Diagnostic, Severity, Source, SourceKind, render_text, to_json};
use rfw_lint::{Finding, Input, Offline};
use rfw_nft::Family;
use serde_json::{Map, Value, json};

use crate::names::SystemNames;

/// What `rfw lint` takes.
#[derive(Args)]
pub struct LintArgs {
    /// Save files, or lists of iptables arguments, one command a line (*.args); `-` is standard input
    files: Vec<PathBuf>,
    /// Check the running ruleset
    #[arg(long, conflicts_with = "files")]
    live: bool,
    /// How findings are shown
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The least severity that makes the exit status 1
    #[arg(long, value_enum, default_value = "warn", value_name = "SEVERITY")]
    fail_on: Least,
    /// The files are for iptables
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// The files are for ip6tables; without -4 or -6 the name and the addresses tell
    #[arg(short = '6', long)]
    ipv6: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One array of findings
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum Least {
    Info,
    Warn,
    Error,
}

/// One text and what was found in it.
struct Checked {
    source: Source,
    findings: Vec<Finding>,
}

/// Runs it; gives the exit status.
pub fn run(args: &LintArgs) -> u8 {
    let sources = match sources(args) {
        Ok(sources) => sources,
        Err(text) => {
            let _ = writeln!(std::io::stderr(), "rfw lint: {text}");
            return 2;
        }
    };
    let system = SystemNames::default();
    let names = Offline::new(&system);
    let mut checked = Vec::with_capacity(sources.len());
    for (source, family) in sources {
        let input = Input::guess(&source.name, &source.text);
        let family = family.unwrap_or_else(|| rfw_lint::guess_family(&source.name, &source.text));
        let findings = rfw_lint::lint(&source, input, family, &names, &rfw_lint::Options::default()).findings;
        checked.push(Checked { source, findings });
    }
    let shown = match args.format {
        Format::Text => text(&checked),
        Format::Json => json_text(&checked),
    };
    if std::io::stdout().lock().write_all(shown.as_bytes()).is_err() {
        return 2;
    }
    let least = match args.fail_on {
        Least::Info => Severity::Info,
        Least::Warn => Severity::Warn,
        Least::Error => Severity::Error,
    };
    let fails = |f: &Finding| f.diagnostic.severity >= least;
    u8::from(checked.iter().flat_map(|c| &c.findings).any(fails))
}

/// The texts, with their family where it is known.
fn sources(args: &LintArgs) -> Result<Vec<(Source, Option<Family>)>, String> {
    let family = match (args.ipv4, args.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        _ => None,
    };
    if args.live {
        let families = family.map_or(vec![Family::Ipv4, Family::Ipv6], |f| vec![f]);
        return families.into_iter().map(live).collect();
    }
    let input = [PathBuf::from("-")];
    let files = if args.files.is_empty() { &input[..] } else { &args.files };
    files.iter().map(|path| Ok((file(path)?, family))).collect()
}

fn live(family: Family) -> Result<(Source, Option<Family>), String> {
    let name = match family {
        Family::Ipv4 => "<running IPv4 ruleset>",
        Family::Ipv6 => "<running IPv6 ruleset>",
    };
    let text = crate::save::live_text(family, false)?;
    Ok((Source::new(name, SourceKind::Live, text), Some(family)))
}

fn file(path: &Path) -> Result<Source, String> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text).map_err(|e| format!("standard input: {e}"))?;
        return Ok(Source::new("<stdin>", SourceKind::File, text));
    }
    let text = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Source::new(path.display().to_string(), SourceKind::File, text))
}

fn text(checked: &[Checked]) -> String {
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut out = String::new();
    for Checked { source, findings } in checked.iter().filter(|c| !c.findings.is_empty()) {
        let diagnostics: Vec<Diagnostic> = findings.iter().map(|f| f.diagnostic.clone()).collect();
        out.push_str(&render_text(&diagnostics, source, color));
        out.push('\n');
    }
    out.push_str(&summary(checked));
    out.push('\n');
    out
}

/// One line: how many findings of each severity, in how many texts.
fn summary(checked: &[Checked]) -> String {
    let count = |severity| {
        checked.iter().flat_map(|c| &c.findings).filter(|f| f.diagnostic.severity == severity).count()
    };
    let words = |n: usize, word: &str| match n {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    let kinds = [
        words(count(Severity::Error), "error"),
        words(count(Severity::Warn), "warning"),
        words(count(Severity::Info), "note"),
    ];
    let texts = match checked {
        [one] => one.source.name.clone(),
        many => format!("{} rulesets", many.len()),
    };
    if checked.iter().all(|c| c.findings.is_empty()) {
        return format!("{texts}: nothing found");
    }
    format!("{texts}: {}; `rfw explain CODE` says more", kinds.join(", "))
}

fn json_text(checked: &[Checked]) -> String {
    let all = checked.iter().flat_map(|c| c.findings.iter().map(|f| object(f, &c.source)));
    let mut out = format!("{:#}", Value::Array(all.collect()));
    out.push('\n');
    out
}

fn object(finding: &Finding, source: &Source) -> Value {
    let extra = Map::from_iter([
        ("table".to_owned(), json!(finding.table)),
        ("chain".to_owned(), json!(finding.chain)),
        ("rule".to_owned(), json!(finding.rule)),
    ]);
    to_json(&finding.diagnostic, source, &extra)
}
