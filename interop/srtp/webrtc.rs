//! The crate `webrtc-srtp`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use srtp::{Kind, Profile};
use webrtc_srtp::context::Context;
use webrtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use webrtc_srtp::protection_profile::ProtectionProfile;

use crate::peer::{Keying, Peer};

/// A context for each direction.
pub(crate) struct WebrtcSrtp {
    sender: Context,
    receiver: Context,
    profile: Profile,
}

impl WebrtcSrtp {
    pub(crate) fn new(keying: &Keying) -> Self {
        let profile = || match keying.profile {
            Profile::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            Profile::Aes128CmSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
            Profile::Aes256CmSha1_80 => ProtectionProfile::Aes256CmHmacSha1_80,
            Profile::Aes256CmSha1_32 => ProtectionProfile::Aes256CmHmacSha1_32,
            Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            Profile::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
            other => panic!("webrtc-srtp has no {other}"),
        };
        let context = |rtp, rtcp| {
            Context::new(&keying.key, &keying.salt, profile(), rtp, rtcp).expect("lengths fit")
        };
        Self {
            profile: keying.profile,
            sender: context(None, None),
            receiver: context(
                Some(srtp_replay_protection(1024)),
                Some(srtcp_replay_protection(128)),
            ),
        }
    }
}

impl WebrtcSrtp {
    /// Whether the E flag of an SRTCP packet is set. With counter mode, webrtc-srtp 0.17.2 takes packets without it for
    /// authentic before it has looked at their tags; this difference is known, and not compared.
    fn says_encrypted(&self, sealed: &[u8]) -> bool {
        let behind_word = match self.profile {
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => 0,
            profile => profile.rtcp_tag_len(),
        };
        let word = sealed.len().checked_sub(behind_word + 4);
        word.is_some_and(|word| sealed[word] & 0x80 != 0)
    }
}

impl Peer for WebrtcSrtp {
    fn protect(&mut self, kind: Kind, plain: &[u8]) -> Option<Vec<u8>> {
        let sealed = match kind {
            Kind::Rtp => self.sender.encrypt_rtp(plain),
            Kind::Rtcp => self.sender.encrypt_rtcp(plain),
        };
        Some(sealed.ok()?.to_vec())
    }

    fn unprotect(&mut self, kind: Kind, sealed: &[u8]) -> Option<Vec<u8>> {
        if kind == Kind::Rtcp && !self.says_encrypted(sealed) {
            return None;
        }
        let receiver = &mut self.receiver;
        // Its parser of RTP headers panics on some packets that were cut or spoiled; that counts as refused.
        let plain = catch_unwind(AssertUnwindSafe(|| match kind {
            Kind::Rtp => receiver.decrypt_rtp(sealed),
            Kind::Rtcp => receiver.decrypt_rtcp(sealed),
        }));
        Some(plain.ok()?.ok()?.to_vec())
    }
}
