//! One port, several routers: who gets a datagram that came in at the wrong one.

mod support;

use std::collections::VecDeque;
use std::time::Instant;

use ice_lite::stun::{IntegrityKey, MessageType, MessageWriter, TransactionId};
use portcullis::{Announcement, Path, Route, RouteDrop, Router, Shard};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use support::{caller_address, forged, server_address};

fn stranger() -> Path {
    Path::udp(server_address(), caller_address())
}

/// The routers of two shards, and a ufrag whose hash gives it to the shard `index`.
fn two_shards(index: u16) -> ([Router; 2], String) {
    let routers = [0, 1].map(|index| Router::sharded([9; 16], Shard { index, count: 2 }));
    let mut ufrags = (0..).map(|number| format!("session{number}"));
    let ufrag = ufrags.find(|ufrag| routers[0].shard_of(ufrag.as_bytes()) == index);
    (routers, ufrag.expect("half of them"))
}

/// T-DMX-11: the time of a look-up does not depend on who chose the ufrags and addresses: the tables
/// hash under a secret key. Two routers with different keys put the same names into different shards.
#[test]
fn t_dmx_11_hashes_are_keyed() {
    let shard = Shard {
        index: 0,
        count: 16,
    };
    let routers = [1, 2].map(|key| Router::sharded([key; 16], shard));
    let differ = (0..1000)
        .map(|number: u32| number.to_be_bytes())
        .filter(|ufrag| routers[0].shard_of(ufrag) != routers[1].shard_of(ufrag))
        .count();
    assert!((900..970).contains(&differ), "15 of 16: {differ}");
}

/// A datagram that comes in on the wrong socket is handed over: checks by their ufrag, the rest by
/// their path once it is known.
#[test]
fn shards_hand_over_what_is_another_s() {
    let mut random = SmallRng::seed_from_u64(1);
    let now = Instant::now();
    let ([mut here, mut there], ufrag) = two_shards(1);
    let id = there.insert(&ufrag).expect("a new ufrag");
    let path = stranger();
    let check = forged::check(&ufrag, &mut random);
    assert_eq!(here.route(now, &path, &check), Route::Shard(1));
    assert_eq!(there.route(now, &path, &check), Route::Session(id));
    let media = [0x80; 40];
    let nobodys = Route::Drop(RouteDrop::UnvalidatedMedia);
    assert_eq!(here.route(now, &path, &media), nobodys);
    there.validate(id, path);
    let validated = there.poll_announcement();
    assert_eq!(validated, Some(Announcement::PathAdded(path)));
    here.handle_announcement(1, Announcement::PathAdded(path));
    assert_eq!(here.route(now, &path, &media), Route::Shard(1));
    assert_eq!(there.route(now, &path, &media), Route::Session(id));
    there.remove(id);
    let invalidated = there.poll_announcement();
    assert_eq!(invalidated, Some(Announcement::PathRemoved(path)));
    // Of a third shard, which has nothing to say about it.
    here.handle_announcement(2, Announcement::PathRemoved(path));
    assert_eq!(here.route(now, &path, &media), Route::Shard(1));
    here.handle_announcement(1, Announcement::PathRemoved(path));
    assert_eq!(here.route(now, &path, &media), nobodys);
    assert_eq!(there.route(now, &path, &media), nobodys);
    assert_eq!(
        there.route(now, &path, &check),
        Route::Drop(RouteDrop::UnknownUfrag)
    );
}

/// A session may live on any shard, if the others are told.
#[test]
fn shards_hand_over_checks_for_sessions_that_live_elsewhere_than_their_ufrag_says() {
    let mut random = SmallRng::seed_from_u64(2);
    let now = Instant::now();
    let ([mut here, mut there], ufrag) = two_shards(0);
    let id = there.insert(&ufrag).expect("a new ufrag");
    assert_eq!(id.shard(), 1);
    let check = forged::check(&ufrag, &mut random);
    let unknown = Route::Drop(RouteDrop::UnknownUfrag);
    assert_eq!(here.route(now, &stranger(), &check), unknown);
    let added = there.poll_announcement().expect("it is not the hash's");
    assert_eq!(added, Announcement::UfragAdded(ufrag.as_bytes().into()));
    here.handle_announcement(1, added);
    assert_eq!(here.route(now, &stranger(), &check), Route::Shard(1));
    there.remove(id);
    let removed = there.poll_announcement().expect("it was announced");
    assert_eq!(removed, Announcement::UfragRemoved(ufrag.as_bytes().into()));
    here.handle_announcement(1, removed);
    assert_eq!(here.route(now, &stranger(), &check), unknown);
    assert_eq!(there.poll_announcement(), None);
}

/// A request whose session lives on one shard, and whose answer comes in at another, over a path that
/// is nobody's yet.
#[test]
fn shards_hand_over_answers_to_requests_over_paths_that_are_nobodys() {
    let now = Instant::now();
    let ([mut here, mut there], ufrag) = two_shards(1);
    let id = there.insert(&ufrag).expect("a new ufrag");
    let digest = here.state_digest();
    let (asked, answer) = answered(5);
    let unexpected = Route::Drop(RouteDrop::UnexpectedStun);
    assert_eq!(there.route(now, &stranger(), &answer), unexpected);
    there.expect_answer(id, &stranger(), asked);
    there.expect_answer(id, &stranger(), asked);
    let expected = there.poll_announcement().expect("it may come in elsewhere");
    assert_eq!(expected, Announcement::AnswerExpected(asked));
    assert_eq!(there.poll_announcement(), None, "once");
    here.handle_announcement(1, expected);
    assert_eq!(here.route(now, &stranger(), &answer), Route::Shard(1));
    assert_eq!(there.route(now, &stranger(), &answer), Route::Session(id));
    let (_, other) = answered(6);
    assert_eq!(here.route(now, &stranger(), &other), unexpected);
    there.remove(id);
    let forgotten = there.poll_announcement().expect("nobody waits for it");
    assert_eq!(forgotten, Announcement::AnswersForgotten([asked].into()));
    // Another shard's word on it means nothing.
    here.handle_announcement(2, forgotten.clone());
    assert_eq!(here.route(now, &stranger(), &answer), Route::Shard(1));
    here.handle_announcement(1, forgotten);
    assert_eq!(here.route(now, &stranger(), &answer), unexpected);
    assert_eq!(here.state_digest(), digest);
}

/// T-DOS-07: whoever asks for ever is remembered as far as it matters.
#[test]
fn t_dos_07_requests_that_nobody_answers_are_forgotten_the_oldest_first() {
    let now = Instant::now();
    let ([mut here, mut there], ufrag) = two_shards(1);
    let id = there.insert(&ufrag).expect("a new ufrag");
    for number in 0..10_000 {
        there.expect_answer(id, &stranger(), answered(number).0);
        while let Some(announcement) = there.poll_announcement() {
            here.handle_announcement(1, announcement);
        }
    }
    for (number, known) in [(0, false), (9935, false), (9936, true), (9999, true)] {
        let (_, answer) = answered(number);
        for router in [&mut here, &mut there] {
            let route = router.route(now, &stranger(), &answer);
            assert_eq!(matches!(route, Route::Drop(_)), !known, "{number}");
        }
    }
}

/// A transaction, and the answer to its request.
fn answered(number: u32) -> (TransactionId, Vec<u8>) {
    let mut id = [3; 12];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let id = TransactionId(id);
    let mut buf = [0; 100];
    let kind = MessageType::BINDING_SUCCESS;
    let writer = MessageWriter::new(&mut buf, kind, id).expect("room");
    let len = writer.seal(&IntegrityKey::new(b"password")).expect("room");
    (id, buf[..len].to_vec())
}

/// Three routers, and what they have told each other and not heard yet. Who tells something tells all at once.
struct Shards {
    routers: Vec<Router>,
    mail: Vec<VecDeque<(u16, Announcement)>>,
    now: Instant,
}

impl Shards {
    fn new() -> Self {
        let router = |index| Router::sharded([9; 16], Shard { index, count: 3 });
        Self {
            routers: (0..3).map(router).collect(),
            mail: vec![VecDeque::new(); 3],
            now: Instant::now(),
        }
    }

    fn post(&mut self, from: usize) {
        while let Some(announcement) = self.routers[from].poll_announcement() {
            for to in (0..3).filter(|&to| to != from) {
                self.mail[to].push_back((from as u16, announcement.clone()));
            }
        }
    }

    /// One of them hears the next of what it was told.
    fn hear(&mut self, index: usize) {
        if let Some((from, announcement)) = self.mail[index].pop_front() {
            self.routers[index].handle_announcement(from, announcement);
            self.post(index);
        }
    }

    /// Where each of them sends media over this path.
    fn routes(&mut self, path: &Path) -> Vec<Route> {
        let routers = self.routers.iter_mut();
        routers
            .map(|router| router.route(self.now, path, &[0x80; 40]))
            .collect()
    }
}

/// Sessions of several shards come to paths, leave them and end, in any order and before the shards have heard
/// of each other: somebody who forges a victim's address comes in the moment when the victim does. When all is
/// heard, all agree who has a path.
#[test]
fn shards_agree_who_has_a_path_to_which_two_came_at_once() {
    for seed in 0..2000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut shards = Shards::new();
        let ids: Vec<_> = (0..3)
            .map(|index| {
                let ufrag = format!("session{index}of{seed}");
                let id = shards.routers[index].insert(&ufrag).expect("new");
                shards.post(index);
                id
            })
            .collect();
        let ports = [1, 2].map(|port| Path::udp(server_address(), ([192, 0, 2, 9], port).into()));
        let mut ended = [false; 3];
        for _ in 0..random.random_range(1..30) {
            let index = random.random_range(0..3);
            let path = ports[random.random_range(0..2)];
            match random.random_range(0..8) {
                // A check comes over a path that it takes for nobody's.
                0..=2 if matches!(shards.routes(&path)[index], Route::Drop(_)) => {
                    shards.routers[index].validate(ids[index], path);
                }
                3 => shards.routers[index].invalidate(ids[index], &path),
                4 if !ended[index] && random.random_bool(0.2) => {
                    ended[index] = true;
                    shards.routers[index].remove(ids[index]);
                }
                _ => shards.hear(index),
            }
            shards.post(index);
        }
        while let Some(index) = (0..3).find(|&index| !shards.mail[index].is_empty()) {
            shards.hear(index);
        }
        for path in ports {
            let routes = shards.routes(&path);
            let is_own = |route: &Route| matches!(route, Route::Session(_));
            let owner = routes.iter().position(is_own);
            let others = routes.iter().filter(|route| !is_own(route));
            let expected = match owner {
                Some(owner) => Route::Shard(owner as u16),
                None => Route::Drop(RouteDrop::UnvalidatedMedia),
            };
            let agree = others.clone().all(|route| *route == expected);
            assert!(agree && others.count() >= 2, "{seed}: {routes:?}");
        }
    }
}

/// A path is given up for a session that has ended when it hears of it: it is nobody's then.
#[test]
fn a_path_that_is_given_up_for_nobody_is_nobodys() {
    let mut shards = Shards::new();
    let own = shards.routers[0].insert("first").expect("new");
    let other = shards.routers[1].insert("second").expect("new");
    shards.routers[0].validate(own, stranger());
    shards.routers[1].remove(other);
    for index in [0, 1] {
        shards.post(index);
    }
    while let Some(index) = (0..3).find(|&index| !shards.mail[index].is_empty()) {
        shards.hear(index);
    }
    let nobodys = Route::Drop(RouteDrop::UnvalidatedMedia);
    assert_eq!(shards.routes(&stranger())[1..], [Route::Shard(0); 2]);
    let (path, to) = (stranger(), other);
    shards.routers[1].handle_announcement(0, Announcement::PathYielded { path, to });
    assert_eq!(shards.routes(&path)[1], nobodys);
    let removed = shards.routers[1].poll_announcement();
    assert_eq!(removed, Some(Announcement::PathRemoved(path)));
}
