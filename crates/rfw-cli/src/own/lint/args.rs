//! The words of `rfw lint`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rfw_diagnostics::{Code, Severity};
use rfw_lint::Selector;
use rfw_lint::facts::Budget;
use rfw_nft::Family;

use super::config;

/// What `rfw lint` takes.
#[derive(Args)]
pub struct LintArgs {
    /// Save files, shell scripts, lists of iptables arguments (*.args), or folders of them; `-` is standard input
    pub files: Vec<PathBuf>,
    /// Check the running ruleset
    #[arg(long, conflicts_with_all = ["files", "pair"])]
    pub live: bool,
    /// Check the IPv4 and the IPv6 rules of one host together
    #[arg(long, num_args = 2, value_names = ["V4", "V6"])]
    pub pair: Vec<PathBuf>,
    /// The files are for iptables
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// The files are for ip6tables; without -4 or -6 the name and the addresses tell
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// How findings are shown
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// When to use colours and links; NO_COLOR turns `auto` off
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: When,
    /// Report these only: codes (RFW301, 301, shadowed-rule), groups (RFW3, 3xx) or all
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Leave these out; the more exact of two words wins
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Another severity for a code or group: RFW501=info
    #[arg(long, value_name = "CODE=SEVERITY", value_delimiter = ',')]
    pub severity: Vec<String>,
    /// The least severity that makes the exit status 1; without it the settings say, or it is warn
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<Least>,
    /// Exit with 0 whatever is found
    #[arg(long)]
    pub exit_zero: bool,
    /// Settings; without it the nearest rfw.toml above each file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take no notice of any rfw.toml
    #[arg(long, conflicts_with = "config")]
    pub isolated: bool,
    /// Leave out the findings that this file knows
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write all findings into a file for --baseline
    #[arg(long, value_name = "FILE", conflicts_with_all = ["baseline", "diff"])]
    pub write_baseline: Option<PathBuf>,
    /// A comment that allows a finding has to say why
    #[arg(long)]
    pub require_reason: bool,
    /// Apply the fixes that keep what the rules do
    #[arg(long, conflicts_with = "live")]
    pub fix: bool,
    /// Apply those too that may change it
    #[arg(long, conflicts_with = "live")]
    pub unsafe_fixes: bool,
    /// Show what --fix (or --unsafe-fixes) would change, and change nothing
    #[arg(long, conflicts_with = "live")]
    pub diff: bool,
    /// How much the analysis of packets may cost: a number of nodes, or a time (30s, 500ms)
    #[arg(long, value_name = "AMOUNT")]
    pub analysis_budget: Option<String>,
}

/// How findings are shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One object with all findings
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// JUnit's XML, one test per finding
    Junit,
}

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A severity.
#[derive(Clone, Copy, ValueEnum)]
pub enum Least {
    /// Worth knowing
    Info,
    /// Probably wrong
    Warn,
    /// Wrong
    Error,
}

impl From<Least> for Severity {
    fn from(least: Least) -> Self {
        match least {
            Least::Info => Self::Info,
            Least::Warn => Self::Warn,
            Least::Error => Self::Error,
        }
    }
}

/// What the command line says about findings.
#[derive(Default)]
pub struct Choice {
    /// Words and whether they select.
    pub words: Vec<(Selector, bool)>,
    /// Severities that differ.
    pub severities: BTreeMap<Code, Severity>,
    /// The least severity that makes the status 1.
    pub fail_on: Option<Severity>,
    /// Whether an allowance needs a reason.
    pub require_reason: bool,
    /// Whether findings get the ways of their example packets.
    pub walks: bool,
    /// What the analysis may cost.
    pub budget: Option<Budget>,
}

impl LintArgs {
    /// What is said about findings.
    ///
    /// # Errors
    /// For a word that names no check, no severity, no amount.
    pub fn choice(&self) -> Result<Choice, String> {
        let mut choice = Choice {
            fail_on: self.fail_on.map(Severity::from),
            require_reason: self.require_reason,
            walks: matches!(self.format, Format::Json | Format::Sarif),
            ..Choice::default()
        };
        let select = self.select.iter().map(|word| (word, true));
        for (word, wanted) in select.chain(self.ignore.iter().map(|word| (word, false))) {
            choice.words.push((config::selector(word)?, wanted));
        }
        for word in &self.severity {
            let (code, level) = word.split_once('=').unwrap_or((word, ""));
            let level = Least::from_str(level, true)
                .map_err(|_| format!("`{word}` is no code with a severity; RFW501=info is one"))?;
            let selector = config::selector(code)?;
            let named = rfw_diagnostics::codes::ALL.iter().filter(|&&code| selector.names(code));
            choice.severities.extend(named.map(|&code| (code, Severity::from(level))));
        }
        if let Some(text) = &self.analysis_budget {
            config::budget(text, choice.budget.insert(Budget::default()))?;
        }
        Ok(choice)
    }

    /// Whether fixes are to be made or shown.
    pub fn fixes(&self) -> bool {
        self.fix || self.unsafe_fixes || self.diff
    }

    /// Whether standard input is looked at.
    pub fn reads_stdin(&self) -> bool {
        let none = self.files.is_empty() && self.pair.is_empty() && !self.live;
        none || self.files.iter().chain(&self.pair).any(|file| file.as_os_str() == "-")
    }

    /// The family, where it was said.
    pub fn family(&self) -> Option<Family> {
        match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        }
    }

    /// The pairs of files.
    pub fn pairs(&self) -> Vec<[PathBuf; 2]> {
        self.pair.chunks_exact(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect()
    }
}
