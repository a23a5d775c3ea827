//! Neighbouring rules differ only in the port.
//!
//! **Why.** `-m multiport` takes up to fifteen ports in one rule: less to read, and one counter for what belongs together.
//!
//! **Packet.** One to tcp/8443: compared with three rules, where one would do.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 80 -j ACCEPT
//! -A INPUT -p tcp --dport 443 -j ACCEPT
//! -A INPUT -p tcp --dport 8443 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp -m multiport --dports 80,443,8443 -j ACCEPT
//! ```
//! **Suppress.** Where each port wants a counter or a comment of its own: rules that differ in more words than the port are
//! not reported.

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Key;
use crate::model::RuleId;
use crate::read::Input;
use crate::runs::{Run, runs};

/// `XT_MULTI_PORTS` of xt_multiport.h: a range takes two.
const SLOTS: usize = 15;

/// Words that name one port, and what multiport calls it.
const OPTIONS: [(&[u8], &str); 4] = [
    (b"--dport", "--dports"),
    (b"--destination-port", "--dports"),
    (b"--sport", "--sports"),
    (b"--source-port", "--sports"),
];

/// A rule's only port option.
struct Port<'a> {
    /// Where option and value stand.
    span: Span,
    /// What multiport calls the option.
    option: &'static str,
    /// The value.
    value: &'a str,
    /// The text of the rule around both.
    around: (&'a [u8], &'a [u8]),
}

/// One finding per run.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    for run in runs(cx.model) {
        let Some(ports) = joined(cx, &run) else { continue };
        let spans: Vec<Span> = (0..run.len).filter_map(|n| Some(cx.model.rule(at(&run, n))?.span)).collect();
        let (Some(first), Some(&span)) = (ports.first(), spans.first()) else { continue };
        let values: Vec<&str> = ports.iter().map(|port| port.value).collect();
        let list = format!("-m multiport {} {}", first.option, values.join(","));
        let mut found = Diagnostic::new(
            codes::COLLAPSE_PORTS,
            Severity::Info,
            span,
            format!("{} rules differ only in the port", run.len),
        )
        .help(format!("join them: `{list}`"));
        if cx.model.input == Input::Save {
            found = found.fix(first.span, list.clone(), FixSafety::Safe);
            for span in &spans[1..] {
                found = found.and_edit(line(cx, *span), "");
            }
        }
        out.push(Finding::about(found, cx.model, run.first));
    }
}

/// Whether the run can be one rule with a list of ports.
pub(crate) fn fits(cx: &Cx<'_>, run: &Run) -> bool {
    joined(cx, run).is_some()
}

fn at(run: &Run, n: usize) -> RuleId {
    RuleId { rule: run.first.rule + n, ..run.first }
}

/// The port options of all rules, if they differ in nothing else and a list can hold them.
fn joined<'a>(cx: &Cx<'a>, run: &Run) -> Option<Vec<Port<'a>>> {
    if !matches!(run.key, Key::SourcePort | Key::DestinationPort) || run.len > SLOTS {
        return None;
    }
    let ports: Option<Vec<Port<'a>>> = (0..run.len).map(|n| port(cx, cx.model.rule(at(run, n))?.span)).collect();
    let ports = ports?;
    let first = ports.first()?;
    let slots: usize = ports.iter().map(|p| if p.value.contains([':', '-']) { 2 } else { 1 }).sum();
    let alike = ports.iter().all(|p| p.option == first.option && p.around == first.around);
    (alike && slots <= SLOTS).then_some(ports)
}

/// The port option of the rule at a place; `None` if it has none, more than one, or `!`.
fn port<'a>(cx: &Cx<'a>, span: Span) -> Option<Port<'a>> {
    let text = cx.source.text.get(span.start as usize..span.end as usize)?;
    let mut words = Vec::new();
    let mut start = 0;
    for word in text.split(|&b| b == b' ') {
        words.push((start, word));
        start += word.len() + 1;
    }
    let named = |word: &[u8]| OPTIONS.iter().find(|(name, _)| *name == word).map(|(_, option)| *option);
    let mut options = words.iter().enumerate().filter_map(|(n, (_, word))| Some((n, named(word)?)));
    let (n, option) = options.next()?;
    let (&(from, _), &(value_at, value)) = (words.get(n)?, words.get(n + 1)?);
    let plain = value.iter().all(|b| b.is_ascii_alphanumeric() || *b == b':' || *b == b'-');
    let inverted = n.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|(_, word)| *word == b"!");
    if options.next().is_some() || inverted || !plain || value.is_empty() {
        return None;
    }
    let to = value_at + value.len();
    let base = span.start as usize;
    Some(Port {
        span: Span::new(base + from, base + to),
        option,
        value: std::str::from_utf8(value).ok()?,
        around: (text.get(..from)?, text.get(to..)?),
    })
}

/// The whole line that a rule stands on, with its end.
fn line(cx: &Cx<'_>, span: Span) -> Span {
    let text = &cx.source.text;
    let start = text.get(..span.start as usize).and_then(|t| t.iter().rposition(|&b| b == b'\n')).map_or(0, |at| at + 1);
    let rest = text.get(span.end as usize..).unwrap_or_default();
    let end = rest.iter().position(|&b| b == b'\n').map_or(text.len(), |at| span.end as usize + at + 1);
    Span::new(start, end)
}
