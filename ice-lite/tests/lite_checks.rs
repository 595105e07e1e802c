//! RFC 8445 §7.3: a lite agent answers checks, and paths become valid by them alone.

mod support;

use ice_lite::stun::{AttributeType, BufferTooSmall, Message, MessageType};
use ice_lite::{Discard, Event, Outcome, SendRefused};
use support::{Scene, path};

#[test]
fn an_authenticated_check_makes_its_path_valid_and_selected() {
    let mut scene = Scene::new();
    let now = scene.start;
    assert!(!scene.agent.is_valid(&path(1)));
    assert_eq!(
        scene.agent.authorize_send(now, 100),
        Err(SendRefused::NotConnected)
    );
    scene.check(now, path(1));
    assert!(scene.agent.is_valid(&path(1)));
    assert!(!scene.agent.is_valid(&path(2)));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    assert_eq!(scene.agent.authorize_send(now, 100), Ok(path(1)));
    let expected = [
        Event::PairValidated { path: path(1) },
        Event::Selected { path: path(1) },
    ];
    assert_eq!(scene.events(), expected);
}

#[test]
fn checks_are_answered_before_the_peers_ufrag_is_known() {
    let mut scene = Scene::without_remote();
    scene.check(scene.start, path(1));
    let theirs = scene.peer.local.clone();
    scene.agent.set_remote(&theirs);
    scene.check(scene.start, path(1));
    let stranger = support::credentials(77);
    scene.peer.local = stranger;
    let request = scene.peer.request();
    scene.events();
    scene.expect_discard(scene.start, path(2), &request, Discard::UsernameMismatch);
}

/// What SPED needs: attributes of authenticated requests can be read, and added to answers.
#[test]
fn unknown_attributes_are_handed_over_and_answers_take_more() {
    let mut scene = Scene::new();
    let (now, id) = (scene.start, scene.peer.id());
    let request = scene.peer.request_with(id, |writer| {
        writer
            .attribute(AttributeType::DTLS_IN_STUN, b"a ClientHello")
            .expect("room");
    });
    let Outcome::Request(message) = scene.agent.handle_datagram(now, path(1), &request) else {
        panic!("it authenticates");
    };
    assert_eq!(
        message.attribute(AttributeType::DTLS_IN_STUN),
        Some(&b"a ClientHello"[..])
    );
    let mut buf = [0; 1200];
    let sent = scene
        .agent
        .poll_transmit_with(now, &mut buf, |writer, envelope| {
            assert_eq!(envelope.path, path(1));
            assert_eq!(writer.kind(), MessageType::BINDING_SUCCESS);
            writer
                .attribute(AttributeType::DTLS_IN_STUN, &[7; 901])
                .expect("room");
            let too_much = vec![7; writer.remaining() + 4];
            let refused = writer.attribute(AttributeType::DTLS_IN_STUN_ACK, &too_much);
            assert_eq!(refused, Err(BufferTooSmall));
        });
    let len = sent.expect("an answer").len;
    let answer = Message::parse(&buf[..len]).expect("a message");
    assert_eq!(
        answer.attribute(AttributeType::DTLS_IN_STUN),
        Some(&[7; 901][..])
    );
    assert_eq!(answer.verify_integrity(&scene.peer.key), Ok(()));
}

#[test]
fn t_api_01_a_buffer_that_is_too_small_loses_the_answer_and_is_counted() {
    for room in [0, 19, 20, 63] {
        let mut scene = Scene::new();
        let request = scene.peer.request();
        let _ = scene.agent.handle_datagram(scene.start, path(1), &request);
        assert_eq!(
            scene.agent.poll_transmit(scene.start, &mut vec![0; room]),
            None
        );
        assert_eq!(scene.agent.poll_transmit(scene.start, &mut [0; 600]), None);
        assert_eq!(
            scene.agent.statistics().discarded(Discard::BufferTooSmall),
            1
        );
    }
}

#[test]
fn the_totals_add_up() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.check(now, path(1));
    scene.check(now, path(1));
    let _ = scene.exchange(now, path(1), b"noise");
    let statistics = scene.agent.statistics();
    assert_eq!(statistics.requests_received, 2);
    assert_eq!((statistics.successes_sent, statistics.errors_sent), (2, 0));
    assert_eq!(statistics.path_changes, 1);
    assert_eq!(statistics.discarded_total(), 1);
    let counts: Vec<_> = statistics
        .discards()
        .filter(|&(_, count)| count > 0)
        .collect();
    assert_eq!(counts, [(Discard::Malformed, 1)]);
    let names: std::collections::HashSet<_> = Discard::ALL.iter().map(|it| it.name()).collect();
    assert_eq!(names.len(), Discard::ALL.len());
}
