//! ClientHello of both versions (RFC 6347 §4.2.1, RFC 9147 §5.3) and its extensions.

use super::extensions::{check_authorities, read_body, write_one};
use super::reader::{DecodeError, Reader, Wire};
use super::{
    CipherSuite, ExtensionType, KeyShares, List, NamedGroup, ProtocolVersion, Protocols,
    RawExtensions, SignatureScheme, UseSrtp, Writer,
};

/// A PSK goes together with a key exchange (RFC 8446 §4.2.9).
const PSK_DHE_KE: u8 = 1;

/// The one kind of server name that there is (RFC 6066 §3).
const HOST_NAME: u8 = 0;

/// The longest session id (RFC 5246 §7.4.1.2).
pub(super) const MAX_SESSION_ID: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientHello<'a> {
    pub(crate) version: ProtocolVersion,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: &'a [u8],
    pub(crate) cookie: &'a [u8],
    pub(crate) cipher_suites: List<'a, CipherSuite>,
    pub(crate) compression_methods: &'a [u8],
    pub(crate) extensions: ClientExtensions<'a>,
}

/// What we understand of a ClientHello's extensions; others are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientExtensions<'a> {
    pub(crate) supported_versions: Option<List<'a, ProtocolVersion>>,
    pub(crate) supported_groups: Option<List<'a, NamedGroup>>,
    pub(crate) signature_algorithms: Option<List<'a, SignatureScheme>>,
    pub(crate) key_shares: Option<KeyShares<'a>>,
    pub(crate) use_srtp: Option<UseSrtp<'a>>,
    pub(crate) alpn: Option<AlpnOffer<'a>>,
    /// RFC 8446 §4.2.2; not the cookie of DTLS 1.2.
    pub(crate) cookie: Option<&'a [u8]>,
    pub(crate) ec_point_formats: Option<&'a [u8]>,
    pub(crate) renegotiation_info: Option<&'a [u8]>,
    pub(crate) extended_master_secret: bool,
    /// The name of the host (RFC 6066 §3), as its bytes came.
    pub(crate) server_name: Option<&'a [u8]>,
    /// RFC 8449 §4.
    pub(crate) record_size_limit: Option<u16>,
    /// `psk_key_exchange_modes` lists `psk_dhe_ke` (RFC 8446 §4.2.9).
    pub(crate) psk_dhe_ke: bool,
}

/// Received protocols, or names of ours that are to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AlpnOffer<'a> {
    Received(Protocols<'a>),
    Names(&'a [Vec<u8>]),
}

impl<'a> AlpnOffer<'a> {
    pub(crate) fn names(&self) -> Vec<&'a [u8]> {
        match *self {
            Self::Received(protocols) => protocols.iter().collect(),
            Self::Names(names) => names.iter().map(Vec::as_slice).collect(),
        }
    }
}

impl PartialEq for AlpnOffer<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.names() == other.names()
    }
}

impl Eq for AlpnOffer<'_> {}

impl<'a> Wire<'a> for ClientHello<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let version = ProtocolVersion::read(reader)?;
        let random = reader.array()?;
        let session_id = reader.vector::<u8>()?;
        if session_id.len() > MAX_SESSION_ID {
            return Err(DecodeError::OutOfRange);
        }
        let cookie = reader.vector::<u8>()?;
        let cipher_suites = List::read::<u16>(reader)?;
        let compression_methods = reader.vector::<u8>()?;
        if compression_methods.is_empty() {
            return Err(DecodeError::OutOfRange);
        }
        let raw = RawExtensions::read_optional(reader)?;
        let extensions = ClientExtensions::from_raw(raw)?;
        Ok(Self {
            version,
            random,
            session_id,
            cookie,
            cipher_suites,
            compression_methods,
            extensions,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.version.write(writer);
        writer.bytes(&self.random);
        writer.vector::<u8>(self.session_id);
        writer.vector::<u8>(self.cookie);
        self.cipher_suites.write::<u16>(writer);
        writer.vector::<u8>(self.compression_methods);
        writer.nested::<u16>(|writer| self.extensions.write(writer));
    }
}

impl<'a> ClientExtensions<'a> {
    fn from_raw(raw: RawExtensions<'a>) -> Result<Self, DecodeError> {
        let mut extensions = Self::default();
        for (kind, body) in raw.iter() {
            read_body(kind, body, |reader| extensions.take(kind, reader))?;
        }
        Ok(extensions)
    }

    fn take(&mut self, kind: ExtensionType, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        match kind {
            ExtensionType::SUPPORTED_VERSIONS => {
                self.supported_versions = Some(List::read::<u8>(reader)?);
            }
            ExtensionType::SUPPORTED_GROUPS => {
                self.supported_groups = Some(List::read::<u16>(reader)?);
            }
            ExtensionType::SIGNATURE_ALGORITHMS => {
                self.signature_algorithms = Some(List::read::<u16>(reader)?);
            }
            ExtensionType::KEY_SHARE => self.key_shares = Some(KeyShares::read(reader)?),
            ExtensionType::USE_SRTP => self.use_srtp = Some(UseSrtp::read(reader)?),
            ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
                self.alpn = Some(AlpnOffer::Received(Protocols::read(reader)?));
            }
            ExtensionType::COOKIE => self.cookie = Some(nonempty(reader.vector::<u16>()?)?),
            ExtensionType::EC_POINT_FORMATS => {
                self.ec_point_formats = Some(nonempty(reader.vector::<u8>()?)?);
            }
            ExtensionType::RENEGOTIATION_INFO => {
                self.renegotiation_info = Some(reader.vector::<u8>()?);
            }
            ExtensionType::EXTENDED_MASTER_SECRET => self.extended_master_secret = true,
            ExtensionType::PSK_KEY_EXCHANGE_MODES => {
                self.psk_dhe_ke = nonempty(reader.vector::<u8>()?)?.contains(&PSK_DHE_KE);
            }
            ExtensionType::CERTIFICATE_AUTHORITIES => check_authorities(reader)?,
            ExtensionType::SERVER_NAME => self.server_name = read_server_name(reader)?,
            ExtensionType::RECORD_SIZE_LIMIT => self.record_size_limit = Some(u16::read(reader)?),
            // RFC 8446 §4.1.2: unrecognized extensions are ignored.
            _ => drop(reader.rest()),
        }
        Ok(())
    }

    fn write(&self, writer: &mut Writer<'_>) {
        use ExtensionType as E;
        if let Some(name) = self.server_name {
            write_one(writer, E::SERVER_NAME, |w| write_server_name(w, name));
        }
        if let Some(versions) = &self.supported_versions {
            write_one(writer, E::SUPPORTED_VERSIONS, |w| versions.write::<u8>(w));
        }
        if self.extended_master_secret {
            write_one(writer, E::EXTENDED_MASTER_SECRET, |_| {});
        }
        if let Some(info) = self.renegotiation_info {
            write_one(writer, E::RENEGOTIATION_INFO, |w| w.vector::<u8>(info));
        }
        if let Some(groups) = &self.supported_groups {
            write_one(writer, E::SUPPORTED_GROUPS, |w| groups.write::<u16>(w));
        }
        if let Some(formats) = self.ec_point_formats {
            write_one(writer, E::EC_POINT_FORMATS, |w| w.vector::<u8>(formats));
        }
        if let Some(schemes) = &self.signature_algorithms {
            write_one(writer, E::SIGNATURE_ALGORITHMS, |w| schemes.write::<u16>(w));
        }
        if let Some(use_srtp) = &self.use_srtp {
            write_one(writer, E::USE_SRTP, |w| use_srtp.write(w));
        }
        if let Some(alpn) = &self.alpn {
            write_one(writer, E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, |w| {
                Protocols::write_names(w, alpn.names());
            });
        }
        if let Some(limit) = self.record_size_limit {
            write_one(writer, E::RECORD_SIZE_LIMIT, |w| limit.write(w));
        }
        if self.psk_dhe_ke {
            write_one(writer, E::PSK_KEY_EXCHANGE_MODES, |w| {
                w.vector::<u8>(&[PSK_DHE_KE]);
            });
        }
        if let Some(cookie) = self.cookie {
            write_one(writer, E::COOKIE, |w| w.vector::<u16>(cookie));
        }
        if let Some(shares) = &self.key_shares {
            write_one(writer, E::KEY_SHARE, |w| shares.write(w));
        }
    }
}

pub(super) fn nonempty(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    if bytes.is_empty() {
        Err(DecodeError::OutOfRange)
    } else {
        Ok(bytes)
    }
}

/// The first name of a host in a list of names (RFC 6066 §3).
fn read_server_name<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, DecodeError> {
    let mut names = reader.nested::<u16>()?;
    let mut found = None;
    loop {
        let kind = u8::read(&mut names)?;
        let name = nonempty(names.vector::<u16>()?)?;
        found = found.or((kind == HOST_NAME).then_some(name));
        if names.is_empty() {
            return Ok(found);
        }
    }
}

fn write_server_name(writer: &mut Writer<'_>, name: &[u8]) {
    writer.nested::<u16>(|writer| {
        HOST_NAME.write(writer);
        writer.vector::<u16>(name);
    });
}
