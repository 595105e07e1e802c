//! Packets that nobody with the key has sent.

mod pair;

use pair::{SSRC, open, open_rtcp, pair, rtcp, rtp, seal, seal_rtcp};
use srtp::{
    CryptexPolicy, Freshness, Profile, Receiver, ReceiverConfig, Role, SenderConfig, UnprotectError,
};

/// A packet with two CSRCs, a header extension and padding.
fn full_packet(sequence_number: u16) -> Vec<u8> {
    let mut packet = rtp(SSRC, sequence_number);
    packet[0] = 0xb2;
    let extra = [
        1, 1, 1, 1, 2, 2, 2, 2, 0xbe, 0xde, 0, 1, 0x11, 0xaa, 0xbb, 0,
    ];
    packet.splice(12..12, extra);
    packet.extend([0, 0, 3]);
    packet
}

fn assert_nothing_changed(receiver: &Receiver) {
    assert_eq!(receiver.streams(), 0);
    assert_eq!(receiver.roc(SSRC), None);
    assert_eq!(receiver.statistics().rtp, 0);
}

/// T-SRT-01: every bit of header, CSRCs, extension, payload and tag.
#[test]
fn t_srt_01_every_flipped_bit_is_found() {
    for profile in Profile::ALL {
        for cryptex in [false, true] {
            let null = matches!(profile, Profile::NullSha1_80 | Profile::NullSha1_32);
            if cryptex && null {
                continue;
            }
            let config = SenderConfig {
                cryptex,
                ..SenderConfig::default()
            };
            let mut sender = pair::sender(profile, config);
            let config = ReceiverConfig {
                cryptex: if cryptex {
                    CryptexPolicy::Accept
                } else {
                    CryptexPolicy::Off
                },
                ..ReceiverConfig::default()
            };
            let mut receiver = pair::receiver(profile, config);
            let sealed = seal(&mut sender, &full_packet(7)).expect("fresh");
            for bit in 0..8 * sealed.len() {
                let mut forged = sealed.clone();
                forged[bit / 8] ^= 1 << (bit % 8);
                let before = forged.clone();
                let reason = receiver
                    .unprotect_rtp(&mut forged)
                    .expect_err("a bit was flipped");
                // The version has two bits; CSRC count and extension length can step past the end.
                let expected: &[UnprotectError] = match bit {
                    6 | 7 => &[UnprotectError::Version],
                    _ => &[UnprotectError::Forged, UnprotectError::Truncated],
                };
                assert!(
                    expected.contains(&reason),
                    "{profile} bit {bit}: {reason:?}"
                );
                assert_eq!(forged, before, "{profile} bit {bit}");
            }
            assert_nothing_changed(&receiver);
            assert!(open(&mut receiver, &sealed).is_ok());
        }
    }
}

/// T-SRT-01: tags cut short, or of zeros.
#[test]
fn t_srt_01_short_and_zero_tags_are_found() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let sealed = seal(&mut sender, &rtp(SSRC, 7)).expect("fresh");
        let tag = profile.rtp_tag_len();
        for cut in 1..=tag {
            let result = open(&mut receiver, &sealed[..sealed.len() - cut]);
            assert_eq!(result, Err(UnprotectError::Forged), "{profile} {cut}");
        }
        let mut zeroed = sealed.clone();
        let end = zeroed.len();
        zeroed[end - tag..].fill(0);
        let result = open(&mut receiver, &zeroed);
        assert_eq!(result, Err(UnprotectError::Forged));
        assert_nothing_changed(&receiver);
    }
}

/// T-SRT-03: forged packets at the edge of the index estimate push neither ROC nor window.
#[test]
fn t_srt_03_forged_packets_push_nothing() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        for sequence_number in [100, 101, 102] {
            let sealed = seal(&mut sender, &rtp(SSRC, sequence_number)).expect("fresh");
            assert!(open(&mut receiver, &sealed).is_ok());
        }
        let template = seal(&mut sender, &rtp(SSRC, 103)).expect("fresh");
        for ahead in [1, 2, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xffff] {
            let mut forged = template.clone();
            forged[2..4].copy_from_slice(&102_u16.wrapping_add(ahead).to_be_bytes());
            let last = forged.len() - 1;
            forged[last] ^= 1;
            let result = open(&mut receiver, &forged);
            assert_eq!(result, Err(UnprotectError::Forged), "{ahead}");
        }
        assert_eq!(receiver.roc(SSRC), Some(0));
        let opened = open(&mut receiver, &template).expect("genuine");
        assert_eq!((opened.index, opened.freshness), (103, Freshness::New));
    }
}

/// T-SRT-08, T-SRT-17: forged packets of 2^20 SSRCs leave nothing, and genuine ones still pass.
#[test]
fn t_srt_08_t_srt_17_forged_ssrcs_take_no_memory() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    let mut forged = seal(&mut sender, &rtp(SSRC, 7)).expect("fresh");
    let genuine = forged.clone();
    let count: u32 = if cfg!(debug_assertions) {
        1 << 16
    } else {
        1 << 20
    };
    for number in 0..count {
        forged[8..12].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        let result = receiver.unprotect_rtp(&mut forged);
        assert_eq!(result, Err(UnprotectError::Forged));
    }
    assert_nothing_changed(&receiver);
    let forged = receiver.statistics().discarded(UnprotectError::Forged);
    assert_eq!(forged, u64::from(count));
    assert!(open(&mut receiver, &genuine).is_ok());
}

/// T-SRT-10: our own packets reflected, under keys of DTLS (RFC 5764 §4.2).
#[test]
fn t_srt_10_reflected_packets_are_dropped() {
    for profile in Profile::DEFAULT {
        let exported: Vec<u8> = (0..profile.exported_len()).map(|i| i as u8).collect();
        for role in [Role::Client, Role::Server] {
            let (keys, other) = srtp::from_dtls(profile, &exported, role).expect("fits");
            let mut sender = srtp::Sender::new(keys, SenderConfig::default()).expect("valid");
            let mut receiver = Receiver::new(other, ReceiverConfig::default()).expect("valid");
            let sealed = seal(&mut sender, &rtp(SSRC, 7)).expect("fresh");
            let result = open(&mut receiver, &sealed);
            assert_eq!(result, Err(UnprotectError::Forged));
            let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
            let result = open_rtcp(&mut receiver, &sealed);
            assert_eq!(result, Err(UnprotectError::Forged));
        }
    }
}

/// T-SRT-14: headers that lie about their length, sealed by an honest key; and packets of 0 to 12 +
/// tag bytes.
#[test]
fn t_srt_14_headers_past_the_end_are_dropped() {
    for profile in Profile::ALL {
        let (_, mut receiver) = pair(profile);
        for len in 0..12 + profile.rtp_tag_len() {
            let packet = vec![0x80; len];
            let result = open(&mut receiver, &packet);
            assert_eq!(result, Err(UnprotectError::Truncated), "{profile} {len}");
        }
        let trailer = vec![0; profile.rtp_tag_len()];
        let mut fifteen_csrcs = vec![0; 12 + 4 * 15 - 1];
        fifteen_csrcs[0] = 0x8f;
        let mut endless = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        endless.extend([0xbe, 0xde, 0xff, 0xff, 0, 0, 0, 0]);
        let mut no_extension = rtp(SSRC, 1);
        no_extension[0] = 0x90;
        no_extension.truncate(15);
        for packet in [fifteen_csrcs, endless, no_extension] {
            let packet = [&packet[..], &trailer].concat();
            let result = open(&mut receiver, &packet);
            assert_eq!(result, Err(UnprotectError::Truncated), "{profile}");
        }
        for version in [0x00, 0x40, 0xc0] {
            let mut packet = [rtp(SSRC, 1), trailer.clone()].concat();
            packet[0] = version;
            let result = open(&mut receiver, &packet);
            assert_eq!(result, Err(UnprotectError::Version), "{profile}");
        }
        assert_nothing_changed(&receiver);
    }
}

/// T-SRT-14, RFC 3550 §A.1: padding of 0 or more bytes than the payload, from an authentic sender.
#[test]
fn t_srt_14_padding_that_does_not_fit_is_dropped() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        for (sequence_number, (padding, valid)) in
            [(0, false), (1, true), (20, true), (21, false), (255, false)]
                .into_iter()
                .enumerate()
        {
            let mut packet = rtp(SSRC, sequence_number as u16);
            packet[0] |= 0x20;
            packet[31] = padding;
            let mut sealed = seal(&mut sender, &packet).expect("fresh");
            let result = receiver.unprotect_rtp(&mut sealed);
            if valid {
                assert_eq!(result.map(|opened| opened.len), Ok(32), "{padding}");
            } else {
                assert_eq!(result, Err(UnprotectError::Padding), "{padding}");
                assert_eq!(sealed[12..32], [0; 20]);
            }
        }
        let mut empty = rtp(SSRC, 100);
        empty[0] |= 0x20;
        let sealed = seal(&mut sender, &empty[..12]).expect("fresh");
        let result = open(&mut receiver, &sealed);
        assert_eq!(result, Err(UnprotectError::Padding));
    }
}
