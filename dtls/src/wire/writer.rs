//! Writing: appends to a vector, and fills in lengths afterwards.

use super::reader::Length;

/// Appends wire forms to a vector.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// What `write` appends, with its length before it.
    ///
    /// # Panics
    /// If it is longer than `L` can say: what we send is bounded by our own configuration.
    pub(crate) fn nested<L: Length>(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.out.resize(start + L::SIZE, 0);
        write(self);
        let length = self.out.len() - start - L::SIZE;
        assert!(
            length < 1 << (8 * L::SIZE),
            "invariant: our own vectors fit their length fields"
        );
        let all = (length as u32).to_be_bytes();
        self.out[start..start + L::SIZE].copy_from_slice(&all[all.len() - L::SIZE..]);
    }

    /// A vector of bytes with its length before it.
    pub(crate) fn vector<L: Length>(&mut self, bytes: &[u8]) {
        self.nested::<L>(|writer| writer.bytes(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::{DecodeError, Reader, U24};
    use super::*;

    #[test]
    fn nested_lengths_are_filled_in() {
        let mut out = Vec::new();
        Writer::new(&mut out).nested::<u16>(|w| {
            w.vector::<u8>(b"ab");
            w.vector::<U24>(b"c");
        });
        assert_eq!(out, [0, 7, 2, b'a', b'b', 0, 0, 1, b'c']);
    }

    #[test]
    fn reading_stops_at_the_end() {
        assert_eq!(Reader::read_exact::<u16>(&[1]), Err(DecodeError::Truncated));
        assert_eq!(
            Reader::read_exact::<u16>(&[1, 2, 3]),
            Err(DecodeError::TrailingData)
        );
        assert_eq!(
            Reader::new(&[2, 1]).vector::<u8>(),
            Err(DecodeError::Truncated)
        );
    }
}
