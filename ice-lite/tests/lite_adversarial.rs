//! What an attacker sends to a lite agent: the T-STN rows that concern single datagrams. DROP means
//! no answer, no event, the same state digest, one counter up by one.

mod support;

use ice_lite::stun::{
    AttributeType, Class, ErrorCode, IntegrityKey, Message, MessageType, MessageWriter, Method,
    TransactionId,
};
use ice_lite::{Credentials, Discard, Outcome};
use proptest::prelude::*;
use support::{Peer, Scene, path};

fn integrity_at(datagram: &[u8]) -> usize {
    datagram.len() - 8 - 24
}

/// Makes FINGERPRINT, which stands last, right again.
fn refresh_fingerprint(datagram: &mut [u8]) {
    let at = datagram.len() - 8;
    let value = crc32fast::hash(&datagram[..at]) ^ 0x5354_554E;
    datagram[at + 4..].copy_from_slice(&value.to_be_bytes());
}

/// Appends bytes of attributes and FINGERPRINT to a message without FINGERPRINT.
fn close(mut datagram: Vec<u8>, attributes: &[u8]) -> Vec<u8> {
    datagram.extend(attributes);
    datagram.extend([0x80, 0x28, 0, 4, 0, 0, 0, 0]);
    let length = (datagram.len() - 20) as u16;
    datagram[2..4].copy_from_slice(&length.to_be_bytes());
    refresh_fingerprint(&mut datagram);
    datagram
}

#[test]
fn t_stn_01_integrity_missing_wrong_cut_or_sha_256_only() {
    let mut scene = Scene::new();
    let now = scene.start;
    let id = scene.peer.id();
    let missing = scene
        .peer
        .unsealed(id, |_| {}, |writer| writer.finish().expect("room"));
    scene.expect_discard(now, path(1), &missing, Discard::IntegrityMissing);

    let mut wrong = scene.peer.request();
    let tag = integrity_at(&wrong) + 4;
    for byte in [tag, tag + 19] {
        wrong[byte] ^= 0x80;
        refresh_fingerprint(&mut wrong);
        scene.expect_discard(now, path(1), &wrong, Discard::IntegrityMismatch);
        wrong[byte] ^= 0x80;
    }

    let other_key = IntegrityKey::new(b"not the password of it");
    let forged = scene
        .peer
        .unsealed(id, |_| {}, |writer| writer.seal(&other_key).expect("room"));
    scene.expect_discard(now, path(1), &forged, Discard::IntegrityMismatch);

    let good = scene.peer.request();
    let open = good[..integrity_at(&good)].to_vec();
    for len in [0, 4, 16, 24, 32] {
        let mut value = vec![0, 8, 0, len];
        value.resize(4 + usize::from(len), 0);
        let cut = close(open.clone(), &value);
        scene.expect_discard(now, path(1), &cut, Discard::Malformed);
    }

    let mut sha256 = vec![0, 0x1C, 0, 32];
    sha256.extend([7; 32]);
    let sha256 = close(open, &sha256);
    scene.expect_discard(now, path(1), &sha256, Discard::IntegrityMissing);
    assert!(!scene.agent.is_valid(&path(1)));
}

#[test]
fn t_stn_02_attributes_after_integrity_are_not_seen() {
    let mut scene = Scene::new();
    let request = scene.peer.request();
    let open = request[..request.len() - 8].to_vec();
    // An unknown comprehension-required attribute, ICE-CONTROLLED, USE-CANDIDATE: each would
    // change the answer if it were seen.
    let after = [
        0x77, 0x77, 0, 0, 0x80, 0x29, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x25, 0, 0,
    ];
    let request = close(open, &after);
    let message = Message::parse(&request).expect("a message");
    assert_eq!(message.attribute(AttributeType::USE_CANDIDATE), None);
    scene.expect_success(scene.start, path(1), &request);
}

#[test]
fn t_stn_03_lengths_that_lie() {
    let mut scene = Scene::new();
    let now = scene.start;
    let good = scene.peer.request();
    for length in 0..=u16::MAX {
        if usize::from(length) == good.len() - 20 {
            continue;
        }
        let mut lie = good.clone();
        lie[2..4].copy_from_slice(&length.to_be_bytes());
        let outcome = scene.agent.handle_datagram(now, path(1), &lie);
        assert_eq!(
            outcome,
            Outcome::Discarded(Discard::Malformed),
            "length {length}"
        );
    }
    for len in 0..20 {
        scene.expect_discard(now, path(1), &good[..len], Discard::Malformed);
    }
    // Each attribute in turn claims other lengths; the fingerprint is made right again.
    let mut at = 20;
    while at < good.len() - 8 {
        let len = usize::from(u16::from_be_bytes([good[at + 2], good[at + 3]]));
        for claim in [0, 1, 3, 0x7FFF, 0xFFFC, 0xFFFF] {
            let mut lie = good.clone();
            lie[at + 2..at + 4].copy_from_slice(&u16::to_be_bytes(claim));
            refresh_fingerprint(&mut lie);
            let outcome = scene.agent.handle_datagram(now, path(1), &lie);
            assert!(
                matches!(outcome, Outcome::Discarded(_)),
                "at {at}: {outcome:?}"
            );
        }
        at += 4 + len.next_multiple_of(4);
    }
    assert!(!scene.agent.is_valid(&path(1)));
}

#[test]
fn t_stn_04_usernames() {
    let mut scene = Scene::new();
    let now = scene.start;
    let (ours, theirs) = (scene.peer.remote.clone(), scene.peer.local.clone());
    let good = format!("{}:{}", ours.ufrag(), theirs.ufrag());
    let names = [
        String::new(),
        ":".into(),
        ours.ufrag().into(),
        format!("{}:", ours.ufrag()),
        format!(":{}", theirs.ufrag()),
        format!("{}:{}", theirs.ufrag(), ours.ufrag()),
        format!("{}{}", ours.ufrag(), theirs.ufrag()),
        format!("{good}x"),
        format!("x{good}"),
        good[..good.len() - 1].into(),
        format!("{}:wrong", ours.ufrag()),
        "a".repeat(513),
        format!("{}:{}", ours.ufrag(), "b".repeat(65_000)),
    ];
    for name in names {
        let request = named(&scene.peer, name.as_bytes());
        scene.expect_discard(now, path(1), &request, Discard::UsernameMismatch);
    }
    let mut buf = vec![0; 200];
    let id = scene.peer.id();
    let writer = MessageWriter::new(&mut buf, MessageType::BINDING_REQUEST, id).expect("room");
    let len = writer.seal(&scene.peer.key).expect("room");
    scene.expect_discard(now, path(1), &buf[..len], Discard::UsernameMissing);
    let request = named(&scene.peer, good.as_bytes());
    scene.expect_success(now, path(1), &request);
}

fn named(peer: &Peer, name: &[u8]) -> Vec<u8> {
    let mut buf = vec![0; 65_535];
    let id = TransactionId([3; 12]);
    let mut writer = MessageWriter::new(&mut buf, MessageType::BINDING_REQUEST, id).expect("room");
    writer
        .attribute(AttributeType::USERNAME, name)
        .expect("room");
    let len = writer.seal(&peer.key).expect("room");
    buf.truncate(len);
    buf
}

#[test]
fn t_stn_05_other_classes_and_methods() {
    let mut scene = Scene::new();
    let now = scene.start;
    // GOOG-PING has method 0x080.
    for method in [0x000, 0x002, 0x003, 0x080, 0xFFF] {
        let kind = MessageType::new(Class::Request, Method(method));
        let datagram = sealed(&scene, kind);
        scene.expect_discard(now, path(1), &datagram, Discard::UnknownMethod);
    }
    for (kind, reason) in [
        (MessageType::BINDING_INDICATION, Discard::Indication),
        (MessageType::BINDING_SUCCESS, Discard::UnknownTransaction),
        (MessageType::BINDING_ERROR, Discard::UnknownTransaction),
    ] {
        let datagram = sealed(&scene, kind);
        scene.expect_discard(now, path(1), &datagram, reason);
        // And before the answer is known.
        let mut fresh = Scene::without_remote();
        fresh.expect_discard(now, path(1), &datagram, reason);
    }
}

fn sealed(scene: &Scene, kind: MessageType) -> Vec<u8> {
    let mut buf = vec![0; 200];
    let mut writer = MessageWriter::new(&mut buf, kind, TransactionId([3; 12])).expect("room");
    writer
        .username(scene.peer.remote.ufrag(), scene.peer.local.ufrag())
        .expect("room");
    let len = writer.seal(&scene.peer.key).expect("room");
    buf.truncate(len);
    buf
}

#[test]
fn t_stn_06_fingerprint_cookie_top_bits() {
    let mut scene = Scene::new();
    let now = scene.start;
    let good = scene.peer.request();
    let mut wrong = good.clone();
    *wrong.last_mut().expect("a byte") ^= 1;
    scene.expect_discard(now, path(1), &wrong, Discard::FingerprintMismatch);
    let mut without = good[..good.len() - 8].to_vec();
    let length = (without.len() - 20) as u16;
    without[2..4].copy_from_slice(&length.to_be_bytes());
    scene.expect_discard(now, path(1), &without, Discard::FingerprintMissing);
    for (byte, bit) in [(4, 1), (7, 0x80), (0, 0x40), (0, 0x80)] {
        let mut wrong = good.clone();
        wrong[byte] ^= bit;
        refresh_fingerprint(&mut wrong);
        scene.expect_discard(now, path(1), &wrong, Discard::Malformed);
    }
    scene.expect_success(now, path(1), &good);
}

#[test]
fn t_stn_07_unknown_required_attributes_get_420_if_authenticated() {
    let mut scene = Scene::new();
    let now = scene.start;
    let unknown = |writer: &mut MessageWriter<'_>| {
        for kind in [0x7777, 0x7FFF, 0x0003, 0x001B, 0x0099] {
            writer
                .attribute(AttributeType(kind), &[1, 2, 3])
                .expect("room");
        }
    };
    let id = scene.peer.id();
    let other_key = IntegrityKey::new(b"not the password of it");
    let forged = scene
        .peer
        .unsealed(id, unknown, |writer| writer.seal(&other_key).expect("room"));
    scene.expect_discard(now, path(1), &forged, Discard::IntegrityMismatch);

    let request = scene.peer.request_with(id, unknown);
    let outcome = scene.agent.handle_datagram(now, path(1), &request);
    assert_eq!(outcome, Outcome::Refused(ErrorCode::UNKNOWN_ATTRIBUTE));
    let answer = scene.answer(now, path(1)).expect("an answer");
    assert!(answer.len() <= request.len());
    let answer = Message::parse(&answer).expect("a message");
    assert_eq!(answer.kind(), MessageType::BINDING_ERROR);
    assert_eq!(answer.transaction_id(), id);
    assert_eq!(answer.error_code(), Some(ErrorCode::UNKNOWN_ATTRIBUTE));
    let named = answer.attribute(AttributeType::UNKNOWN_ATTRIBUTES);
    assert_eq!(
        named,
        Some(&[0x77, 0x77, 0x7F, 0xFF, 0, 3, 0, 0x1B][..]),
        "the first four"
    );
    assert_eq!(answer.verify_integrity(&scene.peer.key), Ok(()));
    assert!(!scene.agent.is_valid(&path(1)));
    assert_eq!(scene.events(), []);
}

/// NOMINATION, GOOG-NETWORK-INFO, an unknown one, DTLS-IN-STUN and its ACK: browsers send them.
#[test]
fn rfc_8489_section_14_unknown_optional_attributes_are_ignored() {
    let mut scene = Scene::new();
    let id = scene.peer.id();
    let request = scene.peer.request_with(id, |writer| {
        for (kind, len) in [
            (0xC057, 4),
            (0xC05C, 8),
            (0xC070, 300),
            (0xC071, 0),
            (0x8FFF, 5),
        ] {
            writer
                .attribute(AttributeType(kind), &vec![9; len])
                .expect("room");
        }
    });
    scene.expect_success(scene.start, path(1), &request);
}

/// str0m issue 1073: nothing says that USERNAME comes first, or anything but FINGERPRINT last.
#[test]
fn integrity_as_the_first_attribute_covers_nothing_so_username_is_missing() {
    let mut scene = Scene::new();
    let id = scene.peer.id();
    let mut buf = [0; 200];
    let writer = MessageWriter::new(&mut buf, MessageType::BINDING_REQUEST, id).expect("room");
    let len = writer.seal(&scene.peer.key).expect("room");
    let open = buf[..len - 8].to_vec();
    let mut attributes = vec![0, 6, 0, 4];
    attributes.extend(b"ab:c");
    let request = close(open, &attributes);
    scene.expect_discard(scene.start, path(1), &request, Discard::UsernameMissing);
    let parsed = Message::parse(&request).expect("a message");
    assert_eq!(parsed.verify_integrity(&scene.peer.key), Ok(()));
}

#[test]
fn t_stn_09_a_controlled_peer_gets_487_whatever_its_tiebreaker() {
    let mut scene = Scene::new();
    let now = scene.start;
    for tiebreaker in [0, 1, u64::MAX / 2, u64::MAX] {
        let id = scene.peer.id();
        let mut buf = [0; 200];
        let mut writer =
            MessageWriter::new(&mut buf, MessageType::BINDING_REQUEST, id).expect("room");
        writer
            .username(scene.peer.remote.ufrag(), scene.peer.local.ufrag())
            .expect("room");
        let value = tiebreaker.to_be_bytes();
        writer
            .attribute(AttributeType::ICE_CONTROLLED, &value)
            .expect("room");
        let len = writer.seal(&scene.peer.key).expect("room");
        let outcome = scene.agent.handle_datagram(now, path(1), &buf[..len]);
        assert_eq!(outcome, Outcome::Refused(ErrorCode::ROLE_CONFLICT));
        let answer = scene.answer(now, path(1)).expect("an answer");
        let answer = Message::parse(&answer).expect("a message");
        assert_eq!(answer.error_code(), Some(ErrorCode::ROLE_CONFLICT));
        assert_eq!(answer.verify_integrity(&scene.peer.key), Ok(()));
        assert!(!scene.agent.is_valid(&path(1)));
    }
    scene.check(now, path(1));
}

#[test]
fn an_authenticated_request_with_an_unreadable_attribute_gets_400() {
    for kind in [
        AttributeType::PRIORITY,
        AttributeType::ICE_CONTROLLING,
        AttributeType::ICE_CONTROLLED,
        AttributeType::NOMINATION,
    ] {
        let mut scene = Scene::new();
        let id = scene.peer.id();
        let request = scene.peer.request_with(id, |writer| {
            writer.attribute(kind, &[1, 2, 3]).expect("room");
        });
        let outcome = scene.agent.handle_datagram(scene.start, path(1), &request);
        assert_eq!(outcome, Outcome::Refused(ErrorCode::BAD_REQUEST));
        assert!(!scene.agent.is_valid(&path(1)));
    }
}

#[test]
fn t_stn_15_credentials_are_long_and_never_repeat() {
    let mut random = support::seeded(3);
    let mut seen = std::collections::HashSet::new();
    let mut counts = [0_u32; 256];
    for _ in 0..20_000 {
        let made = Credentials::generate(&mut random);
        // Six bits a character: 96 and 192 bits.
        assert_eq!((made.ufrag().len(), made.password().len()), (16, 32));
        let taken = Credentials::from_sdp(made.ufrag(), made.password());
        assert_eq!(taken.map(|taken| taken.ufrag() == made.ufrag()), Ok(true));
        made.password()
            .bytes()
            .for_each(|byte| counts[usize::from(byte)] += 1);
        assert!(seen.insert(made.ufrag().to_owned()));
        assert!(seen.insert(made.password().to_owned()));
    }
    let ids: std::collections::HashSet<_> = (0..1_000_000)
        .map(|_| TransactionId::generate(&mut random))
        .collect();
    assert_eq!(ids.len(), 1_000_000, "96 random bits");
    let used: Vec<_> = counts.into_iter().filter(|&count| count > 0).collect();
    assert_eq!(used.len(), 64);
    assert!(
        used.iter().all(|count| (9_500..10_500).contains(count)),
        "{used:?}"
    );
}

#[test]
fn t_cry_07_secrets_are_not_in_debug_output() {
    let scene = Scene::new();
    let password = scene.peer.remote.password();
    let text = format!(
        "{:?} {:?} {:?}",
        scene.agent, scene.peer.remote, scene.peer.key
    );
    assert!(!text.contains(password));
    assert!(text.contains(scene.peer.remote.ufrag()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// T-STN-14, R1, R2: whatever comes without our password gets no byte and changes nothing.
    #[test]
    fn t_stn_14_any_bytes_get_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut scene = Scene::new();
        let now = scene.start;
        scene.check(now, path(1));
        scene.events();
        let digest = scene.agent.state_digest();
        for source in [1, 2] {
            let outcome = scene.agent.handle_datagram(now, path(source), &bytes);
            prop_assert!(matches!(outcome, Outcome::Discarded(_)));
        }
        prop_assert_eq!(scene.agent.poll_transmit(now, &mut [0; 600]), None);
        prop_assert_eq!(scene.agent.poll_event(), None);
        prop_assert_eq!(scene.agent.state_digest(), digest);
    }

    /// A good request with any bytes of it changed: dropped, unless only the bytes that neither
    /// integrity nor the fingerprint covers are others.
    #[test]
    fn a_changed_request_is_dropped(changes in prop::collection::vec((any::<usize>(), 1..=255_u8), 1..4)) {
        let mut scene = Scene::new();
        let now = scene.start;
        let good = scene.peer.request();
        let mut changed = good.clone();
        for (at, mask) in changes {
            let at = at % changed.len();
            changed[at] ^= mask;
        }
        prop_assume!(changed != good);
        for refresh in [false, true] {
            let mut datagram = changed.clone();
            if refresh {
                refresh_fingerprint(&mut datagram);
            }
            if datagram == good {
                continue;
            }
            let digest = scene.agent.state_digest();
            let outcome = scene.agent.handle_datagram(now, path(1), &datagram);
            prop_assert!(matches!(outcome, Outcome::Discarded(_)), "{:?}", outcome);
            prop_assert_eq!(scene.agent.state_digest(), digest);
        }
    }
}
