//! Suites that no profile names: other ciphers, other tags, or none.

mod pair;

use pair::{SSRC, open, open_rtcp, rtcp, rtp, seal, seal_rtcp};
use srtp::{
    Cipher, ConfigError, Keys, Protection, Receiver, ReceiverConfig, Sender, SenderConfig, Suite,
    Tier, UnprotectError,
};

const CIPHERS: [Cipher; 6] = [
    Cipher::Null,
    Cipher::Aes128Cm,
    Cipher::Aes192Cm,
    Cipher::Aes256Cm,
    Cipher::Aes128Gcm,
    Cipher::Aes256Gcm,
];

/// Every protection of a kind of packet: each cipher, encrypting or not, with each length of tags.
fn protections() -> Vec<Protection> {
    let lengths = [0, 4, 8, 10, 16, 20];
    let all = CIPHERS.iter().flat_map(|&cipher| {
        let some = lengths.into_iter();
        some.filter_map(move |length| Protection::new(cipher, length))
    });
    all.flat_map(|protection| [protection, protection.without_encryption()])
        .collect()
}

fn keys<D>(suite: Suite) -> Keys<D> {
    let master: Vec<u8> = (1..=suite.key_len() as u8).collect();
    let salt: Vec<u8> = (100..100 + suite.salt_len() as u8).collect();
    Keys::for_suite(suite, &master, &salt).expect("lengths fit")
}

fn both(suite: Suite, tier: Tier) -> (Sender, Receiver) {
    let sending = SenderConfig {
        allow_null_cipher: true,
        allow_weak_tags: true,
        tier,
        ..SenderConfig::default()
    };
    let receiving = ReceiverConfig {
        allow_null_cipher: true,
        allow_weak_tags: true,
        tier,
        ..ReceiverConfig::default()
    };
    (
        Sender::new(keys(suite), sending).expect("valid"),
        Receiver::new(keys(suite), receiving).expect("valid"),
    )
}

/// Lengths are exact, what is sealed is opened, encrypted or not as the suite says, and where there are
/// tags no flipped bit passes.
#[test]
fn every_suite_seals_and_opens_on_every_tier() {
    for tier in Tier::available() {
        for &rtp_side in &protections() {
            for &rtcp_side in &protections() {
                let suite = Suite::new(rtp_side, rtcp_side);
                let (mut sender, mut receiver) = both(suite, tier);
                let packet = rtp(SSRC, 7);
                let sealed = seal(&mut sender, &packet).expect("the first");
                assert_eq!(sealed.len(), packet.len() + rtp_side.tag_len(), "{suite:?}");
                let clear = sealed[12..packet.len()] == packet[12..];
                assert_eq!(clear, is_clear(rtp_side), "{suite:?}");
                let mut forged = sealed.clone();
                forged[15] ^= 1;
                if rtp_side.tag_len() > 0 {
                    assert_eq!(open(&mut receiver, &forged), Err(UnprotectError::Forged));
                }
                let mut opened = sealed.clone();
                let unprotected = receiver.unprotect_rtp(&mut opened).expect("authentic");
                assert_eq!(opened[..unprotected.len], packet, "{suite:?}");
                check_rtcp(suite, &mut sender, &mut receiver);
            }
        }
    }
}

/// RFC 7714: AES-GCM always encrypts RTP here, which `encrypts` says of RTCP alone.
fn is_clear(rtp: Protection) -> bool {
    !rtp.encrypts() && !matches!(rtp.cipher(), Cipher::Aes128Gcm | Cipher::Aes256Gcm)
}

fn check_rtcp(suite: Suite, sender: &mut Sender, receiver: &mut Receiver) {
    let side = suite.rtcp();
    let packet = rtcp(SSRC);
    let sealed = seal_rtcp(sender, &packet).expect("the first");
    assert_eq!(sealed.len(), packet.len() + 4 + side.tag_len(), "{suite:?}");
    let clear = sealed[8..packet.len()] == packet[8..];
    assert_eq!(clear, !side.encrypts(), "{suite:?}");
    let mut forged = sealed.clone();
    forged[9] ^= 1;
    if side.tag_len() > 0 {
        let refused = open_rtcp(receiver, &forged);
        assert_eq!(refused, Err(UnprotectError::Forged), "{suite:?}");
    }
    let mut opened = sealed;
    let unprotected = receiver.unprotect_rtcp(&mut opened).expect("authentic");
    assert_eq!(opened[..unprotected.len], packet, "{suite:?}");
}

/// Short tags of AES-GCM are the start of the whole ones.
#[test]
fn short_tags_are_the_start_of_long_ones() {
    for cipher in [Cipher::Aes128Gcm, Cipher::Aes256Gcm] {
        let suite = |length| {
            let protection = Protection::new(cipher, length).expect("fits");
            Suite::new(protection, protection)
        };
        let (mut long, _) = both(suite(16), Tier::detect());
        let (mut short, _) = both(suite(8), Tier::detect());
        let packet = rtp(SSRC, 9);
        let long = seal(&mut long, &packet).expect("the first");
        let short = seal(&mut short, &packet).expect("the first");
        assert_eq!(short, long[..long.len() - 8]);
    }
}

/// What is weak is taken only where somebody said so.
#[test]
fn weak_services_need_leave() {
    let take = |rtp: Protection, rtcp: Protection, null, weak| {
        let config = SenderConfig {
            allow_null_cipher: null,
            allow_weak_tags: weak,
            ..SenderConfig::default()
        };
        Sender::new(keys(Suite::new(rtp, rtcp)), config).map(|_| ())
    };
    let strong = Protection::new(Cipher::Aes128Cm, 10).expect("fits");
    let short = Protection::new(Cipher::Aes128Cm, 4).expect("fits");
    let none = Protection::new(Cipher::Aes128Cm, 0).expect("fits");
    assert_eq!(take(short, strong, false, false), Ok(()));
    assert_eq!(
        take(strong, short, false, false),
        Err(ConfigError::WeakTags)
    );
    assert_eq!(take(none, strong, true, false), Err(ConfigError::WeakTags));
    assert_eq!(take(none, strong, false, true), Ok(()));
    let bare = strong.without_encryption();
    assert_eq!(
        take(strong, bare, false, true),
        Err(ConfigError::NullCipher)
    );
    assert_eq!(take(strong, bare, true, false), Ok(()));
}

/// RFC 6188 §7.2 gives the session keys of AES-192 from a master key of 24 bytes; a longer one derives
/// under AES of its own length.
#[test]
fn master_keys_may_be_longer_than_the_cipher() {
    let protection = Protection::new(Cipher::Aes192Cm, 10).expect("fits");
    let own = Suite::new(protection, protection);
    let longer = own.with_key_len(32).expect("a length of AES");
    assert_eq!((own.key_len(), longer.key_len()), (24, 32));
    assert_eq!(own.with_key_len(20), None);
    let (mut a, _) = both(own, Tier::detect());
    let (mut b, mut receiver) = both(longer, Tier::detect());
    let packet = rtp(SSRC, 1);
    let (a, b) = (seal(&mut a, &packet), seal(&mut b, &packet));
    assert_ne!(a, b);
    assert!(open(&mut receiver, &b.expect("the first")).is_ok());
}
