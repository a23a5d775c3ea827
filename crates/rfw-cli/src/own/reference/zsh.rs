//! Completion for zsh.

use std::fmt::Write;

use clap::Command;
use rfw_extensions::VERDICTS;

use super::own;
use super::words::{self, Extension, Word};

const HEAD: &str = "\
#compdef rfw rfw6 rfw-restore rfw6-restore rfw-save rfw6-save
# Completion of rfw, rfw-restore and rfw-save for zsh; made by `rfw completions zsh`, do not edit.

# Adds the options of a match or target, by any word that loads it.
_rfw_extension() {
    case $1 in
";

const MIDDLE: &str = r#"    esac
}

# Chains of the table, where they may be read.
_rfw_chains() {
    local -a lines
    lines=(${(f)"$($words[1] -t $table -S 2>/dev/null)"})
    chains=(${${${(M)lines:#-[NP] *}#-? }%% *})
}

_rfw_rule() {
    local table=filter index
    local -a loaded chains
    for (( index = 2; index < CURRENT; index++ )); do
        case $words[index] in
            -t|--table) table=$words[index+1] ;;
            -m|--match|-j|--jump|-p|--protocol) _rfw_extension "$words[index+1]" ;;
        esac
    done
    case $words[CURRENT-1] in
        -t|--table) compadd -a _rfw_tables ;;
        -m|--match) _describe match _rfw_matches ;;
        -j|--jump) _rfw_chains; compadd -a chains; _describe target _rfw_targets ;;
        -p|--protocol) compadd -a _rfw_protocols ;;
        -i|-o|--in-interface|--out-interface) compadd /sys/class/net/*(N:t) ;;
        --encoding) compadd auto native compat ;;
        --compat-version) compadd 1.8.9 1.8.11 ;;
        -[ACDIRLSFZXEPg]|--append|--check|--delete|--insert|--replace|--list|--list-rules|--flush|--zero|--delete-chain|--rename-chain|--policy|--goto)
            _rfw_chains; compadd -a chains ;;
        *) _describe -o option loaded -- _rfw_options ;;
    esac
}

_rfw_restore() {
    case $words[CURRENT-1] in
        -T|--table) compadd -a _rfw_tables ;;
        --encoding) compadd auto native compat ;;
        --compat-version) compadd 1.8.9 1.8.11 ;;
        *) _describe -o option _rfw_restore_options; _files ;;
    esac
}

_rfw_save() {
    case $words[CURRENT-1] in
        -t|--table) compadd -a _rfw_tables ;;
        -f|--file) _files ;;
        *) _describe -o option _rfw_save_options ;;
    esac
}

_rfw_own() {
    local command=$words[2]
    local -a options values
    case $command in
        restore) _rfw_restore; return ;;
        save) _rfw_save; return ;;
    esac
    (( CURRENT > 3 && $_rfw_groups[(Ie)$command] )) && command+=" $words[3]"
    case $command in
"#;

const TAIL: &str = r#"    esac
    if (( $#values )); then compadd -a values
    elif [[ $PREFIX == -* ]]; then _describe -o option options
    else _files
    fi
}

_rfw() {
    case ${words[1]:t} in
        *-restore) _rfw_restore ;;
        *-save) _rfw_save ;;
        *)
            if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then _describe command _rfw_commands
            elif [[ $words[2] == [a-z]* ]]; then _rfw_own
            else _rfw_rule
            fi ;;
    esac
}

"#;

const END: &str = "\n_rfw \"$@\"\n";

/// The script.
pub fn script(program: &Command) -> String {
    let (matches, targets) = (words::matches(), words::targets());
    let mut out = HEAD.to_owned();
    for loaded in words::loaded() {
        let options = loaded.options.iter().map(|o| described(&format!("--{}", o.name), o.help));
        let _ = writeln!(out, "        {}) loaded+=({}) ;;", loaded.words.join("|"), joined(options));
    }
    out.push_str(MIDDLE);
    for command in own::leaves(program, "") {
        own_case(&mut out, &command);
    }
    for group in own::first(program).filter(|command| command.has_subcommands()) {
        let names: Vec<&str> = own::first(group).map(Command::get_name).collect();
        let _ = writeln!(out, "        {}) values=({}) ;;", group.get_name(), names.join(" "));
    }
    out.push_str(TAIL);
    lists(&mut out, program, &matches, &targets);
    out.push_str(END);
    out
}

/// `'word:what it is'`, quoted.
fn described(word: &str, help: &str) -> String {
    format!("'{}:{}'", word.replace(':', "\\:"), help.replace('\'', "'\\''"))
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn own_case(out: &mut String, command: &own::Own<'_>) {
    let _ = writeln!(out, "        '{}')", command.path);
    let spelled = command.options().flat_map(|arg| {
        let help = own::help(arg);
        own::spellings(arg).into_iter().map(move |word| described(&word, &help))
    });
    let _ = writeln!(out, "            options=({})", joined(spelled));
    let choices: Vec<_> = command.options().filter(|arg| !own::values(arg).is_empty()).collect();
    if !choices.is_empty() {
        out.push_str("            case $words[CURRENT-1] in\n");
        for arg in choices {
            let (names, values) = (own::spellings(arg).join("|"), own::values(arg).join(" "));
            let _ = writeln!(out, "                {names}) values=({values}) ;;");
        }
        out.push_str("            esac\n");
    }
    let positional: Vec<String> = command.command.get_positionals().flat_map(own::values).collect();
    if !positional.is_empty() {
        let _ = writeln!(out, "            [[ $PREFIX != -* ]] && values=({})", positional.join(" "));
    }
    out.push_str("            ;;\n");
}

fn lists(out: &mut String, program: &Command, matches: &[Extension], targets: &[Extension]) {
    let spelled = |words: &[Word]| {
        joined(words.iter().flat_map(|word| word.spellings().into_iter().map(|s| described(&s, word.help))))
    };
    let named = |all: &[Extension]| {
        let mut shown: Vec<String> = all.iter().map(|e| described(e.name, e.summary)).collect();
        shown.dedup_by(|next, last| next.split(':').next() == last.split(':').next());
        shown.join(" ")
    };
    let groups = own::first(program).filter(|c| c.has_subcommands());
    for (name, value) in [
        ("tables", words::TABLES.join(" ")),
        ("matches", named(matches)),
        ("targets", format!("{} {}", VERDICTS.join(" "), named(targets))),
        ("protocols", words::protocols(matches).join(" ")),
        ("options", format!("{} {}", spelled(words::COMMANDS), spelled(words::OPTIONS))),
        ("restore_options", spelled(words::RESTORE)),
        ("save_options", spelled(words::SAVE)),
        ("commands", joined(own::first(program).map(|c| described(c.get_name(), &own::about(c))))),
        ("groups", joined(groups.map(|c| c.get_name().to_owned()))),
    ] {
        let _ = writeln!(out, "typeset -ga _rfw_{name}=({value})");
    }
}
