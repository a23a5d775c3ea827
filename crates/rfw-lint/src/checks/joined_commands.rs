//! Two commands stand on one line: a line break was lost.
//!
//! **Why.** Web pages often lose line breaks when their commands are copied. iptables reads the next `iptables` as a word of
//! the first command, stops at it (``Bad argument `sudo'``), and nothing of the line is done; a script goes on without it. After
//! `-F` it is worse: `iptables -F iptables -X` is taken for a chain called `iptables`.
//!
//! **Packet.** None: the line is refused.
//!
//! Bad:
//! ```text
//! -P INPUT DROP sudo iptables -P FORWARD DROP
//! ```
//! Good:
//! ```text
//! -P INPUT DROP
//! -P FORWARD DROP
//! ```
//! **Suppress.** Never needed: the line is refused.

use rfw_diagnostics::{Diagnostic, FixSafety, Span, codes};
use rfw_syntax::Word;

use crate::Finding;
use crate::checks::Cx;
use crate::shell::programs::{Program, base, named};

/// Applying the commands finds it.
pub(crate) fn run(_: &Cx<'_>, _: &mut Vec<Finding>) {}

/// Where a line falls into two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Joint {
    /// The first word that is not of the first command: `sudo` or the program.
    pub(crate) at: usize,
    /// The word behind the program.
    pub(crate) next: usize,
}

/// The first place where another command begins, in the arguments of one.
pub(crate) fn find(words: &[Word<'_>]) -> Option<Joint> {
    (1..words.len()).find_map(|at| {
        let mut program = at;
        while words.get(program).is_some_and(|w| !w.quoted && base(&w.text) == b"sudo") {
            program += 1;
        }
        let word = words.get(program).filter(|w| !w.quoted)?;
        let next = words.get(program + 1)?;
        let is_program = matches!(named(&word.text), Some(Program::Tables(_)));
        let begins = is_program && next.text.starts_with(b"-") && !takes_value(&words[at - 1]);
        begins.then_some(Joint { at, next: program + 1 })
    })
}

/// Whether the word that follows may be anything.
fn takes_value(word: &Word<'_>) -> bool {
    let optional: [&[u8]; 10] =
        [b"-F", b"-X", b"-Z", b"-L", b"-S", b"-n", b"-v", b"--flush", b"--delete-chain", b"--syn"];
    *word.text == *b"!" || word.text.starts_with(b"-") && !word.quoted && !optional.contains(&&*word.text)
}

/// The finding. `program`: the list names a program in each line, so the next line keeps its own.
pub(crate) fn found(words: &[Word<'_>], joint: &Joint, program: bool) -> Diagnostic {
    let (before, word, next) = (&words[joint.at - 1], &words[joint.at], &words[joint.next]);
    let shown = word.lossy();
    let keep = if program { word.span } else { next.span };
    Diagnostic::error(
        codes::JOINED_COMMANDS,
        word.span,
        format!("two commands on one line: a line break was lost before `{shown}`"),
    )
    .help(format!(
        "web pages often lose line breaks when copied; iptables stops at ``Bad argument `{shown}'`` and does nothing of the line"
    ))
    .fix(Span { start: before.span.end, end: keep.start }, "\n", FixSafety::Safe)
}
