//! Something stands in a save file that is no comment, no table, no chain and no rule, or `COMMIT` is missing.
//!
//! **Why.** iptables-restore knows lines by their first byte. A blank behind `COMMIT`, a line of blanks, the name of the
//! program before `-A`, a `\` at the end of a line or a pasted shell prompt make it give up, and nothing of the table is
//! applied: at boot the host then has no rules at all.
//!
//! **Packet.** None: the file is refused.
//!
//! Bad:
//! ```text
//! *filter
//! iptables -A INPUT -p tcp \
//!     --dport 22 -j ACCEPT
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, Edit, Fix, FixSafety, Span, codes};
use rfw_syntax::{Line, Mode, Word};

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, is_option};
use crate::shell::is_program;

fn found(span: Span, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::error(codes::RESTORE_FRAMING, span, message).help(help)
}

/// A byte order mark before the first line.
pub(crate) fn byte_order_mark(span: Span) -> Diagnostic {
    found(span, "the file begins with a byte order mark", "save it as UTF-8 without one: iptables-restore takes it for text")
        .fix(span, "", FixSafety::Safe)
}

/// Whether a text is UTF-16: it has the mark of that, or a zero in every second byte of its beginning.
pub(crate) fn is_utf16(text: &[u8]) -> bool {
    let halves = |zero: usize| text.len() >= 8 && (0..8).all(|at| (text[at] == 0) == (at % 2 == zero));
    text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") || halves(0) || halves(1)
}

/// A text of two bytes for each letter.
pub(crate) fn utf16(text: &[u8]) -> Diagnostic {
    let line = text.iter().position(|&b| b == b'\n').unwrap_or(text.len());
    found(
        Span::new(0, line),
        "the file is UTF-16, of which iptables-restore understands no line; nothing in it was checked",
        "save it as UTF-8: `iconv -f UTF-16 -t UTF-8`",
    )
}

/// `COMMIT` with something around it.
pub(crate) fn commit(span: Span, line: &[u8]) -> Diagnostic {
    let message = if !line.starts_with(b"COMMIT") && line.trim_ascii() == b"COMMIT" {
        "`COMMIT` is preceded by a blank, so iptables-restore will not see it"
    } else if line.trim_ascii() == b"COMMIT" {
        "`COMMIT` is followed by a blank, so iptables-restore will not see it"
    } else {
        "`COMMIT` must be in capitals"
    };
    found(span, message, "nothing in the file is applied when one table is not committed")
        .fix(span, "COMMIT", FixSafety::Safe)
}

/// `COMMIT` outside of any table.
pub(crate) fn commit_alone(span: Span, text: &[u8]) -> Diagnostic {
    let end = (span.end as usize + 1).min(text.len());
    found(span, "COMMIT without a table", "a table begins with a line such as `*filter`")
        .fix(Span::new(span.start as usize, end), "", FixSafety::Safe)
}

/// Lines made of blanks only.
pub(crate) fn blank_lines(span: Span, count: usize) -> Diagnostic {
    let more = if count > 1 { format!(" ({count} such lines)") } else { String::new() };
    found(span, format!("this line holds blanks only{more}"), "iptables-restore takes it for a command; an empty line is fine")
}

/// Blanks before `#`, `*` or `:`.
pub(crate) fn indented(span: Span, count: usize) -> Diagnostic {
    let more = if count > 1 { format!(" ({count} such lines)") } else { String::new() };
    found(span, format!("blanks before the first letter of the line{more}"), "`#`, `*` and `:` mean something in the first column only")
}

/// A rule goes on in the next lines.
pub(crate) fn continued(span: Span, breaks: &[Span], more: &[Line<'_>]) -> Diagnostic {
    let edits = breaks.iter().zip(more).map(|(&at, next)| {
        let blanks = next.text.len() - next.text.trim_ascii_start().len();
        Edit { span: Span { start: at.start, end: next.span.start + u32::try_from(blanks).unwrap_or(0) }, replacement: String::new() }
    });
    let mut diagnostic = found(
        span,
        "a rule cannot go on in the next line",
        "restore files have no line continuation: iptables-restore takes `\\` for an argument; write the rule in one line",
    );
    diagnostic.fix = Some(Fix { edits: edits.collect(), safety: FixSafety::Safe });
    diagnostic
}

/// Rules or chains before any table, or behind the last one.
pub(crate) fn no_table(span: Span, table: &str, closed: bool) -> Diagnostic {
    let help = if closed {
        format!("move it above the COMMIT of table {table}")
    } else {
        "put `*filter` (or another table) before it and `COMMIT` behind the last rule".to_owned()
    };
    found(span, "this line stands outside of any table", help)
}

/// A table that begins before the last one was closed.
pub(crate) fn not_closed(table: &str, begins: Span, next: Span) -> Diagnostic {
    found(next, format!("table {table} has no COMMIT before the next one begins"), "end it with a line `COMMIT`")
        .also(begins, "it begins here")
        .fix(Span { start: next.start, end: next.start }, "COMMIT\n", FixSafety::Safe)
}

/// The last table is not closed.
pub(crate) fn no_commit(table: &str, begins: Span, text: &[u8]) -> Diagnostic {
    let end = Span::new(text.len(), text.len());
    let line = if text.ends_with(b"\n") { "COMMIT\n" } else { "\nCOMMIT\n" };
    found(begins, format!("table {table} has no COMMIT"), "end it with a line `COMMIT`, or nothing of it is loaded")
        .fix(end, line, FixSafety::Safe)
}

/// A table that nobody has.
pub(crate) fn unknown_table(name: &Word<'_>, meant: Option<&str>) -> Diagnostic {
    let message = format!("no table is called `{}`", name.lossy());
    let diagnostic = Diagnostic::error(codes::UNKNOWN_TABLE, name.span, message);
    match meant {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")).fix(name.span, meant, FixSafety::Safe),
        None => {
            let known: Vec<&str> = rfw_compiler::builtin::TABLES.iter().map(|t| t.name).collect();
            diagnostic.help(format!("the tables are {}", known.join(", ")))
        }
    }
}

/// Lines between tables that are nothing.
pub(crate) fn stray(text: &[u8], lines: &[Span]) -> Option<Diagnostic> {
    let first = *lines.first()?;
    let more = match lines.len() {
        1 => String::new(),
        2 => " (and 1 more)".to_owned(),
        n => format!(" (and {} more)", n - 1),
    };
    let shown = String::from_utf8_lossy(text.get(first.start as usize..first.end as usize)?).trim().to_owned();
    let message = if shown.len() > 60 {
        format!("this line is neither a comment nor a table{more}")
    } else {
        format!("`{shown}` is neither a comment nor a table{more}")
    };
    let edits = lines.iter().map(|line| Edit { span: Span { end: line.start, ..*line }, replacement: "# ".to_owned() });
    let mut diagnostic = found(first, message, "prompts and prose must go, or become comments: iptables-restore stops here");
    diagnostic.fix = Some(Fix { edits: edits.collect(), safety: FixSafety::Safe });
    Some(diagnostic)
}

/// Whether the words are those of a rule, as far as one can tell outside of a table.
pub(crate) fn is_rule(words: &[Word<'_>]) -> bool {
    const COMMANDS: [&[u8]; 8] =
        [b"-A", b"-I", b"-D", b"-R", b"--append", b"--insert", b"--delete", b"--replace"];
    let command = |word: &Word<'_>| COMMANDS.contains(&&*word.text);
    words.first().is_some_and(command)
        || program(words).is_some_and(|at| words.get(at + 1).is_some_and(command))
}

/// Where the name of a program that takes iptables' arguments stands, with nothing like an option before it.
pub(crate) fn program(words: &[Word<'_>]) -> Option<usize> {
    let head = words.iter().take_while(|w| !is_option(w));
    head.enumerate().filter(|(_, w)| is_program(&w.text)).map(|(at, _)| at).last()
}

/// What stands before a rule, and options that only a command line has.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    if broken.mode != Mode::Restore || broken.why.code != codes::STRAY_WORD {
        return None;
    }
    let word = broken.word();
    if broken.at > 0 || is_option(word) {
        return only_for_commands(broken);
    }
    let Some(rest) = program(broken.words).map(|at| at + 1).filter(|at| *at < broken.words.len()) else {
        if word.text.starts_with(b"#") || rfw_syntax::dash_repaired(&word.text).is_some() {
            return None;
        }
        let line = broken.line();
        let diagnostic = found(
            word.span,
            format!("`{}` begins neither a rule nor a comment", word.lossy()),
            "inside a table a line is `-A CHAIN …`, `:CHAIN POLICY`, `COMMIT` or a comment",
        );
        let start = Span { end: line.start, ..line };
        return Some(Mended::explained(diagnostic.fix(start, "# ", FixSafety::Unsafe)));
    };
    let name = broken.words[rest - 1].lossy().into_owned();
    let span = Span { start: word.span.start, end: broken.words[rest].span.start };
    let diagnostic = found(
        word.span.to(broken.words[rest - 1].span),
        format!("`{name}` stands before the rule"),
        "a restore file holds only what would follow the program's name",
    )
    .fix(span, "", FixSafety::Safe);
    Some(Mended::line(diagnostic, broken.words[rest..].to_vec()))
}

/// `-w` and `-t TABLE`.
fn only_for_commands<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let (at, word) = (broken.at, broken.word());
    let value = broken.words.get(at + 1).filter(|w| !is_option(w));
    let (end, same) = match &*word.text {
        b"-t" | b"--table" => (at + 2, value?.text == broken.table.name.as_bytes()),
        b"-w" | b"--wait" => {
            let number = value.is_some_and(|w| w.text.iter().all(u8::is_ascii_digit));
            (at + 1 + usize::from(number), true)
        }
        _ => return None,
    };
    let last = broken.words.get(end - 1)?.span;
    let diagnostic = found(
        word.span.to(last),
        format!("`{}` is an option of the command, not of a rule in a file", word.lossy()),
        "the table is the `*` line above, and a restore waits for nobody: drop it",
    );
    if !same {
        return Some(Mended::explained(diagnostic));
    }
    let cut = match broken.before(at) {
        Some(before) => Span { start: before.span.end, end: last.end },
        None => Span { start: word.span.start, end: broken.words.get(end)?.span.start },
    };
    Some(Mended::line(diagnostic.fix(cut, "", FixSafety::Safe), broken.with(at..end, [])))
}
