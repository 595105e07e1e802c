//! SRTCP.

mod pair;

use pair::{SSRC, TRANSFORMS, open, open_rtcp, pair, receiver, rtcp, rtp, seal, seal_rtcp, sender};
use srtp::{Kind, Profile, ReceiverConfig, SenderConfig, UnprotectError, classify};

/// RFC 5506: compound and reduced-size packets, down to the header alone.
#[test]
fn packets_of_every_length_go_through() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        for len in 8..300 {
            let mut plain = rtcp(SSRC);
            plain.resize(len, 0xa5);
            let mut sealed = seal_rtcp(&mut sender, &plain).expect("fresh");
            assert_eq!(sealed.len(), len + sender.rtcp_overhead());
            let opened = receiver.unprotect_rtcp(&mut sealed).expect("authentic");
            assert_eq!(sealed[..opened.len], plain);
        }
    }
}

/// T-RTC-02, RFC 3711 §3.4: a packet with E = 0 and a valid tag is dropped where encryption is
/// agreed on.
#[test]
fn t_rtc_02_packets_in_the_clear_are_dropped() {
    for profile in pair::ENCRYPTING {
        let config = SenderConfig {
            encrypt_rtcp: false,
            ..SenderConfig::default()
        };
        let mut sender = sender(profile, config);
        let (_, mut strict) = pair(profile);
        let config = ReceiverConfig {
            require_encrypted_rtcp: false,
            ..ReceiverConfig::default()
        };
        let mut lenient = receiver(profile, config);
        let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
        assert_eq!(sealed[..20], rtcp(SSRC));
        let result = open_rtcp(&mut strict, &sealed);
        assert_eq!(result, Err(UnprotectError::NotEncrypted));
        assert!(open_rtcp(&mut lenient, &sealed).is_ok());
    }
}

/// T-RTC-02: the E flag is authenticated.
#[test]
fn t_rtc_02_the_e_flag_cannot_be_flipped() {
    for profile in Profile::ALL {
        let config = ReceiverConfig {
            require_encrypted_rtcp: false,
            ..ReceiverConfig::default()
        };
        let (mut sender, _) = pair(profile);
        let mut receiver = receiver(profile, config);
        let mut sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
        let word = match profile {
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => 20 + 16,
            _ => 20,
        };
        sealed[word] ^= 0x80;
        let result = open_rtcp(&mut receiver, &sealed);
        assert_eq!(result, Err(UnprotectError::Forged), "{profile}");
    }
}

/// T-RTC-01: every flipped bit, the index among them.
#[test]
fn t_rtc_01_every_flipped_bit_is_found() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
        for bit in 0..8 * sealed.len() {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let before = forged.clone();
            let reason = receiver
                .unprotect_rtcp(&mut forged)
                .expect_err("a bit was flipped");
            let expected: &[UnprotectError] = match bit {
                6 | 7 => &[UnprotectError::Version],
                _ => &[UnprotectError::Forged, UnprotectError::NotEncrypted],
            };
            assert!(
                expected.contains(&reason),
                "{profile} bit {bit}: {reason:?}"
            );
            assert_eq!(forged, before);
        }
        assert_eq!(receiver.streams(), 0);
        assert!(open_rtcp(&mut receiver, &sealed).is_ok());
    }
}

/// T-RTC-03: packets of 0 to 8 + 4 + tag bytes.
#[test]
fn t_rtc_03_short_packets_are_dropped() {
    for profile in Profile::ALL {
        let (_, mut receiver) = pair(profile);
        let least = 8 + 4 + profile.rtcp_tag_len();
        for len in 0..=least {
            for filling in [0x80, 0xff] {
                let mut packet = vec![filling; len];
                if let Some(first) = packet.first_mut() {
                    *first = 0x80;
                }
                let reason = open_rtcp(&mut receiver, &packet).expect_err("nobody sealed it");
                if len < least {
                    assert_eq!(reason, UnprotectError::Truncated, "{profile} {len}");
                } else {
                    assert_eq!(reason, UnprotectError::Forged, "{profile} {len}");
                }
            }
        }
    }
}

/// T-RTC-04, RFC 5761 §4: RTP and RTCP have different keys, so that neither passes for the other.
#[test]
fn t_rtc_04_neither_passes_for_the_other() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        for second in 192..=223 {
            let mut plain = rtcp(SSRC);
            plain[1] = second;
            let sealed = seal_rtcp(&mut sender, &plain).expect("fresh");
            assert_eq!(classify(&sealed), Kind::Rtcp);
            let result = open(&mut receiver, &sealed);
            assert!(
                matches!(result, Err(UnprotectError::Forged)),
                "{profile} {second}: {result:?}"
            );
            assert!(open_rtcp(&mut receiver, &sealed).is_ok());
        }
        for (sequence_number, second) in (0..=127).chain(224..=255).enumerate() {
            let mut plain = rtp(SSRC, sequence_number as u16);
            plain[1] = second;
            let sealed = seal(&mut sender, &plain).expect("fresh");
            assert_eq!(classify(&sealed), Kind::Rtp);
            let reason = open_rtcp(&mut receiver, &sealed).expect_err("it is RTP");
            let expected = [UnprotectError::Forged, UnprotectError::NotEncrypted];
            assert!(expected.contains(&reason));
            assert!(open(&mut receiver, &sealed).is_ok());
        }
    }
}

/// T-RTC-05, RFC 3711 §5.2, RFC 5764 §4.1.2: 80 bits in the profiles with 32 too.
#[test]
fn t_rtc_05_tags_have_80_bits() {
    for profile in [
        Profile::Aes128CmSha1_32,
        Profile::Aes256CmSha1_32,
        Profile::NullSha1_32,
    ] {
        let (mut sender, mut receiver) = pair(profile);
        let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
        assert_eq!(sealed.len(), 20 + 4 + 10);
        let short = &sealed[..20 + 4 + 4];
        assert!(open_rtcp(&mut receiver, short).is_err());
        assert!(open_rtcp(&mut receiver, &sealed).is_ok());
    }
}

/// RFC 3711 §3.4: the index starts at 0, and each SSRC has its own.
#[test]
fn each_ssrc_counts_from_zero() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    for (ssrc, index) in [(1, 0), (1, 1), (2, 0), (1, 2), (2, 1)] {
        let sealed = seal_rtcp(&mut sender, &rtcp(ssrc)).expect("fresh");
        let opened = open_rtcp(&mut receiver, &sealed).expect("authentic");
        assert_eq!((opened.ssrc, opened.index), (ssrc, index));
        assert_eq!(u64::from(sender.rtcp_index(ssrc)), index + 1);
    }
}
