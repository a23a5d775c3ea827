//! Both halves side by side: counts and findings.

use super::known::{Row, explain};
use super::observe::{Observation, Seen};
use super::{Line, Subject};

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Exit status.
    Status,
    /// First line of standard error.
    Words,
    /// `-S` and `-L -n -v`, of both programs' rules by both.
    Text,
    /// Expressions and payloads.
    Blobs,
    /// `-C` and `-D` of the other's rules.
    Ways,
    /// What belongs to no single line.
    Whole,
}

impl Check {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Status, "status"),
        (Self::Words, "words"),
        (Self::Text, "text"),
        (Self::Blobs, "blobs"),
        (Self::Ways, "ways"),
        (Self::Whole, "whole"),
    ];

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(check, _)| *check)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(check, _)| *check == self).map_or("", |(_, name)| name)
    }
}

/// A difference.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The extension and family.
    pub subject: String,
    /// What was compared.
    pub check: Check,
    /// The rule.
    pub line: String,
    /// Both sides.
    pub detail: String,
}

/// What came of an extension in one family.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Lines made.
    pub generated: usize,
    /// Taken by both.
    pub accepted: usize,
    /// Refused by both, in the same words.
    pub refused: usize,
    /// Taken by both and shown alike.
    pub text: usize,
    /// Taken by both, with the same expressions.
    pub blobs: usize,
    /// Taken by both, found and deleted both ways.
    pub ways: usize,
    /// Lines with differences that are all known.
    pub known: usize,
    /// Lines that this kernel cannot hold.
    pub skipped: usize,
    /// Why, in the first case.
    pub skip_reason: String,
    /// Lines with differences that nothing explains.
    pub different: usize,
    /// Those differences.
    pub findings: Vec<Finding>,
}

/// How warnings begin.
const WARNINGS: [&str; 5] =
    ["Warning: ", "WARNING: ", "--set option deprecated", "xt_iprange: range ", "warn: --nflog-range"];

/// The first line of standard error. Without warnings about extensions, of which rfw says nothing as long as the kernel takes the
/// rule; and without any warning before an error.
fn first_line(seen: &Seen) -> &str {
    let warns = |line: &&str| match seen.status {
        0 => line.starts_with("Warning: Extension "),
        _ => WARNINGS.iter().any(|words| line.starts_with(words)),
    };
    let line = seen.said.lines().find(|line| !warns(line)).unwrap_or_default();
    // Why a name does not resolve depends on the machine's resolver.
    line.find("getaddrinfo: ").map_or(line, |at| &line[..at])
}

/// Why the kernel did not take a line, if that is because it lacks something.
fn lacking(seen: &Seen) -> Option<String> {
    let missing =
        ["No such file or directory", "Operation not supported", "missing kernel module", "No such device"];
    let lacks = seen.status == 4 && missing.iter().any(|reason| seen.said.contains(reason));
    lacks.then(|| first_line(seen).split(": ").nth(1).unwrap_or(&seen.said).trim().to_owned())
}

/// Compares the halves.
#[must_use]
pub fn judge(
    subject: &Subject,
    lines: &[Line],
    stock: &Observation,
    rfw: &Observation,
    known: &mut [Row],
) -> Tally {
    let mut tally = Tally { generated: lines.len(), ..Tally::default() };
    let label = subject.label();
    for (line, (a, b)) in lines.iter().zip(stock.seen.iter().zip(&rfw.seen)) {
        let shown = format!("-t {} {}", line.table, line.text("-A"));
        let found = compare(line, a, b, &mut tally);
        let total = found.len();
        let finding =
            |(check, detail)| Finding { subject: label.clone(), check, line: shown.clone(), detail };
        let unknown: Vec<Finding> = found.into_iter().map(finding).filter(|f| !explain(known, f)).collect();
        tally.known += usize::from(total > 0 && unknown.is_empty());
        tally.different += usize::from(!unknown.is_empty());
        tally.findings.extend(unknown);
    }
    for error in stock.errors.iter().chain(&rfw.errors) {
        let finding = Finding {
            subject: label.clone(),
            check: Check::Whole,
            line: String::new(),
            detail: error.clone(),
        };
        if !explain(known, &finding) {
            tally.different += 1;
            tally.findings.push(finding);
        }
    }
    tally
}

fn compare(line: &Line, a: &Seen, b: &Seen, tally: &mut Tally) -> Vec<(Check, String)> {
    let (said_a, said_b) = (first_line(a), first_line(b));
    if let (Some(reason), Some(_)) = (lacking(a), lacking(b)) {
        tally.skipped += 1;
        if tally.skip_reason.is_empty() {
            tally.skip_reason = reason;
        }
        return Vec::new();
    }
    let mut found = Vec::new();
    if a.status != b.status {
        found.push((Check::Status, sides(a, b)));
        return found;
    }
    if said_a != said_b && (line.one_mistake || a.status == 0) {
        found.push((Check::Words, sides(a, b)));
    }
    if a.status != 0 {
        tally.refused += usize::from(found.is_empty());
        return found;
    }
    tally.accepted += 1;
    match texts(a, b) {
        Some(detail) => found.push((Check::Text, detail)),
        None => tally.text += 1,
    }
    if a.blob == b.blob {
        tally.blobs += 1;
    } else {
        let pair = a.blob.lines().zip(b.blob.lines()).find(|(a, b)| a != b);
        let (stock, rfw) = pair.unwrap_or((&a.blob, &b.blob));
        found.push((Check::Blobs, format!("stock {stock}; rfw {rfw}")));
    }
    let failures: Vec<String> = [
        ("rfw -C of stock's rule", &a.check),
        ("rfw -D of stock's rule", &a.delete),
        ("stock -C of rfw's rule", &b.check),
        ("stock -D of rfw's rule", &b.delete),
    ]
    .iter()
    .filter(|(_, error)| !error.is_empty())
    .map(|(what, error)| format!("{what}: {error}"))
    .collect();
    if failures.is_empty() {
        tally.ways += 1;
    } else {
        found.push((Check::Ways, failures.join("; ")));
    }
    found
}

fn sides(a: &Seen, b: &Seen) -> String {
    let text = format!("stock {} {}; rfw {} {}", a.status, first_line(a), b.status, first_line(b));
    text.trim_end().to_owned()
}

/// The first two texts of a rule that should be the same and are not.
fn texts(a: &Seen, b: &Seen) -> Option<String> {
    for (what, stock, rfw) in [("-S", 0, 1), ("-L -n -v", 2, 3)] {
        let wanted = a.shown.get(stock)?;
        let others = [
            ("rfw of stock's", a.shown.get(rfw)?),
            ("stock of rfw's", b.shown.get(stock)?),
            ("rfw of rfw's", b.shown.get(rfw)?),
        ];
        if let Some((who, other)) = others.into_iter().find(|(_, other)| *other != wanted) {
            return Some(format!("{what}: stock {wanted}; {who} {other}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(one_mistake: bool) -> Line {
        Line { table: "filter".into(), words: vec!["-A".into(), "INPUT".into()], one_mistake }
    }

    fn added() -> Seen {
        let shown = vec!["-A INPUT".to_owned(); 4];
        Seen { shown, blob: "[ counter ]".into(), ..Seen::default() }
    }

    fn checks(line: &Line, stock: &Seen, rfw: &Seen) -> Vec<Check> {
        compare(line, stock, rfw, &mut Tally::default()).into_iter().map(|(check, _)| check).collect()
    }

    #[test]
    fn each_check_finds_its_own() {
        let same = added();
        assert_eq!(checks(&line(true), &same, &same), []);
        let refused = Seen { status: 2, said: "a\n".into(), ..Seen::default() };
        assert_eq!(checks(&line(true), &same, &refused), [Check::Status]);
        let other = Seen { said: "Warning: x\nb\n".into(), ..refused.clone() };
        assert_eq!(checks(&line(true), &refused, &other), [Check::Words]);
        assert_eq!(checks(&line(false), &refused, &other), []);
        for at in 0..4 {
            let mut odd = added();
            odd.shown[at] = "-A INPUT -j DROP".into();
            assert_eq!(checks(&line(true), &same, &odd), [Check::Text]);
        }
        let odd = Seen { blob: "[ match ]".into(), ..added() };
        assert_eq!(checks(&line(true), &odd, &same), [Check::Blobs]);
        let lost = Seen { delete: "Bad rule".into(), ..added() };
        assert_eq!(checks(&line(true), &same, &lost), [Check::Ways]);
    }

    #[test]
    fn what_the_kernel_lacks_is_counted() {
        let said = "iptables: RULE_APPEND failed (No such file or directory): rule in chain INPUT\n";
        let lacking = Seen { status: 4, said: said.into(), ..Seen::default() };
        let mut tally = Tally::default();
        assert!(compare(&line(true), &lacking, &lacking, &mut tally).is_empty());
        assert_eq!((tally.skipped, tally.refused), (1, 0));
        assert!(!tally.skip_reason.is_empty());
    }
}
