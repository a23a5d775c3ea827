//! What a client may do about findings: their fixes, all safe fixes at once, and an allowance.

use std::collections::HashMap;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, Range, TextEdit, WorkspaceEdit,
};
use rfw_diagnostics::{Edit, Fix, FixSafety, Severity, Span};
use rfw_lint::{CHECKS, Finding, apply_fixes};

use super::document::Document;
use super::places::{Encoding, position, range};

/// The actions for a range of a text.
pub fn of(document: &Document, params: &CodeActionParams, encoding: Encoding) -> Vec<CodeActionOrCommand> {
    let wanted = |kind: &CodeActionKind| {
        let only = params.context.only.as_ref();
        only.is_none_or(|only| only.iter().any(|o| kind.as_str().starts_with(o.as_str())))
    };
    let mut actions = Vec::new();
    if wanted(&CodeActionKind::QUICKFIX) {
        let near = |f: &&Finding| touches(range(&document.source, f.diagnostic.span, encoding), params.range);
        for finding in document.findings.iter().filter(near) {
            actions.extend(fix(document, finding, encoding));
            actions.extend(allow(document, finding, encoding));
        }
    }
    if wanted(&CodeActionKind::SOURCE_FIX_ALL) {
        actions.extend(fix_all(document, encoding));
    }
    actions.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

fn touches(one: Range, other: Range) -> bool {
    one.start <= other.end && other.start <= one.end
}

fn fix(document: &Document, finding: &Finding, encoding: Encoding) -> Option<CodeAction> {
    let fix = finding.diagnostic.fix.as_ref()?;
    let code = finding.diagnostic.code;
    let title = match (fix.edits.as_slice(), fix.safety) {
        ([edit], _) if edit.replacement.is_empty() => format!("{code}: remove it"),
        ([edit], _) if !edit.replacement.contains('\n') => {
            format!("{code}: write `{}`", edit.replacement.trim())
        }
        (_, FixSafety::Safe) => format!("{code}: fix, keeps what the rules do"),
        (_, FixSafety::Unsafe) => format!("{code}: fix, may change what the rules do"),
        (_, FixSafety::Suggestion) => format!("{code}: one way to write it"),
    };
    Some(CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![document.diagnostic(finding, encoding)]),
        edit: Some(edit(document, &fix.edits, encoding)),
        is_preferred: Some(fix.safety == FixSafety::Safe),
        ..CodeAction::default()
    })
}

/// A comment line above the rule.
fn allow(document: &Document, finding: &Finding, encoding: Encoding) -> Option<CodeAction> {
    let (code, severity) = (finding.diagnostic.code, finding.diagnostic.severity);
    let loads = code.number >= 200 || severity != Severity::Error;
    if !loads || !CHECKS.iter().any(|check| check.code == code) {
        return None;
    }
    let text = &document.source.text;
    let at = (finding.diagnostic.span.start as usize).min(text.len());
    let start = text[..at].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
    let line = Edit { span: Span::new(start, start), replacement: format!("# rfw: allow({code}) reason\n") };
    Some(CodeAction {
        title: format!("{code}: allow it here"),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![document.diagnostic(finding, encoding)]),
        edit: Some(edit(document, &[line], encoding)),
        ..CodeAction::default()
    })
}

/// All safe fixes that go together.
fn fix_all(document: &Document, encoding: Encoding) -> Option<CodeAction> {
    let fixes = document.findings.iter().filter_map(|f| f.diagnostic.fix.as_ref());
    let fixes: Vec<&Fix> = fixes.filter(|fix| fix.safety == FixSafety::Safe).collect();
    let applied = apply_fixes(&document.source.text, &fixes).applied;
    let mut edits: Vec<Edit> = Vec::new();
    for (fix, _) in fixes.iter().zip(applied).filter(|(_, applied)| *applied) {
        // Two findings may ask for the same edit.
        edits.extend(fix.edits.iter().filter(|e| !edits.contains(e)).cloned().collect::<Vec<_>>());
    }
    if edits.is_empty() {
        return None;
    }
    Some(CodeAction {
        title: "rfw: apply all safe fixes".to_owned(),
        kind: Some(CodeActionKind::SOURCE_FIX_ALL),
        edit: Some(edit(document, &edits, encoding)),
        ..CodeAction::default()
    })
}

#[expect(clippy::mutable_key_type, reason = "the protocol's own type; its hash is that of its text")]
fn edit(document: &Document, edits: &[Edit], encoding: Encoding) -> WorkspaceEdit {
    let one = |edit: &Edit| {
        let (start, end) = (edit.span.start, edit.span.end);
        let place = |at| position(&document.source, at, encoding);
        TextEdit::new(Range::new(place(start), place(end)), edit.replacement.clone())
    };
    let changes = HashMap::from([(document.uri.clone(), edits.iter().map(one).collect())]);
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}
