//! The policies that libsrtp has functions for.

use std::ffi::{c_int, c_uint};

use crate::abi::{
    AES_GCM_128, AES_GCM_256, AES_ICM_128, AES_ICM_192, AES_ICM_256, CryptoPolicy, HMAC_SHA1,
    NULL_AUTH, NULL_CIPHER, SERVICE_AUTHENTICATION, SERVICE_CONFIDENTIALITY, SERVICE_NONE,
};

const BOTH: c_uint = SERVICE_CONFIDENTIALITY | SERVICE_AUTHENTICATION;

impl CryptoPolicy {
    /// A cipher and HMAC-SHA1 with tags of `tag_len` bytes; 0 for none.
    pub(crate) const fn hmac(cipher_type: u32, tag_len: c_int) -> Self {
        let authentic = tag_len > 0;
        let services = match (cipher_type, authentic) {
            (NULL_CIPHER, false) => SERVICE_NONE,
            (NULL_CIPHER, true) => SERVICE_AUTHENTICATION,
            (_, false) => SERVICE_CONFIDENTIALITY,
            (_, true) => BOTH,
        };
        Self {
            cipher_type,
            cipher_key_len: key_len(cipher_type),
            auth_type: if authentic { HMAC_SHA1 } else { NULL_AUTH },
            auth_key_len: if authentic { 20 } else { 0 },
            auth_tag_len: tag_len,
            sec_serv: services,
        }
    }

    /// AES-GCM.
    pub(crate) const fn gcm(cipher_type: u32, tag_len: c_int, services: c_uint) -> Self {
        Self {
            cipher_type,
            cipher_key_len: key_len(cipher_type),
            auth_type: NULL_AUTH,
            auth_key_len: 0,
            auth_tag_len: tag_len,
            sec_serv: services,
        }
    }

    /// What a profile of DTLS-SRTP means for RTP, by its IANA number; `None` for those that libsrtp does
    /// not take either.
    pub(crate) const fn of_profile_for_rtp(profile: c_uint) -> Option<Self> {
        Some(match profile {
            1 => Self::hmac(AES_ICM_128, 10),
            2 => Self::hmac(AES_ICM_128, 4),
            5 => Self::hmac(NULL_CIPHER, 10),
            7 => Self::gcm(AES_GCM_128, 16, BOTH),
            8 => Self::gcm(AES_GCM_256, 16, BOTH),
            _ => return None,
        })
    }

    /// The same for RTCP, whose tags are long always (RFC 5764 §4.1.2).
    pub(crate) const fn of_profile_for_rtcp(profile: c_uint) -> Option<Self> {
        match profile {
            2 => Self::of_profile_for_rtp(1),
            _ => Self::of_profile_for_rtp(profile),
        }
    }
}

/// Length of the key and salt that a cipher takes, in bytes.
pub(crate) const fn key_len(cipher_type: u32) -> c_int {
    match cipher_type {
        AES_ICM_192 => 24 + 14,
        AES_ICM_256 => 32 + 14,
        AES_GCM_128 => 16 + 12,
        AES_GCM_256 => 32 + 12,
        _ => 16 + 14,
    }
}
