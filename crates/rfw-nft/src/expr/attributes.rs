//! The framing of expressions: attributes taken apart, errors with their place.

use super::Bytes;
use super::number as n;
use crate::attr::{Attr, Malformed, Reader};

/// Bytes that are no list of expressions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}, byte {offset}: {problem}")]
pub struct DecodeError {
    /// Which part, from the list inwards: `expressions[2].data`.
    pub path: String,
    /// Where in that part, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// An attribute's header does not fit.
    #[error("malformed netlink attribute")]
    Malformed,
    /// An attribute that has no place here, or stands twice.
    #[error("attribute of type {0} does not belong here")]
    Unexpected(u16),
    /// `NFTA_EXPR_NAME` is missing.
    #[error("expression without a name")]
    NoName,
}

impl From<Malformed> for Problem {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// An error on its way out: the path is only put together when there is one.
pub(super) struct Fault {
    path: String,
    /// `None` until the loop over the attributes fills it in.
    offset: Option<usize>,
    problem: Problem,
}

impl Fault {
    pub(super) fn here(problem: Problem) -> Self {
        Self { path: String::new(), offset: None, problem }
    }

    pub(super) fn inside(mut self, part: &str) -> Self {
        self.path.insert_str(0, part);
        self
    }

    pub(super) fn finish(self, root: &str) -> DecodeError {
        DecodeError {
            path: format!("{root}{}", self.path),
            offset: self.offset.unwrap_or(0),
            problem: self.problem,
        }
    }
}

pub(super) fn each<'a>(
    payload: &'a [u8],
    mut take: impl FnMut(Attr<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut reader = Reader::new(payload);
    loop {
        let offset = payload.len() - reader.remaining();
        let Some(attr) = reader.next() else {
            return Ok(());
        };
        attr.map_err(|malformed| Fault::here(malformed.into())).and_then(&mut take).map_err(
            |mut fault| {
                fault.offset.get_or_insert(offset);
                fault
            },
        )?;
    }
}

/// Attributes of one expression by type; each is taken out once, what is left is not understood.
pub(super) struct Attributes<'a> {
    /// The highest type that any modelled expression uses is 8.
    slots: [Option<Attr<'a>>; 9],
}

impl<'a> Attributes<'a> {
    /// `None` if a type is too high or stands twice.
    pub(super) fn read(payload: &'a [u8]) -> Result<Option<Self>, Fault> {
        let mut slots = [None; 9];
        let mut plain = true;
        each(payload, |attr| {
            match slots.get_mut(usize::from(attr.kind)) {
                Some(slot @ None) => *slot = Some(attr),
                _ => plain = false,
            }
            Ok(())
        })?;
        Ok(plain.then_some(Self { slots }))
    }

    /// Attributes of a nest; one that is no sequence of attributes is not understood either.
    pub(super) fn nested(&mut self, kind: u16) -> Option<Self> {
        Self::read(self.take(kind)?.payload).ok().flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    pub(super) fn has(&self, kind: u16) -> bool {
        self.slots.get(usize::from(kind)).is_some_and(Option::is_some)
    }

    pub(super) fn take(&mut self, kind: u16) -> Option<Attr<'a>> {
        self.slots.get_mut(usize::from(kind))?.take()
    }

    /// Drops the alignment attribute that the kernel puts before 64-bit integers on some machines.
    pub(super) fn skip_pad(&mut self, kind: u16) {
        if self
            .slots
            .get(usize::from(kind))
            .is_some_and(|slot| slot.is_some_and(|attr| attr.payload.is_empty()))
        {
            self.take(kind);
        }
    }

    pub(super) fn u8(&mut self, kind: u16) -> Option<u8> {
        self.take(kind)?.u8().ok()
    }

    pub(super) fn u32(&mut self, kind: u16) -> Option<u32> {
        self.take(kind)?.u32().ok()
    }

    pub(super) fn u64(&mut self, kind: u16) -> Option<u64> {
        self.take(kind)?.u64().ok()
    }

    /// Absent is `Some(None)`; present with a wrong size is `None`.
    pub(super) fn optional<T>(
        &mut self,
        kind: u16,
        read: impl Fn(&Attr<'a>) -> Result<T, Malformed>,
    ) -> Option<Option<T>> {
        match self.take(kind) {
            None => Some(None),
            Some(attr) => read(&attr).ok().map(Some),
        }
    }

    pub(super) fn optional_u32(&mut self, kind: u16) -> Option<Option<u32>> {
        self.optional(kind, Attr::u32)
    }

    /// An integer whose absence means 0.
    pub(super) fn u32_or_zero(&mut self, kind: u16) -> Option<u32> {
        Some(self.optional_u32(kind)?.unwrap_or(0))
    }

    /// A string with its NUL at the end and no other.
    pub(super) fn string(&mut self, kind: u16) -> Option<Vec<u8>> {
        let (&0, text) = self.take(kind)?.payload.split_last()? else {
            return None;
        };
        (!text.contains(&0)).then(|| text.to_vec())
    }

    /// A constant.
    pub(super) fn value(&mut self, kind: u16) -> Option<Bytes> {
        let mut nest = self.nested(kind)?;
        let bytes = nest.take(n::data::VALUE)?.payload;
        nest.is_empty().then(|| Bytes::from_slice(bytes))
    }
}
