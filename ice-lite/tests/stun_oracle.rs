//! Our STUN messages against an independent implementation, both ways, and on any bytes.

use bytecodec::{DecodeExt, EncodeExt};
use ice_lite::stun::{
    AttributeType, Class, ErrorCode, IntegrityKey, Message, MessageType, MessageWriter, Method,
    TransactionId, Unverified,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use std::net::{IpAddr, SocketAddr};
use stun_codec::rfc5245::attributes::{IceControlled, IceControlling, Priority, UseCandidate};
use stun_codec::rfc5389::attributes::{
    ErrorCode as OracleErrorCode, Fingerprint, MessageIntegrity, Software, UnknownAttributes,
    Username, XorMappedAddress,
};
use stun_codec::{
    Attribute, MessageClass, MessageDecoder, MessageEncoder, RawAttribute, define_attribute_enums,
};

define_attribute_enums!(
    Oracle,
    OracleDecoder,
    OracleEncoder,
    [
        OracleErrorCode,
        Fingerprint,
        IceControlled,
        IceControlling,
        MessageIntegrity,
        Priority,
        Software,
        UnknownAttributes,
        UseCandidate,
        Username,
        XorMappedAddress
    ]
);

type OracleMessage = stun_codec::Message<Oracle>;

/// The parts of a check.
#[derive(Debug, Clone)]
struct Check {
    id: [u8; 12],
    username: String,
    password: String,
    priority: u32,
    controlling: bool,
    tiebreaker: u64,
    use_candidate: bool,
}

fn checks() -> impl Strategy<Value = Check> {
    let words = (
        "[a-zA-Z0-9+/]{4,32}:[a-zA-Z0-9+/]{4,32}",
        "[a-zA-Z0-9+/]{22,80}",
    );
    (any::<[u8; 12]>(), words, any::<(u32, bool, u64, bool)>()).prop_map(
        |(id, (username, password), (priority, controlling, tiebreaker, use_candidate))| Check {
            id,
            username,
            password,
            priority,
            controlling,
            tiebreaker,
            use_candidate,
        },
    )
}

fn addresses() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip.to_canonical(), port))
}

fn oracle_decode(bytes: &[u8]) -> OracleMessage {
    MessageDecoder::<Oracle>::new()
        .decode_from_bytes(bytes)
        .expect("the oracle reads it")
        .expect("the oracle finds it whole")
}

fn oracle_encode(message: OracleMessage) -> Vec<u8> {
    MessageEncoder::new()
        .encode_into_bytes(message)
        .expect("the oracle writes it")
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1024,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_oracle_reads_our_requests(check in checks()) {
        let mut buf = [0; 600];
        let kind = MessageType::BINDING_REQUEST;
        let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(check.id)).unwrap();
        let (receiver, sender) = check.username.split_once(':').unwrap();
        writer.username(receiver, sender).unwrap();
        writer.attribute(AttributeType::PRIORITY, &check.priority.to_be_bytes()).unwrap();
        let role = match check.controlling {
            true => AttributeType::ICE_CONTROLLING,
            false => AttributeType::ICE_CONTROLLED,
        };
        writer.attribute(role, &check.tiebreaker.to_be_bytes()).unwrap();
        if check.use_candidate {
            writer.attribute(AttributeType::USE_CANDIDATE, &[]).unwrap();
        }
        let len = writer.seal(&IntegrityKey::new(check.password.as_bytes())).unwrap();

        let read = oracle_decode(&buf[..len]);
        prop_assert_eq!(read.class(), MessageClass::Request);
        prop_assert_eq!(read.method().as_u16(), Method::BINDING.0);
        prop_assert_eq!(*read.transaction_id().as_bytes(), check.id);
        prop_assert_eq!(read.get_attribute::<Username>().unwrap().name(), &check.username);
        prop_assert_eq!(read.get_attribute::<Priority>().unwrap().prio(), check.priority);
        let controlling = read.get_attribute::<IceControlling>().map(IceControlling::prio);
        let controlled = read.get_attribute::<IceControlled>().map(IceControlled::prio);
        let (role, other) = match check.controlling {
            true => (controlling, controlled),
            false => (controlled, controlling),
        };
        prop_assert_eq!((role, other), (Some(check.tiebreaker), None));
        prop_assert_eq!(read.get_attribute::<UseCandidate>().is_some(), check.use_candidate);
        let integrity = read.get_attribute::<MessageIntegrity>().unwrap();
        prop_assert!(integrity.check_short_term_credential(&check.password).is_ok());
        // The oracle checks FINGERPRINT while it decodes.
        prop_assert!(read.get_attribute::<Fingerprint>().is_some());
    }

    #[test]
    fn we_read_the_oracles_requests(check in checks()) {
        let id = stun_codec::TransactionId::new(check.id);
        let method = stun_codec::rfc5389::methods::BINDING;
        let mut message = OracleMessage::new(MessageClass::Request, method, id);
        message.add_attribute(Username::new(check.username.clone()).unwrap());
        message.add_attribute(Priority::new(check.priority));
        match check.controlling {
            true => message.add_attribute(IceControlling::new(check.tiebreaker)),
            false => message.add_attribute(IceControlled::new(check.tiebreaker)),
        }
        if check.use_candidate {
            message.add_attribute(UseCandidate::new());
        }
        let integrity = MessageIntegrity::new_short_term_credential(&message, &check.password);
        message.add_attribute(integrity.unwrap());
        let fingerprint = Fingerprint::new(&message).unwrap();
        message.add_attribute(fingerprint);
        let bytes = oracle_encode(message);

        let read = Message::parse(&bytes).unwrap();
        prop_assert_eq!(read.kind(), MessageType::BINDING_REQUEST);
        prop_assert_eq!(read.transaction_id(), TransactionId(check.id));
        prop_assert_eq!(read.username(), Some(check.username.as_bytes()));
        prop_assert_eq!(read.attribute(AttributeType::PRIORITY), Some(&check.priority.to_be_bytes()[..]));
        prop_assert_eq!(read.attribute(AttributeType::USE_CANDIDATE).is_some(), check.use_candidate);
        prop_assert_eq!(read.verify_fingerprint(), Ok(()));
        prop_assert_eq!(read.verify_integrity(&IntegrityKey::new(check.password.as_bytes())), Ok(()));
        let wrong = IntegrityKey::new(b"quite another password");
        prop_assert_eq!(read.verify_integrity(&wrong), Err(Unverified::Mismatch));
    }

    #[test]
    fn mapped_addresses_go_both_ways(id: [u8; 12], address in addresses()) {
        let mut buf = [0; 100];
        let kind = MessageType::BINDING_SUCCESS;
        let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).unwrap();
        writer.xor_mapped_address(address).unwrap();
        let len = writer.finish().unwrap();
        let read = oracle_decode(&buf[..len]);
        prop_assert_eq!(read.class(), MessageClass::SuccessResponse);
        prop_assert_eq!(read.get_attribute::<XorMappedAddress>().unwrap().address(), address);

        let id = stun_codec::TransactionId::new(id);
        let method = stun_codec::rfc5389::methods::BINDING;
        let mut message = OracleMessage::new(MessageClass::SuccessResponse, method, id);
        message.add_attribute(XorMappedAddress::new(address));
        let bytes = oracle_encode(message);
        prop_assert_eq!(Message::parse(&bytes).unwrap().xor_mapped_address(), Some(address));
    }

    /// RFC 8489 §14.8 allows 300 to 699; the oracle (stun_codec 0.4.0) refuses 600 and above.
    #[test]
    fn error_codes_go_both_ways(number in 300_u16..600) {
        let mut buf = [0; 100];
        let kind = MessageType::BINDING_ERROR;
        let mut writer = MessageWriter::new(&mut buf, kind, TransactionId([1; 12])).unwrap();
        writer.error_code(ErrorCode(number)).unwrap();
        let len = writer.finish().unwrap();
        let read = oracle_decode(&buf[..len]);
        let code = read.get_attribute::<OracleErrorCode>().unwrap();
        prop_assert_eq!((code.code(), code.reason_phrase()), (number, ErrorCode(number).reason()));
        prop_assert_eq!(Message::parse(&buf[..len]).unwrap().error_code(), Some(ErrorCode(number)));
    }

    /// T-API-05: the same bytes are a message to us and to the oracle, with the same attributes, but for
    /// what the oracle does not look at: see [`stricter`].
    #[test]
    fn t_api_05_the_same_bytes_are_messages(bytes in messages_with_noise(), flips in flips()) {
        let mut bytes = bytes;
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let ours = Message::parse(&bytes);
        let oracle = MessageDecoder::<RawAttribute>::new().decode_from_bytes(&bytes);
        let Ok(Ok(oracle)) = oracle else {
            prop_assert!(ours.is_err(), "only we take it: {:?}", ours);
            return Ok(());
        };
        let attributes: Vec<_> = oracle.attributes().collect();
        prop_assert_eq!(ours.is_err(), stricter(&bytes, &attributes), "{:?} {:?}", ours, oracle);
        let Ok(ours) = ours else { return Ok(()) };
        // RFC 8489 §14.5: what follows MESSAGE-INTEGRITY does not count.
        let guards = [AttributeType::MESSAGE_INTEGRITY.0, AttributeType::FINGERPRINT.0];
        let seen = attributes.iter().map(|raw| (raw.get_type().as_u16(), raw.value()));
        let seen = seen.take_while(|(kind, _)| !guards.contains(kind));
        prop_assert!(ours.attributes().map(|a| (a.kind.0, a.value)).eq(seen), "{:?} {:?}", ours, oracle);
    }

    /// Whatever we call well-formed can be looked at in every way, and what we and the oracle both
    /// read we read alike.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in messages_with_noise()) {
        let Ok(message) = Message::parse(&bytes) else { return Ok(()) };
        let _ = (message.username(), message.receiver_ufrag(), message.xor_mapped_address());
        let _ = (message.error_code(), message.verify_fingerprint(), format!("{message:?}"));
        let _ = message.verify_integrity(&IntegrityKey::new(b"key"));
        let total: usize = message.attributes().map(|a| 4 + a.value.len().next_multiple_of(4)).sum();
        prop_assert!(20 + total <= bytes.len());
        let oracle = MessageDecoder::<Oracle>::new().decode_from_bytes(&bytes);
        if let Ok(Ok(oracle)) = oracle {
            let class = match message.class() {
                Class::Request => MessageClass::Request,
                Class::Indication => MessageClass::Indication,
                Class::Success => MessageClass::SuccessResponse,
                Class::Error => MessageClass::ErrorResponse,
            };
            prop_assert_eq!(class, oracle.class());
            prop_assert_eq!(message.kind().method().0, oracle.method().as_u16());
            prop_assert_eq!(message.transaction_id().0, *oracle.transaction_id().as_bytes());
            if let Some(found) = oracle.get_attribute::<Fingerprint>() {
                prop_assert_eq!(message.verify_fingerprint(), Ok(()), "{:?}", found);
            }
        }
    }
}

/// Whether it is a message to the oracle only: of a length that no message has (RFC 8489 §5), or with
/// an attribute that guards it where it can't (§14.5, §14.7). We refuse those.
fn stricter(bytes: &[u8], attributes: &[&RawAttribute]) -> bool {
    let guard = |kind: AttributeType| {
        let of_kind = move |raw: &&RawAttribute| raw.get_type().as_u16() == kind.0;
        attributes.iter().position(of_kind)
    };
    let length = |at: usize| attributes[at].value().len();
    let integrity = guard(AttributeType::MESSAGE_INTEGRITY);
    let fingerprint = guard(AttributeType::FINGERPRINT);
    !bytes.len().is_multiple_of(4)
        || integrity.is_some_and(|at| length(at) != 20)
        || fingerprint.is_some_and(|at| length(at) != 4 || at + 1 != attributes.len())
}

/// A few bits to be changed, mostly none.
fn flips() -> impl Strategy<Value = Vec<(Index, u8)>> {
    prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec((any::<Index>(), 0_u8..8), 1..3),
    ]
}

/// A header that fits, then attributes that mostly fit: any bytes seldom get past the cookie.
fn messages_with_noise() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![
        Just(0x0006_u16),
        Just(0x0008),
        Just(0x0009),
        Just(0x0020),
        Just(0x8028),
        any::<u16>()
    ];
    let value = prop::collection::vec(any::<u8>(), 0..40);
    let lie = prop_oneof![9 => Just(None), 1 => any::<u16>().prop_map(Some)];
    let attributes = prop::collection::vec((kinds, value, lie.clone()), 0..8);
    (any::<u16>(), any::<[u8; 12]>(), attributes, lie).prop_map(|(kind, id, attributes, lie)| {
        let mut body = Vec::new();
        for (kind, value, lie) in attributes {
            body.extend(kind.to_be_bytes());
            body.extend(lie.unwrap_or(value.len() as u16).to_be_bytes());
            body.extend(&value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut bytes = (kind & 0x3FFF).to_be_bytes().to_vec();
        bytes.extend(lie.unwrap_or(body.len() as u16).to_be_bytes());
        bytes.extend(ice_lite::stun::MAGIC_COOKIE.to_be_bytes());
        bytes.extend(id);
        bytes.extend(body);
        bytes
    })
}
