//! What a packet can do that was sent before: nothing but be counted.

mod pair;

use pair::{SSRC, TRANSFORMS, open, open_rtcp, receiver_keys, rtcp, rtp, seal, seal_rtcp, sender};
use srtp::{
    DerivationRate, Duplicates, Event, Freshness, Incoming, Kind, Lifetime, Profile, Receiver,
    ReceiverConfig, SenderConfig, UnprotectError,
};

const POLICIES: [Duplicates; 3] = [Duplicates::Drop, Duplicates::Report, Duplicates::Deliver];

/// A receiver under a key that opens so many packets of either kind.
fn mortal(profile: Profile, packets: u64, config: ReceiverConfig) -> Receiver {
    let lifetime = Lifetime {
        rtp: packets,
        rtcp: packets,
    };
    let keys = receiver_keys(profile, 0).with_lifetime(lifetime);
    let config = ReceiverConfig {
        allow_null_cipher: true,
        ..config
    };
    Receiver::new(keys.expect("valid"), config).expect("valid")
}

/// Sends a packet to the receiver `times` times, one by one or in batches.
fn repeat(receiver: &mut Receiver, packet: &[u8], times: usize, batched: bool) {
    if !batched {
        for _ in 0..times {
            let _ = match srtp::classify(packet) {
                Kind::Rtp => open(receiver, packet),
                Kind::Rtcp => open_rtcp(receiver, packet),
            };
        }
        return;
    }
    let mut copies = vec![packet.to_vec(); times];
    let mut packets: Vec<_> = copies
        .iter_mut()
        .map(|copy| Incoming::new(0, copy))
        .collect();
    srtp::unprotect_batch(&mut [receiver], &mut packets);
}

/// One recorded packet does not end the session: it uses up nothing of the key.
#[test]
fn a_packet_that_comes_again_uses_up_no_key() {
    for profile in TRANSFORMS {
        for duplicates in POLICIES {
            for batched in [false, true] {
                let config = ReceiverConfig {
                    duplicates,
                    ..ReceiverConfig::default()
                };
                let mut sender = sender(profile, SenderConfig::default());
                let mut receiver = mortal(profile, 3, config);
                let media = seal(&mut sender, &rtp(SSRC, 5000)).expect("fresh");
                let report = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
                repeat(&mut receiver, &media, 200, batched);
                repeat(&mut receiver, &report, 200, batched);
                assert_eq!(receiver.statistics().rtp, 1);
                assert_eq!(receiver.statistics().rtcp, 1);
                assert_eq!(receiver.poll_event(), None);
                // Two of three are left; then it ends.
                for number in [5001, 5002] {
                    let media = seal(&mut sender, &rtp(SSRC, number)).expect("fresh");
                    assert_eq!(
                        open(&mut receiver, &media).map(|o| o.index),
                        Ok(number.into())
                    );
                    let report = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
                    assert!(open_rtcp(&mut receiver, &report).is_ok());
                }
                let media = seal(&mut sender, &rtp(SSRC, 5003)).expect("fresh");
                assert_eq!(
                    open(&mut receiver, &media),
                    Err(UnprotectError::KeyExhausted)
                );
                let report = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
                let ended = open_rtcp(&mut receiver, &report);
                assert_eq!(ended, Err(UnprotectError::KeyExhausted));
            }
        }
    }
}

/// Nor does one from below the window, or one that finds no place in the table.
#[test]
fn a_packet_that_is_not_taken_uses_up_no_key() {
    let profile = Profile::Aes128CmSha1_80;
    let config = ReceiverConfig {
        max_streams: 1,
        max_retired_streams: 0,
        rtp_window: 64,
        ..ReceiverConfig::default()
    };
    let mut sender = sender(profile, SenderConfig::default());
    let mut receiver = mortal(profile, 2, config);
    let old = seal(&mut sender, &rtp(SSRC, 1)).expect("fresh");
    let newest = seal(&mut sender, &rtp(SSRC, 500)).expect("fresh");
    let other = seal(&mut sender, &rtp(7, 1)).expect("fresh");
    assert!(open(&mut receiver, &newest).is_ok());
    let before = receiver.state_digest();
    for _ in 0..10 {
        let opened = open(&mut receiver, &old).expect("authentic");
        assert_eq!(opened.freshness, Freshness::TooOld);
        let refused = open(&mut receiver, &other);
        assert_eq!(refused, Err(UnprotectError::TooManyStreams));
    }
    assert_eq!(receiver.state_digest(), before);
    let last = seal(&mut sender, &rtp(SSRC, 501)).expect("fresh");
    assert!(open(&mut receiver, &last).is_ok());
}

/// Old packets of streams that gave way don't make those give way that live.
#[test]
fn a_packet_that_comes_again_evicts_nobody() {
    for profile in TRANSFORMS {
        for duplicates in POLICIES {
            for batched in [false, true] {
                let config = ReceiverConfig {
                    max_streams: 2,
                    duplicates,
                    ..ReceiverConfig::default()
                };
                let mut sender = sender(profile, SenderConfig::default());
                let mut receiver = mortal(profile, 1000, config);
                let mut recorded = Vec::new();
                for ssrc in [1, 2, 3, 4] {
                    let media = seal(&mut sender, &rtp(ssrc, 100)).expect("fresh");
                    let report = seal_rtcp(&mut sender, &rtcp(ssrc)).expect("fresh");
                    assert!(open(&mut receiver, &media).is_ok());
                    assert!(open_rtcp(&mut receiver, &report).is_ok());
                    recorded.extend([media, report]);
                }
                // One of 3 that is late, to be taken if 3 is still held.
                let late = seal(&mut sender, &rtp(3, 99)).expect("fresh");
                let before = receiver.state_digest();
                for packet in &recorded {
                    repeat(&mut receiver, packet, 5, batched);
                    assert_eq!(receiver.state_digest(), before, "{profile} {duplicates:?}");
                }
                let opened = open(&mut receiver, &late).expect("authentic");
                assert_eq!(opened.freshness, Freshness::New);
            }
        }
    }
}

/// Where session keys change with the index, old packets don't bring old session keys back.
#[test]
fn a_packet_that_comes_again_brings_no_session_keys_back() {
    let profile = Profile::Aes128CmSha1_80;
    let rate = DerivationRate::every(1).expect("a power of two");
    let keys = pair::sender_keys(profile, 0).with_derivation_rate(rate);
    let mut sender = srtp::Sender::new(keys, SenderConfig::default()).expect("valid");
    let keys = receiver_keys(profile, 0).with_derivation_rate(rate);
    let mut receiver = Receiver::new(keys, ReceiverConfig::default()).expect("valid");
    let sealed: Vec<_> = (1..40)
        .map(|number| seal(&mut sender, &rtp(SSRC, number)).expect("fresh"))
        .collect();
    for packet in &sealed {
        assert!(open(&mut receiver, packet).is_ok());
    }
    let before = receiver.state_digest();
    for packet in &sealed {
        let opened = open(&mut receiver, packet).expect("authentic");
        assert_eq!(opened.freshness, Freshness::Duplicate);
        assert_eq!(receiver.state_digest(), before);
    }
}

/// A warning comes of new packets alone.
#[test]
fn a_packet_that_comes_again_warns_nobody() {
    let mut sender = sender(Profile::AeadAes128Gcm, SenderConfig::default());
    let mut receiver = mortal(Profile::AeadAes128Gcm, 16, ReceiverConfig::default());
    for number in 0..15 {
        assert_eq!(receiver.poll_event(), None, "{number}");
        let media = seal(&mut sender, &rtp(SSRC, number)).expect("fresh");
        repeat(&mut receiver, &media, 3, false);
    }
    let warning = Event::KeyExpiring {
        kind: Kind::Rtp,
        remaining: 1,
    };
    assert_eq!(receiver.poll_event(), Some(warning));
    assert_eq!(receiver.poll_event(), None);
}

/// The digest shows whatever decides about packets to come.
#[test]
fn the_digest_covers_all_that_decides() {
    let profile = Profile::Aes128CmSha1_80;
    let rate = DerivationRate::every(1 << 10).expect("a power of two");
    let mut sender = {
        let keys = pair::sender_keys(profile, 0).with_derivation_rate(rate);
        srtp::Sender::new(keys, SenderConfig::default()).expect("valid")
    };
    let make = || {
        let lifetime = Lifetime { rtp: 32, rtcp: 32 };
        let keys = receiver_keys(profile, 0).with_derivation_rate(rate);
        let keys = keys.with_lifetime(lifetime).expect("valid");
        Receiver::new(keys, ReceiverConfig::default()).expect("valid")
    };
    let mut receiver = make();
    assert_eq!(receiver.state_digest(), make().state_digest());
    let mut digests = vec![receiver.state_digest()];
    let mut changed = |receiver: &Receiver, what: &str| {
        let digest = receiver.state_digest();
        assert!(!digests.contains(&digest), "{what}");
        digests.push(digest);
    };
    let media = seal(&mut sender, &rtp(1, 1)).expect("fresh");
    assert!(open(&mut receiver, &media).is_ok());
    changed(&receiver, "a stream, and the key's lifetime");
    let report = seal_rtcp(&mut sender, &rtcp(1)).expect("fresh");
    assert!(open_rtcp(&mut receiver, &report).is_ok());
    changed(&receiver, "the other kind");
    let media = seal(&mut sender, &rtp(2, 1)).expect("fresh");
    assert!(open(&mut receiver, &media).is_ok());
    changed(&receiver, "a second stream, used last");
    let media = seal(&mut sender, &rtp(1, 2)).expect("fresh");
    assert!(open(&mut receiver, &media).is_ok());
    changed(&receiver, "the first, used last");
    let media = seal(&mut sender, &rtp(1, 1024)).expect("fresh");
    assert!(open(&mut receiver, &media).is_ok());
    changed(&receiver, "session keys of another period");
    for number in 2..28 {
        let media = seal(&mut sender, &rtp(2, number)).expect("fresh");
        assert!(open(&mut receiver, &media).is_ok());
    }
    changed(&receiver, "a warning that waits");
    assert!(receiver.poll_event().is_some());
    changed(&receiver, "a warning that was heard");
    receiver.set_roc(9, 3).expect("a new stream");
    changed(&receiver, "a ROC that was told");
    let keys = receiver_keys(profile, 1);
    receiver.rekey(keys).expect("a new key");
    changed(&receiver, "a new key");
    receiver.drop_replaced_keys();
    changed(&receiver, "a key that was dropped");
}
