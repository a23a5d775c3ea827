//! Fixes put into a text.

use std::collections::BTreeMap;

use rfw_diagnostics::{Edit, Fix};

/// A text with fixes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The new text.
    pub text: Vec<u8>,
    /// For each of the fixes, whether it is in it.
    pub applied: Vec<bool>,
}

/// Puts fixes into a text. A fix goes in with all its edits or not at all; of two that touch the same bytes the earlier one
/// does, and the other can be asked for again in the new text. Two that say the same are one.
#[must_use]
pub fn apply_fixes(text: &[u8], fixes: &[&Fix]) -> Fixed {
    let mut order: Vec<usize> = (0..fixes.len()).collect();
    order.sort_by_key(|&at| fixes[at].edits.iter().map(|e| e.span).min());
    let mut applied = vec![false; fixes.len()];
    let mut edits: BTreeMap<(u32, u32), &Edit> = BTreeMap::new();
    for at in order {
        let fix = fixes[at];
        let own = &fix.edits;
        let there = !own.is_empty() && own.iter().all(|e| edits.get(&key(e)).is_some_and(|o| *o == e));
        if there {
            applied[at] = true;
            continue;
        }
        let inside = own.iter().all(|e| e.span.end as usize <= text.len());
        let apart = own.iter().enumerate().all(|(n, edit)| {
            let (before, after) = (edits.range(..key(edit)), edits.range(key(edit)..));
            let near = before.last().into_iter().chain(after.into_iter().next()).map(|(_, e)| *e);
            near.chain(&own[..n]).all(|other| !clash(edit, other))
        });
        if inside && apart && !own.is_empty() {
            edits.extend(own.iter().map(|edit| (key(edit), edit)));
            applied[at] = true;
        }
    }
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for edit in edits.into_values() {
        out.extend_from_slice(text.get(from..edit.span.start as usize).unwrap_or_default());
        out.extend_from_slice(edit.replacement.as_bytes());
        from = edit.span.end as usize;
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    Fixed { text: out, applied }
}

/// Their order; what is inserted at a place comes before what begins there.
fn key(edit: &Edit) -> (u32, u32) {
    (edit.span.start, edit.span.end)
}

/// Whether two edits cannot both be made: they share bytes, or both insert at one place.
fn clash(one: &Edit, other: &Edit) -> bool {
    let (a, b) = (one.span, other.span);
    (a.start < b.end && b.start < a.end) || a == b
}

#[cfg(test)]
mod tests {
    use rfw_diagnostics::{FixSafety, Span};

    use super::*;

    fn fix(edits: &[(usize, usize, &str)]) -> Fix {
        let edit = |&(start, end, text): &(usize, usize, &str)| Edit {
            span: Span::new(start, end),
            replacement: text.to_owned(),
        };
        Fix { edits: edits.iter().map(edit).collect(), safety: FixSafety::Safe }
    }

    fn fixed(fixes: &[Fix]) -> (String, Vec<bool>) {
        let found = apply_fixes(b"0123456789", &fixes.iter().collect::<Vec<_>>());
        (String::from_utf8(found.text).expect("UTF-8"), found.applied)
    }

    #[test]
    fn edits_in_any_order() {
        let all = [fix(&[(8, 9, "")]), fix(&[(0, 0, "<"), (10, 10, ">")]), fix(&[(3, 5, "abc")])];
        assert_eq!(fixed(&all), ("<012abc5679>".to_owned(), vec![true; 3]));
    }

    #[test]
    fn of_two_that_overlap_the_earlier_one() {
        assert_eq!(
            fixed(&[fix(&[(4, 6, "b")]), fix(&[(2, 5, "a")])]),
            ("01a56789".to_owned(), vec![false, true])
        );
        assert_eq!(fixed(&[fix(&[(2, 2, "a"), (2, 4, "b")])]), ("01ab456789".to_owned(), vec![true]));
        assert_eq!(fixed(&[fix(&[(2, 5, "a")]), fix(&[(4, 4, "b")])]).1, [true, false]);
        // All edits of a fix or none.
        let both = [fix(&[(2, 3, "a")]), fix(&[(2, 3, "b"), (7, 8, "b")])];
        assert_eq!(fixed(&both), ("01a3456789".to_owned(), vec![true, false]));
        assert_eq!(fixed(&[fix(&[(2, 2, "a")]), fix(&[(2, 2, "b")])]).1, [true, false]);
        assert_eq!(
            fixed(&[fix(&[(2, 4, "a")]), fix(&[(4, 5, "b")])]),
            ("01ab56789".to_owned(), vec![true; 2])
        );
    }

    #[test]
    fn the_same_twice_is_once() {
        assert_eq!(
            fixed(&[fix(&[(2, 3, "a")]), fix(&[(2, 3, "a")])]),
            ("01a3456789".to_owned(), vec![true; 2])
        );
    }

    #[test]
    fn what_is_outside_is_left_out() {
        assert_eq!(fixed(&[fix(&[(9, 11, "a")]), fix(&[])]), ("0123456789".to_owned(), vec![false; 2]));
    }
}
