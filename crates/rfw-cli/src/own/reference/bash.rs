//! Completion for bash. It needs no package of completions.

use std::fmt::Write;

use clap::Command;
use rfw_extensions::VERDICTS;

use super::own;
use super::words::{self, Extension, Word};

const HEAD: &str = "\
# Completion of rfw, rfw-restore and rfw-save for bash; made by `rfw completions bash`, do not edit.

# The options of a match or target, by any word that loads it.
_rfw_extension() {
    case $1 in
";

const MIDDLE: &str = r#"    esac
}

# Takes the words that begin with what was typed.
_rfw_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# Chains of the table, where they may be read.
_rfw_chains() {
    local line
    while read -r line; do
        line=${line#-? }
        printf '%s\n' "${line%% *}"
    done < <("${COMP_WORDS[0]}" -t "$table" -S 2>/dev/null | grep '^-[NP] ')
}

_rfw_interfaces() {
    local path
    for path in /sys/class/net/*; do printf '%s\n' "${path##*/}"; done
}

_rfw_rule() {
    local table=filter loaded= index
    for (( index = 1; index < COMP_CWORD; index++ )); do
        case ${COMP_WORDS[index]} in
            -t|--table) table=${COMP_WORDS[index+1]} ;;
            -m|--match|-j|--jump|-p|--protocol) loaded+=" $(_rfw_extension "${COMP_WORDS[index+1]}")" ;;
        esac
    done
    case $prev in
        -t|--table) _rfw_words "$_rfw_tables" ;;
        -m|--match) _rfw_words "$_rfw_matches" ;;
        -j|--jump) _rfw_words "$_rfw_targets $(_rfw_chains)" ;;
        -p|--protocol) _rfw_words "$_rfw_protocols" ;;
        -i|-o|--in-interface|--out-interface) _rfw_words "$(_rfw_interfaces)" ;;
        --encoding) _rfw_words "auto native compat" ;;
        --compat-version) _rfw_words "1.8.9 1.8.11" ;;
        -[ACDIRLSFZXEPg]|--append|--check|--delete|--insert|--replace|--list|--list-rules|--flush|--zero|--delete-chain|--rename-chain|--policy|--goto)
            _rfw_words "$(_rfw_chains)" ;;
        *) [[ $cur == -* ]] && _rfw_words "$_rfw_options$loaded" ;;
    esac
}

_rfw_restore() {
    case $prev in
        -T|--table) _rfw_words "$_rfw_tables" ;;
        --encoding) _rfw_words "auto native compat" ;;
        --compat-version) _rfw_words "1.8.9 1.8.11" ;;
        *) if [[ $cur == -* ]]; then _rfw_words "$_rfw_restore_options"; else mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi ;;
    esac
}

_rfw_save() {
    case $prev in
        -t|--table) _rfw_words "$_rfw_tables" ;;
        -f|--file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        *) _rfw_words "$_rfw_save_options" ;;
    esac
}

_rfw_own() {
    local path=${COMP_WORDS[1]} options= values= files=yes
    [[ $path == restore ]] && { _rfw_restore; return; }
    [[ $path == save ]] && { _rfw_save; return; }
    (( COMP_CWORD > 2 )) && [[ " $_rfw_groups " == *" $path "* ]] && path+=" ${COMP_WORDS[2]}"
    case $path in
"#;

const TAIL: &str = r#"    esac
    if [[ -n $values ]]; then _rfw_words "$values"
    elif [[ $cur == -* ]]; then _rfw_words "$options"
    elif [[ -n $files ]]; then mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

_rfw() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case ${COMP_WORDS[0]##*/} in
        *-restore) _rfw_restore ;;
        *-save) _rfw_save ;;
        *)
            if (( COMP_CWORD == 1 )) && [[ $cur != -* ]]; then _rfw_words "$_rfw_commands"
            elif [[ ${COMP_WORDS[1]} == [a-z]* ]]; then _rfw_own
            else _rfw_rule
            fi ;;
    esac
}

complete -F _rfw rfw rfw6 rfw-restore rfw6-restore rfw-save rfw6-save
"#;

/// The script.
pub fn script(program: &Command) -> String {
    let (matches, targets) = (words::matches(), words::targets());
    let mut out = HEAD.to_owned();
    for loaded in words::loaded() {
        let options: Vec<String> = loaded.options.iter().map(|o| format!("--{}", o.name)).collect();
        let _ = writeln!(out, "        {}) printf '%s ' {} ;;", loaded.words.join("|"), options.join(" "));
    }
    out.push_str(MIDDLE);
    for command in own::leaves(program, "") {
        own_case(&mut out, &command);
    }
    for group in own::first(program).filter(|command| command.has_subcommands()) {
        let names: Vec<&str> = own::first(group).map(Command::get_name).collect();
        let _ = writeln!(out, "        {}) values='{}' ;;", group.get_name(), names.join(" "));
    }
    out.push_str(TAIL);
    lists(&mut out, program, &matches, &targets);
    out
}

fn own_case(out: &mut String, command: &own::Own<'_>) {
    let _ = writeln!(out, "        '{}')", command.path);
    let all: Vec<String> = command.options().flat_map(own::spellings).collect();
    let _ = writeln!(out, "            options='{}'", all.join(" "));
    let choices: Vec<_> = command.options().filter(|arg| !own::values(arg).is_empty()).collect();
    if !choices.is_empty() {
        out.push_str("            case $prev in\n");
        for arg in choices {
            let (names, values) = (own::spellings(arg).join("|"), own::values(arg).join(" "));
            let _ = writeln!(out, "                {names}) values='{values}' ;;");
        }
        out.push_str("            esac\n");
    }
    let positional: Vec<String> = command.command.get_positionals().flat_map(own::values).collect();
    if !positional.is_empty() {
        let _ = writeln!(out, "            [[ $cur != -* ]] && values='{}'", positional.join(" "));
    }
    out.push_str("            ;;\n");
}

fn lists(out: &mut String, program: &Command, matches: &[Extension], targets: &[Extension]) {
    let spelled = |words: &[Word]| {
        let all: Vec<String> = words.iter().flat_map(Word::spellings).collect();
        all.join(" ")
    };
    let commands: Vec<&str> = own::first(program).map(Command::get_name).collect();
    let groups: Vec<&str> =
        own::first(program).filter(|c| c.has_subcommands()).map(Command::get_name).collect();
    for (name, value) in [
        ("tables", words::TABLES.join(" ")),
        ("matches", words::names(matches)),
        ("targets", format!("{} {}", VERDICTS.join(" "), words::names(targets))),
        ("protocols", words::protocols(matches).join(" ")),
        ("options", format!("{} {}", spelled(words::COMMANDS), spelled(words::OPTIONS))),
        ("restore_options", spelled(words::RESTORE)),
        ("save_options", spelled(words::SAVE)),
        ("commands", commands.join(" ")),
        ("groups", groups.join(" ")),
    ] {
        let _ = writeln!(out, "_rfw_{name}='{value}'");
    }
}
