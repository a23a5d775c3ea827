//! Bytes that know from where in the script they came, and variables that hold them.

use rfw_diagnostics::Span;

/// Longer values are not followed: no script needs them, and one that doubles a variable in a loop would.
const LONGEST: usize = 1 << 22;

/// A text put together from places of the script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    bytes: Vec<u8>,
    /// Where each run of bytes begins, and from where it came.
    runs: Vec<(usize, From)>,
    /// Values of variables that are in it.
    uses: Vec<Use>,
}

/// From where some bytes came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct From {
    span: Span,
    /// Byte for byte, not as a whole.
    exact: bool,
}

/// A variable's value in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) name: Vec<u8>,
    /// Where the variable is used.
    pub(crate) at: Span,
    /// Where it got its value.
    pub(crate) set: Span,
}

impl Text {
    /// Bytes that stand in the script, one by one or, where quoting took some away, as a whole.
    pub(crate) fn new(bytes: &[u8], span: Span) -> Self {
        let mut text = Self::default();
        text.push(bytes, span);
        text
    }

    pub(crate) fn push(&mut self, bytes: &[u8], span: Span) {
        let exact = (span.end - span.start) as usize == bytes.len();
        self.add_run(self.bytes.len(), From { span, exact });
        self.bytes.extend_from_slice(bytes);
    }

    /// Begins a run, or goes on with the last one where the script does, too.
    fn add_run(&mut self, at: usize, from: From) {
        if let Some((start, last)) = self.runs.last_mut()
            && last.exact
            && from.exact
            && last.span.end == from.span.start
            && at - *start == (last.span.end - last.span.start) as usize
        {
            last.span.end = from.span.end;
        } else {
            self.runs.push((at, from));
        }
    }

    /// The value of a variable.
    pub(crate) fn push_value(&mut self, value: &Self, name: &[u8], at: Span) {
        self.runs.push((self.bytes.len(), From { span: at, exact: false }));
        self.bytes.extend_from_slice(&value.bytes);
        if let Some(set) = value.span() {
            self.uses.push(Use { name: name.to_vec(), at, set });
        }
    }

    /// The same bytes, all from one place.
    pub(crate) fn moved(&self, at: Span) -> Self {
        Self {
            bytes: self.bytes.clone(),
            runs: vec![(0, From { span: at, exact: false })],
            uses: self.uses.clone(),
        }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        let shift = self.bytes.len();
        other.runs.iter().for_each(|&(at, from)| self.add_run(at + shift, from));
        self.bytes.extend_from_slice(&other.bytes);
        for used in &other.uses {
            if !self.uses.contains(used) {
                self.uses.push(used.clone());
            }
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn uses(&self) -> &[Use] {
        &self.uses
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.bytes.len() > LONGEST || self.runs.len() > LONGEST / 16
    }

    /// A part of it.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Self {
        let (start, end) = (start.min(self.bytes.len()), end.min(self.bytes.len()));
        let mut part = Self { bytes: Vec::new(), runs: Vec::new(), uses: self.uses.clone() };
        let first = self.runs.partition_point(|run| run.0 <= start).saturating_sub(1);
        for i in first..self.runs.len() {
            let (at, from) = self.runs[i];
            if at >= end {
                break;
            }
            let until = self.runs.get(i + 1).map_or(self.bytes.len(), |r| r.0);
            let (low, high) = (at.max(start), until.min(end));
            if low >= high {
                continue;
            }
            let span = match from.exact {
                true => Span::new(from.span.start as usize + low - at, from.span.start as usize + high - at),
                false => from.span,
            };
            part.runs.push((low - start, From { span, exact: from.exact }));
        }
        part.bytes = self.bytes.get(start..end).unwrap_or_default().to_vec();
        if part.runs.is_empty()
            && let Some(span) = self.span()
        {
            part.runs.push((0, From { span, exact: false }));
        }
        part
    }

    /// Where it stands, all of it.
    pub(crate) fn span(&self) -> Option<Span> {
        let first = self.runs.first()?.1.span;
        Some(self.runs.iter().fold(first, |span, run| span.to(run.1.span)))
    }

    /// Where some of its bytes stand: from the place of the first to that of the last, if they are in that order.
    pub(crate) fn place(&self, start: usize, end: usize) -> Span {
        let whole = self.span().unwrap_or_default();
        let at = |offset: usize| -> Option<Span> {
            let i = self.runs.partition_point(|run| run.0 <= offset).checked_sub(1)?;
            let (from, found) = self.runs.get(i).copied()?;
            let byte = found.span.start as usize + offset - from;
            Some(if found.exact && byte < found.span.end as usize {
                Span::new(byte, byte + 1)
            } else {
                found.span
            })
        };
        let (Some(first), Some(last)) = (at(start), at(end.max(start + 1) - 1)) else { return whole };
        if last.end < first.start || last.start < first.start { first } else { first.to(last) }
    }
}

/// What a variable or a word holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Known(Text),
    Unknown(Why),
}

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Why {
    /// The place that is to blame.
    pub(crate) at: Span,
    /// Completes "can't be known: …".
    pub(crate) text: String,
}

impl Why {
    pub(crate) fn new(at: Span, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// One, or those of an array.
    pub(crate) values: Vec<Value>,
    pub(crate) array: bool,
    pub(crate) at: Span,
}

/// A word after expansion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field {
    pub(crate) text: Text,
    /// Why it is not known, if it is not.
    pub(crate) unknown: Option<Why>,
    /// Where it stands in the script.
    pub(crate) span: Span,
    /// Whether any of it was quoted.
    pub(crate) quoted: bool,
    /// Whether an unquoted `*`, `?` or `[` is in it.
    pub(crate) pattern: bool,
    /// Whether it may be no word at all, or several.
    pub(crate) many: bool,
}

impl Field {
    /// A value as one word.
    pub(crate) fn of(value: &Value, span: Span) -> Self {
        match value {
            Value::Known(text) => Self { text: text.clone(), span, ..Self::default() },
            Value::Unknown(why) => Self { unknown: Some(why.clone()), span, ..Self::default() },
        }
    }

    /// Its bytes, if they are known.
    pub(crate) fn known(&self) -> Option<&[u8]> {
        if self.unknown.is_some() { None } else { Some(self.text.bytes()) }
    }

    pub(crate) fn value(&self) -> Value {
        match &self.unknown {
            Some(why) => Value::Unknown(why.clone()),
            None => Value::Known(self.text.clone()),
        }
    }
}

/// Whether a text fits a pattern of `*`, `?`, `[…]` and `\`.
pub(crate) fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how much it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'[') => class(&pattern[p..], text[t]),
            Some(b'\\') if p + 1 < pattern.len() => (pattern[p + 1] == text[t]).then_some(2),
            Some(&byte) => (byte == text[t]).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(length), _) => {
                p += length;
                t += 1;
            }
            (None, Some((at, taken))) => {
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
            (None, None) => return false,
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|&b| b == b'*')
}

/// The length of a `[…]` that a byte is in.
fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let mut at = 1;
    let inverted = matches!(pattern.get(1), Some(b'!' | b'^'));
    at += usize::from(inverted);
    let first = at;
    let mut found = false;
    while let Some(&low) = pattern.get(at) {
        if low == b']' && at > first {
            return (found != inverted).then_some(at + 1);
        }
        if pattern.get(at + 1) == Some(&b'-') && pattern.get(at + 2).is_some_and(|&b| b != b']') {
            found |= (low..=pattern[at + 2]).contains(&byte);
            at += 3;
        } else {
            found |= low == byte;
            at += 1;
        }
    }
    // No `]`: it stands for itself.
    (byte == b'[').then_some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("start", "start", true),
            ("st*", "start", true),
            ("*", "", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("[", "[", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn places() {
        let mut text = Text::new(b"net=", Span::new(10, 14));
        text.push_value(&Text::new(b"10.0.0.0", Span::new(2, 10)), b"NET", Span::new(14, 18));
        text.push(b"/8", Span::new(18, 20));
        assert_eq!(text.place(0, 3), Span::new(10, 13));
        assert_eq!(text.place(5, 7), Span::new(14, 18));
        assert_eq!(text.place(12, 14), Span::new(18, 20));
        assert_eq!(text.span(), Some(Span::new(10, 20)));
        assert_eq!(text.slice(12, 14).bytes(), b"/8");
        assert_eq!(text.slice(13, 14).span(), Some(Span::new(19, 20)));
        assert_eq!(text.uses().len(), 1);
    }
}
