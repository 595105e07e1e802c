//! Consent (RFC 7675) and ICE restarts.

use ice_lite::stun::{AttributeType, ErrorCode, Message, MessageType};
use ice_lite::{
    Candidate, ConsentLoss, Event, FailureReason, Outcome, Path, RemovalReason, SendRefused,
};

use crate::near::{call, lite_server, ms, reply};
use crate::support::credentials;

#[test]
fn rfc_7675_consent_is_asked_for_every_4_to_6_s_and_not_retransmitted() {
    let (mut near, mut server, path) = call();
    near.run(ms(60_000), &mut lite_server(&mut server));
    let times: Vec<_> = near.sent.iter().map(|(at, ..)| *at).skip(2).collect();
    assert!((10..=14).contains(&times.len()), "{times:?}");
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        gaps.iter().all(|gap| (ms(4000)..=ms(6000)).contains(gap)),
        "{gaps:?}"
    );
    assert!(
        gaps.windows(2).any(|pair| pair[0] != pair[1]),
        "they are spread"
    );
    assert_eq!(near.agent.authorize_send(near.now, 1), Ok(path));
    assert_eq!(server.selected(), Some(Path::udp(path.remote, path.local)));
}

#[test]
fn rfc_7675_sending_stops_30_s_after_the_last_answer() {
    let (mut near, mut server, path) = call();
    near.run(ms(100), &mut lite_server(&mut server));
    near.events();
    near.run(ms(29_900), &mut |_, _, _| Vec::new());
    assert_eq!(near.agent.authorize_send(near.now, 1), Ok(path));
    near.run(ms(31_000), &mut |_, _, _| Vec::new());
    assert_eq!(
        near.agent.authorize_send(near.now, 1),
        Err(SendRefused::ConsentExpired)
    );
    let reason = ConsentLoss::NoAnswer;
    let removed = Event::PairRemoved {
        path,
        reason: RemovalReason::Consent(reason),
    };
    assert_eq!(
        near.events(),
        [removed, Event::ConsentExpired { path, reason }]
    );
    let sent = near.sent.len();
    near.run(ms(90_000), &mut |_, _, _| Vec::new());
    assert_eq!(near.sent.len(), sent, "no more consent checks");
}

#[test]
fn rfc_7675_section_5_2_a_403_revokes_consent() {
    let (mut near, mut server, path) = call();
    near.run(ms(100), &mut lite_server(&mut server));
    near.events();
    server.revoke_consent();
    near.run(ms(7000), &mut lite_server(&mut server));
    let reason = ConsentLoss::Revoked;
    let removed = Event::PairRemoved {
        path,
        reason: RemovalReason::Consent(reason),
    };
    assert_eq!(
        near.events(),
        [removed, Event::ConsentExpired { path, reason }]
    );
    assert_eq!(
        near.agent.authorize_send(near.now, 1),
        Err(SendRefused::ConsentExpired)
    );
}

#[test]
fn rfc_8445_section_9_a_restart_keeps_sending_and_finds_the_path_again() {
    let (mut near, mut server, path) = call();
    near.run(ms(100), &mut lite_server(&mut server));
    near.events();
    let (ours, theirs) = (credentials(200), credentials(201));
    near.agent.restart(ours.clone());
    server.restart(theirs.clone());
    server.set_remote(&ours);
    assert_eq!(
        near.agent.authorize_send(near.now, 1),
        Ok(path),
        "over the old path"
    );
    near.agent.set_remote(&theirs);
    near.agent
        .add_remote_candidate(&Candidate::host(path.remote, 0));
    near.run(ms(60_000), &mut lite_server(&mut server));
    assert_eq!(near.events(), [], "the path is the same");
    assert_eq!(near.agent.authorize_send(near.now, 1), Ok(path));
    assert_eq!(server.statistics().discarded_total(), 0);
}

#[test]
fn a_restart_without_a_path_fails_when_the_old_one_is_gone() {
    let (mut near, mut server, path) = call();
    near.run(ms(100), &mut lite_server(&mut server));
    near.events();
    near.agent.restart(credentials(200));
    near.agent.set_remote(&credentials(1));
    near.agent
        .add_remote_candidate(&Candidate::host(path.remote, 0));
    let mut refuse = |_, to, request: &[u8]| {
        reply(request, MessageType::BINDING_ERROR, to, |writer| {
            writer.error_code(ErrorCode::BAD_REQUEST).expect("room");
        })
    };
    near.run(ms(29_000), &mut refuse);
    assert_eq!(near.events(), []);
    assert_eq!(near.agent.authorize_send(near.now, 1), Ok(path));
    near.run(ms(60_000), &mut refuse);
    let reason = ConsentLoss::NoAnswer;
    let removed = Event::PairRemoved {
        path,
        reason: RemovalReason::Consent(reason),
    };
    let failed = Event::Failed {
        reason: FailureReason::Refused(400),
    };
    assert_eq!(
        near.events(),
        [removed, Event::ConsentExpired { path, reason }, failed]
    );
}

#[test]
fn revoked_consent_ends_the_agent_until_a_restart() {
    let (mut near, mut server, path) = call();
    near.run(ms(100), &mut lite_server(&mut server));
    near.agent.revoke_consent();
    assert_eq!(
        near.agent.authorize_send(near.now, 1),
        Err(SendRefused::ConsentExpired)
    );
    let sent = near.sent.len();
    near.run(ms(60_000), &mut lite_server(&mut server));
    assert_eq!(near.sent.len(), sent);
    let mut peer = crate::support::Peer::new(credentials(1), near.agent.local());
    let request = peer.request();
    assert_eq!(
        near.agent.handle_datagram(near.now, path, &request),
        Outcome::Refused(ErrorCode::FORBIDDEN)
    );
}

#[test]
fn a_refused_nomination_leaves_no_timer_that_spins() {
    let (mut near, _, path) = call();
    near.run(ms(1000), &mut |_, to, request| {
        let message = Message::parse(request).expect("a message");
        match message.attribute(AttributeType::USE_CANDIDATE) {
            None => reply(request, MessageType::BINDING_SUCCESS, to, |writer| {
                writer.xor_mapped_address(to.local).expect("room");
            }),
            Some(_) => reply(request, MessageType::BINDING_ERROR, to, |writer| {
                writer.error_code(ErrorCode::BAD_REQUEST).expect("room");
            }),
        }
    });
    assert_eq!(
        near.agent.selected(),
        Some(path),
        "it works, if not nominated"
    );
    assert!(near.agent.poll_timeout().is_some_and(|at| at > near.now));
}
