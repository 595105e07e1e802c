//! What a router's tables hold: paths and requests of sessions that come and go, and change hands.

mod support;

use std::net::SocketAddr;
use std::time::Instant;

use ice_lite::stun::{IntegrityKey, MessageType, MessageWriter, TransactionId};
use portcullis::{Announcement, Path, Route, RouteDrop, Router, SessionId, Shard};
use support::server_address;

/// As many paths as one session may have.
const MAX_PATHS: u16 = 32;

const MEDIA: [u8; 40] = [0x80; 40];

fn router() -> Router {
    Router::new([5; 16])
}

fn path(port: u16) -> Path {
    Path::udp(
        server_address(),
        SocketAddr::from(([198, 51, 100, 7], port)),
    )
}

/// Whose media is that comes over this path.
fn owner(router: &mut Router, path: Path) -> Option<SessionId> {
    match router.route(Instant::now(), &path, &MEDIA) {
        Route::Session(id) => Some(id),
        Route::Drop(RouteDrop::UnvalidatedMedia) => None,
        other => panic!("{other:?}"),
    }
}

fn answer(transaction: TransactionId) -> Vec<u8> {
    let mut buf = [0; 100];
    let kind = MessageType::BINDING_SUCCESS;
    let writer = MessageWriter::new(&mut buf, kind, transaction).expect("room");
    let len = writer.seal(&IntegrityKey::new(b"password")).expect("room");
    buf[..len].to_vec()
}

/// T-DOS-07: the 33rd path of a session costs it the first, and no other.
#[test]
fn t_dos_07_of_too_many_paths_the_oldest_goes() {
    let mut router = router();
    let id = router.insert("one").expect("a new ufrag");
    for port in 1..=MAX_PATHS {
        router.validate(id, path(port));
    }
    for port in 1..=MAX_PATHS {
        assert_eq!(owner(&mut router, path(port)), Some(id), "{port}");
    }
    router.validate(id, path(MAX_PATHS + 1));
    for port in 1..=MAX_PATHS + 1 {
        let expected = (port > 1).then_some(id);
        assert_eq!(owner(&mut router, path(port)), expected, "{port}");
    }
}

/// A path that has changed hands is not taken along by the session that had it before.
#[test]
fn who_has_lost_a_path_does_not_end_it() {
    let mut router = router();
    let [first, second] = ["one", "two"].map(|name| router.insert(name).expect("a new ufrag"));
    router.validate(first, path(1));
    router.validate(first, path(2));
    router.validate(second, path(1));
    assert_eq!(owner(&mut router, path(1)), Some(second));
    assert_eq!(owner(&mut router, path(2)), Some(first));
    router.remove(first);
    assert_eq!(owner(&mut router, path(1)), Some(second));
    assert_eq!(owner(&mut router, path(2)), None);
}

/// T-DMX-04: the name of a session that has ended means nothing, though its place is another's now.
#[test]
fn t_dmx_04_the_name_of_an_ended_session_opens_nothing() {
    let mut router = router();
    let ended = router.insert("one").expect("a new ufrag");
    router.remove(ended);
    let transaction = TransactionId([1; 12]);
    for place_taken in [false, true] {
        let next = place_taken.then(|| router.insert("two").expect("a new ufrag"));
        let before = router.state_digest();
        router.validate(ended, path(1));
        router.expect_answer(ended, &path(1), transaction);
        assert_eq!(router.add_ufrag(ended, "three"), Ok(()));
        router.remove(ended);
        assert_eq!(router.state_digest(), before);
        assert_eq!(owner(&mut router, path(1)), None);
        assert_ne!(next, Some(ended));
    }
}

/// Answers for a session that has ended are nobody's.
#[test]
fn answers_for_a_session_that_has_ended_are_dropped() {
    let mut router = router();
    let [first, second] = ["one", "two"].map(|name| router.insert(name).expect("a new ufrag"));
    let [asked, other] = [1, 2].map(|number| TransactionId([number; 12]));
    router.expect_answer(first, &path(1), asked);
    router.expect_answer(second, &path(1), other);
    router.remove(first);
    let now = Instant::now();
    assert_eq!(
        router.route(now, &path(1), &answer(asked)),
        Route::Drop(RouteDrop::UnexpectedStun)
    );
    assert_eq!(
        router.route(now, &path(1), &answer(other)),
        Route::Session(second)
    );
}

/// The digest differs with each thing that routing depends on.
#[test]
fn the_digest_covers_paths_ufrags_requests_and_sessions() {
    let mut router = router();
    let mut seen = vec![router.state_digest()];
    let id = router.insert("one").expect("a new ufrag");
    seen.push(router.state_digest());
    router.add_ufrag(id, "two").expect("a new ufrag");
    seen.push(router.state_digest());
    router.validate(id, path(1));
    seen.push(router.state_digest());
    router.validate(id, path(2));
    seen.push(router.state_digest());
    router.expect_answer(id, &path(3), TransactionId([1; 12]));
    seen.push(router.state_digest());
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 6);
    router.remove(id);
    assert_eq!(router.state_digest(), Router::new([5; 16]).state_digest());
}

/// The only shard has nothing to announce; one of two has.
#[test]
fn the_only_shard_announces_nothing() {
    for count in [1, 2] {
        let mut router = Router::sharded([5; 16], Shard { index: 0, count });
        let id = router.insert("one").expect("a new ufrag");
        while router.poll_announcement().is_some() {}
        router.validate(id, path(1));
        let expected = (count > 1).then_some(Announcement::PathAdded(path(1)));
        assert_eq!(router.poll_announcement(), expected);
        router.expect_answer(id, &path(2), TransactionId([1; 12]));
        let expected = (count > 1).then_some(TransactionId([1; 12]));
        let expected = expected.map(Announcement::AnswerExpected);
        assert_eq!(router.poll_announcement(), expected);
        router.remove(id);
        assert_eq!(router.poll_announcement().is_some(), count > 1);
    }
}

/// A ufrag that one shard announced, no other takes back.
#[test]
fn a_shard_takes_back_its_own_ufrags_alone() {
    let shard = Shard { index: 0, count: 3 };
    let mut router = Router::sharded([5; 16], shard);
    let unknown = router.state_digest();
    let ufrag = || b"one"[..].into();
    router.handle_announcement(1, Announcement::UfragAdded(ufrag()));
    let known = router.state_digest();
    assert_ne!(known, unknown);
    // Nor is it another's, once it is one's.
    router.handle_announcement(2, Announcement::UfragAdded(ufrag()));
    router.handle_announcement(2, Announcement::UfragRemoved(ufrag()));
    assert_eq!(router.state_digest(), known);
    router.handle_announcement(1, Announcement::UfragRemoved(ufrag()));
    assert_eq!(router.state_digest(), unknown);
}
