//! An option has a name that current tools no longer know.
//!
//! **Why.** Guides and dumps outlive the tools. `--days` of the time match became `--weekdays`; matching the process of a
//! packet (`--pid-owner`, `--sid-owner`, `--cmd-owner`) was given up because it never worked on more than one processor.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A FORWARD -m time --timestart 06:59 --timestop 23:59 --days Sun,Mon -j DROP
//! ```
//! Good:
//! ```text
//! -A FORWARD -m time --timestart 06:59 --timestop 23:59 --weekdays Sun,Mon -j DROP
//! ```
//! **Suppress.** Never needed; only old names that still work with a warning can be kept.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, word};
use crate::written::Written;

/// Old names and new ones.
const RENAMED: [(&str, &str); 1] = [("--days", "--weekdays")];

/// Options without a successor, and what comes near.
const GONE: [(&str, &str); 3] = [
    ("--pid-owner", "put the process into a control group and match that with `-m cgroup --path`, or match its user"),
    ("--sid-owner", "put the session into a control group and match that with `-m cgroup --path`, or match its user"),
    ("--cmd-owner", "run the program as a user of its own and match that with `--uid-owner`"),
];

/// Reads an old name as the new one.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    if broken.why.code != codes::UNKNOWN_OPTION {
        return None;
    }
    let old = broken.word();
    let is = |name: &str| {
        old.text.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
    };
    if let Some((name, instead)) = GONE.iter().find(|(name, _)| is(name)) {
        let message = format!("`{name}` is gone from iptables and the kernel");
        let diagnostic = Diagnostic::error(codes::OBSOLETE_OPTION, old.span, message).help(*instead);
        return Some(Mended::explained(diagnostic));
    }
    let (name, new) = RENAMED.iter().find(|(name, _)| is(name))?;
    let span = Span { end: old.span.start + u32::try_from(name.len()).ok()?, ..old.span };
    let diagnostic =
        Diagnostic::error(codes::OBSOLETE_OPTION, span, format!("`{name}` is now `{new}`"))
            .help("the file stops loading at this line")
            .fix(span, *new, FixSafety::Safe);
    let mut text = new.as_bytes().to_vec();
    text.extend_from_slice(&old.text[name.len()..]);
    let new = word(text, old.span);
    Some(Mended::line(diagnostic, broken.with(broken.at..broken.at + 1, [new])))
}

/// Old names that are still taken.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    for used in written.uses() {
        let Some(new) = used.option.alias_of.filter(|_| used.option.warning.is_some()) else { continue };
        let message = format!("`--{}` is an old name of `--{new}`", used.option.name);
        out.push(
            Diagnostic::new(codes::OBSOLETE_OPTION, Severity::Warn, used.at, message)
                .help("iptables takes it with a warning for the time being")
                .fix(used.at, format!("--{new}"), FixSafety::Safe),
        );
    }
}
