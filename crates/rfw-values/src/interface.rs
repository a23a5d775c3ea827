//! Names of interfaces, with the trailing `+` wildcard.

use std::fmt;

use smallvec::SmallVec;

use crate::ValueError;

/// Room for a name in the kernel, with its NUL.
const NAME_SIZE: usize = 16;

/// What `! -i +` is compared with: a name that no interface has.
pub const NEVER: &[u8] = b"INVAL/D\0";

/// 1 to 15 bytes; a last byte `+` stands for any ending.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interface {
    word: SmallVec<[u8; NAME_SIZE]>,
}

impl Interface {
    /// Reads a name or pattern. Every byte but NUL is taken, see [`Interface::is_weird`].
    ///
    /// # Errors
    /// Empty, longer than 15 bytes (the range is what is too much), or with a NUL.
    pub fn parse(text: &[u8]) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Err(ValueError::whole(text, "the name of an interface"));
        }
        if text.len() >= NAME_SIZE {
            return Err(ValueError::new(
                NAME_SIZE - 1,
                text.len(),
                "an interface name of at most 15 characters",
            ));
        }
        if let Some(at) = text.iter().position(|&b| b == 0) {
            return Err(ValueError::new(at, at + 1, "no NUL"));
        }
        Ok(Self { word: SmallVec::from_slice(text) })
    }

    /// The word as it was written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.word
    }

    /// Whether it ends in `+`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.word.last() == Some(&b'+')
    }

    /// Whether it is `+` alone: every interface.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.word.as_slice() == b"+"
    }

    /// Whether it has a byte that the kernel allows in no name (`/` or a blank); iptables warns and goes on.
    #[must_use]
    pub fn is_weird(&self) -> bool {
        self.word.iter().any(|b| matches!(b, b'/' | b' '))
    }

    /// What the kernel compares: the name with one NUL, or the beginning without. Empty for `+`.
    #[must_use]
    pub fn match_bytes(&self) -> SmallVec<[u8; NAME_SIZE]> {
        let mut bytes = self.word.clone();
        if self.is_wildcard() {
            bytes.pop();
        } else {
            bytes.push(0);
        }
        bytes
    }

    /// Back from what the kernel compares: a name with NULs behind it, or a beginning. `None` if no word stands for
    /// it: a NUL inside, 15 bytes or more without an end, or a name that really ends in `+`.
    #[must_use]
    pub fn from_match_bytes(bytes: &[u8]) -> Option<Self> {
        let used = bytes.iter().rposition(|&b| b != 0).map_or(0, |p| p + 1);
        let (name, ended) = (&bytes[..used], used < bytes.len());
        if ended {
            let exact = Self::parse(name).ok()?;
            return (!exact.is_wildcard()).then_some(exact);
        }
        let mut word = SmallVec::<[u8; NAME_SIZE]>::from_slice(name);
        word.push(b'+');
        Self::parse(&word).ok()
    }

    /// Whether a real name fits.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        match self.word.split_last() {
            Some((b'+', beginning)) => name.starts_with(beginning),
            _ => name == self.as_bytes(),
        }
    }
}

impl fmt::Display for Interface {
    /// The word, never quoted; bytes that are not UTF-8 are replaced.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (text, bytes) in [
            ("eth0", &b"eth0\0"[..]),
            ("eth+", b"eth"),
            ("+", b""),
            ("e++", b"e+"),
            ("e+h", b"e+h\0"),
            ("123456789012345", b"123456789012345\0"),
            ("12345678901234+", b"12345678901234"),
        ] {
            let interface = Interface::parse(text.as_bytes()).expect(text);
            assert_eq!(interface.match_bytes().as_slice(), bytes, "{text}");
            assert_eq!(Interface::from_match_bytes(bytes), Some(interface));
        }
        let padded = Interface::from_match_bytes(b"eth0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(padded, Interface::parse(b"eth0").ok());
        assert_eq!(Interface::from_match_bytes(b"a\0b\0"), None);
        assert_eq!(Interface::from_match_bytes(b"eth+\0"), None);
        assert_eq!(Interface::from_match_bytes(b"123456789012345"), None);
        assert_eq!(Interface::from_match_bytes(b"\0"), None);
    }

    #[test]
    fn refused_and_weird() {
        assert!(Interface::parse(b"").is_err());
        let long = Interface::parse(b"1234567890123456").expect_err("16 bytes");
        assert_eq!((long.start, long.end), (15, 16));
        assert!(Interface::parse(b"a b").is_ok_and(|i| i.is_weird()));
        assert!(Interface::parse(b"a/b").is_ok_and(|i| i.is_weird()));
        assert!(Interface::parse(b"a\tb").is_ok_and(|i| !i.is_weird()));
        assert!(Interface::parse(b"eth+").is_ok_and(|i| i.matches(b"eth") && !i.matches(b"et")));
        assert!(Interface::parse(b"eth0").is_ok_and(|i| !i.matches(b"eth01")));
    }
}
