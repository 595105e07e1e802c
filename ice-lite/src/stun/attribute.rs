//! Attributes: type, length, value, padded to four bytes (RFC 8489 §14).

use std::fmt;

/// An attribute type (IANA "STUN Attributes").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

/// Writes the constants and their names from one list.
macro_rules! attribute_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl AttributeType {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The name in the IANA registry, if it is one of the constants here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    Self(_) => None,
                }
            }
        }
    };
}

attribute_types! {
    /// The source address as the server saw it, in clear (RFC 8489 §14.1).
    MAPPED_ADDRESS = 0x0001, "MAPPED-ADDRESS";
    /// `receiver:sender`, the two ufrags (RFC 8489 §14.3, RFC 8445 §7.2.2).
    USERNAME = 0x0006, "USERNAME";
    /// HMAC-SHA1 over all that precedes it (RFC 8489 §14.5).
    MESSAGE_INTEGRITY = 0x0008, "MESSAGE-INTEGRITY";
    /// The error of an error response (RFC 8489 §14.8).
    ERROR_CODE = 0x0009, "ERROR-CODE";
    /// The attribute types that a 420 response complains of (RFC 8489 §14.13).
    UNKNOWN_ATTRIBUTES = 0x000A, "UNKNOWN-ATTRIBUTES";
    /// Long-term credentials, not used by ICE (RFC 8489 §14.9).
    REALM = 0x0014, "REALM";
    /// Long-term credentials, not used by ICE (RFC 8489 §14.10).
    NONCE = 0x0015, "NONCE";
    /// HMAC-SHA256, which ICE does not use (RFC 8489 §14.6).
    MESSAGE_INTEGRITY_SHA256 = 0x001C, "MESSAGE-INTEGRITY-SHA256";
    /// The source address as the server saw it, masked (RFC 8489 §14.2).
    XOR_MAPPED_ADDRESS = 0x0020, "XOR-MAPPED-ADDRESS";
    /// The priority that a peer-reflexive candidate would have (RFC 8445 §16.1).
    PRIORITY = 0x0024, "PRIORITY";
    /// The controlling agent nominates this pair (RFC 8445 §16.1).
    USE_CANDIDATE = 0x0025, "USE-CANDIDATE";
    /// The name of the sender's software (RFC 8489 §14.14).
    SOFTWARE = 0x8022, "SOFTWARE";
    /// Another server to try (RFC 8489 §14.15).
    ALTERNATE_SERVER = 0x8023, "ALTERNATE-SERVER";
    /// CRC-32 of all that precedes it (RFC 8489 §14.7).
    FINGERPRINT = 0x8028, "FINGERPRINT";
    /// The sender is controlled; its tiebreaker (RFC 8445 §16.1).
    ICE_CONTROLLED = 0x8029, "ICE-CONTROLLED";
    /// The sender is controlling; its tiebreaker (RFC 8445 §16.1).
    ICE_CONTROLLING = 0x802A, "ICE-CONTROLLING";
    /// The number of a nomination, the highest one holds (draft-thatcher-ice-renomination).
    NOMINATION = 0xC001, "NOMINATION";
    /// Chromium's network id and cost.
    GOOG_NETWORK_INFO = 0xC057, "GOOG-NETWORK-INFO";
    /// A DTLS datagram within a check (draft-hancke-webrtc-sped).
    DTLS_IN_STUN = 0xC070, "DTLS-IN-STUN";
    /// Acknowledges DTLS datagrams received within checks (draft-hancke-webrtc-sped).
    DTLS_IN_STUN_ACK = 0xC071, "DTLS-IN-STUN-ACK";
}

impl AttributeType {
    /// Whether a receiver that does not know this type must refuse the message (RFC 8489 §14).
    #[must_use]
    pub const fn comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "AttributeType({:#06x})", self.0),
        }
    }
}

/// One attribute of a message, its value without the padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The type.
    pub kind: AttributeType,
    /// The value.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Takes the first attribute off `bytes`; `None` when its header, value or padding is cut off.
    pub(super) fn split_first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[k0, k1, l0, l1], rest) = bytes.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let value = rest.get(..len)?;
        let rest = rest.get(len.next_multiple_of(4)..)?;
        Some((
            Self {
                kind: AttributeType(u16::from_be_bytes([k0, k1])),
                value,
            },
            rest,
        ))
    }
}

/// Iterates over the attributes of a message that was found well-formed.
#[derive(Debug, Clone)]
pub struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (attribute, rest) = Attribute::split_first(self.0)?;
        self.0 = rest;
        Some(attribute)
    }
}
