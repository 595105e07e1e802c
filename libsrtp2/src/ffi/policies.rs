//! Functions that fill in a `srtp_crypto_policy_t`, and what they are made of.

use std::ffi::c_uint;
use std::ptr;

use super::guard;
use crate::abi::{
    AES_GCM_128, AES_GCM_256, AES_ICM_128, AES_ICM_192, AES_ICM_256, CryptoPolicy, NULL_CIPHER,
    SERVICE_AUTHENTICATION, SERVICE_CONFIDENTIALITY,
};
use crate::status::Status;

const BOTH: c_uint = SERVICE_CONFIDENTIALITY | SERVICE_AUTHENTICATION;

/// # Safety
///
/// `place` is null or the caller's to write.
unsafe fn fill(place: *mut CryptoPolicy, policy: CryptoPolicy) {
    if !place.is_null() {
        // SAFETY: not null; what stood there is plain numbers.
        unsafe { place.write(policy) };
    }
}

/// Defines a function that fills in a policy.
macro_rules! preset {
    ($(#[doc = $doc:literal] $name:ident => $policy:expr;)*) => {
        $(
            #[doc = $doc]
            ///
            /// # Safety
            ///
            /// `policy` is null or the caller's to write.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(policy: *mut CryptoPolicy) {
                // SAFETY: passed on.
                unsafe { fill(policy, $policy) };
            }
        )*
    };
}

preset! {
    #[doc = "`srtp_crypto_policy_set_rtp_default`: AES-128 in counter mode, tags of 80 bits."]
    srtp_crypto_policy_set_rtp_default => CryptoPolicy::hmac(AES_ICM_128, 10);
    #[doc = "`srtp_crypto_policy_set_rtcp_default`: the same."]
    srtp_crypto_policy_set_rtcp_default => CryptoPolicy::hmac(AES_ICM_128, 10);
    #[doc = "`srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32`: AES-128 in counter mode, tags of 32 bits."]
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32 => CryptoPolicy::hmac(AES_ICM_128, 4);
    #[doc = "`srtp_crypto_policy_set_aes_cm_128_null_auth`: AES-128 in counter mode without authentication."]
    srtp_crypto_policy_set_aes_cm_128_null_auth => CryptoPolicy::hmac(AES_ICM_128, 0);
    #[doc = "`srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80`: AES-192 in counter mode, tags of 80 bits."]
    srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80 => CryptoPolicy::hmac(AES_ICM_192, 10);
    #[doc = "`srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32`: AES-192 in counter mode, tags of 32 bits."]
    srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32 => CryptoPolicy::hmac(AES_ICM_192, 4);
    #[doc = "`srtp_crypto_policy_set_aes_cm_192_null_auth`: AES-192 in counter mode without authentication."]
    srtp_crypto_policy_set_aes_cm_192_null_auth => CryptoPolicy::hmac(AES_ICM_192, 0);
    #[doc = "`srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80`: AES-256 in counter mode, tags of 80 bits."]
    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80 => CryptoPolicy::hmac(AES_ICM_256, 10);
    #[doc = "`srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32`: AES-256 in counter mode, tags of 32 bits."]
    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32 => CryptoPolicy::hmac(AES_ICM_256, 4);
    #[doc = "`srtp_crypto_policy_set_aes_cm_256_null_auth`: AES-256 in counter mode without authentication."]
    srtp_crypto_policy_set_aes_cm_256_null_auth => CryptoPolicy::hmac(AES_ICM_256, 0);
    #[doc = "`srtp_crypto_policy_set_null_cipher_hmac_sha1_80`: no encryption, tags of 80 bits."]
    srtp_crypto_policy_set_null_cipher_hmac_sha1_80 => CryptoPolicy::hmac(NULL_CIPHER, 10);
    #[doc = "`srtp_crypto_policy_set_null_cipher_hmac_null`: neither encryption nor authentication."]
    srtp_crypto_policy_set_null_cipher_hmac_null => CryptoPolicy::hmac(NULL_CIPHER, 0);
    #[doc = "`srtp_crypto_policy_set_aes_gcm_128_8_auth`: AES-128-GCM, tags of 64 bits."]
    srtp_crypto_policy_set_aes_gcm_128_8_auth => CryptoPolicy::gcm(AES_GCM_128, 8, BOTH);
    #[doc = "`srtp_crypto_policy_set_aes_gcm_256_8_auth`: AES-256-GCM, tags of 64 bits."]
    srtp_crypto_policy_set_aes_gcm_256_8_auth => CryptoPolicy::gcm(AES_GCM_256, 8, BOTH);
    #[doc = "`srtp_crypto_policy_set_aes_gcm_128_8_only_auth`: the same without encryption of RTCP, AES-128."]
    srtp_crypto_policy_set_aes_gcm_128_8_only_auth => CryptoPolicy::gcm(AES_GCM_128, 8, SERVICE_AUTHENTICATION);
    #[doc = "`srtp_crypto_policy_set_aes_gcm_256_8_only_auth`: the same without encryption of RTCP, AES-256."]
    srtp_crypto_policy_set_aes_gcm_256_8_only_auth => CryptoPolicy::gcm(AES_GCM_256, 8, SERVICE_AUTHENTICATION);
    #[doc = "`srtp_crypto_policy_set_aes_gcm_128_16_auth`: AES-128-GCM (RFC 7714)."]
    srtp_crypto_policy_set_aes_gcm_128_16_auth => CryptoPolicy::gcm(AES_GCM_128, 16, BOTH);
    #[doc = "`srtp_crypto_policy_set_aes_gcm_256_16_auth`: AES-256-GCM (RFC 7714)."]
    srtp_crypto_policy_set_aes_gcm_256_16_auth => CryptoPolicy::gcm(AES_GCM_256, 16, BOTH);
}

/// `srtp_crypto_policy_set_from_profile_for_rtp`: what a profile of DTLS-SRTP means for RTP.
///
/// # Safety
///
/// `policy` is null or the caller's to write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_crypto_policy_set_from_profile_for_rtp(
    policy: *mut CryptoPolicy,
    profile: c_uint,
) -> Status {
    // SAFETY: passed on.
    unsafe { fill_from(policy, CryptoPolicy::of_profile_for_rtp(profile)) }
}

/// `srtp_crypto_policy_set_from_profile_for_rtcp`: the same for RTCP.
///
/// # Safety
///
/// `policy` is null or the caller's to write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_crypto_policy_set_from_profile_for_rtcp(
    policy: *mut CryptoPolicy,
    profile: c_uint,
) -> Status {
    // SAFETY: passed on.
    unsafe { fill_from(policy, CryptoPolicy::of_profile_for_rtcp(profile)) }
}

/// # Safety
///
/// `place` is null or the caller's to write.
unsafe fn fill_from(place: *mut CryptoPolicy, policy: Option<CryptoPolicy>) -> Status {
    guard(|| {
        let policy = policy.ok_or(Status::BAD_PARAM)?;
        if place.is_null() {
            return Err(Status::BAD_PARAM);
        }
        // SAFETY: passed on.
        unsafe { fill(place, policy) };
        Ok(())
    })
}

/// `srtp_profile_get_master_key_length`: length of a profile's master key in bytes; 0 for one that is not
/// taken.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_profile_get_master_key_length(profile: c_uint) -> c_uint {
    match profile {
        1 | 2 | 5 | 7 => 16,
        8 => 32,
        _ => 0,
    }
}

/// `srtp_profile_get_master_salt_length`: length of its master salt in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_profile_get_master_salt_length(profile: c_uint) -> c_uint {
    match profile {
        1 | 2 | 5 => 14,
        7 | 8 => 12,
        _ => 0,
    }
}

/// `srtp_append_salt_to_key`: copies a salt behind a key.
///
/// # Safety
///
/// `key` has room for both, and they don't overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_append_salt_to_key(
    key: *mut u8,
    key_len: c_uint,
    salt: *mut u8,
    salt_len: c_uint,
) {
    if key.is_null() || salt.is_null() {
        return;
    }
    // SAFETY: not null, and as long as the caller says.
    unsafe { ptr::copy_nonoverlapping(salt, key.add(key_len as usize), salt_len as usize) };
}
