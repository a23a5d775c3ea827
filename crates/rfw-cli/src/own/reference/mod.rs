//! Manual pages and shell completions, made from the tables of options: clap's for own commands, the registry's for
//! extensions. What is in `docs/man` and `dist/completions` is what these commands print.

mod bash;
mod fish;
mod man;
mod own;
mod words;
mod zsh;

use clap::{Args, ValueEnum};

use crate::report;

/// What `rfw completions` takes.
#[derive(Args)]
pub struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

/// What `rfw man` takes.
#[derive(Args)]
pub struct ManArgs {
    /// `rfw.8`, for example; the names of all pages without one
    page: Option<String>,
}

/// Prints a completion script; gives the exit status.
pub fn completions(args: &CompletionsArgs, program: &clap::Command) -> u8 {
    let text = match args.shell {
        Shell::Bash => bash::script(program),
        Shell::Fish => fish::script(program),
        Shell::Zsh => zsh::script(program),
    };
    report::output(text.as_bytes());
    0
}

/// Prints a manual page as roff; gives the exit status.
pub fn man(args: &ManArgs, program: &clap::Command) -> u8 {
    let pages = man::pages(program);
    match &args.page {
        None => pages.iter().for_each(|page| report::output(format!("{}\n", page.file()).as_bytes())),
        Some(name) => match pages.iter().find(|page| page.file() == *name) {
            Some(page) => report::output(page.text.as_bytes()),
            None => {
                report::error_text(&format!("rfw man: there is no page `{name}`; `rfw man` names them\n"));
                return 2;
            }
        },
    }
    0
}
