//! An unknown key share (RFC 8844 §4): two calls of the same two parties, and somebody on the path who joins the one's DTLS to the
//! other's.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls::{AlertDescription, Certificate, Error, Fingerprint, Role};
use portcullis::{IceMode, Path, Session, SessionConfig, SessionError, SessionEvent};
use support::{Terms, caller_address, server_address};

/// A session, and what came of it.
struct End {
    session: Session,
    error: Option<SessionError>,
    is_secured: bool,
}

impl End {
    fn new(session: Session) -> Self {
        Self {
            session,
            error: None,
            is_secured: false,
        }
    }

    fn note(&mut self, result: Result<(), SessionError>) {
        self.error = self.error.take().or(result.err());
        while let Some(event) = self.session.poll_event() {
            self.is_secured |= matches!(event, SessionEvent::Secured(_));
        }
    }
}

/// A call that is signalled: caller and server.
fn call(terms: Terms, own: Option<&[Arc<Certificate>; 2]>, now: Instant) -> [End; 2] {
    let config = |ice, address, nth: usize| -> SessionConfig {
        let mut config = terms.config(ice, address);
        config.certificate = own.map(|own| Arc::clone(&own[nth]));
        config
    };
    let calling = config(IceMode::Controlling, caller_address(), 0);
    let serving = config(IceMode::Lite, server_address(), 1);
    support::connected(now, calling, serving).map(End::new)
}

/// Runs two calls for some seconds. What is STUN stays in its call, and all else changes over to the other one.
fn splice(calls: &mut [[End; 2]; 2], start: Instant) {
    const ROUNDS: u32 = 300;
    let addresses = [caller_address(), server_address()];
    let mut buf = [0; 1500];
    for round in 0..ROUNDS {
        let now = start + Duration::from_millis(10) * round;
        for (call, from) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let alarm = calls[call][from].session.handle_timeout(now);
            calls[call][from].note(alarm);
            while let Some(transmit) = calls[call][from].session.poll_transmit(now, &mut buf) {
                let is_stun = buf[0] < 4;
                let into = if is_stun { call } else { 1 - call };
                let receiver = &mut calls[into][1 - from];
                let path = Path::udp(addresses[1 - from], addresses[from]);
                let datagram = &mut buf[..transmit.len];
                let received = receiver.session.handle_datagram(now, path, datagram);
                let received = received.map(drop);
                receiver.note(received);
            }
        }
    }
}

/// T-NEG-05: a certificate for each session is the default, and each side knows that of its own call.
#[test]
fn t_neg_05_a_spliced_handshake_shows_another_certificate() {
    for terms in Terms::all() {
        let start = Instant::now();
        let mut calls = [call(terms, None, start), call(terms, None, start)];
        splice(&mut calls, start);
        // The server of DTLS shows its certificate first, and so the client of DTLS finds out.
        let client = match terms.answerer {
            Role::Client => 1,
            Role::Server => 0,
        };
        for nth in [0, 1] {
            let fingerprint = |call: usize| -> Fingerprint {
                calls[call][1 - client].session.local_fingerprint()
            };
            let mismatch = Error::FingerprintMismatch {
                expected: vec![fingerprint(nth)],
                presented: fingerprint(1 - nth),
            };
            let [of_client, of_server] = [client, 1 - client].map(|end| &calls[nth][end]);
            assert_eq!(
                of_client.error,
                Some(SessionError::Dtls(mismatch)),
                "{terms:?}"
            );
            let alert = Error::AlertReceived(AlertDescription::BAD_CERTIFICATE);
            assert_eq!(
                of_server.error,
                Some(SessionError::Dtls(alert)),
                "{terms:?}"
            );
            assert!(!of_client.is_secured && !of_server.is_secured);
        }
    }
}

/// T-NEG-05, the reason for that default: with one certificate for all calls nobody finds out, since what would tie a handshake to
/// its call (`external_session_id`, RFC 8844 §4) is not there.
#[test]
fn t_neg_05_a_certificate_for_all_calls_ties_a_handshake_to_none() {
    let provider = dtls::crypto::default_provider();
    let own = [(); 2].map(|()| Arc::new(Certificate::generate(&*provider).expect("a certificate")));
    for terms in Terms::all() {
        let start = Instant::now();
        let mut calls = [
            call(terms, Some(&own), start),
            call(terms, Some(&own), start),
        ];
        splice(&mut calls, start);
        for end in calls.iter().flatten() {
            assert_eq!((&end.error, end.is_secured), (&None, true), "{terms:?}");
        }
    }
}
