//! Checks and nomination: which pair is found, when, and what fails.

use ice_lite::stun::AttributeType;
use ice_lite::{
    Candidate, ControllingAgent, ControllingConfig, Event, FailureReason, LiteAgent, LiteConfig,
    Path, SendRefused,
};
use std::time::Instant;

use crate::near::{Near, address, attribute_kinds, call, caller, lite_server, ms};
use crate::support::{Peer, credentials, seeded};

#[test]
fn a_call_to_a_lite_server_takes_one_round_trip_and_is_then_nominated() {
    let (mut near, mut server, path) = call();
    near.run(ms(100), &mut lite_server(&mut server));
    let back = Path::udp(path.remote, path.local);
    assert_eq!(
        near.events(),
        [Event::PairValidated { path }, Event::Selected { path }]
    );
    assert_eq!(near.agent.authorize_send(near.now, 1200), Ok(path));
    assert_eq!(server.selected(), Some(back));
    assert_eq!(near.agent.rtt(), Some(ms(20)));
    let times: Vec<_> = near.sent.iter().map(|(at, ..)| *at).collect();
    assert_eq!(
        times,
        [ms(0), ms(50)],
        "a check, then the nomination, Ta apart"
    );
    let plain = [
        AttributeType::USERNAME,
        AttributeType::PRIORITY,
        AttributeType::ICE_CONTROLLING,
    ];
    assert_eq!(attribute_kinds(&near.sent[0].2), plain);
    let mut nominating = plain.to_vec();
    nominating.push(AttributeType::USE_CANDIDATE);
    assert_eq!(attribute_kinds(&near.sent[1].2), nominating);
}

#[test]
fn the_order_of_signalling_does_not_matter() {
    let (_, server, path) = call();
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut agent = caller(5);
        for step in order {
            match step {
                0 => agent.add_local_candidate(path.local),
                1 => agent.set_remote(server.local()),
                _ => agent.add_remote_candidate(&Candidate::host(path.remote, 0)),
            }
        }
        let mut buf = [0; 600];
        let sent = agent
            .poll_transmit(Instant::now(), &mut buf)
            .map(|transmit| transmit.path);
        assert_eq!(sent, Some(path));
    }
}

#[test]
fn rfc_8489_section_6_2_1_retransmission_and_failure() {
    let (mut near, _, path) = call();
    near.run(ms(60_000), &mut |_, _, _| Vec::new());
    let times: Vec<_> = near.sent.iter().map(|(at, ..)| at.as_millis()).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert!(
        near.sent
            .iter()
            .all(|(_, to, datagram)| *to == path && *datagram == near.sent[0].2)
    );
    assert_eq!(
        near.events(),
        [Event::Failed {
            reason: FailureReason::NoAnswer
        }]
    );
    assert_eq!(
        near.agent.authorize_send(near.now, 1),
        Err(SendRefused::NotConnected)
    );
    assert_eq!(near.agent.poll_timeout(), None);
}

#[test]
fn the_time_to_failure_is_configured() {
    let mut config = ControllingConfig::new(Box::new(seeded(5)));
    config.rto = ms(100);
    config.max_transmissions = 3;
    let mut agent = ControllingAgent::new(credentials(105), config);
    agent.add_local_candidate(address(1, 4000));
    agent.set_remote(&credentials(1));
    agent.add_remote_candidate(&Candidate::host(address(2, 5000), 0));
    let mut near = Near::new(agent);
    let failed = [Event::Failed {
        reason: FailureReason::NoAnswer,
    }];
    near.run(ms(1899), &mut |_, _, _| Vec::new());
    assert_eq!(near.events(), []);
    near.run(ms(1900), &mut |_, _, _| Vec::new());
    assert_eq!(near.events(), failed, "100 + 200 + 16 x 100 ms");
}

#[test]
fn no_pair_of_one_address_family() {
    let mut agent = caller(5);
    agent.add_local_candidate("[2001:db8::1]:4000".parse().expect("an address"));
    agent.set_remote(&credentials(1));
    agent.add_remote_candidate(&Candidate::host(address(2, 5000), 0));
    let mut near = Near::new(agent);
    near.run(ms(60_000), &mut |_, _, _| Vec::new());
    assert_eq!(near.events(), [], "there may come more");
    near.agent.end_of_candidates();
    near.run(ms(60_000), &mut |_, _, _| Vec::new());
    let failed = Event::Failed {
        reason: FailureReason::NoCandidatePairs,
    };
    assert_eq!(near.events(), [failed]);
    let useless = Candidate::host(address(3, 5000), 0);
    near.agent.add_remote_candidate(&useless);
    near.run(ms(90_000), &mut |_, _, _| Vec::new());
    assert_eq!(near.events(), [], "it is told once");
}

/// RFC 8863 §4: the peer may know our address though we don't know its own.
#[test]
fn a_check_of_the_peer_is_waited_for() {
    let mut agent = caller(5);
    agent.add_local_candidate(address(1, 4000));
    agent.set_remote(&credentials(1));
    agent.end_of_candidates();
    let mut near = Near::new(agent);
    near.run(ms(39_000), &mut |_, _, _| Vec::new());
    assert_eq!(near.events(), []);
    let path = Path::udp(address(1, 4000), address(2, 5000));
    let mut peer = Peer::new(credentials(1), near.agent.local());
    peer.role = AttributeType::ICE_CONTROLLED;
    let _ = near.agent.handle_datagram(near.now, path, &peer.request());
    let mut server = LiteAgent::new(credentials(1), LiteConfig::default());
    near.run(ms(50_000), &mut lite_server(&mut server));
    assert_eq!(
        near.events(),
        [Event::PairValidated { path }, Event::Selected { path }]
    );
}

#[test]
fn candidates_that_can_not_be_sent_to_are_passed_over() {
    let mut agent = caller(5);
    agent.add_local_candidate(address(1, 4000));
    agent.set_remote(&credentials(1));
    for remote in [
        "0.0.0.0:9",
        "192.0.2.2:0",
        "224.0.0.1:9",
        "255.255.255.255:9",
    ] {
        agent.add_remote_candidate(&Candidate::host(remote.parse().expect("an address"), 0));
    }
    agent.add_remote_candidate(&Candidate::host_tcp(address(2, 5000), 0));
    let rtcp = Candidate {
        component: 2,
        ..Candidate::host(address(2, 5000), 0)
    };
    agent.add_remote_candidate(&rtcp);
    assert_eq!(agent.poll_transmit(Instant::now(), &mut [0; 600]), None);
}

#[test]
fn the_best_of_several_pairs_is_nominated() {
    let (mut near, mut server, path) = call();
    let better = Path::udp(path.local, address(3, 5000));
    let candidate = Candidate {
        priority: u32::MAX,
        ..Candidate::host(better.remote, 0)
    };
    near.agent.add_remote_candidate(&candidate);
    near.run(ms(300), &mut lite_server(&mut server));
    let checks: Vec<_> = near
        .sent
        .iter()
        .map(|(at, to, _)| (at.as_millis(), *to))
        .collect();
    assert_eq!(
        checks,
        [(0, better), (50, better)],
        "nothing better is left to check"
    );
    assert_eq!(near.agent.selected(), Some(better));
}

#[test]
fn a_dead_better_pair_delays_the_nomination_by_no_more_than_200_ms() {
    let (mut near, mut server, path) = call();
    let dead = Path::udp(path.local, address(3, 5000));
    let candidate = Candidate {
        priority: u32::MAX,
        ..Candidate::host(dead.remote, 0)
    };
    near.agent.add_remote_candidate(&candidate);
    let mut live = lite_server(&mut server);
    near.run(ms(1000), &mut |now, to, datagram| match to == dead {
        true => Vec::new(),
        false => live(now, to, datagram),
    });
    let checks: Vec<_> = near
        .sent
        .iter()
        .map(|(at, to, _)| (at.as_millis(), *to))
        .collect();
    assert_eq!(
        checks,
        [(0, dead), (50, path), (270, path)],
        "no retransmission once nominated"
    );
    assert_eq!(near.agent.selected(), Some(path));
}
