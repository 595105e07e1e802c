//! `rtc-srtp` of webrtc-rs, on AWS-LC, the faster of its providers.

use rtc_srtp::context::Context;
use rtc_srtp::crypto::providers::AwsLcRsCrypto;
use rtc_srtp::option::srtp_replay_protection;
use rtc_srtp::protection_profile::ProtectionProfile;
use srtp::Profile;

use crate::peer::{Mode, Packet, Peer, SESSIONS, Sessions, master};

pub(crate) struct Library;

impl Peer for Library {
    fn name(&self) -> &str {
        "rtc-srtp"
    }

    fn version(&self) -> String {
        "0.21, aws-lc-rs".to_owned()
    }

    fn sessions(&self, profile: Profile) -> Option<Box<dyn Sessions>> {
        let theirs = match profile {
            Profile::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            Profile::Aes128CmSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
            Profile::Aes256CmSha1_80 => ProtectionProfile::Aes256CmHmacSha1_80,
            Profile::Aes256CmSha1_32 => ProtectionProfile::Aes256CmHmacSha1_32,
            Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            Profile::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
            _ => return None,
        };
        let contexts = || -> Vec<Context> {
            let context = |session| {
                let (key, salt) = master(profile, session);
                Context::new(
                    &key,
                    &salt,
                    theirs,
                    Some(srtp_replay_protection(1024)),
                    None,
                    &AwsLcRsCrypto,
                )
            };
            (0..SESSIONS)
                .map(|session| context(session).expect("lengths of the profile"))
                .collect()
        };
        Some(Box::new(Contexts {
            out: contexts(),
            back: contexts(),
            results: Vec::new(),
        }))
    }
}

struct Contexts {
    out: Vec<Context>,
    back: Vec<Context>,
    results: Vec<bytes::BytesMut>,
}

impl Sessions for Contexts {
    fn protect(&mut self, _: Mode, packets: &mut [Packet]) {
        for (context, packet) in self.out.iter_mut().zip(packets) {
            self.results
                .push(context.encrypt_rtp(packet.bytes()).expect("a valid packet"));
        }
    }

    fn unprotect(&mut self, _: Mode, packets: &mut [Packet]) {
        for (context, packet) in self.back.iter_mut().zip(packets) {
            self.results.push(
                context
                    .decrypt_rtp(packet.bytes())
                    .expect("an authentic packet"),
            );
        }
    }

    fn settle(&mut self, packets: &mut [Packet]) {
        for (packet, result) in packets.iter_mut().zip(self.results.drain(..)) {
            packet.replace(&result);
        }
    }
}
