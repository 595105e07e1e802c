//! Packets sealed a second time: the same ones, and never others, under the same index.

mod pair;

use std::collections::HashMap;

use pair::{SSRC, open, receiver, rtp, seal, sender, sender_keys};
use srtp::{
    Duplicates, ExtensionIds, Freshness, Profile, ProtectError, ReceiverConfig, Repeats, Sender,
    SenderConfig,
};

const REPEATING: SenderConfigChange = |config| config.repeats = Repeats::Same;

type SenderConfigChange = fn(&mut SenderConfig);

fn repeating(profile: Profile, change: SenderConfigChange) -> Sender {
    let mut config = SenderConfig::default();
    REPEATING(&mut config);
    change(&mut config);
    sender(profile, config)
}

#[test]
fn the_same_packet_is_sealed_again_and_comes_out_the_same() {
    for profile in Profile::ALL {
        let mut sender = repeating(profile, |_| {});
        let first = seal(&mut sender, &rtp(SSRC, 7));
        for sequence_number in 8..100 {
            assert!(seal(&mut sender, &rtp(SSRC, sequence_number)).is_ok());
        }
        assert_eq!(seal(&mut sender, &rtp(SSRC, 7)), first, "{profile}");
        assert_eq!(sender.statistics().refused, 0);
    }
}

/// RFC 3711 §9.1, RFC 7714 §8.4: of the payload not one bit may differ, nor its length.
#[test]
fn another_payload_is_refused_under_every_profile() {
    for profile in Profile::ALL {
        let mut sender = repeating(profile, |_| {});
        let packet = rtp(SSRC, 7);
        assert!(seal(&mut sender, &packet).is_ok());
        for at in 12..packet.len() {
            let mut other = packet.clone();
            other[at] ^= 0x10;
            assert_eq!(seal(&mut sender, &other), Err(ProtectError::IndexUsed));
        }
        let mut longer = packet.clone();
        longer.push(0);
        assert_eq!(seal(&mut sender, &longer), Err(ProtectError::IndexUsed));
        let shorter = &packet[..packet.len() - 1];
        assert_eq!(seal(&mut sender, shorter), Err(ProtectError::IndexUsed));
        assert!(seal(&mut sender, &packet).is_ok());
    }
}

/// No key stream covers the header under counter mode; under AES-GCM a second header would give the
/// authentication key away.
#[test]
fn another_header_passes_under_counter_mode_alone() {
    for profile in Profile::ALL {
        let mut sender = repeating(profile, |_| {});
        let packet = rtp(SSRC, 7);
        assert!(seal(&mut sender, &packet).is_ok());
        let mut marked = packet.clone();
        marked[1] |= 0x80;
        let gcm = matches!(profile, Profile::AeadAes128Gcm | Profile::AeadAes256Gcm);
        assert_eq!(seal(&mut sender, &marked).is_ok(), !gcm, "{profile}");
    }
}

/// Where key streams cover headers too (RFC 9335, RFC 6904), they must not differ either.
#[test]
fn another_header_is_refused_where_headers_are_encrypted() {
    let changes: [SenderConfigChange; 2] = [
        |config| config.cryptex = true,
        |config| config.encrypted_extensions = ExtensionIds::from_iter([1]),
    ];
    for change in changes {
        let mut sender = repeating(Profile::Aes128CmSha1_80, change);
        let mut packet = rtp(SSRC, 7);
        packet[0] |= 0x10;
        packet.splice(12..12, [0xbe, 0xde, 0, 1, 0x12, 1, 2, 3]);
        let first = seal(&mut sender, &packet);
        assert!(first.is_ok());
        let mut other = packet.clone();
        other[17] ^= 1;
        assert_eq!(seal(&mut sender, &other), Err(ProtectError::IndexUsed));
        assert_eq!(seal(&mut sender, &packet), first);
    }
}

#[test]
fn what_lies_behind_the_window_is_not_repeated() {
    let mut sender = repeating(Profile::Aes128CmSha1_80, |config| config.window = 64);
    assert!(seal(&mut sender, &rtp(SSRC, 1)).is_ok());
    assert!(seal(&mut sender, &rtp(SSRC, 64)).is_ok());
    assert!(seal(&mut sender, &rtp(SSRC, 1)).is_ok());
    assert!(seal(&mut sender, &rtp(SSRC, 65)).is_ok());
    let refused = seal(&mut sender, &rtp(SSRC, 1));
    assert_eq!(refused, Err(ProtectError::IndexTooOld));
}

/// A repeated packet is no news to a receiver, and spends nothing of the key.
#[test]
fn receivers_know_repeated_packets() {
    let mut sender = repeating(Profile::AeadAes128Gcm, |_| {});
    let config = ReceiverConfig {
        duplicates: Duplicates::Report,
        ..ReceiverConfig::default()
    };
    let mut receiver = receiver(Profile::AeadAes128Gcm, config);
    for freshness in [Freshness::New, Freshness::Duplicate, Freshness::Duplicate] {
        let sealed = seal(&mut sender, &rtp(SSRC, 7)).expect("the same");
        let opened = open(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.freshness, freshness);
    }
}

/// An audit: whatever is asked for, each index comes out with one payload, and under AES-GCM with one
/// packet.
#[test]
fn no_index_comes_out_with_two_payloads() {
    for profile in [Profile::AeadAes256Gcm, Profile::Aes128CmSha1_32] {
        let mut sender = repeating(profile, |config| config.window = 64);
        let mut sent: HashMap<u16, Vec<u8>> = HashMap::new();
        let (mut random, mut repeated) = (1_u64, 0);
        for step in 0..20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005);
            random = random.wrapping_add(1);
            let sequence_number = (step / 2).saturating_sub(random >> 58) as u16;
            let mut packet = rtp(SSRC, sequence_number);
            packet[14] = (random >> 40 & 1) as u8;
            if seal(&mut sender, &packet).is_err() {
                continue;
            }
            let before = sent.insert(sequence_number, packet.clone());
            repeated += u32::from(before.is_some());
            assert_eq!(*before.as_ref().unwrap_or(&packet), packet);
        }
        assert!(repeated > 1000, "{repeated}");
    }
}

/// Under other keys or settings nothing is known to be the same.
#[test]
fn what_was_sent_before_reconfigure_is_not_repeated() {
    let mut sender = repeating(Profile::Aes128CmSha1_80, |_| {});
    assert!(seal(&mut sender, &rtp(SSRC, 7)).is_ok());
    let config = SenderConfig {
        repeats: Repeats::Same,
        ..SenderConfig::default()
    };
    let keys = vec![sender_keys(Profile::Aes128CmSha1_80, 0)];
    assert_eq!(sender.reconfigure(keys, config), Ok(()));
    let refused = seal(&mut sender, &rtp(SSRC, 7));
    assert_eq!(refused, Err(ProtectError::IndexUsed));
    assert!(seal(&mut sender, &rtp(SSRC, 8)).is_ok());
    assert!(seal(&mut sender, &rtp(SSRC, 8)).is_ok());
    sender.forget(SSRC);
    let refused = seal(&mut sender, &rtp(SSRC, 8));
    assert_eq!(refused, Err(ProtectError::IndexTooOld));
}
