//! The rules of a large table, read by several threads.
//!
//! Contract: what comes of it is what one thread makes. A thread takes a line only if it is an `-A` without a mistake, a
//! warning or any other peculiarity, for chains that are known; at the first other line it stops, and the file is read on from
//! there by one thread, to the end of the table.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rfw_compiler::{BuildCx, Rule, RuleTarget, TableSpec, build};
use rfw_diagnostics::Span;
use rfw_extensions::Registry;
use rfw_nft::Family;
use rfw_syntax::{
    Action, Line, LineKind, Mode, SaveLines, Word, count_lines, parse_command, rules_end, split_line,
};

use super::{File, with_counters};
use crate::engine::{Share, Size, Wanted, Written};
use crate::iptables;
use crate::names::SystemNames;

/// How many threads read a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// At most so many; without a number, as many as are of use.
    pub(super) most: Option<usize>,
    /// Text for which a thread is worth its start, in bytes.
    pub(super) worth: usize,
}

impl Default for Limits {
    /// 64 KiB are some 900 rules, 2 ms.
    fn default() -> Self {
        Self { most: None, worth: 64 * 1024 }
    }
}

/// Most of a restore is the kernel's work, which no thread of ours shortens; with this many the rest is small.
const MOST_THREADS: usize = 4;

/// What all threads know.
#[derive(Clone, Copy)]
struct Place<'p> {
    family: Family,
    spec: &'static TableSpec,
    registry: Registry,
    counters: bool,
    /// Where the text that the threads share begins, in the file.
    text: &'p [u8],
    from: usize,
}

/// What a thread reads in one go, by its place in [`Place::text`].
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
}

/// How far a thread came in a piece.
struct Came {
    /// The piece, counted from 0.
    piece: usize,
    written: Written,
    lines: usize,
    end: usize,
}

impl<'f> File<'f, '_> {
    /// Reads the rules from byte `at` of the file on in several threads, if there are many. Gives how many bytes and lines are
    /// done with.
    pub(super) fn read_in_threads(&mut self, at: usize) -> Option<(usize, usize)> {
        // Asked before each line, so that the text is looked at only if it will be shared.
        let (spec, table) =
            self.table.filter(|&(_, table)| !self.alone && self.transaction.can_share(table))?;
        let text = self.source.text.get(at..)?;
        if !text.starts_with(b"-A ") && !text.starts_with(b"[") {
            return None;
        }
        let text = &text[..rules_end(text)];
        let worth = self.threads.worth.max(1);
        let threads = match self.threads.most {
            _ if text.len() < 2 * worth || self.options.verbose => 1,
            Some(threads) => threads,
            None => thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS)),
        };
        if threads < 2 {
            self.alone = true;
            return None;
        }
        let pieces = pieces(text, threads, worth);
        let sizes: Vec<Size> = pieces
            .iter()
            .map(|piece| Size {
                bytes: piece.end - piece.start,
                lines: count_lines(&text[piece.start..piece.end]),
            })
            .collect();
        let place = Place {
            family: self.personality.family,
            spec,
            registry: self.registry,
            counters: self.options.counters,
            text,
            from: at,
        };
        let shares = self.transaction.shares(table, &sizes)?;
        let came = run(&place, &pieces, shares, threads, self.names);
        self.alone = true;
        let (mut end, mut count, mut done) = (0, 0, Vec::new());
        for came in came {
            // What stands behind a stop is read again.
            if end != pieces[came.piece].start {
                break;
            }
            end = came.end;
            count += came.lines;
            done.push(came.written);
        }
        self.transaction.take_back(table, done);
        Some((end, count))
    }
}

/// The pieces of a text, cut between lines: ever smaller ones, so that the threads are done at nearly the same time, of at
/// least `worth` bytes.
fn pieces(text: &[u8], threads: usize, worth: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let left = text.len() - start;
        let size = (left / (2 * threads)).max(worth);
        let cut = start + size.min(left);
        let line = text[cut..].iter().position(|&b| b == b'\n').map(|p| cut + p + 1);
        let end = line.filter(|end| text.len() - end >= worth).unwrap_or(text.len());
        pieces.push(Piece { start, end });
        start = end;
    }
    pieces
}

/// The pieces that are still to be read.
struct Work<'p, 's> {
    pieces: &'p [Piece],
    shares: Mutex<std::iter::Enumerate<std::vec::IntoIter<Share<'s>>>>,
    /// The first piece that was not read to its end: none behind it is of use.
    stopped: AtomicUsize,
}

impl<'s> Work<'_, 's> {
    fn next(&self) -> Option<(usize, Share<'s>)> {
        let next = self.shares.lock().unwrap_or_else(PoisonError::into_inner).next();
        next.filter(|&(piece, _)| piece < self.stopped.load(Ordering::Relaxed))
    }

    fn read(&self, place: &Place<'_>, names: &SystemNames) -> Vec<Came> {
        let mut done = Vec::new();
        while let Some((piece, share)) = self.next() {
            let came = read(place, self.pieces[piece], piece, share, names);
            if came.end < self.pieces[piece].end {
                self.stopped.fetch_min(piece, Ordering::Relaxed);
            }
            done.push(came);
        }
        done
    }
}

/// Reads the pieces in so many threads, this one among them; gives those that were begun, in order. A thread that can't be had
/// leaves its work to the others.
fn run(
    place: &Place<'_>,
    pieces: &[Piece],
    shares: Vec<Share<'_>>,
    threads: usize,
    names: &SystemNames,
) -> Vec<Came> {
    let shares = Mutex::new(shares.into_iter().enumerate());
    let work = Work { pieces, shares, stopped: AtomicUsize::new(usize::MAX) };
    let mut came = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(pieces.len()))
            .map_while(|_| {
                let read = || work.read(place, &SystemNames::default());
                thread::Builder::new().spawn_scoped(scope, read).ok()
            })
            .collect();
        let mut came = work.read(place, names);
        for other in others {
            match other.join() {
                Ok(other) => came.extend(other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        came
    });
    came.sort_unstable_by_key(|came| came.piece);
    came
}

fn read(place: &Place<'_>, piece: Piece, number: usize, mut share: Share<'_>, names: &SystemNames) -> Came {
    let text = &place.text[piece.start..piece.end];
    let mut words = Vec::new();
    let (mut lines, mut end) = (0, piece.start);
    for line in SaveLines::new(text) {
        let next = (piece.start + line.span.end as usize + 1).min(piece.end);
        if take(place, &line, place.from + piece.start, &mut words, &mut share, names).is_none() {
            break;
        }
        (lines, end) = (lines + 1, next);
        if share.too_many_sets() {
            break;
        }
    }
    Came { piece: number, written: share.finish(), lines, end }
}

/// Takes an ordinary line; its offsets count from byte `from` of the file.
fn take<'t>(
    place: &Place<'_>,
    line: &Line<'t>,
    from: usize,
    words: &mut Vec<Word<'t>>,
    share: &mut Share<'_>,
    names: &SystemNames,
) -> Option<()> {
    let LineKind::Command { counters, text, offset } = line.kind else { return None };
    let span = Span::new(line.span.start as usize + from, line.span.end as usize + from);
    words.clear();
    split_line(text, offset + from, words);
    let last = Span::new(span.end.saturating_sub(1) as usize, span.end as usize);
    let mut command = parse_command(words, last, Mode::Restore, &place.registry).ok()?;
    with_counters(&mut command, counters.filter(|_| place.counters), span).ok()?;
    let unusual = !command.notices.is_empty() || command.rule.warnings().next().is_some();
    if unusual || command.for_other_family || command.verbose > 0 || command.action != Action::Append {
        return None;
    }
    let name: &[u8] = &command.chain.as_ref()?.text;
    let chain = share.chain(name)?;
    let cx = BuildCx { family: place.family, table: place.spec.name, chain: name, names };
    let rules: Vec<Rule> = build(&command.rule, &cx).ok()?;
    if !iptables::warnings_of_rules(place.family, &command, &rules).is_empty() {
        return None;
    }
    if let Some(RuleTarget::Jump(target) | RuleTarget::Goto(target)) = rules.first().map(|rule| &rule.target)
    {
        share.chain(target)?;
    }
    let counters = command.rule.counters.unwrap_or((0, 0));
    for rule in &rules {
        share.append(chain, Wanted { rule, counters, span });
    }
    Some(())
}
