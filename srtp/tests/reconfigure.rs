//! Contexts that take other keys and settings while their streams go on.

mod pair;

use pair::{SSRC, open, open_rtcp, pair, receiver_keys, rtcp, rtp, seal, seal_rtcp, sender_keys};
use srtp::{
    Cipher, Keys, Lifetime, Profile, ProtectError, Protection, Receiver, ReceiverConfig,
    ReconfigureError, RekeyError, Sender, SenderConfig, Suite, UnprotectError,
};

const PROFILE: Profile = Profile::AeadAes128Gcm;

/// Sends `count` packets to and fro from this sequence number on.
fn run(sender: &mut Sender, receiver: &mut Receiver, from: u32, count: u32) {
    for index in from..from + count {
        let sealed = seal(sender, &rtp(SSRC, index as u16)).expect("the next");
        let opened = open(receiver, &sealed).expect("authentic");
        assert_eq!(opened.index, u64::from(index));
    }
}

/// RFC 3711 §3.3.1: ROC and indexes go on, under the same key as under another one.
#[test]
fn streams_go_on() {
    for key in [0, 1] {
        let (mut sender, mut receiver) = pair(PROFILE);
        run(&mut sender, &mut receiver, 65_000, 1000);
        let sealed = seal(&mut sender, &rtp(SSRC, 500)).expect("the next");
        assert!(open(&mut receiver, &sealed).is_ok());
        let config = SenderConfig::default();
        let keys = vec![sender_keys(PROFILE, key)];
        assert_eq!(sender.reconfigure(keys, config), Ok(()));
        let config = ReceiverConfig::default();
        let keys = vec![receiver_keys(PROFILE, key)];
        assert_eq!(receiver.reconfigure(keys, config), Ok(()));
        let refused = seal(&mut sender, &rtp(SSRC, 500));
        assert_eq!(refused, Err(ProtectError::IndexUsed));
        run(&mut sender, &mut receiver, 66_100, 100);
        assert_eq!((sender.roc(SSRC), receiver.roc(SSRC)), (Some(1), Some(1)));
    }
}

/// The suite may change with the keys; SRTCP's index goes on too.
#[test]
fn suites_change() {
    let (mut sender, mut receiver) = pair(PROFILE);
    run(&mut sender, &mut receiver, 0, 10);
    assert!(seal_rtcp(&mut sender, &rtcp(SSRC)).is_ok());
    let protection = Protection::new(Cipher::Aes192Cm, 4).expect("fits");
    let suite = Suite::new(protection, protection);
    let config = SenderConfig {
        allow_weak_tags: true,
        ..SenderConfig::default()
    };
    let keys = Keys::for_suite(suite, &[9; 24], &[9; 14]).expect("lengths fit");
    assert_eq!(sender.reconfigure(vec![keys], config), Ok(()));
    let config = ReceiverConfig {
        allow_weak_tags: true,
        ..ReceiverConfig::default()
    };
    let keys = Keys::for_suite(suite, &[9; 24], &[9; 14]).expect("lengths fit");
    assert_eq!(receiver.reconfigure(vec![keys], config), Ok(()));
    run(&mut sender, &mut receiver, 10, 10);
    let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("the next");
    assert_eq!(open_rtcp(&mut receiver, &sealed).map(|u| u.index), Ok(1));
}

/// RFC 3711 §9.2: a key that gave way does not come back, and one that stays has what is left of its
/// lifetime.
#[test]
fn keys_neither_come_back_nor_start_anew() {
    let (mut sender, _) = pair(PROFILE);
    let change = |sender: &mut Sender, key| {
        let lifetime = Lifetime { rtp: 2, rtcp: 1 };
        let keys = sender_keys(PROFILE, key).with_lifetime(lifetime);
        sender.reconfigure(vec![keys.expect("valid")], SenderConfig::default())
    };
    assert_eq!(change(&mut sender, 1), Ok(()));
    let reused = Err(ReconfigureError::Keys(RekeyError::KeyReused));
    assert_eq!(change(&mut sender, 0), reused);
    assert!(seal(&mut sender, &rtp(SSRC, 1)).is_ok());
    assert_eq!(change(&mut sender, 1), Ok(()));
    assert!(seal(&mut sender, &rtp(SSRC, 2)).is_ok());
    assert_eq!(change(&mut sender, 1), Ok(()));
    let ended = seal(&mut sender, &rtp(SSRC, 3));
    assert_eq!(ended, Err(ProtectError::KeyExhausted));
}

/// A window of another size knows nothing of what was received, and takes none of it for new.
#[test]
fn windows_change() {
    let (mut sender, mut receiver) = pair(PROFILE);
    let late = seal(&mut sender, &rtp(SSRC, 1)).expect("the first");
    run(&mut sender, &mut receiver, 2, 10);
    let config = ReceiverConfig {
        rtp_window: 64,
        duplicates: srtp::Duplicates::Drop,
        ..ReceiverConfig::default()
    };
    let keys = vec![receiver_keys(PROFILE, 0)];
    assert_eq!(receiver.reconfigure(keys, config), Ok(()));
    assert_eq!(open(&mut receiver, &late), Err(UnprotectError::TooOld));
    run(&mut sender, &mut receiver, 12, 10);
}

/// Of an SSRC that was forgotten nothing is sent or taken twice, and it goes on where it was.
#[test]
fn forgotten_streams_are_not_rewound() {
    let (mut sender, mut receiver) = pair(PROFILE);
    for ssrc in [1, 2, 3] {
        let sealed = seal(&mut sender, &rtp(ssrc, 7)).expect("the first");
        assert!(open(&mut receiver, &sealed).is_ok());
    }
    sender.forget(1);
    receiver.forget(1);
    assert_eq!((sender.holds(1), receiver.holds(1)), (false, false));
    assert_eq!((sender.holds(2), receiver.holds(3)), (true, true));
    let refused = seal(&mut sender, &rtp(1, 7));
    assert_eq!(refused, Err(ProtectError::IndexTooOld));
    for ssrc in [3, 2, 1] {
        let sealed = seal(&mut sender, &rtp(ssrc, 8)).expect("the next");
        let opened = open(&mut receiver, &sealed).expect("authentic");
        assert_eq!(opened.index, 8);
        assert!(receiver.holds(ssrc));
    }
    sender.forget(99);
}

/// RFC 3711 §3.1: which key, and whether its identifier is shown, may change with each packet; no index
/// is sealed twice by that.
#[test]
fn keys_are_selected_packet_by_packet() {
    let with_mki = |key, mki: &[u8]| {
        sender_keys(PROFILE, key)
            .with_mki(mki)
            .expect("a valid length")
    };
    let mut sender = Sender::new(with_mki(0, b"a0"), SenderConfig::default()).expect("valid");
    assert_eq!(sender.add_keys(with_mki(1, b"b1")), Ok(()));
    let keys = receiver_keys(PROFILE, 0).with_mki(b"a0").expect("valid");
    let mut receiver = Receiver::new(keys, ReceiverConfig::default()).expect("valid");
    let keys = receiver_keys(PROFILE, 1).with_mki(b"b1").expect("valid");
    assert_eq!(receiver.rekey(keys), Ok(()));

    for (place, shown, overhead) in [(1, true, 18), (0, true, 18), (0, false, 16), (1, true, 18)] {
        assert_eq!(sender.select(place, shown), Ok(()));
        receiver.expect_mki(shown);
        let packet = rtp(
            SSRC,
            sender
                .roc(SSRC)
                .map_or(0, |_| 1 + sender.statistics().rtp as u16),
        );
        assert_eq!(
            sender.protected_rtp_len(&packet),
            Ok(packet.len() + overhead)
        );
        let sealed = seal(&mut sender, &packet).expect("the next");
        assert_eq!(sealed.len(), packet.len() + overhead);
        assert!(open(&mut receiver, &sealed).is_ok());
        assert_eq!(seal(&mut sender, &packet), Err(ProtectError::IndexUsed));
    }
    assert_eq!(sender.select(2, true), Err(RekeyError::UnknownMki));
    // Without an identifier, packets are opened with the first key alone.
    assert_eq!(sender.select(1, false), Ok(()));
    receiver.expect_mki(false);
    let sealed = seal(&mut sender, &rtp(SSRC, 100)).expect("the next");
    assert_eq!(open(&mut receiver, &sealed), Err(UnprotectError::Forged));
}

#[test]
fn rtcp_may_start_at_another_index() {
    let config = SenderConfig {
        first_rtcp_index: 1,
        ..SenderConfig::default()
    };
    let mut sender = Sender::new(sender_keys(PROFILE, 0), config).expect("valid");
    let (_, mut receiver) = pair(PROFILE);
    assert_eq!(sender.rtcp_index(SSRC), 1);
    for index in [1, 2] {
        let sealed = seal_rtcp(&mut sender, &rtcp(SSRC)).expect("the next");
        let opened = open_rtcp(&mut receiver, &sealed);
        assert_eq!(opened.map(|u| u.index), Ok(index));
    }
    assert_eq!(sender.rtcp_index(SSRC), 3);
}
