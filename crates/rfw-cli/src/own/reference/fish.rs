//! Completion for fish.

use std::fmt::Write;

use clap::Command;
use rfw_extensions::VERDICTS;

use super::own;
use super::words::{self, Extension, Word};

const HEAD: &str = r#"# Completion of rfw, rfw-restore and rfw-save for fish; made by `rfw completions fish`, do not edit.

# Whether the line is in iptables' grammar.
function __rfw_rule
    not string match -qr '^[a-z]' -- (commandline -opc)[2]
end

# Whether nothing was said yet.
function __rfw_first
    test (count (commandline -opc)) = 1
end

# Whether the first words are these.
function __rfw_own
    set -l words (commandline -opc)
    set -l last (math (count $argv) + 1)
    test (count $words) -ge $last; and test "$words[2..$last]" = "$argv"
end

# Whether the words so far are these and no more.
function __rfw_own_only
    __rfw_own $argv; and test (count (commandline -opc)) = (math (count $argv) + 1)
end

# Whether a match or target is loaded, by any of these words.
function __rfw_loaded
    set -l words (commandline -opc)
    for index in (seq 2 (count $words))
        switch $words[$index]
            case -m --match -j --jump -p --protocol
                set -l next (math $index + 1)
                contains -- "$words[$next]" $argv; and return 0
        end
    end
    return 1
end

# Chains of the table, where they may be read.
function __rfw_chains
    set -l words (commandline -opc)
    command -q $words[1]; or return
    set -l table filter
    for index in (seq 2 (count $words))
        set -l next (math $index + 1)
        contains -- $words[$index] -t --table; and set table $words[$next]
    end
    $words[1] -t $table -S 2>/dev/null | string replace -rf '^-[NP] (\S+).*' '$1'
end

complete -c rfw -f
"#;

/// Options whose value is a chain.
const OF_CHAINS: &[&str] = &[
    "append",
    "check",
    "delete",
    "insert",
    "replace",
    "list",
    "list-rules",
    "flush",
    "zero",
    "delete-chain",
    "rename-chain",
    "policy",
    "goto",
];

/// The script.
pub fn script(program: &Command) -> String {
    let (matches, targets) = (words::matches(), words::targets());
    let mut out = HEAD.to_owned();
    for command in own::first(program) {
        line(&mut out, "__rfw_first", &format!("-a {}", command.get_name()), &own::about(command));
    }
    for group in own::first(program).filter(|command| command.has_subcommands()) {
        for command in own::first(group) {
            let condition = format!("__rfw_own_only {}", group.get_name());
            line(&mut out, &condition, &format!("-a {}", command.get_name()), &own::about(command));
        }
    }
    own::leaves(program, "").iter().for_each(|command| own_lines(&mut out, command));
    for (condition, all) in [
        ("__rfw_rule", words::COMMANDS),
        ("__rfw_rule", words::OPTIONS),
        ("__rfw_own restore", words::RESTORE),
        ("__rfw_own save", words::SAVE),
    ] {
        all.iter().for_each(|word| word_line(&mut out, "rfw", condition, word, &matches, &targets));
    }
    for loaded in words::loaded() {
        let condition = format!("__rfw_loaded {}", loaded.words.join(" "));
        for option in loaded.options {
            let value = if option.value.is_empty() { "" } else { " -x" };
            line(&mut out, &condition, &format!("-l {}{value}", option.name), option.help);
        }
    }
    out.push_str("complete -c rfw -n '__rfw_own restore' -F\ncomplete -c rfw6 -w rfw\n");
    for (name, all) in [("restore", words::RESTORE), ("save", words::SAVE)] {
        let program = format!("rfw-{name}");
        all.iter().for_each(|word| word_line(&mut out, &program, "", word, &matches, &targets));
        let _ = writeln!(out, "complete -c rfw6-{name} -w rfw-{name}");
    }
    out
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn line(out: &mut String, condition: &str, what: &str, help: &str) {
    let _ = writeln!(out, "complete -c rfw -n {} {what} -d {}", quoted(condition), quoted(help));
}

/// An option of a program, with the words that its value may be.
fn word_line(
    out: &mut String,
    program: &str,
    condition: &str,
    word: &Word,
    matches: &[Extension],
    targets: &[Extension],
) {
    let values = match word.long {
        "table" => quoted(&words::TABLES.join(" ")),
        "match" => quoted(&words::names(matches)),
        "jump" => quoted(&format!("(__rfw_chains) {} {}", VERDICTS.join(" "), words::names(targets))),
        "protocol" => quoted(&words::protocols(matches).join(" ")),
        "in-interface" | "out-interface" => "'(command ls /sys/class/net)'".to_owned(),
        "encoding" => "'auto native compat'".to_owned(),
        "compat-version" => "'1.8.9 1.8.11'".to_owned(),
        chain if OF_CHAINS.contains(&chain) => "'(__rfw_chains)'".to_owned(),
        _ => String::new(),
    };
    let mut text = format!("complete -c {program}");
    if !condition.is_empty() {
        let _ = write!(text, " -n {}", quoted(condition));
    }
    if let Some(letter) = word.short {
        let _ = write!(text, " -s {letter}");
    }
    let _ = write!(text, " -l {}", word.long);
    if word.long == "file" {
        text.push_str(" -r -F");
    } else if !word.value.is_empty() && !word.value.starts_with('[') || !values.is_empty() {
        text.push_str(" -x");
    }
    if !values.is_empty() {
        let _ = write!(text, " -a {values}");
    }
    let _ = writeln!(out, "{text} -d {}", quoted(word.help));
}

fn own_lines(out: &mut String, command: &own::Own<'_>) {
    let condition = format!("__rfw_own {}", command.path);
    for arg in command.options() {
        let mut what = String::new();
        if let Some(letter) = arg.get_short() {
            let _ = write!(what, "-s {letter} ");
        }
        if let Some(long) = arg.get_long() {
            let _ = write!(what, "-l {long}");
        }
        let values = own::values(arg);
        if !values.is_empty() {
            let _ = write!(what, " -x -a '{}'", values.join(" "));
        } else if arg.get_action().takes_values() {
            what.push_str(" -r -F");
        }
        line(out, &condition, what.trim_end(), &own::help(arg));
    }
    for arg in command.command.get_positionals() {
        let values = own::values(arg);
        let what = if values.is_empty() { "-F".to_owned() } else { format!("-a '{}'", values.join(" ")) };
        line(out, &condition, &what, &own::help(arg));
    }
}
