//! Thieves of paths who do more than send one check: former owners, several at once, in another role, and in the
//! moments when their victim moves or restarts.

mod support;

use std::time::Duration;

use ice_lite::stun::AttributeType;
use portcullis::{Path, SessionEvent};
use support::served::Served;

const CONTROLLING: AttributeType = AttributeType::ICE_CONTROLLING;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A NAT gives an address to another host, and its former owner goes on to write it: nobody else proves to be
/// there, and it does not either.
#[test]
fn a_former_owner_that_forges_its_old_address_does_not_keep_it() {
    let mut served = Served::with_calls(2);
    let old = served.path(0);
    // Its checks still bear the old address, and what is sent there does not come to it.
    served.callers[0].peer.address = "203.0.113.9:9".parse().expect("an address");
    served.place_call(0);
    assert_eq!(served.path(2), old);
    let start = served.now;
    let mut number = 0;
    while served.callers[2].peer.secured().is_none() {
        let check = served.check_of(0, number, CONTROLLING);
        number += 1;
        let now = served.now;
        served.gate.handle_datagram(now, old, &mut check.clone());
        served.run_for(ms(500));
        assert!(served.now < start + ms(15_000), "it is never connected");
    }
    for sequence in 0..60 {
        let check = served.check_of(0, number, CONTROLLING);
        number += 1;
        let now = served.now;
        served.gate.handle_datagram(now, old, &mut check.clone());
        served.run_for(ms(500));
        assert!(served.talks(2, sequence) && served.hears(2, sequence));
    }
    let events = &served.recorder(0).expect("its call goes on").events;
    assert!(events.contains(&SessionEvent::PathLost { path: old }));
    assert!(served.talks(1, 1));
}

/// Two other calls forge the victim's address and the one that its NAT gives it next, ten times a second, before
/// the change and after it. Downstream resumes within a second of the victim's first check there.
#[test]
fn a_rebinding_in_the_middle_of_two_thefts_is_followed_within_a_second() {
    for both in [true, false] {
        rebinding_amid_thefts(both);
    }
}

/// The victim sends media too, or it only receives.
fn rebinding_amid_thefts(both: bool) {
    let mut served = Served::with_calls(3);
    let old = served.path(0);
    let moved = "203.0.113.50:5000".parse().expect("an address");
    let new = Path::udp(old.local, moved);
    let mut number = 0;
    let mut sequence = 0;
    let mut thieves = |served: &mut Served| {
        for (thief, path) in [(1, old), (2, old), (1, new), (2, new)] {
            let check = served.check_of(thief, number, CONTROLLING);
            number += 1;
            let now = served.now;
            served.gate.handle_datagram(now, path, &mut check.clone());
        }
        // What is sent to an address that nobody has yet is lost.
        served.deliver_answers();
        served.run_for(ms(100));
    };
    for _ in 0..30 {
        thieves(&mut served);
        sequence += 1;
        assert!(!both || served.talks(0, sequence));
        assert!(served.hears(0, sequence));
    }
    served.callers[0].peer.address = moved;
    let checks = |served: &Served| {
        let id = served.callers[0].id;
        let mut calls = served.gate.calls();
        let found = calls.find(|(other, ..)| *other == id);
        found.map(|(_, session, _)| session.statistics().ice.requests_received)
    };
    let (before, change) = (checks(&served), served.now);
    while checks(&served) == before {
        thieves(&mut served);
        assert!(served.now < change + ms(7000), "it asks for consent");
    }
    let first = served.now;
    loop {
        thieves(&mut served);
        sequence += 1;
        if (!both || served.talks(0, sequence)) && served.hears(0, sequence) {
            break;
        }
        assert!(served.now < first + ms(1000), "downstream does not resume");
    }
    for _ in 0..100 {
        thieves(&mut served);
        sequence += 1;
        assert!(!both || served.talks(0, sequence));
        assert!(served.hears(0, sequence));
    }
    for thief in [1, 2] {
        assert!(served.talks(thief, 1), "over their own");
    }
}

/// A check in a role that a lite agent refuses is answered with an error and claims nothing, proves nothing and
/// keeps nobody's path alive.
#[test]
fn a_check_in_the_wrong_role_takes_no_path() {
    let mut served = Served::with_calls(2);
    let victim = served.path(0);
    for number in 0..200 {
        let check = served.check_of(1, number, AttributeType::ICE_CONTROLLED);
        let now = served.now;
        served.gate.handle_datagram(now, victim, &mut check.clone());
        served.deliver_answers();
        served.run_for(ms(50));
        assert!(served.talks(0, number) && served.hears(0, number));
    }
    assert_eq!(
        (served.gate.refused_paths(), served.gate.lost_paths()),
        (0, 0)
    );
    // A path that is nobody's stays so.
    let free = Path::udp(victim.local, "203.0.113.8:8".parse().expect("one"));
    let check = served.check_of(1, 1000, AttributeType::ICE_CONTROLLED);
    let now = served.now;
    served.gate.handle_datagram(now, free, &mut check.clone());
    served.deliver_answers();
    let media = served.sealed(1, 1);
    served.drops(free, &media);
}

/// The victim's ICE restarts while two others forge its address: between the new credentials of the one side and
/// those of the other, and afterwards.
#[test]
fn a_restart_in_the_middle_of_two_thefts_loses_nothing() {
    let mut served = Served::with_calls(3);
    let victim = served.path(0);
    let mut number = 0;
    let mut sequence = 0;
    let mut steal = |served: &mut Served, time| {
        for thief in [1, 2] {
            let check = served.check_of(thief, number, CONTROLLING);
            number += 1;
            let now = served.now;
            served.gate.handle_datagram(now, victim, &mut check.clone());
        }
        served.deliver_answers();
        served.run_for(ms(time));
        sequence += 1;
        assert!(served.talks(0, sequence) && served.hears(0, sequence));
    };
    let id = served.callers[0].id;
    for _ in 0..3 {
        steal(&mut served, 20);
        let now = served.now;
        let offer = served.gate.with(now, id, |_, cx| {
            cx.session_mut().restart_ice().expect("the call stands")
        });
        steal(&mut served, 20);
        let caller = &mut served.callers[0].peer.session;
        let offer = offer.expect("it is there").into();
        let now = served.now;
        caller.set_remote(now, offer).expect("good parameters");
        let answer = caller.local_parameters().into();
        steal(&mut served, 20);
        let now = served.now;
        served.gate.with(now, id, |_, cx| {
            let told = cx.session_mut().set_remote(now, answer);
            told.expect("good parameters");
        });
        for _ in 0..100 {
            steal(&mut served, 100);
        }
    }
    assert_eq!(served.gate.lost_paths(), 0);
}
