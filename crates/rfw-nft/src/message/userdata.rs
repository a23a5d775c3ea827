//! User data of tables, chains and rules: a list of type (1 byte), length (1 byte), value; at most 256 bytes in all.
//!
//! The kernel keeps them unread. nft and iptables-nft read type 0, the comment (with its NUL), and ignore types they don't know.

/// `NFT_USERDATA_MAXLEN`.
pub const MAX: usize = 256;
/// The comment that `nft` shows, of rules, tables and chains alike (`NFTNL_UDATA_*_COMMENT`).
pub const COMMENT: u8 = 0;
/// Types from here on are nobody else's.
pub const PRIVATE: u8 = 0x80;

/// The entry does not fit: its value is longer than 255 bytes, or all together is longer than [`MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("user data longer than {MAX} bytes")]
pub struct TooLong;

/// Appends an entry.
///
/// # Errors
/// If it does not fit; `out` is then unchanged.
pub fn push(out: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), TooLong> {
    let len = u8::try_from(value.len()).map_err(|_| TooLong)?;
    if out.len() + 2 + value.len() > MAX {
        return Err(TooLong);
    }
    out.extend_from_slice(&[kind, len]);
    out.extend_from_slice(value);
    Ok(())
}

/// Appends a comment, with its NUL.
///
/// # Errors
/// If it does not fit; 253 bytes is the longest that ever does.
pub fn push_comment(out: &mut Vec<u8>, text: &[u8]) -> Result<(), TooLong> {
    let mut value = Vec::with_capacity(text.len() + 1);
    value.extend_from_slice(text);
    value.push(0);
    push(out, COMMENT, &value)
}

/// Iterates over entries; stops at the first that does not fit its buffer.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

/// The entries of `userdata`.
#[must_use]
pub fn entries(userdata: &[u8]) -> Entries<'_> {
    Entries { rest: userdata }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [kind, len, tail @ ..] = self.rest else {
            return None;
        };
        let Some((value, rest)) = tail.split_at_checked(usize::from(*len)) else {
            self.rest = &[];
            return None;
        };
        self.rest = rest;
        Some((*kind, value))
    }
}

/// The value of the first entry of a type.
#[must_use]
pub fn find(userdata: &[u8], kind: u8) -> Option<&[u8]> {
    entries(userdata).find_map(|(k, value)| (k == kind).then_some(value))
}

/// The comment, without its NUL.
#[must_use]
pub fn comment(userdata: &[u8]) -> Option<&[u8]> {
    find(userdata, COMMENT).map(|value| value.strip_suffix(&[0]).unwrap_or(value))
}
