//! The sessions and packets that the experiments are made on.

use srtp::{
    Profile, Receiver, ReceiverConfig, ReceiverKeys, Sender, SenderConfig, SenderKeys, Tier,
};

/// Length of the RTP headers in bytes.
pub(crate) const HEADER_LEN: usize = 12;

/// The profiles under test: each cipher, each key length, each length of tag.
pub(crate) const PROFILES: [Profile; 5] = [
    Profile::Aes128CmSha1_80,
    Profile::Aes128CmSha1_32,
    Profile::Aes256CmSha1_80,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];

/// A sender on `tier` under a master key, which is cut to the length that the profile wants, and
/// its salt.
pub(crate) fn sender(tier: Tier, profile: Profile, key: &[u8; 32], salt: &[u8; 14]) -> Sender {
    let (key, salt) = (&key[..profile.key_len()], &salt[..profile.salt_len()]);
    let keys = SenderKeys::from_raw(profile, key, salt).expect("lengths of the profile");
    let config = SenderConfig {
        tier,
        ..SenderConfig::default()
    };
    Sender::new(keys, config).expect("a valid configuration")
}

/// The receiver of what that sender sends.
pub(crate) fn receiver(tier: Tier, profile: Profile, key: &[u8; 32], salt: &[u8; 14]) -> Receiver {
    let (key, salt) = (&key[..profile.key_len()], &salt[..profile.salt_len()]);
    let keys = ReceiverKeys::from_raw(profile, key, salt).expect("lengths of the profile");
    let config = ReceiverConfig {
        tier,
        ..ReceiverConfig::default()
    };
    Receiver::new(keys, config).expect("a valid configuration")
}

/// An RTP header, over which a payload stands.
pub(crate) fn write_header(packet: &mut [u8], sequence_number: u16) {
    packet[..HEADER_LEN].copy_from_slice(&[0x80, 96, 0, 0, 0, 0, 0, 0, 0xca, 0xfe, 0, 1]);
    packet[2..4].copy_from_slice(&sequence_number.to_be_bytes());
}
