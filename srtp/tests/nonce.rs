//! That no key seals two packets under one index, and that every key ends.

mod pair;

use std::collections::HashMap;

use pair::{
    SSRC, TRANSFORMS, open, open_rtcp, pair, receiver_keys, rtcp, rtp, seal, seal_rtcp, sender_keys,
};
use srtp::{
    CounterError, Event, Freshness, Kind, Lifetime, Profile, ProtectError, Receiver,
    ReceiverConfig, Sender, SenderConfig, UnprotectError,
};

/// T-SRT-11, RFC 3711 §9.1, RFC 7714 §8.4: a sequence number is sealed once, whatever the payload.
#[test]
fn t_srt_11_a_sequence_number_is_sealed_once() {
    for profile in Profile::ALL {
        let (mut sender, _) = pair(profile);
        let first = rtp(SSRC, 7);
        let mut other = first.clone();
        other[20] ^= 1;
        assert!(seal(&mut sender, &first).is_ok());
        assert_eq!(seal(&mut sender, &first), Err(ProtectError::IndexUsed));
        let mut buffer = other.clone();
        buffer.resize(100, 0xee);
        let before = buffer.clone();
        let refused = sender.protect_rtp(&mut buffer, other.len());
        assert_eq!(refused, Err(ProtectError::IndexUsed));
        assert_eq!(buffer, before);
    }
}

/// T-SRT-11: an audit over wraps, reordering and repetitions: each index comes out once.
#[test]
fn t_srt_11_no_index_comes_out_twice() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    let mut sealed_under = HashMap::new();
    let mut random = 1_u64;
    let mut at = 60_000_u64;
    for _ in 0..20_000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        at += random >> 60;
        let index = at.saturating_sub(random >> 32 & 0x7ff);
        let mut plain = rtp(SSRC, index as u16);
        plain[12..20].copy_from_slice(&random.to_be_bytes());
        let Ok(sealed) = seal(&mut sender, &plain) else {
            continue;
        };
        let opened = open(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.freshness, Freshness::New);
        assert_eq!(sealed_under.insert(opened.index, plain), None);
    }
    assert!(sealed_under.len() > 10_000);
}

/// T-SRT-12: two sources that chose one SSRC collide, and the second is refused.
#[test]
fn t_srt_12_two_sources_with_one_ssrc_collide() {
    let (mut sender, _) = pair(Profile::Aes128CmSha1_80);
    let mut audio = rtp(SSRC, 100);
    audio[1] = 111;
    let video = rtp(SSRC, 100);
    assert!(seal(&mut sender, &audio).is_ok());
    assert_eq!(seal(&mut sender, &video), Err(ProtectError::IndexUsed));
}

/// T-SRT-15, RFC 5764 §4.1.2, RFC 3711 §9.2: what the profiles allow by themselves.
#[test]
fn t_srt_15_lifetimes_are_those_of_the_profiles() {
    let limits = |rtp, rtcp| Lifetime { rtp, rtcp };
    for profile in Profile::ALL {
        let keys = || sender_keys(profile, 0);
        assert!(keys().with_lifetime(limits(1 << 48, 1 << 31)).is_ok());
        assert!(keys().with_lifetime(limits((1 << 48) + 1, 1)).is_err());
        assert!(keys().with_lifetime(limits(1, (1 << 31) + 1)).is_err());
    }
}

/// T-SRT-15: a key at its end protects and opens nothing more, SRTP and SRTCP apart, after a
/// warning; a new key goes on.
#[test]
fn t_srt_15_a_key_ends_on_both_sides() {
    for profile in TRANSFORMS {
        let lifetime = Lifetime { rtp: 32, rtcp: 16 };
        let sender_keys = |key| {
            sender_keys(profile, key)
                .with_lifetime(lifetime)
                .expect("valid")
        };
        let receiver_keys = |key| {
            receiver_keys(profile, key)
                .with_lifetime(lifetime)
                .expect("valid")
        };
        let config = SenderConfig {
            allow_null_cipher: true,
            ..SenderConfig::default()
        };
        let mut sender = Sender::new(sender_keys(0), config).expect("valid");
        let config = ReceiverConfig {
            allow_null_cipher: true,
            ..ReceiverConfig::default()
        };
        let mut receiver = Receiver::new(receiver_keys(0), config).expect("valid");
        // A second sender under the same key: what a receiver faces when a peer goes on beyond the
        // limit.
        let (mut careless, _) = pair(profile);
        for number in 0..32 {
            let expected = (number >= 30).then_some(Event::KeyExpiring {
                kind: Kind::Rtp,
                remaining: 2,
            });
            let sealed = seal(&mut sender, &rtp(SSRC, number)).expect("within the lifetime");
            assert!(open(&mut receiver, &sealed).is_ok());
            if number == 29 {
                let expected = Event::KeyExpiring {
                    kind: Kind::Rtp,
                    remaining: 2,
                };
                assert_eq!(sender.poll_event(), Some(expected));
                assert_eq!(receiver.poll_event(), Some(expected));
            }
            assert!(expected.is_none() || sender.poll_event().is_none());
        }
        assert_eq!(
            seal(&mut sender, &rtp(SSRC, 32)),
            Err(ProtectError::KeyExhausted)
        );
        assert_eq!(
            seal(&mut sender, &rtp(1, 1)),
            Err(ProtectError::KeyExhausted)
        );
        let beyond = seal(&mut careless, &rtp(SSRC, 32)).expect("it counts no packets");
        assert_eq!(
            open(&mut receiver, &beyond),
            Err(UnprotectError::KeyExhausted)
        );

        for _ in 0..16 {
            let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("within the lifetime");
            assert!(open_rtcp(&mut receiver, &sealed).is_ok());
        }
        let refused = seal_rtcp(&mut sender, &rtcp(SSRC));
        assert_eq!(refused, Err(ProtectError::KeyExhausted));

        sender.rekey(sender_keys(1)).expect("a new key");
        receiver.rekey(receiver_keys(1)).expect("a new key");
        let sealed = seal(&mut sender, &rtp(SSRC, 32)).expect("a new key");
        assert!(open(&mut receiver, &sealed).is_ok());
    }
}

/// T-RTC-01, RFC 3711 §9.2: the SRTCP index ends at 2^31 - 1, after a warning, and does not wrap.
#[test]
fn t_rtc_01_the_rtcp_index_does_not_wrap() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        let last = (1 << 31) - 1;
        let soft = last - last / 16;
        sender.set_rtcp_index(SSRC, soft - 1).expect("a new stream");
        for index in [soft - 1, soft, soft + 1] {
            let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
            let opened = open_rtcp(&mut receiver, &sealed).expect("authentic");
            assert_eq!(opened.index, u64::from(index));
        }
        let expected = Some(Event::StreamExpiring {
            ssrc: SSRC,
            kind: Kind::Rtcp,
        });
        assert_eq!(
            (sender.poll_event(), receiver.poll_event()),
            (expected, expected)
        );

        sender.set_rtcp_index(SSRC, last).expect("ahead");
        let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("the last");
        let opened = open_rtcp(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.index, u64::from(last));
        let refused = seal_rtcp(&mut sender, &rtcp(SSRC));
        assert_eq!(refused, Err(ProtectError::IndexExhausted));
        assert_eq!(sender.set_rtcp_index(SSRC, 0), Err(CounterError::Backwards));
        assert_eq!(
            sender.set_rtcp_index(SSRC, last + 1),
            Err(CounterError::OutOfRange)
        );

        // A peer that wrapped to 0 is not believed.
        let (mut wrapped, _) = pair(profile);
        let sealed = seal_rtcp(&mut wrapped, &rtcp(SSRC)).expect("fresh");
        let opened = open_rtcp(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.freshness, Freshness::TooOld);
    }
}

/// T-SRT-11: what must not compile stands in the documentation of `Sender` and `Receiver`; what can
/// be counted back is nothing.
#[test]
fn t_srt_11_counters_step_back_for_nobody() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    sender.set_roc(SSRC, 5).expect("a new stream");
    let sealed = seal(&mut sender, &rtp(SSRC, 7)).expect("fresh");
    receiver.set_roc(SSRC, 5).expect("a new stream");
    assert!(open(&mut receiver, &sealed).is_ok());
    assert_eq!(sender.set_roc(SSRC, 4), Err(CounterError::Backwards));
    assert_eq!(receiver.set_roc(SSRC, 4), Err(CounterError::Backwards));
    assert_eq!(sender.set_roc(SSRC, 6), Ok(()));
    assert_eq!(receiver.set_roc(SSRC, 6), Ok(()));
    let opened = open(&mut receiver, &sealed);
    assert_ne!(opened.map(|old| old.freshness), Ok(Freshness::New));
}

/// RFC 3711 §3.2.1: whoever joins late is told the SRTCP index, and takes nothing from before it.
#[test]
fn t_rtc_01_a_late_joiner_is_told_the_rtcp_index() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        let sealed: Vec<_> = (0..7)
            .map(|_| seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh"))
            .collect();
        assert_eq!(receiver.set_rtcp_index(SSRC, 5), Ok(()));
        let before = open_rtcp(&mut receiver, &sealed[4]);
        assert!(before.is_ok_and(|old| old.is_duplicate()));
        assert!(open_rtcp(&mut receiver, &sealed[5]).is_ok_and(|next| !next.is_duplicate()));
        let backwards = receiver.set_rtcp_index(SSRC, 5);
        assert_eq!(backwards, Err(CounterError::Backwards));
        let beyond = receiver.set_rtcp_index(SSRC, 1 << 31);
        assert_eq!(beyond, Err(CounterError::OutOfRange));
        assert!(open_rtcp(&mut receiver, &sealed[6]).is_ok_and(|next| !next.is_duplicate()));
    }
}
