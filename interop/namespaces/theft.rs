//! Another call's authentic checks, sent with the source address of a victim, and calls that share a socket.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use portcullis::{Class, classify};

use super::forger::Forger;
use super::peer::{Peer, VERSIONS, connect, run, run_with};
use super::street::{PRIORITY, Street, URL};

/// What a theft may cost.
const LIMIT: Duration = Duration::from_secs(1);

/// One authentic check of another call from the victim's address and port. Then five a second for nine
/// seconds, longer than the owner of a path keeps it unheard, each with SRTP of the other call behind it.
#[test]
fn a_stolen_path_costs_its_victim_at_most_a_second() {
    let Some(street) = Street::new(&[]) else {
        return;
    };
    let (mut victim, mut thief) = (street.caller(), street.thief());
    connect(&mut [&mut victim, &mut thief]);
    let (from, to) = (victim.address, server_of(&victim));
    let mut forger = Forger::new(&street.stranger);
    for (what, thefts, time) in [("one check", 1, 4), ("45 checks with SRTP", 45, 9)] {
        let since = street.moment(&mut victim);
        let (mut left, mut next) = (thefts, Instant::now());
        run_with(
            &mut [&mut victim, &mut thief],
            Duration::from_secs(time),
            |peers| {
                if left > 0 && Instant::now() >= next {
                    (left, next) = (left - 1, next + Duration::from_millis(200));
                    forger.send(from, to, &peers[1].nomination(PRIORITY));
                    if thefts > 1 {
                        let (_, media) = peers[1].sealed().expect("it is secured");
                        forger.send(from, to, &media);
                    }
                }
            },
        );
        let loss = street.loss_since(&mut victim, since);
        println!("{what}: {loss:?}");
        assert!(loss.gap < LIMIT, "{what}: {loss:?}");
        assert!(loss.up < 50 && loss.down < 50, "{what}: {loss:?}");
        // And nothing after.
        let since = street.moment(&mut victim);
        run(&mut [&mut victim, &mut thief], Duration::from_secs(2));
        let loss = street.loss_since(&mut victim, since);
        println!("after {what}: {loss:?}");
        assert_eq!((loss.up, loss.down), (0, 0), "after {what}");
    }
    let refused = street.count("portcullis_refused_paths_total");
    let lost = street.count("portcullis_lost_paths_total");
    println!("{refused} claims were refused, {lost} granted");
    assert!(refused >= 40 && lost == 0, "{refused}, {lost}");
}

/// The thief comes first: its check comes from the address at which the victim will call. The victim is
/// connected within a second of its own first check.
#[test]
fn who_comes_to_a_stolen_path_is_connected_within_a_second() {
    let Some(street) = Street::new(&[]) else {
        return;
    };
    let mut thief = street.thief();
    connect(&mut [&mut thief]);
    let mut victim = street.caller();
    let (from, to) = (victim.address, server_of(&thief));
    let mut forger = Forger::new(&street.stranger);
    for _ in 0..5 {
        forger.send(from, to, &thief.nomination(PRIORITY));
        run(&mut [&mut thief], Duration::from_millis(100));
    }
    let begun = Instant::now();
    connect(&mut [&mut victim, &mut thief]);
    let took = begun.elapsed();
    println!("connected after {took:?}");
    assert!(took < LIMIT, "{took:?}");
    let since = street.moment(&mut victim);
    run(&mut [&mut victim, &mut thief], Duration::from_secs(3));
    let loss = street.loss_since(&mut victim, since);
    assert_eq!((loss.up, loss.down), (0, 0), "{loss:?}");
}

/// A caller leaves its port, which a NAT then gives to another one, and goes on to send checks that bear it as
/// their source, from elsewhere. Nothing that is sent there comes to it any more.
#[test]
fn a_former_owner_of_an_address_does_not_keep_its_successor_out() {
    let Some(street) = Street::new(&[]) else {
        return;
    };
    let mut former = street.caller();
    connect(&mut [&mut former]);
    let (address, to) = (former.address, server_of(&former));
    let elsewhere = street.thief();
    former.socket = elsewhere.socket;
    former.talks = false;
    let mut forger = Forger::new(&street.stranger);
    let place = address.to_string();
    let mut victim = Peer::calling(&street.link.far, &place, URL, &VERSIONS);
    let begun = Instant::now();
    while !victim.is_secured() || victim.heard.is_empty() {
        forger.send(address, to, &former.nomination(PRIORITY));
        run(&mut [&mut victim], Duration::from_millis(200));
        assert!(begun.elapsed() < Duration::from_secs(15), "it is kept out");
    }
    let took = begun.elapsed();
    println!("connected after {took:?}, though the former owner goes on");
    let since = street.moment(&mut victim);
    for _ in 0..15 {
        forger.send(address, to, &former.nomination(PRIORITY));
        run(&mut [&mut victim], Duration::from_millis(200));
    }
    let loss = street.loss_since(&mut victim, since);
    println!("and afterwards: {loss:?}");
    assert_eq!((loss.up, loss.down), (0, 0), "{loss:?}");
}

/// Two calls of a client share its socket. The first one loses nothing to the second; the second one is
/// connected within the time of a check when the first has hung up.
#[test]
fn a_second_call_of_a_socket_costs_the_first_nothing() {
    let Some(street) = Street::new(&[]) else {
        return;
    };
    let mut first = street.caller();
    connect(&mut [&mut first]);
    let since = street.moment(&mut first);
    let shared = first.socket.try_clone().expect("a descriptor");
    let mut second = Peer::calling_from(&street.link.far, shared, URL, &VERSIONS);
    second.talks = false;
    share(&mut first, &mut second, Duration::from_secs(3));
    assert!(!second.is_secured(), "the path is the first call's");
    let loss = street.loss_since(&mut first, since);
    println!("the first call meanwhile: {loss:?}");
    assert_eq!((loss.up, loss.down), (0, 0), "{loss:?}");
    first.session.close(Instant::now());
    first.talks = false;
    let begun = Instant::now();
    share(&mut first, &mut second, Duration::from_secs(15));
    println!(
        "the second one is connected {:?} after the end of the first",
        begun.elapsed()
    );
    assert!(second.is_secured());
}

/// Lets two calls talk over one socket until the second is connected, at most for so long.
fn share(first: &mut Peer, second: &mut Peer, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end && (!second.is_secured() || second.heard.is_empty()) {
        while let Some((from, mut datagram)) = first.read() {
            let class = classify(&datagram);
            // Checks and their answers say by themselves whose they are.
            if class == Class::Stun || first.session.is_closed() {
                second.take(from, &mut datagram.clone());
            }
            first.take(from, &mut datagram);
        }
        first.tend();
        second.tend();
        thread::sleep(Duration::from_millis(1));
    }
}

/// The address of the server in the eyes of a caller.
fn server_of(caller: &Peer) -> SocketAddr {
    caller.session.selected_path().expect("connected").remote
}
