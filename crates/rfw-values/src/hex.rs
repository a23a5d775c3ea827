//! Patterns of the `string` match: `--string` text and `--hex-string` with blocks like `|0a 0b|`.

use std::fmt;

use crate::ValueError;

/// The longest pattern in bytes (`XT_STRING_MAX_PATTERN_SIZE`).
pub const MAX_PATTERN: usize = 128;

/// The bytes that are searched for: 1 to 128.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    bytes: Vec<u8>,
}

impl Pattern {
    /// The text of `--string`, as it is.
    ///
    /// # Errors
    /// Empty or longer than 128 bytes.
    pub fn parse(text: &[u8]) -> Result<Self, ValueError> {
        Self::from_bytes(text.to_vec(), text.len())
    }

    /// From the kernel's bytes.
    ///
    /// # Errors
    /// Empty or longer than 128 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, ValueError> {
        Self::parse(bytes)
    }

    /// The text of `--hex-string`: pairs of hexadecimal digits between bars, one blank allowed after each pair, and a
    /// backslash before a byte outside bars that is to be taken as it is.
    ///
    /// # Errors
    /// A broken block, a backslash at the end or inside a block, empty, too long.
    pub fn parse_hex(text: &[u8]) -> Result<Self, ValueError> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut at = 0;
        let mut inside = false;
        while let Some(&byte) = text.get(at) {
            let mut literal = false;
            match byte {
                b'\\' if inside => {
                    return Err(ValueError::new(at, at + 1, "a hexadecimal digit"));
                }
                b'\\' => literal = true,
                b'|' => {
                    inside = !inside;
                    while inside && text.get(at + 1) == Some(&b' ') {
                        at += 1;
                    }
                    at += 1;
                    if at >= text.len() {
                        break;
                    }
                }
                _ => {}
            }
            // The byte after a closing bar is taken as it is, a bar or a backslash too.
            at += if literal {
                let taken = text
                    .get(at + 1)
                    .ok_or_else(|| ValueError::new(at, at + 1, "a character after the backslash"))?;
                bytes.push(*taken);
                2
            } else if inside {
                let (value, used) = pair(text, at)?;
                bytes.push(value);
                used
            } else {
                bytes.push(text[at]);
                1
            };
        }
        Self::from_bytes(bytes, text.len())
    }

    fn from_bytes(bytes: Vec<u8>, written: usize) -> Result<Self, ValueError> {
        if bytes.is_empty() {
            return Err(ValueError::new(0, written, "at least one character"));
        }
        if bytes.len() > MAX_PATTERN {
            return Err(ValueError::new(0, written, "at most 128 characters"));
        }
        Ok(Self { bytes })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is printed as `--hex-string`: a byte is not printable ASCII, or the last one is a backslash.
    #[must_use]
    pub fn needs_hex(&self) -> bool {
        let printable = |b: &u8| matches!(b, 0x20..=0x7e);
        !self.bytes.iter().all(printable) || self.bytes.last() == Some(&b'\\')
    }

    /// The option that the printed text belongs to.
    #[must_use]
    pub fn option(&self) -> &'static str {
        if self.needs_hex() { "--hex-string" } else { "--string" }
    }
}

/// The pair of digits at `at` inside a block and how many bytes it takes with a blank behind it.
fn pair(text: &[u8], at: usize) -> Result<(u8, usize), ValueError> {
    let wrong = |end: usize, expected| ValueError::new(at, end.min(text.len()), expected);
    let [high, low, next] = match text.get(at..) {
        Some([high, low, next, ..]) => [*high, *low, *next],
        _ => return Err(wrong(text.len(), "two hexadecimal digits and a closing |")),
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => Ok((high << 4 | low, if next == b' ' { 3 } else { 2 })),
        (None, _) => Err(wrong(at + 1, "a hexadecimal digit")),
        (_, None) => Err(ValueError::new(at + 1, at + 2, "a hexadecimal digit")),
    }
}

impl fmt::Display for Pattern {
    /// With the quotes: `"a \"b\""` or `"|0a0b|"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.needs_hex() {
            f.write_str("\"|")?;
            for byte in &self.bytes {
                write!(f, "{byte:02x}")?;
            }
            return f.write_str("|\"");
        }
        f.write_str("\"")?;
        for &byte in &self.bytes {
            if matches!(byte, b'"' | b'\\') {
                f.write_str("\\")?;
            }
            write!(f, "{}", char::from(byte))?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_strings_as_stock_prints() {
        for (text, printed) in [
            ("|0a 0b|", Some(r#""|0a0b|""#)),
            ("|0A0b|", Some(r#""|0a0b|""#)),
            ("abc|41 42|def", Some(r#""abcABdef""#)),
            ("ab|", Some(r#""ab""#)),
            (r"a\|b", Some(r#""a|b""#)),
            (r"a\\b", Some(r#""a\\b""#)),
            ("|41 42|x y", Some(r#""ABx y""#)),
            ("| 41|", Some(r#""A""#)),
            ("|41 |", Some(r#""A""#)),
            ("a\"b|00|", Some(r#""|61226200|""#)),
            ("|7f|", Some(r#""|7f|""#)),
            ("x|22|", Some(r#""x\"""#)),
            ("|5c|", Some(r#""|5c|""#)),
            ("|0|", None),
            ("|00 1|", None),
            ("|zz|", None),
            ("", None),
            ("||", None),
            ("|41  42|", None),
            ("|4 1|", None),
            ("|41", None),
            ("\\", None),
        ] {
            let found = Pattern::parse_hex(text.as_bytes()).ok().map(|p| p.to_string());
            assert_eq!(found.as_deref(), printed, "{text}");
        }
    }

    #[test]
    fn guilty_bytes() {
        let place = |t: &str| Pattern::parse_hex(t.as_bytes()).map_err(|e| (e.start, e.end));
        assert_eq!(place("ab|0g|"), Err((4, 5)));
        assert_eq!(place("ab|g0|"), Err((3, 4)));
        assert_eq!(place("ab|0\\|"), Err((4, 5)));
        assert_eq!(place("ab\\"), Err((2, 3)));
    }

    #[test]
    fn plain_strings() {
        let show = |t: &[u8]| Pattern::parse(t).ok().map(|p| (p.option(), p.to_string()));
        assert_eq!(show(b"it's"), Some(("--string", "\"it's\"".into())));
        assert_eq!(show(b"a\\b"), Some(("--string", "\"a\\\\b\"".into())));
        assert_eq!(show("é".as_bytes()), Some(("--hex-string", "\"|c3a9|\"".into())));
        assert_eq!(show(b""), None);
        assert!(show(&[b'a'; 128]).is_some());
        assert_eq!(show(&[b'a'; 129]), None);
    }
}
