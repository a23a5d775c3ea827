//! Findings that say the same of many rules and hurt none of them: one for the text, at the first place, with all edits in
//! its fix.

use std::collections::BTreeMap;

use rfw_diagnostics::{Code, Diagnostic, Fix, codes};

use crate::Finding;

/// What a text is told once.
const ONCE: [Code; 2] = [codes::STATE_MATCH_DEPRECATED, codes::NOTRACK_TARGET];

/// Whether a finding is about the text as a whole, wherever it stands.
pub(crate) fn is_of_text(finding: &Finding) -> bool {
    ONCE.contains(&finding.diagnostic.code)
}

/// Makes one finding of those that say the same, in the order of their places.
pub(crate) fn gather(findings: &mut Vec<Finding>) {
    let mut groups: BTreeMap<(Code, String), Vec<Diagnostic>> = BTreeMap::new();
    findings.retain(|finding| {
        let one = &finding.diagnostic;
        let key = || (one.code, one.message.clone());
        if is_of_text(finding) {
            groups.entry(key()).or_default().push(one.clone());
        }
        !is_of_text(finding)
    });
    findings.extend(groups.into_values().filter_map(|mut group| {
        group.sort_by_key(|d| d.span);
        group.dedup_by_key(|d| d.span);
        one(group).map(Finding::new)
    }));
}

fn one(group: Vec<Diagnostic>) -> Option<Diagnostic> {
    let fix = fix(&group);
    let more = group.len() - 1;
    let mut first = group.into_iter().next()?;
    first.fix = fix;
    if more > 0 {
        let places = if more == 1 { "place" } else { "places" };
        first.message.push_str(&format!(", here and in {more} more {places}"));
    }
    Some(first)
}

/// All edits; none if a place cannot be mended.
fn fix(group: &[Diagnostic]) -> Option<Fix> {
    let fixes: Option<Vec<&Fix>> = group.iter().map(|d| d.fix.as_ref()).collect();
    let fixes = fixes?;
    let mut edits: Vec<_> = fixes.iter().flat_map(|fix| fix.edits.iter().cloned()).collect();
    edits.sort_by_key(|edit| edit.span);
    edits.dedup();
    Some(Fix { edits, safety: fixes.first()?.safety })
}
