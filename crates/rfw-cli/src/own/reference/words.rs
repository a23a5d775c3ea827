//! The words of the three programs with a line of help each, and the extensions as the registry has them.

use rfw_extensions::matches::MATCHES;
use rfw_extensions::targets::TARGETS;
use rfw_extensions::{Entry, Families};
use rfw_syntax::OptionSpec;

/// An option of a program.
pub struct Word {
    /// Its letter.
    pub short: Option<char>,
    /// Its long name.
    pub long: &'static str,
    /// What follows; brackets around what may be left out.
    pub value: &'static str,
    /// What it does.
    pub help: &'static str,
}

impl Word {
    /// `-c` and `--counters`, as they are typed.
    pub fn spellings(&self) -> Vec<String> {
        let short = self.short.map(|letter| format!("-{letter}"));
        short.into_iter().chain([format!("--{}", self.long)]).collect()
    }
}

const fn word(short: char, long: &'static str, value: &'static str, help: &'static str) -> Word {
    Word { short: Some(short), long, value, help }
}

const fn long(long: &'static str, value: &'static str, help: &'static str) -> Word {
    Word { short: None, long, value, help }
}

const ENCODING: Word =
    long("encoding", "auto|native|compat", "How rules are written to the kernel; see ENCODINGS in rfw(8)");
const NO_XT: Word = long("no-xt", "", "Refuse what would need the kernel's nft_compat");

const RELEASE: Word = long(
    "compat-version",
    "1.8.9|1.8.11",
    "The release of iptables whose texts are printed; 1.8.9 by default",
);

/// The commands of `rfw`.
pub const COMMANDS: &[Word] = &[
    word('A', "append", "CHAIN", "Append a rule to the chain"),
    word('I', "insert", "CHAIN [NUMBER]", "Insert a rule, as the first unless a number is given"),
    word(
        'R',
        "replace",
        "CHAIN NUMBER",
        "Put a rule in the place of another; it starts with counters of zero",
    ),
    word(
        'D',
        "delete",
        "CHAIN [NUMBER]",
        "Delete the rule of that number, or the first that equals the given one",
    ),
    word('C', "check", "CHAIN", "Look for an equal rule; status 1 if there is none"),
    word('L', "list", "[CHAIN [NUMBER]]", "List rules in columns"),
    word('S', "list-rules", "[CHAIN [NUMBER]]", "Print rules as commands"),
    word('F', "flush", "[CHAIN]", "Delete all rules"),
    word('Z', "zero", "[CHAIN [NUMBER]]", "Set counters to zero"),
    word('N', "new-chain", "CHAIN", "Make a user chain"),
    word('X', "delete-chain", "[CHAIN]", "Delete a user chain; without a name, all of them"),
    word('E', "rename-chain", "OLD NEW", "Give a user chain another name"),
    word('P', "policy", "CHAIN TARGET", "ACCEPT or DROP what no rule of a built-in chain decided"),
    word('h', "help", "", "Show help, also for the matches and the target on the line"),
    word('V', "version", "", "Print the version"),
];

/// The options of `rfw`, without those of extensions.
pub const OPTIONS: &[Word] = &[
    word('t', "table", "TABLE", "filter (the default), nat, mangle, raw or security"),
    word('p', "protocol", "PROTOCOL", "Name or number; may follow `!'"),
    word('s', "source", "ADDRESS[/MASK][,...]", "Where packets come from; may follow `!'"),
    word('d', "destination", "ADDRESS[/MASK][,...]", "Where packets go; may follow `!'"),
    word('i', "in-interface", "NAME[+]", "Where packets came in; + stands for any end; may follow `!'"),
    word('o', "out-interface", "NAME[+]", "Where packets go out; may follow `!'"),
    word('f', "fragments", "", "Second and later fragments (IPv4); may follow `!'"),
    word('m', "match", "MATCH", "Load a match; its options may follow"),
    word('j', "jump", "TARGET", "What happens with packets: a verdict, a user chain or a target extension"),
    word('g', "goto", "CHAIN", "Go on in a user chain that returns to where this chain was called from"),
    word('c', "set-counters", "PACKETS BYTES", "Counters of a new rule"),
    word('n', "numeric", "", "List numbers instead of names"),
    word('v', "verbose", "", "List interfaces and counters; say what is done"),
    word('x', "exact", "", "List counters in full"),
    long("line-numbers", "", "List rule numbers"),
    word('w', "wait", "[SECONDS]", "Accepted; transactions need no lock"),
    word('W', "wait-interval", "MICROSECONDS", "Accepted"),
    word('M', "modprobe", "COMMAND", "Accepted; the kernel loads its modules"),
    word('4', "ipv4", "", "In a file for both families: a line for IPv4 only"),
    word('6', "ipv6", "", "In a file for both families: a line for IPv6 only"),
    ENCODING,
    NO_XT,
    RELEASE,
];

/// The options of `rfw-restore`.
pub const RESTORE: &[Word] = &[
    word('c', "counters", "", "Set the counters that the file names"),
    word('n', "noflush", "", "Keep what the tables hold"),
    word('t', "test", "", "Read and check only"),
    word('T', "table", "TABLE", "Restore this table only"),
    word('v', "verbose", "", "Print what is done"),
    word('w', "wait", "[SECONDS]", "Accepted; transactions need no lock"),
    word('W', "wait-interval", "MICROSECONDS", "Accepted"),
    word('M', "modprobe", "COMMAND", "Accepted; the kernel loads its modules"),
    word('4', "ipv4", "", "Accepted; rfw6-restore takes -6 and --ipv6 instead"),
    word('h', "help", "", "Show help"),
    word('V', "version", "", "Print the version"),
    ENCODING,
    NO_XT,
    RELEASE,
];

/// The options of `rfw-save`.
pub const SAVE: &[Word] = &[
    word('c', "counters", "", "Print the rules' counters too"),
    word('t', "table", "TABLE", "Print this table only"),
    word('f', "file", "FILE", "Write to a file"),
    word('M', "modprobe", "COMMAND", "Accepted; the kernel loads its modules"),
    word('d', "dump", "", "Accepted"),
    word('h', "help", "", "Show help"),
    word('V', "version", "", "Print the version"),
    RELEASE,
];

/// The tables.
pub const TABLES: &[&str] = &["filter", "nat", "mangle", "raw", "security"];

/// Words after `-p`: those that load a match, and what else is common.
pub fn protocols(matches: &[Extension]) -> Vec<&'static str> {
    let mut all: Vec<&str> = matches.iter().flat_map(|e| e.implied_by.iter().copied()).collect();
    all.retain(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    all.extend(["all", "gre", "igmp", "vrrp"]);
    all.sort_unstable();
    all.dedup();
    all
}

/// A match or a target, as the registry has it.
pub struct Extension {
    /// The name after `-m` or `-j`.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// The families that have it.
    pub families: Families,
    /// The words after `-p` that load it.
    pub implied_by: &'static [&'static str],
    /// What it does.
    pub summary: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
}

fn sorted<E>(entries: &'static [Entry<E>]) -> Vec<Extension> {
    let mut all: Vec<Extension> = entries
        .iter()
        .map(|entry| Extension {
            name: entry.name,
            aliases: entry.aliases,
            families: entry.families,
            implied_by: entry.implied_by,
            summary: entry.summary,
            options: entry.options,
        })
        .collect();
    all.sort_by_key(|extension| extension.name);
    all
}

/// The matches, by name.
pub fn matches() -> Vec<Extension> {
    sorted(MATCHES)
}

/// The targets, by name.
pub fn targets() -> Vec<Extension> {
    sorted(TARGETS)
}

/// Their names, each once.
pub fn names(all: &[Extension]) -> String {
    let mut names: Vec<&str> = all.iter().map(|extension| extension.name).collect();
    names.dedup();
    names.join(" ")
}

/// What words after `-m`, `-j` or `-p` load.
pub struct Loaded {
    /// The words.
    pub words: Vec<&'static str>,
    /// The options, of both families where they differ.
    pub options: Vec<&'static OptionSpec>,
}

/// What can be loaded, each word once.
pub fn loaded() -> Vec<Loaded> {
    let mut all: Vec<Loaded> = Vec::new();
    for extension in matches().into_iter().chain(targets()) {
        let at = all.iter().position(|loaded| loaded.words[0] == extension.name).unwrap_or(all.len());
        if at == all.len() {
            all.push(Loaded { words: vec![extension.name], options: Vec::new() });
        }
        for &word in extension.aliases.iter().chain(extension.implied_by) {
            if !all.iter().any(|loaded| loaded.words.contains(&word)) {
                all[at].words.push(word);
            }
        }
        let found = &mut all[at];
        for option in extension.options {
            if found.options.iter().all(|known| known.name != option.name) {
                found.options.push(option);
            }
        }
    }
    all.retain(|loaded| !loaded.options.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_loads_one_thing() {
        let all = loaded();
        let words: Vec<&str> = all.iter().flat_map(|loaded| loaded.words.iter().copied()).collect();
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len(), "{words:?}");
        let ah = all.iter().find(|loaded| loaded.words[0] == "ah").expect("there is one");
        let names: Vec<&str> = ah.options.iter().map(|option| option.name).collect();
        assert_eq!(names, ["ahspi", "ahlen", "ahres"]);
    }

    #[test]
    fn the_grammar_has_these_words_and_no_others() {
        let ours = [ENCODING.long, NO_XT.long, RELEASE.long];
        let described: BTreeSet<(char, &str)> = COMMANDS
            .iter()
            .chain(OPTIONS)
            .filter(|w| !ours.contains(&w.long))
            // The grammar's letter for what has none.
            .map(|w| (w.short.unwrap_or('0'), w.long))
            .collect();
        let grammar: BTreeSet<(char, &str)> =
            rfw_syntax::base_options().filter(|(_, long)| !["src", "dst"].contains(long)).collect();
        assert_eq!(described, grammar);
    }
}
