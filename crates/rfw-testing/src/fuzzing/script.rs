//! A shell script, followed by the linter.

use rfw_diagnostics::{Diagnostic, Source, SourceKind};
use rfw_lint::{Input, Options, lint};
use rfw_nft::Family;

use super::NoNames;

/// # Panics
/// If a place lies outside of the text.
pub fn script(data: &[u8]) {
    let source = Source::new("some/script.sh", SourceKind::File, data.to_vec());
    let report = lint(&source, Input::Script, Family::Ipv4, &NoNames, &Options::default());
    for finding in &report.findings {
        inside(&finding.diagnostic, data.len());
    }
}

fn inside(diagnostic: &Diagnostic, length: usize) {
    let labels = diagnostic.labels.iter().map(|l| l.span);
    let edits = diagnostic.fix.iter().flat_map(|f| &f.edits).map(|e| e.span);
    for span in labels.chain(edits).chain([diagnostic.span]) {
        assert!(
            span.start <= span.end && span.end as usize <= length,
            "{span:?} in {length} bytes: {diagnostic:?}"
        );
    }
}
