//! Own commands, as clap has them.

use clap::{Arg, Command};

/// A command that does something: `lint`, `persist save`.
pub struct Own<'c> {
    /// Its words after `rfw`.
    pub path: String,
    /// Its table of options.
    pub command: &'c Command,
}

impl<'c> Own<'c> {
    /// Its options, without those that are only words.
    pub fn options(&self) -> impl Iterator<Item = &'c Arg> + use<'c> {
        self.command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set())
    }
}

/// The commands to which the first word leads.
pub fn first(program: &Command) -> impl Iterator<Item = &Command> {
    program.get_subcommands().filter(|command| !command.is_hide_set())
}

/// All that do something, in the order of the help.
pub fn leaves<'c>(parent: &'c Command, path: &str) -> Vec<Own<'c>> {
    let mut all = Vec::new();
    for command in first(parent) {
        let path = format!("{path} {}", command.get_name()).trim_start().to_owned();
        if command.has_subcommands() {
            all.extend(leaves(command, &path));
        } else {
            all.push(Own { path, command });
        }
    }
    all
}

/// The help of a command.
pub fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// The help of an option.
pub fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

/// The words that an option's value can be, if they are known.
pub fn values(arg: &Arg) -> Vec<String> {
    if !arg.get_action().takes_values() {
        return Vec::new();
    }
    let known = arg.get_possible_values();
    known.iter().filter(|value| !value.is_hide_set()).map(|value| value.get_name().to_owned()).collect()
}

/// `-c` and `--counters`, as they are typed.
pub fn spellings(arg: &Arg) -> Vec<String> {
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    short.into_iter().chain(arg.get_long().map(|long| format!("--{long}"))).collect()
}
