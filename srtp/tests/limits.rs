//! Where packets, keys and header extensions end.

mod pair;

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use allocation_counter::measure;
use pair::{
    ENCRYPTING, SSRC, TRANSFORMS, master, open, pair, receiver_keys, rtcp, rtp, seal, sender_keys,
};
use srtp::{
    DerivationRate, ExtensionIds, MAX_OVERHEAD, PACKET_MAX, Profile, ProtectError, Receiver,
    ReceiverConfig, ReceiverKeys, RekeyError, Sender, SenderConfig, SenderKeys, UnprotectError,
};

/// RFC 3711 §4.1.1: the counter of a key stream has 16 bits. The longest packet has no two blocks
/// under one; a longer one is refused, as it came.
#[test]
fn no_packet_is_so_long_that_its_key_stream_repeats() {
    assert_eq!(PACKET_MAX, (1 << 20) - 32);
    for profile in [Profile::Aes128CmSha1_80, Profile::AeadAes256Gcm] {
        let (mut sender, mut receiver) = pair(profile);
        // Of zeros, so that what goes out is the key stream.
        let mut plain = rtp(SSRC, 1);
        plain.resize(PACKET_MAX, 0);
        plain[12..].fill(0);
        let mut sealed = seal(&mut sender, &plain).expect("it has the longest length");
        let mut blocks: Vec<_> = sealed[12..PACKET_MAX].chunks_exact(16).collect();
        blocks.sort_unstable();
        let count = blocks.len();
        blocks.dedup();
        assert_eq!(blocks.len(), count, "{profile}");
        let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
        assert_eq!(sealed[..opened.len], plain);

        plain[3] = 2;
        plain.push(0);
        assert_eq!(seal(&mut sender, &plain), Err(ProtectError::TooLong));
        plain.pop();
        assert!(
            seal(&mut sender, &plain).is_ok(),
            "its index is not used up"
        );
    }
}

/// The same with RTCP, at receivers, and with what Cryptex inserts.
#[test]
fn packets_beyond_the_longest_are_refused_as_they_came() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        let mut buffer = rtcp(SSRC);
        buffer.resize(PACKET_MAX + 1 + MAX_OVERHEAD, 7);
        let before = buffer.clone();
        let refused = sender.protect_rtcp(&mut buffer, PACKET_MAX + 1);
        assert_eq!((refused, &buffer), (Err(ProtectError::TooLong), &before));
        let sealed = sender.protect_rtcp(&mut buffer, PACKET_MAX);
        assert!(
            receiver
                .unprotect_rtcp(&mut buffer[..sealed.expect("fresh")])
                .is_ok()
        );

        let mut packet = rtp(SSRC, 1);
        packet.resize(PACKET_MAX + 1 + profile.rtp_tag_len(), 7);
        let before = packet.clone();
        let refused = receiver.unprotect_rtp(&mut packet);
        assert_eq!((refused, &packet), (Err(UnprotectError::TooLong), &before));
        packet.pop();
        assert_eq!(open(&mut receiver, &packet), Err(UnprotectError::Forged));
        let mut packet = rtcp(SSRC);
        packet.resize(PACKET_MAX + 5 + profile.rtcp_tag_len(), 0xff);
        let refused = receiver.unprotect_rtcp(&mut packet);
        assert_eq!(refused, Err(UnprotectError::TooLong));
        assert_eq!(receiver.statistics().discarded(UnprotectError::TooLong), 2);
    }
    let config = SenderConfig {
        cryptex: true,
        ..SenderConfig::default()
    };
    let mut sender = pair::sender(Profile::Aes128CmSha1_80, config);
    let mut plain = rtp(SSRC, 1);
    plain[0] = 0x81;
    plain.resize(PACKET_MAX - 3, 0);
    assert_eq!(seal(&mut sender, &plain), Err(ProtectError::TooLong));
    plain.pop();
    assert!(seal(&mut sender, &plain).is_ok());
}

/// RFC 3711 §9.2: a master key that was in use is not used again, whatever its salt.
#[test]
fn a_used_key_does_not_return_under_another_salt() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let (key, mut salt) = master(profile, 0);
        salt[0] ^= 1;
        let keys = SenderKeys::from_raw(profile, &key, &salt).expect("lengths fit");
        assert_eq!(sender.rekey(keys), Err(RekeyError::KeyReused));
        let keys = ReceiverKeys::from_raw(profile, &key, &salt).expect("lengths fit");
        assert_eq!(receiver.rekey(keys), Err(RekeyError::KeyReused));
        // Another key under the same salt is another key.
        let (mut key, salt) = master(profile, 0);
        key[0] ^= 1;
        let keys = SenderKeys::from_raw(profile, &key, &salt).expect("lengths fit");
        assert_eq!(sender.rekey(keys), Ok(()));
    }
}

/// A sender and a receiver whose session keys change every so many packets.
fn periodic(profile: Profile, every: u32) -> (Sender, Receiver) {
    let rate = DerivationRate::every(every).expect("a power of two");
    let keys = sender_keys(profile, 0).with_derivation_rate(rate);
    let sender = Sender::new(keys, SenderConfig::default()).expect("valid");
    let keys = receiver_keys(profile, 0).with_derivation_rate(rate);
    let receiver = Receiver::new(keys, ReceiverConfig::default()).expect("valid");
    (sender, receiver)
}

/// Forged packets of one period derive its session keys once, and displace none in use.
#[test]
fn forged_packets_derive_no_session_keys_twice() {
    for profile in [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm] {
        let (mut sender, mut receiver) = periodic(profile, 16);
        // As many periods as are held.
        let mut sealed = Vec::new();
        for period in 1..=16 {
            let first = seal(&mut sender, &rtp(SSRC, 16 * period)).expect("fresh");
            assert!(open(&mut receiver, &first).is_ok());
            sealed.push(seal(&mut sender, &rtp(SSRC, 16 * period + 1)).expect("fresh"));
        }
        let mut forged = sealed[0].clone();
        forged[2..4].copy_from_slice(&5000_u16.to_be_bytes());
        assert_eq!(open(&mut receiver, &forged), Err(UnprotectError::Forged));
        let mut copies = vec![forged; 100];
        let count = measure(|| {
            for copy in &mut copies {
                let result = receiver.unprotect_rtp(copy);
                assert_eq!(result, Err(UnprotectError::Forged));
            }
        });
        assert_eq!(count.count_total, 0, "{profile}");
        // Many other periods are claimed: those in use are still there.
        let before = receiver.state_digest();
        for number in (6000..9000_u16).step_by(16) {
            copies[0][2..4].copy_from_slice(&number.to_be_bytes());
            let result = receiver.unprotect_rtp(&mut copies[0]);
            assert_eq!(result, Err(UnprotectError::Forged));
        }
        assert_eq!(receiver.state_digest(), before);
        let count = measure(|| {
            for packet in &mut sealed {
                assert!(receiver.unprotect_rtp(packet).is_ok());
            }
        });
        assert_eq!(count.count_total, 0, "{profile}");
    }
}

/// Sixteen periods are held, and the oldest gives way: what comes of one that is not held derives its
/// keys anew.
#[test]
fn the_oldest_period_gives_way() {
    let (mut sender, mut receiver) = periodic(Profile::Aes128CmSha1_80, 16);
    let mut late = Vec::new();
    for period in 1..=18 {
        let first = seal(&mut sender, &rtp(SSRC, 16 * period)).expect("fresh");
        assert!(open(&mut receiver, &first).is_ok());
        late.push(seal(&mut sender, &rtp(SSRC, 16 * period + 1)).expect("fresh"));
    }
    // What is not held comes last, since it takes a place.
    for period in (3..=18).chain([2, 1]) {
        let packet = &mut late[period - 1];
        let count = measure(|| assert!(receiver.unprotect_rtp(packet).is_ok()));
        assert_eq!(count.count_total > 0, period < 3, "{period}");
    }
}

/// What a forged packet has derived serves the genuine one of its period.
#[test]
fn session_keys_that_were_claimed_serve_the_genuine_packet() {
    let (mut sender, mut receiver) = periodic(Profile::Aes128CmSha1_80, 16);
    let first = seal(&mut sender, &rtp(SSRC, 1)).expect("fresh");
    assert!(open(&mut receiver, &first).is_ok());
    let mut genuine = seal(&mut sender, &rtp(SSRC, 40)).expect("fresh");
    let mut forged = genuine.clone();
    forged[20] ^= 1;
    assert_eq!(open(&mut receiver, &forged), Err(UnprotectError::Forged));
    let before = receiver.state_digest();
    assert_eq!(
        receiver.unprotect_rtp(&mut genuine).map(|o| o.index),
        Ok(40)
    );
    assert_ne!(receiver.state_digest(), before);
}

/// A key with a derivation rate that takes the place of one without derives as any other does.
#[test]
fn a_new_key_brings_its_derivation_rate() {
    for profile in [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm] {
        let rate = DerivationRate::every(16).expect("a power of two");
        let (mut sender, mut receiver) = pair(profile);
        let keys = sender_keys(profile, 1).with_derivation_rate(rate);
        sender.rekey(keys).expect("a new key");
        let keys = receiver_keys(profile, 1).with_derivation_rate(rate);
        receiver.rekey(keys).expect("a new key");
        let keys = sender_keys(profile, 1).with_derivation_rate(rate);
        let mut fresh = Sender::new(keys, SenderConfig::default()).expect("valid");
        for number in [3, 40, 41] {
            let sealed = seal(&mut sender, &rtp(SSRC, number)).expect("fresh");
            assert_eq!(Ok(&sealed), seal(&mut fresh, &rtp(SSRC, number)).as_ref());
            assert!(open(&mut receiver, &sealed).is_ok());
        }
    }
}

fn encrypted(profile: Profile, ids: &[u8]) -> (Sender, Receiver) {
    let ids: ExtensionIds = ids.iter().copied().collect();
    let sending = SenderConfig {
        encrypted_extensions: ids,
        ..SenderConfig::default()
    };
    let receiving = ReceiverConfig {
        encrypted_extensions: ids,
        ..ReceiverConfig::default()
    };
    (
        pair::sender(profile, sending),
        pair::receiver(profile, receiving),
    )
}

/// RFC 8285 §4.2: an element of identifier 0 with a length ends the block: what stands behind it is
/// no element, and is neither encrypted nor malformed.
#[test]
fn identifier_0_with_a_length_ends_the_block() {
    for profile in ENCRYPTING {
        let (mut sender, mut receiver) = encrypted(profile, &[1, 2]);
        let mut plain = rtp(SSRC, 1);
        plain[0] |= 0x10;
        let block = [
            0xbe, 0xde, 0, 3, 0x11, 7, 7, 0, 0x03, 0x11, 9, 9, 0x2f, 8, 8, 8,
        ];
        plain.splice(12..12, block);
        let mut sealed = seal(&mut sender, &plain).expect("fresh");
        assert_ne!(sealed[17..19], plain[17..19], "element 1");
        assert_eq!(sealed[19..28], plain[19..28], "what is no element");
        let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
        assert_eq!(sealed[..opened.len], plain, "{profile}");
    }
}

/// `len` bytes of AES in counter mode.
fn counter_mode(key: &[u8], iv: [u8; 16], len: usize) -> Vec<u8> {
    let mut stream = vec![0; len];
    match key.len() {
        16 => ctr::Ctr128BE::<aes::Aes128>::new_from_slices(key, &iv)
            .expect("lengths fit")
            .apply_keystream(&mut stream),
        _ => ctr::Ctr128BE::<aes::Aes256>::new_from_slices(key, &iv)
            .expect("lengths fit")
            .apply_keystream(&mut stream),
    }
    stream
}

/// RFC 3711 §4.3.1: the key or salt of this label, derived from master key 0.
fn derived(profile: Profile, label: u8, len: usize) -> Vec<u8> {
    let (key, salt) = master(profile, 0);
    let mut iv = [0; 16];
    iv[..salt.len()].copy_from_slice(&salt);
    iv[7] ^= label;
    counter_mode(&key, iv, len)
}

/// RFC 6904 §2.1: the key stream goes on along the whole block, beyond 128 bytes too: that of counter
/// mode under the keys of labels 6 and 7.
#[test]
fn the_key_stream_of_extensions_is_that_of_one_block() {
    for profile in ENCRYPTING {
        let key = derived(profile, 6, profile.key_len());
        let mut iv = [0; 16];
        let salt = derived(profile, 7, profile.salt_len());
        iv[..profile.salt_len()].copy_from_slice(&salt);
        for (byte, ssrc) in iv[4..8].iter_mut().zip(SSRC.to_be_bytes()) {
            *byte ^= ssrc;
        }
        iv[13] ^= 1;
        let expected = counter_mode(&key, iv, 512);
        let (mut sender, mut receiver) = encrypted(profile, &[1, 2]);
        // Of zeros, so that what goes out is the key stream.
        let mut block = vec![0x10, 0, 0, 128];
        for id in [1, 2] {
            block.extend([id, 254]);
            block.extend([0; 254]);
        }
        let mut plain = rtp(SSRC, 1);
        plain[0] |= 0x10;
        plain.splice(12..12, block);
        let mut sealed = seal(&mut sender, &plain).expect("fresh");
        // Identifiers and lengths stay, and the key stream goes on under them.
        assert_eq!(sealed[18..272], expected[2..256], "{profile}");
        assert_eq!(sealed[274..528], expected[258..512], "{profile}");
        let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
        assert_eq!(sealed[..opened.len], plain, "{profile}");
    }
}

/// With tags of 32 bits, how often a packet is tried counts: once where its stream is known, twice
/// where it may be of either of two ROCs, and so on under each of two keys.
#[test]
fn a_tag_has_as_many_tries_as_the_docs_say() {
    // A tag can't be guessed in a test; but a packet that is genuine under the last of the tries is
    // taken, and one that would be under a further one is not.
    let profile = Profile::Aes128CmSha1_32;
    for (roc, taken) in [(0, true), (1, true), (2, false)] {
        let (mut sender, mut receiver) = pair(profile);
        sender.set_roc(SSRC, roc).expect("a new stream");
        let sealed = seal(&mut sender, &rtp(SSRC, 9)).expect("fresh");
        assert_eq!(open(&mut receiver, &sealed).is_ok(), taken, "ROC {roc}");
    }
    for (roc, taken) in [(0, true), (1, false)] {
        let (mut first, mut receiver) = pair(profile);
        let known = seal(&mut first, &rtp(SSRC, 8)).expect("fresh");
        assert!(open(&mut receiver, &known).is_ok());
        let (mut sender, _) = pair(profile);
        sender.set_roc(SSRC, roc).expect("a new stream");
        let sealed = seal(&mut sender, &rtp(SSRC, 9)).expect("fresh");
        assert_eq!(open(&mut receiver, &sealed).is_ok(), taken, "ROC {roc}");
    }
}
