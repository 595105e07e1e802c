//! Several master keys: identifiers, switching, new keys, keys that change by themselves.

mod pair;

use pair::{
    SSRC, TRANSFORMS, master, open, open_rtcp, pair, receiver_keys, rtcp, rtp, seal, seal_rtcp,
    sender_keys,
};
use srtp::{
    DerivationRate, Freshness, Lifetime, Profile, ProtectError, Receiver, ReceiverConfig,
    ReceiverKeys, RekeyError, Sender, SenderConfig, SenderKeys, UnprotectError,
};

fn named_sender_keys(profile: Profile, key: u8) -> SenderKeys {
    let keys = sender_keys(profile, key);
    keys.with_mki(&[0xa0, key]).expect("a valid length")
}

fn named_receiver_keys(profile: Profile, key: u8) -> ReceiverKeys {
    let keys = receiver_keys(profile, key);
    keys.with_mki(&[0xa0, key]).expect("a valid length")
}

fn named_pair(profile: Profile) -> (Sender, Receiver) {
    let sender_config = SenderConfig {
        allow_null_cipher: true,
        ..SenderConfig::default()
    };
    let receiver_config = ReceiverConfig {
        allow_null_cipher: true,
        ..ReceiverConfig::default()
    };
    (
        Sender::new(named_sender_keys(profile, 0), sender_config).expect("valid"),
        Receiver::new(named_receiver_keys(profile, 0), receiver_config).expect("valid"),
    )
}

/// RFC 3711 §3.1, RFC 7714 §8.2: the identifier stands where the profile has it, and switching is
/// seen by the next packet.
#[test]
fn packets_name_their_key() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = named_pair(profile);
        for key in [1, 2] {
            sender
                .add_keys(named_sender_keys(profile, key))
                .expect("new");
            receiver
                .rekey(named_receiver_keys(profile, key))
                .expect("new");
        }
        for (sequence_number, key) in [0, 2, 1, 0, 2].into_iter().enumerate() {
            sender.switch_to(&[0xa0, key]).expect("it is there");
            let plain = rtp(SSRC, sequence_number as u16);
            let mut sealed = seal(&mut sender, &plain).expect("fresh");
            let mki = match profile {
                Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => sealed.len() - 2,
                _ => plain.len(),
            };
            assert_eq!(sealed[mki..mki + 2], [0xa0, key]);
            let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
            assert_eq!(sealed[..opened.len], plain);
            let plain = rtcp(SSRC);
            let mut sealed = seal_rtcp(&mut sender, &plain).expect("fresh");
            let opened = receiver.unprotect_rtcp(&mut sealed).expect("authentic");
            assert_eq!(sealed[..opened.len], plain);
        }
        let mut unknown = seal(&mut sender, &rtp(SSRC, 100)).expect("fresh");
        let mki = unknown
            .windows(2)
            .rposition(|bytes| bytes == [0xa0, 2])
            .expect("it is there");
        unknown[mki + 1] = 9;
        assert_eq!(
            open(&mut receiver, &unknown),
            Err(UnprotectError::UnknownMki)
        );
        unknown[mki + 1] = 1;
        assert_eq!(open(&mut receiver, &unknown), Err(UnprotectError::Forged));
    }
}

/// RFC 3711 §3.3.1: new keys keep ROC, indexes and replay lists.
#[test]
fn new_keys_keep_every_counter() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let mut old = Vec::new();
        for sequence_number in [0xffff, 0, 1] {
            old = seal(&mut sender, &rtp(SSRC, sequence_number)).expect("fresh");
            assert!(open(&mut receiver, &old).is_ok());
        }
        let old_rtcp = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
        assert!(open_rtcp(&mut receiver, &old_rtcp).is_ok());
        let late = seal(&mut sender, &rtp(SSRC, 2)).expect("fresh");

        sender.rekey(sender_keys(profile, 1)).expect("new");
        receiver.rekey(receiver_keys(profile, 1)).expect("new");
        assert_eq!(
            seal(&mut sender, &rtp(SSRC, 1)),
            Err(ProtectError::IndexUsed)
        );
        let sealed = seal(&mut sender, &rtp(SSRC, 3)).expect("fresh");
        assert_eq!(
            open(&mut receiver, &sealed).expect("authentic").index,
            0x1_0003
        );
        let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh");
        assert_eq!(
            open_rtcp(&mut receiver, &sealed).expect("authentic").index,
            1
        );

        // Packets under the old key still come in, until it is dropped; and are no news twice.
        let opened = open(&mut receiver, &late).expect("authentic");
        assert_eq!((opened.index, opened.freshness), (0x1_0002, Freshness::New));
        let again = open(&mut receiver, &old).expect("authentic");
        assert_eq!(again.freshness, Freshness::Duplicate);
        receiver.drop_replaced_keys();
        assert_eq!(open(&mut receiver, &late), Err(UnprotectError::Forged));
        assert_eq!(
            open_rtcp(&mut receiver, &old_rtcp),
            Err(UnprotectError::Forged)
        );
    }
}

/// RFC 3711 §9.2: a key that was in use never comes back.
#[test]
fn keys_do_not_come_back() {
    let profile = Profile::AeadAes128Gcm;
    let (mut sender, mut receiver) = pair(profile);
    assert_eq!(
        sender.rekey(sender_keys(profile, 0)),
        Err(RekeyError::KeyReused)
    );
    assert_eq!(
        receiver.rekey(receiver_keys(profile, 0)),
        Err(RekeyError::KeyReused)
    );
    assert_eq!(sender.rekey(sender_keys(profile, 1)), Ok(()));
    assert_eq!(sender.rekey(sender_keys(profile, 2)), Ok(()));
    for key in [0, 1, 2] {
        assert_eq!(
            sender.rekey(sender_keys(profile, key)),
            Err(RekeyError::KeyReused)
        );
    }
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    let profile = Profile::AeadAes128Gcm;
    let (mut plain, _) = pair(profile);
    let (mut named, mut named_receiver) = named_pair(profile);
    let other = || sender_keys(Profile::Aes128CmSha1_80, 1);
    assert_eq!(plain.rekey(other()), Err(RekeyError::Profile));
    assert_eq!(
        plain.rekey(named_sender_keys(profile, 1)),
        Err(RekeyError::Mki)
    );
    assert_eq!(
        plain.add_keys(sender_keys(profile, 1)),
        Err(RekeyError::Mki)
    );
    assert_eq!(named.rekey(sender_keys(profile, 1)), Err(RekeyError::Mki));
    let same_name = sender_keys(profile, 1).with_mki(&[0xa0, 0]).expect("valid");
    assert_eq!(named.add_keys(same_name), Err(RekeyError::MkiInUse));
    assert_eq!(named.switch_to(&[0xa0, 1]), Err(RekeyError::UnknownMki));
    assert_eq!(named.remove_keys(&[0xa0, 1]), Err(RekeyError::UnknownMki));
    assert_eq!(named.remove_keys(&[0xa0, 0]), Err(RekeyError::Active));
    assert_eq!(
        named_receiver.remove_keys(&[0xa0, 0]),
        Err(RekeyError::Active)
    );
    for key in 1..16 {
        assert_eq!(named.add_keys(named_sender_keys(profile, key)), Ok(()));
    }
    let seventeenth = named.add_keys(named_sender_keys(profile, 16));
    assert_eq!(seventeenth, Err(RekeyError::TooManyKeys));
    assert_eq!(named.remove_keys(&[0xa0, 5]), Ok(()));
    assert_eq!(named.rekey(named_sender_keys(profile, 16)), Ok(()));
    assert_eq!(named.remove_keys(&[0xa0, 0]), Ok(()));
    assert!(seal(&mut named, &rtp(SSRC, 1)).is_ok());
    assert_eq!(
        named_receiver.rekey(named_receiver_keys(profile, 1)),
        Ok(())
    );
    assert_eq!(named_receiver.remove_keys(&[0xa0, 0]), Ok(()));
}

/// RFC 3711 §4.3.1: session keys that change every 16 packets, across wraps and reordering.
#[test]
fn a_key_derivation_rate_changes_session_keys() {
    let rate = DerivationRate::every(16).expect("a power of two");
    for profile in TRANSFORMS {
        let (mut never, _) = pair(profile);
        let sender_config = SenderConfig {
            allow_null_cipher: true,
            ..SenderConfig::default()
        };
        let receiver_config = ReceiverConfig {
            allow_null_cipher: true,
            ..ReceiverConfig::default()
        };
        let keys = sender_keys(profile, 0).with_derivation_rate(rate);
        let mut sender = Sender::new(keys, sender_config).expect("valid");
        let keys = receiver_keys(profile, 0).with_derivation_rate(rate);
        let mut receiver = Receiver::new(keys, receiver_config).expect("valid");
        let mut sealed = Vec::new();
        for index in 0xffd0..0x1_0040_u32 {
            let plain = rtp(SSRC, index as u16);
            sealed.push((
                index,
                plain.clone(),
                seal(&mut sender, &plain).expect("fresh"),
            ));
        }
        // Backwards within groups of 24, which cross the edges of the periods.
        sealed.sort_by_key(|(index, ..)| (index / 24, u32::MAX - index));
        for (index, plain, mut packet) in sealed {
            let mut forged = packet.clone();
            forged[20] ^= 1;
            assert_eq!(open(&mut receiver, &forged), Err(UnprotectError::Forged));
            let opened = receiver.unprotect_rtp(&mut packet).expect("authentic");
            assert_eq!(
                (opened.index, &packet[..opened.len]),
                (index.into(), &plain[..])
            );
        }
        for index in 0..40 {
            let plain = rtcp(SSRC);
            let mut with_rate = seal_rtcp(&mut sender, &plain).expect("fresh");
            let without = seal_rtcp(&mut never, &plain).expect("fresh");
            // The first period has the keys of a context without a rate.
            assert_eq!(with_rate == without, index < 16, "{profile} {index}");
            let opened = receiver.unprotect_rtcp(&mut with_rate).expect("authentic");
            assert_eq!(with_rate[..opened.len], plain);
        }
    }
}

/// A key that was replaced and is used up opens nothing more, though packets of it are tried with it.
#[test]
fn a_replaced_key_that_is_used_up_opens_nothing() {
    for profile in TRANSFORMS {
        let (mut sender, _) = pair(profile);
        let lifetime = Lifetime { rtp: 1, rtcp: 1 };
        let mortal = receiver_keys(profile, 0).with_lifetime(lifetime);
        let config = ReceiverConfig {
            allow_null_cipher: true,
            ..ReceiverConfig::default()
        };
        let mut receiver = Receiver::new(mortal.expect("valid"), config).expect("valid");
        receiver
            .rekey(receiver_keys(profile, 1))
            .expect("a new key");
        let [last, beyond] = [1, 2].map(|n| seal(&mut sender, &rtp(SSRC, n)).expect("fresh"));
        assert_eq!(open(&mut receiver, &last).map(|old| old.index), Ok(1));
        assert_eq!(open(&mut receiver, &beyond), Err(UnprotectError::Forged));
        let [last, beyond] = [(); 2].map(|()| seal_rtcp(&mut sender, &rtcp(SSRC)).expect("fresh"));
        assert_eq!(open_rtcp(&mut receiver, &last).map(|old| old.index), Ok(0));
        assert_eq!(
            open_rtcp(&mut receiver, &beyond),
            Err(UnprotectError::Forged)
        );
    }
}

/// What is shown of a context has no key in it.
#[test]
fn debug_shows_no_key() {
    for profile in TRANSFORMS {
        let (mut sender, mut receiver) = pair(profile);
        let sealed = seal(&mut sender, &rtp(SSRC, 1)).expect("fresh");
        assert!(open(&mut receiver, &sealed).is_ok());
        let (key, salt) = master(profile, 0);
        for shown in [format!("{sender:?}"), format!("{receiver:?}")] {
            for secret in [&key, &salt] {
                let listed = format!("{secret:?}");
                assert!(!shown.contains(listed.trim_matches(['[', ']'])));
            }
        }
    }
}
