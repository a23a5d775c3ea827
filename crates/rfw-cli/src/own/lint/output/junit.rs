//! JUnit's XML: a suite per ruleset, a test per finding, failed if it is as bad as `--fail-on`; a ruleset without findings is
//! one test that passed.

use std::fmt::Write;

use rfw_lint::Finding;

use crate::own::lint::{Checked, shown};

/// The document; what could not be read is a suite of its own, of tests in error.
pub fn render(checked: &[Checked], unread: &[String]) -> String {
    let tests: usize = checked.iter().map(|c| c.report.findings.len().max(1)).sum::<usize>() + unread.len();
    let failures: usize = checked.iter().map(failures).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let errors = if unread.is_empty() { String::new() } else { format!(" errors=\"{}\"", unread.len()) };
    let _ = writeln!(out, "<testsuites name=\"rfw lint\" tests=\"{tests}\" failures=\"{failures}\"{errors}>");
    for one in checked {
        suite(one, &mut out);
    }
    if !unread.is_empty() {
        let _ = writeln!(
            out,
            "  <testsuite name=\"rfw lint\" tests=\"{0}\" failures=\"0\" errors=\"{0}\">",
            unread.len()
        );
        for text in unread {
            let text = escape(text);
            let _ = writeln!(out, "    <testcase classname=\"rfw lint\" name=\"{text}\">");
            let _ = writeln!(out, "      <error message=\"{text}\"/>\n    </testcase>");
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn failures(one: &Checked) -> usize {
    one.report.findings.iter().filter(|f| f.diagnostic.severity >= one.fail_on).count()
}

fn suite(one: &Checked, out: &mut String) {
    let findings = &one.report.findings;
    let name = escape(&one.path.as_deref().map_or_else(|| one.source.name.clone(), shown));
    let (tests, failures) = (findings.len().max(1), failures(one));
    let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">");
    if findings.is_empty() {
        let _ = writeln!(out, "    <testcase classname=\"{name}\" name=\"nothing found\"/>");
    }
    for finding in findings {
        case(one, finding, &name, out);
    }
    out.push_str("  </testsuite>\n");
}

fn case(one: &Checked, finding: &Finding, file: &str, out: &mut String) {
    let found = &finding.diagnostic;
    let place = one.source.line_column(found.span.start);
    let title = format!("{} {} at {}:{}", found.code, found.code.name, place.line, place.column);
    let _ = writeln!(out, "    <testcase classname=\"{file}\" name=\"{title}\" line=\"{}\">", place.line);
    let line = String::from_utf8_lossy(one.source.line_text(found.span.start)).into_owned();
    let mut text = format!("{}:{}:{}: {}\n{line}", one.source.name, place.line, place.column, found.message);
    if let Some(label) = &found.label {
        let _ = write!(text, "\n{label}");
    }
    for label in &found.labels {
        let _ = write!(text, "\nline {}: {}", one.source.line_column(label.span.start).line, label.text);
    }
    if let Some(help) = &found.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    let text = escape(&text);
    let _ = match found.severity >= one.fail_on {
        true => writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{text}</failure>",
            rfw_lint::severity(found.severity),
            escape(&found.message)
        ),
        false => writeln!(out, "      <system-out>{text}</system-out>"),
    };
    out.push_str("    </testcase>\n");
}

/// XML has no way to write most control characters.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
