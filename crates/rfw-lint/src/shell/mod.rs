//! Shell scripts: the rulesets that they would leave, with places in the script itself.
//!
//! The script is read, not run: nothing is started and no file is opened. Assignments, loops over lists, functions, `case`
//! and `if` are followed as far as the text decides; here-documents, pipes of `echo`, `printf` and `cat` reach
//! iptables-restore. What depends on anything else counts as a rule that may do anything, and is a finding of its own
//! ([`crate::checks::not_followed`]); it is never passed over. Every script ends: there is a bound on steps and depth.

mod arith;
mod assign;
mod ast;
mod builtins;
mod expand;
mod firewall;
mod noted;
mod parse;
mod printers;
pub(crate) mod programs;
mod restore;
mod run;
mod session;
mod test;
mod text;

use rfw_diagnostics::{Code, Diagnostic, Edit, Fix, FixSafety, Source, Span, codes};
use rfw_extensions::{Names, Registry};
use rfw_nft::Family;

use crate::apply::Reader;
use crate::checks::crlf_line_ending;
use crate::facts::Facts;
use crate::model::Model;
use crate::read::Input;
use crate::{Finding, commands};

/// What a script leaves.
pub(crate) struct Left {
    /// IPv4, IPv6.
    pub(crate) models: [Model; 2],
    /// What is to be said of the script itself.
    pub(crate) findings: Vec<Finding>,
    /// The facts, with what the script does to the host.
    pub(crate) facts: Facts,
}

/// Follows a script.
pub(crate) fn read(source: &Source, names: &dyn Names, facts: &Facts) -> Left {
    let text = session::commands(&source.text);
    let text: &[u8] = text.as_deref().unwrap_or(&source.text);
    let script = parse::parse(text);
    let reader =
        |family| Reader::new(Model::new(family, Input::Script), Registry::new(family), names, facts, text);
    let firewall = firewall::Firewall::new([reader(Family::Ipv4), reader(Family::Ipv6)], text);
    let mut firewall = run::Shell::new(&script, text, firewall).run();
    if firewall.undone {
        firewall.blur_all(Span::default());
    }
    let problems = script.problems.iter().map(|p| firewall::unreadable(p.span, &p.message));
    let mut findings: Vec<Finding> = problems.chain(firewall.findings()).map(Finding::new).collect();
    findings.extend(returns(text).map(Finding::new));
    for finding in &mut findings {
        within(&mut finding.diagnostic, text.len());
    }
    let facts = std::mem::take(&mut firewall.noted).join(facts);
    let models = firewall.readers.map(|mut reader| {
        reader.finish_policies();
        reader.model
    });
    Left { models, findings, facts }
}

/// Windows line ends.
fn returns(text: &[u8]) -> Option<Diagnostic> {
    let at: Vec<usize> = memchr::memmem::find_iter(text, b"\r\n").collect();
    let first = *at.first()?;
    let edit = |&at: &usize| Edit { span: Span::new(at, at + 1), replacement: String::new() };
    let mut found = crlf_line_ending::in_script(Span::new(first, first + 1), at.len());
    found.fix = Some(Fix { edits: at.iter().map(edit).collect(), safety: FixSafety::Safe });
    Some(found)
}

/// Cuts a place at the end of the text.
fn within(diagnostic: &mut Diagnostic, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let span = &mut diagnostic.span;
    span.end = span.end.min(length);
    span.start = span.start.min(span.end);
}

/// Whether a text is a script, by its name or its first lines.
pub(crate) fn is_script(name: &str, text: &[u8]) -> bool {
    let end = name.rsplit('.').next().unwrap_or_default();
    if name.contains('.') && ["sh", "bash", "ash", "dash", "ksh"].contains(&end) {
        return true;
    }
    let mut lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    if text.starts_with(b"#!") {
        let first = lines.next().unwrap_or_default();
        return first.ends_with(b"sh") || first.windows(3).any(|w| w == b"sh ");
    }
    // What begins a script or a session, before anything that begins a dump.
    for line in lines {
        let dump = line.starts_with(b"*") || line.starts_with(b":") || line.starts_with(b"-A ");
        if session::is_firewall(line)
            || (session::is_prompted(line) && !line.starts_with(b"["))
            || begins(line)
        {
            return true;
        }
        if dump {
            return false;
        }
    }
    false
}

/// Whether a word names a program that takes iptables' arguments.
pub(crate) fn is_program(word: &[u8]) -> bool {
    matches!(programs::named(word), Some(programs::Program::Tables(_)))
}

/// Whether a line is one that scripts begin with.
fn begins(line: &[u8]) -> bool {
    let word = line.split(|b| b.is_ascii_whitespace() || *b == b'=').next().unwrap_or_default();
    let assigns = line.get(word.len()) == Some(&b'=')
        && !word.is_empty()
        && word.iter().all(|&b| b == b'_' || b.is_ascii_uppercase() || b.is_ascii_digit());
    let command: &[&[u8]] = &[b"modprobe", b"sysctl", b"ipset", b"export"];
    assigns || (command.contains(&word) && word.len() < line.len())
}

/// Adds to the findings about rules from where in the script they came, and makes one of those that a loop repeats.
pub(crate) fn place(model: &Model, findings: &mut [Finding]) {
    for finding in findings {
        if !mends_words(model, finding) {
            finding.diagnostic.fix = None;
        }
        let table = finding.table.as_ref().and_then(|name| model.table(name)).map(|(_, t)| t);
        let chain = finding
            .chain
            .as_ref()
            .zip(table)
            .and_then(|(name, t)| t.chains.get(t.position(name.as_bytes())?));
        let rule =
            chain.zip(finding.rule).and_then(|(chain, number)| chain.rules.get(number.checked_sub(1)?));
        let Some(step) = rule.and_then(|r| r.step).and_then(|step| model.steps.get(step)) else { continue };
        let blamed = finding.diagnostic.span;
        let uses: Vec<text::Use> = step
            .values
            .iter()
            .filter(|(_, at, _)| firewall::overlaps(*at, blamed))
            .map(|(name, at, set)| text::Use { name: name.clone(), at: *at, set: *set })
            .collect();
        firewall::explain(&mut finding.diagnostic, uses.iter());
        firewall::called(&mut finding.diagnostic, step.called);
    }
}

/// Whether a fix stays inside the words of commands. One that adds or removes whole rules is made for lists and save files:
/// in a script the program's name, a loop or a function would be left behind.
fn mends_words(model: &Model, finding: &Finding) -> bool {
    const OWN: [Code; 5] = [
        codes::JOINED_COMMANDS,
        codes::NON_ATOMIC_SCRIPT,
        codes::CRLF_LINE_ENDING,
        codes::UNUSED_SUPPRESSION,
        codes::SUPPRESSION_WITHOUT_REASON,
    ];
    let Some(fix) = finding.diagnostic.fix.as_ref().filter(|_| !OWN.contains(&finding.diagnostic.code))
    else {
        return true;
    };
    fix.edits.iter().all(|edit| {
        let inside = |step: &crate::commands::Step| {
            step.span.start <= edit.span.start && edit.span.end <= step.span.end && edit.span != step.span
        };
        model.steps.iter().any(inside)
    })
}

/// One finding for each place and code: what a loop or a function repeats is one cause.
pub(crate) fn join(findings: &mut Vec<Finding>, source: &Source) {
    findings.sort_by_key(|f| (f.diagnostic.span, f.diagnostic.code));
    findings.dedup_by(|next, first| {
        let same =
            first.diagnostic.span == next.diagnostic.span && first.diagnostic.code == next.diagnostic.code;
        if same {
            for label in std::mem::take(&mut next.diagnostic.labels) {
                let labels = &mut first.diagnostic.labels;
                if labels.len() < 6 && !labels.iter().any(|l| l.span == label.span) {
                    labels.push(label);
                }
            }
        }
        same
    });
    for finding in findings {
        // What stands in a variable or is put together can't be mended where it is used.
        let literal =
            |fix: &rfw_diagnostics::Fix| fix.edits.iter().all(|e| !source.slice(e.span).contains(&b'$'));
        if finding.diagnostic.fix.as_ref().is_some_and(|fix| !literal(fix)) {
            finding.diagnostic.fix = None;
        }
    }
}

/// The rulesets of a script that have anything in them.
pub(crate) fn touched(models: &[Model; 2]) -> Vec<usize> {
    (0..2).filter(|&at| commands::is_touched(&models[at])).collect()
}
