//! The header of a handshake fragment (RFC 6347 §4.2.2, RFC 9147 §5.2).

use super::reader::{DecodeError, Reader, U24, Wire};
use super::{HandshakeType, Writer};

/// The length of a fragment's header in bytes.
pub(crate) const HEADER: usize = 12;

/// Type and length of a message, and which part of it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) msg_type: HandshakeType,
    /// Of the whole message's body.
    pub(crate) length: u32,
    pub(crate) message_seq: u16,
    pub(crate) fragment_offset: u32,
    pub(crate) fragment_length: u32,
}

impl<'a> Wire<'a> for Header {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            msg_type: HandshakeType::read(reader)?,
            length: U24::read(reader)?.0,
            message_seq: u16::read(reader)?,
            fragment_offset: U24::read(reader)?.0,
            fragment_length: U24::read(reader)?.0,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.msg_type.write(writer);
        U24(self.length).write(writer);
        self.message_seq.write(writer);
        U24(self.fragment_offset).write(writer);
        U24(self.fragment_length).write(writer);
    }
}
