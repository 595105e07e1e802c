//! Records of application data, such as those of SCTP: their length, and how many may wait.

mod support;

use std::sync::Arc;
use std::time::Instant;

use portcullis::dtls::{self, SendError::QueueFull, SendError::TooLong, SrtpProfile};
use portcullis::{IceMode, MAX_APPLICATION_DATA, SendError, SessionConfig, SessionEvent};
use support::served::Served;
use support::{Conditions, Terms, World, caller_address, connected, server_address};

/// The records that a peer has got.
fn received(events: &[SessionEvent]) -> Vec<&[u8]> {
    let data = events.iter().filter_map(|event| match event {
        SessionEvent::ApplicationData(data) => Some(&data[..]),
        _ => None,
    });
    data.collect()
}

/// One that never fits a datagram would hold up all that follow.
#[test]
fn a_record_too_long_for_a_datagram_is_refused_and_blocks_nothing() {
    let mut served = Served::with_calls(1);
    let (now, id) = (served.now, served.callers[0].id);
    let (length, limit) = (MAX_APPLICATION_DATA + 1, MAX_APPLICATION_DATA);
    let longest = vec![7; limit];
    let sent = served.gate.with(now, id, |_, cx| {
        let session = cx.session_mut();
        let refused = session.send_application_data(now, &vec![7; length]);
        assert_eq!(refused, Err(TooLong { length, limit }.into()));
        session.send_application_data(now, &longest)?;
        session.send_application_data(now, b"next")
    });
    assert_eq!(sent, Some(Ok(())));
    served.shuttle();
    let events = &served.callers[0].peer.events;
    assert_eq!(received(events), [&longest[..], b"next"]);
}

/// Who sends faster than the network takes is told, and loses nothing that was taken.
#[test]
fn a_full_queue_is_told_and_nothing_that_was_taken_is_lost() {
    let mut served = Served::with_calls(1);
    let (now, id) = (served.now, served.callers[0].id);
    let record = [7; 1000];
    let taken = served.gate.with(now, id, |_, cx| {
        let session = cx.session_mut();
        let mut results = (0..).map(|_| session.send_application_data(now, &record));
        let taken = results.by_ref().take_while(Result::is_ok).count();
        assert_eq!(results.next(), Some(Err(QueueFull.into())));
        taken
    });
    assert_eq!(taken, Some(65), "64 KiB");
    served.shuttle();
    let events = &served.callers[0].peer.events;
    assert_eq!(received(events).len(), 65);
}

/// Who was told that the queue is full is told when there is room again, once, and not while what it has
/// sent then waits: a gate whose call goes on at once still comes to the other calls.
#[test]
fn a_queue_that_was_full_tells_when_it_has_drained() {
    let mut served = Served::with_calls(1);
    let id = served.callers[0].id;
    let drained = |served: &Served| {
        let (_, _, call) = served.gate.calls().next().expect("it is there");
        let told = call.events.iter();
        told.filter(|it| **it == SessionEvent::ApplicationDataDrained)
            .count()
    };
    for times in 1..=2 {
        let now = served.now;
        served.gate.with(now, id, |_, cx| {
            let session = cx.session_mut();
            while session.send_application_data(now, &[7; 1000]).is_ok() {}
        });
        assert_eq!(served.gate.poll_timeout(), Some(now), "it is due at once");
        assert_eq!(drained(&served), times - 1, "but not in the same visit");
        served.gate.handle_timeout(now);
        assert_eq!(drained(&served), times);
        assert!(served.gate.poll_timeout() > Some(now));
    }
}

/// What was taken without a refusal is not told of.
#[test]
fn a_queue_that_was_not_full_tells_nothing() {
    let mut served = Served::with_calls(1);
    let (now, id) = (served.now, served.callers[0].id);
    let sent = served.gate.with(now, id, |_, cx| {
        cx.session_mut().send_application_data(now, b"record")
    });
    assert_eq!(sent, Some(Ok(())));
    served.gate.handle_timeout(now);
    let (_, _, call) = served.gate.calls().next().expect("it is there");
    assert!(!call.events.contains(&SessionEvent::ApplicationDataDrained));
}

/// A caller that has no SRTP, and a server with these profiles.
fn without_srtp(profiles: &[SrtpProfile], required: bool) -> World {
    let without = |config: &mut SessionConfig, profiles: &[SrtpProfile], required| {
        let dtls = dtls::Config::builder(dtls::crypto::default_provider());
        let dtls = dtls.srtp_profiles(profiles).srtp_required(required);
        config.dtls = Arc::new(dtls.build().expect("it is valid"));
    };
    let now = Instant::now();
    let mut calling = Terms::DEFAULT.config(IceMode::Controlling, caller_address());
    let mut serving = Terms::DEFAULT.config(IceMode::Lite, server_address());
    without(&mut calling, &[], true);
    without(&mut serving, profiles, required);
    let [caller, server] = connected(now, calling, serving);
    World::of(now, Conditions::FAIR, caller, server)
}

/// A session for data alone: RFC 5764 §4.1.1 lets a handshake end without use_srtp, if both sides can do
/// without.
#[test]
fn a_peer_without_srtp_connects_for_data() {
    let profiles: [&[SrtpProfile]; 2] = [&[], &[SrtpProfile::AEAD_AES_128_GCM]];
    for profiles in profiles {
        let mut world = without_srtp(profiles, false);
        assert!(world.secure());
        let summary = world.server.secured().expect("it is secured");
        assert_eq!(summary.connection.srtp_profile, None);
        let now = world.now;
        let sent = world.caller.session.send_application_data(now, b"record");
        assert_eq!(sent, Ok(()));
        while received(&world.server.events).is_empty() && world.step() {}
        assert_eq!(received(&world.server.events), [b"record"]);
        let media = world.server.session.protect_rtp(now, &mut [0x80; 100], 12);
        assert_eq!(media, Err(SendError::NotSecured));
    }
}

/// Who needs SRTP refuses such a peer, and says why.
#[test]
fn a_peer_without_srtp_is_refused_where_there_has_to_be_some() {
    let ours = [SrtpProfile::AEAD_AES_128_GCM];
    let mut world = without_srtp(&ours, true);
    assert!(!world.secure());
    let refused = dtls::Error::NoCommonSrtpProfile {
        ours: ours.to_vec(),
        theirs: Vec::new(),
    };
    assert_eq!(world.server.error, Some(refused.into()));
}
