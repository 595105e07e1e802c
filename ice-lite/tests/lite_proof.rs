//! A lite agent proves the peer's address by a check of its own, so that the limit of T-STN-08 ends
//! when it can, and not before.

mod support;

use ice_lite::stun::{AttributeType, Class, Message, MessageType, MessageWriter, TransactionId};
use ice_lite::{Discard, Outcome, Path, SendRefused};
use std::time::Duration;
use support::{Scene, credentials, path, seeded};

/// A scene whose agent proves addresses.
fn proving() -> Scene {
    let mut scene = Scene::new();
    let remote = scene.peer.local.clone();
    scene
        .agent
        .prove_addresses(scene.start, &remote, Box::new(seeded(7)));
    scene
}

/// All that the agent sends now.
fn sent(scene: &mut Scene) -> Vec<(Path, Vec<u8>)> {
    let mut buf = [0; ice_lite::MAX_MESSAGE];
    std::iter::from_fn(|| {
        let transmit = scene.agent.poll_transmit(scene.start, &mut buf)?;
        Some((transmit.path, buf[..transmit.len].to_vec()))
    })
    .collect()
}

/// Sends a check over `path`, and gives the check of the agent that follows its answer.
fn asked(scene: &mut Scene, path: Path) -> Option<Vec<u8>> {
    let request = scene.peer.request();
    let _ = scene.agent.handle_datagram(scene.start, path, &request);
    let mut sent = sent(scene).into_iter();
    let (_, answer) = sent.next().expect("an answer");
    let answer = Message::parse(&answer).expect("a message");
    assert_eq!(answer.class(), Class::Success);
    let check = sent.next();
    assert_eq!(sent.next(), None);
    check.map(|(to, check)| {
        assert_eq!(to, path);
        check
    })
}

/// The peer's answer to a check of the agent's.
fn answer_to(scene: &Scene, check: &[u8], kind: MessageType) -> Vec<u8> {
    let id = Message::parse(check).expect("a message").transaction_id();
    answer_as(scene, id, kind)
}

fn answer_as(scene: &Scene, id: TransactionId, kind: MessageType) -> Vec<u8> {
    let mut buf = vec![0; 200];
    let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
    writer.xor_mapped_address(support::server()).expect("room");
    let key = ice_lite::stun::IntegrityKey::new(scene.peer.local.password().as_bytes());
    let len = writer.seal(&key).expect("room");
    buf.truncate(len);
    buf
}

fn is_limited(scene: &mut Scene) -> bool {
    let sent = scene.agent.authorize_send(scene.start, 100_000);
    sent == Err(SendRefused::AmplificationLimit)
}

#[test]
fn an_answered_check_confirms_the_address_and_nothing_else() {
    for kind in [MessageType::BINDING_SUCCESS, MessageType::BINDING_ERROR] {
        let mut scene = proving();
        let check = asked(&mut scene, path(1)).expect("a check");
        scene.events();
        assert!(is_limited(&mut scene));
        let answer = answer_to(&scene, &check, kind);
        let now = scene.start + Duration::from_secs(1);
        let outcome = scene.agent.handle_datagram(now, path(1), &answer);
        let message = Message::parse(&answer).expect("a message");
        assert_eq!(outcome, Outcome::Response(message));
        assert!(!is_limited(&mut scene));
        assert_eq!(scene.events(), []);
        let consent = scene.start + Duration::from_secs(30);
        assert_eq!(
            scene.agent.poll_timeout(),
            Some(consent),
            "no consent was given"
        );
        let statistics = scene.agent.statistics();
        assert_eq!(
            (statistics.requests_sent, statistics.responses_received),
            (1, 1)
        );
        scene.expect_discard(now, path(1), &answer, Discard::UnknownTransaction);
        assert_eq!(asked(&mut scene, path(1)), None, "it is proved");
    }
}

/// RFC 8445 §7.1: what every check has.
#[test]
fn the_check_is_one_that_any_agent_answers() {
    let mut scene = proving();
    let check = asked(&mut scene, path(1)).expect("a check");
    let check = Message::parse(&check).expect("a message");
    let (ours, theirs) = (&scene.peer.remote, &scene.peer.local);
    let key = ice_lite::stun::IntegrityKey::new(theirs.password().as_bytes());
    assert_eq!(check.kind(), MessageType::BINDING_REQUEST);
    assert_eq!(check.verify_integrity(&key), Ok(()));
    assert_eq!(check.verify_fingerprint(), Ok(()));
    let value = |kind| check.attributes().find(|a| a.kind == kind).map(|a| a.value);
    let username = format!("{}:{}", theirs.ufrag(), ours.ufrag());
    assert_eq!(value(AttributeType::USERNAME), Some(username.as_bytes()));
    assert!(value(AttributeType::PRIORITY).is_some());
    assert!(value(AttributeType::ICE_CONTROLLED).is_some());
    assert_eq!(value(AttributeType::USE_CANDIDATE), None);
}

/// A peer that names a victim's address sees none of what goes there.
#[test]
fn t_stn_08_who_did_not_see_the_check_confirms_nothing() {
    let mut scene = proving();
    let now = scene.start;
    let check = asked(&mut scene, path(66)).expect("a check");
    let (right, success) = (path(66), MessageType::BINDING_SUCCESS);
    let guessed = answer_as(&scene, TransactionId([7; 12]), success);
    scene.events();
    scene.expect_discard(now, right, &guessed, Discard::UnknownTransaction);
    let answer = answer_to(&scene, &check, success);
    scene.expect_discard(now, path(67), &answer, Discard::UnknownTransaction);
    let mut forged = answer.clone();
    forged[25] ^= 1;
    scene.expect_discard(now, right, &forged, Discard::FingerprintMismatch);
    scene.peer.local = credentials(9);
    let unkeyed = answer_to(&scene, &check, success);
    scene.expect_discard(now, right, &unkeyed, Discard::IntegrityMismatch);
    assert!(is_limited(&mut scene));
}

#[test]
fn t_stn_08_the_check_counts_against_the_limit() {
    let mut scene = proving();
    let (mut received, mut sent_bytes) = (0, 0);
    let mut checks = Vec::new();
    for _ in 0..20 {
        scene.start += Duration::from_millis(50);
        let request = scene.peer.request();
        received += request.len();
        let _ = scene.agent.handle_datagram(scene.start, path(1), &request);
        for (_, datagram) in sent(&mut scene) {
            sent_bytes += datagram.len();
            let message = Message::parse(&datagram).expect("a message");
            if message.class() == Class::Request {
                checks.push(message.transaction_id());
            }
        }
        while scene.agent.authorize_send(scene.start, 90).is_ok() {
            sent_bytes += 90;
        }
        assert!(sent_bytes <= 3 * received, "{sent_bytes} for {received}");
    }
    assert!(checks.len() > 1, "the check is sent again");
    let mut ids: Vec<_> = checks.iter().map(|id| id.0[..11].to_vec()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "one question");
    checks.sort_by_key(|id| id.0);
    let count = checks.len();
    checks.dedup();
    assert_eq!(checks.len(), count, "that tells which of them is answered");
}

#[test]
fn a_path_from_before_is_asked_too_and_a_restart_ends_it() {
    let mut scene = Scene::new();
    scene.check(scene.start, path(1));
    assert_eq!(sent(&mut scene), []);
    let remote = scene.peer.local.clone();
    scene
        .agent
        .prove_addresses(scene.start, &remote, Box::new(seeded(7)));
    assert_eq!(sent(&mut scene).len(), 1);

    scene.restart(credentials(3), credentials(4));
    assert_eq!(asked(&mut scene, path(2)), None);
}

/// What is lost is asked again, at the pace of RFC 8445 §14.3, as far as the limit allows.
#[test]
fn a_question_that_is_lost_is_put_again_by_the_clock() {
    let mut scene = proving();
    let start = scene.start;
    asked(&mut scene, path(1)).expect("a check");
    scene.agent.credit(&path(1), 1000);
    let mut times = Vec::new();
    while let Some(at) = scene.agent.poll_timeout()
        && at < start + Duration::from_secs(29)
    {
        scene.start = at;
        scene.agent.handle_timeout(at);
        let count = sent(&mut scene).len();
        assert_eq!(count, 1, "an alarm that rings for nothing");
        times.push((at - start).as_millis());
    }
    assert_eq!(times, [500, 1500, 3500]);
}

#[test]
fn questions_follow_each_other_no_sooner_than_ta() {
    let mut scene = proving();
    scene.agent.credit(&path(1), 10_000);
    let mut questions = 0;
    for _ in 0..10 {
        scene.start += Duration::from_millis(5);
        questions += usize::from(asked(&mut scene, path(1)).is_some());
    }
    assert_eq!(questions, 1);
}

/// RFC 6298 §2: as long as the answer took. Which transmission it answers, its transaction tells: a check
/// of the peer's has the question put again before an answer can come.
#[test]
fn the_round_trip_is_that_of_the_transmission_that_was_answered() {
    let ms = Duration::from_millis;
    for (answered, expected) in [(0, Some(ms(150))), (1, None), (2, Some(ms(30)))] {
        let mut scene = proving();
        scene.agent.credit(&path(1), 10_000);
        let mut checks = Vec::new();
        for _ in 0..3 {
            checks.push(asked(&mut scene, path(1)).expect("the check, and again"));
            scene.start += ms(60);
        }
        assert_eq!(scene.agent.rtt(), None);
        let answer = answer_to(&scene, &checks[answered], MessageType::BINDING_SUCCESS);
        let later = scene.start - ms(30);
        let _ = scene.agent.handle_datagram(later, path(1), &answer);
        assert_eq!(scene.agent.rtt(), expected, "{answered}");
        assert!(!is_limited(&mut scene), "it is proved");
    }
}

/// An answer to a transmission that there was not yet is none, though its id is close.
#[test]
fn t_stn_08_an_answer_to_a_check_to_come_confirms_nothing() {
    let mut scene = proving();
    let check = asked(&mut scene, path(1)).expect("a check");
    let mut id = Message::parse(&check).expect("a message").transaction_id();
    scene.events();
    for other in 1..=255_u8 {
        id.0[11] ^= other;
        let answer = answer_as(&scene, id, MessageType::BINDING_SUCCESS);
        id.0[11] ^= other;
        let now = scene.start;
        scene.expect_discard(now, path(1), &answer, Discard::UnknownTransaction);
    }
    assert!(is_limited(&mut scene));
    // More transmissions than a byte counts are answered too.
    scene.agent.credit(&path(1), 1_000_000);
    let mut last = check;
    for _ in 0..300 {
        scene.start += Duration::from_millis(60);
        last = asked(&mut scene, path(1)).expect("the check again");
    }
    let answer = answer_to(&scene, &last, MessageType::BINDING_SUCCESS);
    let _ = scene.agent.handle_datagram(scene.start, path(1), &answer);
    assert_eq!(scene.agent.rtt(), None, "nobody knows which one");
    assert!(!is_limited(&mut scene));
}

#[test]
fn who_was_told_no_credentials_asks_nobody() {
    let mut scene = Scene::new();
    assert_eq!(asked(&mut scene, path(1)), None);
}

/// The peer answers the question that follows its next check.
fn prove(scene: &mut Scene, path: Path) {
    let check = asked(scene, path).expect("a check");
    let answer = answer_to(scene, &check, MessageType::BINDING_SUCCESS);
    let _ = scene.agent.handle_datagram(scene.start, path, &answer);
}

/// Whoever saw the nomination can repeat it when it is forgotten, over a TCP connection of his own. That he is
/// there, TCP has shown; that he is the peer, nothing has.
#[test]
fn t_stn_08_an_old_nomination_over_a_strangers_tcp_connection_takes_no_path() {
    let mut scene = proving();
    let seen = scene.peer.nomination();
    prove(&mut scene, path(1));
    let _ = scene.agent.handle_datagram(scene.start, path(1), &seen);
    assert_eq!(sent(&mut scene).len(), 1);
    // A peer that only receives: its consent checks are all that comes.
    for _ in 0..300 {
        scene.start += Duration::from_secs(5);
        assert_eq!(asked(&mut scene, path(1)), None);
    }
    let stranger = Path::tcp(path(1).local, path(66).remote);
    scene.start += Duration::from_secs(1);
    let outcome = scene.agent.handle_datagram(scene.start, stranger, &seen);
    assert!(matches!(outcome, Outcome::Request(_)), "it is forgotten");
    assert_eq!(scene.agent.selected(), Some(path(1)));
    for _ in 0..4 {
        scene.start += Duration::from_secs(1);
        scene.agent.handle_timeout(scene.start);
        assert_eq!(scene.agent.selected(), Some(path(1)));
    }
    // The peer itself gets there, by an answer to what was asked over that connection.
    let tcp = Path::tcp(path(1).local, path(2).remote);
    assert!(sent(&mut scene).iter().all(|(to, _)| *to == stranger));
    let nomination = scene.peer.nomination();
    let _ = scene.agent.handle_datagram(scene.start, tcp, &nomination);
    assert_eq!(scene.agent.selected(), Some(path(1)));
    let questions = sent(&mut scene);
    let mut questions = questions.iter().filter(|(to, _)| *to == tcp);
    let question = questions.nth(1).expect("an answer, then a check");
    let answer = answer_to(&scene, &question.1, MessageType::BINDING_SUCCESS);
    let _ = scene.agent.handle_datagram(scene.start, tcp, &answer);
    scene.start += Duration::from_millis(500);
    scene.agent.handle_timeout(scene.start);
    let nomination = scene.peer.nomination();
    let _ = scene.agent.handle_datagram(scene.start, tcp, &nomination);
    assert_eq!(scene.agent.selected(), Some(tcp));
}

/// The peer of another session has proved to be there too: ours has 3 s to prove it again.
#[test]
fn a_doubted_peer_that_does_not_answer_is_not_there_any_more() {
    for (after, proved) in [(0, true), (2999, true), (3000, false)] {
        let mut scene = proving();
        prove(&mut scene, path(1));
        assert!(scene.agent.standing(&path(1)).is_some_and(|it| it.proved));
        assert!(scene.agent.doubt(scene.start, &path(1)));
        let again = scene.start + Duration::from_millis(10);
        assert!(!scene.agent.doubt(again, &path(1)), "that is known");
        let questions = sent(&mut scene);
        let [(to, question)] = &questions[..] else {
            panic!("one question: {questions:?}");
        };
        assert_eq!(*to, path(1));
        let answer = answer_to(&scene, question, MessageType::BINDING_SUCCESS);
        scene.start += Duration::from_millis(after);
        scene.agent.handle_timeout(scene.start);
        let standing = scene.agent.standing(&path(1));
        assert!(standing.is_some_and(|it| it.proved == proved), "{after}");
        assert_eq!(is_limited(&mut scene), !proved);
        // Late is not too late for who is there.
        let _ = scene.agent.handle_datagram(scene.start, path(1), &answer);
        assert!(!is_limited(&mut scene));
        scene.start += Duration::from_secs(4);
        scene.agent.handle_timeout(scene.start);
        let standing = scene.agent.standing(&path(1));
        assert!(standing.is_some_and(|it| it.proved), "there is no doubt");
    }
}

/// Who has answered no check has nothing to be doubted by, and what is not proved is not doubted.
#[test]
fn a_peer_that_answers_no_checks_is_not_doubted() {
    let mut scene = proving();
    asked(&mut scene, path(1)).expect("a check");
    assert!(!scene.agent.doubt(scene.start, &path(1)), "not proved");
    scene.agent.prove(&path(1));
    assert!(
        !scene.agent.doubt(scene.start, &path(1)),
        "by its handshake"
    );
    scene.start += Duration::from_secs(4);
    scene.agent.handle_timeout(scene.start);
    assert!(!is_limited(&mut scene));
    let mut scene = Scene::new();
    scene.check(scene.start, path(1));
    assert!(!scene.agent.doubt(scene.start, &path(1)), "no credentials");
    assert!(!scene.agent.doubt(scene.start, &path(2)), "no path");
}
