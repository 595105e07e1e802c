//! Many SSRCs in one context.

mod pair;

use pair::{SSRC, open, open_rtcp, pair, receiver, rtcp, rtp, seal, seal_rtcp, sender};
use srtp::{Freshness, Profile, ProtectError, ReceiverConfig, SenderConfig, UnprotectError};

/// T-SRT-06: A, B, A again: ROC and replay list of each are kept.
#[test]
fn t_srt_06_a_stream_that_pauses_keeps_its_place() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    let mut send = |ssrc, sequence_number| {
        let sealed = seal(&mut sender, &rtp(ssrc, sequence_number)).expect("fresh");
        (
            open(&mut receiver, &sealed).expect("authentic").index,
            sealed,
        )
    };
    send(1, 0xffff);
    let (index, old) = send(1, 1);
    assert_eq!(index, 0x1_0001);
    assert_eq!(send(2, 500).0, 500);
    assert_eq!(send(1, 2).0, 0x1_0002);
    let again = open(&mut receiver, &old).expect("authentic");
    assert_eq!(again.freshness, Freshness::Duplicate);
}

/// T-SRT-06: a stream that gave way and returns takes nothing it has taken, and its ROC goes on.
#[test]
fn t_srt_06_a_stream_that_gave_way_keeps_its_floor() {
    for profile in Profile::ALL {
        let config = ReceiverConfig {
            max_streams: 2,
            ..ReceiverConfig::default()
        };
        let (mut sender, _) = pair(profile);
        let mut receiver = receiver(profile, config);
        let mut sealed = Vec::new();
        for sequence_number in [0xfffe, 0xffff, 0, 1] {
            let packet = seal(&mut sender, &rtp(1, sequence_number)).expect("fresh");
            // The last but one is not delivered.
            if sequence_number != 0 {
                assert!(open(&mut receiver, &packet).is_ok());
            }
            sealed.push(packet);
        }
        let rtcp_sealed = seal_rtcp(&mut sender, &rtcp(1)).expect("fresh");
        assert!(open_rtcp(&mut receiver, &rtcp_sealed).is_ok());
        for ssrc in [2, 3] {
            let packet = seal(&mut sender, &rtp(ssrc, 1)).expect("fresh");
            assert!(open(&mut receiver, &packet).is_ok());
        }
        assert_eq!((receiver.streams(), receiver.roc(1)), (2, Some(1)));
        for packet in &sealed {
            let opened = open(&mut receiver, packet).expect("authentic");
            assert_eq!(opened.freshness, Freshness::TooOld);
        }
        let opened = open_rtcp(&mut receiver, &rtcp_sealed).expect("authentic");
        assert!(opened.is_duplicate());
        let next = seal(&mut sender, &rtp(1, 2)).expect("fresh");
        let opened = open(&mut receiver, &next).expect("authentic");
        assert_eq!((opened.index, opened.freshness), (0x1_0002, Freshness::New));
    }
}

/// T-SRT-09: a hostile peer with the key and 10^5 SSRCs fills the table and its memory of floors,
/// and no more.
#[test]
fn t_srt_09_ssrcs_are_bounded() {
    let config = SenderConfig {
        max_retired_streams: 200_000,
        ..SenderConfig::default()
    };
    let mut sender = sender(Profile::AeadAes128Gcm, config);
    let mut receiver = receiver(Profile::AeadAes128Gcm, ReceiverConfig::default());
    let first = seal(&mut sender, &rtp(SSRC, 7)).expect("fresh");
    assert!(open(&mut receiver, &first).is_ok());
    let count: u32 = if cfg!(debug_assertions) {
        10_000
    } else {
        100_000
    };
    for ssrc in 0..count {
        let mut sealed = seal(&mut sender, &rtp(ssrc, 1)).expect("fresh");
        let result = receiver.unprotect_rtp(&mut sealed);
        // The first stream and 255 of these, and the 4096 that gave way to others.
        if ssrc < 255 + 4096 {
            assert!(result.is_ok(), "{ssrc}");
        } else {
            assert_eq!(result, Err(UnprotectError::TooManyStreams), "{ssrc}");
            assert_eq!(sealed[12..32], [0; 20], "the payload is wiped");
        }
        assert!(receiver.streams() <= 256);
    }
    let replayed = open(&mut receiver, &first).expect("authentic");
    assert_eq!(replayed.freshness, Freshness::TooOld);
    let next = seal(&mut sender, &rtp(SSRC, 8)).expect("fresh");
    let opened = open(&mut receiver, &next).expect("an SSRC that is known may return");
    assert_eq!(opened.freshness, Freshness::New);
}

/// RFC 3711 §9.1: a sender forgets no index either: past its table, SSRCs are refused.
#[test]
fn a_sender_forgets_nothing() {
    let config = SenderConfig {
        max_streams: 2,
        max_retired_streams: 1,
        ..SenderConfig::default()
    };
    let mut sender = sender(Profile::AeadAes128Gcm, config);
    for ssrc in [1, 2, 3] {
        assert!(seal(&mut sender, &rtp(ssrc, 100)).is_ok());
    }
    let refused = seal(&mut sender, &rtp(4, 100));
    assert_eq!(refused, Err(ProtectError::TooManyStreams));
    let refused = seal_rtcp(&mut sender, &rtcp(4));
    assert_eq!(refused, Err(ProtectError::TooManyStreams));
    for sequence_number in [99, 100] {
        let refused = seal(&mut sender, &rtp(1, sequence_number));
        assert_eq!(refused, Err(ProtectError::IndexTooOld));
    }
    assert!(seal(&mut sender, &rtp(1, 101)).is_ok());
}
