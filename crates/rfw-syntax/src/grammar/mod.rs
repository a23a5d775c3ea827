//! The trunk: one pass over the words of a command, loading extensions as their names appear.

mod base;
mod blame;
mod constraints;
mod options;
mod values;

use rfw_diagnostics::{Classic, Diagnostic, Span, codes};

use crate::command::{Action, Command, RuleAst};
use crate::dictionary::Dictionary;
use crate::legality::{self, Given};
use crate::words::Word;
use constraints::check_complete;
pub(crate) use options::long_of;
use options::{BASE, Found, Value, base_of};

/// Where the words come from; decides which options are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `iptables …`.
    CommandLine,
    /// A line inside a table of a save file.
    Restore,
}

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// The base options: letter (`0` for what has none) and long name, for manuals and completions.
pub fn base_options() -> impl Iterator<Item = (char, &'static str)> {
    BASE.iter().map(|option| (char::from(option.letter), option.long))
}

/// Parses one command.
///
/// `end` is the span to blame when something is missing at the end of the words.
///
/// # Errors
/// The first mistake, with the words iptables uses for it.
pub fn parse_command<'a>(
    words: &[Word<'a>],
    end: Span,
    mode: Mode,
    dictionary: &dyn Dictionary,
) -> Result<Command<'a>> {
    // The original stops reading the line there, and the rule loses what follows.
    if let Some(word) = words.iter().find(|word| word.has_nul()) {
        return Err(nul(word.span));
    }
    let mut parser = Parser::new(words, end, mode, dictionary);
    while parser.next < words.len() {
        if parser.step()? {
            break;
        }
    }
    parser.finish()
}

pub(super) struct Parser<'w, 'a> {
    words: &'w [Word<'a>],
    next: usize,
    end: Span,
    mode: Mode,
    dictionary: &'w dyn Dictionary,
    invert: Option<Span>,
    action: Option<(Action, u8, Span)>,
    command: Command<'a>,
    given: Given,
    implicit_tried: bool,
    waits: bool,
    wait_interval: Option<Span>,
}

impl<'w, 'a> Parser<'w, 'a> {
    fn new(words: &'w [Word<'a>], end: Span, mode: Mode, dictionary: &'w dyn Dictionary) -> Self {
        let command = Command {
            action: Action::Help,
            also_zero: false,
            chain: None,
            number: None,
            argument: None,
            table: None,
            rule: RuleAst::default(),
            verbose: 0,
            numeric: false,
            exact: false,
            line_numbers: false,
            for_other_family: false,
            at: end,
            notices: Vec::new(),
        };
        Self {
            words,
            next: 0,
            end,
            mode,
            dictionary,
            invert: None,
            action: None,
            command,
            given: Given::default(),
            implicit_tried: false,
            waits: false,
            wait_interval: None,
        }
    }

    /// Handles the next word; true if nothing after it matters (`-h`, `-V`).
    fn step(&mut self) -> Result<bool> {
        let words = self.words;
        let word = &words[self.next];
        self.next += 1;
        let text: &[u8] = &word.text;
        if text == b"!" {
            if self.invert.is_some() {
                return Err(parameter(
                    codes::MISPLACED_NEGATION,
                    word.span,
                    "multiple consecutive ! not allowed",
                    "drop one of them",
                ));
            }
            self.invert = Some(word.span);
            return Ok(false);
        }
        let done = match text {
            [b'-', b'-', name @ ..] if !name.is_empty() => self.long(word, name),
            b"--" => self.end_of_options(word),
            [b'-', letters @ ..] if !letters.is_empty() => self.short(word, letters),
            _ => Err(self.stray(word)),
        }?;
        // After `--` at the end, the `!` before it stands before nothing; the end says so.
        if text != b"--"
            && let Some(span) = self.invert.take()
        {
            // Of letters run together the first, whichever it was.
            let letter = text.iter().find(|&&b| b != b'-').copied().unwrap_or(b'-');
            let shown = format!("-{}", char::from(letter));
            return Err(parameter(
                codes::OPTION_NOT_INVERTIBLE,
                span.to(word.span),
                format!("cannot have ! before {shown}"),
                "this option has no opposite",
            )
            .map_later(format!("cannot have ! before {}", named_long(text))));
        }
        Ok(done)
    }

    /// `--`: nothing may follow that is no option, and nothing that follows is one.
    fn end_of_options(&mut self, word: &Word<'a>) -> Result<bool> {
        match self.words.get(self.next) {
            None => Ok(false),
            Some(next) => Err(parameter(
                codes::STRAY_WORD,
                word.span.to(next.span),
                "unknown arguments found on commandline",
                "after `--` no option is read, and iptables takes no other words: drop it",
            )),
        }
    }

    fn long(&mut self, word: &Word<'a>, name: &[u8]) -> Result<bool> {
        let (name, attached) = match name.iter().position(|&b| b == b'=') {
            Some(equals) => (&name[..equals], Some(tail(word, word.text.len() - name.len() + equals + 1))),
            None => (name, None),
        };
        match self.find_or_load(name, word) {
            Found::Base(base) => {
                if attached.is_some() && base.value == Value::None {
                    let later = format!("unknown option \"-{}\"", char::from(base.letter));
                    return Err(self.unknown(word, name).map_later(later));
                }
                self.base(base, word, attached)
            }
            Found::Extension(owner, spec) => self.extension(owner, spec, word, attached).map(|()| false),
            Found::Ambiguous | Found::Nothing => Err(self.unknown(word, name)),
        }
    }

    /// A cluster of one-letter options: `-nvL`, `-ptcp`.
    fn short(&mut self, word: &Word<'a>, letters: &[u8]) -> Result<bool> {
        for (index, &letter) in letters.iter().enumerate() {
            let Some(base) = base_of(letter) else {
                return Err(self.unknown(word, letters));
            };
            let rest = &letters[index + 1..];
            if base.value == Value::None || rest.is_empty() {
                if self.base(base, word, None)? {
                    return Ok(true);
                }
                continue;
            }
            return self.base(base, word, Some(tail(word, index + 2)));
        }
        Ok(false)
    }

    fn finish(mut self) -> Result<Command<'a>> {
        if self.command.for_other_family {
            return Ok(self.command);
        }
        if let Some(span) = self.invert {
            return Err(parameter(
                codes::MISPLACED_NEGATION,
                span,
                "nothing appropriate following !",
                "`!` stands before the option it turns round",
            ));
        }
        let Some((action, letter, at)) = self.action else {
            return Err(parameter(
                codes::NO_COMMAND,
                self.end,
                "no command specified",
                "begin with a command: -A, -I, -D, -L, -S … (see -h)",
            ));
        };
        self.command.action = action;
        self.command.at = at;
        if matches!(action, Action::Help | Action::Version) {
            return Ok(self.command);
        }
        if let Some(span) = self.wait_interval.filter(|_| !self.waits) {
            let text = "--wait-interval only makes sense with --wait";
            return Err(Box::new(
                Diagnostic::error(codes::STRAY_WORD, span, text).help("drop it: nothing here waits").classic(
                    Classic::Announced { line: self.command.notices.join("\n"), text: format!("{text}\n") },
                ),
            ));
        }
        legality::check(&self.given, action, letter)?;
        for loaded in &self.command.rule.matches {
            check_complete(self.dictionary, loaded)?;
        }
        if let Some(loaded) = self.command.rule.target.as_ref().and_then(|t| t.extension.as_ref()) {
            check_complete(self.dictionary, loaded)?;
        }
        if let Some(word) = self.command.chain.as_ref().filter(|word| word.text.len() > MOST_BYTES) {
            return Err(too_long(word));
        }
        Ok(self.command)
    }
}

/// Refuses a byte that is zero: the original stops reading a line there.
#[must_use]
pub fn nul(span: Span) -> Box<Diagnostic> {
    parameter(codes::BAD_VALUE, span, "NUL in a word", "remove the byte")
}

/// How long the name of a chain may be: `XT_EXTENSION_MAXNAMELEN` less the byte that ends it.
const MOST_BYTES: usize = 28;

fn too_long(word: &Word<'_>) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::BAD_CHAIN_NAME, word.span, "chain names have at most 28 bytes")
            .help("choose a shorter name")
            .parameter(format!("chain name `{}' too long (must be under 29 chars)", word.lossy())),
    )
}

/// Whether a user chain may be called this: `-N`, and `:CHAIN` lines of a file.
///
/// # Errors
/// With iptables' words.
pub fn check_new_name(word: &Word<'_>, dictionary: &dyn Dictionary) -> Result<()> {
    let shown = word.lossy();
    let targets = dictionary.target_names();
    // What libxtables calls the target behind verdicts and jumps.
    let taken = |name: &[u8]| name == b"standard" || targets.iter().any(|n| n.as_bytes() == name);
    let (text, help) = match word.text.first() {
        Some(first @ (b'-' | b'!')) => (
            format!("chain name not allowed to start with `{}'", char::from(*first)),
            "begin the name with a letter".to_owned(),
        ),
        None => ("chain name may not clash with target name".to_owned(), "give the chain a name".to_owned()),
        _ if word.text.len() > MOST_BYTES => return Err(too_long(word)),
        _ if word.text.iter().any(u8::is_ascii_whitespace) => {
            (format!("Invalid chain name `{shown}'"), "chain names hold no blanks".to_owned())
        }
        _ if taken(&word.text) => (
            "chain name may not clash with target name".to_owned(),
            format!("`-j {shown}` already means the target of that name"),
        ),
        _ => return Ok(()),
    };
    Err(parameter(codes::BAD_CHAIN_NAME, word.span, text, help))
}

/// The rest of a word behind `from`, as a word of its own.
fn tail<'a>(word: &Word<'a>, from: usize) -> Word<'a> {
    let text = match &word.text {
        std::borrow::Cow::Borrowed(text) => std::borrow::Cow::Borrowed(&text[from..]),
        std::borrow::Cow::Owned(text) => std::borrow::Cow::Owned(text[from..].to_vec()),
    };
    Word { span: word.part(from, word.text.len()), text, quoted: word.quoted }
}

/// A base option as 1.8.11 names it.
fn named_long(word: &[u8]) -> String {
    let found = match word.strip_prefix(b"--") {
        Some(name) => BASE.iter().find(|base| base.long.as_bytes().starts_with(name)).map(|base| base.letter),
        None => word.get(1).copied(),
    };
    found.map_or_else(|| String::from_utf8_lossy(word).into_owned(), long_of)
}

/// A diagnostic whose message is iptables' own text.
fn parameter(
    code: rfw_diagnostics::Code,
    span: Span,
    text: impl Into<String>,
    help: impl Into<String>,
) -> Box<Diagnostic> {
    let text = text.into();
    Box::new(Diagnostic::error(code, span, text.trim_end()).help(help).parameter(text))
}
