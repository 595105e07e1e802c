//! Writes a message into the caller's buffer.

use super::{
    AttributeType, ErrorCode, HEADER_LEN, IntegrityKey, MAGIC_COOKIE, MessageType, TransactionId,
    address,
    integrity::{INTEGRITY_LEN, fingerprint},
};
use std::net::SocketAddr;

/// A message that is being written.
///
/// An attribute that does not fit leaves the message as it was; room for MESSAGE-INTEGRITY and
/// FINGERPRINT is always kept.
#[derive(Debug)]
pub struct MessageWriter<'b> {
    buf: &'b mut [u8],
    len: usize,
    kind: MessageType,
    id: TransactionId,
}

impl<'b> MessageWriter<'b> {
    /// Begins a message.
    ///
    /// # Errors
    ///
    /// When the buffer is smaller than a header.
    pub fn new(
        buf: &'b mut [u8],
        kind: MessageType,
        id: TransactionId,
    ) -> Result<Self, BufferTooSmall> {
        let header = buf.first_chunk_mut::<HEADER_LEN>().ok_or(BufferTooSmall)?;
        header[..2].copy_from_slice(&kind.bits().to_be_bytes());
        header[2..4].fill(0);
        header[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        header[8..].copy_from_slice(&id.0);
        Ok(Self {
            buf,
            len: HEADER_LEN,
            kind,
            id,
        })
    }

    /// The class and method of the message.
    #[must_use]
    pub const fn kind(&self) -> MessageType {
        self.kind
    }

    /// The bytes that an attribute's value could still have, if the message is to be sealed.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.limit().saturating_sub(self.len + 4) & !3
    }

    /// Adds an attribute.
    ///
    /// # Errors
    ///
    /// When it does not fit.
    pub fn attribute(&mut self, kind: AttributeType, value: &[u8]) -> Result<(), BufferTooSmall> {
        self.append(kind, &[value], self.limit())
    }

    /// Adds USERNAME for a request: the receiver's ufrag, a colon, the sender's (RFC 8445 §7.2.2).
    ///
    /// # Errors
    ///
    /// When it does not fit.
    pub fn username(&mut self, receiver: &str, sender: &str) -> Result<(), BufferTooSmall> {
        let parts = [receiver.as_bytes(), b":", sender.as_bytes()];
        self.append(AttributeType::USERNAME, &parts, self.limit())
    }

    /// Adds XOR-MAPPED-ADDRESS.
    ///
    /// # Errors
    ///
    /// When it does not fit.
    pub fn xor_mapped_address(&mut self, address: SocketAddr) -> Result<(), BufferTooSmall> {
        let mut value = [0; 20];
        let len = address::write_xor(&mut value, address, self.id);
        self.attribute(AttributeType::XOR_MAPPED_ADDRESS, &value[..len])
    }

    /// Adds ERROR-CODE with the phrase of the registry.
    ///
    /// # Errors
    ///
    /// When it does not fit.
    pub fn error_code(&mut self, code: ErrorCode) -> Result<(), BufferTooSmall> {
        let parts = [&code.prefix()[..], code.reason().as_bytes()];
        self.append(AttributeType::ERROR_CODE, &parts, self.limit())
    }

    /// Adds MESSAGE-INTEGRITY and FINGERPRINT, and returns the length of the message.
    ///
    /// # Errors
    ///
    /// When they do not fit.
    pub fn seal(mut self, key: &IntegrityKey) -> Result<usize, BufferTooSmall> {
        let at = self.len;
        let end = self.buf.len();
        self.append(
            AttributeType::MESSAGE_INTEGRITY,
            &[&[0; INTEGRITY_LEN]],
            end,
        )?;
        let tag = key.tag(&self.buf[..at], (self.len - HEADER_LEN) as u16);
        self.buf[at + 4..self.len].copy_from_slice(&tag);
        self.finish()
    }

    /// Adds FINGERPRINT alone, and returns the length of the message.
    ///
    /// # Errors
    ///
    /// When it does not fit.
    pub fn finish(mut self) -> Result<usize, BufferTooSmall> {
        let at = self.len;
        // RFC 8489 §14.7: the length field counts FINGERPRINT before the CRC is computed.
        self.append(AttributeType::FINGERPRINT, &[&[0; 4]], self.buf.len())?;
        let value = fingerprint(&self.buf[..at]);
        self.buf[at + 4..self.len].copy_from_slice(&value.to_be_bytes());
        Ok(self.len)
    }

    /// Where attributes other than the two that seal the message must end.
    fn limit(&self) -> usize {
        self.buf
            .len()
            .min(HEADER_LEN + usize::from(u16::MAX))
            .saturating_sub(SEAL_LEN)
    }

    /// Adds an attribute that ends before `limit`; its value comes in parts.
    fn append(
        &mut self,
        kind: AttributeType,
        parts: &[&[u8]],
        limit: usize,
    ) -> Result<(), BufferTooSmall> {
        let value_len = parts.iter().map(|part| part.len()).sum::<usize>();
        let len = u16::try_from(value_len).map_err(|_| BufferTooSmall)?;
        let end = self.len + 4 + value_len.next_multiple_of(4);
        let length = u16::try_from(end - HEADER_LEN).map_err(|_| BufferTooSmall)?;
        let room = self.buf.get_mut(self.len..end).filter(|_| end <= limit);
        let mut room = room.ok_or(BufferTooSmall)?;
        let (header, rest) = room.split_at_mut(4);
        header[..2].copy_from_slice(&kind.0.to_be_bytes());
        header[2..].copy_from_slice(&len.to_be_bytes());
        room = rest;
        for part in parts {
            let (head, rest) = room.split_at_mut(part.len());
            head.copy_from_slice(part);
            room = rest;
        }
        // RFC 8489 §14: padding bits are zero when sent.
        room.fill(0);
        self.buf[2..4].copy_from_slice(&length.to_be_bytes());
        self.len = end;
        Ok(())
    }
}

/// The bytes of MESSAGE-INTEGRITY and FINGERPRINT.
const SEAL_LEN: usize = 4 + INTEGRITY_LEN + 8;

/// The buffer has no room for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the buffer has no room for the STUN message")]
pub struct BufferTooSmall;
