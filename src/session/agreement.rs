//! What both sides have told each other, as far as it will be needed later.

use dtls::Fingerprint;
use ice_lite::Credentials;

use super::parameters::RemoteParameters;

/// The state of what was told.
#[derive(Debug)]
pub(super) struct Agreement {
    pub(super) tls_id: Box<str>,
    pub(super) fingerprint: Fingerprint,
    /// Who the peer is, once that is known.
    pub(super) peer: Option<Peer>,
    /// The credentials of our checks once the peer has restarted ICE too.
    pub(super) restart: Option<Box<Credentials>>,
}

/// The parameters with which the peer's later ones are compared.
#[derive(Debug)]
pub(super) struct Peer {
    credentials: Credentials,
    fingerprints: Box<[Fingerprint]>,
    tls_id: Option<Box<str>>,
    /// It takes encrypted header extensions.
    pub(super) cryptex: bool,
}

impl Peer {
    pub(super) fn new(remote: &RemoteParameters) -> Self {
        Self {
            credentials: remote.credentials.clone(),
            fingerprints: remote.fingerprints.as_slice().into(),
            tls_id: remote.tls_id.as_deref().map(Into::into),
            cryptex: remote.cryptex,
        }
    }

    /// RFC 8842 §5.1: a change in the set of fingerprints or of the tls-id asks for a new DTLS
    /// association.
    pub(super) fn keeps_association(&self, remote: &RemoteParameters) -> bool {
        let known = |it| self.fingerprints.contains(it);
        let named = |it| remote.fingerprints.contains(it);
        remote.fingerprints.iter().all(known)
            && self.fingerprints.iter().all(named)
            && self.tls_id.as_deref() == remote.tls_id.as_deref()
    }

    /// RFC 8839 §4.4.3.1.1: a change of either is an ICE restart.
    pub(super) fn restarts_ice(&self, remote: &RemoteParameters) -> bool {
        // Both come from the peer's own signalling, so the comparison need not be constant-time.
        self.credentials.ufrag() != remote.credentials.ufrag()
            || self.credentials.password() != remote.credentials.password()
    }
}
