//! Candidates that come after the description (trickle ICE, RFC 8838).

mod support;

use std::time::{Duration, Instant};

use ice_lite::CandidateError;
use portcullis::{IceMode, SessionError};
use support::{Conditions, Terms, World};

/// A call of a caller that knows none of the server's addresses, and the candidate that it lacks.
fn without_candidates() -> (World, String) {
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
        .accept_answer(now, &(early.join("\r\n") + "\r\n"));
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
