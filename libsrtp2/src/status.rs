//! What a call answers: `srtp_err_status_t`.

use std::ffi::c_int;

use srtp::{CounterError, ProtectError, ReconfigureError, RekeyError, UnprotectError};

/// `srtp_err_status_t`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Status(pub c_int);

impl Status {
    /// `srtp_err_status_ok`.
    pub const OK: Self = Self(0);
    /// `srtp_err_status_fail`.
    pub const FAIL: Self = Self(1);
    /// `srtp_err_status_bad_param`.
    pub const BAD_PARAM: Self = Self(2);
    /// `srtp_err_status_alloc_fail`.
    pub const ALLOC_FAIL: Self = Self(3);
    /// `srtp_err_status_auth_fail`.
    pub const AUTH_FAIL: Self = Self(7);
    /// `srtp_err_status_cipher_fail`.
    pub const CIPHER_FAIL: Self = Self(8);
    /// `srtp_err_status_replay_fail`.
    pub const REPLAY_FAIL: Self = Self(9);
    /// `srtp_err_status_replay_old`.
    pub const REPLAY_OLD: Self = Self(10);
    /// `srtp_err_status_no_ctx`.
    pub const NO_CTX: Self = Self(13);
    /// `srtp_err_status_cant_check`.
    pub const CANT_CHECK: Self = Self(14);
    /// `srtp_err_status_key_expired`.
    pub const KEY_EXPIRED: Self = Self(15);
    /// `srtp_err_status_parse_err`.
    pub const PARSE_ERR: Self = Self(21);
    /// `srtp_err_status_bad_mki`.
    pub const BAD_MKI: Self = Self(25);
    /// `srtp_err_status_cryptex_err`.
    pub const CRYPTEX_ERR: Self = Self(28);
}

/// The outcome of a call as C reads it.
impl From<Result<(), Self>> for Status {
    fn from(result: Result<(), Self>) -> Self {
        result.err().unwrap_or(Self::OK)
    }
}

impl From<ProtectError> for Status {
    fn from(error: ProtectError) -> Self {
        match error {
            ProtectError::Truncated
            | ProtectError::Version
            | ProtectError::TooLong
            | ProtectError::LengthBeyondBuffer
            | ProtectError::BufferTooSmall(_) => Self::BAD_PARAM,
            ProtectError::IndexUsed => Self::REPLAY_FAIL,
            ProtectError::IndexTooOld => Self::REPLAY_OLD,
            ProtectError::IndexExhausted | ProtectError::KeyExhausted => Self::KEY_EXPIRED,
            ProtectError::TooManyStreams => Self::ALLOC_FAIL,
            ProtectError::ExtensionNotEncryptable | ProtectError::ExtensionMalformed => {
                Self::PARSE_ERR
            }
            ProtectError::ReservedExtension => Self::CRYPTEX_ERR,
            _ => Self::FAIL,
        }
    }
}

impl From<UnprotectError> for Status {
    fn from(error: UnprotectError) -> Self {
        match error {
            UnprotectError::Truncated | UnprotectError::Version | UnprotectError::TooLong => {
                Self::BAD_PARAM
            }
            UnprotectError::UnknownMki => Self::BAD_MKI,
            UnprotectError::Replayed => Self::REPLAY_FAIL,
            UnprotectError::TooOld => Self::REPLAY_OLD,
            UnprotectError::Forged => Self::AUTH_FAIL,
            UnprotectError::NotEncrypted => Self::CANT_CHECK,
            UnprotectError::NotCryptex | UnprotectError::UnexpectedCryptex => Self::CRYPTEX_ERR,
            UnprotectError::IndexExhausted | UnprotectError::KeyExhausted => Self::KEY_EXPIRED,
            UnprotectError::TooManyStreams => Self::ALLOC_FAIL,
            UnprotectError::Padding | UnprotectError::ExtensionMalformed => Self::PARSE_ERR,
            _ => Self::FAIL,
        }
    }
}

impl From<CounterError> for Status {
    fn from(_: CounterError) -> Self {
        Self::BAD_PARAM
    }
}

impl From<ReconfigureError> for Status {
    fn from(error: ReconfigureError) -> Self {
        match error {
            // RFC 3711 §9.2: a key that gave way to another one does not come back.
            ReconfigureError::Keys(RekeyError::KeyReused) => Self::FAIL,
            _ => Self::BAD_PARAM,
        }
    }
}
