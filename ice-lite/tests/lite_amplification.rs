//! T-STN-08: MESSAGE-INTEGRITY does not cover the source address, so a captured request can be sent
//! again from a victim's. It must move nothing, and a new address gets at most three times the
//! bytes that came from it.

mod support;

use ice_lite::{Discard, Path, SendRefused};
use std::net::SocketAddr;
use std::time::Duration;
use support::{Scene, path};

#[test]
fn t_stn_08_a_replay_from_another_address_is_dropped() {
    let mut scene = Scene::new();
    let now = scene.start;
    let captured = scene.peer.nomination();
    scene.expect_success(now, path(1), &captured);
    scene.events();
    for (later, source) in [(0, 66), (1, 66), (29, 67)] {
        let at = now + Duration::from_secs(later);
        scene.expect_discard(at, path(source), &captured, Discard::Replayed);
    }
    // From the address of another path of the session too.
    scene.check(now, path(2));
    scene.events();
    scene.expect_discard(now, path(2), &captured, Discard::Replayed);
    assert_eq!(scene.agent.selected(), Some(path(1)));
}

#[test]
fn rfc_8489_section_6_3_1_a_retransmission_gets_the_same_answer_and_moves_nothing() {
    let mut scene = Scene::new();
    let now = scene.start;
    let request = scene.peer.request();
    let first = scene.exchange(now, path(1), &request);
    assert!(first.is_some());
    scene.events();
    let later = now + Duration::from_millis(500);
    let _ = scene.agent.handle_datagram(later, path(1), &request);
    let again = scene.answer(later, path(1));
    assert_eq!(first, again);
    assert_eq!(scene.events(), []);
    assert_eq!(
        scene.agent.poll_timeout(),
        Some(now + Duration::from_secs(30))
    );
}

#[test]
fn t_stn_08_a_replay_older_than_the_memory_does_not_move_a_live_path_and_gets_three_times_its_bytes()
 {
    let mut scene = Scene::new();
    let mut now = scene.start;
    let captured = scene.peer.nomination();
    scene.expect_success(now, path(1), &captured);
    for _ in 0..300 {
        now += Duration::from_millis(2500);
        scene.check(now, path(1));
        scene.agent.confirm(now, &path(1));
    }
    let victim = path(66);
    let answer = scene
        .exchange(now, victim, &captured)
        .expect("nobody can know it is a replay");
    assert!(answer.len() <= captured.len());
    assert_eq!(
        scene.agent.selected(),
        Some(path(1)),
        "the path that carries traffic stays"
    );

    // Were the peer silent, the victim would be sent no more than this.
    now += Duration::from_secs(2);
    let mut again = captured.len();
    scene.nominate(now, victim);
    again += scene.peer.nomination().len();
    assert_eq!(scene.agent.selected(), Some(victim));
    let mut sent = 0;
    while let Ok(to) = scene.agent.authorize_send(now, 40) {
        assert_eq!(to, victim);
        sent += 40;
    }
    assert!(
        sent + 2 * answer.len() <= 3 * again,
        "{sent} sent, {again} received"
    );
    scene.agent.confirm(now, &path(1));
    assert_eq!(
        scene.agent.selected(),
        Some(path(1)),
        "the peer's next packet takes it back"
    );
}

#[test]
fn at_most_three_times_the_bytes_received_until_the_address_is_proved() {
    let mut scene = Scene::new();
    let now = scene.start;
    let request = scene.peer.request();
    let answer = scene.exchange(now, path(1), &request).expect("an answer");
    let budget = 3 * request.len() - answer.len();
    assert_eq!(
        scene.agent.authorize_send(now, budget + 1),
        Err(SendRefused::AmplificationLimit)
    );
    assert_eq!(scene.agent.authorize_send(now, budget), Ok(path(1)));
    assert_eq!(
        scene.agent.authorize_send(now, 1),
        Err(SendRefused::AmplificationLimit)
    );
    scene.agent.credit(&path(1), 100);
    assert_eq!(
        scene.agent.authorize_send(now, 301),
        Err(SendRefused::AmplificationLimit)
    );
    assert_eq!(scene.agent.authorize_send(now, 300), Ok(path(1)));
    scene.agent.credit(&path(2), 1000);
    assert_eq!(
        scene.agent.authorize_send(now, 1),
        Err(SendRefused::AmplificationLimit)
    );
    // A key proves who speaks, and not where.
    scene.agent.confirm(now, &path(1));
    assert_eq!(
        scene.agent.authorize_send(now, 1),
        Err(SendRefused::AmplificationLimit)
    );
    scene.agent.prove(&path(2));
    assert!(scene.agent.authorize_send(now, 1).is_err());
    scene.agent.prove(&path(1));
    assert_eq!(scene.agent.authorize_send(now, 1_000_000), Ok(path(1)));
}

#[test]
fn a_tcp_connection_has_proved_its_address() {
    let mut scene = Scene::new();
    let now = scene.start;
    let tcp = Path::tcp(path(1).local, path(1).remote);
    scene.check(now, tcp);
    assert!(
        !scene.agent.is_valid(&path(1)),
        "the same addresses over UDP are another path"
    );
    assert_eq!(scene.agent.authorize_send(now, 1_000_000), Ok(tcp));
}

#[test]
fn ipv6_and_ipv4_in_ipv6_sources() {
    for (source, mapped) in [
        ("[2001:db8::7]:10000", "[2001:db8::7]:10000"),
        ("[::ffff:198.51.100.7]:10000", "198.51.100.7:10000"),
    ] {
        let mut scene = Scene::new();
        let local = "[2001:db8::1]:3478".parse().expect("an address");
        let source: SocketAddr = source.parse().expect("an address");
        let path = Path::udp(local, source);
        let request = scene.peer.request();
        let answer = scene
            .exchange(scene.start, path, &request)
            .expect("an answer");
        let answer = ice_lite::stun::Message::parse(&answer).expect("a message");
        assert_eq!(answer.xor_mapped_address(), mapped.parse().ok());
        assert_eq!(
            scene.agent.selected(),
            Some(path),
            "packets go where they came from"
        );
    }
}
