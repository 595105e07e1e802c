//! Garbage on the port while calls go on: it is dropped and counted, and costs neither state nor bytes.

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ice_lite::stun::{IntegrityKey, MessageType, MessageWriter, TransactionId};
use portcullis::{Announcement, Path, Route, RouteDrop, Router, Shard};
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use support::served::Served;
use support::{rtp, server_address};

/// A Binding request for `ufrag` that somebody without the password made.
fn forged_check(ufrag: &str, random: &mut SmallRng) -> Vec<u8> {
    let mut id = [0; 12];
    random.fill_bytes(&mut id);
    let mut buf = [0; 256];
    let kind = MessageType::BINDING_REQUEST;
    let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).expect("room");
    writer.username(ufrag, "peer").expect("room");
    let len = writer
        .seal(&IntegrityKey::new(b"not the password"))
        .expect("room");
    buf[..len].to_vec()
}

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
                forged_check(ufrag, &mut random),
                forged_check("nobody", &mut random),
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
        let check = forged_check(&ufrag, &mut random);
        served.drops(stranger(number), &check);
    }
    assert!(served.gate.router().dropped(RouteDrop::RequestRate) > 900);
    // Half a minute in which the flood goes on: consent is renewed all the same.
    for sequence in 0..40 {
        for number in 0..10 {
            let check = forged_check(&ufrag, &mut random);
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
            let check = forged_check(ufrag, &mut random);
            // No answer, and no change of state.
            served.drops(stranger(number), &check);
        }
    }
    assert_eq!(served.gate.router().dropped(RouteDrop::UnknownUfrag), 200);
    assert!(served.talks(0, 0));
}

/// T-DMX-11: the time of a look-up does not depend on who chose the ufrags and addresses: the tables
/// hash under a secret key. Two routers with different keys put the same names into different shards.
#[test]
fn t_dmx_11_hashes_are_keyed() {
    let shard = Shard {
        index: 0,
        count: 16,
    };
    let routers = [1, 2].map(|key| Router::sharded([key; 16], shard));
    let differ = (0..1000)
        .map(|number: u32| number.to_be_bytes())
        .filter(|ufrag| routers[0].shard_of(ufrag) != routers[1].shard_of(ufrag))
        .count();
    assert!((900..970).contains(&differ), "15 of 16: {differ}");
}

/// A datagram that comes in on the wrong socket is handed over: checks by their ufrag, the rest by
/// their path once it is known.
#[test]
fn shards_hand_over_what_is_another_s() {
    let mut random = SmallRng::seed_from_u64(1);
    let now = Instant::now();
    let [mut here, mut there] =
        [0, 1].map(|index| Router::sharded([9; 16], Shard { index, count: 2 }));
    let mut ufrags = (0..).map(|number| format!("session{number}"));
    let ufrag = ufrags
        .find(|ufrag| here.shard_of(ufrag.as_bytes()) == 1)
        .expect("half of them");
    let id = there.insert(&ufrag).expect("a new ufrag");
    let path = stranger(1);
    let check = forged_check(&ufrag, &mut random);
    assert_eq!(here.route(now, &path, &check), Route::Shard(1));
    assert_eq!(there.route(now, &path, &check), Route::Session(id));
    let media = [0x80; 40];
    let nobodys = Route::Drop(RouteDrop::UnvalidatedMedia);
    assert_eq!(here.route(now, &path, &media), nobodys);
    there.validate(id, path);
    let validated = there.poll_announcement();
    assert_eq!(validated, Some(Announcement::PathAdded(path)));
    here.handle_announcement(1, Announcement::PathAdded(path));
    assert_eq!(here.route(now, &path, &media), Route::Shard(1));
    assert_eq!(there.route(now, &path, &media), Route::Session(id));
    there.remove(id);
    let invalidated = there.poll_announcement();
    assert_eq!(invalidated, Some(Announcement::PathRemoved(path)));
    // Of a third shard, which has nothing to say about it.
    here.handle_announcement(2, Announcement::PathRemoved(path));
    assert_eq!(here.route(now, &path, &media), Route::Shard(1));
    here.handle_announcement(1, Announcement::PathRemoved(path));
    assert_eq!(here.route(now, &path, &media), nobodys);
    assert_eq!(there.route(now, &path, &media), nobodys);
    assert_eq!(
        there.route(now, &path, &check),
        Route::Drop(RouteDrop::UnknownUfrag)
    );
}

/// A session may live on any shard, if the others are told.
#[test]
fn shards_hand_over_checks_for_sessions_that_live_elsewhere_than_their_ufrag_says() {
    let mut random = SmallRng::seed_from_u64(2);
    let now = Instant::now();
    let [mut here, mut there] =
        [0, 1].map(|index| Router::sharded([9; 16], Shard { index, count: 2 }));
    let mut ufrags = (0..).map(|number| format!("session{number}"));
    let ufrag = ufrags
        .find(|ufrag| here.shard_of(ufrag.as_bytes()) == 0)
        .expect("half of them");
    let id = there.insert(&ufrag).expect("a new ufrag");
    assert_eq!(id.shard(), 1);
    let check = forged_check(&ufrag, &mut random);
    let unknown = Route::Drop(RouteDrop::UnknownUfrag);
    assert_eq!(here.route(now, &stranger(1), &check), unknown);
    let added = there.poll_announcement().expect("it is not the hash's");
    assert_eq!(added, Announcement::UfragAdded(ufrag.as_bytes().into()));
    here.handle_announcement(1, added);
    assert_eq!(here.route(now, &stranger(1), &check), Route::Shard(1));
    there.remove(id);
    let removed = there.poll_announcement().expect("it was announced");
    assert_eq!(removed, Announcement::UfragRemoved(ufrag.as_bytes().into()));
    here.handle_announcement(1, removed);
    assert_eq!(here.route(now, &stranger(1), &check), unknown);
    assert_eq!(there.poll_announcement(), None);
}
