//! The options that one extension was given, and the usual ways to read them.

use std::borrow::Cow;

use rfw_diagnostics::{Code, Diagnostic, FixSafety, Span, codes};
use rfw_syntax::{Use, Word};
use rfw_values::{Masked, ValueError};

use crate::Parsed;

/// The options given to one extension.
#[derive(Clone, Copy, Debug)]
pub struct Uses<'u, 'a> {
    /// The extension's name, for messages.
    pub extension: &'static str,
    /// The word that loaded it.
    pub at: Span,
    /// In the order given.
    pub list: &'u [Use<'a>],
}

impl<'u, 'a> Uses<'u, 'a> {
    /// The first use of an option (aliases count).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'u Use<'a>> {
        self.list.iter().find(|u| u.option.key() == name)
    }

    /// Whether an option was given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether an option was given after `!`.
    #[must_use]
    pub fn inverted(&self, name: &str) -> bool {
        self.get(name).is_some_and(|u| u.inverted)
    }

    /// The value of an option, if it was given.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&'u Word<'a>> {
        self.get(name).and_then(Use::value)
    }

    /// The span of an option with its value, else of the extension's name.
    #[must_use]
    pub fn span(&self, name: &str) -> Span {
        self.get(name).map_or(self.at, Use::span)
    }

    /// An unsigned number between two bounds, in C notation.
    ///
    /// # Errors
    /// With libxtables' words for a bad or an out-of-range number.
    pub fn number(&self, name: &str, min: u32, max: u32) -> Parsed<Option<u32>> {
        let Some(word) = self.word(name) else { return Ok(None) };
        rfw_values::number::parse_u32(&word.text, min, max).map(Some).map_err(|error| {
            let text = format!(
                "{}: bad value for option \"--{name}\", or out of range ({min}-{max}).\n",
                self.extension
            );
            bad_value(word, &error, text)
        })
    }

    /// `value[/mask]`.
    ///
    /// # Errors
    /// With libxtables' words for a bad number and for what follows one.
    pub fn masked(&self, name: &str) -> Parsed<Option<Masked>> {
        let Some(word) = self.word(name) else { return Ok(None) };
        Masked::parse(&word.text).map(Some).map_err(|error| {
            let text = if number_then_garbage(&word.text) {
                format!("{}: trailing garbage after value for option \"--{name}\".\n", self.extension)
            } else {
                format!("{}: bad integer value for option \"--{name}\", or out of range.\n", self.extension)
            };
            bad_value(word, &error, text)
        })
    }

    /// `At least one option is required` and the like: a complaint about the extension as a whole.
    #[must_use]
    pub fn complaint(
        &self,
        code: Code,
        classic: impl Into<String>,
        help: impl Into<String>,
    ) -> Box<Diagnostic> {
        let classic = classic.into();
        Box::new(Diagnostic::error(code, self.at, classic.trim_end()).help(help).parameter(classic))
    }
}

/// Whether what is wrong with a `value[/mask]` begins behind a number.
fn number_then_garbage(text: &[u8]) -> bool {
    let number = |text: &[u8]| {
        let (value, len) = rfw_values::number::prefix(text)?;
        u32::try_from(value).is_ok().then_some(len)
    };
    let Some(value) = number(text) else { return false };
    match text.get(value) {
        Some(b'/') => number(&text[value + 1..]).is_some(),
        _ => true,
    }
}

/// A diagnostic for a value that does not parse: underlines the guilty bytes, says what was expected.
#[must_use]
pub fn bad_value(word: &Word<'_>, error: &ValueError, classic: impl Into<String>) -> Box<Diagnostic> {
    let shown = word.lossy();
    Box::new(
        Diagnostic::error(
            codes::BAD_VALUE,
            word.part(error.start, error.end),
            format!("`{shown}` is not valid here"),
        )
        .help(format!("expected {}", error.expected))
        .parameter(classic),
    )
}

/// The same for a value of a closed list: suggests the nearest.
#[must_use]
pub fn bad_choice(
    word: &Word<'_>,
    part: &[u8],
    span: Span,
    choices: &[&str],
    classic: impl Into<String>,
) -> Box<Diagnostic> {
    let shown: Cow<'_, str> = String::from_utf8_lossy(part);
    let near = rfw_values::suggest(part, choices.iter().copied());
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("one of {}", choices.join(", ")),
    };
    let span = if span == Span::default() { word.span } else { span };
    let mut diagnostic = Diagnostic::error(codes::BAD_VALUE, span, format!("`{shown}` is not known here"))
        .help(help)
        .parameter(classic);
    // Where quotes have moved the bytes there is no telling which ones to replace.
    if let Some(near) = near
        && (span.end - span.start) as usize == part.len()
    {
        diagnostic = diagnostic.fix(span, near, FixSafety::Suggestion);
    }
    Box::new(diagnostic)
}

/// The same for an item of a list of words, such as connection states.
#[must_use]
pub fn bad_item(
    word: &Word<'_>,
    part: &[u8],
    span: Span,
    choices: &[&str],
    classic: impl Into<String>,
) -> Box<Diagnostic> {
    let mut diagnostic = bad_choice(word, part, span, choices, classic);
    diagnostic.code = codes::BROKEN_LIST;
    diagnostic
}
