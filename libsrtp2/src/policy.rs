//! What a caller asks for: a policy as it was read, with its keys.

use srtp::{
    Cipher, CryptexPolicy, Duplicates, ExtensionIds, Keys, Kind, Lifetime, Protection,
    ReceiverConfig, ReceiverKeys, Repeats, RocRecovery, SenderConfig, SenderKeys, Suite,
};
use zeroize::Zeroizing;

use crate::abi::{
    self, AES_GCM_128, AES_GCM_256, AES_ICM_128, AES_ICM_192, AES_ICM_256, CryptoPolicy, HMAC_SHA1,
    NULL_AUTH, NULL_CIPHER, SERVICE_AUTHENTICATION, SERVICE_CONFIDENTIALITY,
};
use crate::presets::key_len;
use crate::status::Status;

/// The most bytes of a master key with its salt.
pub(crate) const KEY_LEN_MAX: usize = 32 + 14;

/// The replay window of a policy that names none, in packets, and that of SRTCP.
const WINDOW: usize = 128;

/// As many streams as a session can have: libsrtp knows no limit.
const STREAMS_MAX: usize = 1 << 16;

/// Which streams a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// That of one SSRC.
    Specific(u32),
    /// All that have no policy of their own; those that are received, or those that are sent.
    AnyInbound,
    /// See there.
    AnyOutbound,
}

/// A master key with its salt, followed by zeros, and its identifier.
#[derive(Clone)]
pub(crate) struct MasterKey {
    pub(crate) bytes: Zeroizing<[u8; KEY_LEN_MAX]>,
    pub(crate) mki: Box<[u8]>,
}

/// A policy.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) selector: Selector,
    pub(crate) suite: Suite,
    pub(crate) keys: Vec<MasterKey>,
    pub(crate) window: usize,
    pub(crate) repeats: bool,
    /// Header extensions to encrypt (RFC 6904).
    pub(crate) extensions: ExtensionIds,
    /// Whether Cryptex is on (RFC 9335).
    pub(crate) cryptex: bool,
}

impl Selector {
    pub(crate) fn new(ssrc: abi::Ssrc) -> Result<Self, Status> {
        match ssrc.kind {
            abi::SSRC_SPECIFIC => Ok(Self::Specific(ssrc.value)),
            abi::SSRC_ANY_INBOUND => Ok(Self::AnyInbound),
            abi::SSRC_ANY_OUTBOUND => Ok(Self::AnyOutbound),
            _ => Err(Status::BAD_PARAM),
        }
    }
}

/// The window of a policy: 128 where it says 0.
pub(crate) fn window(asked: u64) -> Result<usize, Status> {
    match asked {
        0 => Ok(WINDOW),
        // Beyond 2^15, an index is ambiguous (RFC 3711 §3.3.1).
        64..0x8000 => Ok(asked as usize),
        _ => Err(Status::BAD_PARAM),
    }
}

/// The suite of a policy, and how many bytes of each master key it reads.
pub(crate) fn suite(rtp: &CryptoPolicy, rtcp: &CryptoPolicy) -> Result<(Suite, usize), Status> {
    // Of RTP, AES-GCM encrypts and authenticates always (RFC 7714 §8); HMAC-SHA1 where it is asked to.
    let sealed = rtp.sec_serv & SERVICE_AUTHENTICATION != 0;
    let suite = Suite::new(protection(rtp, sealed)?, protection(rtcp, true)?);
    let read = key_len(rtp.cipher_type).max(key_len(rtcp.cipher_type));
    // libsrtp reads what the longer cipher takes, and wants to be told that so much is there.
    if rtp.cipher_key_len < read && rtcp.cipher_key_len < read {
        return Err(Status::BAD_PARAM);
    }
    // It derives keys with AES-128 where no cipher takes more, and with AES-256 else: for AES-192 too, from
    // a master key that runs into the salt and a salt that runs into zeros. RFC 6188 §3 has AES-192 there;
    // but whoever links to libsrtp talks to libsrtp.
    let told = rtp.cipher_key_len.max(rtcp.cipher_key_len);
    let derivation = if read.max(told) <= 30 { 16 } else { 32 };
    let suite = suite.with_key_len(derivation).ok_or(Status::BAD_PARAM)?;
    Ok((suite, read as usize))
}

/// What is done to packets of one kind, where tags of HMAC-SHA1 are written only if they are asked for.
fn protection(policy: &CryptoPolicy, hmac: bool) -> Result<Protection, Status> {
    let cipher = match policy.cipher_type {
        NULL_CIPHER => Cipher::Null,
        AES_ICM_128 => Cipher::Aes128Cm,
        AES_ICM_192 => Cipher::Aes192Cm,
        AES_ICM_256 => Cipher::Aes256Cm,
        AES_GCM_128 => Cipher::Aes128Gcm,
        AES_GCM_256 => Cipher::Aes256Gcm,
        _ => return Err(Status::FAIL),
    };
    let is_gcm = matches!(cipher, Cipher::Aes128Gcm | Cipher::Aes256Gcm);
    if cipher != Cipher::Null && policy.cipher_key_len != key_len(policy.cipher_type) {
        return Err(Status::BAD_PARAM);
    }
    let tag_len = match policy.auth_type {
        _ if is_gcm => policy.auth_tag_len,
        HMAC_SHA1 if hmac => policy.auth_tag_len,
        HMAC_SHA1 | NULL_AUTH => 0,
        _ => return Err(Status::FAIL),
    };
    let tag_len = usize::try_from(tag_len).map_err(|_| Status::BAD_PARAM)?;
    let mut protection = Protection::new(cipher, tag_len).ok_or(Status::BAD_PARAM)?;
    if policy.auth_type == HMAC_SHA1 && !is_gcm {
        let auth_key_len = usize::try_from(policy.auth_key_len).map_err(|_| Status::BAD_PARAM)?;
        protection = protection
            .with_auth_key_len(auth_key_len)
            .ok_or(Status::BAD_PARAM)?;
    }
    if policy.sec_serv & SERVICE_CONFIDENTIALITY == 0 {
        return Ok(protection.without_encryption());
    }
    Ok(protection)
}

impl Policy {
    /// Whether RTP goes through AES-GCM.
    pub(crate) fn is_gcm(&self) -> bool {
        is_gcm(self.suite.rtp())
    }

    /// Whether a set E flag says that a packet can't be opened under this policy.
    pub(crate) fn refuses_encrypted_rtcp(&self) -> bool {
        let rtcp = self.suite.rtcp();
        !is_gcm(rtcp) && !rtcp.encrypts()
    }

    /// Whether the keys have identifiers.
    pub(crate) fn has_mki(&self) -> bool {
        self.keys.iter().any(|key| !key.mki.is_empty())
    }

    /// Whether an identifier of a key stands where a packet would have one.
    pub(crate) fn names_a_key(&self, kind: Kind, packet: &[u8]) -> bool {
        let protection = match kind {
            Kind::Rtp => self.suite.rtp(),
            Kind::Rtcp => self.suite.rtcp(),
        };
        // RFC 7714 §8.2: behind the tag, and in front of it else (RFC 3711 §3.1).
        let behind = if is_gcm(protection) {
            0
        } else {
            protection.tag_len()
        };
        let end = packet.len().saturating_sub(behind);
        let mut keys = self.keys.iter().filter(|key| !key.mki.is_empty());
        keys.any(|key| packet[..end].ends_with(&key.mki))
    }

    /// Whether headers can be encrypted: where the payload is.
    pub(crate) fn encrypts_rtp(&self) -> bool {
        self.suite.rtp().encrypts() || self.is_gcm()
    }

    pub(crate) fn sender_keys(&self) -> Result<Vec<SenderKeys>, Status> {
        self.keys.iter().map(|key| self.make(key)).collect()
    }

    pub(crate) fn receiver_keys(&self) -> Result<Vec<ReceiverKeys>, Status> {
        self.keys.iter().map(|key| self.make(key)).collect()
    }

    fn make<D>(&self, master: &MasterKey) -> Result<Keys<D>, Status> {
        let (key, behind) = master.bytes.split_at(self.suite.key_len());
        let salt = behind
            .get(..self.suite.salt_len())
            .ok_or(Status::BAD_PARAM)?;
        let keys = Keys::for_suite(self.suite, key, salt).map_err(|_| Status::BAD_PARAM)?;
        let keys = keys
            .with_lifetime(Lifetime::RFC3711)
            .map_err(|_| Status::FAIL)?;
        if master.mki.is_empty() {
            return Ok(keys);
        }
        keys.with_mki(&master.mki).map_err(|_| Status::BAD_PARAM)
    }

    pub(crate) fn sender_config(&self) -> SenderConfig {
        SenderConfig {
            cryptex: self.cryptex && self.encrypts_rtp(),
            encrypted_extensions: self.header_extensions(),
            // Whoever fills in such a policy has asked for it.
            allow_null_cipher: true,
            allow_weak_tags: true,
            window: self.window,
            max_streams: STREAMS_MAX,
            max_retired_streams: STREAMS_MAX,
            repeats: if self.repeats {
                Repeats::Same
            } else {
                Repeats::Refuse
            },
            // Where libsrtp starts, and its reference packets.
            first_rtcp_index: 1,
            ..SenderConfig::default()
        }
    }

    pub(crate) fn receiver_config(&self) -> ReceiverConfig {
        ReceiverConfig {
            cryptex: if self.cryptex && self.encrypts_rtp() {
                CryptexPolicy::Accept
            } else {
                CryptexPolicy::Off
            },
            encrypted_extensions: self.header_extensions(),
            require_encrypted_rtcp: self.suite.rtcp().encrypts(),
            allow_null_cipher: true,
            allow_weak_tags: true,
            rtp_window: self.window,
            rtcp_window: WINDOW,
            duplicates: Duplicates::Drop,
            // libsrtp does not guess: callers tell a ROC by `srtp_set_stream_roc`.
            roc_recovery: RocRecovery::Never,
            max_streams: STREAMS_MAX,
            max_retired_streams: STREAMS_MAX,
            ..ReceiverConfig::default()
        }
    }

    fn header_extensions(&self) -> ExtensionIds {
        if self.encrypts_rtp() {
            self.extensions
        } else {
            ExtensionIds::NONE
        }
    }
}

fn is_gcm(protection: Protection) -> bool {
    matches!(protection.cipher(), Cipher::Aes128Gcm | Cipher::Aes256Gcm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_libsrtp() {
        for (asked, window_size) in [(0, 128), (64, 64), (1024, 1024), (0x7fff, 0x7fff)] {
            assert_eq!(window(asked), Ok(window_size));
        }
        for asked in [1, 63, 0x8000, u64::MAX] {
            assert_eq!(window(asked), Err(Status::BAD_PARAM));
        }
    }

    /// So many bytes of the caller's key are read, and no more.
    #[test]
    fn as_many_bytes_of_the_key_are_read_as_the_longer_cipher_takes() {
        let long = CryptoPolicy::hmac(AES_ICM_256, 10);
        let short = CryptoPolicy::hmac(AES_ICM_128, 10);
        let null = CryptoPolicy::hmac(NULL_CIPHER, 10);
        let gcm = CryptoPolicy::gcm(AES_GCM_128, 16, 3);
        for (rtp, rtcp, read, derivation) in [
            (long, short, 46, 32),
            (short, long, 46, 32),
            (short, null, 30, 16),
            (gcm, gcm, 28, 16),
            (gcm, short, 30, 16),
            (CryptoPolicy::hmac(AES_ICM_192, 4), short, 38, 32),
        ] {
            let (suite, bytes) = suite(&rtp, &rtcp).expect("a policy of libsrtp's");
            assert_eq!((bytes, suite.key_len()), (read, derivation));
        }
    }

    #[test]
    fn policies_that_libsrtp_refuses_are_refused() {
        let good = CryptoPolicy::hmac(AES_ICM_128, 10);
        let refused = |change: fn(&mut CryptoPolicy)| {
            let mut policy = good;
            change(&mut policy);
            suite(&policy, &good).err()
        };
        assert_eq!(refused(|p| p.cipher_type = 99), Some(Status::FAIL));
        assert_eq!(refused(|p| p.auth_type = 99), Some(Status::FAIL));
        assert_eq!(refused(|p| p.cipher_key_len = 29), Some(Status::BAD_PARAM));
        assert_eq!(refused(|p| p.auth_key_len = 21), Some(Status::BAD_PARAM));
        assert_eq!(refused(|p| p.auth_tag_len = 21), Some(Status::BAD_PARAM));
        assert_eq!(refused(|p| p.auth_tag_len = -1), Some(Status::BAD_PARAM));
        let gcm = CryptoPolicy::gcm(AES_GCM_256, 12, 3);
        assert_eq!(suite(&gcm, &gcm).err(), Some(Status::BAD_PARAM));
    }
}
