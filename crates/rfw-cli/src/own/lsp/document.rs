//! A text that is open in an editor.

use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use lsp_types::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Hover,
    HoverContents, Location, MarkupContent, MarkupKind, NumberOrString, Position, Uri,
};
use rfw_diagnostics::{Code, Severity, Source, SourceKind, Span, codes};
use rfw_lint::{CHECKS, Finding, page};

use super::places::{Encoding, offset, range};
use crate::own::lint::{Looked, help_uri, look_at, same_host, whole};

/// Codes of rules that do nothing, which editors grey out.
const IDLE: std::ops::RangeInclusive<u16> = 301..=307;

/// A text, and what was found in it when it was looked at last.
pub struct Document {
    /// What the client calls it.
    pub uri: Uri,
    /// The client's count of changes.
    pub version: i32,
    /// The text.
    pub source: Source,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Where it is, if it is a file.
    pub path: Option<PathBuf>,
    /// The file of the other family that counted when it was looked at last.
    beside: Option<PathBuf>,
    changed: bool,
}

impl Document {
    /// A text that was opened.
    pub fn new(uri: Uri, version: i32, text: String) -> Self {
        let path = path(uri.as_str());
        let source = source(&uri, path.as_ref(), text);
        Self { uri, version, source, findings: Vec::new(), path, beside: None, changed: true }
    }

    /// Takes its new text.
    pub fn change(&mut self, version: i32, text: String) {
        self.source = source(&self.uri, self.path.as_ref(), text);
        self.version = version;
        self.changed = true;
    }

    /// Whether it has to be looked at.
    pub fn changed(&self) -> bool {
        self.changed
    }

    /// Has it looked at again if the text at a path may have counted.
    pub fn other_changed(&mut self, path: &Path) {
        let own = self.path.as_deref().map(whole);
        let (named, counted) =
            (own.as_deref().is_some_and(|own| same_host(own, path)), self.beside.as_deref() == Some(path));
        self.changed |= named || counted;
    }

    /// Looks at it beside the other texts that are open.
    ///
    /// # Errors
    /// If the settings or a file that they name cannot be read. Without settings nothing is found.
    pub fn look(&self, open: &[(&Path, &Source)]) -> Result<Looked, String> {
        look_at(&self.source, self.path.as_deref(), open)
    }

    /// Takes what was found.
    pub fn looked(&mut self, looked: Option<Looked>) {
        self.changed = false;
        let (report, beside) = looked.map_or_else(Default::default, |looked| (looked.report, looked.beside));
        (self.findings, self.beside) = (report.findings, beside);
    }

    /// What was found, for the client.
    pub fn diagnostics(&self, encoding: Encoding) -> Vec<Diagnostic> {
        self.findings.iter().map(|finding| self.diagnostic(finding, encoding)).collect()
    }

    /// A finding for the client.
    pub fn diagnostic(&self, finding: &Finding, encoding: Encoding) -> Diagnostic {
        let found = &finding.diagnostic;
        let mut message = found.message.clone();
        if let Some(label) = &found.label {
            message.push('\n');
            message.push_str(label);
        }
        if let Some(help) = &found.help {
            message.push_str("\nhelp: ");
            message.push_str(help);
        }
        let labels = found.labels.iter().map(|label| DiagnosticRelatedInformation {
            location: Location::new(self.uri.clone(), range(&self.source, label.span, encoding)),
            message: label.text.clone(),
        });
        let link = help_uri(found.code).and_then(|uri| uri.parse().ok());
        Diagnostic {
            range: range(&self.source, found.span, encoding),
            severity: Some(match found.severity {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warn => DiagnosticSeverity::WARNING,
                Severity::Info => DiagnosticSeverity::INFORMATION,
            }),
            code: Some(NumberOrString::String(found.code.to_string())),
            code_description: link.map(|href| CodeDescription { href }),
            source: Some("rfw".to_owned()),
            message,
            related_information: Some(labels.collect()),
            tags: IDLE.contains(&found.code.number).then(|| vec![DiagnosticTag::UNNECESSARY]),
            data: None,
        }
    }

    /// The pages of what is found at a place, or of the code that stands there.
    pub fn hover(&self, position: Position, encoding: Encoding) -> Option<Hover> {
        let at = offset(&self.source, position, encoding);
        let here = |span: &Span| span.start <= at && at <= span.end;
        let mut found: Vec<(Code, Span)> = self
            .findings
            .iter()
            .map(|finding| (finding.diagnostic.code, finding.diagnostic.span))
            .filter(|(_, span)| here(span))
            .collect();
        found.extend(self.code_at(at));
        found.dedup_by_key(|(code, _)| *code);
        let pages: Vec<String> = found.iter().filter_map(|(code, _)| page_of(*code)).collect();
        let span = found.iter().map(|(_, span)| *span).min_by_key(|span| span.end - span.start)?;
        (!pages.is_empty()).then(|| Hover {
            contents: HoverContents::Markup(MarkupContent {
                kind: MarkupKind::Markdown,
                value: pages.join("\n---\n\n"),
            }),
            range: Some(range(&self.source, span, encoding)),
        })
    }

    /// The code or the name of a check in a comment.
    fn code_at(&self, at: u32) -> Option<(Code, Span)> {
        let text = &self.source.text;
        let at = (at as usize).min(text.len());
        let part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
        let start = text[..at].iter().rposition(|b| !part(b)).map_or(0, |n| n + 1);
        let end = text[at..].iter().position(|b| !part(b)).map_or(text.len(), |n| at + n);
        let word = std::str::from_utf8(text.get(start..end)?).ok()?;
        // A port is not a code.
        let code = codes::by_text(word).filter(|_| !word.bytes().all(|b| b.is_ascii_digit()))?;
        Some((code, Span::new(start, end)))
    }
}

fn page_of(code: Code) -> Option<String> {
    CHECKS.iter().find(|check| check.code == code).map(page)
}

fn source(uri: &Uri, path: Option<&PathBuf>, text: String) -> Source {
    let name = path.map_or_else(|| uri.as_str().to_owned(), |path| path.display().to_string());
    Source::new(name, SourceKind::File, text.into_bytes())
}

/// The path of a `file:` URI.
fn path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let escaped = rest.get(rest.find('/')?..)?.as_bytes();
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut at = 0;
    while let Some(&byte) = escaped.get(at) {
        let hex = |n: usize| char::from(*escaped.get(at + n)?).to_digit(16);
        match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).ok()?);
                at += 3;
            }
            _ => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(path("file:///etc/a%20b.rules"), Some(PathBuf::from("/etc/a b.rules")));
        assert_eq!(path("file://host/etc/%zz"), Some(PathBuf::from("/etc/%zz")));
        assert_eq!(path("untitled:Untitled-1"), None);
        assert_eq!(path("file://"), None);
    }
}
