//! The trunk: one pass over the words of a command, loading extensions as their names appear.

use rfw_diagnostics::{Classic, Diagnostic, FixSafety, Span, codes};

use crate::command::{Action, Command, Loaded, Negatable, RuleAst, TargetAst, Use};
use crate::dictionary::{Arity, Dictionary, ExtId, OptionSpec};
use crate::legality::{self, Given};
use crate::words::{Word, dash_repaired};

/// Where the words come from; decides which options are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `iptables …`.
    CommandLine,
    /// A line inside a table of a save file.
    Restore,
}

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

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
    if let Some(word) = words.iter().find(|word| word.text.contains(&0)) {
        return Err(parameter(codes::BAD_VALUE, word.span, "NUL in a word", "remove the byte"));
    }
    let mut parser = Parser::new(words, end, mode, dictionary);
    while parser.next < words.len() {
        if parser.step()? {
            break;
        }
    }
    parser.finish()
}

/// A base option: its letter and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Base {
    letter: u8,
    long: &'static str,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    None,
    Required,
    Optional,
}

const fn base(letter: u8, long: &'static str, value: Value) -> Base {
    Base { letter, long, value }
}

/// The base options of iptables(8), with both names of each.
const BASE: &[Base] = &[
    base(b'A', "append", Value::Required),
    base(b'C', "check", Value::Required),
    base(b'D', "delete", Value::Required),
    base(b'I', "insert", Value::Required),
    base(b'R', "replace", Value::Required),
    base(b'L', "list", Value::Optional),
    base(b'S', "list-rules", Value::Optional),
    base(b'F', "flush", Value::Optional),
    base(b'Z', "zero", Value::Optional),
    base(b'N', "new-chain", Value::Required),
    base(b'X', "delete-chain", Value::Optional),
    base(b'E', "rename-chain", Value::Required),
    base(b'P', "policy", Value::Required),
    base(b's', "source", Value::Required),
    base(b's', "src", Value::Required),
    base(b'd', "destination", Value::Required),
    base(b'd', "dst", Value::Required),
    base(b'p', "protocol", Value::Required),
    base(b'i', "in-interface", Value::Required),
    base(b'o', "out-interface", Value::Required),
    base(b'j', "jump", Value::Required),
    base(b'g', "goto", Value::Required),
    base(b'm', "match", Value::Required),
    base(b't', "table", Value::Required),
    base(b'M', "modprobe", Value::Required),
    base(b'c', "set-counters", Value::Required),
    base(b'f', "fragments", Value::None),
    base(b'n', "numeric", Value::None),
    base(b'v', "verbose", Value::None),
    base(b'x', "exact", Value::None),
    base(b'0', "line-numbers", Value::None),
    base(b'w', "wait", Value::Optional),
    base(b'W', "wait-interval", Value::Optional),
    base(b'h', "help", Value::None),
    base(b'V', "version", Value::None),
    base(b'4', "ipv4", Value::None),
    base(b'6', "ipv6", Value::None),
];

/// Which loaded extension an option belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Match(usize),
    Target,
}

#[derive(Clone, Copy, Debug)]
enum Found {
    Base(Base),
    Extension(Owner, &'static OptionSpec),
    Ambiguous,
    Nothing,
}

struct Parser<'w, 'a> {
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
            family: None,
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
            let shown = if text.starts_with(b"--") {
                format!("-{}", char::from(text[2]))
            } else {
                word.lossy().into_owned()
            };
            return Err(parameter(
                codes::OPTION_NOT_INVERTIBLE,
                span.to(word.span),
                format!("cannot have ! before {shown}"),
                "this option has no opposite",
            ));
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
                    return Err(self.unknown(word, name));
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
            let Some(&base) = BASE.iter().find(|b| b.letter == letter && letter != b'0') else {
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

    fn find_or_load(&mut self, name: &[u8], word: &Word<'a>) -> Found {
        let found = self.find(name);
        if !matches!(found, Found::Nothing) || self.implicit_tried {
            return found;
        }
        let Some(protocol) = &self.command.rule.protocol else { return found };
        let Some(id) = self.dictionary.implicit_match(&protocol.value.text) else { return found };
        if self.command.rule.matches.iter().any(|m| m.id == id) {
            return found;
        }
        self.implicit_tried = true;
        self.command.rule.matches.push(Loaded { id, at: word.span, implicit: true, uses: Vec::new() });
        let found = self.find(name);
        if matches!(found, Found::Nothing) {
            self.command.rule.matches.pop();
            self.implicit_tried = false;
        }
        found
    }

    /// The loaded extensions, the newest first.
    fn loaded(&self) -> impl Iterator<Item = (Owner, ExtId)> + '_ {
        let target = self.command.rule.target.iter().filter_map(|t| t.extension.as_ref());
        let matches = self.command.rule.matches.iter().enumerate().rev();
        target.map(|t| (Owner::Target, t.id)).chain(matches.map(|(index, m)| (Owner::Match(index), m.id)))
    }

    /// Exact names first, then prefixes that only one option has, as getopt_long does.
    fn find(&self, name: &[u8]) -> Found {
        if let Some(&base) = BASE.iter().find(|b| b.long.as_bytes() == name) {
            return Found::Base(base);
        }
        for (owner, id) in self.loaded() {
            if let Some(spec) = self.dictionary.options(id).iter().find(|o| o.name.as_bytes() == name) {
                return Found::Extension(owner, spec);
            }
        }
        let mut candidate = Found::Nothing;
        let mut candidate_key: Option<(bool, &str)> = None;
        let mut consider = |found: Found, key: (bool, &'static str)| {
            if candidate_key.is_none() {
                candidate_key = Some(key);
                candidate = found;
            } else if candidate_key != Some(key) {
                candidate = Found::Ambiguous;
            }
        };
        for base in BASE.iter().filter(|b| b.long.as_bytes().starts_with(name)) {
            let first = BASE.iter().find(|b| b.letter == base.letter).map_or(base.long, |b| b.long);
            consider(Found::Base(*base), (true, first));
        }
        for (owner, id) in self.loaded() {
            for spec in self.dictionary.options(id).iter().filter(|o| o.name.as_bytes().starts_with(name)) {
                consider(Found::Extension(owner, spec), (false, spec.key()));
            }
        }
        candidate
    }

    fn peek_is_value(&self) -> bool {
        self.words.get(self.next).is_some_and(|w| !matches!(w.text.first(), Some(b'-' | b'!')))
    }

    fn optional(&mut self, attached: Option<Word<'a>>) -> Option<Word<'a>> {
        if attached.is_some() {
            return attached;
        }
        if self.peek_is_value() {
            self.next += 1;
            return self.words.get(self.next - 1).cloned();
        }
        None
    }

    fn required(&mut self, word: &Word<'a>, attached: Option<Word<'a>>, free_text: bool) -> Result<Word<'a>> {
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
    fn second_value(&mut self, word: &Word<'a>, name: &str) -> Result<Word<'a>> {
        let next = self.words.get(self.next);
        let Some(value) = next.filter(|w| !matches!(w.text.first(), Some(b'-' | b'!'))).cloned() else {
            return Err(parameter(
                codes::MISSING_OPTION_VALUE,
                word.span,
                format!("--{name} requires two args."),
                "give both values",
            ));
        };
        self.next += 1;
        Ok(value)
    }

    /// Whether a word is an option at this place: no value looks like that, unless somebody has quoted it.
    fn is_known_option(&self, word: &Word<'a>) -> bool {
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

    fn swallowed(&self, word: &Word<'a>, value: &Word<'a>) -> Box<Diagnostic> {
        // iptables takes the option as the value and stumbles over what follows.
        let classic = match self.words.get(self.next + 1) {
            Some(after) if !after.text.starts_with(b"-") => {
                Classic::Bare(format!("Bad argument `{}'", after.lossy()))
            }
            _ => Classic::Parameter(format!("option \"{}\" requires an argument", word.lossy())),
        };
        Box::new(
            Diagnostic::error(
                codes::MISSING_OPTION_VALUE,
                word.span,
                format!("`{}` needs a value but is followed by `{}`", word.lossy(), value.lossy()),
            )
            .also(value.span, "this is an option, not a value")
            .help(format!("give the value of `{0}`, or delete `{0}`", word.lossy()))
            .classic(classic),
        )
    }

    fn stray(&self, word: &Word<'a>) -> Box<Diagnostic> {
        let classic = Classic::Bare(format!("Bad argument `{}'", word.lossy()));
        if let Some((dashes, wrong, repaired)) = dash_repaired(&word.text) {
            let shown = word.lossy();
            let expected = if repaired.starts_with("--") { "--" } else { "-" };
            let name = match u32::from(wrong) {
                0x2013 => "an en dash",
                0x2014 => "an em dash",
                0x2212 => "a minus sign",
                _ => "a typographic dash",
            };
            return Box::new(
                Diagnostic::error(
                    codes::UNICODE_DASH,
                    word.part(0, dashes),
                    format!(
                        "`{shown}` begins with {name} (U+{:04X}), not with `{expected}`",
                        u32::from(wrong)
                    ),
                )
                .help(format!("web pages turn `--` into a typographic dash: retype it as `{repaired}`"))
                .fix(word.span, repaired, FixSafety::Safe)
                .classic(classic),
            );
        }
        let mut diagnostic = Diagnostic::error(
            codes::STRAY_WORD,
            word.span,
            format!("`{}` is neither an option nor the value of one", word.lossy()),
        )
        .classic(classic);
        let previous = self.next.checked_sub(2).and_then(|i| self.words.get(i));
        if previous.is_some_and(|w| w.text.as_ref() == b"!") || self.invert.is_some() {
            diagnostic =
                diagnostic.help("`!` stands before the option: `! -s 192.0.2.1`, not `-s ! 192.0.2.1`");
        } else if word.text.contains(&b',') || word.text.contains(&b'/') {
            diagnostic = diagnostic.help("is there a blank too many before it?");
        } else {
            diagnostic =
                diagnostic.help("options begin with `-` or `--`; a value with blanks needs double quotes");
        }
        Box::new(diagnostic)
    }

    fn unknown(&self, word: &Word<'a>, name: &[u8]) -> Box<Diagnostic> {
        let shown = word.lossy();
        let classic = format!("unknown option \"{shown}\"");
        let mut names: Vec<&str> = BASE.iter().map(|b| b.long).collect();
        for (_, id) in self.loaded() {
            names.extend(self.dictionary.options(id).iter().map(|o| o.name));
        }
        // Options that this name would have loaded, had it been spelt right.
        let protocol = self.command.rule.protocol.as_ref();
        if let Some(id) = protocol.and_then(|p| self.dictionary.implicit_match(&p.value.text)) {
            names.extend(self.dictionary.options(id).iter().map(|o| o.name));
        }
        let owners = self.dictionary.owners(name);
        let diagnostic =
            Diagnostic::error(codes::UNKNOWN_OPTION, word.span, format!("there is no option `{shown}` here"));
        let misspelt =
            protocol.filter(|p| self.dictionary.implicit_match(&p.value.text).is_none()).and_then(|p| {
                const KNOWN: [&str; 9] =
                    ["tcp", "udp", "udplite", "icmp", "icmpv6", "sctp", "dccp", "esp", "ah"];
                let text = p.value.text.as_ref();
                let known = KNOWN.iter().any(|k| k.as_bytes() == text) || text.iter().all(u8::is_ascii_digit);
                rfw_values::suggest(text, KNOWN).filter(|_| !known).map(|near| (p.value.lossy(), near))
            });
        let help = if let Some((given, near)) = misspelt {
            Some(format!("`-p {given}` is no protocol; did you mean `-p {near}`?"))
        } else if !owners.is_empty() {
            Some(format!("`{shown}` belongs to {}: put that before it", owners.join(" or ")))
        } else {
            let starting: Vec<_> = names.iter().filter(|n| n.as_bytes().starts_with(name)).collect();
            if starting.len() > 1 {
                Some(format!(
                    "it could be {}",
                    starting.iter().map(|n| format!("`--{n}`")).collect::<Vec<_>>().join(" or ")
                ))
            } else {
                rfw_values::suggest(name, names.iter().copied())
                    .map(|near| format!("did you mean `--{near}`?"))
            }
        };
        Box::new(diagnostic.help(help.unwrap_or_else(|| "see `--help`".into())).parameter(classic))
    }

    fn extension(
        &mut self,
        owner: Owner,
        spec: &'static OptionSpec,
        word: &Word<'a>,
        attached: Option<Word<'a>>,
    ) -> Result<()> {
        let inverted = self.invert.take();
        let mut values = [None, None];
        match spec.arity {
            Arity::Flag if attached.is_some() => return Err(self.unknown(word, &word.text)),
            Arity::Flag => {}
            Arity::One => values[0] = Some(self.required(word, attached, spec.free_text)?),
            Arity::Two => {
                values[0] = Some(self.required(word, attached, false)?);
                values[1] = Some(self.second_value(word, spec.name)?);
            }
        }
        let id = match owner {
            Owner::Match(index) => self.command.rule.matches[index].id,
            Owner::Target => match self.command.rule.target.as_ref().and_then(|t| t.extension.as_ref()) {
                Some(loaded) => loaded.id,
                None => return Ok(()),
            },
        };
        let name = self.dictionary.name(id);
        let used = Use { option: spec, inverted: inverted.is_some(), at: word.span, values };
        let loaded = match owner {
            Owner::Match(index) => &mut self.command.rule.matches[index],
            Owner::Target => match self.command.rule.target.as_mut().and_then(|t| t.extension.as_mut()) {
                Some(loaded) => loaded,
                None => return Ok(()),
            },
        };
        check_use(name, &loaded.uses, &used, inverted)?;
        loaded.uses.push(used);
        Ok(())
    }

    fn base(&mut self, base: Base, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<bool> {
        match base.letter {
            b'A' | b'C' | b'D' | b'I' | b'R' | b'N' | b'E' | b'P' | b'L' | b'S' | b'F' | b'Z' | b'X' => {
                self.action(base.letter, word, attached)?;
            }
            b's' | b'd' | b'i' | b'o' | b'p' => self.selector(base.letter, word, attached)?,
            b'f' => {
                self.given.option(b'f', word)?;
                let inverted = self.invert.take();
                let span = inverted.map_or(word.span, |s| s.to(word.span));
                self.command.rule.fragment =
                    Some(Negatable { inverted: inverted.is_some(), value: (), span });
            }
            b'j' | b'g' => self.target(base.letter == b'g', word, attached)?,
            b'm' => self.load_match(word, attached)?,
            b'c' => self.counters(word, attached)?,
            b't' => {
                if self.mode == Mode::Restore {
                    return Err(parameter(
                        codes::STRAY_WORD,
                        word.span,
                        "The -t option cannot be used in iptables-restore.\n",
                        "the table is the `*` line above",
                    ));
                }
                self.no_invert(word, "table")?;
                self.command.table = Some(self.required(word, attached, false)?);
            }
            b'M' => drop(self.required(word, attached, true)?),
            b'n' => self.flag(b'n', word, |c| c.numeric = true)?,
            b'x' => self.flag(b'x', word, |c| c.exact = true)?,
            b'0' => self.flag(b'0', word, |c| c.line_numbers = true)?,
            b'v' => {
                self.given.repeatable(b'v', word);
                self.command.verbose += 1;
            }
            b'w' | b'W' => self.wait(base.letter, word, attached)?,
            b'4' | b'6' => self.command.family = Some((base.letter - b'0', word.span)),
            b'h' => {
                self.action = Some((Action::Help, b'h', word.span));
                return Ok(true);
            }
            b'V' => {
                self.action = Some((Action::Version, b'V', word.span));
                return Ok(true);
            }
            _ => return Err(self.unknown(word, &word.text)),
        }
        Ok(false)
    }

    fn flag(&mut self, letter: u8, word: &Word<'a>, set: impl FnOnce(&mut Command<'a>)) -> Result<()> {
        self.given.option(letter, word)?;
        set(&mut self.command);
        Ok(())
    }

    fn no_invert(&self, word: &Word<'a>, long: &str) -> Result<()> {
        match self.invert {
            None => Ok(()),
            Some(span) => Err(parameter(
                codes::OPTION_NOT_INVERTIBLE,
                span.to(word.span),
                format!("unexpected ! flag before --{long}"),
                "put `!` before the option whose meaning it turns round",
            )),
        }
    }

    fn action(&mut self, letter: u8, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        if self.invert.is_some() {
            return Err(parameter(
                codes::OPTION_NOT_INVERTIBLE,
                word.span,
                "unexpected '!' flag",
                "a command has no opposite",
            ));
        }
        if let Some((_, earlier, at)) = self.action {
            let zeroing = |a, b| a == b'Z' && (b == b'L' || b == b'S');
            let again = self.command.also_zero;
            if again || !(zeroing(letter, earlier) || zeroing(earlier, letter)) {
                let earlier = if again && letter == b'Z' { b'Z' } else { earlier };
                let text = format!("Cannot use -{} with -{}", char::from(letter), char::from(earlier));
                return Err(Box::new(
                    Diagnostic::error(
                        codes::COMMANDS_EXCLUSIVE,
                        word.span,
                        format!("two commands: `-{}` and `-{}`", char::from(earlier), char::from(letter)),
                    )
                    .also(at, "the first command")
                    .help("run them one after the other")
                    .parameter(text),
                ));
            }
            self.command.also_zero = true;
        }
        let mut action = match letter {
            b'A' => Action::Append,
            b'C' => Action::Check,
            b'D' => Action::Delete,
            b'I' => Action::Insert,
            b'R' => Action::Replace,
            b'N' => Action::NewChain,
            b'E' => Action::RenameChain,
            b'P' => Action::Policy,
            b'L' => Action::List,
            b'S' => Action::ListRules,
            b'F' => Action::Flush,
            b'X' => Action::DeleteChain,
            _ => Action::Zero,
        };
        let chain = if matches!(letter, b'L' | b'S' | b'F' | b'Z' | b'X') {
            self.optional(attached)
        } else {
            Some(self.required(word, attached, true)?)
        };
        if chain.is_some() {
            self.command.chain = chain;
        }
        match letter {
            b'D' if self.peek_is_value() => {
                action = Action::DeleteNumber;
                self.command.number = Some(self.rule_number()?);
            }
            b'I' if self.peek_is_value() => self.command.number = Some(self.rule_number()?),
            b'R' => {
                if !self.peek_is_value() {
                    return Err(parameter(
                        codes::MISSING_OPTION_VALUE,
                        word.span,
                        "-R requires a rule number",
                        "`-R CHAIN NUMBER RULE…`; `-L --line-numbers` shows the numbers",
                    ));
                }
                self.command.number = Some(self.rule_number()?);
            }
            b'L' | b'S' | b'Z' if self.command.chain.is_some() && self.peek_is_value() => {
                self.command.number = Some(self.rule_number()?);
                if letter == b'Z' {
                    action = Action::ZeroNumber;
                }
            }
            b'E' | b'P' => self.command.argument = Some(self.second(letter, word)?),
            b'N' => self.check_new_chain()?,
            _ => {}
        }
        // A listing that also zeroes stays a listing; a numbered -Z takes its place, as in the original.
        let (action, letter, at) = match self.action {
            Some((Action::List | Action::ListRules, l, s)) if action == Action::Zero => {
                (if l == b'L' { Action::List } else { Action::ListRules }, l, s)
            }
            _ => (action, letter, word.span),
        };
        self.action = Some((action, letter, at));
        Ok(())
    }

    fn second(&mut self, letter: u8, word: &Word<'a>) -> Result<Word<'a>> {
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

    fn check_new_chain(&self) -> Result<()> {
        match &self.command.chain {
            Some(word) => check_new_name(word, self.dictionary),
            None => Ok(()),
        }
    }

    fn rule_number(&mut self) -> Result<u32> {
        let word = &self.words[self.next];
        self.next += 1;
        let number = std::str::from_utf8(&word.text).ok().and_then(|t| t.parse::<u32>().ok());
        number.filter(|&n| n > 0 && n <= i32::MAX.unsigned_abs()).ok_or_else(|| {
            parameter(
                codes::BAD_RULE_NUMBER,
                word.span,
                format!("Invalid rule number `{}'", word.lossy()),
                "rules are numbered from 1; `-L --line-numbers` shows them",
            )
        })
    }

    fn selector(&mut self, letter: u8, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        self.given.option(letter, word)?;
        let inverted = self.invert.take();
        let value = self.required(word, attached, false)?;
        let span = inverted.unwrap_or(word.span).to(value.span);
        if matches!(letter, b'i' | b'o') && value.text.iter().any(|b| matches!(b, b'/' | b' ')) {
            let shown = value.lossy();
            self.command.notices.push(format!(
                "Warning: weird character in interface `{shown}' ('/' and ' ' are not allowed by the kernel)."
            ));
        }
        let part = Some(Negatable { inverted: inverted.is_some(), value, span });
        let rule = &mut self.command.rule;
        match letter {
            b's' => rule.source = part,
            b'd' => rule.destination = part,
            b'i' => rule.in_interface = part,
            b'o' => rule.out_interface = part,
            _ => rule.protocol = part,
        }
        Ok(())
    }

    fn target(&mut self, goto: bool, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        self.given.option(b'j', word)?;
        if let Some(span) = self.invert {
            return Err(parameter(
                codes::OPTION_NOT_INVERTIBLE,
                span.to(word.span),
                // -g is called -j here, as in the original.
                "cannot have ! before -j",
                "turn the match round, not the target",
            ));
        }
        let name = self.required(word, attached, false)?;
        let shown = name.lossy();
        let bad = if name.text.is_empty() {
            Some("Invalid target name (too short)".to_owned())
        } else if name.text.len() > 28 {
            Some(format!("Invalid target name `{shown}' (28 chars max)"))
        } else if name.text.iter().any(u8::is_ascii_whitespace) {
            Some(format!("Invalid target name `{shown}'"))
        } else {
            None
        };
        if let Some(text) = bad {
            return Err(parameter(
                codes::BAD_CHAIN_NAME,
                name.span,
                text,
                "a target is one word of at most 28 bytes",
            ));
        }
        let extension = if goto { None } else { self.dictionary.find_target(&name.text) };
        let extension = extension.map(|id| Loaded { id, at: name.span, implicit: false, uses: Vec::new() });
        self.command.rule.target = Some(TargetAst { name, goto, extension });
        Ok(())
    }

    fn load_match(&mut self, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        self.no_invert(word, "match")?;
        let name = self.required(word, attached, false)?;
        let Some(id) = self.dictionary.find_match(&name.text) else {
            let shown = name.lossy();
            let near = rfw_values::suggest(&name.text, self.dictionary.match_names());
            let help = match near {
                Some(near) => format!("did you mean `-m {near}`?"),
                None if self.dictionary.find_target(&name.text).is_some() => {
                    format!("`{shown}` is a target: `-j {shown}`")
                }
                None => "`rfw -m NAME -h` shows a match's options".to_owned(),
            };
            return Err(Box::new(
                Diagnostic::error(
                    codes::UNKNOWN_MATCH,
                    name.span,
                    format!("there is no match called `{shown}`"),
                )
                .help(help)
                .parameter(format!("Couldn't load match `{shown}':No such file or directory\n")),
            ));
        };
        self.command.rule.matches.push(Loaded { id, at: name.span, implicit: false, uses: Vec::new() });
        Ok(())
    }

    fn counters(&mut self, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        self.given.option(b'c', word)?;
        let first = self.required(word, attached, false)?;
        let (packets, bytes) = match first.text.iter().skip(1).position(|&b| b == b',').map(|p| p + 1) {
            Some(comma) => (first.text[..comma].to_vec(), first.text[comma + 1..].to_vec()),
            None if self.peek_is_value() => {
                self.next += 1;
                (first.text.to_vec(), self.words[self.next - 1].text.to_vec())
            }
            None => {
                return Err(parameter(
                    codes::MISSING_OPTION_VALUE,
                    word.span,
                    "-c requires packet and byte counter",
                    "`-c PACKETS BYTES`",
                ));
            }
        };
        let number = |text: &[u8], what: &str| {
            std::str::from_utf8(text).ok().and_then(|t| t.parse::<u64>().ok()).ok_or_else(|| {
                parameter(
                    codes::BAD_VALUE,
                    first.span,
                    format!("-c {what} counter not numeric"),
                    "`-c PACKETS BYTES`, decimal",
                )
            })
        };
        self.command.rule.counters = Some((number(&packets, "packet")?, number(&bytes, "byte")?));
        Ok(())
    }

    fn wait(&mut self, letter: u8, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        if self.mode == Mode::Restore {
            return Err(parameter(
                codes::STRAY_WORD,
                word.span,
                format!("You cannot use `-{}' from iptables-restore", char::from(letter)),
                "a restore is one transaction and waits for nobody",
            ));
        }
        let value = self.optional(attached);
        let bad = value.as_ref().filter(|v| v.text.is_empty() || !v.text.iter().all(u8::is_ascii_digit));
        if letter == b'W' {
            self.command.notices.push("Ignoring deprecated --wait-interval option.".into());
            self.wait_interval.get_or_insert(word.span);
        } else {
            self.waits = true;
        }
        match bad {
            Some(value) => Err(parameter(
                codes::BAD_VALUE,
                value.span,
                if letter == b'w' { "wait seconds not numeric" } else { "wait interval not numeric" },
                "give a whole number",
            )),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Command<'a>> {
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
        Ok(self.command)
    }
}

/// Whether a user chain may be called this: `-N`, and `:CHAIN` lines of a file.
///
/// # Errors
/// With iptables' words.
pub fn check_new_name(word: &Word<'_>, dictionary: &dyn Dictionary) -> Result<()> {
    let shown = word.lossy();
    let targets = dictionary.target_names();
    let (text, help) = match word.text.first() {
        Some(first @ (b'-' | b'!')) => (
            format!("chain name not allowed to start with `{}'", char::from(*first)),
            "begin the name with a letter".to_owned(),
        ),
        None => ("chain name may not clash with target name".to_owned(), "give the chain a name".to_owned()),
        _ if word.text.len() > 28 => (
            format!("chain name `{shown}' too long (must be under 29 chars)"),
            "chain names have at most 28 bytes".to_owned(),
        ),
        _ if word.text.iter().any(u8::is_ascii_whitespace) => {
            (format!("Invalid chain name `{shown}'"), "chain names hold no blanks".to_owned())
        }
        _ if targets.iter().any(|n| n.as_bytes() == word.text.as_ref()) => (
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

/// The constraints of one more use of an option (the order of the checks is libxtables').
fn check_use(extension: &str, earlier: &[Use<'_>], used: &Use<'_>, inverted: Option<Span>) -> Result<()> {
    // An alias is called by its first name, as in the original.
    let name = used.option.key();
    if !used.option.repeatable
        && let Some(other) = earlier.iter().find(|u| u.option.key() == used.option.key())
    {
        return Err(parameter(
            codes::OPTION_REPEATED,
            used.at,
            conflict(used.option, || format!("{extension}: option \"--{name}\" can only be used once.\n")),
            "keep one of them",
        )
        .map_also(other.at, "given here already"));
    }
    if let Some(bang) = inverted
        && !used.option.invertible
    {
        return Err(parameter(
            codes::OPTION_NOT_INVERTIBLE,
            bang.to(used.at),
            format!("{extension}: option \"--{name}\" cannot be inverted.\n"),
            "this option has no opposite",
        ));
    }
    Ok(())
}

/// The option's own words, or the usual ones.
fn conflict(option: &OptionSpec, usual: impl FnOnce() -> String) -> String {
    option.conflict.map_or_else(usual, str::to_owned)
}

trait MapAlso {
    fn map_also(self, span: Span, text: &str) -> Self;
}

impl MapAlso for Box<Diagnostic> {
    fn map_also(self, span: Span, text: &str) -> Self {
        Self::new((*self).also(span, text))
    }
}

/// What an extension still needs when all its options are known.
fn check_complete(dictionary: &dyn Dictionary, loaded: &Loaded<'_>) -> Result<()> {
    let extension = dictionary.name(loaded.id);
    let has = |name: &str| loaded.uses.iter().any(|u| u.option.key() == name);
    // The original goes through its table, not through the command line.
    for spec in dictionary.options(loaded.id).iter().filter(|s| s.alias_of.is_none()) {
        let Some(used) = loaded.uses.iter().find(|u| u.option.key() == spec.name) else {
            if !spec.required {
                continue;
            }
            return Err(parameter(
                codes::OPTION_REQUIRED,
                loaded.at,
                format!("{extension}: option \"--{}\" must be specified\n", spec.name),
                format!("add `--{} {}`", spec.name, spec.value),
            ));
        };
        let excluded = |u: &&Use<'_>| u.option.key() != spec.name && spec.excludes.contains(&u.option.key());
        if let Some(other) = loaded.uses.iter().find(excluded) {
            return Err(parameter(
                codes::OPTIONS_EXCLUSIVE,
                used.at,
                conflict(spec, || {
                    format!(
                        "{extension}: option \"--{}\" cannot be used together with \"--{}\".\n",
                        spec.name,
                        other.option.key()
                    )
                }),
                "keep one of them",
            )
            .map_also(other.at, "the other one"));
        }
        if let Some(missing) = spec.needs.iter().find(|n| !has(n)) {
            return Err(parameter(
                codes::OPTION_REQUIRED,
                used.at,
                format!("{extension}: option \"--{}\" also requires \"--{missing}\".\n", spec.name),
                format!("add `--{missing}`"),
            ));
        }
    }
    Ok(())
}
