//! The counted comparison with iptables 1.8.9, extension by extension, of lines that are made from the fixtures' parts.
//!
//! Each line is added twice, by the host's iptables in one network namespace and by rfw (compat encoding) in another. Status
//! and first words must be the same; then both programs must print all rules alike, the expressions and payloads in the
//! kernel must be the same, and the program that did not add a rule must find (`-C`) and delete (`-D`) it.

pub mod generate;
pub mod judge;
pub mod known;
pub mod numbers;
pub mod observe;
pub mod print;
pub mod seeds;
pub mod values;

use rfw_extensions::matches::MATCHES;
use rfw_extensions::targets::TARGETS;
use rfw_nft::Family;
use rfw_syntax::OptionSpec;

/// An extension in one family.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Whether it is a target.
    pub target: bool,
    /// The name after `-m` or `-j`.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Its options.
    pub options: &'static [OptionSpec],
    /// The family.
    pub family: Family,
}

impl Subject {
    /// `match tcp 4`.
    #[must_use]
    pub fn label(&self) -> String {
        let kind = if self.target { "target" } else { "match" };
        format!("{kind} {} {}", self.name, seeds::digit(self.family))
    }

    /// `iptables` or `ip6tables`.
    #[must_use]
    pub const fn program(&self) -> &'static str {
        match self.family {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        }
    }
}

/// All extensions in the families that have them.
#[must_use]
pub fn subjects() -> Vec<Subject> {
    let mut all = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        for e in MATCHES.iter().filter(|e| e.families.has(family)) {
            all.push(Subject { target: false, name: e.name, aliases: e.aliases, options: e.options, family });
        }
        for e in TARGETS.iter().filter(|e| e.families.has(family)) {
            all.push(Subject { target: true, name: e.name, aliases: e.aliases, options: e.options, family });
        }
    }
    all.sort_by_key(|s| (s.target, s.name, seeds::digit(s.family)));
    all
}

/// A rule command: its table, and its words from `-A` on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The table.
    pub table: String,
    /// `-A`, the chain, and so on.
    pub words: Vec<String>,
    /// Whether there is at most one mistake in it, of which both programs must speak.
    pub one_mistake: bool,
}

impl Line {
    /// The words as in a restore file, with another command instead of `-A`.
    #[must_use]
    pub fn text(&self, command: &str) -> String {
        let mut text = command.to_owned();
        for word in self.words.iter().skip(1) {
            let quote = word.is_empty() || word.contains([' ', '\t', '"']);
            text.push(' ');
            if quote {
                text.push_str(&rfw_values::Quoted(word.as_bytes()).to_string());
            } else {
                text.push_str(word);
            }
        }
        text
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &str {
        self.words.get(1).map_or("", String::as_str)
    }
}
