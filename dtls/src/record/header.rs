//! The two forms of a record's header: DTLSPlaintext, which DTLS 1.2 also has for protected
//! records (RFC 6347 §4.1), and the unified header of DTLS 1.3 (RFC 9147 §4).
//!
//! ```text
//!  type u8 | version u16 | epoch u16 | sequence u48 | length u16          DTLSPlaintext
//!  0 0 1 C S L E E | connection id | sequence u8/u16 | length u16         unified
//! ```

use super::number::{RecordNumber, reconstruct_epoch, reconstruct_sequence};
use crate::wire::{ContentType, ProtocolVersion};

/// Length of the first form.
pub(super) const PLAINTEXT: usize = 13;

/// Length of the second form as we send it: a sequence number of 16 bits, and the length.
pub(super) const UNIFIED: usize = 5;

/// The first byte of every DTLS version on the wire.
const MAJOR: u16 = 0xfe;

const UNIFIED_MASK: u8 = 0b1110_0000;
const UNIFIED_MARK: u8 = 0b0010_0000;
const CONNECTION_ID: u8 = 0b0001_0000;
const LONG_SEQUENCE: u8 = 0b0000_1000;
const WITH_LENGTH: u8 = 0b0000_0100;
const EPOCH_BITS: u8 = 0b0000_0011;

/// A received header, not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the header.
    pub(super) length: usize,
    /// Bytes of the body; `None` if it takes up the rest of the datagram.
    body: Option<usize>,
    pub(super) form: Form,
}

/// What a received header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plaintext {
        content_type: ContentType,
        version: ProtocolVersion,
        number: RecordNumber,
    },
    Unified {
        epoch: u8,
        sequence_bytes: usize,
    },
}

impl Header {
    /// Reads the header at the front of `datagram`. `None` if it is cut off, or has a connection
    /// ID, which we never negotiate.
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        let first = *datagram.first()?;
        if first & UNIFIED_MASK == UNIFIED_MARK {
            Self::read_unified(first, datagram)
        } else {
            Self::read_plaintext(datagram)
        }
    }

    fn read_plaintext(datagram: &[u8]) -> Option<Self> {
        let [content_type, v0, v1, e0, e1, sequence @ .., l0, l1] =
            datagram.first_chunk::<PLAINTEXT>()?;
        let [s0, s1, s2, s3, s4, s5]: [u8; 6] = *sequence;
        let number = RecordNumber::new(
            u16::from_be_bytes([*e0, *e1]),
            u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
        );
        let form = Form::Plaintext {
            content_type: ContentType(*content_type),
            version: ProtocolVersion(u16::from_be_bytes([*v0, *v1])),
            number,
        };
        let body = u16::from_be_bytes([*l0, *l1]);
        Some(Self {
            length: PLAINTEXT,
            body: Some(body.into()),
            form,
        })
    }

    fn read_unified(first: u8, datagram: &[u8]) -> Option<Self> {
        // RFC 9147 §9: without negotiation there are no connection IDs.
        if first & CONNECTION_ID != 0 {
            return None;
        }
        let sequence_bytes = if first & LONG_SEQUENCE != 0 { 2 } else { 1 };
        let mut length = 1 + sequence_bytes;
        let mut body = None;
        if first & WITH_LENGTH != 0 {
            let field = datagram.get(length..)?.first_chunk::<2>()?;
            body = Some(u16::from_be_bytes(*field).into());
            length += field.len();
        }
        let form = Form::Unified {
            epoch: first & EPOCH_BITS,
            sequence_bytes,
        };
        (datagram.len() >= length).then_some(Self { length, body, form })
    }

    /// The bytes of the record's body, given that of the datagram from the header on. `None` if
    /// the header claims more than there is.
    pub(super) fn body_length(&self, datagram: usize) -> Option<usize> {
        let rest = datagram.checked_sub(self.length)?;
        let body = self.body.unwrap_or(rest);
        (body <= rest).then_some(body)
    }

    /// The epoch; `newest` is the highest that we know.
    pub(super) fn epoch(&self, newest: u16) -> u16 {
        match self.form {
            Form::Plaintext { number, .. } => number.epoch(),
            Form::Unified { epoch, .. } => reconstruct_epoch(epoch, newest),
        }
    }

    /// Type and number of a record without protection; `None` if the header is not of such a one.
    pub(super) fn as_plaintext(&self) -> Option<(ContentType, RecordNumber)> {
        match self.form {
            // The minor version is not looked at: peers answer in the version that they know.
            Form::Plaintext {
                content_type,
                version,
                number,
            } => (version.0 >> 8 == MAJOR).then_some((content_type, number)),
            Form::Unified { .. } => None,
        }
    }

    /// The type of a protected record; 0 where the type is inside. `None` if the header is not of
    /// the form that the keys call for.
    pub(super) fn protected(&self, unified: bool) -> Option<ContentType> {
        match self.form {
            Form::Plaintext {
                content_type,
                version,
                ..
            } => (!unified && version == ProtocolVersion::DTLS1_2).then_some(content_type),
            Form::Unified { .. } => unified.then_some(ContentType(0)),
        }
    }

    /// Removes the mask from the sequence number in `head`, the bytes of this header, and returns the
    /// record number. `expected` is one more than the highest sequence number of the epoch.
    pub(super) fn unmask(
        &self,
        head: &mut [u8],
        mask: [u8; 2],
        epoch: u16,
        expected: u64,
    ) -> RecordNumber {
        let sequence_bytes = match self.form {
            Form::Plaintext { number, .. } => return number,
            Form::Unified { sequence_bytes, .. } => sequence_bytes,
        };
        let mut wire = 0;
        for (byte, mask) in head.iter_mut().skip(1).take(sequence_bytes).zip(mask) {
            *byte ^= mask;
            wire = wire << 8 | u16::from(*byte);
        }
        let bits = if sequence_bytes == 2 {
            u16::MAX
        } else {
            u8::MAX.into()
        };
        RecordNumber::new(epoch, reconstruct_sequence(wire, bits, expected))
    }
}

/// The first form, for a body of `length` bytes.
pub(super) fn plaintext(
    content_type: ContentType,
    version: ProtocolVersion,
    number: RecordNumber,
    length: u16,
) -> [u8; PLAINTEXT] {
    let [v0, v1] = version.0.to_be_bytes();
    let [n0, n1, n2, n3, n4, n5, n6, n7] = number.combined().to_be_bytes();
    let [l0, l1] = length.to_be_bytes();
    [
        content_type.0,
        v0,
        v1,
        n0,
        n1,
        n2,
        n3,
        n4,
        n5,
        n6,
        n7,
        l0,
        l1,
    ]
}

/// The second form, for a body of `length` bytes; the sequence number is not yet masked.
///
/// Always with 16 bits of sequence number, so that the peer may miss many records, and with the
/// length, so that more records can follow.
pub(super) fn unified(number: RecordNumber, length: u16) -> [u8; UNIFIED] {
    let first = UNIFIED_MARK | LONG_SEQUENCE | WITH_LENGTH | (number.epoch() as u8 & EPOCH_BITS);
    let [s0, s1] = (number.sequence() as u16).to_be_bytes();
    let [l0, l1] = length.to_be_bytes();
    [first, s0, s1, l0, l1]
}

/// Masks the sequence number of a header made by [`unified`].
pub(super) fn mask(head: &mut [u8], mask: [u8; 2]) {
    for (byte, mask) in head.iter_mut().skip(1).zip(mask) {
        *byte ^= mask;
    }
}
