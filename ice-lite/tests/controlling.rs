//! The controlling agent against a lite and against a full peer, on a virtual clock.

mod support;

use ice_lite::stun::{AttributeType, Class, ErrorCode, Message, MessageType, MessageWriter};
use ice_lite::{
    Candidate, ConsentLoss, ControllingAgent, ControllingConfig, Discard, Event, FailureReason,
    LiteAgent, LiteConfig, Outcome, Path, RemovalReason, SendRefused, Transmit,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use support::{credentials, seeded};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

fn caller(seed: u64) -> ControllingAgent {
    let config = ControllingConfig::new(Box::new(seeded(seed)));
    ControllingAgent::new(credentials(seed + 100), config)
}

/// The reply to a request, or silence: what stands at the other end of the wire.
type Far<'f> = dyn FnMut(Instant, Path, &[u8]) -> Vec<(Path, Vec<u8>)> + 'f;

/// An agent, its clock, and what it sent when.
struct Near {
    agent: ControllingAgent,
    start: Instant,
    now: Instant,
    sent: Vec<(Duration, Path, Vec<u8>)>,
}

impl Near {
    fn new(agent: ControllingAgent) -> Self {
        let start = Instant::now();
        Self {
            agent,
            start,
            now: start,
            sent: Vec::new(),
        }
    }

    /// Runs until `end` after the start, with a one-way delay of 10 ms.
    fn run(&mut self, end: Duration, far: &mut Far<'_>) {
        let mut wire: Vec<(Instant, Path, Vec<u8>)> = Vec::new();
        loop {
            let mut buf = [0; ice_lite::MAX_MESSAGE];
            while let Some(Transmit { path, len }) = self.agent.poll_transmit(self.now, &mut buf) {
                self.sent
                    .push((self.now - self.start, path, buf[..len].to_vec()));
                for (path, reply) in far(self.now + ms(10), path, &buf[..len]) {
                    wire.push((self.now + ms(20), path, reply));
                }
            }
            wire.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
            let arrival = wire.last().map(|(at, ..)| *at);
            let timeout = self.agent.poll_timeout();
            let Some(next) = arrival.into_iter().chain(timeout).min() else {
                break;
            };
            if next > self.start + end {
                break;
            }
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let (_, path, datagram) = wire.pop().expect("an arrival");
                let _ = self.agent.handle_datagram(self.now, path, &datagram);
            }
            self.agent.handle_timeout(self.now);
        }
        self.now = self.start + end;
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }
}

/// A lite server at `address`.
fn lite_server(agent: &mut LiteAgent) -> impl FnMut(Instant, Path, &[u8]) -> Vec<(Path, Vec<u8>)> {
    |now, path, datagram| {
        let arriving = Path::udp(path.remote, path.local);
        let _ = agent.handle_datagram(now, arriving, datagram);
        let mut buf = [0; ice_lite::MAX_MESSAGE];
        let mut replies = Vec::new();
        while let Some(transmit) = agent.poll_transmit(now, &mut buf) {
            assert_eq!(transmit.path, arriving);
            replies.push((path, buf[..transmit.len].to_vec()));
        }
        replies
    }
}

/// A caller that knows a lite server and its one candidate, and the server.
fn call() -> (Near, LiteAgent, Path) {
    let mut server = LiteAgent::new(credentials(1), LiteConfig::default());
    let mut agent = caller(5);
    server.set_remote(agent.local());
    let path = Path::udp(address(1, 4000), address(2, 5000));
    agent.add_local_candidate(path.local);
    agent.set_remote(server.local());
    agent.add_remote_candidate(&Candidate::host(path.remote, 0));
    (Near::new(agent), server, path)
}

fn attribute_kinds(datagram: &[u8]) -> Vec<AttributeType> {
    Message::parse(datagram)
        .expect("a message")
        .attributes()
        .map(|found| found.kind)
        .collect()
}

#[test]
fn a_call_to_a_lite_server_takes_one_round_trip_and_is_then_nominated() {
    let (mut near, mut server, path) = call();
    near.run(ms(60), &mut lite_server(&mut server));
    let back = Path::udp(path.remote, path.local);
    assert_eq!(
        near.events(),
        [Event::PairValidated { path }, Event::Selected { path }]
    );
    assert_eq!(near.agent.authorize_send(near.now, 1200), Ok(path));
    assert_eq!(server.selected(), Some(back));
    assert_eq!(near.agent.rtt(), Some(ms(20)));
    let times: Vec<_> = near.sent.iter().map(|(at, ..)| *at).collect();
    assert_eq!(times, [ms(0), ms(20)], "a check, then the nomination");
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
    agent.end_of_candidates();
    let failed = Event::Failed {
        reason: FailureReason::NoCandidatePairs,
    };
    assert_eq!(agent.poll_event(), Some(failed));
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
        [(0, better), (20, better)],
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

/// Answers a request as a peer that knows the password, from `path`.
fn reply(
    request: &[u8],
    kind: MessageType,
    path: Path,
    add: impl FnOnce(&mut MessageWriter<'_>),
) -> Vec<(Path, Vec<u8>)> {
    let id = Message::parse(request).expect("a message").transaction_id();
    let mut buf = [0; 200];
    let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
    add(&mut writer);
    let key = ice_lite::stun::IntegrityKey::new(credentials(1).password().as_bytes());
    let len = writer.seal(&key).expect("room");
    vec![(path, buf[..len].to_vec())]
}

#[test]
fn rfc_8445_section_7_2_5_2_1_an_answer_from_elsewhere_fails_the_pair() {
    let (mut near, _, path) = call();
    let elsewhere = Path::udp(path.local, address(9, 5000));
    near.run(ms(100), &mut |_, to, request| {
        reply(request, MessageType::BINDING_SUCCESS, elsewhere, |writer| {
            writer.xor_mapped_address(to.local).expect("room");
        })
    });
    assert_eq!(
        near.events(),
        [Event::Failed {
            reason: FailureReason::AsymmetricPath
        }]
    );
    assert!(!near.agent.is_valid(&elsewhere) && !near.agent.is_valid(&path));
}

#[test]
fn a_refusal_names_its_code() {
    let (mut near, _, _) = call();
    near.run(ms(100), &mut |_, to, request| {
        reply(request, MessageType::BINDING_ERROR, to, |writer| {
            writer.error_code(ErrorCode::BAD_REQUEST).expect("room");
        })
    });
    assert_eq!(
        near.events(),
        [Event::Failed {
            reason: FailureReason::Refused(400)
        }]
    );
}

#[test]
fn answers_that_do_not_authenticate_change_nothing() {
    let (mut near, mut server, path) = call();
    let mut request = [0; 600];
    let len = near
        .agent
        .poll_transmit(near.now, &mut request)
        .expect("a check")
        .len;
    let (_, good) = lite_server(&mut server)(near.now, path, &request[..len]).remove(0);
    let mut bad_integrity = good.clone();
    bad_integrity[21] ^= 0;
    let tag = good.len() - 8 - 20;
    bad_integrity[tag] ^= 1;
    refresh_fingerprint(&mut bad_integrity);
    let mut bad_fingerprint = good.clone();
    *bad_fingerprint.last_mut().expect("a byte") ^= 1;
    let mut other_id = good.clone();
    other_id[19] ^= 1;
    let no_address = reply(&request[..len], MessageType::BINDING_SUCCESS, path, |_| {});
    let unknown = reply(
        &request[..len],
        MessageType::BINDING_SUCCESS,
        path,
        |writer| {
            writer.xor_mapped_address(path.local).expect("room");
            writer.attribute(AttributeType(0x7777), &[]).expect("room");
        },
    );
    let cases = [
        (bad_integrity, Discard::IntegrityMismatch),
        (bad_fingerprint, Discard::FingerprintMismatch),
        (other_id, Discard::UnknownTransaction),
        (no_address[0].1.clone(), Discard::MappedAddressMissing),
        (unknown[0].1.clone(), Discard::Malformed),
    ];
    let digest = near.agent.state_digest();
    for (datagram, reason) in cases {
        let outcome = near.agent.handle_datagram(near.now, path, &datagram);
        assert_eq!(outcome, Outcome::Discarded(reason));
        assert_eq!(near.agent.state_digest(), digest);
    }
    let outcome = near.agent.handle_datagram(near.now, path, &good);
    assert_eq!(
        outcome,
        Outcome::Response(Message::parse(&good).expect("a message"))
    );
    assert_eq!(
        near.agent.handle_datagram(near.now, path, &good),
        Outcome::Discarded(Discard::UnknownTransaction),
        "a second copy of the answer"
    );
}

fn refresh_fingerprint(datagram: &mut [u8]) {
    let at = datagram.len() - 8;
    let value = crc32fast::hash(&datagram[..at]) ^ 0x5354_554E;
    datagram[at + 4..].copy_from_slice(&value.to_be_bytes());
}

/// Two full agents that both believe to be controlling (RFC 8445 §7.3.1.1).
#[test]
fn a_role_conflict_between_two_full_agents_is_resolved() {
    for seed in 0..8 {
        let (mut a, mut b) = (caller(10 + 2 * seed), caller(11 + 2 * seed));
        let path = Path::udp(address(1, 4000), address(2, 5000));
        let back = Path::udp(path.remote, path.local);
        let (creds_a, creds_b) = (a.local().clone(), b.local().clone());
        for (agent, peer, path) in [(&mut a, creds_b, path), (&mut b, creds_a, back)] {
            agent.add_local_candidate(path.local);
            agent.set_remote(&peer);
            agent.add_remote_candidate(&Candidate::host(path.remote, 0));
        }
        let mut now = Instant::now();
        let end = now + ms(3000);
        let mut wire: Vec<(Instant, bool, Vec<u8>)> = Vec::new();
        let mut nominations = [0, 0];
        while now < end {
            let mut buf = [0; 600];
            for (agent, to_b) in [(&mut a, true), (&mut b, false)] {
                agent.handle_timeout(now);
                while let Some(transmit) = agent.poll_transmit(now, &mut buf) {
                    let datagram = buf[..transmit.len].to_vec();
                    let message = Message::parse(&datagram).expect("a message");
                    let nominates = message.attribute(AttributeType::USE_CANDIDATE).is_some();
                    nominations[usize::from(to_b)] += usize::from(nominates);
                    wire.push((now + ms(10), to_b, datagram));
                }
            }
            now += ms(1);
            let (due, rest) = wire
                .into_iter()
                .partition::<Vec<_>, _>(|(at, ..)| *at <= now);
            wire = rest;
            for (_, to_b, datagram) in due {
                let outcome = match to_b {
                    true => b.handle_datagram(now, back, &datagram),
                    false => a.handle_datagram(now, path, &datagram),
                };
                assert!(!matches!(outcome, Outcome::Discarded(_)), "{outcome:?}");
            }
        }
        assert_eq!(
            (a.selected(), b.selected()),
            (Some(path), Some(back)),
            "seed {seed}"
        );
        assert!(a.is_valid(&path) && b.is_valid(&back));
        let [by_b, by_a] = nominations;
        assert!(
            (by_a == 0) != (by_b == 0),
            "one of them nominates: {nominations:?}"
        );
        let errors = a.statistics().errors_sent + b.statistics().errors_sent;
        assert!(errors <= 2, "{errors} conflicts");
    }
}

/// RFC 8445 §7.3.1.3, §7.3.1.4: the peer's check from an unknown address is answered, and triggers
/// a check to there.
#[test]
fn a_check_from_a_peer_reflexive_address_triggers_one_to_it() {
    let mut agent = caller(5);
    let peer = support::Peer::new(credentials(1), agent.local());
    let path = Path::udp(address(1, 4000), address(7, 7000));
    agent.add_local_candidate(path.local);
    let now = Instant::now();
    let mut buf = [0; 600];
    let controlled = |id| {
        let mut buf = vec![0; 600];
        let kind = MessageType::BINDING_REQUEST;
        let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
        writer
            .username(peer.remote.ufrag(), peer.local.ufrag())
            .expect("room");
        writer
            .attribute(AttributeType::ICE_CONTROLLED, &[0; 8])
            .expect("room");
        let len = writer.seal(&peer.key).expect("room");
        buf.truncate(len);
        buf
    };
    let request = controlled(ice_lite::stun::TransactionId([1; 12]));
    let outcome = agent.handle_datagram(now, path, &request);
    assert!(matches!(outcome, Outcome::Request(_)), "{outcome:?}");
    assert_eq!(agent.poll_event(), Some(Event::PairValidated { path }));
    assert_eq!(agent.authorize_send(now, 1), Err(SendRefused::NotConnected));
    let answer = agent.poll_transmit(now, &mut buf).expect("an answer");
    let class = Message::parse(&buf[..answer.len])
        .expect("a message")
        .class();
    assert_eq!((answer.path, class), (path, Class::Success));
    assert_eq!(
        agent.poll_transmit(now, &mut buf),
        None,
        "the peer's password is not known yet"
    );
    agent.set_remote(&peer.local);
    let check = agent
        .poll_transmit(now, &mut buf)
        .expect("a triggered check");
    let class = Message::parse(&buf[..check.len])
        .expect("a message")
        .class();
    assert_eq!((check.path, class), (path, Class::Request));
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
    let mut peer = support::Peer::new(credentials(1), near.agent.local());
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
