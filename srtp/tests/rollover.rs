//! Sequence numbers that wrap: the rollover counter of sender and receiver.

mod pair;

use pair::{SSRC, TRANSFORMS, open, pair, receiver, rtp, seal};
use srtp::{
    CounterError, Duplicates, Event, Freshness, Incoming, Kind, Profile, ProtectError,
    ReceiverConfig, RocRecovery, UnprotectError,
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

/// T-SRT-02, RFC 3711 appendix A: at ROC 0, a sequence number more than 2^15 ahead is of the ROC
/// before, and is not sealed. Were it, all that follows would be of ROC 1, and lost to a receiver
/// that it reaches late.
#[test]
fn t_srt_02_nothing_is_sealed_below_roc_0() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let mut late = Vec::new();
        for sequence_number in [2, 65534, 0x8003, 3, 4, 0x8002, 0x8003] {
            let result = seal(&mut sender, &rtp(SSRC, sequence_number));
            // 2^15 ahead is still ahead.
            if matches!(sequence_number, 65534) || sequence_number == 0x8003 && late.len() < 2 {
                assert_eq!(
                    result,
                    Err(ProtectError::IndexTooOld),
                    "{sequence_number:#x}"
                );
                late.push(sequence_number);
                continue;
            }
            let sealed = result.expect("fresh");
            let opened = open(&mut receiver, &sealed).expect("authentic");
            assert_eq!(opened.index, u64::from(sequence_number));
            assert_eq!(opened.freshness, Freshness::New);
        }
        assert_eq!((sender.roc(SSRC), receiver.roc(SSRC)), (Some(0), Some(0)));
        assert_eq!(sender.statistics().refused, 2);
    }
}

/// The same for the first packet of a stream: it may have any sequence number, and is of ROC 0.
#[test]
fn t_srt_02_a_stream_may_begin_anywhere() {
    for first in [0, 0x7fff, 0x8000, 0xffff] {
        let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
        let sealed = seal(&mut sender, &rtp(SSRC, first)).expect("fresh");
        let opened = open(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.index, u64::from(first));
    }
}

/// Another sender may take such a packet for one of ROC 0: where the tag says so, it is.
#[test]
fn a_receiver_takes_the_roc_that_the_tag_proves() {
    for profile in TRANSFORMS {
        let (mut ahead, mut receiver) = pair(profile);
        let (mut other, _) = pair(profile);
        let first = seal(&mut other, &rtp(SSRC, 5)).expect("fresh");
        assert!(open(&mut receiver, &first).is_ok());
        let sealed = seal(&mut ahead, &rtp(SSRC, 0xfff0)).expect("fresh");
        let opened = open(&mut receiver, &sealed).expect("authentic");
        assert_eq!((opened.index, opened.freshness), (0xfff0, Freshness::New));
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

/// Packets from before the wrap that reach a receiver after it was told the ROC behind the wrap.
#[test]
fn a_late_joiner_hears_packets_from_before_the_wrap() {
    for profile in TRANSFORMS {
        for roc in [1, 40, u32::MAX] {
            for duplicates in [Duplicates::Drop, Duplicates::Report] {
                let config = ReceiverConfig {
                    duplicates,
                    ..ReceiverConfig::default()
                };
                let mut receiver = receiver(profile, config);
                let (mut sender, _) = pair(profile);
                sender.set_roc(SSRC, roc - 1).expect("a new stream");
                receiver.set_roc(SSRC, roc).expect("a new stream");
                assert_eq!(receiver.roc(SSRC), Some(roc));
                for sequence_number in [0xfff0, 0xffff, 3] {
                    let sealed = seal(&mut sender, &rtp(SSRC, sequence_number)).expect("fresh");
                    let opened = open(&mut receiver, &sealed).expect("authentic");
                    let expected = u64::from(roc - u32::from(sequence_number > 3)) << 16
                        | u64::from(sequence_number);
                    assert_eq!(opened.index, expected);
                    assert_eq!(opened.freshness, Freshness::New);
                }
                assert_eq!(receiver.statistics().recovered, 1);
                let forged = receiver.statistics().discarded(UnprotectError::Forged);
                assert_eq!(forged, 0);
            }
        }
    }
}

/// The same in a batch, where all are looked at before the first is taken.
#[test]
fn a_late_joiner_hears_a_batch_from_before_the_wrap() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        sender.set_roc(SSRC, 6).expect("a new stream");
        receiver.set_roc(SSRC, 7).expect("a new stream");
        let first = 7 * 0x1_0000 - 20;
        let mut sealed: Vec<_> = (first..first + 40)
            .map(|index| seal(&mut sender, &rtp(SSRC, index as u16)).expect("fresh"))
            .collect();
        let mut packets: Vec<_> = sealed
            .iter_mut()
            .map(|packet| Incoming::new(0, packet))
            .collect();
        srtp::unprotect_batch(&mut [&mut receiver], &mut packets);
        for (index, packet) in (first..).zip(&mut packets) {
            let (opened, _) = packet.outcome().expect("it has run").expect("authentic");
            assert_eq!((opened.index, opened.freshness), (index, Freshness::New));
        }
        assert_eq!(receiver.statistics().recovered, 1);
    }
}

/// Once a packet from before the wrap has come, half a cycle is counted from it and not from the ROC
/// that was told: in a batch too, where what is behind it was looked at before.
#[test]
fn what_follows_a_packet_from_before_the_wrap_counts_from_it() {
    let expect = |number: u16, duplicates, roc_recovery| match (duplicates, roc_recovery) {
        // Less than half a cycle ahead of the first.
        _ if number < 0x7ff0 => Ok(5 << 16 | u64::from(number)),
        (Duplicates::Drop, _) => Err(UnprotectError::TooOld),
        (_, RocRecovery::Always) => Ok(5 << 16 | u64::from(number)),
        _ => Err(UnprotectError::Forged),
    };
    for profile in TRANSFORMS {
        for roc_recovery in [RocRecovery::Always, RocRecovery::FirstPacket] {
            for duplicates in [Duplicates::Drop, Duplicates::Report] {
                for number in [0x7fee, 0x7fef, 0x7ff0, 0x7ff1, 0x7ff2] {
                    let config = ReceiverConfig {
                        duplicates,
                        roc_recovery,
                        ..ReceiverConfig::default()
                    };
                    let expected = expect(number, duplicates, roc_recovery);
                    let [first, second] = [(4, 0xfff0), (5, number)].map(|(roc, number)| {
                        let (mut sender, _) = pair(profile);
                        sender.set_roc(SSRC, roc).expect("a new stream");
                        seal(&mut sender, &rtp(SSRC, number)).expect("fresh")
                    });
                    let mut single = receiver(profile, config.clone());
                    single.set_roc(SSRC, 5).expect("a new stream");
                    assert!(open(&mut single, &first).is_ok());
                    let opened = open(&mut single, &second).map(|opened| opened.index);
                    assert_eq!(opened, expected, "{number:#x}");

                    let mut batched = receiver(profile, config);
                    batched.set_roc(SSRC, 5).expect("a new stream");
                    let mut copies = [first, second];
                    let mut packets = copies.each_mut().map(|copy| Incoming::new(0, copy));
                    srtp::unprotect_batch(&mut [&mut batched], &mut packets);
                    let outcome = packets[1].outcome().expect("it has run");
                    assert_eq!(outcome.map(|(opened, _)| opened.index), expected);
                    assert_eq!(batched.state_digest(), single.state_digest());
                    let recovered = |of: &srtp::Receiver| of.statistics().recovered;
                    assert_eq!(recovered(&batched), recovered(&single));
                }
            }
        }
    }
}

/// What a stream has taken before its ROC was told is not taken again, nor anything before that.
#[test]
fn a_roc_that_is_told_brings_nothing_back() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        sender.set_roc(SSRC, 6).expect("a new stream");
        receiver.set_roc(SSRC, 6).expect("a new stream");
        let [old, newest, unseen] = [0xfff0, 0xfff8, 0xfff9]
            .map(|number| seal(&mut sender, &rtp(SSRC, number)).expect("fresh"));
        assert!(open(&mut receiver, &newest).is_ok());
        receiver.set_roc(SSRC, 7).expect("ahead");
        for (packet, freshness) in [
            (&old, Freshness::TooOld),
            (&newest, Freshness::TooOld),
            (&unseen, Freshness::New),
            (&newest, Freshness::TooOld),
            (&unseen, Freshness::Duplicate),
        ] {
            let opened = open(&mut receiver, packet).expect("authentic");
            assert_eq!(opened.freshness, freshness, "{profile}");
        }
    }
}

/// With `Duplicates::Drop`, what is below the floor is told by its tag, and is not called forged.
#[test]
fn below_a_roc_that_was_told_is_too_old_and_not_forged() {
    for profile in TRANSFORMS {
        let config = ReceiverConfig {
            duplicates: Duplicates::Drop,
            ..ReceiverConfig::default()
        };
        let mut receiver = receiver(profile, config);
        let (mut sender, _) = pair(profile);
        sender.set_roc(SSRC, 6).expect("a new stream");
        receiver.set_roc(SSRC, 6).expect("a new stream");
        let [old, newest] =
            [0xfff0, 0xfff8].map(|number| seal(&mut sender, &rtp(SSRC, number)).expect("fresh"));
        assert!(open(&mut receiver, &newest).is_ok());
        receiver.set_roc(SSRC, 7).expect("ahead");
        let before = receiver.state_digest();
        assert_eq!(open(&mut receiver, &old), Err(UnprotectError::TooOld));
        assert_eq!(receiver.state_digest(), before);
    }
}

/// No guess, no packets from before the wrap; and a sequence number far from the edge is of the ROC
/// that was told.
#[test]
fn a_late_joiner_guesses_only_where_it_may() {
    let config = ReceiverConfig {
        roc_recovery: RocRecovery::Never,
        ..ReceiverConfig::default()
    };
    let profile = Profile::AeadAes128Gcm;
    let (mut sender, mut guessing) = pair(profile);
    let mut never = receiver(profile, config);
    sender.set_roc(SSRC, 6).expect("a new stream");
    guessing.set_roc(SSRC, 7).expect("a new stream");
    never.set_roc(SSRC, 7).expect("a new stream");
    // Nearer to the edge behind than to the one in front: of ROC 7 or 8, not of 6.
    let low = seal(&mut sender, &rtp(SSRC, 0x7fff)).expect("fresh");
    assert_eq!(open(&mut guessing, &low), Err(UnprotectError::Forged));
    let high = seal(&mut sender, &rtp(SSRC, 0x8000)).expect("fresh");
    assert_eq!(open(&mut never, &high), Err(UnprotectError::Forged));
    assert_eq!(
        open(&mut guessing, &high).map(|o| o.index),
        Ok(6 << 16 | 0x8000)
    );
}

/// A sender that is told a ROC seals nothing before it: whoever began the stream may have.
#[test]
fn a_sender_seals_nothing_before_the_roc_it_was_told() {
    let (mut sender, _) = pair(Profile::AeadAes128Gcm);
    sender.set_roc(SSRC, 7).expect("a new stream");
    assert!(seal(&mut sender, &rtp(SSRC, 3)).is_ok());
    let refused = seal(&mut sender, &rtp(SSRC, 0xfff0));
    assert_eq!(refused, Err(ProtectError::IndexTooOld));
    assert_eq!(sender.roc(SSRC), Some(7));
}
