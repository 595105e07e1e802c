//! What DTLS 1.3 sends after the handshake (RFC 8446 §4.6).

use super::extensions::RawExtensions;
use super::reader::{DecodeError, Reader, Wire};
use super::{KeyUpdateRequest, Writer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUpdate {
    pub(crate) request: KeyUpdateRequest,
}

impl<'a> Wire<'a> for KeyUpdate {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let request = KeyUpdateRequest::read(reader)?;
        if request.name().is_none() {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self { request })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.request.write(writer);
    }
}

/// A session ticket, of which we use nothing; its grammar is checked all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewSessionTicket<'a> {
    pub(crate) lifetime: u32,
    pub(crate) age_add: u32,
    pub(crate) nonce: &'a [u8],
    pub(crate) ticket: &'a [u8],
}

impl<'a> Wire<'a> for NewSessionTicket<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let lifetime = u32::read(reader)?;
        let age_add = u32::read(reader)?;
        let nonce = reader.vector::<u8>()?;
        let ticket = reader.vector::<u16>()?;
        if ticket.is_empty() {
            return Err(DecodeError::OutOfRange);
        }
        RawExtensions::read(reader)?;
        Ok(Self {
            lifetime,
            age_add,
            nonce,
            ticket,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.lifetime.write(writer);
        self.age_add.write(writer);
        writer.vector::<u8>(self.nonce);
        writer.vector::<u16>(self.ticket);
        writer.vector::<u16>(&[]);
    }
}
