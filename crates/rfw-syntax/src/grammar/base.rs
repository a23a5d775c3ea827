//! The base options: commands, selectors, targets, matches, counters, switches.

use rfw_diagnostics::{Classic, Diagnostic, codes};

use crate::command::{Action, Command, Loaded, Negatable, TargetAst};
use crate::words::Word;

use super::options::Base;
use super::{Mode, Parser, Result, check_new_name, parameter};

impl<'a> Parser<'_, 'a> {
    pub(super) fn base(&mut self, base: Base, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<bool> {
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
                        format!("The -t option cannot be used in {}-restore.\n", self.program()),
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
            b'4' | b'6' if base.letter == self.dictionary.other_family() => return self.other_family(word),
            b'4' | b'6' => {}
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

    /// The program whose dictionary this is.
    fn program(&self) -> &'static str {
        if self.dictionary.other_family() == b'6' { "iptables" } else { "ip6tables" }
    }

    /// `-6` for iptables, `-4` for ip6tables: what follows is not looked at. Lines of a file may be for the other program.
    fn other_family(&mut self, word: &Word<'a>) -> Result<bool> {
        if self.mode == Mode::Restore {
            self.invert = None;
            self.command.for_other_family = true;
            return Ok(true);
        }
        let other = if self.program() == "iptables" { "ip6tables" } else { "iptables" };
        Err(Box::new(
            Diagnostic::error(codes::OPTION_NOT_WITH_COMMAND, word.span, format!("this is not {other}"))
                .help(format!("call {other}"))
                // iptables says nothing but where to find help.
                .classic(Classic::Bare(String::new())),
        ))
    }

    pub(super) fn flag(
        &mut self,
        letter: u8,
        word: &Word<'a>,
        set: impl FnOnce(&mut Command<'a>),
    ) -> Result<()> {
        self.given.option(letter, word)?;
        set(&mut self.command);
        Ok(())
    }

    pub(super) fn no_invert(&self, word: &Word<'a>, long: &str) -> Result<()> {
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

    pub(super) fn action(&mut self, letter: u8, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
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

    pub(super) fn check_new_chain(&self) -> Result<()> {
        match &self.command.chain {
            Some(word) => check_new_name(word, self.dictionary),
            None => Ok(()),
        }
    }

    pub(super) fn selector(&mut self, letter: u8, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
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

    pub(super) fn target(&mut self, goto: bool, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        self.given.option(b'j', word)?;
        if let Some(span) = self.invert {
            return Err(parameter(
                codes::OPTION_NOT_INVERTIBLE,
                span.to(word.span),
                // -g is called -j here, as in the original.
                "cannot have ! before -j",
                "turn the match round, not the target",
            )
            .map_later("cannot have ! before --jump"));
        }
        let name = self.required(word, attached, false)?;
        let bad = if name.text.is_empty() {
            Some("Invalid target name (too short)".to_owned())
        } else if name.text.len() > 28 {
            Some(format!("Invalid target name `{}' (28 chars max)", name.lossy()))
        } else if name.text.iter().any(u8::is_ascii_whitespace) {
            Some(format!("Invalid target name `{}'", name.lossy()))
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
        let extension = extension.map(|id| Loaded::new(id, name.span, false));
        self.command.rule.target = Some(TargetAst { name, goto, extension });
        Ok(())
    }

    pub(super) fn load_match(&mut self, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
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
        self.command.rule.matches.push(Loaded::new(id, name.span, false));
        Ok(())
    }

    pub(super) fn counters(&mut self, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        self.given.option(b'c', word)?;
        let first = self.required(word, attached, false)?;
        let (packets, bytes) = match first.text.iter().skip(1).position(|&b| b == b',').map(|p| p + 1) {
            Some(comma) => (first.text[..comma].to_vec(), first.text[comma + 1..].to_vec()),
            None if self.peek_is_value() => {
                self.next += 1;
                (first.text.to_vec(), self.words[self.next - 1].text.to_vec())
            }
            None => {
                // 1.8.11 sees the comma first.
                let later = if first.text.starts_with(b",") {
                    "--set-counters packet counter not numeric"
                } else {
                    "--set-counters requires packet and byte counter"
                };
                return Err(parameter(
                    codes::MISSING_OPTION_VALUE,
                    word.span,
                    "-c requires packet and byte counter",
                    "`-c PACKETS BYTES`",
                )
                .map_later(later));
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
                .map_later(format!("--set-counters {what} counter not numeric"))
            })
        };
        self.command.rule.counters = Some((number(&packets, "packet")?, number(&bytes, "byte")?));
        Ok(())
    }

    pub(super) fn wait(&mut self, letter: u8, word: &Word<'a>, attached: Option<Word<'a>>) -> Result<()> {
        if self.mode == Mode::Restore {
            return Err(parameter(
                codes::STRAY_WORD,
                word.span,
                format!("You cannot use `-{}' from iptables-restore", char::from(letter)),
                "a restore is one transaction and waits for nobody",
            ));
        }
        let value = self.optional(attached);
        let wrong = |span, text: &str| {
            Err(parameter(codes::BAD_VALUE, span, text, "give a whole number; nothing here waits"))
        };
        // What follows the digits is passed over, as in the original: nobody waits for it.
        let number = value.as_ref().map(|value| leading_number(&value.text));
        if letter == b'w' {
            self.waits = true;
            return match (value, number) {
                (Some(value), Some(None)) => wrong(value.span, "wait seconds not numeric"),
                _ => Ok(()),
            };
        }
        match (value, number.flatten()) {
            (None, _) => return wrong(word.span, "wait interval value required"),
            (Some(value), None) => return wrong(value.span, "wait interval not numeric"),
            (Some(value), Some(number)) if number > MOST_MICROSECONDS => {
                let text = format!("too long usec wait {number} > {MOST_MICROSECONDS} usec");
                return wrong(value.span, &text);
            }
            _ => {}
        }
        self.command.notices.push("Ignoring deprecated --wait-interval option.".into());
        self.wait_interval.get_or_insert(word.span);
        Ok(())
    }
}

/// What `-W` takes at most.
const MOST_MICROSECONDS: u32 = 999_999;

/// The number that a text begins with, as `scanf` reads it: in 32 bits of 64, with a sign that wraps.
fn leading_number(text: &[u8]) -> Option<u32> {
    let text = text.trim_ascii_start();
    let (minus, text) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let add = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    let number = text[..digits].iter().try_fold(0, add);
    let number = number.map_or(u64::MAX, |number| if minus { number.wrapping_neg() } else { number });
    // The low half, as `%u` stores it.
    let [a, b, c, d, ..] = number.to_le_bytes();
    Some(u32::from_le_bytes([a, b, c, d]))
}
