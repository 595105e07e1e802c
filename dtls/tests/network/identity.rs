//! What a wrong or a late identity does to a connection, as its owner and its peer see it.

use std::time::Duration;

use dtls::{AlertDescription, Discard, Error, Event, Fingerprint, PeerIdentity, SendError};

use crate::pair::{FLAVOURS, Flavour, MS, Pair, Side, certificate, config, expects};

/// A pair in which `side` expects `identity`.
fn pair_with(flavour: Flavour, side: Side, identity: &PeerIdentity) -> Pair {
    let expected = Side::BOTH.map(|other| {
        if other == side {
            identity.clone()
        } else {
            expects(other)
        }
    });
    Pair::with([config(flavour), config(flavour)], expected)
}

fn right(side: Side) -> Fingerprint {
    certificate(side.peer()).fingerprint_sha256()
}

fn wrong() -> Fingerprint {
    Fingerprint::sha256(b"somebody else")
}

/// T-NEG-01, RFC 5763 §5: the one who finds out gives no keys and takes no data; the other gets
/// bad_certificate.
#[test]
fn t_neg_01_wrong_certificate() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            let expected = vec![wrong()];
            let identity = PeerIdentity::Fingerprints(expected.clone());
            let mut pair = pair_with(flavour, side, &identity);
            // An alert in plaintext is believed after 2 s without anything else.
            pair.run_for(Duration::from_secs(3));
            let presented = right(side);
            let end = pair.end(side);
            assert_eq!(
                end.error,
                Some(Error::FingerprintMismatch {
                    expected,
                    presented
                })
            );
            assert!(end.connection.srtp_keying_material().is_none());
            assert_eq!(end.connection.info(), None);
            assert_eq!(end.events, []);
            let alert = Error::AlertReceived(AlertDescription::BAD_CERTIFICATE);
            assert_eq!(
                pair.end(side.peer()).error,
                Some(alert),
                "{flavour:?} {side:?}"
            );
            let now = pair.now;
            assert_eq!(
                pair.connection(side).send(now, b"no"),
                Err(SendError::Closed)
            );
        }
    }
}

/// T-NEG-02, RFC 5763 §5: as long as the fingerprints are not known, no keys, no data.
#[test]
fn t_neg_02_late_fingerprints() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            let mut pair = pair_with(flavour, side, &PeerIdentity::Later);
            pair.run_for(Duration::from_secs(1));
            assert!(pair.end(side.peer()).is_connected());
            let now = pair.now;
            pair.connection(side.peer())
                .send(now, b"early")
                .expect("connected");
            pair.run_for(MS * 10);
            let end = pair.end(side);
            assert_eq!(
                (&end.error, &end.events[..]),
                (&None, &[Event::FingerprintsNeeded][..])
            );
            assert!(end.connection.srtp_keying_material().is_none());
            assert_eq!(end.connection.info(), None);
            let dropped = end
                .connection
                .statistics()
                .discarded(Discard::EarlyApplicationData);
            assert_eq!(dropped, 1);
            let early = pair.connection(side).send(now, b"early");
            assert_eq!(early, Err(SendError::NotConnected));

            let now = pair.now;
            let given = pair
                .connection(side)
                .set_peer_fingerprints(now, vec![right(side)]);
            assert_eq!(given, Ok(()));
            pair.check_connected();
        }
    }
}

/// T-NEG-02: the late fingerprints are others: bad_certificate, and nothing comes out.
#[test]
fn t_neg_02_late_and_wrong() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            let mut pair = pair_with(flavour, side, &PeerIdentity::Later);
            pair.run_for(Duration::from_secs(1));
            let now = pair.now;
            let expected = vec![wrong()];
            let presented = right(side);
            let given = pair
                .connection(side)
                .set_peer_fingerprints(now, expected.clone());
            assert_eq!(
                given,
                Err(Error::FingerprintMismatch {
                    expected,
                    presented
                })
            );
            pair.run_for(MS * 10);
            let alert = Error::AlertReceived(AlertDescription::BAD_CERTIFICATE);
            assert_eq!(
                pair.end(side.peer()).error,
                Some(alert),
                "{flavour:?} {side:?}"
            );
            assert!(pair.end(side).connection.srtp_keying_material().is_none());
        }
    }
}

/// Fingerprints that never come: the handshake's time limit ends the wait.
#[test]
fn fingerprints_that_never_come() {
    for flavour in FLAVOURS {
        let mut pair = pair_with(flavour, Side::Server, &PeerIdentity::Later);
        pair.run_for(Duration::from_secs(31));
        assert_eq!(pair.end(Side::Server).error, Some(Error::HandshakeTimeout));
    }
}
