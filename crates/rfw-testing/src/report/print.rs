//! The report as text.

use std::fmt::Write;

use super::judge::Tally;
use super::known::Row;

const HEADING: &str = "extension              lines accepted refused  text blobs  ways known skipped differ";

fn row(name: &str, t: &Tally) -> String {
    let mut text = format!(
        "{name:<22} {:>5} {:>8} {:>7} {:>5} {:>5} {:>5} {:>5} {:>7} {:>6}",
        t.generated, t.accepted, t.refused, t.text, t.blobs, t.ways, t.known, t.skipped, t.different
    );
    if t.skipped > 0 && !t.skip_reason.is_empty() {
        let _ = write!(text, "  {}", t.skip_reason);
    }
    text + "\n"
}

/// The table, with sums.
#[must_use]
pub fn table(tallies: &[(String, Tally)]) -> String {
    let mut text = format!("{HEADING}\n");
    let mut sum = Tally::default();
    for (name, tally) in tallies {
        text.push_str(&row(name, tally));
        sum.generated += tally.generated;
        sum.accepted += tally.accepted;
        sum.refused += tally.refused;
        sum.text += tally.text;
        sum.blobs += tally.blobs;
        sum.ways += tally.ways;
        sum.known += tally.known;
        sum.skipped += tally.skipped;
        sum.different += tally.different;
    }
    text + &row("all", &sum)
}

/// What nothing explains, at most `most` for each extension and check.
#[must_use]
pub fn findings(tallies: &[(String, Tally)], most: usize) -> String {
    let mut text = String::new();
    for (name, tally) in tallies {
        let mut counts = std::collections::BTreeMap::new();
        for finding in &tally.findings {
            let count: &mut usize = counts.entry(finding.check).or_default();
            *count += 1;
            if *count <= most {
                let _ = writeln!(
                    text,
                    "{name}: {}: {}\n    {}",
                    finding.check.name(),
                    finding.line,
                    finding.detail
                );
            }
        }
        for (check, count) in counts.into_iter().filter(|(_, count)| *count > most) {
            let _ = writeln!(text, "{name}: {}: {} more", check.name(), count - most);
        }
    }
    text
}

/// Rows of the file of known differences that explained nothing, among those of the extensions that were run.
#[must_use]
pub fn unneeded(rows: &[Row], run: impl Fn(&Row) -> bool) -> String {
    let mut text = String::new();
    let lasting = |row: &&Row| !row.why.starts_with("sometimes: ");
    for row in rows.iter().filter(lasting).filter(|row| row.uses == 0 && run(row)) {
        let _ =
            writeln!(text, "fixtures/report/known:{}: explains nothing any more: {}", row.number, row.why);
    }
    text
}
