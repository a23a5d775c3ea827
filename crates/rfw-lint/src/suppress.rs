//! Findings that the text itself asks to leave out.
//!
//! `# rfw: allow(RFW501) reason` on a line of its own, directly above; `# rfw: allow-file(RFW501, unused-chain)` anywhere;
//! or, as comment lines do not survive a load, inside the rule: `-m comment --comment "rfw:allow=RFW501 reason"`.
//! Only checks can be left out, not what keeps a text from loading.

use rfw_diagnostics::{Code, Source, codes};

use crate::{CHECKS, Finding};

/// Removes what the text allows.
pub(crate) fn apply(source: &Source, findings: &mut Vec<Finding>) {
    let lines: Vec<&[u8]> = source.text.split(|&b| b == b'\n').collect();
    let everywhere: Vec<Code> =
        lines.iter().flat_map(|line| codes_after(line, b"rfw: allow-file(")).collect();
    findings.retain(|finding| {
        let code = finding.diagnostic.code;
        if code.number < 200 || !CHECKS.iter().any(|check| check.code == code) {
            return true;
        }
        let line = source.line_column(finding.diagnostic.span.start).line;
        let above = line.checked_sub(2).and_then(|at| lines.get(at)).copied().unwrap_or_default();
        let own = lines.get(line - 1).copied().unwrap_or_default();
        let allowed = everywhere.contains(&code)
            || codes_after(above, b"rfw: allow(").contains(&code)
            || codes_inside(own).contains(&code);
        !allowed
    });
}

/// The codes in a comment line: `# rfw: allow(RFW501, unused-chain) reason`.
fn codes_after(line: &[u8], mark: &[u8]) -> Vec<Code> {
    let Some(rest) = line.strip_prefix(b"#").map(<[u8]>::trim_ascii_start).and_then(|l| l.strip_prefix(mark))
    else {
        return Vec::new();
    };
    let list = rest.split(|&b| b == b')').next().unwrap_or_default();
    list.split(|&b| b == b',').filter_map(|word| code(word.trim_ascii())).collect()
}

/// The codes in a rule's comment: `rfw:allow=RFW501,RFW306 reason`.
fn codes_inside(line: &[u8]) -> Vec<Code> {
    const MARK: &[u8] = b"rfw:allow=";
    let Some(at) = line.windows(MARK.len()).position(|w| w == MARK) else { return Vec::new() };
    let rest = &line[at + MARK.len()..];
    let list = rest.split(|b| b.is_ascii_whitespace() || *b == b'"').next().unwrap_or_default();
    list.split(|&b| b == b',').filter_map(code).collect()
}

fn code(word: &[u8]) -> Option<Code> {
    codes::by_text(std::str::from_utf8(word).ok()?)
}
