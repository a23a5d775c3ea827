//! Workflow commands of GitHub Actions, which become annotations of a pull request.

use rfw_diagnostics::{Severity, Span};

use super::without_controls;
use crate::own::lint::{Checked, shown};

/// One line per finding, and one for what could not be read.
pub fn render(checked: &[Checked], unread: &[String]) -> String {
    let mut out = String::new();
    for text in unread {
        out.push_str(&format!("::error title=rfw lint::{}\n", data(text)));
    }
    for one in checked {
        for finding in &one.report.findings {
            let found = &finding.diagnostic;
            let level = match found.severity {
                Severity::Error => "error",
                Severity::Warn => "warning",
                Severity::Info => "notice",
            };
            let place = place(one, found.span);
            let title = format!("{} {}", found.code, found.code.name);
            let mut text = match one.path {
                Some(_) => found.message.clone(),
                None => format!("{}: {}", one.source.name, found.message),
            };
            if let Some(label) = &found.label {
                text.push_str(&format!("\n{label}"));
            }
            for label in &found.labels {
                let line = one.source.line_column(label.span.start).line;
                text.push_str(&format!("\nline {line}: {}", label.text));
            }
            if let Some(help) = &found.help {
                text.push_str(&format!("\nhelp: {help}"));
            }
            out.push_str(&format!("::{level} {place}title={}::{}\n", property(&title), data(&text)));
        }
    }
    out
}

/// Where to annotate; nothing for what is in no file.
fn place(one: &Checked, span: Span) -> String {
    let Some(path) = &one.path else { return String::new() };
    let (start, end) = (one.source.line_column(span.start), one.source.line_column(span.end));
    let mut place = format!("file={},line={},endLine={},", property(&shown(path)), start.line, end.line);
    // Columns of two lines would be taken for those of the first.
    if start.line == end.line {
        place.push_str(&format!("col={},endColumn={},", start.column, end.column.max(start.column + 1)));
    }
    place
}

fn data(text: &str) -> String {
    without_controls(text).replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
