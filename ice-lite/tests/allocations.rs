//! A handled request, an answer, a dropped datagram and a packet sent allocate nothing.

mod support;

use allocation_counter::measure;
use ice_lite::Outcome;
use support::{Scene, path};

/// How many allocations `run` makes on this thread.
fn allocations(run: impl FnOnce()) -> u64 {
    measure(run).count_total
}

#[test]
fn requests_answers_drops_and_packets_allocate_nothing() {
    let mut scene = Scene::new();
    let now = scene.start;
    // The first requests may: they make room for the path, its events, its answer, and for the
    // memory of transactions, which grows to its end.
    for _ in 0..256 {
        scene.nominate(now, path(1));
    }
    scene.events();
    let requests: Vec<_> = (0..300).map(|_| scene.peer.nomination()).collect();
    let mut forged = scene.peer.request();
    forged[30] ^= 1;
    let mut buf = [0; ice_lite::MAX_MESSAGE];
    let count = allocations(|| {
        for request in &requests {
            let outcome = scene.agent.handle_datagram(now, path(1), request);
            assert!(matches!(outcome, Outcome::Request(_)));
            assert!(scene.agent.poll_transmit(now, &mut buf).is_some());
            assert!(scene.agent.poll_event().is_none());
            let dropped = scene.agent.handle_datagram(now, path(2), &forged);
            assert!(matches!(dropped, Outcome::Discarded(_)));
            scene.agent.confirm(now, &path(1));
            scene.agent.prove(&path(1));
            assert!(scene.agent.authorize_send(now, 1200).is_ok());
            assert!(scene.agent.poll_timeout().is_some());
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn t_dos_01_a_flood_without_our_password_leaves_no_byte() {
    let mut scene = Scene::new();
    let now = scene.start;
    let forged = support::Peer::new(support::credentials(9), &support::credentials(10)).request();
    let digest = scene.agent.state_digest();
    let count = allocations(|| {
        for source in 0..10_000 {
            let outcome = scene.agent.handle_datagram(now, path(source), &forged);
            assert!(matches!(outcome, Outcome::Discarded(_)));
        }
    });
    assert_eq!((count, scene.agent.state_digest()), (0, digest));
}
