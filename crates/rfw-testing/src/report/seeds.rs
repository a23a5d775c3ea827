//! What the fixtures of an extension say: the lines around its options, the options together, the values of each.

use std::collections::BTreeMap;

use rfw_nft::Family;
use rfw_syntax::{Arity, OptionSpec, split_line};

use super::Subject;
use crate::fixture::{Fixture, Kind, RuleFile};

/// An option in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its name, without dashes.
    pub name: &'static str,
    /// Whether `!` stands before it.
    pub inverted: bool,
    /// The words behind it.
    pub values: Vec<String>,
}

/// A line with its options taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The table.
    pub table: String,
    /// Words before the options.
    pub before: Vec<String>,
    /// Words behind them.
    pub after: Vec<String>,
    /// The options.
    pub uses: Vec<Use>,
}

/// All of one extension and family.
#[derive(Debug, Default)]
pub struct Seeds {
    /// Whole lines, table and words.
    pub lines: Vec<(String, Vec<String>)>,
    /// The accepted ones without their options.
    pub frames: Vec<Frame>,
    /// Values that accepted lines give to an option.
    pub good: BTreeMap<&'static str, Vec<Vec<String>>>,
    /// Values in refused lines.
    pub bad: BTreeMap<&'static str, Vec<Vec<String>>>,
    /// `# ipset:` commands.
    pub ipset_commands: Vec<Vec<String>>,
    /// Chains that are not base chains, with their tables.
    pub chains: Vec<(String, Vec<u8>)>,
}

impl Seeds {
    /// From the fixtures.
    #[must_use]
    pub fn new(subject: &Subject, fixtures: &[Fixture]) -> Self {
        let mut seeds = Self::default();
        let kind = if subject.target { Kind::Target } else { Kind::Match };
        // `ah` of IPv6 is another extension with the same name and directory.
        let own = |f: &&Fixture| f.kind == kind && f.name.eq_ignore_ascii_case(subject.name);
        for fixture in fixtures.iter().filter(own) {
            for file in &fixture.accept {
                seeds.add(subject, file, true);
            }
            for file in &fixture.reject {
                seeds.add(subject, file, false);
            }
        }
        seeds
    }

    fn add(&mut self, subject: &Subject, file: &RuleFile, accepted: bool) {
        let same_family = file.family == subject.family;
        if same_family && accepted {
            self.ipset_commands.extend(file.ipset_commands.iter().cloned());
            for (table, chain) in &file.chains {
                let base = rfw_compiler::TableSpec::named(table.as_bytes())
                    .is_some_and(|spec| spec.chain(chain).is_some());
                if !base {
                    self.chains.push((table.clone(), chain.clone()));
                }
            }
        }
        for line in &file.lines {
            let mut words = Vec::new();
            split_line(&line.text, 0, &mut words);
            let Some(words) =
                words.iter().map(|w| String::from_utf8(w.text.to_vec()).ok()).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            // One line is one rule: no lists of addresses; and counters are not an extension's.
            let listed = |pair: &[String]| matches!(pair[0].as_str(), "-s" | "-d") && pair[1].contains(',');
            if words.windows(2).any(listed) || words.iter().any(|w| w == "-c" || w.contains('\n')) {
                continue;
            }
            let (frame, once) = take_apart(subject, &line.table, &words);
            for used in &frame.uses {
                let pool = if accepted { &mut self.good } else { &mut self.bad };
                let list = pool.entry(key(subject.options, used.name)).or_default();
                if !list.contains(&used.values) && (same_family || !family_bound(&used.values)) {
                    list.push(used.values.clone());
                }
            }
            if !same_family {
                continue;
            }
            self.lines.push((line.table.clone(), words));
            if accepted && once {
                self.frames.push(frame);
            }
        }
    }

    /// The sets that its `# ipset:` commands make.
    #[must_use]
    pub fn sets(&self) -> Vec<String> {
        let creates = self.ipset_commands.iter().filter(|c| c.first().is_some_and(|w| w == "create"));
        creates.filter_map(|c| c.get(1).cloned()).collect()
    }

    /// Values of an option that accepted lines have.
    #[must_use]
    pub fn good(&self, spec: &OptionSpec) -> &[Vec<String>] {
        self.good.get(spec.key()).map_or(&[], Vec::as_slice)
    }

    /// Values of an option that refused lines have.
    #[must_use]
    pub fn bad(&self, spec: &OptionSpec) -> &[Vec<String>] {
        self.bad.get(spec.key()).map_or(&[], Vec::as_slice)
    }
}

/// Whether a value holds an address, which is of one family.
fn family_bound(values: &[String]) -> bool {
    values.iter().any(|v| v.contains("::") || v.bytes().filter(|b| *b == b'.').count() == 3)
}

fn key(options: &[OptionSpec], name: &'static str) -> &'static str {
    options.iter().find(|o| o.name == name).map_or(name, OptionSpec::key)
}

/// A line without its options, and whether the extension stands in it once.
fn take_apart(subject: &Subject, table: &str, words: &[String]) -> (Frame, bool) {
    let mut rest: Vec<String> = Vec::new();
    let mut uses: Vec<Use> = Vec::new();
    let mut place = None;
    let mut loaded = 0;
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        let spec = word.strip_prefix("--").and_then(|name| subject.options.iter().find(|o| o.name == name));
        let Some(spec) = spec else {
            rest.push(word.clone());
            at += 1;
            let names = matches!(rest.iter().rev().nth(1).map(String::as_str), Some("-m" | "-j" | "-g"));
            if names && (word == subject.name || subject.aliases.contains(&word.as_str())) {
                loaded += 1;
                place = Some(rest.len());
            }
            continue;
        };
        let inverted = rest.last().is_some_and(|w| w == "!");
        if inverted {
            rest.pop();
        }
        place = place.or(Some(rest.len()));
        let values: Vec<String> = match spec.arity {
            Arity::Flag => Vec::new(),
            Arity::Optional => {
                words.get(at + 1).filter(|w| !w.starts_with('-') && *w != "!").into_iter().cloned().collect()
            }
            Arity::One => words.iter().skip(at + 1).take(1).cloned().collect(),
            Arity::Two => words.iter().skip(at + 1).take(2).cloned().collect(),
        };
        at += 1 + values.len();
        uses.push(Use { name: spec.name, inverted, values });
    }
    let place = place.unwrap_or(rest.len()).min(rest.len());
    let after = rest.split_off(place);
    (Frame { table: table.to_owned(), before: rest, after, uses }, loaded <= 1)
}

/// The family as a digit.
#[must_use]
pub const fn digit(family: Family) -> char {
    match family {
        Family::Ipv4 => '4',
        Family::Ipv6 => '6',
    }
}
