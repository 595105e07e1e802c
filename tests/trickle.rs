//! Candidates that come after the other parameters (trickle ICE, RFC 8838).

mod support;

use std::time::Duration;

use ice_lite::{Candidate, FailureReason};
use portcullis::{CloseReason, IceMode, SessionEvent};
use support::{Conditions, Terms, World};

/// A call of a caller that knows none of the server's addresses, and the candidate that it lacks.
fn without_candidates(end_of_candidates: bool) -> (World, Candidate) {
    let modes = [IceMode::Controlling, IceMode::Lite];
    // ICE may look for longer than a session waits by default.
    let terms = Terms {
        connect_timeout: Duration::MAX,
        ..Terms::DEFAULT
    };
    let (mut world, mut answer) = World::offered(modes, terms, Conditions::FAIR);
    let candidate = answer.candidates.remove(0);
    answer.end_of_candidates = end_of_candidates;
    let accepted = world.caller.session.set_remote(world.now, answer);
    accepted.expect("a good answer");
    (world, candidate)
}

#[test]
fn a_late_candidate_lets_the_call_begin() {
    let (mut world, candidate) = without_candidates(false);
    world.run_for(Duration::from_secs(2));
    assert!(world.caller.secured().is_none(), "nobody to call");
    world.caller.session.add_remote_candidate(&candidate);
    assert!(world.secure());
}

/// Parameters that are told again add candidates, and change nothing else.
#[test]
fn parameters_that_are_told_again_add_candidates() {
    let (mut world, candidate) = without_candidates(false);
    world.run_for(Duration::from_secs(2));
    let mut again = portcullis::RemoteParameters::from(world.server.session.local_parameters());
    again.candidates = vec![candidate];
    let accepted = world.caller.session.set_remote(world.now, again.clone());
    accepted.expect("the same as before");
    assert!(world.secure());
    let before = world.caller.session.state_digest();
    let accepted = world.caller.session.set_remote(world.now, again);
    accepted.expect("the same as before");
    assert_eq!(world.caller.session.state_digest(), before);
    let restarted = SessionEvent::IceRestarted;
    assert!(!world.caller.events.contains(&restarted));
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
    let (mut world, _) = without_candidates(false);
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

/// RFC 8840: the peer may say so together with the other parameters.
#[test]
fn parameters_may_say_that_no_more_candidates_come() {
    let (mut world, _) = without_candidates(true);
    world.run_for(Duration::from_secs(39));
    assert_eq!(world.caller.events, []);
    world.run_for(Duration::from_secs(1));
    assert!(has_failed(&world));
}

/// A candidate that works is enough, whether or not it is said that it was the last.
#[test]
fn the_end_of_candidates_ends_no_call_that_has_one() {
    let (mut world, candidate) = without_candidates(false);
    let session = &mut world.caller.session;
    session.add_remote_candidate(&candidate);
    session.end_of_candidates();
    assert!(world.secure());
    world.run_for(Duration::from_secs(60));
    assert!(!world.caller.session.is_closed());
    world.server.session.end_of_candidates();
    world.run_for(Duration::from_secs(60));
    assert!(!world.server.session.is_closed(), "nothing to a lite agent");
}
