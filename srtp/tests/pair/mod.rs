//! A sender and a receiver of one session, and packets for them.

#![allow(dead_code, reason = "each test file uses its part")]

use srtp::{
    MAX_OVERHEAD, Profile, ProtectError, Receiver, ReceiverConfig, ReceiverKeys, Sender,
    SenderConfig, SenderKeys, UnprotectError, Unprotected,
};

/// The profiles that encrypt.
pub(crate) const ENCRYPTING: [Profile; 6] = [
    Profile::Aes128CmSha1_80,
    Profile::Aes128CmSha1_32,
    Profile::Aes256CmSha1_80,
    Profile::Aes256CmSha1_32,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];

/// One profile of each transform.
pub(crate) const TRANSFORMS: [Profile; 3] = [
    Profile::Aes128CmSha1_80,
    Profile::NullSha1_80,
    Profile::AeadAes128Gcm,
];

/// The SSRC of packets that don't say.
pub(crate) const SSRC: u32 = 0xdead_beef;

/// The master key number `key`, for a sender.
pub(crate) fn sender_keys(profile: Profile, key: u8) -> SenderKeys {
    let (master, salt) = master(profile, key);
    SenderKeys::from_raw(profile, &master, &salt).expect("lengths fit")
}

/// The master key number `key`, for a receiver.
pub(crate) fn receiver_keys(profile: Profile, key: u8) -> ReceiverKeys {
    let (master, salt) = master(profile, key);
    ReceiverKeys::from_raw(profile, &master, &salt).expect("lengths fit")
}

/// The bytes of master key and salt number `key`.
pub(crate) fn master(profile: Profile, key: u8) -> (Vec<u8>, Vec<u8>) {
    let master = (0..profile.key_len()).map(|i| key ^ i as u8).collect();
    let salt = (0..profile.salt_len()).map(|i| key ^ 0x80 ^ i as u8);
    (master, salt.collect())
}

/// A sender under master key 0.
pub(crate) fn sender(profile: Profile, config: SenderConfig) -> Sender {
    let config = SenderConfig {
        allow_null_cipher: true,
        ..config
    };
    Sender::new(sender_keys(profile, 0), config).expect("a valid configuration")
}

/// A receiver under master key 0.
pub(crate) fn receiver(profile: Profile, config: ReceiverConfig) -> Receiver {
    let config = ReceiverConfig {
        allow_null_cipher: true,
        ..config
    };
    Receiver::new(receiver_keys(profile, 0), config).expect("a valid configuration")
}

/// Both, as they are configured by default.
pub(crate) fn pair(profile: Profile) -> (Sender, Receiver) {
    (
        sender(profile, SenderConfig::default()),
        receiver(profile, ReceiverConfig::default()),
    )
}

/// An RTP packet with a payload of 20 bytes.
pub(crate) fn rtp(ssrc: u32, sequence_number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x5a; 20]);
    packet
}

/// An RTCP receiver report without blocks, followed by 12 bytes of a second packet.
pub(crate) fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x81, 202, 0, 2]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([1, 2, b'm', b'e']);
    packet
}

/// Protects an RTP packet.
pub(crate) fn seal(sender: &mut Sender, packet: &[u8]) -> Result<Vec<u8>, ProtectError> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_OVERHEAD + 128, 0);
    let len = sender.protect_rtp(&mut buffer, packet.len())?;
    buffer.truncate(len);
    Ok(buffer)
}

/// Protects an RTCP packet.
pub(crate) fn seal_rtcp(sender: &mut Sender, packet: &[u8]) -> Result<Vec<u8>, ProtectError> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_OVERHEAD + 128, 0);
    let len = sender.protect_rtcp(&mut buffer, packet.len())?;
    buffer.truncate(len);
    Ok(buffer)
}

/// Unprotects a copy of an SRTP packet.
pub(crate) fn open(receiver: &mut Receiver, packet: &[u8]) -> Result<Unprotected, UnprotectError> {
    receiver.unprotect_rtp(&mut packet.to_vec())
}

/// Unprotects a copy of an SRTCP packet.
pub(crate) fn open_rtcp(
    receiver: &mut Receiver,
    packet: &[u8],
) -> Result<Unprotected, UnprotectError> {
    receiver.unprotect_rtcp(&mut packet.to_vec())
}
