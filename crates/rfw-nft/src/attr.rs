//! Netlink attributes: a writer over one growing buffer, a checked reader.
//!
//! Layout (`linux/netlink.h`): length and type as host-order `u16`, payload, padding to 4. nf_tables integers inside
//! attributes are big endian; raw register data keeps its own order.

/// `NLA_F_NESTED`.
pub const NESTED: u16 = 0x8000;
/// Mask that takes `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER` off a type.
pub const TYPE_MASK: u16 = 0x3fff;

/// Appends attributes to a buffer.
#[derive(Debug)]
pub struct Writer<'b> {
    buf: &'b mut Vec<u8>,
}

/// Where an open nested attribute began; give it back to [`Writer::end`].
#[derive(Debug)]
#[must_use]
pub struct Nest(usize);

impl<'b> Writer<'b> {
    /// Writes at the end of `buf`, whose length must be a multiple of 4.
    pub fn new(buf: &'b mut Vec<u8>) -> Self {
        debug_assert!(buf.len().is_multiple_of(4));
        Self { buf }
    }

    /// Bytes in the buffer so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.buf.len()
    }

    /// One attribute with raw payload.
    pub fn bytes(&mut self, kind: u16, payload: &[u8]) {
        let len = u16::try_from(payload.len() + 4).unwrap_or(u16::MAX);
        match *payload {
            [v0] => return self.word(len, kind, [v0, 0, 0, 0]),
            [v0, v1] => return self.word(len, kind, [v0, v1, 0, 0]),
            [v0, v1, v2] => return self.word(len, kind, [v0, v1, v2, 0]),
            [v0, v1, v2, v3] => return self.word(len, kind, [v0, v1, v2, v3]),
            _ => {}
        }
        if let Some(value) = padded(payload) {
            return self.two_words(len, kind, value);
        }
        self.header(len, kind);
        self.buf.extend_from_slice(payload);
        self.pad();
    }

    /// A string with its terminating NUL.
    pub fn string(&mut self, kind: u16, text: &[u8]) {
        let len = u16::try_from(text.len() + 5).unwrap_or(u16::MAX);
        if let Some(value) = padded(text).filter(|_| text.len() < 8) {
            return self.two_words(len, kind, value);
        }
        self.header(len, kind);
        self.buf.extend_from_slice(text);
        self.buf.push(0);
        self.pad();
    }

    /// A string without a NUL, where the kernel's policy is `NLA_STRING`, which takes both; `NLA_NUL_STRING` does not.
    pub fn name(&mut self, kind: u16, text: &[u8]) {
        self.bytes(kind, text);
    }

    /// A one-byte integer.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.word(5, kind, [value, 0, 0, 0]);
    }

    /// A big-endian 16-bit integer.
    pub fn u16(&mut self, kind: u16, value: u16) {
        let [v0, v1] = value.to_be_bytes();
        self.word(6, kind, [v0, v1, 0, 0]);
    }

    /// A big-endian 32-bit integer.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.word(8, kind, value.to_be_bytes());
    }

    /// A big-endian 64-bit integer.
    pub fn u64(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Opens a nested attribute.
    pub fn begin(&mut self, kind: u16) -> Nest {
        let at = self.buf.len();
        let [k0, k1] = (kind | NESTED).to_ne_bytes();
        self.buf.extend_from_slice(&[0, 0, k0, k1]);
        Nest(at)
    }

    /// Closes a nested attribute.
    pub fn end(&mut self, nest: Nest) {
        let len = u16::try_from(self.buf.len() - nest.0).unwrap_or(u16::MAX);
        self.buf[nest.0..nest.0 + 2].copy_from_slice(&len.to_ne_bytes());
    }

    /// Bytes that are attributes already (kept from a dump); must be padded to 4.
    pub fn raw(&mut self, attributes: &[u8]) {
        self.buf.extend_from_slice(attributes);
        self.pad();
    }

    /// An attribute of at most four bytes of payload, padded, in one step: nearly all are that short.
    #[inline]
    fn word(&mut self, len: u16, kind: u16, [v0, v1, v2, v3]: [u8; 4]) {
        let ([l0, l1], [k0, k1]) = (len.to_ne_bytes(), kind.to_ne_bytes());
        self.buf.extend_from_slice(&[l0, l1, k0, k1, v0, v1, v2, v3]);
    }

    /// The same with five to eight bytes of payload.
    #[inline]
    fn two_words(&mut self, len: u16, kind: u16, [v0, v1, v2, v3, v4, v5, v6, v7]: [u8; 8]) {
        let ([l0, l1], [k0, k1]) = (len.to_ne_bytes(), kind.to_ne_bytes());
        self.buf.extend_from_slice(&[l0, l1, k0, k1, v0, v1, v2, v3, v4, v5, v6, v7]);
    }

    fn header(&mut self, len: u16, kind: u16) {
        let ([l0, l1], [k0, k1]) = (len.to_ne_bytes(), kind.to_ne_bytes());
        self.buf.extend_from_slice(&[l0, l1, k0, k1]);
    }

    fn pad(&mut self) {
        let missing = self.buf.len().wrapping_neg() % 4;
        self.buf.extend_from_slice(&[0; 3][..missing]);
    }
}

/// Four to eight bytes with zeroes behind them: names of tables, chains and expressions are that long.
#[inline]
fn padded(payload: &[u8]) -> Option<[u8; 8]> {
    let (first, last) = (payload.first_chunk::<4>()?, payload.last_chunk::<4>()?);
    let from = payload.len() - 4;
    let [first, last] = [first, last].map(|four| u64::from(u32::from_le_bytes(*four)));
    // The two overlap in the same bytes.
    (from <= 4).then(|| (first | last << (8 * from)).to_le_bytes())
}

/// One attribute of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr<'a> {
    /// Type without flag bits.
    pub kind: u16,
    /// Payload without padding.
    pub payload: &'a [u8],
}

/// Iterates over the attributes of a buffer; a malformed header ends it with one `Err`.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// An attribute header that does not fit its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed netlink attribute")]
pub struct Malformed;

impl<'a> Reader<'a> {
    /// Reads the attributes in `buf`.
    #[must_use]
    pub fn new(buf: &'a [u8]) -> Self {
        Self { rest: buf }
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Attr<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((len, kind)) = header(self.rest) else {
            self.rest = &[];
            return Some(Err(Malformed));
        };
        let payload = &self.rest[4..len];
        self.rest = self.rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Ok(Attr { kind: kind & TYPE_MASK, payload }))
    }
}

fn header(buf: &[u8]) -> Option<(usize, u16)> {
    let len = usize::from(u16::from_ne_bytes(buf.get(0..2)?.try_into().ok()?));
    let kind = u16::from_ne_bytes(buf.get(2..4)?.try_into().ok()?);
    (len >= 4 && len <= buf.len()).then_some((len, kind))
}

impl<'a> Attr<'a> {
    /// The attributes nested in this one.
    #[must_use]
    pub fn nested(&self) -> Reader<'a> {
        Reader::new(self.payload)
    }

    /// A big-endian 16-bit integer.
    ///
    /// # Errors
    /// If the payload is not 2 bytes.
    pub fn u16(&self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.payload.try_into().map_err(|_| Malformed)?))
    }

    /// A big-endian 32-bit integer.
    ///
    /// # Errors
    /// If the payload is not 4 bytes.
    pub fn u32(&self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.payload.try_into().map_err(|_| Malformed)?))
    }

    /// A big-endian 64-bit integer.
    ///
    /// # Errors
    /// If the payload is not 8 bytes.
    pub fn u64(&self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.payload.try_into().map_err(|_| Malformed)?))
    }

    /// A one-byte integer.
    ///
    /// # Errors
    /// If the payload is not 1 byte.
    pub fn u8(&self) -> Result<u8, Malformed> {
        match self.payload {
            [b] => Ok(*b),
            _ => Err(Malformed),
        }
    }

    /// A string up to its first NUL.
    #[must_use]
    pub fn string(&self) -> &'a [u8] {
        let end = self.payload.iter().position(|&b| b == 0).unwrap_or(self.payload.len());
        &self.payload[..end]
    }
}
