//! Words of a save file.

use std::fmt;

/// A word as `-S` and `iptables-save` write free text: as it is if it is non-empty and holds only ASCII letters,
/// digits, `_` and `-`; else in double quotes with a backslash before `"`, `\` and `'`. All other bytes are raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted<'a>(pub &'a [u8]);

impl Quoted<'_> {
    /// Whether the word is written without quotes.
    #[must_use]
    pub fn is_plain(self) -> bool {
        let plain = |&b: &u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        !self.0.is_empty() && self.0.iter().all(plain)
    }

    /// Appends the word, byte for byte.
    pub fn write_to(self, out: &mut Vec<u8>) {
        if self.is_plain() {
            out.extend_from_slice(self.0);
            return;
        }
        out.push(b'"');
        for &byte in self.0 {
            if matches!(byte, b'"' | b'\\' | b'\'') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
}

impl fmt::Display for Quoted<'_> {
    /// The same with bytes that are not UTF-8 replaced; use [`Quoted::write_to`] where bytes count.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(self.0.len() + 2);
        self.write_to(&mut bytes);
        f.write_str(&String::from_utf8_lossy(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        for (text, printed) in [
            ("a", "a"),
            ("a-b_9", "a-b_9"),
            ("-", "-"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("it's", "\"it\\'s\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("é", "\"é\""),
            ("$x#", "\"$x#\""),
        ] {
            assert_eq!(Quoted(text.as_bytes()).to_string(), printed);
        }
        let mut raw = Vec::new();
        Quoted(b"\xff").write_to(&mut raw);
        assert_eq!(raw, b"\"\xff\"");
    }
}
