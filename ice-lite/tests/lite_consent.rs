//! RFC 7675: consent to send, as a lite agent holds it, and clocks that misbehave.

mod support;

use ice_lite::stun::{Class, ErrorCode, Message};
use ice_lite::{ConsentLoss, Discard, Event, Outcome, RemovalReason, SendRefused};
use std::time::Duration;
use support::{Scene, credentials, path};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const ALMOST_30_S: Duration = Duration::from_millis(29_999);

#[test]
fn t_stn_10_sending_stops_30_s_after_the_last_check_whatever_else_comes_in() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.check(now + secs(10), path(1));
    assert_eq!(scene.agent.poll_timeout(), Some(now + secs(40)));
    for second in 0..40 {
        scene.agent.confirm(now + secs(second), &path(1));
    }
    scene.events();
    scene.agent.handle_timeout(now + secs(10) + ALMOST_30_S);
    assert_eq!(scene.events(), []);
    assert_eq!(
        scene.agent.authorize_send(now + secs(10) + ALMOST_30_S, 99),
        Ok(path(1))
    );

    let expired = now + secs(40);
    let refused = Err(SendRefused::ConsentExpired);
    assert_eq!(
        scene.agent.authorize_send(expired, 99),
        refused,
        "even before the timer runs"
    );
    scene.agent.handle_timeout(expired);
    let reason = ConsentLoss::NoCheck;
    let removed = Event::PairRemoved {
        path: path(1),
        reason: RemovalReason::Consent(reason),
    };
    assert_eq!(
        scene.events(),
        [
            removed,
            Event::ConsentExpired {
                path: path(1),
                reason
            }
        ]
    );
    assert_eq!(scene.agent.authorize_send(expired, 99), refused);
    assert_eq!(
        (scene.agent.selected(), scene.agent.poll_timeout()),
        (None, None)
    );
    assert!(!scene.agent.is_valid(&path(1)));
}

#[test]
fn rfc_7675_section_5_1_lost_consent_bars_the_credentials_on_that_path_only() {
    let mut scene = Scene::new();
    let expired = scene.start + secs(30);
    scene.nominate(scene.start, path(1));
    let request = scene.peer.request();
    scene.events();
    scene.expect_discard(expired, path(1), &request, Discard::ConsentLost);
    scene.agent.handle_timeout(expired);
    scene.events();
    scene.expect_discard(expired, path(1), &request, Discard::ConsentLost);
    scene.check(expired, path(2));
    assert_eq!(
        scene.agent.authorize_send(expired, 99),
        Ok(path(2)),
        "a fresh path"
    );

    let (ours, theirs) = (credentials(11), credentials(12));
    scene.restart(ours, theirs);
    scene.check(expired, path(1));
    assert!(scene.agent.is_valid(&path(1)), "fresh credentials");
}

#[test]
fn when_the_selected_path_loses_consent_the_best_other_one_takes_over() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.agent.confirm(now, &path(1));
    scene.check(now + secs(20), path(2));
    scene.peer.use_candidate = true;
    scene.check(now, path(3));
    scene.check(now + secs(15), path(3));
    scene.agent.confirm(now + secs(15), &path(1));
    scene.events();
    scene.agent.handle_timeout(now + secs(31));
    let reason = RemovalReason::Consent(ConsentLoss::NoCheck);
    assert_eq!(
        scene.events(),
        [
            Event::PairRemoved {
                path: path(1),
                reason
            },
            Event::Selected { path: path(3) }
        ]
    );
}

/// RFC 8445 §9: a path under the present credentials comes before a nominated one from before the restart.
#[test]
fn when_consent_is_lost_after_a_restart_a_path_of_the_new_credentials_takes_over() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.agent.confirm(now, &path(1));
    scene.nominate(now + secs(5), path(2));
    scene.agent.confirm(now + secs(5), &path(1));
    scene.nominate(now, path(1));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    let (ours, theirs) = (credentials(11), credentials(12));
    scene.restart(ours, theirs);
    scene.agent.confirm(now + secs(10), &path(1));
    scene.check(now + secs(10), path(3));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    scene.agent.handle_timeout(now + secs(30));
    assert_eq!(scene.agent.selected(), Some(path(3)));
}

/// RFC 7675 §5.1: an answer does not go where consent has run out, even before the timer runs.
#[test]
fn a_reply_over_a_path_without_consent_goes_over_the_selected_one() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.check(now, path(2));
    scene.check(now + secs(20), path(1));
    for (at, over) in [(29, 2), (30, 1)] {
        let reply = scene.agent.authorize_reply(now + secs(at), &path(2), 1);
        assert_eq!(reply, Ok(path(over)), "{at}");
    }
}

#[test]
fn a_path_that_was_never_selected_goes_quietly_and_may_come_back() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.check(now, path(2));
    scene.check(now + secs(20), path(1));
    scene.events();
    scene.agent.handle_timeout(now + secs(30));
    let reason = RemovalReason::Consent(ConsentLoss::NoCheck);
    assert_eq!(
        scene.events(),
        [Event::PairRemoved {
            path: path(2),
            reason
        }]
    );
    scene.check(now + secs(31), path(2));
    assert!(scene.agent.is_valid(&path(2)));
}

#[test]
fn t_stn_11_revoked_consent_answers_403() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.check(now, path(2));
    scene.events();
    scene.agent.revoke_consent();
    let reason = ConsentLoss::Revoked;
    let removed = |number| Event::PairRemoved {
        path: path(number),
        reason: RemovalReason::Consent(reason),
    };
    let expired = Event::ConsentExpired {
        path: path(1),
        reason,
    };
    assert_eq!(scene.events(), [removed(2), removed(1), expired]);
    assert_eq!(
        scene.agent.authorize_send(now, 1),
        Err(SendRefused::ConsentExpired)
    );
    let request = scene.peer.request();
    let outcome = scene.agent.handle_datagram(now, path(1), &request);
    assert_eq!(outcome, Outcome::Refused(ErrorCode::FORBIDDEN));
    let answer = scene.answer(now, path(1)).expect("an answer");
    let answer = Message::parse(&answer).expect("a message");
    assert_eq!(
        (answer.class(), answer.error_code()),
        (Class::Error, Some(ErrorCode::FORBIDDEN))
    );
    assert_eq!(answer.verify_integrity(&scene.peer.key), Ok(()));
}

#[test]
fn a_retransmitted_check_renews_no_consent() {
    let mut scene = Scene::new();
    let request = scene.peer.request();
    scene.expect_success(scene.start, path(1), &request);
    scene.expect_success(scene.start + secs(20), path(1), &request);
    assert_eq!(scene.agent.poll_timeout(), Some(scene.start + secs(30)));
}

#[test]
fn t_api_02_a_clock_set_back_expires_nothing_and_a_jump_ahead_does() {
    let mut scene = Scene::new();
    let (early, late) = (scene.start, scene.start + secs(365 * 86_400));
    scene.nominate(late, path(1));
    scene.agent.handle_timeout(early);
    assert_eq!(scene.agent.authorize_send(early, 1), Ok(path(1)));
    scene.nominate(early, path(1));
    scene.agent.confirm(early, &path(1));
    scene.agent.handle_timeout(early);
    assert_eq!(scene.agent.authorize_send(early, 1), Ok(path(1)));
    scene.check(early, path(2));
    scene.agent.handle_timeout(late);
    assert_eq!(
        scene.agent.authorize_send(late, 1),
        Err(SendRefused::ConsentExpired)
    );
}

#[test]
fn rfc_8445_section_9_a_restart_keeps_the_path_until_the_new_credentials_find_one() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    let old = scene.peer.request();
    scene.events();
    scene.restart(credentials(11), credentials(12));
    assert_eq!(scene.agent.authorize_send(now, 99), Ok(path(1)));
    assert!(scene.agent.is_valid(&path(1)));
    scene.expect_discard(now, path(1), &old, Discard::UsernameMismatch);

    scene.check(now, path(2));
    assert_eq!(
        scene.agent.selected(),
        Some(path(1)),
        "valid, but not nominated yet"
    );
    scene.nominate(now, path(2));
    assert_eq!(scene.agent.selected(), Some(path(2)));
    scene.events();
    scene.check(now + secs(29), path(2));
    scene.agent.handle_timeout(now + secs(30));
    let reason = RemovalReason::Consent(ConsentLoss::NoCheck);
    assert_eq!(
        scene.events(),
        [Event::PairRemoved {
            path: path(1),
            reason
        }]
    );
}

#[test]
fn a_restart_on_the_same_path_is_seamless() {
    let mut scene = Scene::new();
    let now = scene.start;
    scene.nominate(now, path(1));
    scene.agent.prove(&path(1));
    scene.events();
    scene.restart(credentials(11), credentials(12));
    scene.nominate(now + secs(10), path(1));
    assert_eq!(scene.events(), []);
    assert_eq!(
        scene.agent.authorize_send(now + secs(39), 50_000),
        Ok(path(1)),
        "still proved"
    );
}
