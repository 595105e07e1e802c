//! Every profile, both ways, in its plainest use.

use srtp::{
    Freshness, MAX_OVERHEAD, Profile, ProtectError, Receiver, ReceiverConfig, Role, Sender,
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
