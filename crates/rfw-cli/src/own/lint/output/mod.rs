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

/// All findings in the format that was asked for.
pub fn render(checked: &[Checked], args: &LintArgs) -> String {
    match args.format {
        Format::Text => text(checked, colored(args.color)),
        Format::Json => json::render(checked),
        Format::Sarif => sarif::render(checked),
        Format::Github => github::render(checked),
        Format::Junit => junit::render(checked),
    }
}

/// Whether standard output takes colours.
pub fn colored(when: When) -> bool {
    let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            std::io::stdout().is_terminal() && unset("NO_COLOR") && !dumb
        }
    }
}

fn text(checked: &[Checked], color: bool) -> String {
    let mut out = String::new();
    for Checked { source, report, .. } in checked.iter().filter(|c| !c.report.findings.is_empty()) {
        let diagnostics: Vec<Diagnostic> = report.findings.iter().map(|f| f.diagnostic.clone()).collect();
        out.push_str(&match color {
            true => render_linked(&diagnostics, source, &help_uri),
            false => render_text(&diagnostics, source, false),
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
