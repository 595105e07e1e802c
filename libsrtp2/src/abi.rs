//! Types and numbers of `srtp.h`, as C lays them out.

use std::ffi::{c_int, c_uint, c_ulong, c_void};

/// `SRTP_NULL_CIPHER`.
pub const NULL_CIPHER: u32 = 0;
/// `SRTP_AES_ICM_128`.
pub const AES_ICM_128: u32 = 1;
/// `SRTP_AES_ICM_192`.
pub const AES_ICM_192: u32 = 4;
/// `SRTP_AES_ICM_256`.
pub const AES_ICM_256: u32 = 5;
/// `SRTP_AES_GCM_128`.
pub const AES_GCM_128: u32 = 6;
/// `SRTP_AES_GCM_256`.
pub const AES_GCM_256: u32 = 7;

/// `SRTP_NULL_AUTH`.
pub const NULL_AUTH: u32 = 0;
/// `SRTP_HMAC_SHA1`.
pub const HMAC_SHA1: u32 = 3;

/// `sec_serv_none`.
pub const SERVICE_NONE: c_uint = 0;
/// `sec_serv_conf`.
pub const SERVICE_CONFIDENTIALITY: c_uint = 1;
/// `sec_serv_auth`.
pub const SERVICE_AUTHENTICATION: c_uint = 2;

/// `ssrc_specific`.
pub const SSRC_SPECIFIC: c_uint = 1;
/// `ssrc_any_inbound`.
pub const SSRC_ANY_INBOUND: c_uint = 2;
/// `ssrc_any_outbound`.
pub const SSRC_ANY_OUTBOUND: c_uint = 3;

/// `event_ssrc_collision`.
pub const EVENT_SSRC_COLLISION: c_uint = 0;
/// `event_key_soft_limit`.
pub const EVENT_KEY_SOFT_LIMIT: c_uint = 1;
/// `event_key_hard_limit`.
pub const EVENT_KEY_HARD_LIMIT: c_uint = 2;
/// `event_packet_index_limit`.
pub const EVENT_PACKET_INDEX_LIMIT: c_uint = 3;

/// `SRTP_MAX_NUM_MASTER_KEYS`.
pub const MASTER_KEYS_MAX: usize = 16;
/// `SRTP_MAX_MKI_LEN`.
pub const MKI_LEN_MAX: usize = 128;

/// `srtp_crypto_policy_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CryptoPolicy {
    /// Which cipher.
    pub cipher_type: u32,
    /// Length of its key and salt in bytes.
    pub cipher_key_len: c_int,
    /// Which authentication.
    pub auth_type: u32,
    /// Length of its key in bytes.
    pub auth_key_len: c_int,
    /// Length of its tag in bytes.
    pub auth_tag_len: c_int,
    /// `srtp_sec_serv_t`.
    pub sec_serv: c_uint,
}

/// `srtp_ssrc_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Ssrc {
    /// `srtp_ssrc_type_t`.
    pub kind: c_uint,
    /// The SSRC, if it is a specific one.
    pub value: c_uint,
}

/// `srtp_master_key_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MasterKey {
    /// Key and salt.
    pub key: *mut u8,
    /// The master key identifier.
    pub mki_id: *mut u8,
    /// Its length in bytes.
    pub mki_size: c_uint,
}

/// `srtp_policy_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Which SSRCs it is for.
    pub ssrc: Ssrc,
    /// What is done to RTP.
    pub rtp: CryptoPolicy,
    /// What is done to RTCP.
    pub rtcp: CryptoPolicy,
    /// The master key and salt, if there is one.
    pub key: *mut u8,
    /// Master keys with identifiers, if `key` is null.
    pub keys: *mut *mut MasterKey,
    /// How many.
    pub num_master_keys: c_ulong,
    /// Null.
    pub deprecated_ekt: *mut c_void,
    /// The replay window in packets; 0 for 128.
    pub window_size: c_ulong,
    /// Whether packets may be sealed again under their sequence number.
    pub allow_repeat_tx: c_int,
    /// Identifiers of the header extensions to encrypt.
    pub enc_xtn_hdr: *mut c_int,
    /// How many.
    pub enc_xtn_hdr_count: c_int,
    /// The next policy of the list.
    pub next: *mut Self,
}

/// `srtp_event_data_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EventData {
    /// The session.
    pub session: *mut c_void,
    /// The SSRC, in host order.
    pub ssrc: u32,
    /// `srtp_event_t`.
    pub event: c_uint,
}

/// `srtp_event_handler_func_t *`.
pub type EventHandler = Option<unsafe extern "C" fn(data: *mut EventData)>;

/// `srtp_log_handler_func_t *`.
pub type LogHandler = Option<
    unsafe extern "C" fn(level: c_uint, message: *const std::ffi::c_char, data: *mut c_void),
>;

#[cfg(all(test, target_pointer_width = "64", not(windows)))]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    /// As compilers lay out libsrtp's header, versions 2.5 to 2.8, on LP64.
    #[test]
    fn layouts_are_those_of_libsrtp() {
        let sizes = [
            size_of::<CryptoPolicy>(),
            size_of::<Ssrc>(),
            size_of::<MasterKey>(),
            size_of::<Policy>(),
            size_of::<EventData>(),
        ];
        assert_eq!(sizes, [24, 8, 24, 128, 16]);
        let policy = [
            offset_of!(Policy, rtp),
            offset_of!(Policy, rtcp),
            offset_of!(Policy, key),
            offset_of!(Policy, keys),
            offset_of!(Policy, num_master_keys),
            offset_of!(Policy, deprecated_ekt),
            offset_of!(Policy, window_size),
            offset_of!(Policy, allow_repeat_tx),
            offset_of!(Policy, enc_xtn_hdr),
            offset_of!(Policy, enc_xtn_hdr_count),
            offset_of!(Policy, next),
        ];
        assert_eq!(policy, [8, 32, 56, 64, 72, 80, 88, 96, 104, 112, 120]);
        assert_eq!(offset_of!(MasterKey, mki_size), 16);
        assert_eq!(offset_of!(EventData, event), 12);
    }
}
