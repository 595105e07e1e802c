//! What is refused holds no plaintext: neither payload nor CSRCs nor header extensions, in every
//! tier, one by one and in batches.

mod pair;

use pair::{ENCRYPTING, SSRC, rtcp, seal, seal_rtcp, sender};
use srtp::{
    CryptexPolicy, Duplicates, ExtensionIds, Incoming, Kind, Profile, Receiver, ReceiverConfig,
    SenderConfig, Tier, UnprotectError,
};

/// What nobody may find in a packet that was refused.
const SECRET: [u8; 4] = *b"\xc1\xc2\xc3\xc4";

/// An RTP packet with a CSRC, two elements and a payload, all of them secret; `last` is its last
/// byte.
fn packet(sequence_number: u16, last: u8) -> Vec<u8> {
    let mut packet = vec![0xb1, 96];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(SSRC.to_be_bytes());
    packet.extend(SECRET);
    packet.extend([0xbe, 0xde, 0, 3, 0x13]);
    packet.extend(SECRET);
    packet.push(0x23);
    packet.extend(SECRET);
    packet.extend([0, 0]);
    packet.extend([SECRET; 8].concat());
    packet.push(last);
    packet
}

/// How much the packet shows of its secrets: only those that go out in the clear may be left.
fn secrets(packet: &[u8]) -> usize {
    packet.windows(4).filter(|bytes| **bytes == SECRET).count()
}

/// Unprotects a packet one by one or in a batch; gives why it was refused.
fn refused(receiver: &mut Receiver, packet: &mut [u8], batched: bool) -> UnprotectError {
    if batched {
        let mut packets = [Incoming::new(0, packet)];
        srtp::unprotect_batch(&mut [receiver], &mut packets);
        let outcome = packets[0].outcome().expect("it has run");
        return outcome.map(|(opened, _)| opened).expect_err("refused");
    }
    let result = match srtp::classify(packet) {
        Kind::Rtp => receiver.unprotect_rtp(packet),
        Kind::Rtcp => receiver.unprotect_rtcp(packet),
    };
    result.expect_err("refused")
}

/// Every profile that encrypts, on every tier, one by one and in a batch, with what protects the
/// header: nothing, RFC 6904, Cryptex.
fn everywhere(mut test: impl FnMut(SenderConfig, ReceiverConfig, Profile, bool)) {
    for profile in ENCRYPTING {
        for tier in Tier::available() {
            for batched in [false, true] {
                for (cryptex, ids) in [(false, &[][..]), (false, &[1, 2]), (true, &[])] {
                    let ids: ExtensionIds = ids.iter().copied().collect();
                    let sending = SenderConfig {
                        cryptex,
                        encrypted_extensions: ids,
                        tier,
                        ..SenderConfig::default()
                    };
                    let policy = [CryptexPolicy::Off, CryptexPolicy::Require];
                    let receiving = ReceiverConfig {
                        cryptex: policy[usize::from(cryptex)],
                        encrypted_extensions: ids,
                        tier,
                        ..ReceiverConfig::default()
                    };
                    test(sending, receiving, profile, batched);
                }
            }
        }
    }
}

/// RFC 3550 §A.1: padding that does not fit, found when all is decrypted.
#[test]
fn padding_that_does_not_fit_leaves_nothing() {
    everywhere(|sending, receiving, profile, batched| {
        let mut sender = sender(profile, sending);
        let mut receiver = pair::receiver(profile, receiving);
        let mut sealed = seal(&mut sender, &packet(1, 0)).expect("fresh");
        let fixed = sealed[..12].to_vec();
        let reason = refused(&mut receiver, &mut sealed, batched);
        assert_eq!(reason, UnprotectError::Padding);
        let end = sealed.len() - profile.rtp_tag_len();
        assert_eq!(sealed[..12], fixed);
        assert_eq!(sealed[12..end], vec![0; end - 12], "{profile}");
    });
}

/// RFC 6904 §2.1: an element past the end of its block, found when those before it are decrypted.
#[test]
fn elements_past_the_end_leave_nothing() {
    for profile in ENCRYPTING {
        for tier in Tier::available() {
            for batched in [false, true] {
                let receiving = ReceiverConfig {
                    encrypted_extensions: [1, 2].into_iter().collect(),
                    tier,
                    ..ReceiverConfig::default()
                };
                let mut careless = sender(profile, SenderConfig::default());
                let mut receiver = pair::receiver(profile, receiving);
                let mut plain = packet(1, 1);
                plain[25] = 0x2f;
                let mut sealed = seal(&mut careless, &plain).expect("it does not look");
                let reason = refused(&mut receiver, &mut sealed, batched);
                assert_eq!(reason, UnprotectError::ExtensionMalformed);
                let end = sealed.len() - profile.rtp_tag_len();
                assert_eq!(sealed[12..end], vec![0; end - 12], "{profile}");
            }
        }
    }
}

/// No place in the table.
#[test]
fn an_ssrc_too_many_leaves_nothing() {
    everywhere(|sending, receiving, profile, batched| {
        let mut sender = sender(profile, sending);
        let receiving = ReceiverConfig {
            max_streams: 1,
            max_retired_streams: 0,
            ..receiving
        };
        let mut receiver = pair::receiver(profile, receiving);
        receiver.set_roc(7, 1).expect("a new stream");
        let mut sealed = seal(&mut sender, &packet(1, 1)).expect("fresh");
        let reason = refused(&mut receiver, &mut sealed, batched);
        assert_eq!(reason, UnprotectError::TooManyStreams);
        assert_eq!(secrets(&sealed), 0);
        let mut sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
        let reason = refused(&mut receiver, &mut sealed, batched);
        assert_eq!(reason, UnprotectError::TooManyStreams);
        let end = sealed.len() - profile.rtcp_tag_len() - 4;
        assert_eq!(sealed[8..end], vec![0; end - 8]);
    });
}

/// In a batch a replay is opened before the packet that it repeats is taken.
#[test]
fn a_replay_within_a_batch_leaves_nothing() {
    everywhere(|sending, receiving, profile, batched| {
        if !batched {
            return;
        }
        let mut sender = sender(profile, sending);
        let receiving = ReceiverConfig {
            duplicates: Duplicates::Drop,
            ..receiving
        };
        let mut receiver = pair::receiver(profile, receiving);
        let sealed = seal(&mut sender, &packet(1, 1)).expect("fresh");
        let in_the_clear = secrets(&sealed);
        let mut copies = vec![sealed; 3];
        let mut packets: Vec<_> = copies
            .iter_mut()
            .map(|copy| Incoming::new(0, copy))
            .collect();
        srtp::unprotect_batch(&mut [&mut receiver], &mut packets);
        assert!(packets[0].outcome().is_some_and(|outcome| outcome.is_ok()));
        for packet in &mut packets[1..] {
            let outcome = packet.outcome().expect("it has run");
            let reason = outcome.map(|(opened, _)| opened).expect_err("refused");
            assert_eq!(reason, UnprotectError::Replayed);
        }
        for copy in &copies[1..] {
            assert!(secrets(copy) <= in_the_clear, "{profile}");
        }
    });
}

/// A key that ends within a batch.
#[test]
fn a_key_that_ends_within_a_batch_leaves_nothing() {
    for profile in ENCRYPTING {
        let lifetime = srtp::Lifetime { rtp: 1, rtcp: 1 };
        let keys = pair::receiver_keys(profile, 0).with_lifetime(lifetime);
        let config = ReceiverConfig::default();
        let mut receiver = Receiver::new(keys.expect("valid"), config).expect("valid");
        let mut sender = sender(profile, SenderConfig::default());
        let mut sealed = [1, 2].map(|n| seal(&mut sender, &packet(n, 1)).expect("fresh"));
        let mut packets: Vec<_> = sealed
            .iter_mut()
            .map(|packet| Incoming::new(0, packet))
            .collect();
        srtp::unprotect_batch(&mut [&mut receiver], &mut packets);
        assert!(packets[0].outcome().is_some_and(|outcome| outcome.is_ok()));
        let outcome = packets[1].outcome().expect("it has run");
        let reason = outcome.map(|(opened, _)| opened).expect_err("refused");
        assert_eq!(reason, UnprotectError::KeyExhausted);
        // The header was in the clear; of the payload, which starts at 32, nothing is left.
        assert_eq!(secrets(&sealed[1][32..]), 0);
    }
}

/// A forged packet comes back as it came, every bit of it flipped, wherever it is encrypted.
#[test]
fn what_is_forged_is_left_as_it_came() {
    everywhere(|sending, receiving, profile, batched| {
        for encrypt_rtcp in [true, false] {
            let sending = SenderConfig {
                encrypt_rtcp,
                ..sending.clone()
            };
            let receiving = ReceiverConfig {
                require_encrypted_rtcp: false,
                ..receiving.clone()
            };
            let mut sender = sender(profile, sending);
            let mut receiver = pair::receiver(profile, receiving);
            let genuine = [
                seal(&mut sender, &packet(1, 1)).expect("fresh"),
                seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh"),
            ];
            for genuine in &genuine {
                // The version and what tells RTP from RTCP aside, a byte at a time.
                for place in 2..genuine.len() {
                    let mut forged = genuine.clone();
                    forged[place] ^= 0x81;
                    let before = forged.clone();
                    let reason = refused(&mut receiver, &mut forged, batched);
                    let known = [UnprotectError::Forged, UnprotectError::UnexpectedCryptex];
                    let cut =
                        reason == UnprotectError::Truncated || reason == UnprotectError::NotCryptex;
                    assert!(cut || known.contains(&reason), "{reason:?}");
                    assert_eq!(forged, before, "{profile} {place}");
                }
            }
            assert_eq!(receiver.streams(), 0);
        }
    });
}

/// Duplicates that are reported show their header, and nothing of their payload.
#[test]
fn a_duplicate_shows_its_header_alone() {
    everywhere(|sending, receiving, profile, batched| {
        let mut sender = sender(profile, sending);
        let mut receiver = pair::receiver(profile, receiving);
        let plain = packet(1, 1);
        let sealed = seal(&mut sender, &plain).expect("fresh");
        assert!(pair::open(&mut receiver, &sealed).is_ok());
        let mut again = sealed.clone();
        let len = if batched {
            let mut packets = [Incoming::new(0, &mut again)];
            srtp::unprotect_batch(&mut [&mut receiver], &mut packets);
            let outcome = packets[0].outcome().expect("it has run");
            outcome.expect("authentic").0.len
        } else {
            receiver.unprotect_rtp(&mut again).expect("authentic").len
        };
        assert_eq!(again[..len], plain[..32]);
        let end = sealed.len() - profile.rtp_tag_len();
        assert_eq!(again[len..end], vec![0; end - len]);
    });
}
