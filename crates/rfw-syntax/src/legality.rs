//! Which options go with which command (iptables(8); texts of 1.8.9).

use rfw_diagnostics::{Diagnostic, Span, codes};
use smallvec::SmallVec;

use crate::command::Action;
use crate::grammar::long_of;
use crate::words::Word;

/// The base options given so far.
#[derive(Debug, Default)]
pub(crate) struct Given(SmallVec<[(u8, Span); 8]>);

impl Given {
    /// Notes an option that may be given once.
    pub(crate) fn option(&mut self, letter: u8, word: &Word<'_>) -> Result<(), Box<Diagnostic>> {
        if let Some((_, first)) = self.0.iter().find(|(l, _)| *l == letter) {
            let text = format!("multiple -{} flags not allowed", char::from(letter));
            return Err(Box::new(
                Diagnostic::error(
                    codes::OPTION_REPEATED,
                    word.span,
                    format!("`{}` is given twice", word.lossy()),
                )
                .also(*first, "given here already")
                .help("keep one of them; several addresses are one list with commas")
                .parameter(text)
                .later_parameter(format!("multiple {} options not allowed", long_of(letter))),
            ));
        }
        self.0.push((letter, word.span));
        Ok(())
    }

    /// Notes an option that may be repeated.
    pub(crate) fn repeatable(&mut self, letter: u8, word: &Word<'_>) {
        self.0.push((letter, word.span));
    }
}

/// The letters that a command allows besides `-v`, which all do.
fn allowed(action: Action) -> &'static [u8] {
    match action {
        Action::Append | Action::Insert | Action::Replace => b"sdpjiocfv",
        Action::Check | Action::Delete => b"sdpjiofv",
        Action::List => b"nvx0",
        Action::Policy => b"cv",
        Action::Help | Action::Version => b"nvx0sdpjiocf",
        _ => b"v",
    }
}

/// The order in which iptables looks for options that are not allowed.
const LOOKED_FOR: &[u8] = b"nsdpjvxio0cf";

/// Refuses options that mean nothing with the command.
pub(crate) fn check(given: &Given, action: Action, letter: u8) -> Result<(), Box<Diagnostic>> {
    let allowed = allowed(action);
    let refused = given.0.iter().filter(|(l, _)| !allowed.contains(l));
    let first = refused.min_by_key(|(l, _)| LOOKED_FOR.iter().position(|other| other == l));
    first.map_or(Ok(()), |(option, span)| Err(refuse(*option, *span, letter)))
}

/// Refuses counters that a save file has before a command which takes none.
///
/// # Errors
/// With iptables' words.
pub fn check_counters(action: Action, span: Span) -> Result<(), Box<Diagnostic>> {
    if allowed(action).contains(&b'c') { Ok(()) } else { Err(refuse(b'c', span, action.letter())) }
}

fn refuse(option: u8, span: Span, letter: u8) -> Box<Diagnostic> {
    let shown = format!("-{}", char::from(option));
    Box::new(
        Diagnostic::error(
            codes::OPTION_NOT_WITH_COMMAND,
            span,
            format!(
                "`{}` means nothing together with `-{}`",
                if option == b'0' { "--line-numbers" } else { &shown },
                char::from(letter)
            ),
        )
        .help("drop it")
        .parameter(format!("Illegal option `{shown}' with this command"))
        .later_parameter(format!("Illegal option `{}' with this command", long_of(option))),
    )
}
