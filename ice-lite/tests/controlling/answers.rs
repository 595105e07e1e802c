//! Answers to checks: refusals, answers from elsewhere, and forged ones.

use ice_lite::stun::{AttributeType, ErrorCode, Message, MessageType};
use ice_lite::{Discard, Event, FailureReason, Outcome, Path};

use crate::near::{Near, address, call, lite_server, ms, reply};

#[test]
fn rfc_8445_section_7_2_5_2_1_an_answer_from_elsewhere_fails_the_pair() {
    let (mut near, _, path) = call();
    let elsewhere = Path::udp(path.local, address(9, 5000));
    near.run(ms(100), &mut |_, to, request| {
        reply(request, MessageType::BINDING_SUCCESS, elsewhere, |writer| {
            writer.xor_mapped_address(to.local).expect("room");
        })
    });
    assert_eq!(failure(&mut near), FailureReason::AsymmetricPath);
    assert!(!near.agent.is_valid(&elsewhere) && !near.agent.is_valid(&path));
}

#[test]
fn a_refusal_names_its_code() {
    let (mut near, _, _) = call();
    near.run(ms(100), &mut |_, to, request| {
        reply(request, MessageType::BINDING_ERROR, to, |writer| {
            writer.error_code(ErrorCode::BAD_REQUEST).expect("room");
        })
    });
    assert_eq!(failure(&mut near), FailureReason::Refused(400));
}

/// How this agent, whose only check has failed, gives up: the peer's checks have the time that RFC 8863
/// §4 leaves them.
fn failure(near: &mut Near) -> FailureReason {
    near.run(ms(39_499), &mut |_, _, _| Vec::new());
    assert_eq!(near.events(), []);
    near.run(ms(60_000), &mut |_, _, _| Vec::new());
    match near.events()[..] {
        [Event::Failed { reason }] => reason,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn answers_that_do_not_authenticate_change_nothing() {
    let (mut near, mut server, path) = call();
    let mut request = [0; 600];
    let len = near
        .agent
        .poll_transmit(near.now, &mut request)
        .expect("a check")
        .len;
    let (_, good) = lite_server(&mut server)(near.now, path, &request[..len]).remove(0);
    let mut bad_integrity = good.clone();
    bad_integrity[21] ^= 0;
    let tag = good.len() - 8 - 20;
    bad_integrity[tag] ^= 1;
    refresh_fingerprint(&mut bad_integrity);
    let mut bad_fingerprint = good.clone();
    *bad_fingerprint.last_mut().expect("a byte") ^= 1;
    let mut other_id = good.clone();
    other_id[19] ^= 1;
    let no_address = reply(&request[..len], MessageType::BINDING_SUCCESS, path, |_| {});
    let unknown = reply(
        &request[..len],
        MessageType::BINDING_SUCCESS,
        path,
        |writer| {
            writer.xor_mapped_address(path.local).expect("room");
            writer.attribute(AttributeType(0x7777), &[]).expect("room");
        },
    );
    let cases = [
        (bad_integrity, Discard::IntegrityMismatch),
        (bad_fingerprint, Discard::FingerprintMismatch),
        (other_id, Discard::UnknownTransaction),
        (no_address[0].1.clone(), Discard::MappedAddressMissing),
        (unknown[0].1.clone(), Discard::Malformed),
    ];
    let digest = near.agent.state_digest();
    for (datagram, reason) in cases {
        let outcome = near.agent.handle_datagram(near.now, path, &datagram);
        assert_eq!(outcome, Outcome::Discarded(reason));
        assert_eq!(near.agent.state_digest(), digest);
    }
    let outcome = near.agent.handle_datagram(near.now, path, &good);
    assert_eq!(
        outcome,
        Outcome::Response(Message::parse(&good).expect("a message"))
    );
    assert_eq!(
        near.agent.handle_datagram(near.now, path, &good),
        Outcome::Discarded(Discard::UnknownTransaction),
        "a second copy of the answer"
    );
}

fn refresh_fingerprint(datagram: &mut [u8]) {
    let at = datagram.len() - 8;
    let value = crc32fast::hash(&datagram[..at]) ^ 0x5354_554E;
    datagram[at + 4..].copy_from_slice(&value.to_be_bytes());
}
