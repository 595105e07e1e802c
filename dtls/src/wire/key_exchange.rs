//! The ECDHE messages of DTLS 1.2 (RFC 8422 §5.4, §5.7).

use super::reader::{DecodeError, Reader, Wire};
use super::{NamedGroup, SignatureScheme, Writer};

/// `named_curve`: the only kind of curve description there is (RFC 8422 §5.4).
const NAMED_CURVE: u8 = 3;

/// A server's share, signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerKeyExchange<'a> {
    pub(crate) group: NamedGroup,
    pub(crate) public: &'a [u8],
    pub(crate) scheme: SignatureScheme,
    pub(crate) signature: &'a [u8],
}

impl ServerKeyExchange<'_> {
    /// Writes the part that is signed, after both randoms.
    pub(crate) fn write_params(writer: &mut Writer<'_>, group: NamedGroup, public: &[u8]) {
        NAMED_CURVE.write(writer);
        group.write(writer);
        writer.vector::<u8>(public);
    }
}

impl<'a> Wire<'a> for ServerKeyExchange<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != NAMED_CURVE {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self {
            group: NamedGroup::read(reader)?,
            public: share(reader)?,
            scheme: SignatureScheme::read(reader)?,
            signature: reader.vector::<u16>()?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        Self::write_params(writer, self.group, self.public);
        self.scheme.write(writer);
        writer.vector::<u16>(self.signature);
    }
}

/// A client's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientKeyExchange<'a> {
    pub(crate) public: &'a [u8],
}

impl<'a> Wire<'a> for ClientKeyExchange<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            public: share(reader)?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.vector::<u8>(self.public);
    }
}

fn share<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let share = reader.vector::<u8>()?;
    if share.is_empty() {
        Err(DecodeError::OutOfRange)
    } else {
        Ok(share)
    }
}
