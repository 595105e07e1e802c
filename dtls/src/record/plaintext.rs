//! Records of epoch 0 without a connection, for those whom we don't know yet.

use super::header::{self, Header};
use super::number::RecordNumber;
use crate::wire::{ContentType, ProtocolVersion};

/// A record in plaintext, which anybody may have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plaintext<'a> {
    pub(crate) content_type: ContentType,
    pub(crate) number: RecordNumber,
    pub(crate) content: &'a [u8],
}

/// Takes the record at the front off `datagram`. `None` if it is malformed or not of epoch 0.
pub(crate) fn read<'a>(datagram: &mut &'a [u8]) -> Option<Plaintext<'a>> {
    let header = Header::read(datagram)?;
    let (content_type, number) = header.as_plaintext()?;
    let (_, rest) = datagram.split_at_checked(header.length)?;
    let (content, rest) = rest.split_at_checked(header.body_length(datagram.len())?)?;
    *datagram = rest;
    (number.epoch() == 0).then_some(Plaintext {
        content_type,
        number,
        content,
    })
}

/// Appends a record, whose content is at most 2^14 bytes long.
pub(crate) fn write(record: &Plaintext<'_>, out: &mut Vec<u8>) {
    let length = record.content.len() as u16;
    // RFC 6347 §4.2.1, RFC 9147 §4: no other version is expected behind the first ClientHello.
    let version = ProtocolVersion::DTLS1_2;
    let header = header::plaintext(record.content_type, version, record.number, length);
    out.extend_from_slice(&header);
    out.extend_from_slice(record.content);
}
