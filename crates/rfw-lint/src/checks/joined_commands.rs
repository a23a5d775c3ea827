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

use rfw_diagnostics::{Diagnostic, Edit, Fix, FixSafety, Span, codes};
use rfw_syntax::{Mode, Word};

use crate::Finding;
use crate::checks::Cx;
use crate::mend::{Broken, Mended};
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

/// The places where other commands begin, in the arguments of one.
pub(crate) fn find(words: &[Word<'_>]) -> Vec<Joint> {
    let begins = |at: usize| {
        let mut program = at;
        while words.get(program).is_some_and(|w| !w.quoted && base(&w.text) == b"sudo") {
            program += 1;
        }
        let word = words.get(program).filter(|w| !w.quoted)?;
        let next = words.get(program + 1)?;
        let is_program = matches!(named(&word.text), Some(Program::Tables(_)));
        let begins = is_program && next.text.starts_with(b"-") && !takes_value(&words[at - 1]);
        begins.then_some(Joint { at, next: program + 1 })
    };
    let mut joints: Vec<Joint> = Vec::new();
    for at in 1..words.len() {
        // Behind `sudo` the program is no other place.
        if joints.last().is_none_or(|last| at >= last.next) {
            joints.extend(begins(at));
        }
    }
    joints
}

/// Whether the word that follows may be anything.
fn takes_value(word: &Word<'_>) -> bool {
    let optional: [&[u8]; 10] =
        [b"-F", b"-X", b"-Z", b"-L", b"-S", b"-n", b"-v", b"--flush", b"--delete-chain", b"--syn"];
    *word.text == *b"!" || word.text.starts_with(b"-") && !word.quoted && !optional.contains(&&*word.text)
}

/// The finding. `program`: the list names a program in each line, so the next line keeps its own.
pub(crate) fn found(words: &[Word<'_>], joints: &[Joint], program: bool) -> Option<Diagnostic> {
    let (first, rest) = joints.split_first()?;
    let word = words.get(first.at)?;
    let shown = word.lossy();
    let message = match rest.len() {
        0 => format!("two commands on one line: a line break was lost before `{shown}`"),
        more => format!("{} commands on one line: line breaks were lost, the first before `{shown}`", more + 2),
    };
    let mut diagnostic = Diagnostic::error(codes::JOINED_COMMANDS, word.span, message).help(format!(
        "web pages often lose line breaks when copied; iptables stops at ``Bad argument `{shown}'`` and does nothing of the line"
    ));
    for joint in rest {
        diagnostic = diagnostic.also(words.get(joint.at)?.span, "and here");
    }
    let edits = joints.iter().filter_map(|joint| {
        let (before, next) = (words.get(joint.at.checked_sub(1)?)?, words.get(joint.next)?);
        let keep = if program { words.get(joint.at)?.span } else { next.span };
        let span = Span { start: before.span.end, end: keep.start };
        (span.start <= span.end).then(|| Edit { span, replacement: "\n".to_owned() })
    });
    let edits: Vec<Edit> = edits.collect();
    diagnostic.fix = (edits.len() == joints.len()).then_some(Fix { edits, safety: FixSafety::Safe });
    Some(diagnostic)
}

/// Two commands in a line of a save file.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let (at, word) = (broken.at, broken.word());
    let adds = |w: &Word<'_>| matches!(&*w.text, b"-A" | b"-I" | b"-P" | b"--append" | b"--insert" | b"--policy");
    if broken.mode != Mode::Restore || broken.why.code != codes::COMMANDS_EXCLUSIVE || !adds(word) {
        return None;
    }
    let before = broken.before(at)?;
    let shown = word.lossy();
    let message = format!("two commands on one line: a line break was lost before `{shown}`");
    let diagnostic = Diagnostic::error(codes::JOINED_COMMANDS, word.span, message)
        .help("a line of a save file holds one command, and iptables-restore refuses the file")
        .fix(Span { start: before.span.end, end: word.span.start }, "\n", FixSafety::Safe);
    Some(Mended { diagnostic, lines: vec![broken.words[..at].to_vec(), broken.words[at..].to_vec()] })
}
