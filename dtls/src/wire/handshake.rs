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
        writer.bytes(&self.to_bytes());
    }
}

impl Header {
    /// The header in its wire format.
    pub(crate) const fn to_bytes(self) -> [u8; HEADER] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1] = self.message_seq.to_be_bytes();
        let [_, o0, o1, o2] = self.fragment_offset.to_be_bytes();
        let [_, f0, f1, f2] = self.fragment_length.to_be_bytes();
        [self.msg_type.0, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2]
    }
}
