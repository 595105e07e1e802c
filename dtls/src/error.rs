//! What ends a connection, and which alert says so to the peer.

use crate::config::ConfigError;
use crate::crypto::CryptoError;
use crate::fingerprint::Fingerprint;
use crate::wire::{
    AlertDescription, CipherSuite, ContentType, DecodeError, ExtensionType, HandshakeType,
    NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile,
};

/// A fatal error: the connection that returned it is dead.
///
/// Each variant names the violation. Noise from the network is never an `Error`; it is counted
/// in [`Statistics`](crate::Statistics). The alert that the peer gets is [`Error::alert`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // ---- Negotiation -------------------------------------------------------------------------
    /// No DTLS version is supported by both sides.
    #[error("no common DTLS version: we support {ours:?}, the peer {theirs:?}")]
    NoCommonVersion {
        /// Versions that our configuration allows.
        ours: Vec<ProtocolVersion>,
        /// Versions that the peer offers.
        theirs: Vec<ProtocolVersion>,
    },
    /// The server chose a version that we did not offer.
    #[error("the server chose version {0:?}, which was not offered")]
    UnofferedVersion(ProtocolVersion),
    /// `selected_version` names something other than DTLS 1.3 (RFC 8446 §4.2.1).
    #[error("supported_versions of the server names {0:?}")]
    IllegalSelectedVersion(ProtocolVersion),
    /// The ServerHello carries the downgrade sentinel (RFC 8446 §4.1.3).
    #[error(
        "the ServerHello bears the downgrade sentinel: someone removed DTLS 1.3 from the offer"
    )]
    DowngradeDetected,
    /// The server sent a HelloVerifyRequest and then chose DTLS 1.3 (RFC 9147 §5.1).
    #[error("a HelloVerifyRequest went before a DTLS 1.3 ServerHello")]
    HelloVerifyRequestInDtls13,
    /// No cipher suite is supported by both sides (and fits our certificate).
    #[error("no common cipher suite: we support {ours:?}, the peer {theirs:?}")]
    NoCommonCipherSuite {
        /// Suites that our configuration and certificate allow.
        ours: Vec<CipherSuite>,
        /// Suites that the peer offers.
        theirs: Vec<CipherSuite>,
    },
    /// The server chose a cipher suite that we did not offer, or one of another version.
    #[error("the server chose {0:?}, which was not offered for this version")]
    UnofferedCipherSuite(CipherSuite),
    /// The cipher suite of the ServerHello is not that of the HelloRetryRequest.
    #[error("the cipher suite changed after the HelloRetryRequest")]
    CipherSuiteChanged,
    /// The version changed after the HelloRetryRequest or in the second ClientHello.
    #[error("the version changed after the HelloRetryRequest")]
    VersionChanged,
    /// No key exchange group is supported by both sides.
    #[error("no common group: we support {ours:?}, the peer {theirs:?}")]
    NoCommonGroup {
        /// Groups that our configuration allows for the version.
        ours: Vec<NamedGroup>,
        /// Groups that the peer offers.
        theirs: Vec<NamedGroup>,
    },
    /// The peer uses a group that was not offered (or not asked for by our HelloRetryRequest).
    #[error("the peer uses group {0:?}, which was not offered")]
    UnofferedGroup(NamedGroup),
    /// No signature scheme that our certificate can make is accepted by the peer.
    #[error("no common signature scheme: we can make {ours:?}, the peer accepts {theirs:?}")]
    NoCommonSignatureScheme {
        /// Schemes our key can make in this version.
        ours: Vec<SignatureScheme>,
        /// Schemes that the peer accepts.
        theirs: Vec<SignatureScheme>,
    },
    /// The peer signed with a scheme that we did not offer, or that its key or version forbids.
    #[error("the peer signed with {0:?}, which was not offered or does not fit its key")]
    WrongSignatureScheme(SignatureScheme),
    /// A `record_size_limit` below 64 (RFC 8449 §4).
    #[error("the peer takes records of {0} bytes only")]
    RecordSizeLimitTooSmall(u16),
    /// Our certificate is of none of the types that the server of DTLS 1.2 takes.
    #[error("no common certificate type: ours is {ours}, the server takes {theirs:?}")]
    NoCommonCertificateType {
        /// ClientCertificateType of our certificate: 1 for RSA, 64 for ECDSA and Ed25519.
        ours: u8,
        /// Those of the server's CertificateRequest.
        theirs: Vec<u8>,
    },
    /// No SRTP profile is supported by both sides, and the configuration demands one.
    #[error("no common SRTP profile: we support {ours:?}, the peer {theirs:?}")]
    NoCommonSrtpProfile {
        /// Profiles that our configuration allows.
        ours: Vec<SrtpProfile>,
        /// Profiles that the peer offers; empty if it does not speak use_srtp.
        theirs: Vec<SrtpProfile>,
    },
    /// The server's use_srtp answer is not exactly one offered profile (RFC 5764 §4.1.1).
    #[error("the server's use_srtp answer {0:?} is not exactly one of the offered profiles")]
    BadSrtpProfileAnswer(Vec<SrtpProfile>),
    /// The server's MKI is neither empty nor the one offered (RFC 5764 §4.1.3).
    #[error("the server's SRTP MKI differs from the one offered")]
    SrtpMkiMismatch,
    /// Both sides use ALPN and have no protocol in common (RFC 7301 §3.2).
    #[error("no common application protocol")]
    NoCommonApplicationProtocol,
    /// The server's ALPN answer is not exactly one of the offered protocols.
    #[error("the server chose an application protocol that was not offered")]
    UnofferedApplicationProtocol,
    /// The peer answered an extension that was not sent.
    #[error("extension {0:?} was not asked for")]
    UnsolicitedExtension(ExtensionType),
    /// An extension that the message needs is not there.
    #[error("extension {0:?} is missing")]
    MissingExtension(ExtensionType),
    /// An extension is in a message where it is forbidden.
    #[error("extension {0:?} is not allowed in this message")]
    MisplacedExtension(ExtensionType),
    /// `legacy_cookie` is not empty in DTLS 1.3 (RFC 9147 §5.3).
    #[error("legacy_cookie is not empty in a DTLS 1.3 ClientHello")]
    NonEmptyLegacyCookie,
    /// The DTLS 1.3 server echoed a session id (RFC 9147 §5).
    #[error("the DTLS 1.3 server sent a legacy_session_id_echo")]
    SessionIdEchoed,
    /// A compression method other than null.
    #[error("a compression method other than null was chosen, or null was not offered")]
    IllegalCompressionMethod,
    /// `ec_point_formats` without the uncompressed form (RFC 8422 §5.1.2).
    #[error("ec_point_formats lacks the uncompressed form")]
    UncompressedPointsRefused,
    /// DTLS 1.2 without the extended master secret (RFC 7627).
    #[error("the peer does not support the extended master secret")]
    ExtendedMasterSecretMissing,
    /// `renegotiation_info` is not empty in an initial handshake (RFC 5746 §3.4).
    #[error("renegotiation_info is not empty in the initial handshake")]
    RenegotiationInfoMismatch,

    // ---- HelloRetryRequest and cookies -------------------------------------------------------
    /// A HelloRetryRequest that would not change the ClientHello (RFC 8446 §4.1.4).
    #[error("the HelloRetryRequest asks for no change")]
    HelloRetryRequestWithoutChange,
    /// A HelloRetryRequest for a group that has a share already (RFC 8446 §4.2.8).
    #[error("the HelloRetryRequest asks for {0:?}, which has a share already")]
    HelloRetryRequestForSharedGroup(NamedGroup),
    /// The second HelloRetryRequest of a connection (RFC 8446 §4.1.4).
    #[error("a second HelloRetryRequest")]
    SecondHelloRetryRequest,
    /// The cookie of the second ClientHello is not ours (RFC 9147 §5.1).
    #[error("the second ClientHello bears another cookie")]
    CookieMismatch,
    /// The second ClientHello differs from the first where it must not (RFC 8446 §4.1.2).
    #[error("the second ClientHello differs from the first")]
    ClientHelloChanged,
    /// Two key shares for a group, or a share for a group that is not in supported_groups.
    #[error("the key shares do not fit supported_groups")]
    InconsistentKeyShares,
    /// A public key or ciphertext that the group's rules forbid.
    #[error("the peer's {0:?} share is invalid")]
    InvalidKeyShare(NamedGroup),

    // ---- Messages ----------------------------------------------------------------------------
    /// A handshake message that the state does not allow.
    #[error("{received:?} came where {expected:?} is due")]
    UnexpectedMessage {
        /// The message that is due, or the last of those that may come.
        expected: HandshakeType,
        /// The message that came.
        received: HandshakeType,
    },
    /// A message whose body does not follow its grammar.
    #[error("malformed {message:?}: {error}")]
    Decode {
        /// The message.
        message: HandshakeType,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// Handshake data beyond a message that changes the keys (RFC 8446 §5.1).
    #[error("handshake data crosses a key change")]
    ExcessHandshakeData,
    /// `certificate_request_context` is not the one that belongs here (RFC 8446 §4.4.2).
    #[error("wrong certificate_request_context")]
    WrongCertificateRequestContext,
    /// Finished does not match the transcript.
    #[error("Finished does not match the transcript")]
    BadFinished,

    // ---- Identity ----------------------------------------------------------------------------
    /// The peer's certificate has none of the expected fingerprints.
    #[error("expected a certificate with fingerprint {expected:?}, got {presented}")]
    FingerprintMismatch {
        /// Fingerprints given for the peer.
        expected: Vec<Fingerprint>,
        /// The fingerprint of the certificate that the peer presented.
        presented: Fingerprint,
    },
    /// The application's verifier refused the certificate, with this alert.
    #[error("the certificate was refused ({0:?})")]
    CertificateRefused(AlertDescription),
    /// The client sent no certificate, and the configuration demands one.
    #[error("the client sent no certificate")]
    ClientCertificateMissing(ProtocolVersion),
    /// The server sent an empty certificate list.
    #[error("the server sent no certificate")]
    ServerCertificateMissing,
    /// The certificate is not DER that we can find a public key in.
    #[error("the certificate can't be parsed")]
    MalformedCertificate,
    /// The certificate's key does not fit the cipher suite, or is of an unknown kind.
    #[error("the certificate's key can't be used here")]
    UnsupportedCertificateKey,
    /// A signature over the handshake does not verify.
    #[error("the handshake signature does not verify")]
    BadSignature,

    // ---- Record and flight layers ------------------------------------------------------------
    /// A record whose content type has no place now.
    #[error("unexpected record of type {0:?}")]
    UnexpectedRecord(ContentType),
    /// ChangeCipherSpec with a body other than one byte 1.
    #[error("malformed ChangeCipherSpec")]
    BadChangeCipherSpec,
    /// A record whose plaintext exceeds 2^14 bytes.
    #[error("a record's plaintext is too long")]
    RecordOverflow,
    /// A handshake record whose fragment headers do not fill it exactly.
    #[error("a handshake record does not hold whole fragments")]
    BadHandshakeRecord,
    /// Two fragments of one message disagree about its type or length.
    #[error("fragments of one message disagree")]
    FragmentMismatch,
    /// A handshake message longer than we accept.
    #[error("a handshake message is too long")]
    ExcessiveMessageSize,
    /// A malformed ACK (RFC 9147 §7).
    #[error("malformed ACK")]
    BadAck,
    /// An ACK for records that it can't acknowledge: of later keys than its own, or of an epoch
    /// that can't be (RFC 9147 §7, erratum 8108).
    #[error("an ACK names records of an impossible epoch")]
    AckEpoch,
    /// An inner plaintext of nothing but padding (RFC 8446 §5.4).
    #[error("a record's inner plaintext has no content type")]
    MissingContentType,
    /// So many forged records that one could slip through (RFC 9147 §4.5.3).
    #[error("too many forged records under one key")]
    ForgeryLimit,
    /// More empty records in a row than we bear.
    #[error("too many empty records")]
    TooManyEmptyRecords,
    /// A malformed alert record.
    #[error("malformed alert")]
    BadAlert,
    /// An alert whose level is neither warning nor fatal.
    #[error("alert of unknown level")]
    UnknownAlertLevel,
    /// More warning alerts in a row than we bear.
    #[error("too many warning alerts")]
    TooManyWarnings,
    /// More KeyUpdates than the epochs or our patience allow (RFC 9147 §8).
    #[error("too many key updates")]
    TooManyKeyUpdates,
    /// The peer ended the connection with a fatal alert.
    #[error("the peer sent a fatal alert: {0:?}")]
    AlertReceived(AlertDescription),
    /// The last retransmission got no answer.
    #[error("no answer to the last retransmission")]
    RetransmissionLimit,
    /// The handshake took longer than the configuration allows.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// The sending keys have protected all that they may, and there are no others
    /// ([`Event::KeysWearOut`](crate::Event::KeysWearOut) went before).
    #[error("the sending keys have protected all that they may")]
    KeyExhausted,
    /// `message_seq` or a record sequence number would overflow.
    #[error("sequence numbers are used up")]
    SequenceExhausted,

    // ---- Ours --------------------------------------------------------------------------------
    /// The configuration can't work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The crypto provider failed.
    #[error("the crypto provider failed: {0}")]
    Crypto(#[from] CryptoError),
    /// The application ended the connection with this alert.
    #[error("the application ended the connection ({0:?})")]
    Aborted(AlertDescription),
    /// The connection was ended before by close or an error.
    #[error("the connection is closed")]
    Closed,
}

impl Error {
    /// The alert for the peer, or `None` where it gets none.
    #[must_use]
    pub fn alert(&self) -> Option<AlertDescription> {
        use AlertDescription as A;
        Some(match self {
            Self::NoCommonVersion { .. }
            | Self::UnofferedVersion(_)
            | Self::HelloVerifyRequestInDtls13 => A::PROTOCOL_VERSION,

            Self::NoCommonCipherSuite { .. }
            | Self::NoCommonGroup { .. }
            | Self::NoCommonSignatureScheme { .. }
            | Self::NoCommonCertificateType { .. }
            | Self::NoCommonSrtpProfile { .. }
            | Self::ExtendedMasterSecretMissing
            | Self::RenegotiationInfoMismatch
            | Self::ClientCertificateMissing(ProtocolVersion::DTLS1_2) => A::HANDSHAKE_FAILURE,

            Self::IllegalSelectedVersion(_)
            | Self::DowngradeDetected
            | Self::UnofferedCipherSuite(_)
            | Self::CipherSuiteChanged
            | Self::VersionChanged
            | Self::UnofferedGroup(_)
            | Self::WrongSignatureScheme(_)
            | Self::BadSrtpProfileAnswer(_)
            | Self::SrtpMkiMismatch
            | Self::RecordSizeLimitTooSmall(_)
            | Self::UnofferedApplicationProtocol
            | Self::MisplacedExtension(_)
            | Self::NonEmptyLegacyCookie
            | Self::SessionIdEchoed
            | Self::IllegalCompressionMethod
            | Self::UncompressedPointsRefused
            | Self::HelloRetryRequestWithoutChange
            | Self::HelloRetryRequestForSharedGroup(_)
            | Self::CookieMismatch
            | Self::ClientHelloChanged
            | Self::InconsistentKeyShares
            | Self::InvalidKeyShare(_)
            | Self::WrongCertificateRequestContext
            | Self::FragmentMismatch
            | Self::ExcessiveMessageSize
            | Self::AckEpoch
            | Self::UnknownAlertLevel => A::ILLEGAL_PARAMETER,

            Self::NoCommonApplicationProtocol => A::NO_APPLICATION_PROTOCOL,
            Self::UnsolicitedExtension(_) => A::UNSUPPORTED_EXTENSION,
            Self::MissingExtension(_) => A::MISSING_EXTENSION,

            Self::SecondHelloRetryRequest
            | Self::UnexpectedMessage { .. }
            | Self::ExcessHandshakeData
            | Self::UnexpectedRecord(_)
            | Self::BadHandshakeRecord
            | Self::MissingContentType
            | Self::TooManyEmptyRecords
            | Self::TooManyWarnings
            | Self::TooManyKeyUpdates => A::UNEXPECTED_MESSAGE,

            Self::Decode { .. }
            | Self::ServerCertificateMissing
            | Self::BadAck
            | Self::BadAlert => A::DECODE_ERROR,
            Self::BadChangeCipherSpec => A::ILLEGAL_PARAMETER,

            Self::BadFinished | Self::BadSignature => A::DECRYPT_ERROR,
            Self::FingerprintMismatch { .. } | Self::MalformedCertificate => A::BAD_CERTIFICATE,
            Self::UnsupportedCertificateKey => A::UNSUPPORTED_CERTIFICATE,
            Self::CertificateRefused(alert) | Self::Aborted(alert) => *alert,
            Self::ClientCertificateMissing(_) => A::CERTIFICATE_REQUIRED,
            Self::RecordOverflow => A::RECORD_OVERFLOW,
            Self::SequenceExhausted | Self::KeyExhausted | Self::ForgeryLimit | Self::Crypto(_) => {
                A::INTERNAL_ERROR
            }

            Self::AlertReceived(_)
            | Self::RetransmissionLimit
            | Self::HandshakeTimeout
            | Self::Config(_)
            | Self::Closed => return None,
        })
    }
}

/// Why keying material can't be exported. The connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The peer's identity is not yet verified, or the connection is dead.
    #[error("the connection is not established")]
    NotConnected,
    /// More than 255 hash lengths, a label over 249 bytes, a context over 65535.
    #[error("label, context or length is out of range")]
    OutOfRange,
}

/// Why application data was not taken. The connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The peer's identity is not yet verified.
    #[error("the connection is not established")]
    NotConnected,
    /// The connection was closed, or died of an error.
    #[error("the connection is closed")]
    Closed,
    /// There is no data: the peer would not hear of an empty record.
    #[error("there is no data to send")]
    Empty,
    /// The data does not fit one record at the present MTU.
    #[error("{length} bytes do not fit in a record of at most {limit}")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes that one record takes.
        limit: usize,
    },
    /// The bounded queue is full: poll for datagrams first.
    #[error("the queue of application data is full")]
    QueueFull,
}
