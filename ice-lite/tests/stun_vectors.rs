//! The test vectors of RFC 5769, and requests that browsers sent.

use ice_lite::stun::{
    AttributeType, BufferTooSmall, Class, IntegrityKey, Message, MessageType, MessageWriter,
    TransactionId, Unverified,
};
use std::net::SocketAddr;

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
const ID: TransactionId = TransactionId(*b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae");

/// RFC 5769 §2.1. Its padding is of spaces.
const REQUEST: &[u8] =
    b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x10STUN test client\
\x00\x24\x00\x04\x6e\x00\x01\xff\
\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
\x00\x06\x00\x09evtj:h6vY   \
\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

/// RFC 5769 §2.2.
const RESPONSE_V4: &[u8] =
    b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x0btest vector \
\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
\x80\x28\x00\x04\xc0\x7d\x4c\x96";

/// RFC 5769 §2.3.
const RESPONSE_V6: &[u8] =
    b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x0btest vector \
\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

#[test]
fn rfc_5769_section_2_1_request() {
    let message = Message::parse(REQUEST).expect("a message");
    assert_eq!(message.kind(), MessageType::BINDING_REQUEST);
    assert_eq!(message.transaction_id(), ID);
    assert_eq!(message.verify_fingerprint(), Ok(()));
    assert_eq!(
        message.verify_integrity(&IntegrityKey::new(PASSWORD)),
        Ok(())
    );
    assert_eq!(message.username(), Some(&b"evtj:h6vY"[..]));
    assert_eq!(message.receiver_ufrag(), Some(&b"evtj"[..]));
    assert_eq!(
        message.attribute(AttributeType::SOFTWARE),
        Some(&b"STUN test client"[..])
    );
    assert_eq!(
        message.attribute(AttributeType::PRIORITY),
        Some(&b"\x6e\x00\x01\xff"[..])
    );
    let tiebreaker = &b"\x93\x2f\xf9\xb1\x51\x26\x3b\x36"[..];
    assert_eq!(
        message.attribute(AttributeType::ICE_CONTROLLED),
        Some(tiebreaker)
    );
}

#[test]
fn rfc_5769_sections_2_2_and_2_3_responses() {
    let v6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
    for (bytes, address) in [(RESPONSE_V4, "192.0.2.1:32853"), (RESPONSE_V6, v6)] {
        let address: SocketAddr = address.parse().expect("an address");
        let message = Message::parse(bytes).expect("a message");
        assert_eq!(
            (message.class(), message.transaction_id()),
            (Class::Success, ID)
        );
        assert_eq!(message.verify_fingerprint(), Ok(()));
        assert_eq!(
            message.verify_integrity(&IntegrityKey::new(PASSWORD)),
            Ok(())
        );
        assert_eq!(message.xor_mapped_address(), Some(address));
    }
}

/// The writer makes the same bytes, save padding: RFC 8489 §14 wants zeroes where RFC 5769 has
/// spaces. So the values before MESSAGE-INTEGRITY are compared.
#[test]
fn the_writer_makes_the_attributes_of_the_vectors() {
    for (bytes, address) in [
        (RESPONSE_V4, "192.0.2.1:32853"),
        (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let vector = Message::parse(bytes).expect("a message");
        let mut buf = [0; 200];
        let mut writer =
            MessageWriter::new(&mut buf, MessageType::BINDING_SUCCESS, ID).expect("room");
        writer
            .attribute(AttributeType::SOFTWARE, b"test vector")
            .expect("room");
        writer
            .xor_mapped_address(address.parse().expect("an address"))
            .expect("room");
        let len = writer.seal(&IntegrityKey::new(PASSWORD)).expect("room");
        let ours = Message::parse(&buf[..len]).expect("a message");
        assert!(ours.attributes().eq(vector.attributes()));
        assert_eq!(len, bytes.len());
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let key = IntegrityKey::new(PASSWORD);
    let fingerprint_at = REQUEST.len() - 8;
    for bit in 0..REQUEST.len() * 8 {
        let mut bytes = REQUEST.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(message) = Message::parse(&bytes) else {
            continue;
        };
        assert_ne!(message.verify_fingerprint(), Ok(()), "bit {bit}");
        let covered = bit / 8 < fingerprint_at;
        let expected = if covered {
            Err(Unverified::Mismatch)
        } else {
            Ok(())
        };
        let result = message.verify_integrity(&key);
        // A bit in the type of MESSAGE-INTEGRITY makes it another attribute.
        assert!(
            result == expected || result == Err(Unverified::Missing),
            "bit {bit}: {result:?}"
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    for len in 0..REQUEST.len() {
        assert!(Message::parse(&REQUEST[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn requests_of_browsers_are_read() {
    let text = include_str!("data/browsers.txt");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (browser, hex) = line.split_once(' ').expect("two words");
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex"))
            .collect();
        let message = Message::parse(&bytes).expect("a message");
        assert_eq!(message.kind(), MessageType::BINDING_REQUEST);
        let expected = match browser {
            "Firefox" => Ok(()),
            _ => Err(Unverified::Missing),
        };
        assert_eq!(message.verify_fingerprint(), expected, "{browser}");
    }
}

#[test]
fn a_message_that_does_not_fit_is_not_begun_or_left_as_it_was() {
    let key = IntegrityKey::new(PASSWORD);
    let kind = MessageType::BINDING_SUCCESS;
    for room in 0..20 {
        assert!(MessageWriter::new(&mut vec![0; room], kind, ID).is_err());
    }
    for room in 20..=120 {
        let mut buf = vec![0; room];
        let mut writer = MessageWriter::new(&mut buf, kind, ID).expect("room");
        let remaining = writer.remaining();
        let too_much = vec![7; remaining + 4];
        assert_eq!(
            writer.attribute(AttributeType::SOFTWARE, &too_much),
            Err(BufferTooSmall)
        );
        if room >= 56 {
            let fits = vec![7; remaining];
            assert_eq!(writer.attribute(AttributeType::SOFTWARE, &fits), Ok(()));
        }
        match writer.seal(&key) {
            Ok(len) => {
                let message = Message::parse(&buf[..len]).expect("a message");
                assert_eq!(message.verify_integrity(&key), Ok(()));
                assert!(room >= 52);
            }
            Err(BufferTooSmall) => assert!(room < 52),
        }
    }
}
