//! DTLS outside of WebRTC: without SRTP, with certificates that not every peer can read.

use std::sync::Arc;
use std::time::Duration;

use dtls::{Certificate, Error, NamedGroup, PeerIdentity, ProtocolVersion, SendError};

use crate::pair::{FLAVOURS, PROVIDER, Pair, Side, certificate, config, expects};

/// Both sides without use_srtp, the first retransmission after a second.
#[test]
fn a_configuration_for_data() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour).for_data());
        let start = pair.now;
        let _ = pair.run_until(Duration::ZERO, |_| false);
        let wait = pair.end(Side::Client).connection.poll_timeout();
        assert_eq!(wait, Some(start + Duration::from_secs(1)));
        assert!(pair.connect());
        for side in Side::BOTH {
            let connection = &pair.end(side).connection;
            let info = connection.info().expect("connected");
            assert_eq!(info.srtp_profile, None);
            assert!(connection.srtp_keying_material().is_none());
        }
        let now = pair.now;
        let client = pair.connection(Side::Client);
        client.send(now, b"telemetry").expect("connected");
        pair.run_for(Duration::from_millis(100));
        assert_eq!(pair.end(Side::Server).received(), [b"telemetry"]);
    }
}

/// By default a peer without use_srtp is refused, from either side.
#[test]
fn srtp_is_demanded_unless_told_otherwise() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            let configs = Side::BOTH.map(|end| match end == side {
                true => config(flavour),
                false => config(flavour).for_data(),
            });
            let mut pair = Pair::with(configs, Side::BOTH.map(expects));
            assert!(!pair.connect());
            let refused = matches!(
                pair.end(side).error,
                Some(Error::NoCommonSrtpProfile { .. })
            );
            assert!(refused, "{side:?}: {:?}", pair.end(side).error);
        }
    }
}

/// RFC 8422 §5.1: a DTLS 1.2 server shows no certificate on a curve that the client did not list.
#[test]
fn the_curve_of_the_certificate_is_one_that_the_client_has() {
    let p384 = Certificate::from_pem(
        include_str!("certificates/p384.pem"),
        include_str!("certificates/p384.key.pem"),
        &**PROVIDER,
    );
    let p384 = Arc::new(p384.expect("certificate"));
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    let few = config(FLAVOURS[0]).groups(&groups);
    let configs = [few, config(FLAVOURS[0])];
    let certificates = [certificate(Side::Client), Arc::clone(&p384)];
    let anyone = [(); 2].map(|()| PeerIdentity::DangerousAny);
    let mut pair = Pair::with_certificates(configs.clone(), certificates, anyone.clone());
    assert!(!pair.connect());
    let refused = matches!(
        &pair.end(Side::Server).error,
        Some(Error::NoCommonGroup { theirs, .. }) if theirs[..] == groups
    );
    assert!(refused, "{:?}", pair.end(Side::Server).error);

    // DTLS 1.3 has the curve in the signature scheme, and the client has that one.
    let newer = Pair::with_certificates(
        [FLAVOURS[1], FLAVOURS[1]].map(config),
        [certificate(Side::Client), p384],
        anyone,
    );
    let mut pair = newer;
    assert!(pair.connect());
    let info = pair.end(Side::Client).connection.info().expect("connected");
    assert_eq!(info.version, ProtocolVersion::DTLS1_3);
}

/// RFC 6066 §3: the server learns which host the client asks for, before it answers where the client
/// proves its address first.
#[test]
fn the_host_that_is_asked_for() {
    for flavour in FLAVOURS {
        let client = config(flavour).server_name("Coap.Example");
        let mut pair = Pair::with([client, config(flavour)], Side::BOTH.map(expects));
        assert!(pair.connect());
        for side in Side::BOTH {
            let info = pair.end(side).connection.info().expect("connected");
            assert_eq!(info.server_name.as_deref(), Some("Coap.Example"));
        }
        let mut pair = Pair::new(config(flavour));
        assert!(pair.connect());
        let info = pair.end(Side::Server).connection.info().expect("connected");
        assert_eq!(info.server_name, None);
    }
}

/// RFC 8449 §4: each side keeps to what the other takes, in the handshake and after it.
#[test]
fn records_of_the_size_that_the_peer_takes() {
    for flavour in FLAVOURS {
        let limits = [512, 64];
        let [client, server] = limits.map(|limit| config(flavour).record_size_limit(limit));
        let mut pair = Pair::with([client, server], Side::BOTH.map(expects));
        assert!(pair.connect(), "{flavour:?}");
        for side in Side::BOTH {
            let theirs = usize::from(limits[side.peer() as usize]);
            let limit = theirs - usize::from(flavour.version == ProtocolVersion::DTLS1_3);
            let now = pair.now;
            let connection = pair.connection(side);
            assert_eq!(connection.max_payload(1200), limit);
            let length = limit + 1;
            let too_long = Err(SendError::TooLong { length, limit });
            assert_eq!(connection.send(now, &vec![7; length]), too_long);
            assert_eq!(connection.send(now, &vec![7; limit]), Ok(()));
            pair.run_for(Duration::from_millis(100));
            assert_eq!(pair.end(side.peer()).received(), [vec![7; limit]]);
        }
    }
}

/// Without an answer there is no limit.
#[test]
fn record_sizes_are_the_affair_of_both() {
    for flavour in FLAVOURS {
        let client = config(flavour).record_size_limit(64);
        let mut pair = Pair::with([client, config(flavour)], Side::BOTH.map(expects));
        assert!(pair.connect());
        let now = pair.now;
        let server = pair.connection(Side::Server);
        assert_eq!(server.send(now, &[7; 1000]), Ok(()));
        pair.run_for(Duration::from_millis(100));
        assert_eq!(pair.end(Side::Client).received(), [[7; 1000]]);
    }
}

/// What [`max_payload`](dtls::Connection::max_payload) promises fits the datagram to the byte.
#[test]
fn the_most_that_a_datagram_carries() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        assert!(pair.connect());
        let now = pair.now;
        let connection = pair.connection(Side::Client);
        assert_eq!(connection.max_payload(5), 0);
        assert_eq!(connection.max_payload(usize::MAX), 1 << 14);
        let payload = connection.max_payload(1200);
        connection.send(now, &vec![1; payload]).expect("connected");
        let mut datagram = [0; 2000];
        assert_eq!(connection.poll_transmit(now, &mut datagram), Some(1200));
    }
}
