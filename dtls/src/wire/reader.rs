//! Reading: a cursor over borrowed bytes, and the trait of everything that has a wire form.

use super::Writer;

/// Why bytes do not follow the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the structure does.
    #[error("the bytes end too early")]
    Truncated,
    /// The structure ends before the bytes do.
    #[error("bytes are left over")]
    TrailingData,
    /// A length or a value lies outside of what the grammar allows.
    #[error("a value is out of range")]
    OutOfRange,
    /// An extension occurs twice (RFC 8446 §4.2).
    #[error("extension {0:?} occurs twice")]
    DuplicateExtension(super::ExtensionType),
    /// The inside of an extension is malformed.
    #[error("extension {0:?} is malformed")]
    MalformedExtension(super::ExtensionType),
}

/// Something with a wire form; borrowed values point into the bytes that were read.
pub(crate) trait Wire<'a>: Sized {
    /// Reads one value and moves the reader behind it.
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;
    /// Appends the value.
    fn write(&self, writer: &mut Writer<'_>);
}

/// A cursor over bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads a value that must fill `bytes` exactly.
    pub(crate) fn read_exact<T: Wire<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
        let mut reader = Self::new(bytes);
        let value = T::read(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A vector with a length of `L` before it.
    pub(crate) fn vector<L: Length>(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = L::read_length(self)?;
        self.take(length)
    }

    /// A reader of the vector that is next.
    pub(crate) fn nested<L: Length>(&mut self) -> Result<Self, DecodeError> {
        self.vector::<L>().map(Self::new)
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// What is left, without taking it.
    pub(crate) const fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub(crate) const fn finish(&self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingData)
        }
    }
}

/// An integer that says how long a vector is.
pub(crate) trait Length {
    /// Bytes on the wire.
    const SIZE: usize;

    fn read_length(reader: &mut Reader<'_>) -> Result<usize, DecodeError>;
}

/// An integer of 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct U24(pub(crate) u32);

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl<'a> Wire<'a> for $int {
            fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                reader.array().map(Self::from_be_bytes)
            }

            fn write(&self, writer: &mut Writer<'_>) {
                writer.bytes(&self.to_be_bytes());
            }
        }
    )*};
}

integers!(u8, u16, u32, u64);

impl<'a> Wire<'a> for U24 {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let [a, b, c] = reader.array()?;
        Ok(Self(u32::from_be_bytes([0, a, b, c])))
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let [_, low @ ..] = self.0.to_be_bytes();
        writer.bytes(&low);
    }
}

impl Length for u8 {
    const SIZE: usize = 1;

    fn read_length(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
        Self::read(reader).map(usize::from)
    }
}

impl Length for u16 {
    const SIZE: usize = 2;

    fn read_length(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
        Self::read(reader).map(usize::from)
    }
}

impl Length for U24 {
    const SIZE: usize = 3;

    fn read_length(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
        Self::read(reader).map(|length| length.0 as usize)
    }
}
