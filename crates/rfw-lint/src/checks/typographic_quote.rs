//! A typographic quotation mark or a blank that is none stands where an ASCII one was meant.
//!
//! **Why.** Word processors and web pages turn `"` into `“` and `”`, and blanks into no-break spaces. To iptables both are
//! letters: the mark becomes part of the text, the value ends at the first real blank, and the rest of the line is refused.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -j LOG --log-prefix “denied: ”
//! ```
//! Good:
//! ```text
//! -A INPUT -j LOG --log-prefix "denied: "
//! ```
//! **Suppress.** Never needed: marks inside of ASCII quotes are not looked at.

use std::borrow::Cow;

use rfw_diagnostics::{Diagnostic, Edit, Fix, FixSafety, Span, codes};
use rfw_extensions::matches::MATCHES;
use rfw_extensions::targets::TARGETS;
use rfw_syntax::{Word, split_line};

pub(crate) use super::by_reading as run;

/// Marks that open or close a quotation somewhere in the world.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{2018}'..='\u{201b}' | '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{b4}' | '\u{2039}' | '\u{203a}'
    )
}

/// Blanks that no shell and no iptables takes for one.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}') || is_nothing(c)
}

/// Those that have no width.
fn is_nothing(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// The words as they were meant, if some have a mark or blank that was not.
pub(crate) fn clean<'a>(words: &[Word<'a>], text: &[u8]) -> Option<(Vec<Word<'a>>, Diagnostic)> {
    if words.iter().all(|word| word.text.is_ascii()) {
        return None;
    }
    let mut cleaner = Cleaner { text, out: Vec::with_capacity(words.len()), edits: Vec::new(), first: None };
    let mut at = 0;
    while at < words.len() {
        at += cleaner.take(&words[at..]);
    }
    let wrong = cleaner.first?;
    let message = if is_mark(wrong) {
        format!("typographic quote U+{:04X} where an ASCII quote is needed", u32::from(wrong))
    } else {
        format!("U+{:04X} looks like a blank and is none", u32::from(wrong))
    };
    let help = if is_mark(wrong) {
        "the mark becomes part of the text, and the value ends at the first blank: retype it as `\"`"
    } else {
        "it becomes part of the word before it: retype it as an ordinary blank"
    };
    let span = cleaner.edits.first()?.span;
    let mut diagnostic = Diagnostic::error(codes::TYPOGRAPHIC_QUOTE, span, message).help(help);
    diagnostic.fix = Some(Fix { edits: cleaner.edits, safety: FixSafety::Safe });
    Some((cleaner.out, diagnostic))
}

struct Cleaner<'t, 'a> {
    text: &'t [u8],
    out: Vec<Word<'a>>,
    edits: Vec<Edit>,
    /// The first wrong character.
    first: Option<char>,
}

impl<'a> Cleaner<'_, 'a> {
    fn edit(&mut self, start: usize, wrong: char, replacement: &str) {
        let span = Span::new(start, start + wrong.len_utf8());
        self.first.get_or_insert(wrong);
        self.edits.push(Edit { span, replacement: replacement.to_owned() });
    }

    /// Takes the next words; how many.
    fn take(&mut self, words: &[Word<'a>]) -> usize {
        let word = &words[0];
        let Ok(said) = std::str::from_utf8(&word.text) else {
            self.out.push(word.clone());
            return 1;
        };
        if word.quoted {
            return self.unclosed(word, said);
        }
        let value_of_text = self.out.last().is_some_and(takes_text);
        let opening = said.char_indices().find(|(at, _)| *at == 0 || said[..*at].ends_with('='));
        if let Some((at, mark)) = opening.filter(|(_, c)| is_mark(*c))
            && let Some(used) = self.quotation(words, at, mark)
        {
            return used;
        }
        if value_of_text || !said.chars().any(is_blank) {
            self.out.push(word.clone());
            return 1;
        }
        let start = word.span.start as usize;
        let mut part = Vec::new();
        let mut from = start;
        for (at, c) in said.char_indices() {
            let here = start + at;
            if !is_blank(c) {
                part.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            self.edit(here, c, if is_nothing(c) { "" } else { " " });
            if !is_nothing(c) {
                self.push(std::mem::take(&mut part), from, here, false);
                from = here + c.len_utf8();
            }
        }
        self.push(part, from, word.span.end as usize, false);
        1
    }

    fn push(&mut self, text: Vec<u8>, from: usize, to: usize, quoted: bool) {
        if quoted || !text.is_empty() {
            self.out.push(Word { text: Cow::Owned(text), span: Span::new(from, to), quoted });
        }
    }

    /// A quotation that begins in the first word; how many words it takes, if it ends.
    fn quotation(&mut self, words: &[Word<'a>], at: usize, mark: char) -> Option<usize> {
        let start = words[0].span.start as usize + at;
        let body = start + mark.len_utf8();
        for (index, word) in words.iter().enumerate() {
            let said = std::str::from_utf8(&word.text).ok()?;
            let Some(close) = said.chars().next_back().filter(|c| is_mark(*c) || *c == '"') else { continue };
            let end = word.span.end as usize - close.len_utf8();
            if end < body {
                continue;
            }
            let mut text = words[0].text[..at].to_vec();
            text.extend_from_slice(self.text.get(body..end)?);
            self.edit(start, mark, "\"");
            if is_mark(close) {
                self.edit(end, close, "\"");
            }
            self.push(text, words[0].span.start as usize, word.span.end as usize, true);
            return Some(index + 1);
        }
        None
    }

    /// A quotation that an ASCII mark opens and a typographic one closes.
    fn unclosed(&mut self, word: &Word<'a>, said: &str) -> usize {
        let raw = self.text.get(word.span.start as usize..word.span.end as usize).unwrap_or_default();
        let close = said.ends_with('\n').then(|| std::str::from_utf8(raw).ok()).flatten();
        let close = close.and_then(|raw| raw.char_indices().find(|(_, c)| is_mark(*c)));
        let Some((at, mark)) = close else {
            self.out.push(word.clone());
            return 1;
        };
        let start = word.span.start as usize;
        let text = raw[..at].iter().copied().filter(|&b| b != b'"').collect();
        self.edit(start + at, mark, "\"");
        self.push(text, start, start + at + mark.len_utf8(), true);
        let mut rest = Vec::new();
        let from = at + mark.len_utf8();
        split_line(&raw[from..], start + from, &mut rest);
        self.out.extend(
            rest.into_iter().map(|w| Word { text: Cow::Owned(w.text.into_owned()), span: w.span, quoted: w.quoted }),
        );
        1
    }
}

/// Whether a word is an option whose value is text for people.
fn takes_text(word: &Word<'_>) -> bool {
    let Some(name) = word.text.strip_prefix(b"--") else { return false };
    let matches = MATCHES.iter().map(|e| e.options);
    let mut options = matches.chain(TARGETS.iter().map(|e| e.options)).flatten();
    options.any(|option| option.free_text && option.name.as_bytes() == name)
}
