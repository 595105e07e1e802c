//! Values that IANA numbers, as open newtypes: an unknown code point is a value like any other.

/// Declares a newtype over an integer with named constants, and a `Debug` that knows their names.
macro_rules! wire_enum {
    (
        $(#[$attribute:meta])*
        $name:ident($int:ty) {
            $($(#[$constant_attribute:meta])* $constant:ident = $value:literal,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(
            /// The number on the wire.
            pub $int,
        );

        #[allow(missing_docs)]
        impl $name {
            $($(#[$constant_attribute])* pub const $constant: Self = Self($value);)*

            /// The name of the constant with this number.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($constant)),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($name), "({:#x})"), self.0),
                }
            }
        }

        impl<'a> $crate::wire::Wire<'a> for $name {
            fn read(
                reader: &mut $crate::wire::Reader<'a>,
            ) -> Result<Self, $crate::wire::DecodeError> {
                <$int as $crate::wire::Wire<'a>>::read(reader).map(Self)
            }

            fn write(&self, writer: &mut $crate::wire::Writer<'_>) {
                self.0.write(writer);
            }
        }
    };
}

wire_enum! {
    /// The content type of a record (RFC 8446 §5.1, RFC 9147 §4).
    ContentType(u8) {
        CHANGE_CIPHER_SPEC = 20,
        ALERT = 21,
        HANDSHAKE = 22,
        APPLICATION_DATA = 23,
        ACK = 26,
    }
}

wire_enum! {
    /// The type of a handshake message (RFC 8446 §4, RFC 5246 §7.4).
    HandshakeType(u8) {
        HELLO_REQUEST = 0,
        CLIENT_HELLO = 1,
        SERVER_HELLO = 2,
        HELLO_VERIFY_REQUEST = 3,
        NEW_SESSION_TICKET = 4,
        ENCRYPTED_EXTENSIONS = 8,
        CERTIFICATE = 11,
        SERVER_KEY_EXCHANGE = 12,
        CERTIFICATE_REQUEST = 13,
        SERVER_HELLO_DONE = 14,
        CERTIFICATE_VERIFY = 15,
        CLIENT_KEY_EXCHANGE = 16,
        FINISHED = 20,
        KEY_UPDATE = 24,
        MESSAGE_HASH = 254,
    }
}

wire_enum! {
    /// A protocol version on the wire; the newer a DTLS version, the smaller its number.
    ProtocolVersion(u16) {
        DTLS1_0 = 0xfeff,
        DTLS1_2 = 0xfefd,
        DTLS1_3 = 0xfefc,
    }
}

wire_enum! {
    /// A cipher suite. The names are IANA's.
    CipherSuite(u16) {
        TLS_AES_128_GCM_SHA256 = 0x1301,
        TLS_AES_256_GCM_SHA384 = 0x1302,
        TLS_CHACHA20_POLY1305_SHA256 = 0x1303,
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b,
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c,
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f,
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030,
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8,
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9,
        /// RFC 5746 §3.3: stands for an empty `renegotiation_info`.
        TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff,
    }
}

wire_enum! {
    /// A key exchange group (RFC 8446 §4.2.7).
    #[allow(non_upper_case_globals)]
    NamedGroup(u16) {
        SECP256R1 = 23,
        SECP384R1 = 24,
        X25519 = 29,
        X25519MLKEM768 = 0x11ec,
    }
}

wire_enum! {
    /// A signature scheme (RFC 8446 §4.2.3). In DTLS 1.2 the same numbers are pairs of hash and
    /// signature algorithm.
    SignatureScheme(u16) {
        RSA_PKCS1_SHA1 = 0x0201,
        ECDSA_SHA1 = 0x0203,
        RSA_PKCS1_SHA256 = 0x0401,
        RSA_PKCS1_SHA384 = 0x0501,
        RSA_PKCS1_SHA512 = 0x0601,
        ECDSA_SECP256R1_SHA256 = 0x0403,
        ECDSA_SECP384R1_SHA384 = 0x0503,
        ECDSA_SECP521R1_SHA512 = 0x0603,
        RSA_PSS_RSAE_SHA256 = 0x0804,
        RSA_PSS_RSAE_SHA384 = 0x0805,
        RSA_PSS_RSAE_SHA512 = 0x0806,
        ED25519 = 0x0807,
    }
}

wire_enum! {
    /// An SRTP protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2, RFC 6188 in `srtp` only by raw
    /// keys).
    SrtpProfile(u16) {
        AES128_CM_HMAC_SHA1_80 = 0x0001,
        AES128_CM_HMAC_SHA1_32 = 0x0002,
        NULL_HMAC_SHA1_80 = 0x0005,
        NULL_HMAC_SHA1_32 = 0x0006,
        AEAD_AES_128_GCM = 0x0007,
        AEAD_AES_256_GCM = 0x0008,
    }
}

impl SrtpProfile {
    /// The length of a master key in bytes, for the profiles known here.
    #[must_use]
    pub const fn key_len(self) -> Option<usize> {
        match self {
            Self::AES128_CM_HMAC_SHA1_80
            | Self::AES128_CM_HMAC_SHA1_32
            | Self::NULL_HMAC_SHA1_80
            | Self::NULL_HMAC_SHA1_32
            | Self::AEAD_AES_128_GCM => Some(16),
            Self::AEAD_AES_256_GCM => Some(32),
            _ => None,
        }
    }

    /// The length of a master salt in bytes, for the profiles known here.
    #[must_use]
    pub const fn salt_len(self) -> Option<usize> {
        match self {
            Self::AES128_CM_HMAC_SHA1_80
            | Self::AES128_CM_HMAC_SHA1_32
            | Self::NULL_HMAC_SHA1_80
            | Self::NULL_HMAC_SHA1_32 => Some(14),
            Self::AEAD_AES_128_GCM | Self::AEAD_AES_256_GCM => Some(12),
            _ => None,
        }
    }
}

wire_enum! {
    /// The reason that an alert gives (RFC 8446 §6, RFC 5246 §7.2).
    AlertDescription(u8) {
        CLOSE_NOTIFY = 0,
        UNEXPECTED_MESSAGE = 10,
        BAD_RECORD_MAC = 20,
        RECORD_OVERFLOW = 22,
        DECOMPRESSION_FAILURE = 30,
        HANDSHAKE_FAILURE = 40,
        BAD_CERTIFICATE = 42,
        UNSUPPORTED_CERTIFICATE = 43,
        CERTIFICATE_REVOKED = 44,
        CERTIFICATE_EXPIRED = 45,
        UNKNOWN_CERTIFICATE = 46,
        ILLEGAL_PARAMETER = 47,
        UNKNOWN_CA = 48,
        ACCESS_DENIED = 49,
        DECODE_ERROR = 50,
        DECRYPT_ERROR = 51,
        TOO_MANY_CIDS_REQUESTED = 52,
        PROTOCOL_VERSION = 70,
        INSUFFICIENT_SECURITY = 71,
        INTERNAL_ERROR = 80,
        INAPPROPRIATE_FALLBACK = 86,
        USER_CANCELED = 90,
        NO_RENEGOTIATION = 100,
        MISSING_EXTENSION = 109,
        UNSUPPORTED_EXTENSION = 110,
        UNRECOGNIZED_NAME = 112,
        CERTIFICATE_REQUIRED = 116,
        NO_APPLICATION_PROTOCOL = 120,
    }
}

wire_enum! {
    /// The level of an alert (RFC 5246 §7.2).
    AlertLevel(u8) {
        WARNING = 1,
        FATAL = 2,
    }
}

wire_enum! {
    /// The type of an extension.
    ExtensionType(u16) {
        SERVER_NAME = 0,
        SUPPORTED_GROUPS = 10,
        EC_POINT_FORMATS = 11,
        SIGNATURE_ALGORITHMS = 13,
        USE_SRTP = 14,
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16,
        EXTENDED_MASTER_SECRET = 23,
        RECORD_SIZE_LIMIT = 28,
        SESSION_TICKET = 35,
        PRE_SHARED_KEY = 41,
        EARLY_DATA = 42,
        SUPPORTED_VERSIONS = 43,
        COOKIE = 44,
        PSK_KEY_EXCHANGE_MODES = 45,
        CERTIFICATE_AUTHORITIES = 47,
        SIGNATURE_ALGORITHMS_CERT = 50,
        KEY_SHARE = 51,
        RENEGOTIATION_INFO = 0xff01,
    }
}

wire_enum! {
    /// Whether a KeyUpdate asks for one in return (RFC 8446 §4.6.3).
    KeyUpdateRequest(u8) {
        UPDATE_NOT_REQUESTED = 0,
        UPDATE_REQUESTED = 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_known_values_and_prints_unknown_ones() {
        assert_eq!(
            format!("{:?}", NamedGroup::X25519MLKEM768),
            "X25519MLKEM768"
        );
        assert_eq!(format!("{:?}", CipherSuite(0x1399)), "CipherSuite(0x1399)");
    }

    /// RFC 5764 §4.1.2, RFC 7714 §12.
    #[test]
    fn srtp_profiles_have_their_lengths() {
        let lengths = |profile: SrtpProfile| (profile.key_len(), profile.salt_len());
        assert_eq!(
            lengths(SrtpProfile::AES128_CM_HMAC_SHA1_80),
            (Some(16), Some(14))
        );
        assert_eq!(lengths(SrtpProfile::AEAD_AES_256_GCM), (Some(32), Some(12)));
        assert_eq!(lengths(SrtpProfile(0x4242)), (None, None));
    }
}
