//! Which of several valid paths a lite agent sends over: RFC 8445 §8.1.1, renomination, and a peer
//! that nominates every pair it has (mediasoup issue 650).

mod support;

use ice_lite::stun::AttributeType;
use ice_lite::{Discard, Event, RemovalReason};
use std::time::Duration;
use support::{Scene, credentials, path};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Scene {
    /// Sends a check with this value of NOMINATION.
    fn renominate(&mut self, at: Duration, number: u32, source: u16) {
        let id = self.peer.id();
        let request = self.peer.request_with(id, |writer| {
            writer
                .attribute(AttributeType::NOMINATION, &number.to_be_bytes())
                .expect("room");
        });
        self.expect_success(self.start + at, path(source), &request);
    }
}

#[test]
fn a_nominated_path_replaces_one_that_is_merely_valid() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.check(now, path(1));
    scene.check(now, path(2));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.nominate(now, path(2));
    assert_eq!(scene.agent.selected(), Some(path(2)));
    assert_eq!(
        scene.events(),
        [
            Event::PairValidated { path: path(1) },
            Event::Selected { path: path(1) },
            Event::PairValidated { path: path(2) },
            Event::Selected { path: path(2) },
        ]
    );
}

#[test]
fn of_two_nominated_paths_without_traffic_the_higher_priority_wins() {
    let mut scene = Scene::new();
    let now = scene.start;
    for (source, priority, selected) in [(1, 500, 1), (2, 700, 2), (3, 600, 2)] {
        scene.peer.priority = priority;
        scene.nominate(now, path(source));
        assert_eq!(scene.agent.selected(), Some(path(selected)));
    }
}

#[test]
fn aggressive_nomination_ends_on_the_path_that_carries_traffic() {
    let mut scene = Scene::new();
    let now = scene.start;
    for (source, priority) in [(1, 700), (2, 600), (3, 500)] {
        scene.peer.priority = priority;
        scene.nominate(now, path(source));
    }
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.agent.confirm(now + ms(5), &path(3));
    assert_eq!(
        scene.agent.selected(),
        Some(path(3)),
        "the peer's packets come from there"
    );
    scene.nominate(now + ms(500), path(1));
    assert_eq!(
        scene.agent.selected(),
        Some(path(3)),
        "a nomination alone does not move it back"
    );
}

#[test]
fn traffic_on_a_path_that_is_not_nominated_does_not_move_a_nominated_selection() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.check(now, path(2));
    scene.agent.confirm(now, &path(2));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.agent.confirm(now, &path(3));
    assert_eq!(
        scene.agent.selected(),
        Some(path(1)),
        "nor does that on an unknown path"
    );
}

/// Chromium sends DTLS once its check succeeded, before it nominates.
#[test]
fn before_any_nomination_traffic_decides() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.check(now, path(1));
    scene.check(now, path(2));
    scene.agent.confirm(now, &path(2));
    assert_eq!(scene.agent.selected(), Some(path(2)));
}

#[test]
fn a_peer_that_only_receives_moves_by_nomination_in_a_lull() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.peer.priority = 700;
    scene.nominate(now, path(1));
    scene.agent.confirm(now, &path(1));
    scene.peer.priority = 500;
    scene.nominate(now + ms(499), path(2));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.nominate(now + ms(500), path(2));
    assert_eq!(
        scene.agent.selected(),
        Some(path(2)),
        "even to a lower priority"
    );
}

/// Its checks go on over the old path.
#[test]
fn a_lull_is_one_of_traffic() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.agent.confirm(now, &path(1));
    scene.check(now + ms(450), path(1));
    scene.nominate(now + ms(500), path(2));
    assert_eq!(scene.agent.selected(), Some(path(2)));
}

/// Both were there before the selected one was heard last, so neither is where the peer has moved to.
#[test]
fn of_two_nominated_paths_from_before_the_one_nominated_last_wins_in_silence() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.peer.priority = 500;
    scene.check(now, path(2));
    scene.peer.priority = 900;
    scene.nominate(now + ms(10), path(1));
    scene.peer.priority = 500;
    scene.nominate(now + ms(400), path(2));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.nominate(now + ms(510), path(2));
    assert_eq!(scene.agent.selected(), Some(path(2)));
}

/// The one nominated first is that of the lower priority: it waits until nothing is heard of the other for long.
#[test]
fn an_earlier_nomination_holds_after_a_long_silence_only() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.peer.priority = 500;
    scene.nominate(now, path(2));
    scene.peer.priority = 900;
    scene.nominate(now + ms(10), path(1));
    scene.peer.priority = 500;
    for (at, selected) in [(20, 1), (600, 1), (7009, 1), (7010, 2)] {
        scene.check(now + ms(at), path(2));
        assert_eq!(scene.agent.selected(), Some(path(selected)), "{at}");
    }
}

#[test]
fn renomination_follows_the_highest_number_even_while_traffic_flows() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.renominate(ms(0), 1, 1);
    scene.agent.confirm(now, &path(1));
    scene.renominate(ms(10), 2, 2);
    assert_eq!(scene.agent.selected(), Some(path(2)));
    for (number, source) in [(1, 1), (2, 1), (2, 3)] {
        scene.renominate(ms(20), number, source);
        assert_eq!(
            scene.agent.selected(),
            Some(path(2)),
            "{number} is not higher"
        );
    }
    scene.renominate(ms(30), 7, 1);
    assert_eq!(scene.agent.selected(), Some(path(1)));
}

#[test]
fn packets_out_of_order_around_a_change_do_not_make_the_path_flap() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.nominate(now, path(2));
    scene.events();
    for packet in 0..1000 {
        scene
            .agent
            .confirm(now + ms(packet / 10), &path(1 + packet as u16 % 2));
    }
    let changes = scene.events().len();
    assert!((1..=8).contains(&changes), "{changes} changes in 100 ms");
}

#[test]
fn t_stn_12_flipping_use_candidate_between_100_addresses() {
    let mut scene = Scene::new();
    let mut valid = std::collections::HashSet::new();
    let mut dropped = 0;
    for request in 0..1000 {
        let now = scene.start + ms(10 * request);
        let source = path((request % 100) as u16);
        let nomination = scene.peer.nomination();
        match scene.exchange(now, source, &nomination) {
            Some(_) => assert!(scene.agent.is_valid(&source)),
            None => dropped += 1,
        }
        for event in scene.events() {
            match event {
                Event::PairValidated { path } => assert!(valid.insert(path)),
                Event::PairRemoved { path, reason } => {
                    assert_eq!(reason, RemovalReason::Evicted);
                    assert!(valid.remove(&path));
                }
                Event::Selected { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(valid.len() <= 16, "{} paths", valid.len());
        assert!(valid.iter().all(|path| scene.agent.is_valid(path)));
    }
    let statistics = scene.agent.statistics();
    assert_eq!(statistics.discarded(Discard::PathRateLimited), dropped);
    assert!(
        dropped > 500,
        "new paths are taken at 4 a second: {dropped} dropped"
    );
    assert!(
        statistics.path_changes <= 8 + 10 * 5,
        "{} changes",
        statistics.path_changes
    );
}

#[test]
fn a_path_that_is_refused_for_its_rate_changes_nothing() {
    let mut scene = Scene::new();
    for source in 0..16 {
        scene.check(scene.start, path(source));
    }
    scene.events();
    let request = scene.peer.nomination();
    scene.expect_discard(scene.start, path(16), &request, Discard::PathRateLimited);
    let later = scene.start + ms(250);
    scene.expect_success(later, path(16), &request);
    assert!(
        !scene.agent.is_valid(&path(1)),
        "the one longest without a check made room"
    );
    assert!(scene.agent.is_valid(&path(0)), "the selected one stays");
    assert_eq!(
        scene.agent.selected(),
        Some(path(16)),
        "the only nominated one"
    );
}

/// RFC 8445 §9: what came under the old credentials makes room first.
#[test]
fn after_a_restart_the_paths_from_before_make_room() {
    let mut scene = Scene::new();
    let now = scene.start;
    for source in 0..14 {
        scene.check(now, path(source));
    }
    let (ours, theirs) = (credentials(11), credentials(12));
    scene.restart(ours, theirs);
    for source in [14, 15] {
        scene.check(now + ms(100), path(source));
    }
    scene.check(now + ms(400), path(16));
    let valid = [0, 1, 14, 15, 16].map(|source| scene.agent.is_valid(&path(source)));
    assert_eq!(valid, [true, false, true, true, true]);
}

#[test]
fn t_api_03_an_owner_who_does_not_poll_costs_a_bounded_queue() {
    let mut scene = Scene::new();
    for request in 0..1000 {
        let now = scene.start + ms(300 * request);
        let nomination = scene.peer.nomination();
        let _ = scene
            .agent
            .handle_datagram(now, path((request % 100) as u16), &nomination);
    }
    let lost = scene.agent.statistics();
    assert!(lost.discarded(Discard::AnswerOverflow) > 900);
    assert!(lost.discarded(Discard::EventOverflow) > 900);
    let mut buf = [0; 600];
    let answers = std::iter::from_fn(|| scene.agent.poll_transmit(scene.start, &mut buf)).count();
    assert_eq!((answers, scene.events().len()), (8, 49));
}
