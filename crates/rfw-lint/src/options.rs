//! What a run of the checks is told.

use std::collections::BTreeMap;

use rfw_diagnostics::{Code, Severity, Source, codes};

use crate::facts::Facts;

/// Facts, and what is wanted of the findings.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is known besides the text.
    pub facts: Facts,
    /// Which codes are wanted.
    pub selection: Selection,
    /// Severities that differ from those of the checks.
    pub severities: BTreeMap<Code, Severity>,
    /// The text that the next start of the host will load, where the text is its running ruleset.
    pub boot: Option<Source>,
    /// Whether findings get the ways of their example packets: of use to formats that can show them.
    pub walks: bool,
    /// Whether a suppression has to give its reason.
    pub require_reason: bool,
}

/// Which codes are wanted. Later words win over earlier ones where both name a code and are equally exact; a more exact
/// word wins over a wider one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    words: Vec<(Selector, bool)>,
}

/// Checks of what some want and others need: off unless a word names them.
const OPT_IN: &[Code] = &[codes::NEW_WITHOUT_SYN, codes::ORDER_SENSITIVE_OVERLAP];

/// A word that names codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// `all`.
    All,
    /// `RFW3`, `3xx`, `RFW21`: numbers from the first to the second.
    Group(u16, u16),
    /// A code or its name.
    One(Code),
}

impl Selector {
    /// What a word names: a code, a name, `RFW3`, `3xx`, `RFW21x`, `all`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        if word.eq_ignore_ascii_case("all") {
            return Some(Self::All);
        }
        if let Some(code) = codes::by_text(word) {
            return Some(Self::One(code));
        }
        let prefix = match word.get(..3) {
            Some(head) if head.eq_ignore_ascii_case("RFW") => &word[3..],
            _ if word.ends_with(['x', 'X']) => word,
            _ => return None,
        };
        let digits = prefix.trim_end_matches(['x', 'X']);
        let number: u16 = digits.parse().ok()?;
        match (digits.len(), prefix.len()) {
            (1, 1 | 3) if number > 0 => Some(Self::Group(number * 100, number * 100 + 99)),
            (2, 2 | 3) if number > 9 => Some(Self::Group(number * 10, number * 10 + 9)),
            _ => None,
        }
    }

    /// Whether it names a code.
    #[must_use]
    pub fn names(self, code: Code) -> bool {
        match self {
            Self::All => true,
            Self::Group(first, last) => (first..=last).contains(&code.number),
            Self::One(one) => one == code,
        }
    }

    /// How exact it is.
    fn rank(self) -> u8 {
        match self {
            Self::All => 0,
            Self::Group(first, last) if last - first > 9 => 1,
            Self::Group(..) => 2,
            Self::One(_) => 3,
        }
    }
}

impl Selection {
    /// Adds a word. The first `select` that there is makes it the only thing wanted.
    pub fn add(&mut self, selector: Selector, wanted: bool) {
        self.words.push((selector, wanted));
    }

    /// Forgets what was selected, not what was left out.
    pub fn select_anew(&mut self) {
        self.words.retain(|&(_, wanted)| !wanted);
    }

    /// Whether findings of a code are wanted; with no word at all, all but a few are.
    #[must_use]
    pub fn wants(&self, code: Code) -> bool {
        let named = self.words.iter().filter(|(selector, _)| selector.names(code));
        match named.max_by_key(|(selector, _)| selector.rank()) {
            Some(&(_, wanted)) => wanted,
            None => !OPT_IN.contains(&code) && !self.words.iter().any(|&(_, wanted)| wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(words: &[(&str, bool)]) -> Selection {
        let mut selection = Selection::default();
        for (word, wanted) in words {
            selection.add(Selector::parse(word).unwrap_or_else(|| panic!("{word}")), *wanted);
        }
        selection
    }

    #[test]
    fn words() {
        assert_eq!(Selector::parse("RFW3"), Some(Selector::Group(300, 399)));
        assert_eq!(Selector::parse("rfw3xx"), Some(Selector::Group(300, 399)));
        assert_eq!(Selector::parse("3xx"), Some(Selector::Group(300, 399)));
        assert_eq!(Selector::parse("RFW21"), Some(Selector::Group(210, 219)));
        assert_eq!(Selector::parse("21x"), Some(Selector::Group(210, 219)));
        assert_eq!(Selector::parse("ALL"), Some(Selector::All));
        for code in ["301", "RFW301", "shadowed-rule"] {
            assert_eq!(Selector::parse(code), Some(Selector::One(codes::SHADOWED_RULE)), "{code}");
        }
        for word in ["", "RFW", "3", "xx", "RFW0", "RFW3x", "3xxx", "RFW999", "shadow", "RFW-1", "é3x"] {
            assert_eq!(Selector::parse(word), None, "{word}");
        }
    }

    #[test]
    fn the_more_exact_word_wins() {
        let (dead, same, log) = (codes::SHADOWED_RULE, codes::DUPLICATE_RULE, codes::LOG_WITHOUT_LIMIT);
        let overlap = codes::ORDER_SENSITIVE_OVERLAP;
        assert!(selection(&[]).wants(dead) && !selection(&[]).wants(overlap));
        assert!(selection(&[("RFW310", true)]).wants(overlap) && selection(&[("all", true)]).wants(overlap));
        assert!(!selection(&[("RFW5", false)]).wants(overlap));
        let some = selection(&[("RFW3", true), ("RFW305", false)]);
        assert!(some.wants(dead) && !some.wants(same) && !some.wants(log));
        let but = selection(&[("RFW3", false), ("RFW305", true), ("all", true)]);
        assert!(!but.wants(dead) && but.wants(same) && but.wants(log));
        let last = selection(&[("RFW305", false), ("RFW305", true)]);
        assert!(last.wants(same) && !last.wants(dead));
        let none = selection(&[("RFW3", false)]);
        assert!(!none.wants(dead) && none.wants(log));
        let loose = codes::NEW_WITHOUT_SYN;
        assert!(!selection(&[]).wants(loose) && !none.wants(loose) && !some.wants(loose));
        assert!(selection(&[("all", true)]).wants(loose) && selection(&[("RFW2", true)]).wants(loose));
    }
}
