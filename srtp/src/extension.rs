//! Header extensions encrypted one by one (RFC 6904).

use std::ops::Range;

use zeroize::Zeroizing;

use crate::header::{EXTENSION_WORD_LEN, RtpHeader};
use crate::session::HeaderKey;

/// What a header extension of one-byte elements is "defined by" (RFC 8285 §4.2).
pub(crate) const ONE_BYTE: u16 = 0xbede;

/// What a header extension of two-byte elements is "defined by", up to four bits of the application
/// (RFC 8285 §4.3).
pub(crate) const TWO_BYTE: u16 = 0x1000;

/// The identifier that ends a block of one-byte elements (RFC 8285 §4.2).
const ONE_BYTE_STOP: u8 = 15;

/// A set of local identifiers of header extensions (RFC 8285 §4.1.1), from 1 to 255.
///
/// ```
/// use srtp::ExtensionIds;
///
/// let ids: ExtensionIds = [1, 3].into_iter().collect();
/// assert!(ids.contains(3) && !ids.contains(2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExtensionIds([u64; 4]);

impl ExtensionIds {
    /// The empty set.
    pub const NONE: Self = Self([0; 4]);

    /// Whether `id` is in the set.
    #[must_use]
    pub fn contains(&self, id: u8) -> bool {
        self.0[usize::from(id / 64)] & 1 << (id % 64) != 0
    }

    /// Adds `id`. The identifier 0 means padding and is left out.
    pub fn insert(&mut self, id: u8) {
        if id != 0 {
            self.0[usize::from(id / 64)] |= 1 << (id % 64);
        }
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

impl FromIterator<u8> for ExtensionIds {
    fn from_iter<I: IntoIterator<Item = u8>>(ids: I) -> Self {
        let mut set = Self::NONE;
        for id in ids {
            set.insert(id);
        }
        set
    }
}

/// An element runs past the end of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Whether all elements of `packet`'s header extension end within their block.
pub(crate) fn check(packet: &[u8], header: &RtpHeader) -> Result<(), Malformed> {
    let mut elements = Elements::of(header);
    while elements.next(packet)?.is_some() {}
    Ok(())
}

/// Encrypts or decrypts those elements of `packet`'s header extension whose identifiers are in
/// `ids`.
pub(crate) fn apply(
    packet: &mut [u8],
    header: &RtpHeader,
    ids: ExtensionIds,
    key: &HeaderKey,
    index: u64,
) -> Result<(), Malformed> {
    let mut elements = Elements::of(header);
    let mut keystream = Keystream::new(key, key.iv(header.ssrc, index), elements.at);
    while let Some(element) = elements.next(packet)? {
        if ids.contains(element.id) {
            keystream.apply(packet, element.start..element.end);
        }
    }
    Ok(())
}

/// The data of one element.
pub(crate) struct Element {
    pub(crate) id: u8,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The elements of a header extension, one after the other (RFC 8285 §4.2 and §4.3).
#[derive(Clone, Debug)]
pub(crate) struct Elements {
    at: usize,
    end: usize,
    two_bytes: bool,
}

impl Elements {
    pub(crate) fn of(header: &RtpHeader) -> Self {
        let (known, two_bytes) = match header.extension {
            Some(ONE_BYTE) => (true, false),
            Some(profile) if profile & 0xfff0 == TWO_BYTE => (true, true),
            // Of other kinds nothing is known, and nothing encrypted.
            _ => (false, false),
        };
        let at = header.csrc_end + EXTENSION_WORD_LEN;
        Self {
            at,
            end: if known { header.len } else { at },
            two_bytes,
        }
    }

    pub(crate) fn next(&mut self, packet: &[u8]) -> Result<Option<Element>, Malformed> {
        let block = packet.get(..self.end).unwrap_or_default();
        let rest = block.get(self.at..).unwrap_or_default();
        let Some(padding) = rest.iter().position(|&byte| byte != 0) else {
            return Ok(None);
        };
        let (id, header_len, len) = match (&rest[padding..], self.two_bytes) {
            // RFC 8285 §4.2: the identifier 15, or 0 with a length, ends the processing of the
            // block; one byte of padding, 0 without a length, was passed over.
            (&[first, ..], false) if matches!(first >> 4, 0 | ONE_BYTE_STOP) => return Ok(None),
            (&[first, ..], false) => (first >> 4, 1, usize::from(first & 0x0f) + 1),
            (&[id, len, ..], true) => (id, 2, len.into()),
            _ => return Err(Malformed),
        };
        let start = self.at + padding + header_len;
        let end = start + len;
        if end > block.len() {
            return Err(Malformed);
        }
        self.at = end;
        Ok(Some(Element { id, start, end }))
    }
}

/// The key stream along one block, made piece by piece.
struct Keystream<'a> {
    key: &'a HeaderKey,
    iv: u128,
    /// Where the block starts in the packet.
    origin: usize,
    piece: Zeroizing<[u8; PIECE_LEN]>,
    /// Which piece is there.
    number: Option<usize>,
}

/// How much key stream is made at a time: enough for most header extensions.
const PIECE_LEN: usize = 128;

impl<'a> Keystream<'a> {
    fn new(key: &'a HeaderKey, iv: [u8; 16], origin: usize) -> Self {
        Self {
            key,
            iv: u128::from_be_bytes(iv),
            origin,
            piece: Zeroizing::new([0; PIECE_LEN]),
            number: None,
        }
    }

    fn apply(&mut self, packet: &mut [u8], data: Range<usize>) {
        // RFC 6904 §2.1: the key stream runs along the whole block; identifiers, lengths and
        // padding are left as they are.
        for place in data {
            packet[place] ^= self.byte(place - self.origin);
        }
    }

    fn byte(&mut self, offset: usize) -> u8 {
        let number = offset / PIECE_LEN;
        if self.number != Some(number) {
            self.number = Some(number);
            self.piece.fill(0);
            // A block has at most 2^18 bytes, so that its counter stays within the low 16 bits,
            // which start at zero.
            let iv = self.iv | (number * PIECE_LEN / 16) as u128;
            self.key
                .key
                .apply_keystream(&iv.to_be_bytes(), &mut self.piece[..]);
        }
        self.piece[offset % PIECE_LEN]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(extension: u16, words: usize) -> RtpHeader {
        RtpHeader {
            ssrc: 0,
            sequence_number: 0,
            padding: false,
            csrc_end: 12,
            extension: Some(extension),
            len: 16 + 4 * words,
        }
    }

    fn elements(extension: u16, body: &[u8]) -> Result<Vec<(u8, usize, usize)>, Malformed> {
        let mut packet = vec![0; 16];
        packet.extend_from_slice(body);
        let mut elements = Elements::of(&header(extension, body.len() / 4));
        let mut found = Vec::new();
        while let Some(element) = elements.next(&packet)? {
            found.push((element.id, element.start - 16, element.end - 16));
        }
        Ok(found)
    }

    /// RFC 8285 §4.2.
    #[test]
    fn one_byte_elements_are_found() {
        let body = [0x11, 1, 2, 0, 0, 0x20, 3, 0, 0xf0, 0x30, 9, 9];
        assert_eq!(elements(ONE_BYTE, &body), Ok(vec![(1, 1, 3), (2, 6, 7)]));
        assert_eq!(elements(ONE_BYTE, &[0x13, 1, 2, 3]), Err(Malformed));
        assert_eq!(elements(ONE_BYTE, &[]), Ok(vec![]));
    }

    /// RFC 8285 §4.3.
    #[test]
    fn two_byte_elements_are_found() {
        let body = [1, 0, 2, 1, 0xff, 0, 3, 1, 7, 0, 0, 0];
        let expected = vec![(1, 2, 2), (2, 4, 5), (3, 8, 9)];
        assert_eq!(elements(TWO_BYTE, &body), Ok(expected.clone()));
        assert_eq!(elements(TWO_BYTE | 0x5, &body), Ok(expected));
        assert_eq!(elements(TWO_BYTE, &[0, 0, 0, 1]), Err(Malformed));
        assert_eq!(elements(TWO_BYTE, &[1, 3, 0, 0]), Err(Malformed));
    }

    #[test]
    fn other_kinds_of_extension_are_left_alone() {
        assert_eq!(elements(0x1234, &[0x13, 1, 2, 3]), Ok(vec![]));
    }

    #[test]
    fn sets_hold_all_identifiers_but_zero() {
        let ids: ExtensionIds = (0..=255).collect();
        assert!((1..=255).all(|id| ids.contains(id)));
        assert!(!ids.contains(0));
        assert!(ExtensionIds::NONE.is_empty() && !ids.is_empty());
    }
}
