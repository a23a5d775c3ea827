//! What goes to standard error: iptables' own words first, the drawing after them.

use std::io::{IsTerminal, Write};

use rfw_diagnostics::{Classic, Diagnostic, Source, render_text};

use crate::personality::Personality;

/// Writes to standard error; a closed one is nobody's fault.
pub fn error_text(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes to standard output. A reader that went away ends the program quietly, as SIGPIPE would.
pub fn output(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Reports mistakes of one source; `lead` is the one that iptables would have told, and its status counts.
pub fn diagnostics(
    personality: &Personality,
    found: &[Diagnostic],
    lead: usize,
    source: &Source,
    line: impl Fn(&Diagnostic) -> Option<usize>,
) -> u8 {
    let Some(first) = found.get(lead) else { return 0 };
    let classic = first
        .words(personality.version)
        .cloned()
        .unwrap_or_else(|| Classic::Parameter(first.message.clone()));
    let mut text = personality.voice().say(&classic, line(first));
    if let (Classic::Resource(_), Some(_)) = (&classic, line(first)) {
        for more in found.iter().skip(lead + 1) {
            if let (Some(Classic::Resource(words)), Some(n)) = (&more.classic, line(more)) {
                text.push_str(&format!("line {n}: {words}\n"));
            }
        }
    }
    text.push('\n');
    text.push_str(&render_text(found, source, std::io::stderr().is_terminal()));
    error_text(&text);
    classic.status()
}

/// Reports something that has no place in a text.
pub fn plain(personality: &Personality, classic: &Classic) -> u8 {
    error_text(&personality.voice().say(classic, None));
    classic.status()
}
