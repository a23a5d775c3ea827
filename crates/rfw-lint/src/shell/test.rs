//! `[ … ]` and `[[ … ]]`: true, false, or not known.

use super::text::{Field, fits};

/// Whether a condition holds. `double` for `[[ … ]]`, where `=` compares with a pattern.
pub(super) fn holds(fields: &[Field], double: bool) -> Option<bool> {
    let is =
        |field: &Field, words: &[&[u8]]| !field.quoted && field.known().is_some_and(|k| words.contains(&k));
    if fields.iter().any(|f| f.many && f.unknown.is_some()) && !double {
        return None;
    }
    let split = |words: &[&[u8]]| {
        // An operator between two conditions; the first and last word are none.
        let inner = 1..fields.len().saturating_sub(1);
        let at = inner.into_iter().find(|&i| is(&fields[i], words))?;
        Some((holds(&fields[..at], double), holds(&fields[at + 1..], double)))
    };
    if fields.len() > 3 || double {
        let (or, and): (&[&[u8]], &[&[u8]]) =
            if double { (&[b"||"], &[b"&&"]) } else { (&[b"-o"], &[b"-a"]) };
        if let Some((left, right)) = split(or) {
            return match (left, right) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        if let Some((left, right)) = split(and) {
            return match (left, right) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
    }
    match fields {
        [] => Some(false),
        [only] => only.known().map(|k| !k.is_empty()),
        [not, rest @ ..] if is(not, &[b"!"]) => holds(rest, double).map(|held| !held),
        [operator, value] => one(operator.known()?, value),
        [left, operator, right] => two(left, operator.known()?, right, double),
        _ => None,
    }
}

fn one(operator: &[u8], value: &Field) -> Option<bool> {
    let known = value.known()?;
    match operator {
        b"-n" => Some(!known.is_empty()),
        b"-z" => Some(known.is_empty()),
        // The script is for a host that has what it calls.
        b"-x" | b"-f" | b"-e" | b"-s" if super::programs::named(known).is_some() => Some(true),
        b"-d" | b"-x" | b"-f" | b"-e" | b"-r" | b"-s" | b"-w" if known.is_empty() => Some(false),
        _ => None,
    }
}

fn two(left: &Field, operator: &[u8], right: &Field, double: bool) -> Option<bool> {
    let (left, value) = (left.known()?, right.known()?);
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.trim().parse::<i64>().ok();
    let numbers = || Some((number(left)?, number(value)?));
    let same = || if double && right.pattern { fits(value, left) } else { left == value };
    match operator {
        b"=" | b"==" => Some(same()),
        b"!=" => Some(!same()),
        b"-eq" => numbers().map(|(l, r)| l == r),
        b"-ne" => numbers().map(|(l, r)| l != r),
        b"-lt" => numbers().map(|(l, r)| l < r),
        b"-le" => numbers().map(|(l, r)| l <= r),
        b"-gt" => numbers().map(|(l, r)| l > r),
        b"-ge" => numbers().map(|(l, r)| l >= r),
        _ => None,
    }
}
