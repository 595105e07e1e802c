//! The server: an ICE-lite session, and what its peer is told of it.

use std::sync::Arc;
use std::time::Instant;

use dtls::Fingerprint;
use portcullis::ice_lite::{Candidate, Credentials};
use portcullis::{RemoteParameters, Session, SessionConfig};

/// Its ufrag, its password and its fingerprint.
pub(crate) type Told = (String, String, Fingerprint);

/// With DTLS inside STUN, and without.
pub(crate) const SPED: &[bool] = &[false, true];

/// A session of this configuration that knows of the browser.
pub(crate) fn serve(
    config: &Arc<dtls::Config>,
    candidate: Candidate,
    (ufrag, password, fingerprint): &Told,
    sped: bool,
    now: Instant,
) -> (Session, Told) {
    let mut serving = SessionConfig::new(Arc::clone(config));
    serving.candidates = vec![candidate];
    serving.sped = sped;
    let mut session = Session::new(Arc::new(serving), now).expect("a session");
    let credentials = Credentials::from_sdp(ufrag, password).expect("they are valid");
    let mut browser = RemoteParameters::new(credentials, vec![*fingerprint]);
    browser.dtls_role = Some(dtls::Role::Client);
    browser.sped = sped;
    session.set_remote(now, browser).expect("they fit");
    let local = session.local_parameters();
    let told = (
        local.credentials.ufrag().to_owned(),
        local.credentials.password().to_owned(),
        session.local_fingerprint(),
    );
    (session, told)
}
