//! Header extensions and CSRCs that are encrypted: Cryptex (RFC 9335), and RFC 6904.

mod pair;

use pair::{ENCRYPTING, SSRC, open, rtp, seal};
use srtp::{
    CryptexPolicy, ExtensionIds, Profile, ProtectError, Receiver, ReceiverConfig, Sender,
    SenderConfig, UnprotectError,
};

fn cryptex(profile: Profile, policy: CryptexPolicy) -> (Sender, Receiver) {
    let sender_config = SenderConfig {
        cryptex: true,
        ..SenderConfig::default()
    };
    (
        pair::sender(profile, sender_config),
        receiver(profile, policy),
    )
}

fn receiver(profile: Profile, policy: CryptexPolicy) -> Receiver {
    let config = ReceiverConfig {
        cryptex: policy,
        ..ReceiverConfig::default()
    };
    pair::receiver(profile, config)
}

fn packet(sequence_number: u16, csrcs: usize, extension: &[u8]) -> Vec<u8> {
    let mut packet = rtp(SSRC, sequence_number);
    packet[0] |= csrcs as u8;
    packet.splice(12..12, extension.iter().copied());
    packet.splice(12..12, std::iter::repeat_n(0xcc, 4 * csrcs));
    if !extension.is_empty() {
        packet[0] |= 0x10;
    }
    packet
}

const ONE_BYTE: &[u8] = &[0xbe, 0xde, 0, 2, 0x11, 1, 2, 0x33, 1, 2, 3, 4];
const TWO_BYTE: &[u8] = &[0x10, 0, 0, 1, 1, 2, 0xaa, 0xbb];
const EMPTY: &[u8] = &[0xbe, 0xde, 0, 0];

/// T-SRT-16: every form of header, with and without CSRCs.
#[test]
fn t_srt_16_every_header_comes_back() {
    for profile in ENCRYPTING {
        for policy in [CryptexPolicy::Accept, CryptexPolicy::Require] {
            let (mut sender, mut receiver) = cryptex(profile, policy);
            let mut sequence_number = 0;
            for csrcs in [0, 1, 2, 15] {
                for extension in [ONE_BYTE, TWO_BYTE, EMPTY] {
                    sequence_number += 1;
                    let plain = packet(sequence_number, csrcs, extension);
                    let mut sealed = seal(&mut sender, &plain).expect("fresh");
                    let mark = 12 + 4 * csrcs;
                    let expected = if extension == TWO_BYTE { 0xc2 } else { 0xc0 };
                    assert_eq!(sealed[mark..mark + 2], [expected, 0xde]);
                    assert_eq!(sealed[mark + 2..mark + 4], extension[2..4]);
                    if csrcs > 0 {
                        assert_ne!(sealed[12..mark], plain[12..mark]);
                    }
                    if extension.len() > 8 {
                        assert_ne!(sealed[mark + 4..mark + 12], plain[mark + 4..mark + 12]);
                    }
                    let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
                    assert_eq!(sealed[..opened.len], plain, "{profile} {csrcs}");
                }
            }
        }
    }
}

/// T-SRT-16, RFC 9335 §5.1: CSRCs without an extension get an empty one; a packet with neither
/// stays as it is.
#[test]
fn t_srt_16_csrcs_alone_get_an_empty_extension() {
    for profile in ENCRYPTING {
        let (mut sender, mut receiver) = cryptex(profile, CryptexPolicy::Require);
        let plain = packet(1, 2, &[]);
        let mut sealed = seal(&mut sender, &plain).expect("fresh");
        assert_eq!(sealed[20..24], [0xc0, 0xde, 0, 0]);
        assert_eq!(sealed.len(), plain.len() + sender.rtp_overhead());
        let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
        assert_eq!(sealed[..opened.len], packet(1, 2, EMPTY));

        let plain = packet(2, 0, &[]);
        let mut sealed = seal(&mut sender, &plain).expect("fresh");
        assert_eq!(sealed[..12], plain[..12]);
        let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
        assert_eq!(sealed[..opened.len], plain);
    }
}

/// T-SRT-16: a buffer without room for the empty extension is refused, and no index used up.
#[test]
fn t_srt_16_room_for_the_extension_is_asked_for() {
    let (mut sender, _) = cryptex(Profile::AeadAes128Gcm, CryptexPolicy::Accept);
    let plain = packet(1, 2, &[]);
    let mut buffer = plain.clone();
    buffer.resize(plain.len() + 16 + 3, 0);
    let refused = sender.protect_rtp(&mut buffer, plain.len());
    let needed = plain.len() + 16 + 4;
    assert_eq!(refused, Err(ProtectError::BufferTooSmall(needed)));
    assert_eq!(buffer[..plain.len()], plain);
    assert!(seal(&mut sender, &plain).is_ok());
}

/// T-SRT-16: what requires Cryptex drops CSRCs and extensions in the clear, and takes packets
/// without either.
#[test]
fn t_srt_16_required_means_required() {
    for profile in ENCRYPTING {
        let mut sender = pair::sender(profile, SenderConfig::default());
        let mut required = receiver(profile, CryptexPolicy::Require);
        let mut accepted = receiver(profile, CryptexPolicy::Accept);
        for (sequence_number, (csrcs, extension, taken)) in
            [(0, ONE_BYTE, false), (1, &[][..], false), (0, &[], true)]
                .into_iter()
                .enumerate()
        {
            let plain = packet(sequence_number as u16, csrcs, extension);
            let sealed = seal(&mut sender, &plain).expect("fresh");
            assert!(open(&mut accepted, &sealed).is_ok());
            let result = open(&mut required, &sealed);
            if taken {
                assert!(result.is_ok());
            } else {
                assert_eq!(result, Err(UnprotectError::NotCryptex));
            }
        }
    }
}

/// T-SRT-16: the mark is authenticated: it can be neither taken off nor put on.
#[test]
fn t_srt_16_the_mark_cannot_be_changed() {
    for profile in ENCRYPTING {
        for csrcs in [0, 2] {
            let (mut sender, mut receiver) = cryptex(profile, CryptexPolicy::Accept);
            let mark = 12 + 4 * csrcs;
            let sealed = seal(&mut sender, &packet(1, csrcs, ONE_BYTE)).expect("fresh");
            for other in [[0xbe, 0xde], [0xc2, 0xde], [0x10, 0]] {
                let mut forged = sealed.clone();
                forged[mark..mark + 2].copy_from_slice(&other);
                let before = forged.clone();
                let result = receiver.unprotect_rtp(&mut forged);
                assert_eq!(result, Err(UnprotectError::Forged), "{profile}");
                assert_eq!(forged, before);
            }
            let mut plain_sender = pair::sender(profile, SenderConfig::default());
            let mut forged = seal(&mut plain_sender, &packet(1, csrcs, ONE_BYTE)).expect("fresh");
            forged[mark..mark + 2].copy_from_slice(&[0xc0, 0xde]);
            let result = open(&mut receiver, &forged);
            assert_eq!(result, Err(UnprotectError::Forged), "{profile}");
        }
    }
}

/// T-SRT-16: without agreement, what comes with Cryptex is refused by its header: with counter mode
/// its tag is right, and its extension would come out as noise.
#[test]
fn t_srt_16_off_refuses_the_mark() {
    for profile in ENCRYPTING {
        for csrcs in [0, 2] {
            for extension in [ONE_BYTE, TWO_BYTE] {
                let (mut sender, mut off) = cryptex(profile, CryptexPolicy::Off);
                let sealed = seal(&mut sender, &packet(1, csrcs, extension)).expect("fresh");
                let mut refused = sealed.clone();
                let result = off.unprotect_rtp(&mut refused);
                assert_eq!(result, Err(UnprotectError::UnexpectedCryptex), "{profile}");
                assert_eq!(refused, sealed);
            }
        }
    }
}

/// T-SRT-16: the mark is not sent by whoever does not encrypt: a receiver would decrypt what is in
/// the clear.
#[test]
fn t_srt_16_the_mark_is_not_sent_without_cryptex() {
    for profile in ENCRYPTING {
        let mut sender = pair::sender(profile, SenderConfig::default());
        for mark in [[0xc0, 0xde], [0xc2, 0xde]] {
            let extension = [mark[0], mark[1], 0, 1, 0x11, 2, 3, 0];
            let refused = seal(&mut sender, &packet(1, 0, &extension));
            assert_eq!(refused, Err(ProtectError::ReservedExtension));
        }
        // Nothing of the sequence number is used up.
        assert!(seal(&mut sender, &packet(1, 0, ONE_BYTE)).is_ok());
    }
}

/// RFC 9335 §5.1: an extension that is not of RFC 8285 can't be marked, and is not sent in the
/// clear instead.
#[test]
fn other_extensions_are_refused() {
    let (mut sender, _) = cryptex(Profile::AeadAes128Gcm, CryptexPolicy::Accept);
    for profile in [[0x12, 0x34], [0x10, 0x01], [0xc0, 0xde]] {
        let extension = [profile[0], profile[1], 0, 1, 1, 2, 3, 4];
        let refused = seal(&mut sender, &packet(1, 0, &extension));
        assert_eq!(refused, Err(ProtectError::ExtensionNotEncryptable));
    }
    assert!(seal(&mut sender, &packet(1, 0, ONE_BYTE)).is_ok());
}

fn encrypted_extensions(profile: Profile, ids: &[u8]) -> (Sender, Receiver) {
    let ids: ExtensionIds = ids.iter().copied().collect();
    let sender_config = SenderConfig {
        encrypted_extensions: ids,
        ..SenderConfig::default()
    };
    let receiver_config = ReceiverConfig {
        encrypted_extensions: ids,
        ..ReceiverConfig::default()
    };
    (
        pair::sender(profile, sender_config),
        pair::receiver(profile, receiver_config),
    )
}

/// RFC 6904 §2.1: only the data of the chosen elements changes.
#[test]
fn only_chosen_extensions_are_encrypted() {
    for profile in ENCRYPTING {
        let (mut sender, mut receiver) = encrypted_extensions(profile, &[3]);
        let plain = packet(1, 1, ONE_BYTE);
        let mut sealed = seal(&mut sender, &plain).expect("fresh");
        // One CSRC, the word in front, element 1 and the first byte of element 3 stay; its four
        // bytes don't.
        assert_eq!(sealed[..24], plain[..24]);
        assert_ne!(sealed[24..28], plain[24..28]);
        let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
        assert_eq!(sealed[..opened.len], plain, "{profile}");
    }
}

/// RFC 6904 §2.1: one-byte and two-byte elements, padding between them, long blocks.
#[test]
fn encrypted_extensions_come_back() {
    for profile in ENCRYPTING {
        let (mut sender, mut receiver) = encrypted_extensions(profile, &[1, 2, 200]);
        let mut long = vec![0x10, 0x05, 0, 0];
        for id in [1, 2, 3, 200] {
            long.extend([0, 0, id, 255]);
            long.extend([id; 255]);
        }
        long.resize(long.len().next_multiple_of(4), 0);
        let words = (long.len() / 4 - 1) as u16;
        long[2..4].copy_from_slice(&words.to_be_bytes());
        let one_byte = [
            0xbe, 0xde, 0, 3, 0x10, 7, 0, 0, 0x21, 8, 9, 0x30, 10, 0xf0, 1, 2,
        ];
        for (sequence_number, extension) in [&long[..], &one_byte].into_iter().enumerate() {
            let plain = packet(sequence_number as u16, 2, extension);
            let mut sealed = seal(&mut sender, &plain).expect("fresh");
            assert_ne!(sealed[20..20 + extension.len()], *extension);
            let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
            assert_eq!(sealed[..opened.len], plain, "{profile}");
        }
    }
}

/// RFC 6904 §2.1: elements past the end of their block are refused on both sides.
#[test]
fn malformed_extensions_are_refused() {
    let (mut sender, mut receiver) = encrypted_extensions(Profile::AeadAes128Gcm, &[1]);
    let plain = packet(1, 0, &[0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3]);
    let refused = seal(&mut sender, &plain);
    assert_eq!(refused, Err(ProtectError::ExtensionMalformed));

    let mut careless = pair::sender(Profile::AeadAes128Gcm, SenderConfig::default());
    let mut sealed = seal(&mut careless, &plain).expect("it does not look");
    let refused = receiver.unprotect_rtp(&mut sealed);
    assert_eq!(refused, Err(UnprotectError::ExtensionMalformed));
    assert_eq!(sealed[20..40], [0; 20], "the payload is wiped");
}
