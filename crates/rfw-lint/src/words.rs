//! The words of a rule where they stand, for fixes that change one of them.

use rfw_diagnostics::{SourceKind, Span};

use crate::Input;
use crate::checks::Cx;
use crate::model::RuleId;

/// A word and its place, quotes included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) span: Span,
    pub(crate) text: &'a str,
}

impl<'a> Cx<'a> {
    /// The words of a rule; none where a change of the text would change more than this rule, or the text is a program.
    pub(crate) fn words(&self, id: RuleId) -> Vec<Word<'a>> {
        let Some(placed) = self.model.rule(id) else { return Vec::new() };
        let plain = self.source.kind == SourceKind::File && self.model.input != Input::Script;
        // A command with several addresses makes several rules.
        let near = [id.rule.checked_sub(1), id.rule.checked_add(1)].into_iter().flatten();
        let shared =
            near.filter_map(|rule| self.model.rule(RuleId { rule, ..id })).any(|r| r.span == placed.span);
        let (from, to) = (placed.span.start as usize, placed.span.end as usize);
        let text = self.source.text.get(from..to).and_then(|text| std::str::from_utf8(text).ok());
        text.filter(|_| plain && !shared).map_or(Vec::new(), |text| split(text, from))
    }

    /// The start of a rule's line if the rule is appended there and nothing else is on it, and the line.
    pub(crate) fn appended(&self, span: Span) -> Option<(Span, &'a str)> {
        let line = self.whole_line(span)?;
        let text = std::str::from_utf8(self.source.text.get(line.start as usize..line.end as usize)?).ok()?;
        let rule = match text.strip_prefix('[') {
            Some(counted) => counted.split_once("] ")?.1,
            None => text,
        };
        (rule.starts_with("-A ") && text.ends_with('\n')).then_some((line, text))
    }
}

fn split(text: &str, at: usize) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let (mut start, mut quote) = (None, None);
    for (n, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => {
                quote = Some(c);
                start.get_or_insert(n);
            }
            (None, ' ' | '\t') => {
                if let Some(from) = start.take() {
                    found.push(Word { span: Span::new(at + from, at + n), text: &text[from..n] });
                }
            }
            _ => {
                start.get_or_insert(n);
            }
        }
    }
    found
}

/// The words behind an option, of which there is one, and which is not negated.
pub(crate) fn value<'w, 'a>(words: &'w [Word<'a>], options: &[&str]) -> Option<&'w Word<'a>> {
    let mut places = (0..words.len()).filter(|&at| options.contains(&words[at].text));
    let (at, None) = (places.next()?, places.next()) else { return None };
    let negated = at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|word| word.text == "!");
    words.get(at + 1).filter(|_| !negated)
}

/// The list of connection states that a rule asks for.
pub(crate) fn states<'w, 'a>(words: &'w [Word<'a>]) -> Option<&'w Word<'a>> {
    value(words, &["--ctstate", "--state"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_places() {
        let words = split("-A INPUT  --log-prefix \"a b\" -j LOG", 10);
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        assert_eq!(texts, ["-A", "INPUT", "--log-prefix", "\"a b\"", "-j", "LOG"]);
        assert_eq!(words[3].span, Span::new(33, 38));
    }

    #[test]
    fn a_negated_or_doubled_option_has_no_value() {
        let asked = |text| states(&split(text, 0)).map(|word| word.text);
        assert_eq!(asked("-m state --state NEW,ESTABLISHED -j ACCEPT"), Some("NEW,ESTABLISHED"));
        assert_eq!(asked("-m state ! --state NEW -j DROP"), None);
        assert_eq!(asked("-m state --state NEW -m conntrack --ctstate NEW"), None);
        assert_eq!(asked("--ctstate"), None);
    }
}
