//! How findings are shown: for people here, for programs in the modules.

mod github;
mod json;
mod junit;
mod sarif;

use std::io::IsTerminal;

use rfw_diagnostics::{Code, Diagnostic, Severity, render_linked, render_text};
use rfw_lint::CHECKS;

use super::Checked;
use super::args::{Format, LintArgs, When};

pub use json::print as print_json;

/// Where the pages are: where the package puts them, unless whoever builds the program says otherwise.
const PAGES: &str = match option_env!("RFW_LINT_PAGES") {
    Some(place) => place,
    None => "file:///usr/share/doc/rfw/lints",
};

/// The page of a check, as a link; `None` for what has no page.
pub fn help_uri(code: Code) -> Option<String> {
    let check = CHECKS.iter().find(|check| check.code == code)?;
    Some(format!("{PAGES}/{code}-{}.md", check.code.name))
}

/// All findings in the format that was asked for; `unread` says what could not be read.
pub fn render(checked: &[Checked], unread: &[String], args: &LintArgs) -> String {
    match args.format {
        // There is nothing to sum up.
        Format::Text if checked.is_empty() && !unread.is_empty() => String::new(),
        Format::Text => text(checked, Style::of(args.color)),
        Format::Json => json::render(checked),
        Format::Sarif => sarif::render(checked, unread),
        Format::Github => github::render(checked, unread),
        Format::Junit => junit::render(checked, unread),
    }
}

/// What standard output takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Colors,
    /// With links.
    Linked,
}

impl Style {
    /// By the option, then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`, the terminal. Links are for terminals only: a file or a
    /// pager may show their addresses as rubbish.
    fn of(when: When) -> Self {
        let value = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_zero = |name: &str| value(name).is_some_and(|value| value == "0");
        let able = std::io::stdout().is_terminal() && value("TERM").is_some_and(|term| term != "dumb");
        let colors = match when {
            When::Always => true,
            When::Never => false,
            When::Auto if value("NO_COLOR").is_some() => false,
            When::Auto if value("CLICOLOR_FORCE").is_some() && !is_zero("CLICOLOR_FORCE") => true,
            When::Auto => able && !is_zero("CLICOLOR"),
        };
        match (colors, able) {
            (false, _) => Self::Plain,
            (true, false) => Self::Colors,
            (true, true) => Self::Linked,
        }
    }
}

/// Control characters as their pictures: a log that is shown on a terminal would obey them.
fn without_controls(text: &str) -> String {
    let picture = |c: char| match u32::from(c) {
        code @ 0..=0x1f if c != '\n' && c != '\t' => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        0x80..=0x9f => '\u{fffd}',
        _ => c,
    };
    text.chars().map(picture).collect()
}

fn text(checked: &[Checked], style: Style) -> String {
    let mut out = String::new();
    for Checked { source, report, .. } in checked.iter().filter(|c| !c.report.findings.is_empty()) {
        let diagnostics: Vec<Diagnostic> = report.findings.iter().map(|f| f.diagnostic.clone()).collect();
        out.push_str(&match style {
            Style::Linked => render_linked(&diagnostics, source, &help_uri),
            style => render_text(&diagnostics, source, style == Style::Colors),
        });
        out.push('\n');
    }
    out.push_str(&summary(checked));
    out.push('\n');
    out
}

/// How many findings have a severity.
pub fn count(checked: &[Checked], severity: Severity) -> usize {
    let all = checked.iter().flat_map(|c| &c.report.findings);
    all.filter(|f| f.diagnostic.severity == severity).count()
}

/// One line: how many findings of each severity, in how many texts.
fn summary(checked: &[Checked]) -> String {
    let words = |n: usize, word: &str| match n {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    let texts = match checked {
        [one] => one.source.name.clone(),
        many => format!("{} rulesets", many.len()),
    };
    let known: usize = checked.iter().map(|c| c.known.len()).sum();
    let known = if known == 0 { String::new() } else { format!(" ({known} more in the baseline)") };
    if checked.iter().all(|c| c.report.findings.is_empty()) {
        return format!("{texts}: nothing found{known}");
    }
    let kinds = [
        words(count(checked, Severity::Error), "error"),
        words(count(checked, Severity::Warn), "warning"),
        words(count(checked, Severity::Info), "note"),
    ];
    format!("{texts}: {}{known}; `rfw explain CODE` says more", kinds.join(", "))
}
