//! DTLS inside STUN as Chromium writes it (draft-hancke-webrtc-sped).

use std::collections::HashSet;

use ice_lite::stun::{AttributeType, Message, MessageType, crc32};

/// The captured datagrams: whether it is of the DTLS client's side, and its bytes.
fn captured() -> Vec<(bool, Vec<u8>)> {
    let text = include_str!("data/sped.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (sender, hex) = line.split_once(' ').expect("two words");
            let byte = |at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex");
            (
                sender == "client",
                (0..hex.len() / 2).map(byte).collect::<Vec<_>>(),
            )
        })
        .collect()
}

/// An acknowledgement names, by its CRC-32, a datagram of DTLS that the other side has sent before, in
/// a message or by itself; at most four of them.
#[test]
fn what_a_message_acknowledges_was_sent_before() {
    let mut sent = [HashSet::new(), HashSet::new()];
    let (mut datagrams, mut acknowledged) = (0, 0);
    for (is_client, datagram) in captured() {
        let Ok(message) = Message::parse(&datagram) else {
            sent[usize::from(is_client)].insert(crc32(&datagram));
            continue;
        };
        assert!(message.verify_fingerprint().is_ok());
        if let Some(value) = message.attribute(AttributeType::DTLS_IN_STUN_ACK) {
            let (crcs, rest) = value.as_chunks::<4>();
            assert!(rest.is_empty() && crcs.len() <= 4);
            for &crc in crcs {
                assert!(sent[usize::from(!is_client)].contains(&u32::from_be_bytes(crc)));
                acknowledged += 1;
            }
        }
        if let Some(carried) = message.attribute(AttributeType::DTLS_IN_STUN) {
            assert!(carried.len() <= 900);
            sent[usize::from(is_client)].insert(crc32(carried));
            datagrams += 1;
        }
    }
    assert_eq!((datagrams, acknowledged), (10, 21));
}

/// The first check offers it with an empty acknowledgement and carries the beginning of a ClientHello;
/// who has finished says nothing of it any more.
#[test]
fn the_first_check_begins_the_handshake_and_the_last_has_nothing() {
    let all = captured();
    let (first, last) = (&all[0].1, &all[all.len() - 1].1);
    let first = Message::parse(first).expect("a check");
    assert_eq!(first.kind(), MessageType::BINDING_REQUEST);
    assert_eq!(
        first.attribute(AttributeType::DTLS_IN_STUN_ACK),
        Some(&[][..])
    );
    let hello = first
        .attribute(AttributeType::DTLS_IN_STUN)
        .expect("a ClientHello");
    assert_eq!((hello.len(), hello[0], hello[13]), (900, 22, 1));
    let last = Message::parse(last).expect("an answer");
    for kind in [AttributeType::DTLS_IN_STUN, AttributeType::DTLS_IN_STUN_ACK] {
        assert_eq!(last.attribute(kind), None);
    }
}
