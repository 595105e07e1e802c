//! A full agent as peer: role conflicts, and checks of its own.

use ice_lite::stun::{AttributeType, Class, Message};
use ice_lite::{Candidate, Event, Outcome, Path, SendRefused};
use std::time::Instant;

use crate::near::{address, caller, ms};
use crate::support::credentials;

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
    let mut peer = crate::support::Peer::new(credentials(1), agent.local());
    peer.role = AttributeType::ICE_CONTROLLED;
    let path = Path::udp(address(1, 4000), address(7, 7000));
    agent.add_local_candidate(path.local);
    let now = Instant::now();
    let mut buf = [0; 600];
    let request = peer.request();
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
