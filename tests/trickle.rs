//! Candidates that come after the other parameters (trickle ICE, RFC 8838).

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ice_lite::{Candidate, FailureReason};
use portcullis::signalling::sdp::{Fragment, SdpError};
use portcullis::signalling::{Signalling, SignallingError};
use portcullis::{CloseReason, IceMode, SessionEvent};
use support::negotiation::{Call, Side, browser, read, value};
use support::{Conditions, Terms, World, caller_address};

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

/// RFC 8840 §9, RFC 9725 §4.3: what a WHIP client sends with PATCH.
#[test]
fn fragments_trickle_and_restart() {
    let mut call = Call::connected();
    let now = call.now;
    let peer = call
        .server
        .signalling
        .peer()
        .expect("a peer")
        .credentials
        .clone();
    let (ufrag, password) = (peer.ufrag(), peer.password());
    let section = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n";
    let candidate = "a=candidate:9 1 udp 1 192.0.2.99 9999 typ host\r\na=end-of-candidates\r\n";
    let same = format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n{section}{candidate}");
    let other_ufrag = format!("a=ice-ufrag:zzzz\r\n{section}{candidate}");
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let before = session.state_digest();
    let fragment = |text: &str| Fragment::read(text).expect("a fragment");
    for text in [same.as_str(), &other_ufrag, section, ""] {
        let reply = signalling.accept_fragment(session, now, &fragment(text));
        assert_eq!(reply, Ok(None), "{text}");
    }
    assert_eq!(
        session.state_digest(),
        before,
        "a lite agent needs none of it"
    );

    let restart = format!(
        "{section}a=ice-ufrag:wxyz\r\na=ice-pwd:{}\r\n{candidate}",
        "9".repeat(24)
    );
    let reply = signalling.accept_fragment(session, now, &fragment(&restart));
    let reply = reply.expect("a restart").expect("a fragment of ours");
    assert_eq!(value(&reply, "a=ice-ufrag:"), session.local_ufrag());
    assert_eq!(value(&reply, "a=mid:"), "0");
    assert!(
        reply.starts_with("a=ice-lite\r\na=group:BUNDLE 0\r\nm=audio 9 "),
        "{reply}"
    );
    assert!(reply.contains("a=candidate:") && reply.ends_with("a=end-of-candidates\r\n"));
    let events = call.drain();
    assert_eq!(events[1], [SessionEvent::IceRestarted]);
    // The offer that follows knows.
    let peer = call.server.signalling.peer().expect("a peer");
    assert_eq!(peer.credentials.ufrag(), "wxyz");

    let Side {
        session,
        signalling,
    } = &mut call.server;
    let half = "a=ice-pwd:0123456789012345678901\r\n";
    let refused = signalling.accept_fragment(session, now, &fragment(half));
    assert_eq!(refused, Err(SdpError::NoUfrag.into()));
    signalling.offer_again(session).expect("an offer");
    let again = restart.replace("wxyz", "abcd");
    let refused = signalling.accept_fragment(session, now, &fragment(&again));
    assert_eq!(refused, Err(SignallingError::Glare));
    assert_eq!(Fragment::read("a=mid").map(|_| ()), Ok(()));
    assert_eq!(Fragment::read("x").map(|_| ()), Err(SdpError::Malformed(1)));
}

/// Candidates one by one, as scripts of browsers have them.
#[test]
fn candidates_come_one_by_one() {
    let now = Instant::now();
    let config = Arc::new(Terms::DEFAULT.config(IceMode::Controlling, caller_address()));
    let offer = include_str!("data/sdp/forms/ice-options-with-commas.sdp");
    let offer: String = offer
        .lines()
        .filter(|line| !line.starts_with("a=candidate"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let (mut session, mut signalling, _) =
        Signalling::answer(config, now, &read(&offer), &browser()).expect("an answer");
    let mut sends = |line: &str| {
        signalling
            .accept_candidate(&mut session, line)
            .expect("a peer");
        let mut buf = [0; 1500];
        let sent = session.poll_transmit(now, &mut buf);
        sent.map(|transmit| transmit.path.remote.to_string())
    };
    assert_eq!(
        sends("candidate:1 1 udp 1 192.0.2.50 5000 typ host generation 0 ufrag bbbb"),
        None
    );
    assert_eq!(sends("candidate:1 1 udp 1 abc.local 5000 typ host"), None);
    assert_eq!(sends("nonsense"), None);
    let ours = sends("a=candidate:1 1 udp 1 192.0.2.51 5000 typ host generation 0 ufrag aaaa");
    assert_eq!(ours.as_deref(), Some("192.0.2.51:5000"));
    assert_eq!(sends(""), None, "there are no more");
}
