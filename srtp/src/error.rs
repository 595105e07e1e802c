//! Why packets are refused.

use crate::header::HeaderError;

/// Why a packet was not protected. Nothing but that packet is concerned; unless the reason says
/// something else, it is left as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectError {
    /// The packet is longer than its buffer.
    #[error("the packet is longer than its buffer")]
    LengthBeyondBuffer,
    /// The packet ends before its header.
    #[error("the packet ends before its header")]
    Truncated,
    /// The RTP version is not 2.
    #[error("the RTP version is not 2")]
    Version,
    /// The packet is longer than [`PACKET_MAX`](crate::PACKET_MAX): its key stream would repeat
    /// (RFC 3711 §4.1.1).
    #[error("the packet is too long")]
    TooLong,
    /// The buffer has no room for what protection adds; it needs this many bytes in all.
    #[error("the buffer is too small: {0} bytes are needed")]
    BufferTooSmall(usize),
    /// This sequence number has been sent: sealing another packet under it would repeat a nonce
    /// (RFC 3711 §9.1).
    #[error("the sequence number has been sent")]
    IndexUsed,
    /// The sequence number is so far behind that it is unknown whether it has been sent.
    #[error("the sequence number is too far behind")]
    IndexTooOld,
    /// The stream has reached the last index: 2^48 - 1 for SRTP, 2^31 - 1 for SRTCP.
    #[error("the stream has reached its last index")]
    IndexExhausted,
    /// The master key has protected as many packets as it may (RFC 3711 §9.2).
    #[error("the master key has reached its lifetime")]
    KeyExhausted,
    /// More SSRCs than the configuration allows.
    #[error("too many SSRCs")]
    TooManyStreams,
    /// Cryptex was asked for, but the header extension does not have a form of RFC 8285.
    #[error("the header extension is not one of RFC 8285")]
    ExtensionNotEncryptable,
    /// The header extension bears the mark of Cryptex (RFC 9335 §5.1), and the packet does not go
    /// out with it: a receiver would decrypt what was not encrypted.
    #[error("the header extension bears the mark of Cryptex")]
    ReservedExtension,
    /// An extension that is to be encrypted (RFC 6904) runs past the end of its block.
    #[error("the header extension is malformed")]
    ExtensionMalformed,
    /// The batch names a sender that was not passed.
    #[error("the batch names an unknown sender")]
    UnknownSender,
    /// A panic broke the batch off before this packet was sealed. Its index is used up, and its
    /// buffer is wiped, since nobody can tell how much of it was still in the clear.
    #[error("the batch broke off")]
    BrokenOff,
}

/// Why a packet was not unprotected: it is to be dropped.
///
/// Nothing but that packet is concerned, and its buffer holds no plaintext: it is left as it came,
/// or wiped behind its fixed header. Unless the reason says that the packet is genuine, no state but
/// the counter of this reason has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum UnprotectError {
    /// The packet ends before its header, tag or index does.
    #[error("the packet is too short")]
    Truncated,
    /// The RTP version is not 2.
    #[error("the RTP version is not 2")]
    Version,
    /// The packet is longer than [`PACKET_MAX`](crate::PACKET_MAX): its key stream would repeat
    /// (RFC 3711 §4.1.1).
    #[error("the packet is too long")]
    TooLong,
    /// No key has the master key identifier of the packet.
    #[error("unknown master key identifier")]
    UnknownMki,
    /// The index has been received.
    #[error("the packet was received before")]
    Replayed,
    /// The index lies below the replay window.
    #[error("the packet is below the replay window")]
    TooOld,
    /// The tag is wrong.
    #[error("the tag is wrong")]
    Forged,
    /// The SRTCP packet says that it is not encrypted (E is 0), which the configuration does not
    /// allow.
    #[error("the SRTCP packet is not encrypted")]
    NotEncrypted,
    /// Cryptex is required, and the packet has CSRCs or a header extension in the clear.
    #[error("CSRCs or header extensions are in the clear")]
    NotCryptex,
    /// The header says that the packet comes with Cryptex, which the configuration does not take
    /// ([`CryptexPolicy::Off`](crate::CryptexPolicy::Off)).
    #[error("Cryptex was not agreed on")]
    UnexpectedCryptex,
    /// The index would be beyond 2^48 - 1.
    #[error("the stream has reached its last index")]
    IndexExhausted,
    /// The master key has opened as many packets as it may (RFC 3711 §9.2).
    #[error("the master key has reached its lifetime")]
    KeyExhausted,
    /// The packet is genuine, but the table has no place for its SSRC.
    #[error("too many SSRCs")]
    TooManyStreams,
    /// The packet is genuine, but its padding is longer than its payload, or empty (RFC 3550 §5.1).
    #[error("the padding does not fit the payload")]
    Padding,
    /// The packet is genuine, but an encrypted extension (RFC 6904) runs past the end of its block.
    #[error("the header extension is malformed")]
    ExtensionMalformed,
    /// The batch names a receiver that was not passed.
    #[error("the batch names an unknown receiver")]
    UnknownReceiver,
    /// A panic broke the batch off before this packet was taken. Its buffer is wiped.
    #[error("the batch broke off")]
    BrokenOff,
}

impl UnprotectError {
    /// Every reason, in the order in which statistics list them.
    pub const ALL: [Self; 17] = [
        Self::Truncated,
        Self::Version,
        Self::TooLong,
        Self::UnknownMki,
        Self::Replayed,
        Self::TooOld,
        Self::Forged,
        Self::NotEncrypted,
        Self::NotCryptex,
        Self::UnexpectedCryptex,
        Self::IndexExhausted,
        Self::KeyExhausted,
        Self::TooManyStreams,
        Self::Padding,
        Self::ExtensionMalformed,
        Self::UnknownReceiver,
        Self::BrokenOff,
    ];

    /// A name for metrics, in snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Version => "version",
            Self::TooLong => "too_long",
            Self::UnknownMki => "unknown_mki",
            Self::Replayed => "replayed",
            Self::TooOld => "too_old",
            Self::Forged => "forged",
            Self::NotEncrypted => "not_encrypted",
            Self::NotCryptex => "not_cryptex",
            Self::UnexpectedCryptex => "unexpected_cryptex",
            Self::IndexExhausted => "index_exhausted",
            Self::KeyExhausted => "key_exhausted",
            Self::TooManyStreams => "too_many_streams",
            Self::Padding => "padding",
            Self::ExtensionMalformed => "extension_malformed",
            Self::UnknownReceiver => "unknown_receiver",
            Self::BrokenOff => "broken_off",
        }
    }
}

/// Why a configuration was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The profile does not encrypt, and the configuration does not say `allow_null_cipher`.
    #[error("a profile without encryption was not allowed")]
    NullCipher,
    /// Cryptex (RFC 9335) and encrypted extensions (RFC 6904) exclude each other.
    #[error("Cryptex and encrypted header extensions exclude each other")]
    CryptexWithEncryptedExtensions,
    /// Cryptex or encrypted extensions with a profile that encrypts nothing.
    #[error("a profile without encryption can't encrypt headers")]
    HeaderEncryptionWithNullCipher,
    /// Tags of the suite are below those of the profiles, and the configuration does not say
    /// `allow_weak_tags`.
    #[error("tags below those of the profiles were not allowed")]
    WeakTags,
    /// A replay window has 64 to 32768 packets.
    #[error("a replay window has 64 to 32768 packets")]
    ReplayWindow,
    /// A context has 1 to 65536 streams.
    #[error("a context has 1 to 65536 streams")]
    MaxStreams,
}

/// Why a further master key was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RekeyError {
    /// The new key is for another profile or suite.
    #[error("the new key is for another profile")]
    Profile,
    /// There is no key.
    #[error("there is no key")]
    NoKey,
    /// The keys of a context either all have a master key identifier or none has, and all are of
    /// one length.
    #[error("master key identifiers of a context are all of one length")]
    Mki,
    /// Another key has this master key identifier.
    #[error("another key has this master key identifier")]
    MkiInUse,
    /// No key has this master key identifier.
    #[error("unknown master key identifier")]
    UnknownMki,
    /// This key was in use before (RFC 3711 §9.2).
    #[error("the master key was in use before")]
    KeyReused,
    /// A context holds at most 16 keys.
    #[error("too many master keys")]
    TooManyKeys,
    /// The key that protects packets can't be removed.
    #[error("the master key is in use")]
    Active,
}

/// Why a context was not configured anew. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ReconfigureError {
    /// The configuration contradicts itself or the suite.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys don't fit each other, or were in use before the present ones.
    #[error(transparent)]
    Keys(#[from] RekeyError),
}

/// Why a counter was not moved: it would step back (RFC 3711 §3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CounterError {
    /// The stream is beyond that already.
    #[error("a counter can't step back")]
    Backwards,
    /// The value is beyond the last index.
    #[error("beyond the last index")]
    OutOfRange,
    /// More SSRCs than the configuration allows.
    #[error("too many SSRCs")]
    TooManyStreams,
}

impl From<HeaderError> for ProtectError {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Truncated => Self::Truncated,
            HeaderError::Version => Self::Version,
        }
    }
}

impl From<HeaderError> for UnprotectError {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Truncated => Self::Truncated,
            HeaderError::Version => Self::Version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dashboards know them by these.
    #[test]
    fn reasons_have_these_names() {
        let names = UnprotectError::ALL.map(UnprotectError::name);
        let expected = [
            "truncated",
            "version",
            "too_long",
            "unknown_mki",
            "replayed",
            "too_old",
            "forged",
            "not_encrypted",
            "not_cryptex",
            "unexpected_cryptex",
            "index_exhausted",
            "key_exhausted",
            "too_many_streams",
            "padding",
            "extension_malformed",
            "unknown_receiver",
            "broken_off",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn every_reason_has_its_place() {
        for (place, reason) in UnprotectError::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{}", reason.name());
        }
    }
}
