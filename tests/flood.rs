//! Garbage on the port while calls go on: it is dropped and counted, and costs neither state nor bytes.

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use portcullis::{Path, RouteDrop};
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use support::served::Served;
use support::{forged, rtp, server_address};

fn stranger(number: u32) -> Path {
    let ip = Ipv4Addr::from(0xCB00_7100 | number >> 16);
    Path::udp(server_address(), SocketAddr::new(ip.into(), number as u16))
}

/// T-DOS-01, T-DOS-06: a mix of forged checks, ClientHellos, media and noise, from everywhere and from
/// the callers' own addresses.
#[test]
fn t_dos_06_calls_go_on_in_a_flood() {
    let mut served = Served::with_calls(4);
    let mut random = SmallRng::seed_from_u64(6);
    let ufrags: Vec<_> = served
        .gate
        .calls()
        .map(|(_, session, _)| session.local_ufrag().to_owned())
        .collect();
    for sequence in 0..20 {
        for _ in 0..5 {
            let ufrag = &ufrags[random.random_range(0..ufrags.len())];
            let mut hello = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 187];
            hello.resize(200, 1);
            let mut noise = vec![0; random.random_range(1..1500)];
            random.fill_bytes(&mut noise);
            let (media, len) = rtp::packet(7, sequence);
            let mix = [
                forged::check(ufrag, &mut random),
                forged::check("nobody", &mut random),
                hello,
                media[..len + 16].to_vec(),
                noise,
            ];
            for datagram in mix {
                served.drops(stranger(random.random()), &datagram);
                let own = served.path(random.random_range(0..4));
                served.drops(own, &datagram);
            }
        }
        for index in 0..4 {
            assert!(served.talks(index, sequence), "{index}, {sequence}");
        }
        served.run_for(Duration::from_millis(20));
    }
    let dropped = |reason| served.gate.router().dropped(reason);
    assert!(dropped(RouteDrop::UnvalidatedMedia) > 90);
    assert!(dropped(RouteDrop::UnvalidatedDtls) > 90);
    assert!(dropped(RouteDrop::UnknownUfrag) > 90);
    assert_eq!(served.gate.calls().count(), 4);
}

/// T-DOS-05: forged checks that name a call cost an HMAC each, so they are rationed; the call's own
/// checks are not.
#[test]
fn t_dos_05_forged_checks_are_rationed() {
    let mut served = Served::with_calls(1);
    let mut random = SmallRng::seed_from_u64(5);
    let (_, session, _) = served.gate.calls().next().expect("the call");
    let ufrag = session.local_ufrag().to_owned();
    for number in 0..1000 {
        let check = forged::check(&ufrag, &mut random);
        served.drops(stranger(number), &check);
    }
    let router = served.gate.router();
    let [call, source] =
        [RouteDrop::RequestRate, RouteDrop::SourceRate].map(|it| router.dropped(it));
    // The first check of the call itself was one of the 64 of its ration. That of the source has more left.
    assert_eq!((call, source), (1000 - 63, 0));
    // Half a minute in which the flood goes on: consent is renewed all the same.
    for sequence in 0..40 {
        for number in 0..10 {
            let check = forged::check(&ufrag, &mut random);
            served.drops(stranger(number), &check);
        }
        served.run_for(Duration::from_secs(1));
        assert!(served.talks(0, sequence));
    }
}

/// T-STN-13: whether a call has a ufrag is told neither by an answer nor by its length: there is none.
/// (A check for a known one costs an HMAC more, but nobody guesses 96 bits.)
#[test]
fn t_stn_13_nothing_is_said_about_a_guessed_ufrag() {
    let mut served = Served::with_calls(1);
    let mut random = SmallRng::seed_from_u64(13);
    let (_, session, _) = served.gate.calls().next().expect("the call");
    let known = session.local_ufrag().to_owned();
    // RFC 8445 §5.3: 24 bits at least; these have 96.
    assert!(known.len() >= 16, "{known}");
    for number in 0..100 {
        for ufrag in [known.as_str(), "AAAA", "AAAAAAAAAAAAAAAA"] {
            let check = forged::check(ufrag, &mut random);
            // No answer, and no change of state.
            served.drops(stranger(number), &check);
        }
    }
    assert_eq!(served.gate.router().dropped(RouteDrop::UnknownUfrag), 200);
    assert!(served.talks(0, 0));
}
