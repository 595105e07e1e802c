//! Lists of values: views into received bytes, or values of ours that are to be sent.

use super::Writer;
use super::reader::{DecodeError, Length, Reader, Wire};

/// A list. Received ones are validated when read and iterated without errors.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List<'a, T> {
    /// As it stands on the wire, without its length.
    Wire(&'a [u8]),
    /// To be sent.
    Values(&'a [T]),
}

impl<'a, T: Wire<'a> + Copy> List<'a, T> {
    /// Reads a list that has at least one value, as all lists of TLS code points must.
    pub(crate) fn read<L: Length>(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let bytes = reader.vector::<L>()?;
        if bytes.is_empty() {
            return Err(DecodeError::OutOfRange);
        }
        let mut values = Reader::new(bytes);
        while !values.is_empty() {
            T::read(&mut values)?;
        }
        Ok(Self::Wire(bytes))
    }

    pub(crate) fn write<L: Length>(&self, writer: &mut Writer<'_>) {
        writer.nested::<L>(|writer| match self {
            Self::Wire(bytes) => writer.bytes(bytes),
            Self::Values(values) => values.iter().for_each(|value| value.write(writer)),
        });
    }

    /// The values in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (bytes, values) = match *self {
            Self::Wire(bytes) => (bytes, &[][..]),
            Self::Values(values) => (&[][..], values),
        };
        let mut reader = Reader::new(bytes);
        let received = std::iter::from_fn(move || {
            if reader.is_empty() {
                None
            } else {
                T::read(&mut reader).ok()
            }
        });
        received.chain(values.iter().copied())
    }
}

impl<'a, T: Wire<'a> + Copy + PartialEq> List<'a, T> {
    pub(crate) fn contains(&self, value: T) -> bool {
        self.iter().any(|other| other == value)
    }
}

impl<'a, T: Wire<'a> + Copy + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Wire<'a> + Copy + Eq> Eq for List<'a, T> {}
