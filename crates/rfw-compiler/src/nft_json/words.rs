//! The words of a line, one at a time.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use super::{Made, NoJson};

/// The words of a line; what stands in quotes is one, and a parenthesis outside of them too.
pub(super) struct Words(Peekable<IntoIter<String>>);

impl Words {
    pub(super) fn new(line: &str) -> Self {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for letter in line.chars() {
            quoted ^= letter == '"';
            if quoted || !matches!(letter, ' ' | '(' | ')') {
                word.push(letter);
                continue;
            }
            words.push(std::mem::take(&mut word));
            if letter != ' ' {
                words.push(letter.to_string());
            }
        }
        words.push(word);
        words.retain(|word| !word.is_empty());
        Self(words.into_iter().peekable())
    }

    pub(super) fn peek(&mut self) -> Option<&str> {
        self.0.peek().map(String::as_str)
    }

    /// The next word, if there is one.
    pub(super) fn next(&mut self) -> Option<String> {
        self.0.next()
    }

    pub(super) fn word(&mut self) -> Made<String> {
        self.next().ok_or_else(|| NoJson("the end".to_owned()))
    }

    pub(super) fn number(&mut self) -> Made<Value> {
        let word = self.word()?;
        // nft's JSON knows no larger number.
        word.parse::<i64>().map(Value::from).map_err(|_| NoJson(word))
    }

    /// What stands between quotes.
    pub(super) fn quoted(&mut self) -> Made<String> {
        let word = self.word()?;
        unquoted(&word).map(str::to_owned).ok_or(NoJson(word))
    }

    /// A word that is one of these.
    pub(super) fn one_of(&mut self, known: impl IntoIterator<Item = &'static str>) -> Made<&'static str> {
        let word = self.word()?;
        known.into_iter().find(|known| *known == word).ok_or(NoJson(word))
    }

    /// The word that has to stand here.
    pub(super) fn expect(&mut self, word: &'static str) -> Made<()> {
        self.one_of([word]).map(drop)
    }

    /// Takes the word if it is this one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        if found {
            self.next();
        }
        found
    }

    /// Nothing may be left.
    pub(super) fn end(&mut self) -> Made<()> {
        self.next().map_or(Ok(()), |word| Err(NoJson(word)))
    }
}

/// What stands between the quotes of a word.
pub(super) fn unquoted(word: &str) -> Option<&str> {
    word.strip_prefix('"')?.strip_suffix('"')
}
