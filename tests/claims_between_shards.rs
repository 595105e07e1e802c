//! Sessions of several shards claim one path: the shard that has it decides, and tells the others.

mod support;

use std::time::Duration;

use portcullis::{Announcement, Path, Router, SessionEvent, SessionId, Shard};
use support::Terms;
use support::served::Served;

const HERE: Shard = Shard { index: 1, count: 3 };

/// A session of another shard.
fn foreign(shard: u16) -> SessionId {
    let shard = Shard {
        index: shard,
        ..HERE
    };
    let mut router = Router::sharded([7; 16], shard);
    router.insert("elsewhere").expect("a new ufrag")
}

/// What is announced of claims, and no more.
fn announced(served: &mut Served) -> Vec<Announcement> {
    let mut announced = Vec::new();
    while let Some(announcement) = served.gate.poll_announcement() {
        if matches!(
            announcement,
            Announcement::PathClaimed { .. }
                | Announcement::PathRefused { .. }
                | Announcement::PathYielded { .. }
        ) {
            announced.push(announcement);
        }
    }
    announced
}

fn told(served: &Served, index: usize) -> Vec<SessionEvent> {
    let events = &served.recorder(index).expect("the call goes on").events;
    let of_paths = |event: &&SessionEvent| {
        matches!(
            event,
            SessionEvent::PathLost { .. } | SessionEvent::PathRefused { .. }
        )
    };
    events.iter().filter(of_paths).cloned().collect()
}

fn claim(served: &mut Served, path: Path, owner: u16, proved: bool) -> SessionId {
    let by = foreign(0);
    let claim = Announcement::PathClaimed {
        path,
        by,
        owner,
        proved,
    };
    served.gate.handle_announcement(served.now, 0, claim);
    by
}

/// The peer is there: who claims its path on another shard does not get it, whatever he has proved.
#[test]
fn a_shard_keeps_the_path_of_who_is_there() {
    let mut served = Served::with_calls_on(1, Terms::DEFAULT, HERE);
    announced(&mut served);
    let path = served.path(0);
    for proved in [false, true] {
        assert!(served.talks(0, 1 + u16::from(proved)));
        let to = claim(&mut served, path, 1, proved);
        assert_eq!(
            announced(&mut served),
            [Announcement::PathRefused { path, to }]
        );
    }
    assert!(served.talks(0, 3));
    assert_eq!((told(&served, 0), served.gate.lost_paths()), (vec![], 0));
}

/// A peer of another shard has proved to be there too: ours is asked at once, keeps its path if it answers, and
/// loses it to the next claim after 3 s if not, though its checks were heard lately.
#[test]
fn a_shard_has_an_owner_prove_itself_anew_that_another_peer_has_proved_to_replace() {
    for answers in [true, false] {
        let mut served = Served::with_calls_on(1, Terms::DEFAULT, HERE);
        announced(&mut served);
        let path = served.path(0);
        assert!(served.gate.outbox().is_empty());
        let to = claim(&mut served, path, 1, true);
        let refused = Announcement::PathRefused { path, to };
        assert_eq!(announced(&mut served), std::slice::from_ref(&refused));
        let asked: Vec<_> = served.gate.outbox().datagrams().map(|it| it.path).collect();
        assert_eq!(asked, [path], "at once");
        if answers {
            served.run_for(Duration::from_millis(3000));
        } else {
            served.gate.outbox().clear();
            served.now += Duration::from_millis(3000);
            served.gate.handle_timeout(served.now);
            served.gate.outbox().clear();
        }
        let to = claim(&mut served, path, 1, true);
        let yielded = Announcement::PathYielded { path, to };
        let expected = if answers { refused } else { yielded };
        assert_eq!(announced(&mut served), [expected], "{answers}");
        assert_eq!(served.talks(0, 1), answers);
    }
}

/// Nothing was heard of the peer for longer than two checks are apart: who has proved to be there now
/// gets the path, and its owner is told.
#[test]
fn a_shard_gives_up_the_path_of_who_has_fallen_silent() {
    let mut served = Served::with_calls_on(1, Terms::DEFAULT, HERE);
    announced(&mut served);
    let path = served.path(0);
    served.now += Duration::from_secs(9);
    claim(&mut served, path, 1, false);
    assert_eq!(told(&served, 0), [], "not without a proof");
    announced(&mut served);
    let to = claim(&mut served, path, 1, true);
    assert_eq!(
        announced(&mut served),
        [Announcement::PathYielded { path, to }]
    );
    assert_eq!(told(&served, 0), [SessionEvent::PathLost { path }]);
    assert_eq!(served.gate.lost_paths(), 1);
    assert!(!served.talks(0, 1), "it is another shard's");
}

/// A claim on a path of a third shard is that one's to decide; a path that nobody has any more is free.
#[test]
fn a_shard_answers_for_its_own_paths_alone() {
    let mut served = Served::with_calls_on(1, Terms::DEFAULT, HERE);
    announced(&mut served);
    let path = served.path(0);
    served.now += Duration::from_secs(9);
    claim(&mut served, path, 2, true);
    assert_eq!(announced(&mut served), []);
    assert!(served.talks(0, 1));
    let free = Path::udp(path.local, "203.0.113.9:9".parse().expect("one"));
    let to = claim(&mut served, free, 1, false);
    assert_eq!(
        announced(&mut served),
        [Announcement::PathYielded { path: free, to }]
    );
    // It has passed on to a third shard since, which hears of it.
    let added = Announcement::PathAdded(free);
    served.gate.handle_announcement(served.now, 2, added);
    claim(&mut served, free, 1, true);
    assert_eq!(announced(&mut served), []);
}

/// A call whose peer's path another shard has: its checks claim the path, and the call is set up as soon
/// as the path is given up for it.
#[test]
fn a_call_waits_for_a_path_that_another_shard_has() {
    let mut served = Served::with_calls_on(0, Terms::DEFAULT, HERE);
    let by = served.place_call(7);
    let path = served.path(0);
    let added = Announcement::PathAdded(path);
    served.gate.handle_announcement(served.now, 0, added);
    served.run_for(Duration::from_millis(200));
    let claims = announced(&mut served);
    let claimed = |proved| Announcement::PathClaimed {
        path,
        by,
        owner: 0,
        proved,
    };
    assert!(!claims.is_empty());
    assert!(
        claims
            .iter()
            .all(|it| [claimed(false), claimed(true)].contains(it))
    );
    assert!(served.callers[0].peer.secured().is_none());

    // Refused, and refused to a session of yet another shard: the first is told, once.
    for to in [foreign(2), by, by] {
        let refused = Announcement::PathRefused { path, to };
        served.gate.handle_announcement(served.now, 0, refused);
    }
    assert_eq!(told(&served, 0), [SessionEvent::PathRefused { path }]);
    assert_eq!(served.gate.refused_paths(), 2);

    // Given up for another shard's session, then for ours.
    let yielded = |to| Announcement::PathYielded { path, to };
    let before = served.gate.router().state_digest();
    served
        .gate
        .handle_announcement(served.now, 0, yielded(foreign(2)));
    assert_eq!(served.gate.router().state_digest(), before);
    served.gate.handle_announcement(served.now, 0, yielded(by));
    served.run_for(Duration::from_secs(2));
    assert!(served.callers[0].peer.secured().is_some());
    assert!(served.talks(0, 1));
}
