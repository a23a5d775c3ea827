//! The words behind options.

use rfw_diagnostics::{Diagnostic, codes};

use crate::dictionary::OptionSpec;
use crate::words::{Word, dash_repaired};

use super::options::Found;
use super::{Parser, Result, parameter};

impl<'a> Parser<'_, 'a> {
    pub(super) fn peek_is_value(&self) -> bool {
        self.words.get(self.next).is_some_and(|w| !matches!(w.text.first(), Some(b'-' | b'!')))
    }

    pub(super) fn optional(&mut self, attached: Option<Word<'a>>) -> Option<Word<'a>> {
        if attached.is_some() {
            return attached;
        }
        if self.peek_is_value() {
            self.next += 1;
            return self.words.get(self.next - 1).cloned();
        }
        None
    }

    pub(super) fn required(
        &mut self,
        word: &Word<'a>,
        attached: Option<Word<'a>>,
        free_text: bool,
    ) -> Result<Word<'a>> {
        if let Some(value) = attached {
            return Ok(value);
        }
        let Some(value) = self.words.get(self.next).cloned() else {
            let text = format!("option \"{}\" requires an argument", word.lossy());
            return Err(Box::new(
                Diagnostic::error(
                    codes::MISSING_OPTION_VALUE,
                    word.span,
                    format!("`{}` needs a value and nothing follows", word.lossy()),
                )
                .help("give the value, or delete the option")
                .parameter(text),
            ));
        };
        if !free_text && !value.quoted && self.is_known_option(&value) {
            return Err(self.swallowed(word, &value));
        }
        self.next += 1;
        Ok(value)
    }

    /// The second value of an option; one that begins like an option or a negation is none.
    pub(super) fn second_value(&mut self, word: &Word<'a>, spec: &OptionSpec) -> Result<Word<'a>> {
        let next = self.words.get(self.next);
        let Some(value) = next.filter(|w| !matches!(w.text.first(), Some(b'-' | b'!'))).cloned() else {
            return Err(parameter(
                codes::MISSING_OPTION_VALUE,
                word.span,
                match spec.second_missing {
                    Some(words) => words.to_owned(),
                    None => format!("--{} requires two args.", spec.name),
                },
                "give both values",
            ));
        };
        self.next += 1;
        Ok(value)
    }

    /// Whether a word is an option at this place: no value looks like that, unless somebody has quoted it.
    pub(super) fn is_known_option(&self, word: &Word<'a>) -> bool {
        // Neither a dash nor the beginning of a typographic one.
        if word.text.first().is_none_or(|&first| first != b'-' && first.is_ascii()) {
            return false;
        }
        let repaired = dash_repaired(&word.text);
        let text = repaired.as_ref().map_or(&word.text[..], |(_, _, text)| text.as_bytes());
        let Some(name) = text.strip_prefix(b"--").filter(|n| n.len() > 1) else { return false };
        match self.find(name) {
            Found::Base(_) | Found::Extension(..) => true,
            Found::Ambiguous => false,
            Found::Nothing => {
                let Some(protocol) = &self.command.rule.protocol else { return false };
                let Some(id) = self.dictionary.implicit_match(&protocol.value.text) else { return false };
                self.dictionary.options(id).iter().any(|o| o.name.as_bytes() == name)
            }
        }
    }

    pub(super) fn second(&mut self, letter: u8, word: &Word<'a>) -> Result<Word<'a>> {
        if self.peek_is_value() {
            self.next += 1;
            return Ok(self.words[self.next - 1].clone());
        }
        let what = if letter == b'E' { "old-chain-name and new-chain-name" } else { "a chain and a policy" };
        Err(parameter(
            codes::MISSING_OPTION_VALUE,
            word.span,
            format!("-{} requires {what}", char::from(letter)),
            if letter == b'E' { "`-E OLD NEW`" } else { "`-P CHAIN ACCEPT` or `-P CHAIN DROP`" },
        ))
    }

    pub(super) fn rule_number(&mut self) -> Result<u32> {
        let word = &self.words[self.next];
        self.next += 1;
        rfw_values::number::parse_u32(&word.text, 1, i32::MAX.unsigned_abs()).map_err(|_| {
            parameter(
                codes::BAD_RULE_NUMBER,
                word.span,
                format!("Invalid rule number `{}'", word.lossy()),
                "rules are numbered from 1; `-L --line-numbers` shows them",
            )
        })
    }
}
