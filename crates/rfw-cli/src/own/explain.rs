//! `rfw explain`: the page of a check.

use std::io::Write;

use clap::Args;
use rfw_lint::CHECKS;

use super::out::put;

/// What `rfw explain` takes.
#[derive(Args)]
pub struct ExplainArgs {
    /// `RFW210`, `210` or `rate-limit-unreachable`
    code: String,
}

/// Runs it; gives the exit status: 2 for a code that no page is about, 3 if the page cannot be written.
pub fn run(args: &ExplainArgs) -> u8 {
    let code = rfw_diagnostics::codes::by_text(&args.code);
    let check = CHECKS.iter().find(|c| Some(c.code) == code);
    if let Some(check) = check {
        let page = rfw_lint::page(check);
        return put("explain", page.as_bytes()).err().unwrap_or(0);
    }
    let message = match code {
        Some(code) => format!("{code} {} is no check of rfw lint: its message says all there is", code.name),
        None => {
            let near = rfw_values::suggest(args.code.as_bytes(), CHECKS.iter().map(|c| c.code.name));
            let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            format!("no check is called `{}`{hint}", args.code)
        }
    };
    let _ = writeln!(std::io::stderr(), "rfw explain: {message}");
    2
}
