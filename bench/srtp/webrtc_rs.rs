//! webrtc-rs, whose SRTP stands in two crates of one interface.

use srtp::Profile;

use crate::peer::{Mode, Packet, Peer, SESSIONS, Sessions, master};

/// A module with the library of a crate. `$more` are arguments that its contexts need beyond the
/// common ones.
macro_rules! library {
    ($module:ident, $from:ident, $name:literal, $version:literal, $bytes:ty $(, $more:expr)*) => {
        pub(crate) mod $module {
            use $from::context::Context;
            use $from::option::srtp_replay_protection;
            use $from::protection_profile::ProtectionProfile;

            use super::*;

            pub(crate) struct Library;

            impl Peer for Library {
                fn name(&self) -> &str {
                    $name
                }

                fn version(&self) -> String {
                    $version.to_owned()
                }

                fn sessions(&self, profile: Profile) -> Option<Box<dyn Sessions>> {
                    let theirs = theirs(profile)?;
                    let context = |session| {
                        let (key, salt) = master(profile, session);
                        let window = Some(srtp_replay_protection(1024));
                        let context = Context::new(&key, &salt, theirs, window, None $(, $more)*);
                        context.expect("lengths of the profile")
                    };
                    Some(Box::new(Contexts {
                        out: (0..SESSIONS).map(context).collect(),
                        back: (0..SESSIONS).map(context).collect(),
                        results: Vec::new(),
                    }))
                }
            }

            fn theirs(profile: Profile) -> Option<ProtectionProfile> {
                Some(match profile {
                    Profile::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
                    Profile::Aes128CmSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
                    Profile::Aes256CmSha1_80 => ProtectionProfile::Aes256CmHmacSha1_80,
                    Profile::Aes256CmSha1_32 => ProtectionProfile::Aes256CmHmacSha1_32,
                    Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
                    Profile::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
                    _ => return None,
                })
            }

            struct Contexts {
                out: Vec<Context>,
                back: Vec<Context>,
                results: Vec<$bytes>,
            }

            impl Sessions for Contexts {
                fn protect(&mut self, _: Mode, packets: &mut [Packet]) {
                    for (context, packet) in self.out.iter_mut().zip(packets) {
                        let sealed = context.encrypt_rtp(packet.bytes());
                        self.results.push(sealed.expect("a valid packet"));
                    }
                }

                fn unprotect(&mut self, _: Mode, packets: &mut [Packet]) {
                    for (context, packet) in self.back.iter_mut().zip(packets) {
                        let opened = context.decrypt_rtp(packet.bytes());
                        self.results.push(opened.expect("an authentic packet"));
                    }
                }

                fn settle(&mut self, packets: &mut [Packet]) {
                    for (packet, result) in packets.iter_mut().zip(self.results.drain(..)) {
                        packet.replace(&result);
                    }
                }
            }
        }
    };
}

#[cfg(feature = "webrtc-srtp")]
library!(webrtc, webrtc_srtp, "webrtc-srtp", "0.17", bytes::Bytes);

// On AWS-LC, the faster of its providers.
#[cfg(feature = "rtc-srtp")]
library!(
    rtc,
    rtc_srtp,
    "rtc-srtp",
    "0.21, aws-lc-rs",
    bytes::BytesMut,
    &rtc_srtp::crypto::providers::AwsLcRsCrypto
);
