//! Of all the mistakes of a file, which one the original tells, and of which line.

use rfw_diagnostics::{Classic, Diagnostic, Source, codes};
use rfw_syntax::{LineKind, SaveLines};

use super::said::{Moment, Phase};
use crate::engine::Halt;
use crate::personality::Personality;
use crate::{iptables, report};

/// Reports why a file was not loaded; gives the exit status.
pub(super) fn report_halt(personality: &Personality, halt: Halt, source: &Source) -> u8 {
    match halt {
        Halt::Diagnostics(found) => {
            let commits = commits(source);
            let told = |index: &usize| told_at(&found[*index], &commits);
            let lead = (0..found.len()).min_by_key(told).unwrap_or(0);
            let line = |d: &Diagnostic| Some(blamed_line(d, source, &commits));
            report::diagnostics(personality, &found, lead, source, line)
        }
        other => iptables::report_halt(personality, other, source),
    }
}

/// When the original would have ended; `None` if only the system was in the way.
pub(super) fn moment(halt: &Halt, source: &Source) -> Option<Moment> {
    let Halt::Diagnostics(found) = halt else { return None };
    let commits = commits(source);
    found.iter().map(|diagnostic| told_at(diagnostic, &commits)).min()
}

/// The `COMMIT`s of a text, in order: where each ends, and the number of its line.
pub(super) fn commits(source: &Source) -> Vec<(u32, usize)> {
    let lines = SaveLines::new(&source.text).filter(|line| matches!(line.kind, LineKind::Commit));
    lines.map(|line| (line.span.end, line.number)).collect()
}

/// When the original would have found a mistake: it parses a table's lines first, then does what they say, then asks the kernel.
fn told_at(diagnostic: &Diagnostic, commits: &[(u32, usize)]) -> Moment {
    let start = diagnostic.span.start;
    let before = commits.partition_point(|&(end, _)| end <= start);
    let target = matches!(diagnostic.code, codes::UNKNOWN_TARGET | codes::UNDEFINED_CHAIN);
    let phase = match diagnostic.classic {
        _ if target => Phase::Doing,
        Some(Classic::Other(_) | Classic::Refused(_)) => Phase::Doing,
        Some(Classic::Resource(_)) => Phase::Asking,
        _ => Phase::Reading,
    };
    (before, phase, start)
}

/// The line that iptables-restore names: for a chain that does not exist it is that of the COMMIT.
fn blamed_line(diagnostic: &Diagnostic, source: &Source, commits: &[(u32, usize)]) -> usize {
    let line = source.line_column(diagnostic.span.start).line;
    if !matches!(diagnostic.code, codes::UNKNOWN_TARGET | codes::UNDEFINED_CHAIN) {
        return line;
    }
    commits.iter().find(|&&(_, commit)| commit > line).map_or(line, |&(_, commit)| commit)
}
