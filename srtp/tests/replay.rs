//! Packets that come again.

mod pair;

use pair::{SSRC, open, open_rtcp, pair, receiver, rtcp, rtp, seal, seal_rtcp};
use srtp::{Duplicates, Freshness, Profile, ReceiverConfig, UnprotectError};

/// T-SRT-13, RFC 3711 §3.3.2: at the edges of windows of every size.
#[test]
fn t_srt_13_the_window_has_its_exact_edges() {
    for (configured, window) in [(64, 64), (100, 128), (1024, 1024), (32768, 32768)] {
        let config = ReceiverConfig {
            rtp_window: configured,
            ..ReceiverConfig::default()
        };
        let (mut sender, _) = pair(Profile::Aes128CmSha1_80);
        let mut receiver = receiver(Profile::Aes128CmSha1_80, config);
        sender.set_roc(SSRC, 3).expect("a new stream");
        receiver.set_roc(SSRC, 3).expect("a new stream");
        let newest = 0xffff;
        let mut behind: Vec<u16> = vec![0x8000, window, window - 1, window - 2, 2, 1, 0];
        behind.dedup();
        let sealed: Vec<_> = behind
            .iter()
            .map(|back| seal(&mut sender, &rtp(SSRC, newest - back)).expect("fresh"))
            .collect();
        let newest_packet = sealed.last().expect("there are some");
        assert!(open(&mut receiver, newest_packet).is_ok());
        for (back, packet) in behind.iter().zip(&sealed) {
            let expected = match back {
                0 => Freshness::Duplicate,
                back if *back < window => Freshness::New,
                _ => Freshness::TooOld,
            };
            let opened = open(&mut receiver, packet).map(|opened| opened.freshness);
            assert_eq!(opened, Ok(expected), "{window} {back}");
        }
    }
}

/// T-SRT-13: 10^6 packets, each delivered twice; nothing is new twice.
#[test]
fn t_srt_13_nothing_is_new_twice_among_a_million() {
    let count: u32 = if cfg!(debug_assertions) {
        100_000
    } else {
        1_000_000
    };
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    let mut before = Vec::new();
    for number in 0..count {
        let sealed = seal(&mut sender, &rtp(SSRC, number as u16)).expect("fresh");
        let opened = open(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.freshness, Freshness::New);
        if number > 0 {
            let opened = open(&mut receiver, &before).expect("authentic");
            assert_eq!(opened.freshness, Freshness::Duplicate);
        }
        before = sealed;
    }
    assert_eq!(receiver.statistics().rtp, u64::from(count));
    assert_eq!(receiver.statistics().duplicates, u64::from(count) - 1);
}

/// What becomes of duplicates is configured; a forgery is never called a duplicate.
#[test]
fn duplicates_are_dropped_reported_or_delivered() {
    for profile in Profile::ALL {
        for duplicates in [Duplicates::Drop, Duplicates::Report, Duplicates::Deliver] {
            let config = ReceiverConfig {
                duplicates,
                ..ReceiverConfig::default()
            };
            let (mut sender, _) = pair(profile);
            let mut receiver = receiver(profile, config);
            let plain = rtp(SSRC, 7);
            let sealed = seal(&mut sender, &plain).expect("fresh");
            assert!(open(&mut receiver, &sealed).is_ok());
            let mut again = sealed.clone();
            let result = receiver.unprotect_rtp(&mut again);
            match duplicates {
                Duplicates::Drop => {
                    assert_eq!(result, Err(UnprotectError::Replayed));
                    assert_eq!(again, sealed);
                }
                Duplicates::Report => {
                    let opened = result.expect("authentic");
                    assert_eq!((opened.freshness, opened.len), (Freshness::Duplicate, 12));
                    assert_eq!(again[..12], plain[..12]);
                    assert_eq!(again[12..32], [0; 20]);
                }
                Duplicates::Deliver => {
                    let opened = result.expect("authentic");
                    assert_eq!((opened.freshness, opened.len), (Freshness::Duplicate, 32));
                    assert_eq!(again[..32], plain);
                }
            }
            let mut forged = sealed.clone();
            forged[20] ^= 1;
            let reason = match duplicates {
                Duplicates::Drop => UnprotectError::Replayed,
                Duplicates::Report | Duplicates::Deliver => UnprotectError::Forged,
            };
            assert_eq!(open(&mut receiver, &forged), Err(reason));
        }
    }
}

/// A duplicate's header extension is readable, where a congestion controller looks for its number.
#[test]
fn a_duplicate_keeps_its_header() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    let mut plain = rtp(SSRC, 7);
    plain[0] |= 0x10;
    plain.splice(12..12, [0xbe, 0xde, 0, 1, 0x31, 0x12, 0x34, 0]);
    let sealed = seal(&mut sender, &plain).expect("fresh");
    assert!(open(&mut receiver, &sealed).is_ok());
    let mut again = sealed.clone();
    let opened = receiver.unprotect_rtp(&mut again).expect("authentic");
    assert!(opened.is_duplicate());
    assert_eq!(again[..opened.len], plain[..20]);
}

/// T-RTC-01, RFC 3711 §3.4: the SRTCP index is its own, with a window of 128.
#[test]
fn t_rtc_01_rtcp_is_not_replayed() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let sealed: Vec<_> = (0..200)
            .map(|_| seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh"))
            .collect();
        for (index, expected) in [
            (150, Freshness::New),
            (150, Freshness::Duplicate),
            (149, Freshness::New),
            (150 - 127, Freshness::New),
            (150 - 128, Freshness::TooOld),
            (199, Freshness::New),
            (199 - 127, Freshness::New),
            (199 - 128, Freshness::TooOld),
            (150, Freshness::Duplicate),
        ] {
            let mut packet = sealed[index].clone();
            let opened = receiver.unprotect_rtcp(&mut packet).expect("authentic");
            assert_eq!((opened.index, opened.freshness), (index as u64, expected));
            if expected != Freshness::New {
                assert_eq!((opened.len, &packet[8..20]), (8, &[0; 12][..]));
            }
        }
        assert!(open_rtcp(&mut receiver, &sealed[198]).is_ok_and(|o| !o.is_duplicate()));
    }
}
