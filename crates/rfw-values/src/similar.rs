//! The nearest known word, for "did you mean".

/// The candidate that was probably meant: one that differs only in the case of its letters, else the nearest within
/// two edits (insert, delete, replace, swap neighbours), the first one on a tie. A word is never its own suggestion, and
/// a suggestion always keeps at least one character of the word.
#[must_use]
pub fn suggest<'a>(word: &[u8], candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.as_bytes() == word {
            continue;
        }
        if candidate.as_bytes().eq_ignore_ascii_case(word) {
            return Some(candidate);
        }
        let limit = best.map_or(2, |(d, _)| d.saturating_sub(1));
        let folded = candidate.to_ascii_lowercase();
        if limit == 0 || folded.len().abs_diff(lower.len()) > limit {
            continue;
        }
        let distance = distance(&lower, folded.as_bytes());
        if distance <= limit && distance < lower.len().max(folded.len()) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Damerau-Levenshtein distance (optimal string alignment) in bytes.
#[must_use]
pub fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i);
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest() {
        let targets = ["ACCEPT", "DROP", "REJECT", "RETURN", "LOG"];
        let ask = |w: &str| suggest(w.as_bytes(), targets);
        assert_eq!(ask("drop"), Some("DROP"));
        assert_eq!(ask("ACEPT"), Some("ACCEPT"));
        assert_eq!(ask("DORP"), Some("DROP"));
        assert_eq!(ask("RETRUN"), Some("RETURN"));
        assert_eq!(ask("REJCT"), Some("REJECT"));
        assert_eq!(ask("MASQUERADE"), None);
        assert_eq!(ask("DROP"), None);
        assert_eq!(ask(""), None);
        assert_eq!(suggest(b"x", ["y"]), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"ca", b"ac"), 1);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}
