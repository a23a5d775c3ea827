//! What findings owe to the elements of ipsets that the configuration lists: sets may be filled while rules stay.

use std::collections::HashSet;

use rfw_diagnostics::{Code, FixSafety, Span};

use crate::Finding;
use crate::facts::Facts;
use crate::model::Model;

/// The sentence behind the help of such a finding.
const NOTE: &str = "this rests on the ipset elements that the configuration lists";

/// Whether rules look into sets whose elements are known.
pub(crate) fn is_asked(model: &Model, facts: &Facts) -> bool {
    super::ipset::is_asked(model, facts)
}

/// The facts without elements of sets.
pub(crate) fn unknown(facts: &Facts) -> Facts {
    let mut facts = facts.clone();
    facts.ipsets.iter_mut().flatten().for_each(|(_, set)| set.entries.clear());
    facts
}

/// Says so of the findings that are not made without the elements. A fix of one changes the meaning on the day on which the set
/// is filled otherwise.
pub(crate) fn note(findings: &mut [Finding], without: &[Finding]) {
    let known: HashSet<(Code, Span, &str)> = without.iter().map(identity).collect();
    let resting: Vec<bool> = findings.iter().map(|finding| !known.contains(&identity(finding))).collect();
    for (finding, _) in findings.iter_mut().zip(resting).filter(|(_, rests)| *rests) {
        let diagnostic = &mut finding.diagnostic;
        diagnostic.help = Some(match diagnostic.help.take() {
            Some(help) => format!("{help}; {NOTE}"),
            None => NOTE.to_owned(),
        });
        if let Some(fix) = diagnostic.fix.as_mut().filter(|fix| fix.safety == FixSafety::Safe) {
            fix.safety = FixSafety::Unsafe;
        }
    }
}

fn identity(finding: &Finding) -> (Code, Span, &str) {
    (finding.diagnostic.code, finding.diagnostic.span, &finding.diagnostic.message)
}
