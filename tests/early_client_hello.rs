//! A ClientHello that comes before the answer, and so before the fingerprint, is normal.

mod support;

use std::time::Duration;

use dtls::{Error, ProtocolVersion, Role};
use portcullis::{
    IceMode, ParametersError, RemoteParameters, SendError, SessionError, SessionEvent,
    SetRemoteError,
};
use support::{Conditions, Terms, World, rtp};

/// A call that a lite agent offers: its peer can check, and send its ClientHello, before the answer
/// has come.
fn eager(version: ProtocolVersion) -> (World, RemoteParameters) {
    eager_as(IceMode::Lite, version)
}

fn eager_as(caller: IceMode, version: ProtocolVersion) -> (World, RemoteParameters) {
    let terms = Terms {
        version,
        answerer: Role::Client,
        ..Terms::DEFAULT
    };
    let modes = [caller, IceMode::Controlling];
    let (mut world, answer) = World::offered(modes, terms, Conditions::FAIR);
    world.run_for(Duration::from_secs(2));
    (world, answer)
}

/// T-NEG-02: the handshake runs, but nothing is secured and no media flows before the answer.
#[test]
fn t_neg_02_an_early_client_hello_is_kept_until_the_answer() {
    let versions = [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3];
    for (version, caller) in versions
        .into_iter()
        .flat_map(|version| [IceMode::Lite, IceMode::Controlling].map(|mode| (version, mode)))
    {
        let (mut world, answer) = eager_as(caller, version);
        assert!(world.caller.session.timeline().dtls_started.is_some());
        assert_eq!(world.caller.secured(), None);
        let (mut buf, len) = rtp::packet(7, 1);
        let refused = world.caller.session.protect_rtp(world.now, &mut buf, len);
        assert_eq!(refused, Err(SendError::NotSecured));

        let now = world.now;
        let accepted = world.caller.session.set_remote(now, answer);
        accepted.expect("an answer that fits");
        world.caller.collect();
        assert!(world.secure(), "{version:?}");
        world.send_rtp(true, 1);
        world.send_rtp(false, 1);
        world.run_for(Duration::from_secs(1));
        assert_eq!((world.caller.rtp.len(), world.server.rtp.len()), (1, 1));
    }
}

/// Media that comes before its sender is known to be the right one is not looked at: it waits, since the
/// answer may be under way, and is dropped in time.
#[test]
fn early_media_is_held_then_dropped_by_time() {
    let (mut world, _) = eager(ProtocolVersion::DTLS1_2);
    let (mut packet, len) = rtp::packet(7, 1);
    let path = portcullis::Path::udp(world.caller.address, world.server.address);
    world.caller.handle(world.now, path, &mut packet[..len]);
    let dropped = |world: &World| {
        let statistics = world.caller.session.statistics();
        statistics.discarded(portcullis::Discard::EarlyMedia)
    };
    assert_eq!(dropped(&world), 0);
    world.run_for(Duration::from_secs(3));
    assert!(world.caller.rtp.is_empty());
    assert_eq!(dropped(&world), 1);
}

#[test]
fn an_answer_that_shows_the_wrong_peer_ends_the_call() {
    let (mut world, mut answer) = eager(ProtocolVersion::DTLS1_3);
    let right = world.server.session.local_fingerprint();
    let wrong = world.caller.session.local_fingerprint();
    answer.fingerprints = vec![wrong];
    let mismatch = Error::FingerprintMismatch {
        expected: vec![wrong],
        presented: right,
    };
    let accepted = world.caller.session.set_remote(world.now, answer);
    let failed = SetRemoteError::Failed(SessionError::Dtls(mismatch));
    assert_eq!(accepted, Err(failed));
    assert!(world.caller.session.is_closed());
    assert_eq!(world.caller.secured(), None);
}

/// Who has sent a ClientHello is the client; an answer can't take that back.
#[test]
fn an_answer_can_t_change_the_role_taken() {
    let (mut world, mut answer) = eager(ProtocolVersion::DTLS1_3);
    assert_eq!(answer.dtls_role, Some(Role::Client));
    answer.dtls_role = Some(Role::Server);
    let accepted = world.caller.session.set_remote(world.now, answer);
    assert_eq!(accepted, Err(ParametersError::RoleTaken.into()));
    assert!(
        !world.caller.session.is_closed(),
        "the right answer may come"
    );
    let secured = |event: &SessionEvent| matches!(event, SessionEvent::Secured(_));
    assert!(!world.caller.events.iter().any(secured));
}
