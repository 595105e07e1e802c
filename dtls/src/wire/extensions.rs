//! What client's and server's extensions have in common: the list of them, and the structured ones.

use super::reader::{DecodeError, Reader, Wire};
use super::{ExtensionType, List, NamedGroup, SrtpProfile, Writer};

/// A list of extensions, without its length: each well delimited, none twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawExtensions<'a> {
    bytes: &'a [u8],
}

impl<'a> RawExtensions<'a> {
    /// Reads the list with its length.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let bytes = reader.vector::<u16>()?;
        let mut types = Vec::new();
        let mut entries = Reader::new(bytes);
        while !entries.is_empty() {
            types.push(ExtensionType::read(&mut entries)?);
            entries.vector::<u16>()?;
        }
        // RFC 8446 §4.2: there must not be more than one extension of a type. Sorting keeps the
        // cost of the check bearable for a list of 2^14 empty extensions.
        types.sort_unstable();
        match types.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(DecodeError::DuplicateExtension(pair[0])),
            None => Ok(Self { bytes }),
        }
    }

    /// Reads the list of a hello: in DTLS 1.2 it may be missing altogether.
    pub(crate) fn read_optional(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if reader.is_empty() {
            Ok(Self { bytes: &[] })
        } else {
            Self::read(reader)
        }
    }

    /// Type and body of each extension, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || {
            let kind = ExtensionType::read(&mut reader).ok()?;
            Some((kind, reader.vector::<u16>().ok()?))
        })
    }

    /// The types of the extensions, in their order.
    pub(crate) fn types(&self) -> impl Iterator<Item = ExtensionType> + use<'a> {
        self.iter().map(|(kind, _)| kind)
    }
}

/// Reads the whole body of an extension with `read`; an error names the extension.
pub(super) fn read_body<'a, T>(
    kind: ExtensionType,
    body: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(body);
    let value = read(&mut reader).map_err(|_| DecodeError::MalformedExtension(kind))?;
    reader
        .finish()
        .map_err(|_| DecodeError::MalformedExtension(kind))?;
    Ok(value)
}

/// Writes one extension.
pub(super) fn write_one(
    writer: &mut Writer<'_>,
    kind: ExtensionType,
    body: impl FnOnce(&mut Writer<'_>),
) {
    kind.write(writer);
    writer.nested::<u16>(body);
}

/// A public key or ciphertext for a group (RFC 8446 §4.2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyShareEntry<'a> {
    pub(crate) group: NamedGroup,
    pub(crate) key_exchange: &'a [u8],
}

impl<'a> Wire<'a> for KeyShareEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let group = NamedGroup::read(reader)?;
        let key_exchange = reader.vector::<u16>()?;
        if key_exchange.is_empty() {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self {
            group,
            key_exchange,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.group.write(writer);
        writer.vector::<u16>(self.key_exchange);
    }
}

/// The shares of a ClientHello; none is an invitation to a HelloRetryRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyShares<'a> {
    /// No share at all.
    None,
    /// At least one.
    Some(List<'a, KeyShareEntry<'a>>),
}

impl<'a> KeyShares<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = KeyShareEntry<'a>> + use<'a> {
        let list = match *self {
            Self::None => List::Wire(&[]),
            Self::Some(list) => list,
        };
        list.iter()
    }
}

impl<'a> Wire<'a> for KeyShares<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if reader.remaining() == [0, 0] {
            reader.rest();
            return Ok(Self::None);
        }
        List::read::<u16>(reader).map(Self::Some)
    }

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Self::None => 0_u16.write(writer),
            Self::Some(list) => list.write::<u16>(writer),
        }
    }
}

/// `use_srtp` (RFC 5764 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UseSrtp<'a> {
    pub(crate) profiles: List<'a, SrtpProfile>,
    pub(crate) mki: &'a [u8],
}

impl<'a> Wire<'a> for UseSrtp<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            profiles: List::read::<u16>(reader)?,
            mki: reader.vector::<u8>()?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.profiles.write::<u16>(writer);
        writer.vector::<u8>(self.mki);
    }
}

/// The protocols of ALPN (RFC 7301 §3.1), at least one, none empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protocols<'a> {
    bytes: &'a [u8],
}

impl<'a> Protocols<'a> {
    /// The names in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || reader.vector::<u8>().ok())
    }

    /// Writes an extension body that lists `names`.
    pub(crate) fn write_names<'n>(
        writer: &mut Writer<'_>,
        names: impl IntoIterator<Item = &'n [u8]>,
    ) {
        writer.nested::<u16>(|writer| {
            for name in names {
                writer.vector::<u8>(name);
            }
        });
    }
}

impl<'a> Wire<'a> for Protocols<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let bytes = reader.vector::<u16>()?;
        let mut names = Reader::new(bytes);
        loop {
            if names.vector::<u8>()?.is_empty() {
                return Err(DecodeError::OutOfRange);
            }
            if names.is_empty() {
                return Ok(Self { bytes });
            }
        }
    }

    fn write(&self, writer: &mut Writer<'_>) {
        Self::write_names(writer, self.iter());
    }
}

/// Checks a `certificate_authorities` body: at least one name, none empty (RFC 8446 §4.2.4).
pub(super) fn check_authorities(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let mut names = reader.nested::<u16>()?;
    loop {
        if names.vector::<u16>()?.is_empty() {
            return Err(DecodeError::OutOfRange);
        }
        if names.is_empty() {
            return Ok(());
        }
    }
}
