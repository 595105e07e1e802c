//! Sending follows the peer: when its address changes, when the path that was better is dead, and
//! never to an address that is not proved while there is a better one.

mod support;

use ice_lite::stun::{IntegrityKey, Message, MessageType, MessageWriter};
use ice_lite::{Event, LiteAgent, LiteConfig, Path, SendRefused};
use std::time::{Duration, Instant};
use support::{Peer, Scene, credentials, path, seeded};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A scene whose agent proves addresses.
fn proving() -> Scene {
    let mut scene = Scene::new();
    let remote = scene.peer.local.clone();
    scene
        .agent
        .prove_addresses(scene.start, &remote, Box::new(seeded(7)));
    scene
}

impl Scene {
    /// Sends a check from `path`; gives the question that the agent puts there afterwards, if any.
    fn checks(&mut self, at: Duration, path: Path, nominating: bool) -> Option<Vec<u8>> {
        let request = match nominating {
            true => self.peer.nomination(),
            false => self.peer.request(),
        };
        let now = self.start + at;
        let _ = self.agent.handle_datagram(now, path, &request);
        let mut buf = [0; ice_lite::MAX_MESSAGE];
        let mut question = None;
        while let Some(transmit) = self.agent.poll_transmit(now, &mut buf) {
            let message = Message::parse(&buf[..transmit.len]).expect("a message");
            if message.class() == ice_lite::stun::Class::Request {
                question = Some(buf[..transmit.len].to_vec());
            }
        }
        question
    }

    /// The peer answers a question from `path`.
    fn answers(&mut self, at: Duration, path: Path, question: &[u8]) {
        let id = Message::parse(question)
            .expect("a message")
            .transaction_id();
        let mut buf = [0; 200];
        let kind = MessageType::BINDING_SUCCESS;
        let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
        writer.xor_mapped_address(support::server()).expect("room");
        let key = IntegrityKey::new(self.peer.local.password().as_bytes());
        let len = writer.seal(&key).expect("room");
        let now = self.start + at;
        let _ = self.agent.handle_datagram(now, path, &buf[..len]);
    }

    /// A check that is answered, and answers.
    fn proves(&mut self, at: Duration, path: Path, nominating: bool) {
        if let Some(question) = self.checks(at, path, nominating) {
            self.answers(at, path, &question);
        }
    }

    /// Lets time pass with all its alarms.
    fn pass(&mut self, until: Duration) {
        let until = self.start + until;
        let mut buf = [0; ice_lite::MAX_MESSAGE];
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= until) {
            self.agent.handle_timeout(at);
            while self.agent.poll_transmit(at, &mut buf).is_some() {}
            assert_ne!(self.agent.poll_timeout(), Some(at), "it spins");
        }
    }
}

/// A NAT gives a peer that never nominates again another address: its next check moves sending there
/// as soon as the address is proved.
#[test]
fn a_rebinding_is_followed_without_a_nomination() {
    let mut scene = proving();
    scene.proves(ms(0), path(1), true);
    scene.agent.confirm(scene.start + ms(900), &path(1));
    let question = scene
        .checks(ms(2000), path(2), false)
        .expect("it is asked for proof");
    assert_eq!(scene.agent.selected(), Some(path(1)), "not proved yet");
    scene.answers(ms(2040), path(2), &question);
    assert_eq!(scene.agent.selected(), Some(path(2)));
    assert_eq!(
        scene
            .agent
            .authorize_send(scene.start + ms(2040), 1_000_000),
        Ok(path(2))
    );
}

/// The old path was heard a moment before the first check from the new one: half a second later, and
/// without another word of the peer's, it is silent.
#[test]
fn a_rebinding_right_after_a_packet_is_followed_by_the_clock() {
    let mut scene = proving();
    scene.proves(ms(0), path(1), true);
    scene.agent.confirm(scene.start + ms(990), &path(1));
    scene.proves(ms(1000), path(2), false);
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.pass(ms(1489));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.pass(ms(1490));
    assert_eq!(scene.agent.selected(), Some(path(2)));
}

#[test]
fn a_check_over_another_path_moves_nothing_while_the_selected_one_speaks() {
    let mut scene = proving();
    scene.proves(ms(0), path(1), true);
    for turn in 1..40_u64 {
        scene.agent.confirm(scene.start + ms(400 * turn), &path(1));
        scene.proves(ms(400 * turn + 1), path(2), false);
        scene.pass(ms(400 * turn + 399));
        assert_eq!(scene.agent.selected(), Some(path(1)));
    }
}

/// A browser keeps its other pairs alive by checks too. They are no sign that it has moved, unless the
/// selected one is silent for longer than consent allows.
#[test]
fn a_check_over_a_path_from_before_moves_sending_after_a_long_silence_only() {
    let mut scene = proving();
    scene.proves(ms(0), path(1), true);
    scene.proves(ms(0), path(2), false);
    for at in [2000, 4000, 6000] {
        scene.proves(ms(at), path(2), false);
        assert_eq!(scene.agent.selected(), Some(path(1)), "{at}");
    }
    scene.pass(ms(6999));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.pass(ms(7000));
    assert_eq!(scene.agent.selected(), Some(path(2)));
    scene.proves(ms(7500), path(1), false);
    assert_eq!(
        scene.agent.selected(),
        Some(path(1)),
        "the one that the peer has chosen is back"
    );
}

/// SRTP over a valid path that was not nominated, while the nominated one is silent.
#[test]
fn media_over_another_path_moves_sending_when_the_selected_one_is_silent() {
    let mut scene = proving();
    scene.proves(ms(0), path(1), true);
    scene.proves(ms(0), path(2), false);
    scene.agent.confirm(scene.start + ms(100), &path(1));
    scene.agent.confirm(scene.start + ms(599), &path(2));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.agent.confirm(scene.start + ms(600), &path(2));
    assert_eq!(scene.agent.selected(), Some(path(2)));
}

/// The peer of an unproved address may be anybody: a key proves who speaks, and not where.
#[test]
fn nothing_moves_sending_from_a_proved_address_to_one_that_is_not() {
    let mut scene = proving();
    scene.proves(ms(0), path(1), true);
    scene.agent.confirm(scene.start, &path(1));
    for at in (1000..6900).step_by(100) {
        scene.checks(ms(at), path(66), true);
        scene.agent.confirm(scene.start + ms(at), &path(66));
        scene.pass(ms(at + 50));
        assert_eq!(scene.agent.selected(), Some(path(1)), "{at}");
    }
    let sent = scene.agent.authorize_send(scene.start + ms(7000), 100_000);
    assert_eq!(sent, Ok(path(1)));
    scene.checks(ms(7000), path(66), true);
    assert_eq!(
        scene.agent.selected(),
        Some(path(66)),
        "unless nothing is heard there for long"
    );
    assert_eq!(
        scene.agent.authorize_send(scene.start + ms(7000), 100_000),
        Err(SendRefused::AmplificationLimit)
    );
}

/// An aggressive nominator nominates the better pair too, over which our answers do not reach it.
#[test]
fn a_one_way_path_of_higher_priority_gives_way_to_one_that_is_proved() {
    let mut scene = proving();
    scene.peer.priority = 900;
    scene.checks(ms(0), path(1), true);
    scene.peer.priority = 500;
    scene.proves(ms(50), path(2), true);
    assert_eq!(scene.agent.selected(), Some(path(2)));
    scene.peer.priority = 900;
    for at in [100, 300, 900, 1800] {
        scene.checks(ms(at), path(1), true);
        assert_eq!(scene.agent.selected(), Some(path(2)), "{at}");
    }
    let question = scene
        .checks(ms(2500), path(1), true)
        .expect("it is asked still");
    scene.answers(ms(2520), path(1), &question);
    assert_eq!(
        scene.agent.selected(),
        Some(path(1)),
        "it works both ways, and is the better one"
    );
}

/// Over neither has anything come but checks: a proof makes up for a nomination that nobody has had, and for
/// no other.
#[test]
fn a_proof_outranks_no_nomination() {
    for nominated in [true, false] {
        let mut scene = proving();
        scene.checks(ms(0), path(1), nominated);
        scene.proves(ms(50), path(2), false);
        let expected = if nominated { 1 } else { 2 };
        assert_eq!(scene.agent.selected(), Some(path(expected)));
    }
}

/// Nothing but a proof could move sending there while media comes over the selected path.
#[test]
fn a_nominated_and_proved_path_does_not_replace_one_that_carries_media() {
    let mut scene = proving();
    scene.checks(ms(0), path(1), true);
    scene.agent.confirm(scene.start + ms(100), &path(1));
    scene.proves(ms(200), path(2), true);
    assert_eq!(scene.agent.selected(), Some(path(1)));
}

/// A pair that was there before is looked at once, when the selected one has been silent for long.
#[test]
fn a_path_from_before_sets_no_alarm_for_a_short_silence() {
    let mut scene = proving();
    scene.proves(ms(0), path(2), false);
    scene.proves(ms(0), path(1), true);
    scene.proves(ms(100), path(2), false);
    assert_eq!(scene.agent.selected(), Some(path(1)));
    assert_eq!(
        scene.agent.poll_timeout(),
        Some(scene.start + Duration::from_secs(7))
    );
}

/// RFC 8445 §9: under new credentials every path is as new as its first check with them.
#[test]
fn a_path_that_comes_after_a_restart_is_followed_though_it_was_there_before() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.check(now, path(2));
    scene.restart(credentials(11), credentials(12));
    scene.check(now + ms(10_000), path(1));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.check(now + ms(12_000), path(2));
    assert_eq!(scene.agent.selected(), Some(path(2)));
}

/// Before DTLS, over a path that has died: the last nomination wins though its priority is lower.
#[test]
fn the_last_nomination_wins_when_the_better_path_is_silent() {
    for proved in [true, false] {
        let mut scene = if proved { proving() } else { Scene::new() };
        scene.peer.priority = 900;
        scene.proves(ms(0), path(1), true);
        scene.peer.priority = 500;
        scene.proves(ms(300), path(2), true);
        assert_eq!(scene.agent.selected(), Some(path(1)), "it may live");
        scene.pass(ms(499));
        assert_eq!(scene.agent.selected(), Some(path(1)));
        scene.pass(ms(500));
        assert_eq!(scene.agent.selected(), Some(path(2)), "{proved}");
    }
}

#[test]
fn of_equal_priorities_the_last_nomination_wins_when_the_other_is_silent() {
    let mut scene = Scene::new();
    scene.nominate(scene.start, path(1));
    scene.nominate(scene.start + ms(400), path(2));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.nominate(scene.start + ms(500), path(2));
    assert_eq!(scene.agent.selected(), Some(path(2)));
}

/// Media that is late, from before an ICE restart, moves nothing.
#[test]
fn traffic_over_a_path_of_an_older_generation_moves_nothing() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.check(now, path(2));
    scene.restart(credentials(11), credentials(12));
    scene.check(now + ms(10), path(3));
    scene.agent.confirm(now + ms(20), &path(3));
    assert_eq!(scene.agent.selected(), Some(path(3)));
    for at in [30, 5000] {
        scene.agent.confirm(now + ms(at), &path(2));
        scene.agent.confirm(now + ms(at), &path(1));
        assert_eq!(scene.agent.selected(), Some(path(3)), "{at}");
    }
}

/// A numbered nomination of an address that is not proved waits for the proof, and then holds though
/// nothing nominates again.
#[test]
fn a_renomination_waits_for_the_proof() {
    let mut scene = proving();
    scene.proves(ms(0), path(1), true);
    scene.agent.confirm(scene.start + ms(10), &path(1));
    let id = scene.peer.id();
    let request = scene.peer.request_with(id, |writer| {
        writer
            .attribute(ice_lite::stun::AttributeType::NOMINATION, &[0, 0, 0, 1])
            .expect("room");
    });
    let now = scene.start + ms(20);
    let _ = scene.agent.handle_datagram(now, path(2), &request);
    let mut buf = [0; ice_lite::MAX_MESSAGE];
    let _answer = scene.agent.poll_transmit(now, &mut buf).expect("an answer");
    let question = scene.agent.poll_transmit(now, &mut buf).expect("a check");
    assert_eq!(scene.agent.selected(), Some(path(1)));
    let question = buf[..question.len].to_vec();
    scene.answers(ms(40), path(2), &question);
    assert_eq!(scene.agent.selected(), Some(path(2)));
}

fn outage(returns: bool) -> (LiteAgent, Peer, Instant) {
    let (ours, theirs) = (credentials(1), credentials(2));
    let mut config = LiteConfig::default();
    config.consent_returns = returns;
    let mut agent = LiteAgent::new(ours.clone(), config);
    agent.set_remote(&theirs);
    let (mut peer, start) = (Peer::new(theirs, &ours), Instant::now());
    let _ = agent.handle_datagram(start, path(1), &peer.nomination());
    (agent, peer, start)
}

/// RFC 7675 §5.1 forbids it; an application may choose otherwise, and hears of it.
#[test]
fn consent_comes_back_where_the_application_allows_it() {
    for timer in [true, false] {
        let (mut agent, mut peer, start) = outage(true);
        let back = start + Duration::from_secs(40);
        if timer {
            agent.handle_timeout(start + Duration::from_secs(30));
            assert_eq!(agent.selected(), None);
        }
        assert_eq!(
            agent.authorize_send(back, 1),
            Err(SendRefused::ConsentExpired)
        );
        while agent.poll_event().is_some() {}
        let _ = agent.handle_datagram(back, path(1), &peer.request());
        assert_eq!(agent.authorize_send(back, 1), Ok(path(1)));
        let events: Vec<_> = std::iter::from_fn(|| agent.poll_event()).collect();
        let regained = Event::ConsentRegained { path: path(1) };
        assert!(events.contains(&regained), "{timer}: {events:?}");
        assert_eq!(
            events.last(),
            Some(&Event::Selected { path: path(1) }),
            "{events:?}"
        );
    }
}

#[test]
fn consent_that_was_revoked_comes_back_by_a_restart_only() {
    let (mut agent, mut peer, start) = outage(true);
    agent.revoke_consent();
    let _ = agent.handle_datagram(start + ms(100), path(1), &peer.request());
    assert_eq!(agent.selected(), None);
    let (mut agent, mut peer, start) = outage(false);
    let later = start + Duration::from_secs(31);
    let _ = agent.handle_datagram(later, path(1), &peer.request());
    assert!(agent.authorize_send(later, 1).is_err());
}
