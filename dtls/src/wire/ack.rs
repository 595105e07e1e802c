//! ACKs (RFC 9147 §7).

use super::Writer;
use super::reader::{DecodeError, Reader, Wire};

/// The length of a record number in an ACK: 64 bits of epoch, 64 bits of sequence number.
const RECORD_NUMBER: usize = 16;

/// A list of record numbers, validated when read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ack<'a> {
    numbers: &'a [u8],
}

impl<'a> Ack<'a> {
    /// Epoch and sequence number of each record.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let numbers = self.numbers.as_chunks::<RECORD_NUMBER>().0;
        numbers.iter().map(|number| {
            let both = u128::from_be_bytes(*number);
            ((both >> 64) as u64, both as u64)
        })
    }

    /// Writes the body of an ACK of records given by epoch and sequence number.
    pub(crate) fn write_numbers(
        writer: &mut Writer<'_>,
        numbers: impl IntoIterator<Item = (u64, u64)>,
    ) {
        writer.nested::<u16>(|writer| {
            for (epoch, sequence) in numbers {
                epoch.write(writer);
                sequence.write(writer);
            }
        });
    }
}

impl<'a> Wire<'a> for Ack<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let numbers = reader.vector::<u16>()?;
        if !numbers.len().is_multiple_of(RECORD_NUMBER) {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self { numbers })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        Self::write_numbers(writer, self.numbers());
    }
}
