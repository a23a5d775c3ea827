//! Layout of xt payloads (the `info` of nft_compat `match` and `target` expressions): host-order integers at fixed
//! offsets, total padded to 8 (`XT_ALIGN`, `linux/netfilter/x_tables.h`).

/// Builds an xt payload of a fixed size, zero-filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info(Vec<u8>);

impl Info {
    /// A zeroed payload for a C struct of `size` bytes, padded to 8.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self(vec![0; size.next_multiple_of(8)])
    }

    /// Copies bytes to an offset; what would stand past the end is cut.
    #[must_use]
    pub fn bytes(mut self, offset: usize, bytes: &[u8]) -> Self {
        let end = (offset + bytes.len()).min(self.0.len());
        if offset < end {
            self.0[offset..end].copy_from_slice(&bytes[..end - offset]);
        }
        self
    }

    /// One byte.
    #[must_use]
    pub fn u8(self, offset: usize, value: u8) -> Self {
        self.bytes(offset, &[value])
    }

    /// A host-order 16-bit integer.
    #[must_use]
    pub fn u16(self, offset: usize, value: u16) -> Self {
        self.bytes(offset, &value.to_ne_bytes())
    }

    /// A host-order 32-bit integer.
    #[must_use]
    pub fn u32(self, offset: usize, value: u32) -> Self {
        self.bytes(offset, &value.to_ne_bytes())
    }

    /// A host-order 64-bit integer.
    #[must_use]
    pub fn u64(self, offset: usize, value: u64) -> Self {
        self.bytes(offset, &value.to_ne_bytes())
    }

    /// The finished payload.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads an xt payload. Reads past the end give zeroes; check the length first with [`View::sized`].
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a [u8]);

impl<'a> View<'a> {
    /// The payload of a C struct of `size` bytes, if it has that size (padded to 8).
    #[must_use]
    pub fn sized(info: &'a [u8], size: usize) -> Option<Self> {
        (info.len() == size.next_multiple_of(8)).then_some(Self(info))
    }

    /// Bytes at an offset.
    #[must_use]
    pub fn array<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut out = [0; N];
        if let Some(bytes) = self.0.get(offset..offset + N) {
            out.copy_from_slice(bytes);
        }
        out
    }

    /// A range of bytes, cut to the payload.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> &'a [u8] {
        let start = offset.min(self.0.len());
        &self.0[start..(start + len).min(self.0.len())]
    }

    /// The bytes before the first NUL in a fixed-size field.
    #[must_use]
    pub fn string(&self, offset: usize, len: usize) -> &'a [u8] {
        let field = self.slice(offset, len);
        &field[..field.iter().position(|&b| b == 0).unwrap_or(field.len())]
    }

    /// One byte.
    #[must_use]
    pub fn u8(&self, offset: usize) -> u8 {
        self.array::<1>(offset)[0]
    }

    /// A host-order 16-bit integer.
    #[must_use]
    pub fn u16(&self, offset: usize) -> u16 {
        u16::from_ne_bytes(self.array(offset))
    }

    /// A host-order 32-bit integer.
    #[must_use]
    pub fn u32(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.array(offset))
    }

    /// A host-order 64-bit integer.
    #[must_use]
    pub fn u64(&self, offset: usize) -> u64 {
        u64::from_ne_bytes(self.array(offset))
    }
}
