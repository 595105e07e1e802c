//! HelloVerifyRequest (RFC 6347 §4.2.1).

use super::reader::{DecodeError, Reader, Wire};
use super::{ProtocolVersion, Writer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HelloVerifyRequest<'a> {
    pub(crate) version: ProtocolVersion,
    /// At most 255 bytes.
    pub(crate) cookie: &'a [u8],
}

impl<'a> Wire<'a> for HelloVerifyRequest<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: ProtocolVersion::read(reader)?,
            cookie: reader.vector::<u8>()?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.version.write(writer);
        writer.vector::<u8>(self.cookie);
    }
}
