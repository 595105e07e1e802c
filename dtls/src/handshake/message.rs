//! A handshake message as the flight layer delivers it: whole, in order, once.

use crate::error::Error;
use crate::flight::Incoming;
use crate::wire::{HandshakeType, Reader, Wire};

/// A received handshake message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) message_type: HandshakeType,
    pub(crate) message_seq: u16,
    pub(crate) body: &'a [u8],
}

impl<'a> From<&'a Incoming> for Message<'a> {
    fn from(message: &'a Incoming) -> Self {
        Self {
            message_type: message.msg_type,
            message_seq: message.message_seq,
            body: &message.body,
        }
    }
}

impl<'a> Message<'a> {
    /// The message is of this type and follows its grammar to the last byte.
    pub(crate) fn read<T: Wire<'a>>(&self, expected: HandshakeType) -> Result<T, Error> {
        self.expect(expected)?;
        Reader::read_exact(self.body).map_err(|error| Error::Decode {
            message: self.message_type,
            error,
        })
    }

    /// The message is of this type.
    pub(super) fn expect(&self, expected: HandshakeType) -> Result<(), Error> {
        if self.message_type == expected {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    /// The error for a message that the state does not allow.
    pub(super) fn unexpected(&self, expected: HandshakeType) -> Error {
        Error::UnexpectedMessage {
            expected,
            received: self.message_type,
        }
    }
}
