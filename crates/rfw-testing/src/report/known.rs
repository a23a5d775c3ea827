//! Differences that are known: the rows of `fixtures/report/known`.
//!
//! A row is `SUBJECT | CHECKS | LINE | DETAIL | WHY`. SUBJECT is `match tcp 4`, CHECKS are separated by commas. SUBJECT, LINE and
//! DETAIL are patterns, in which `*` stands for any text; the line is the rule from `-A` on, the detail is what the
//! report would print. A row that nothing needs is an error, so that none outlives its reason.

use std::path::PathBuf;
use std::{fs, io};

use super::judge::{Check, Finding};
use crate::names::fixtures_dir;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// The extensions.
    pub subject: String,
    checks: Vec<Check>,
    line: String,
    detail: String,
    /// The reason.
    pub why: String,
    /// Its line in the file, from 1.
    pub number: usize,
    /// How many findings it explained.
    pub uses: usize,
}

/// The file.
#[must_use]
pub fn path() -> PathBuf {
    fixtures_dir().join("report/known")
}

/// All rows.
///
/// # Errors
/// If the file can't be read or a row is not one.
pub fn load() -> io::Result<Vec<Row>> {
    parse(&fs::read_to_string(path())?).map_err(io::Error::other)
}

fn parse(text: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [subject, checks, pattern, detail, why] = columns[..] else {
            return Err(format!("known:{}: not five columns", at + 1));
        };
        let checks: Option<Vec<Check>> = checks.split(',').map(|c| Check::named(c.trim())).collect();
        let checks = checks.ok_or_else(|| format!("known:{}: not a check", at + 1))?;
        if why.is_empty() {
            return Err(format!("known:{}: no reason", at + 1));
        }
        rows.push(Row {
            subject: subject.to_owned(),
            checks,
            line: pattern.to_owned(),
            detail: detail.to_owned(),
            why: why.to_owned(),
            number: at + 1,
            uses: 0,
        });
    }
    Ok(rows)
}

/// Counts a use of the first row that explains a finding; false if none does.
pub fn explain(rows: &mut [Row], finding: &Finding) -> bool {
    let row = rows.iter_mut().find(|row| {
        row.checks.contains(&finding.check)
            && fits(&row.subject, &finding.subject)
            && fits(&row.line, &finding.line)
            && fits(&row.detail, &finding.detail)
    });
    row.map(|row| row.uses += 1).is_some()
}

/// Whether a text is of a pattern; `*` stands for any text.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, is) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abcd", false),
            ("*b*", "abc", true),
            ("*b*b", "ab", false),
            ("match * 4", "match tcp 4", true),
            ("abc", "abc", true),
            ("abc", "abd", false),
        ] {
            assert_eq!(fits(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn rows() {
        assert!(parse("# remark\n\nmatch ah * | text,ways | * | * | so it is\n").is_ok_and(|r| r.len() == 1));
        assert!(parse("match ah * | text | * | *\n").is_err());
        assert!(parse("match ah * | texts | * | * | so it is\n").is_err());
        assert!(parse("match ah * | text | * | * | \n").is_err());
    }

    #[test]
    fn the_file_is_read() {
        assert!(load().is_ok(), "{:?}", load());
    }
}
