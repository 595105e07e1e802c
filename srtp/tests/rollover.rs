//! Sequence numbers that wrap: the rollover counter of sender and receiver.

mod pair;

use pair::{SSRC, TRANSFORMS, open, pair, receiver, rtp, seal};
use srtp::{
    CounterError, Event, Freshness, Kind, Profile, ProtectError, ReceiverConfig, RocRecovery,
    UnprotectError,
};

/// T-SRT-02: a walk over the wrap with losses of every size below 2^15, at ROC 0 and at the last.
#[test]
fn t_srt_02_losses_below_half_a_cycle_keep_the_roc() {
    for profile in TRANSFORMS {
        for roc in [0, 1, u32::MAX - 2] {
            let (mut sender, mut receiver) = pair(profile);
            sender.set_roc(SSRC, roc).expect("a new stream");
            receiver.set_roc(SSRC, roc).expect("a new stream");
            let mut index = u64::from(roc) << 16 | 0x7fff;
            for lost in [0, 1, 100, 0x3fff, 0x7ffd, 0x7ffe, 0, 5, 0x7ffe] {
                // The sender sends all; only what the receiver misses is told in steps its estimate
                // can follow.
                for sent in [index + lost / 2, index + lost + 1] {
                    let sealed = seal(&mut sender, &rtp(SSRC, sent as u16));
                    if sent != index + lost + 1 {
                        continue;
                    }
                    let opened = open(&mut receiver, &sealed.expect("fresh")).expect("authentic");
                    assert_eq!((opened.index, opened.freshness), (sent, Freshness::New));
                }
                index += lost + 1;
            }
            assert_eq!(sender.roc(SSRC), receiver.roc(SSRC));
            assert_eq!(receiver.roc(SSRC), Some((index >> 16) as u32));
        }
    }
}

/// T-SRT-02: packets out of order across the wrap.
#[test]
fn t_srt_02_reordering_across_the_wrap() {
    for profile in TRANSFORMS {
        for roc in [0, u32::MAX - 1] {
            let (mut sender, mut receiver) = pair(profile);
            sender.set_roc(SSRC, roc).expect("a new stream");
            receiver.set_roc(SSRC, roc).expect("a new stream");
            let first = u64::from(roc) << 16 | 0xffc0;
            let mut sealed: Vec<_> = (first..first + 128)
                .map(|index| (index, seal(&mut sender, &rtp(SSRC, index as u16))))
                .collect();
            // Blocks of 32 swapped pairwise, and each block backwards.
            sealed.sort_by_key(|(index, _)| ((index / 32) ^ 1, u64::MAX - index));
            for (index, sealed) in sealed {
                let opened = open(&mut receiver, &sealed.expect("fresh")).expect("authentic");
                assert_eq!((opened.index, opened.freshness), (index, Freshness::New));
            }
        }
    }
}

/// T-SRT-02, RFC 3711 §3.3.1: no index below 0: at ROC 0 a jump back is taken for one ahead.
#[test]
fn t_srt_02_nothing_lies_below_roc_0() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    for (sequence_number, index) in [(5, 5), (0xfff0, 0xfff0), (3, 0x1_0003)] {
        let sealed = seal(&mut sender, &rtp(SSRC, sequence_number)).expect("fresh");
        let opened = open(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.index, index);
    }
}

/// T-SRT-02, T-SRT-15, RFC 3711 §9.2: the index ends at 2^48 - 1, on both sides, with a warning
/// before.
#[test]
fn t_srt_02_nothing_lies_beyond_the_last_index() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    sender.set_roc(SSRC, u32::MAX).expect("a new stream");
    receiver.set_roc(SSRC, u32::MAX).expect("a new stream");
    let mut last = Vec::new();
    for sequence_number in [0x8000, 0xfffe, 0xffff] {
        last = seal(&mut sender, &rtp(SSRC, sequence_number)).expect("fresh");
        assert!(open(&mut receiver, &last).is_ok());
    }
    let refused = seal(&mut sender, &rtp(SSRC, 0));
    assert_eq!(refused, Err(ProtectError::IndexExhausted));
    last[2..4].fill(0);
    let refused = open(&mut receiver, &last);
    assert_eq!(refused, Err(UnprotectError::IndexExhausted));
    let expected = Event::StreamExpiring {
        ssrc: SSRC,
        kind: Kind::Rtp,
    };
    assert_eq!(
        sender.poll_event(),
        None,
        "the stream began in its last sixteenth"
    );
    assert_eq!(receiver.poll_event(), None);

    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    let soft = u32::MAX - u32::MAX / 16;
    sender.set_roc(SSRC, soft - 1).expect("a new stream");
    receiver.set_roc(SSRC, soft - 1).expect("a new stream");
    for sequence_number in (0..=0xffff).step_by(0x4000).chain([0x1_0000 - 1]) {
        let sealed = seal(&mut sender, &rtp(SSRC, sequence_number as u16)).expect("fresh");
        assert!(open(&mut receiver, &sealed).is_ok());
        assert_eq!((sender.poll_event(), receiver.poll_event()), (None, None));
    }
    for sequence_number in [0, 0x4000, 0x8000, 0xc000, 0xffff, 0x1000] {
        let sealed = seal(&mut sender, &rtp(SSRC, sequence_number)).expect("fresh");
        assert!(open(&mut receiver, &sealed).is_ok());
    }
    assert_eq!(sender.poll_event(), Some(expected));
    assert_eq!(receiver.poll_event(), Some(expected));
    assert_eq!((sender.poll_event(), receiver.poll_event()), (None, None));
}

/// T-SRT-04: each SSRC has its own ROC.
#[test]
fn t_srt_04_streams_wrap_apart() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        let mut send = |ssrc, sequence_number| {
            let sealed = seal(&mut sender, &rtp(ssrc, sequence_number)).expect("fresh");
            open(&mut receiver, &sealed).expect("authentic").index
        };
        assert_eq!(send(1, 0xffff), 0xffff);
        assert_eq!(send(2, 0xffff), 0xffff);
        assert_eq!(send(1, 0), 0x1_0000);
        assert_eq!(send(2, 0xfffe), 0xfffe);
        assert_eq!(send(1, 1), 0x1_0001);
        assert_eq!((receiver.roc(1), receiver.roc(2)), (Some(1), Some(0)));
    }
}

/// T-SRT-05: the first packets, just before the edge, are lost: the first that arrives is found at
/// ROC 1, in place.
#[test]
fn t_srt_05_a_stream_whose_start_was_lost_is_found() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let lost = seal(&mut sender, &rtp(SSRC, 65535)).expect("fresh");
        for sequence_number in [0, 1, 2] {
            let plain = rtp(SSRC, sequence_number);
            let mut sealed = seal(&mut sender, &plain).expect("fresh");
            let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
            assert_eq!(opened.index, 0x1_0000 + u64::from(sequence_number));
            assert_eq!(sealed[..opened.len], plain);
        }
        assert_eq!(receiver.statistics().recovered, 1);
        // The packet that seemed lost comes late.
        let opened = open(&mut receiver, &lost).expect("authentic");
        assert_eq!((opened.index, opened.freshness), (65535, Freshness::New));
    }
}

/// T-SRT-05: without recovery it is not found; and only a low sequence number is tried again.
#[test]
fn t_srt_05_recovery_can_be_off() {
    let config = ReceiverConfig {
        roc_recovery: RocRecovery::Never,
        ..ReceiverConfig::default()
    };
    let (mut sender, _) = pair(Profile::AeadAes128Gcm);
    let mut receiver = receiver(Profile::AeadAes128Gcm, config);
    seal(&mut sender, &rtp(SSRC, 65535)).expect("fresh");
    let sealed = seal(&mut sender, &rtp(SSRC, 0)).expect("fresh");
    let result = open(&mut receiver, &sealed);
    assert_eq!(result, Err(UnprotectError::Forged));
}

/// T-SRT-07: an outage of more than 2^15 packets: lost for good by default, found with
/// `RocRecovery::Always`; never a replay.
#[test]
fn t_srt_07_outages_beyond_half_a_cycle() {
    for profile in TRANSFORMS {
        for (roc_recovery, gap, found) in [
            (RocRecovery::FirstPacket, 0x7fff, true),
            (RocRecovery::FirstPacket, 0x9000, false),
            (RocRecovery::Always, 0x9000, true),
            (RocRecovery::Always, 0x1_7fff, true),
            (RocRecovery::Always, 0x1_8002, false),
        ] {
            let (mut sender, _) = pair(profile);
            let config = ReceiverConfig {
                roc_recovery,
                ..ReceiverConfig::default()
            };
            let mut receiver = receiver(profile, config);
            let first = seal(&mut sender, &rtp(SSRC, 0x9000)).expect("fresh");
            assert!(open(&mut receiver, &first).is_ok());
            for lost in (0x9000..0x9000 + gap).step_by(0x1000).skip(1) {
                seal(&mut sender, &rtp(SSRC, lost as u16)).expect("fresh");
            }
            let index = 0x9000 + gap;
            let sealed = seal(&mut sender, &rtp(SSRC, index as u16)).expect("fresh");
            let result = open(&mut receiver, &sealed).map(|opened| opened.index);
            let expected = if found {
                Ok(index)
            } else {
                Err(UnprotectError::Forged)
            };
            assert_eq!(result, expected, "{profile} {roc_recovery:?} {gap:#x}");
            let replayed = open(&mut receiver, &first);
            assert!(replayed.is_ok_and(|old| old.is_duplicate()) || index > 0x1_1000);
            assert_ne!(replayed.map(|old| old.freshness), Ok(Freshness::New));
        }
    }
}

/// RFC 3711 §3.3.1: whoever joins late is told the ROC, which may have moved on by the first
/// packet.
#[test]
fn a_late_joiner_is_told_the_roc() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        sender.set_roc(SSRC, 41).expect("a new stream");
        receiver.set_roc(SSRC, 40).expect("a new stream");
        let sealed = seal(&mut sender, &rtp(SSRC, 9)).expect("fresh");
        let opened = open(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.index, 41 << 16 | 9);
        assert_eq!(receiver.set_roc(SSRC, 40), Err(CounterError::Backwards));
        assert_eq!(sender.set_roc(SSRC, 40), Err(CounterError::Backwards));
        assert_eq!(sender.set_roc(SSRC, 41), Ok(()));
        let again = seal(&mut sender, &rtp(SSRC, 9));
        assert_eq!(again, Err(ProtectError::IndexUsed));
    }
}
