//! Every profile, both ways, in its plainest use.

use srtp::{
    Freshness, Keys, MAX_OVERHEAD, Profile, ProtectError, Receiver, ReceiverConfig, Role, Sender,
    SenderConfig, UnprotectError,
};

fn pair(profile: Profile) -> (Sender, Receiver) {
    let exported: Vec<u8> = (0..profile.exported_len()).map(|i| i as u8).collect();
    let (sender, _) = srtp::from_dtls(profile, &exported, Role::Client).expect("fits");
    let (_, receiver) = srtp::from_dtls(profile, &exported, Role::Server).expect("fits");
    let sender_config = SenderConfig {
        allow_null_cipher: true,
        ..SenderConfig::default()
    };
    let receiver_config = ReceiverConfig {
        allow_null_cipher: true,
        ..ReceiverConfig::default()
    };
    (
        Sender::new(sender, sender_config).expect("valid"),
        Receiver::new(receiver, receiver_config).expect("valid"),
    )
}

fn rtp(sequence_number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 0, 0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef];
    packet[2..4].copy_from_slice(&sequence_number.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

#[test]
fn rtp_goes_both_ways_in_every_profile() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        for (sequence_number, len) in (0..1000).step_by(7).enumerate() {
            let plain = rtp(sequence_number as u16, &vec![0x5a; len]);
            let mut buffer = plain.clone();
            buffer.resize(plain.len() + MAX_OVERHEAD, 0);
            let protected = sender.protect_rtp(&mut buffer, plain.len());
            let protected = protected.expect("a fresh packet");
            assert_eq!(protected, plain.len() + profile.rtp_tag_len());
            let mut again = buffer.clone();
            let opened = receiver.unprotect_rtp(&mut buffer[..protected]);
            let opened = opened.expect("authentic");
            assert_eq!(opened.freshness, Freshness::New);
            assert_eq!(&buffer[..opened.len], plain);
            let duplicate = receiver.unprotect_rtp(&mut again[..protected]);
            let duplicate = duplicate.expect("authentic");
            assert_eq!(
                (duplicate.freshness, duplicate.len),
                (Freshness::Duplicate, 12)
            );
            assert!(again[12..plain.len()].iter().all(|&byte| byte == 0));
        }
    }
}

#[test]
fn rtcp_goes_both_ways_in_every_profile() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        for (index, len) in (0..200).step_by(4).enumerate() {
            let mut plain = vec![0x80, 200, 0, 1, 1, 2, 3, 4];
            plain.resize(8 + len, 0xa5);
            let mut buffer = plain.clone();
            buffer.resize(plain.len() + MAX_OVERHEAD, 0);
            let protected = sender.protect_rtcp(&mut buffer, plain.len());
            let protected = protected.expect("a fresh packet");
            assert_eq!(protected, plain.len() + profile.rtcp_tag_len() + 4);
            let opened = receiver.unprotect_rtcp(&mut buffer[..protected]);
            let opened = opened.expect("authentic");
            assert_eq!((opened.index, opened.len), (index as u64, plain.len()));
            assert_eq!(&buffer[..opened.len], plain);
        }
    }
}

#[test]
fn a_sequence_number_is_sealed_once() {
    for profile in Profile::ALL {
        let (mut sender, _) = pair(profile);
        let mut seal = |sequence_number| {
            let mut buffer = rtp(sequence_number, &[0; 100]);
            sender.protect_rtp(&mut buffer, 50)
        };
        assert!(seal(2000).is_ok());
        assert_eq!(seal(2000), Err(ProtectError::IndexUsed));
        assert!(seal(1999).is_ok());
        assert_eq!(seal(1999), Err(ProtectError::IndexUsed));
        assert_eq!(seal(2000 - 1024), Err(ProtectError::IndexTooOld));
        assert!(seal(2001 - 1024).is_ok());
    }
}

#[test]
fn a_forged_packet_is_dropped_and_left_without_plaintext() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let mut buffer = rtp(1, &[0x5a; 200]);
        let len = sender.protect_rtp(&mut buffer, 100).expect("fresh");
        buffer[len - 1] ^= 1;
        let sealed = buffer.clone();
        let result = receiver.unprotect_rtp(&mut buffer[..len]);
        assert_eq!(result, Err(UnprotectError::Forged));
        assert_eq!(buffer, sealed);
        assert_eq!(receiver.statistics().discarded(UnprotectError::Forged), 1);
        assert_eq!(receiver.streams(), 0);
    }
}

/// What was sealed and what was refused, of either kind.
#[test]
fn a_sender_counts_what_it_does() {
    let (mut sender, _) = pair(Profile::AeadAes128Gcm);
    let mut buffer = [0; 100];
    for sequence_number in [1, 2, 3, 3] {
        let plain = rtp(sequence_number, b"payload");
        buffer[..plain.len()].copy_from_slice(&plain);
        let sealed = sender.protect_rtp(&mut buffer, plain.len());
        assert_eq!(sealed.is_ok(), sender.statistics().refused == 0);
    }
    let report = [0x80, 201, 0, 1, 0xde, 0xad, 0xbe, 0xef];
    for len in [8, 8, 4] {
        buffer[..8].copy_from_slice(&report);
        assert_eq!(sender.protect_rtcp(&mut buffer, len).is_ok(), len == 8);
    }
    let statistics = sender.statistics();
    assert_eq!((statistics.rtp, statistics.rtcp), (3, 2));
    assert_eq!(statistics.refused, 2);
}

/// The room to leave behind a packet: tag, identifier, an extension for Cryptex, the index of SRTCP.
#[test]
fn overheads_are_those_of_the_longest_packets() {
    for profile in Profile::ALL {
        for (mki, cryptex) in [
            (&[][..], false),
            (&[7; 5], false),
            (&[], true),
            (&[7; 5], true),
        ] {
            if cryptex && matches!(profile, Profile::NullSha1_80 | Profile::NullSha1_32) {
                continue;
            }
            let key = vec![1; profile.key_len()];
            let keys = Keys::from_raw(profile, &key, &vec![2; profile.salt_len()]).expect("fits");
            let keys = match mki.len() {
                0 => keys,
                _ => keys.with_mki(mki).expect("fits"),
            };
            let config = SenderConfig {
                allow_null_cipher: true,
                cryptex,
                ..SenderConfig::default()
            };
            let mut sender = Sender::new(keys, config).expect("valid");
            // A CSRC and no extension, which Cryptex adds.
            let mut plain = rtp(1, b"\0\0\0\x07payload");
            plain[0] |= 1;
            let len = plain.len();
            plain.resize(200, 0);
            let sealed = sender.protect_rtp(&mut plain, len).expect("room");
            assert_eq!(sealed - len, sender.rtp_overhead(), "{profile}");
            let mut report = [0; 200];
            report[..8].copy_from_slice(&[0x80, 201, 0, 1, 0, 0, 0, 7]);
            let sealed = sender.protect_rtcp(&mut report, 8).expect("room");
            assert_eq!(sealed - 8, sender.rtcp_overhead(), "{profile}");
        }
    }
}
