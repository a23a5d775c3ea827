//! Findings that the text itself asks to leave out.
//!
//! `# rfw: allow(RFW501) reason` on a line of its own, above; `# rfw: allow-file(RFW501, unused-chain) reason` anywhere;
//! or, as comment lines do not survive a load, inside the rule: `-m comment --comment "rfw:allow=RFW501 reason"`.
//! Only checks can be left out, not what keeps a text from loading. What an allowance names and nothing reports, and an
//! allowance without a reason where one is asked for, are findings of their own.

use std::collections::HashMap;

use rfw_diagnostics::{Code, Diagnostic, FixSafety, Severity, Source, Span, codes};

use crate::{CHECKS, Finding, Options};

/// A finding that the text asks to leave out.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// What was found.
    pub finding: Finding,
    /// The reason that the text gives.
    pub reason: Option<String>,
    /// Where it does.
    pub span: Span,
}

/// A request to leave findings out.
struct Allowance {
    /// All of it: the comment line, or the text inside the rule's comment.
    span: Span,
    /// Index of the line that it is for; `None` is the whole file.
    line: Option<usize>,
    words: Vec<Allowed>,
    reason: Option<String>,
    /// Whether it is a line of its own.
    own_line: bool,
    /// Whether there is nothing that it could speak for: no rule follows.
    alone: bool,
}

/// A word of it.
struct Allowed {
    span: Span,
    text: String,
    code: Option<Code>,
    used: bool,
}

/// Takes out what the text allows, and adds what is wrong with the allowances.
pub(crate) fn apply(source: &Source, findings: &mut Vec<Finding>, options: &Options) -> Vec<Suppressed> {
    let (mut allowances, malformed) = collect(&source.text);
    let mut suppressed = Vec::new();
    let mut places: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (at, allowance) in allowances.iter().enumerate() {
        places.entry(allowance.line).or_default().push(at);
    }
    for finding in std::mem::take(findings) {
        match allowed(&mut allowances, &places, source, &finding) {
            Some((reason, span)) => suppressed.push(Suppressed { finding, reason, span }),
            None => findings.push(finding),
        }
    }
    for allowance in &allowances {
        findings.extend(complaints(allowance, &source.text, options).map(Finding::new));
    }
    findings.extend(malformed.into_iter().map(|span| Finding::new(not_understood(span))));
    suppressed
}

/// The reason and the place of what allows a finding.
fn allowed(
    allowances: &mut [Allowance],
    places: &HashMap<Option<usize>, Vec<usize>>,
    source: &Source,
    finding: &Finding,
) -> Option<(Option<String>, Span)> {
    let (code, severity) = (finding.diagnostic.code, finding.diagnostic.severity);
    let loads = code.number >= 200 || severity != Severity::Error;
    if !loads || !CHECKS.iter().any(|check| check.code == code) {
        return None;
    }
    let line = source.line_column(finding.diagnostic.span.start).line - 1;
    // An allowance for the line is nearer than one for the file.
    let mut near = [Some(line), None].into_iter().filter_map(|place| places.get(&place)).flatten();
    near.find_map(|&at| allowances.get_mut(at)?.take(code))
}

impl Allowance {
    fn take(&mut self, code: Code) -> Option<(Option<String>, Span)> {
        let word = self.words.iter_mut().find(|word| word.code == Some(code))?;
        word.used = true;
        Some((self.reason.clone(), self.span))
    }
}

/// What is wrong with an allowance.
fn complaints<'a>(
    allowance: &'a Allowance,
    text: &'a [u8],
    options: &'a Options,
) -> impl Iterator<Item = Diagnostic> + 'a {
    let idle = |word: &Allowed| match word.code {
        None => true,
        Some(code) => !word.used && options.selection.wants(code),
    };
    let all = allowance.words.iter().all(idle);
    let unused = allowance.words.iter().filter(move |word| idle(word)).map(move |word| {
        let (shown, place) = (&word.text, if allowance.line.is_some() { "the rule" } else { "the file" });
        let (message, help) = match word.code {
            None => (format!("no check is called `{shown}`"), "`rfw rules` lists the checks".to_owned()),
            Some(code) if !CHECKS.iter().any(|check| check.code == code) => (
                format!("`{shown}` cannot be allowed: it is no check but a mistake in the text"),
                "mend the line instead".to_owned(),
            ),
            Some(_) if allowance.alone => (
                format!("no rule follows for which `{shown}` could be allowed"),
                "put the line directly above the rule, or write `allow-file`".to_owned(),
            ),
            Some(_) => (
                format!("nothing reports `{shown}` here, so there is nothing to allow"),
                format!("take it out, or it hides a later mistake in {place}"),
            ),
        };
        let found = Diagnostic::new(codes::UNUSED_SUPPRESSION, Severity::Warn, word.span, message).help(help);
        match allowance.own_line && all && word.span == allowance.words[0].span {
            true => found.fix(whole_line(text, allowance.span), "", FixSafety::Safe),
            false => found,
        }
    });
    let silent = options.require_reason && allowance.reason.is_none() && !allowance.words.is_empty();
    let reason = silent.then(|| {
        let message = "a finding is allowed without a reason";
        Diagnostic::new(codes::SUPPRESSION_WITHOUT_REASON, Severity::Warn, allowance.span, message)
            .help("say why after the codes, for the next reader")
    });
    unused.chain(reason)
}

/// A line with its end.
fn whole_line(text: &[u8], span: Span) -> Span {
    let (start, end) = (span.start as usize, (span.end as usize).min(text.len()));
    let begin = text[..start.min(end)].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let past = text[end..].iter().position(|&b| b == b'\n').map_or(text.len(), |at| end + at + 1);
    Span::new(begin, past)
}

/// An allowance that is none by its form.
fn not_understood(span: Span) -> Diagnostic {
    let message = "this allows nothing: it is not in the form of an allowance";
    Diagnostic::new(codes::UNUSED_SUPPRESSION, Severity::Warn, span, message).help(
        "write `# rfw: allow(RFW501) reason` or `# rfw: allow-file(RFW501) reason`, in a rule `--comment \"rfw:allow=RFW501 reason\"`",
    )
}

/// What people write for `allow`.
const MEANT: &[&str] = &["allow", "allow-file", "disable", "ignore", "noqa", "suppress"];

/// Where something was meant to be an allowance and is none: behind `rfw:` a word like those.
fn meant(line: &[u8], start: usize) -> Option<Span> {
    const MARK: &[u8] = b"rfw:";
    let at = line.windows(MARK.len()).position(|w| w.eq_ignore_ascii_case(MARK))?;
    let rest = line[at + MARK.len()..].trim_ascii();
    let word =
        &rest[..rest.iter().position(|b| !b.is_ascii_alphabetic() && *b != b'-').unwrap_or(rest.len())];
    let lower = word.to_ascii_lowercase();
    let known = MEANT.iter().any(|m| m.as_bytes() == lower);
    let near = !word.is_empty() && rfw_values::suggest(&lower, MEANT.iter().copied()).is_some();
    let from = line.len() - line[at + MARK.len()..].trim_ascii_start().len();
    (known || near).then(|| Span::new(start + at, start + from + word.len()))
}

/// All allowances of a text, and where it has what was meant to be one.
fn collect(text: &[u8]) -> (Vec<Allowance>, Vec<Span>) {
    let mut found: Vec<Allowance> = Vec::new();
    let mut malformed = Vec::new();
    // Those on comment lines wait for the next line that is none.
    let mut waiting = 0;
    let mut start = 0;
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let body = line.trim_ascii_start();
        let at = start + line.len() - body.len();
        if body.starts_with(b"#") {
            match comment(body.trim_ascii_end(), at) {
                Some(allowance) => found.push(allowance),
                // `# rfw: …`, not a comment that speaks of it.
                None if body[1..].trim_ascii_start().to_ascii_lowercase().starts_with(b"rfw:") => {
                    malformed.extend(meant(body, at));
                }
                None => {}
            }
        } else if !body.is_empty() {
            for allowance in found.iter_mut().skip(waiting).filter(|a| a.line == Some(usize::MAX)) {
                allowance.line = Some(number);
                allowance.alone = body.trim_ascii_end() == b"COMMIT";
            }
            match inside(line, start, number) {
                Some(allowance) => found.push(allowance),
                None => malformed.extend(meant(line, start)),
            }
            waiting = found.len();
        }
        start += line.len() + 1;
    }
    for allowance in found.iter_mut().filter(|a| a.line == Some(usize::MAX)) {
        allowance.alone = true;
    }
    (found, malformed)
}

/// A comment line: `# rfw: allow(RFW501, unused-chain) reason`.
fn comment(line: &[u8], start: usize) -> Option<Allowance> {
    let blanks = |text: &[u8]| text.len() - text.trim_ascii_start().len();
    let mut at = 1 + blanks(line.get(1..)?);
    at += line.get(at..)?.strip_prefix(b"rfw:").map(|_| 4)?;
    at += blanks(&line[at..]);
    let rest = &line[at..];
    let (line_number, mark) = match rest {
        _ if rest.starts_with(b"allow(") => (Some(usize::MAX), 6),
        _ if rest.starts_with(b"allow-file(") => (None, 11),
        _ => return None,
    };
    let list = rest.get(mark..)?;
    let close = list.iter().position(|&b| b == b')')?;
    Some(Allowance {
        span: Span::new(start, start + line.len()),
        line: line_number,
        words: words(&list[..close], start + at + mark),
        reason: reason(&list[close + 1..]),
        own_line: true,
        alone: false,
    })
}

/// A rule's comment: `rfw:allow=RFW501,RFW306 reason`.
fn inside(line: &[u8], start: usize, number: usize) -> Option<Allowance> {
    const MARK: &[u8] = b"rfw:allow=";
    let mark = line.windows(MARK.len()).position(|w| w == MARK)?;
    let quote = mark.checked_sub(1).and_then(|before| line.get(before)).filter(|q| matches!(q, b'"' | b'\''));
    let rest = &line[mark + MARK.len()..];
    let ends = |b: &u8| match quote {
        Some(quote) => b == quote,
        None => b.is_ascii_whitespace(),
    };
    let text = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
    let (list, why) = text.split_at(text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len()));
    let from = start + mark;
    Some(Allowance {
        span: Span::new(from, from + MARK.len() + text.len()),
        line: Some(number),
        words: words(list, from + MARK.len()),
        reason: reason(why),
        own_line: false,
        alone: false,
    })
}

fn words(list: &[u8], start: usize) -> Vec<Allowed> {
    let mut at = start;
    let mut found = Vec::new();
    for part in list.split(|&b| b == b',') {
        let word = part.trim_ascii();
        let from = at + part.len() - part.trim_ascii_start().len();
        if !word.is_empty() {
            let text = String::from_utf8_lossy(word).into_owned();
            let span = Span::new(from, from + word.len());
            found.push(Allowed { span, code: codes::by_text(&text), text, used: false });
        }
        at += part.len() + 1;
    }
    found
}

fn reason(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text.trim_ascii()).trim_start_matches([':', '-']).trim().to_owned();
    (!text.is_empty()).then_some(text)
}
