//! ServerHello of both versions, HelloRetryRequest, EncryptedExtensions (RFC 5246 §7.4.1.3,
//! RFC 8446 §4.1.3, §4.1.4, §4.3.1) and the extensions of a server.

use super::client_hello::{MAX_SESSION_ID, nonempty};
use super::extensions::{read_body, write_one};
use super::reader::{DecodeError, Reader, Wire};
use super::{
    CipherSuite, ExtensionType, KeyShareEntry, NamedGroup, ProtocolVersion, Protocols,
    RawExtensions, UseSrtp, Writer,
};

/// The random that makes a ServerHello a HelloRetryRequest (RFC 8446 §4.1.3): the SHA-256 of
/// "HelloRetryRequest".
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerHello<'a> {
    pub(crate) version: ProtocolVersion,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: &'a [u8],
    pub(crate) cipher_suite: CipherSuite,
    pub(crate) compression_method: u8,
    pub(crate) extensions: ServerExtensions<'a>,
}

impl ServerHello<'_> {
    /// The random of a HelloRetryRequest.
    pub(crate) const RETRY_RANDOM: [u8; 32] = HELLO_RETRY_REQUEST;

    pub(crate) fn is_retry(&self) -> bool {
        self.random == HELLO_RETRY_REQUEST
    }
}

/// What we understand of a server's extensions, in whichever message they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerExtensions<'a> {
    pub(crate) selected_version: Option<ProtocolVersion>,
    pub(crate) key_share: Option<ServerKeyShare<'a>>,
    pub(crate) cookie: Option<&'a [u8]>,
    pub(crate) use_srtp: Option<UseSrtp<'a>>,
    pub(crate) alpn: Option<AlpnAnswer<'a>>,
    pub(crate) ec_point_formats: Option<&'a [u8]>,
    pub(crate) renegotiation_info: Option<&'a [u8]>,
    pub(crate) extended_master_secret: bool,
    /// RFC 8449 §4.
    pub(crate) record_size_limit: Option<u16>,
    /// All of them, as received; one that was not asked for is an error.
    pub(crate) raw: Option<RawExtensions<'a>>,
}

/// The body of a server's `key_share`: its form depends on the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerKeyShare<'a> {
    /// In a ServerHello.
    Share(KeyShareEntry<'a>),
    /// In a HelloRetryRequest: the group to make a share for.
    Retry(NamedGroup),
}

/// The server's choice of application protocol: received, or to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AlpnAnswer<'a> {
    Received(Protocols<'a>),
    Name(&'a [u8]),
}

impl<'a> AlpnAnswer<'a> {
    /// The one name, or `None` if there are several (RFC 7301 §3.1 allows just one).
    pub(crate) fn name(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Name(name) => Some(name),
            Self::Received(protocols) => {
                let mut names = protocols.iter();
                names.next().filter(|_| names.next().is_none())
            }
        }
    }
}

impl PartialEq for AlpnAnswer<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for AlpnAnswer<'_> {}

impl<'a> Wire<'a> for ServerHello<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let version = ProtocolVersion::read(reader)?;
        let random = reader.array()?;
        let session_id = reader.vector::<u8>()?;
        if session_id.len() > MAX_SESSION_ID {
            return Err(DecodeError::OutOfRange);
        }
        let cipher_suite = CipherSuite::read(reader)?;
        let compression_method = u8::read(reader)?;
        let raw = RawExtensions::read_optional(reader)?;
        let extensions = ServerExtensions::from_raw(raw, random == HELLO_RETRY_REQUEST)?;
        Ok(Self {
            version,
            random,
            session_id,
            cipher_suite,
            compression_method,
            extensions,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.version.write(writer);
        writer.bytes(&self.random);
        writer.vector::<u8>(self.session_id);
        self.cipher_suite.write(writer);
        self.compression_method.write(writer);
        writer.nested::<u16>(|writer| self.extensions.write(writer));
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EncryptedExtensions<'a> {
    pub(crate) extensions: ServerExtensions<'a>,
}

impl<'a> Wire<'a> for EncryptedExtensions<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let raw = RawExtensions::read(reader)?;
        Ok(Self {
            extensions: ServerExtensions::from_raw(raw, false)?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.nested::<u16>(|writer| self.extensions.write(writer));
    }
}

/// The end of a DTLS 1.2 server's flight: it has no content (RFC 5246 §7.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerHelloDone;

impl<'a> Wire<'a> for ServerHelloDone {
    fn read(_: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self)
    }

    fn write(&self, _: &mut Writer<'_>) {}
}

impl<'a> ServerExtensions<'a> {
    fn from_raw(raw: RawExtensions<'a>, retry: bool) -> Result<Self, DecodeError> {
        let mut extensions = Self {
            raw: Some(raw),
            ..Self::default()
        };
        for (kind, body) in raw.iter() {
            read_body(kind, body, |reader| extensions.take(kind, reader, retry))?;
        }
        Ok(extensions)
    }

    fn take(
        &mut self,
        kind: ExtensionType,
        reader: &mut Reader<'a>,
        retry: bool,
    ) -> Result<(), DecodeError> {
        match kind {
            ExtensionType::SUPPORTED_VERSIONS => {
                self.selected_version = Some(ProtocolVersion::read(reader)?);
            }
            ExtensionType::KEY_SHARE if retry => {
                self.key_share = Some(ServerKeyShare::Retry(NamedGroup::read(reader)?));
            }
            ExtensionType::KEY_SHARE => {
                self.key_share = Some(ServerKeyShare::Share(KeyShareEntry::read(reader)?));
            }
            // RFC 8446 §4.2.2: a cookie has at least one byte.
            ExtensionType::COOKIE => self.cookie = Some(nonempty(reader.vector::<u16>()?)?),
            ExtensionType::USE_SRTP => self.use_srtp = Some(UseSrtp::read(reader)?),
            ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
                self.alpn = Some(AlpnAnswer::Received(Protocols::read(reader)?));
            }
            ExtensionType::EC_POINT_FORMATS => {
                self.ec_point_formats = Some(reader.vector::<u8>()?);
            }
            ExtensionType::RENEGOTIATION_INFO => {
                self.renegotiation_info = Some(reader.vector::<u8>()?);
            }
            ExtensionType::EXTENDED_MASTER_SECRET => self.extended_master_secret = true,
            ExtensionType::RECORD_SIZE_LIMIT => self.record_size_limit = Some(u16::read(reader)?),
            _ => drop(reader.rest()),
        }
        Ok(())
    }

    fn write(&self, writer: &mut Writer<'_>) {
        use ExtensionType as E;
        if let Some(version) = &self.selected_version {
            write_one(writer, E::SUPPORTED_VERSIONS, |w| version.write(w));
        }
        if let Some(share) = &self.key_share {
            write_one(writer, E::KEY_SHARE, |w| match share {
                ServerKeyShare::Share(entry) => entry.write(w),
                ServerKeyShare::Retry(group) => group.write(w),
            });
        }
        if let Some(cookie) = self.cookie {
            write_one(writer, E::COOKIE, |w| w.vector::<u16>(cookie));
        }
        if self.extended_master_secret {
            write_one(writer, E::EXTENDED_MASTER_SECRET, |_| {});
        }
        if let Some(info) = self.renegotiation_info {
            write_one(writer, E::RENEGOTIATION_INFO, |w| w.vector::<u8>(info));
        }
        if let Some(formats) = self.ec_point_formats {
            write_one(writer, E::EC_POINT_FORMATS, |w| w.vector::<u8>(formats));
        }
        if let Some(use_srtp) = &self.use_srtp {
            write_one(writer, E::USE_SRTP, |w| use_srtp.write(w));
        }
        if let Some(limit) = self.record_size_limit {
            write_one(writer, E::RECORD_SIZE_LIMIT, |w| limit.write(w));
        }
        if let Some(name) = self.alpn.and_then(|alpn| alpn.name()) {
            write_one(writer, E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, |w| {
                Protocols::write_names(w, [name]);
            });
        }
    }
}
