//! A view of a received message.

use super::{
    Attribute, AttributeType, Attributes, Class, ErrorCode, HEADER_LEN, IntegrityKey, MAGIC_COOKIE,
    MessageType, TransactionId, Unverified, address,
    integrity::{INTEGRITY_LEN, fingerprint},
};
use std::{fmt, net::SocketAddr};

/// A well-formed message, borrowed from its datagram.
///
/// Attributes are those that integrity covers: once MESSAGE-INTEGRITY stands in the message, what
/// follows it is not seen (RFC 8489 §14.5), save FINGERPRINT.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    kind: MessageType,
    /// Where MESSAGE-INTEGRITY begins, if it has its proper length.
    integrity: Option<u16>,
    /// Where FINGERPRINT begins: it is the last attribute.
    fingerprint: Option<u16>,
    /// Where the attributes that count end.
    end: u16,
}

impl<'a> Message<'a> {
    /// Reads a datagram that is one whole message.
    ///
    /// # Errors
    ///
    /// When it is no STUN message, or its lengths contradict each other.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let (header, _) = datagram
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(ParseError::TooShort)?;
        let kind = MessageType::from_bits(u16::from_be_bytes([header[0], header[1]]))
            .ok_or(ParseError::TopBits)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[4..8] != MAGIC_COOKIE.to_be_bytes() {
            return Err(ParseError::MagicCookie);
        }
        // RFC 8489 §5: all attributes are padded, so the last two bits of the length are zero.
        if length % 4 != 0 || length > MAX_LENGTH || datagram.len() != HEADER_LEN + length {
            return Err(ParseError::Length);
        }
        let mut message = Self {
            bytes: datagram,
            kind,
            integrity: None,
            fingerprint: None,
            end: (HEADER_LEN + length) as u16,
        };
        message.locate()?;
        Ok(message)
    }

    /// Walks the attributes once: notes where the two that guard the message stand.
    fn locate(&mut self) -> Result<(), ParseError> {
        let mut rest = &self.bytes[HEADER_LEN..];
        let mut sealed = false;
        while !rest.is_empty() {
            let at = (self.bytes.len() - rest.len()) as u16;
            let (attribute, next) = Attribute::split_first(rest).ok_or(ParseError::Attribute)?;
            match attribute.kind {
                AttributeType::MESSAGE_INTEGRITY if !sealed => {
                    if attribute.value.len() != INTEGRITY_LEN {
                        return Err(ParseError::IntegrityLength);
                    }
                    self.integrity = Some(at);
                    self.end = at;
                    sealed = true;
                }
                AttributeType::FINGERPRINT => {
                    // RFC 8489 §14.7: FINGERPRINT is the last attribute.
                    if attribute.value.len() != 4 || !next.is_empty() {
                        return Err(ParseError::Fingerprint);
                    }
                    self.fingerprint = Some(at);
                    self.end = self.end.min(at);
                }
                _ => {}
            }
            rest = next;
        }
        Ok(())
    }

    /// The class and method.
    #[must_use]
    pub const fn kind(&self) -> MessageType {
        self.kind
    }

    /// The class.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.kind.class()
    }

    /// The transaction id.
    #[must_use]
    pub fn transaction_id(&self) -> TransactionId {
        let id = self
            .bytes
            .get(8..HEADER_LEN)
            .and_then(|id| id.try_into().ok());
        TransactionId(id.expect("invariant: parse saw a whole header"))
    }

    /// The attributes that count, in order, without MESSAGE-INTEGRITY and FINGERPRINT.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes(
            self.bytes
                .get(HEADER_LEN..usize::from(self.end))
                .unwrap_or_default(),
        )
    }

    /// The value of the first attribute of this type: later ones do not count (RFC 8489 §14).
    #[must_use]
    pub fn attribute(&self, kind: AttributeType) -> Option<&'a [u8]> {
        self.attributes()
            .find(|attribute| attribute.kind == kind)
            .map(|found| found.value)
    }

    /// USERNAME, if it has at most 512 bytes (RFC 8489 §14.3: fewer than 509 of them are in use).
    #[must_use]
    pub fn username(&self) -> Option<&'a [u8]> {
        self.attribute(AttributeType::USERNAME)
            .filter(|name| name.len() <= MAX_USERNAME)
    }

    /// The ufrag of the receiver in USERNAME, by which a server finds the session of a request.
    #[must_use]
    pub fn receiver_ufrag(&self) -> Option<&'a [u8]> {
        let name = self.username()?;
        let colon = name.iter().position(|&byte| byte == b':')?;
        name.get(..colon)
    }

    /// XOR-MAPPED-ADDRESS.
    #[must_use]
    pub fn xor_mapped_address(&self) -> Option<SocketAddr> {
        let value = self.attribute(AttributeType::XOR_MAPPED_ADDRESS)?;
        address::read_xor(value, self.transaction_id())
    }

    /// ERROR-CODE.
    #[must_use]
    pub fn error_code(&self) -> Option<ErrorCode> {
        ErrorCode::read(self.attribute(AttributeType::ERROR_CODE)?)
    }

    /// Checks MESSAGE-INTEGRITY.
    ///
    /// # Errors
    ///
    /// When it is missing or wrong.
    pub fn verify_integrity(&self, key: &IntegrityKey) -> Result<(), Unverified> {
        let at = usize::from(self.integrity.ok_or(Unverified::Missing)?);
        let (covered, rest) = self.bytes.split_at_checked(at).ok_or(Unverified::Missing)?;
        let tag = rest
            .get(4..)
            .and_then(|value| value.first_chunk())
            .ok_or(Unverified::Missing)?;
        // RFC 8489 §14.5: the length field counts up to the end of MESSAGE-INTEGRITY.
        let length = (at - HEADER_LEN + 4 + INTEGRITY_LEN) as u16;
        if key.verify(covered, length, tag) {
            Ok(())
        } else {
            Err(Unverified::Mismatch)
        }
    }

    /// Checks FINGERPRINT.
    ///
    /// # Errors
    ///
    /// When it is missing or wrong.
    pub fn verify_fingerprint(&self) -> Result<(), Unverified> {
        let at = usize::from(self.fingerprint.ok_or(Unverified::Missing)?);
        let (covered, rest) = self.bytes.split_at_checked(at).ok_or(Unverified::Missing)?;
        let value = rest.get(4..8).ok_or(Unverified::Missing)?;
        if fingerprint(covered).to_be_bytes() == value {
            Ok(())
        } else {
            Err(Unverified::Mismatch)
        }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.attributes().map(|attribute| attribute.kind).collect();
        f.debug_struct("Message")
            .field("kind", &self.kind)
            .field("attributes", &kinds)
            .finish()
    }
}

/// Positions are kept as `u16`: no ICE message comes near, a UDP datagram at 65,507 bytes does.
const MAX_LENGTH: usize = u16::MAX as usize - HEADER_LEN;

/// RFC 8445 allows two ufrags of 256 characters and a colon: 513 bytes; RFC 8489 §14.3 caps the
/// attribute at 508. What ICE needs is let through, what is longer is not.
const MAX_USERNAME: usize = 513;

/// Why a datagram is no STUN message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Shorter than a header.
    #[error("shorter than a STUN header")]
    TooShort,
    /// The two top bits are not zero.
    #[error("the two top bits are not zero")]
    TopBits,
    /// The magic cookie is not there.
    #[error("no magic cookie")]
    MagicCookie,
    /// The length field is no multiple of four, or not the length of what follows the header.
    #[error("the length field is wrong")]
    Length,
    /// An attribute reaches beyond the end of the message.
    #[error("an attribute reaches beyond the end")]
    Attribute,
    /// MESSAGE-INTEGRITY does not have 20 bytes.
    #[error("MESSAGE-INTEGRITY has not 20 bytes")]
    IntegrityLength,
    /// FINGERPRINT does not have 4 bytes, or is not the last attribute.
    #[error("FINGERPRINT has not 4 bytes or is not last")]
    Fingerprint,
}
