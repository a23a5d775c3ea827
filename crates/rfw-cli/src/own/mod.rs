//! rfw's own commands; their words go through clap, never iptables' words.

mod apply;
mod explain;
mod lint;
mod lsp;
mod monitor;
mod out;
mod persist;
mod reference;
mod rules;

pub use monitor::run_as_original as run_monitor;

use clap::{Args, CommandFactory, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "rfw", version, about = "the iptables command line as a compiler to nf_tables")]
struct Cli {
    #[command(subcommand)]
    command: OwnCommand,
}

#[derive(Subcommand)]
enum OwnCommand {
    /// Read a save file on standard input into the kernel: rfw-restore
    Restore,
    /// Print the running ruleset as a save file: rfw-save
    Save,
    /// Write a command, or with --restore a save file, in nft's syntax
    Translate(TranslateArgs),
    /// Look for mistakes in a ruleset
    Lint(lint::LintArgs),
    /// Serve an editor: findings, explanations and fixes over the language server protocol
    Lsp,
    /// List the checks of `rfw lint`
    Rules(rules::RulesArgs),
    /// Explain a check of `rfw lint`
    Explain(explain::ExplainArgs),
    /// Show changes of the ruleset as they happen, and traced packets
    Monitor(monitor::MonitorArgs),
    /// Load a save file, and take it back unless that is confirmed in time
    Apply(apply::ApplyArgs),
    /// Keep the rulesets of both families in files, and load them at boot
    Persist(persist::PersistArgs),
    /// Print a completion script for a shell
    Completions(reference::CompletionsArgs),
    /// Print a manual page as roff
    #[command(hide = true)]
    Man(reference::ManArgs),
}

/// What `rfw translate` takes, for the help text and the completions.
#[derive(Args)]
struct TranslateArgs {
    /// Translate a save file, or standard input
    #[arg(long)]
    restore: bool,
    /// Write the JSON of libnftables
    #[arg(long)]
    json: bool,
    /// Also say, in comments, what does nearly the same as a rule without an nft form
    #[arg(long)]
    approximate: bool,
    /// A command as iptables takes it, or the file
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<std::ffi::OsString>,
}

/// Runs a command of ours; gives the exit status.
pub fn run(arguments: &[Vec<u8>]) -> u8 {
    use std::os::unix::ffi::OsStringExt;
    let words = std::iter::once(b"rfw".to_vec()).chain(arguments.iter().cloned());
    match Cli::try_parse_from(words.map(std::ffi::OsString::from_vec)) {
        Ok(cli) => match cli.command {
            // `main` takes these before clap sees them; here they serve the help text.
            OwnCommand::Restore | OwnCommand::Save | OwnCommand::Translate(_) => 2,
            OwnCommand::Lint(args) => lint::run(&args),
            OwnCommand::Lsp => lsp::run(),
            OwnCommand::Rules(args) => rules::run(&args),
            OwnCommand::Explain(args) => explain::run(&args),
            OwnCommand::Monitor(args) => monitor::run(&args),
            OwnCommand::Apply(args) => apply::run(&args),
            OwnCommand::Persist(args) => persist::run(&args),
            OwnCommand::Completions(args) => reference::completions(&args, &Cli::command()),
            OwnCommand::Man(args) => reference::man(&args, &Cli::command()),
        },
        Err(error) => {
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    }
}
