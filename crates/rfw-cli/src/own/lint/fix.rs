//! `--fix`, `--unsafe-fixes`, `--diff`: fixes into files.
//!
//! A fix stays only if the new text shows that it did what it says: the finding is gone, nothing that keeps a text from
//! loading is new, and where the text had a meaning, the packets fare as the fix claims.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rfw_diagnostics::{Code, Fix, FixSafety, Severity, Source};
use rfw_extensions::Names;
use rfw_lint::{Comparison, Finding, Options, Report, Text, apply_fixes};
use similar::Algorithm;

use super::args::{Choice, LintArgs};
use super::inputs::{Texts, whole};
use super::proof::prove;
use super::{Checked, say};
use crate::own::out::put;

/// Fixes can bring up others; many more rounds than there are fixes are a sign of two that undo each other.
const ROUNDS: usize = 10;
/// Lines around a difference.
const CONTEXT: usize = 3;
/// Links that lead to links; the kernel follows no more.
const LINKS: usize = 40;

/// What became of a text.
pub struct Mended {
    /// The new text.
    pub text: Vec<u8>,
    /// Fixes in it, by code.
    pub applied: BTreeMap<Code, usize>,
    /// Fixes that are not: where, and why.
    pub refused: Vec<String>,
    /// What fixes that may change something have changed: one example for each round.
    pub changes: Vec<String>,
}

/// What became of all texts.
#[derive(Default)]
pub struct Fixed {
    /// Whether anything was or would be changed.
    pub changed: bool,
    /// Whether something could not be written; said already.
    pub unwritten: bool,
    /// The texts as they are now, which are not to be read again.
    pub texts: Texts,
}

/// Mends texts and writes them, or shows the difference.
///
/// # Errors
/// None of its own; what one file can't take does not keep the others from being mended.
pub fn run(
    checked: &[Checked],
    args: &LintArgs,
    choice: &Choice,
    names: &dyn Names,
) -> Result<Fixed, String> {
    let mut fixed = Fixed::default();
    for one in checked {
        let options = one.settings.options(one.path.as_deref(), choice);
        let mended = mend(one, args.unsafe_fixes, &options, names);
        for text in mended.refused.iter().chain(&mended.changes) {
            say(text);
        }
        let changed = mended.text != one.source.text;
        fixed.changed |= changed;
        let written = if args.diff {
            put("lint", &difference(&one.source, &mended.text)).is_ok()
        } else if let Some(path) = &one.path {
            !changed || write_file(path, &mended)
        } else {
            put("lint", &mended.text).is_ok()
        };
        fixed.unwritten |= !written;
        let now = if written { mended.text } else { one.source.text.clone() };
        fixed.texts.insert(one.path.clone().unwrap_or_else(|| "-".into()), now);
    }
    Ok(fixed)
}

/// Whether that could be done.
fn write_file(path: &Path, mended: &Mended) -> bool {
    let done = replace(path, &mended.text);
    say(&match &done {
        Ok(()) => format!("{}: {}", path.display(), counted(&mended.applied)),
        Err(error) => format!("{}: {error}", path.display()),
    });
    done.is_ok()
}

fn counted(applied: &BTreeMap<Code, usize>) -> String {
    let all: usize = applied.values().sum();
    let each: Vec<String> = applied.iter().map(|(code, n)| format!("{code} {n}")).collect();
    format!("{all} fixed ({})", each.join(", "))
}

/// What `diff -u` prints, byte for byte.
fn difference(source: &Source, new: &[u8]) -> Vec<u8> {
    let [old, new] =
        [&source.text[..], new].map(|text| text.split_inclusive(|&b| b == b'\n').collect::<Vec<_>>());
    let mut out = Vec::new();
    for group in similar::group_diff_ops(similar::capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT)
    {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        if out.is_empty() {
            out.extend_from_slice(format!("--- {0}\n+++ {0}\n", source.name).as_bytes());
        }
        let part = |from: usize, to: usize| match to - from {
            1 => format!("{}", from + 1),
            0 => format!("{from},0"),
            count => format!("{},{count}", from + 1),
        };
        let were = part(first.old_range().start, last.old_range().end);
        let are = part(first.new_range().start, last.new_range().end);
        out.extend_from_slice(format!("@@ -{were} +{are} @@\n").as_bytes());
        for change in group.iter().flat_map(|op| op.iter_changes(&old, &new)) {
            out.extend_from_slice(change.tag().to_string().as_bytes());
            out.extend_from_slice(change.value());
            if !change.value().ends_with(b"\n") {
                out.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
        }
    }
    out
}

/// Puts a text in the place of a file: by renaming, with the mode and the owner of the old one; a link stays.
///
/// # Errors
/// Those of the system, and for what is no file, may not be written, or would change its owner; the old file is then still
/// there.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = whole(&behind_links(path));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let temporary = path.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let old = fs::metadata(&path).ok();
    if let Some(about) = &old {
        if !about.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        // Renaming would not ask.
        fs::OpenOptions::new().write(true).open(&path)?;
    }
    let write = || {
        let mode = old.as_ref().map_or(0o666, |about| about.mode() & 0o600);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(text)?;
        if let Some(about) = &old {
            let owner = (about.uid(), about.gid());
            let _ = std::os::unix::fs::chown(&temporary, Some(owner.0), Some(owner.1));
            let made = file.metadata()?;
            if (made.uid(), made.gid()) != owner {
                return Err(io::Error::other("its owner could not be kept"));
            }
            file.set_permissions(fs::Permissions::from_mode(about.mode() & 0o7777))?;
        }
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    let done = write();
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    } else if let Some(folder) = path.parent() {
        // The new name is on the disk when the folder is; not all file systems can tell.
        let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    }
    done
}

/// Where a link leads, also if nothing is there yet.
fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// A text and what is found in it.
struct State {
    source: Source,
    report: Report,
}

/// Applies fixes until there are none left.
pub fn mend(one: &Checked, unsafe_too: bool, options: &Options, names: &dyn Names) -> Mended {
    let look = |text: Vec<u8>| {
        let source = Source::new(one.source.name.clone(), one.source.kind, text);
        let report = rfw_lint::lint(&source, one.input, one.family, names, options);
        State { source, report }
    };
    let mut mended =
        Mended { text: Vec::new(), applied: BTreeMap::new(), refused: Vec::new(), changes: Vec::new() };
    let mut given_up: BTreeSet<(Code, String)> = BTreeSet::new();
    let mut state = look(one.source.text.clone());
    let fixes = state.report.findings.iter().filter(|f| f.diagnostic.fix.is_some()).count();
    for _ in 0..ROUNDS + fixes {
        let wanted = |finding: &&Finding| {
            let safety = finding.diagnostic.fix.as_ref().map(|fix| fix.safety);
            let allowed =
                safety == Some(FixSafety::Safe) || (unsafe_too && safety == Some(FixSafety::Unsafe));
            allowed && !given_up.contains(&id(finding))
        };
        let mut todo: Vec<&Finding> = state.report.findings.iter().filter(wanted).collect();
        // What keeps the text from loading first: the rest is judged by what the text means.
        if todo.iter().any(|f| blocks(f)) {
            todo.retain(|f| blocks(f));
        }
        if todo.is_empty() {
            break;
        }
        // Of fixes that do not pass together, half as many are tried, down to one.
        let mut take = todo.len();
        let (next, done, judged) = loop {
            let (next, done) = attempt(&state, &todo[..take], &look);
            let judged = judge(&state, &next, &done, one, names, options);
            if judged.is_ok() || take == 1 {
                break (next, done, judged);
            }
            take /= 2;
        };
        match judged {
            Ok(change) => {
                mended.changes.extend(change.map(|text| format!("{}: {text}", one.source.name)));
                for finding in done {
                    *mended.applied.entry(finding.diagnostic.code).or_default() += 1;
                }
                state = next;
            }
            Err(why) => {
                let finding = todo[0];
                let place = state.source.line_column(finding.diagnostic.span.start);
                mended.refused.push(format!(
                    "{}:{}: the fix of {} is refused: {why}",
                    one.source.name, place.line, finding.diagnostic.code
                ));
                given_up.insert(id(finding));
            }
        }
    }
    mended.text = state.source.text;
    mended
}

fn id(finding: &Finding) -> (Code, String) {
    (finding.diagnostic.code, finding.fingerprint.clone())
}

/// Whether a finding is a mistake that keeps the text from loading.
fn blocks(finding: &Finding) -> bool {
    finding.diagnostic.code.number < 200 && finding.diagnostic.severity == Severity::Error
}

/// A text with those of the fixes that go together, and the findings that they are of.
fn attempt<'a>(
    state: &State,
    todo: &[&'a Finding],
    look: &dyn Fn(Vec<u8>) -> State,
) -> (State, Vec<&'a Finding>) {
    let fixes: Vec<&Fix> = todo.iter().filter_map(|f| f.diagnostic.fix.as_ref()).collect();
    let fixed = apply_fixes(&state.source.text, &fixes);
    let done = todo.iter().zip(fixed.applied).filter(|(_, applied)| *applied).map(|(f, _)| *f).collect();
    (look(fixed.text), done)
}

fn text<'a>(state: &'a State, one: &Checked) -> Text<'a> {
    Text { source: &state.source, input: one.input, family: one.family }
}

/// Whether fixes did what they say; what has changed by one that may change something.
fn judge(
    before: &State,
    after: &State,
    done: &[&Finding],
    one: &Checked,
    names: &dyn Names,
    options: &Options,
) -> Result<Option<String>, String> {
    if done.is_empty() {
        return Err("it does not fit the text".to_owned());
    }
    let faults = |state: &State| state.report.findings.iter().filter(|f| blocks(f)).count();
    if faults(after) > faults(before) {
        return Err("the new text has a mistake that the old one has not".to_owned());
    }
    let codes: BTreeSet<Code> = done.iter().map(|f| f.diagnostic.code).collect();
    let count =
        |state: &State, code| state.report.findings.iter().filter(|f| f.diagnostic.code == code).count();
    if codes.into_iter().any(|code| count(after, code) >= count(before, code)) {
        return Err("it does not mend what was found".to_owned());
    }
    let safe = done.iter().all(|f| f.diagnostic.fix.as_ref().is_some_and(|x| x.safety == FixSafety::Safe));
    // A text that does not load has no meaning to keep.
    let broken = done.iter().all(|f| blocks(f));
    if safe && broken {
        return Ok(None);
    }
    let text = |state| text(state, one);
    match (prove([text(before), text(after)], names, options), safe) {
        (Comparison::Same, _) => Ok(None),
        (Comparison::Different { packet, change }, true) => {
            Err(format!("it would change what the rules do: {packet} {change}"))
        }
        (Comparison::Unknown(why), true) => {
            Err(format!("that it changes nothing could not be proved: {why}"))
        }
        (Comparison::Different { packet, change }, false) => {
            Ok(Some(format!("what the rules do has changed: {packet} {change}")))
        }
        (Comparison::Unknown(_), false) if broken => Ok(None),
        (Comparison::Unknown(why), false) => Ok(Some(format!("what has changed is not known: {why}"))),
    }
}
