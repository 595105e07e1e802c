//! Candidates that come after the description (trickle ICE, RFC 8838).

mod support;

use std::time::{Duration, Instant};

use ice_lite::{CandidateError, FailureReason};
use portcullis::{CloseReason, IceMode, SessionError, SessionEvent};
use support::{Conditions, Terms, World};

/// A call of a caller that knows none of the server's addresses, but that they will come, and the
/// candidate that it lacks.
fn without_candidates() -> (World, String) {
    with_answer(|answer| {
        let open = answer.replace("a=end-of-candidates\r\n", "");
        open.replace("a=ice-options:ice2", "a=ice-options:ice2 trickle")
    })
}

/// A call whose answer lacks its candidates, and has become this besides; and its candidate.
fn with_answer(change: impl Fn(&str) -> String) -> (World, String) {
    let modes = [IceMode::Controlling, IceMode::Lite];
    let now = Instant::now();
    let (mut world, (server, answer)) =
        World::offered(modes, Terms::DEFAULT, Conditions::FAIR, now);
    world.server.session = server;
    let (late, early): (Vec<_>, Vec<_>) = answer
        .lines()
        .partition(|line| line.starts_with("a=candidate:"));
    let accepted = world
        .caller
        .session
        .accept_answer(now, &change(&(early.join("\r\n") + "\r\n")));
    accepted.expect("a good answer");
    (world, late[0].to_owned())
}

#[test]
fn a_late_candidate_lets_the_call_begin() {
    for prefix in ["a=", ""] {
        let (mut world, line) = without_candidates();
        world.run_for(Duration::from_secs(2));
        assert!(world.caller.secured().is_none(), "nobody to call");
        let line = line.replace("a=", prefix);
        world
            .caller
            .session
            .add_remote_candidate(&line)
            .expect("a good line");
        assert!(world.secure());
    }
}

#[test]
fn a_line_that_is_no_candidate_changes_nothing() {
    let (mut world, line) = without_candidates();
    let digest = world.caller.session.state_digest();
    let hidden = line.replace("198.51.100.2", "6d4b3a2e-0c1f-4d7e-9b8a-112233445566.local");
    for (line, error) in [
        (&*hidden, CandidateError::NotAnIpAddress),
        ("a=end-of-candidates", CandidateError::Prefix),
        ("", CandidateError::Prefix),
    ] {
        let taken = world.caller.session.add_remote_candidate(line);
        assert_eq!(taken, Err(SessionError::Candidate(error)), "{line}");
    }
    assert_eq!(world.caller.session.state_digest(), digest);
}

/// Whether the caller has given up for want of candidates.
fn has_failed(world: &World) -> bool {
    let failed = CloseReason::IceFailed(FailureReason::NoCandidatePairs);
    world.caller.events == [SessionEvent::Closed(failed)]
}

/// RFC 8838, RFC 8863 §4: while candidates may come, a call waits; when there are no more, as long as
/// the peer's checks may take.
#[test]
fn a_call_without_candidates_ends_when_no_more_come() {
    let (mut world, _) = without_candidates();
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.caller.events, []);
    world.caller.session.end_of_candidates();
    world.run_for(Duration::ZERO);
    assert!(has_failed(&world), "it has waited long enough");
    assert!(world.caller.session.is_closed());
    world.caller.session.end_of_candidates();
    world.run_for(Duration::from_secs(60));
    assert!(has_failed(&world), "it is told once");
}

/// RFC 8840: the description may say so itself, or its author does not trickle.
#[test]
fn a_description_may_say_that_no_more_candidates_come() {
    let says_so: fn(&str) -> String = |answer| answer.replace(":ice2", ":ice2 trickle");
    let says_so_above: fn(&str) -> String = |answer| {
        let above = answer.replace("a=end-of-candidates\r\n", "");
        above.replace(":ice2", ":ice2 trickle\r\na=end-of-candidates")
    };
    let does_not_trickle: fn(&str) -> String =
        |answer| answer.replace("a=end-of-candidates\r\n", "");
    for change in [says_so, says_so_above, does_not_trickle] {
        let (mut world, _) = with_answer(change);
        world.run_for(Duration::from_secs(39));
        assert_eq!(world.caller.events, []);
        world.run_for(Duration::from_secs(1));
        assert!(has_failed(&world));
    }
}

/// A candidate that works is enough, whether or not it is said that it was the last.
#[test]
fn the_end_of_candidates_ends_no_call_that_has_one() {
    let (mut world, line) = without_candidates();
    let session = &mut world.caller.session;
    session.add_remote_candidate(&line).expect("a good line");
    session.end_of_candidates();
    assert!(world.secure());
    world.run_for(Duration::from_secs(60));
    assert!(!world.caller.session.is_closed());
    world.server.session.end_of_candidates();
    world.run_for(Duration::from_secs(60));
    assert!(!world.server.session.is_closed(), "nothing to a lite agent");
}
