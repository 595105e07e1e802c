//! What the two sides of a call tell each other before they can talk, in whatever form it travels.

use dtls::crypto::CryptoError;
use dtls::{Fingerprint, Role};
use ice_lite::{Candidate, Credentials};

use super::SessionError;

/// The most fingerprints that are taken from a peer: a few hash functions for a few certificates.
pub const MAX_FINGERPRINTS: usize = 32;

/// What the peer needs to be told of our side.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalParameters {
    /// The ufrag and password that its checks have to carry.
    pub credentials: Credentials,
    /// Whether we only answer checks (RFC 8445 §2.5).
    pub ice_lite: bool,
    /// Where we can be reached, best first. There will be no others.
    pub candidates: Vec<Candidate>,
    /// Of our certificate, at least one.
    pub fingerprints: Vec<Fingerprint>,
    /// Our role in the DTLS handshake; `None` leaves the choice to the peer.
    pub dtls_role: Option<Role>,
    /// The name of our side of the DTLS association (RFC 8842 §4).
    pub tls_id: String,
    /// Whether we take encrypted header extensions (RFC 9335).
    pub cryptex: bool,
    /// Whether we take DTLS inside STUN ([`SessionConfig::sped`](crate::SessionConfig::sped)).
    pub sped: bool,
}

/// What the peer has told of its side.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteParameters {
    /// The ufrag and password that our checks have to carry.
    pub credentials: Credentials,
    /// Whether it only answers checks (RFC 8445 §2.5).
    pub ice_lite: bool,
    /// Its addresses, as far as they are known. Only an agent that sends checks uses them, and those of
    /// no use, such as TCP ones, are skipped.
    pub candidates: Vec<Candidate>,
    /// There will be no other candidates (RFC 8838).
    pub end_of_candidates: bool,
    /// Of its certificates. The one that it presents must be among them; their order says nothing.
    pub fingerprints: Vec<Fingerprint>,
    /// Its role in the DTLS handshake; `None` leaves the choice to us.
    pub dtls_role: Option<Role>,
    /// The name of its side of the DTLS association (RFC 8842 §4), if it has told one.
    pub tls_id: Option<String>,
    /// Whether it takes encrypted header extensions (RFC 9335).
    pub cryptex: bool,
    /// Whether it takes DTLS inside STUN ([`SessionConfig::sped`](crate::SessionConfig::sped)).
    pub sped: bool,
}

impl RemoteParameters {
    /// The parameters without which nothing works. The defaults of the others describe a full agent whose
    /// candidates come later or never, that leaves the DTLS role to us and knows no extension.
    #[must_use]
    pub fn new(credentials: Credentials, fingerprints: Vec<Fingerprint>) -> Self {
        Self {
            credentials,
            ice_lite: false,
            candidates: Vec::new(),
            end_of_candidates: false,
            fingerprints,
            dtls_role: None,
            tls_id: None,
            cryptex: false,
            sped: false,
        }
    }
}

/// What one side tells is what the other takes.
impl From<LocalParameters> for RemoteParameters {
    fn from(local: LocalParameters) -> Self {
        Self {
            credentials: local.credentials,
            ice_lite: local.ice_lite,
            candidates: local.candidates,
            end_of_candidates: true,
            fingerprints: local.fingerprints,
            dtls_role: local.dtls_role,
            tls_id: Some(local.tls_id),
            cryptex: local.cryptex,
            sped: local.sped,
        }
    }
}

/// Why parameters were refused. The session goes on as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// Neither side would ever send a check.
    #[error("both sides are ICE-lite, so that nobody would send checks")]
    BothIceLite,
    /// Without a fingerprint nobody knows who the peer is.
    #[error("the peer has no fingerprint")]
    NoFingerprint,
    /// More fingerprints than anybody needs.
    #[error("more than {MAX_FINGERPRINTS} fingerprints")]
    TooManyFingerprints,
    /// The peer claims the DTLS role that is ours: it has let us have it before, or has itself begun
    /// a handshake in the other one.
    #[error("the peer claims the DTLS role that is ours")]
    RoleTaken,
    /// Other fingerprints or another tls-id than before: that would be a new DTLS association, which
    /// needs a new session (RFC 8842 §5).
    #[error("a new DTLS association is asked for, which needs a new session")]
    NewAssociation,
    /// [`SessionConfig::cryptex`](crate::SessionConfig::cryptex) requires what the peer can't do.
    #[error("the peer does not take encrypted header extensions, which are required")]
    CryptexRequired,
    /// The peer's ICE credentials are those of before, though we have asked for a restart
    /// (RFC 8445 §9).
    #[error("an ICE restart was asked for, and the peer's credentials are those of before")]
    IceNotRestarted,
    /// There is nothing to restart before the peer's parameters are there.
    #[error("the peer's parameters are not there yet")]
    NoRemote,
    /// There are no random bytes for new credentials.
    #[error("the crypto provider failed: {0}")]
    Crypto(#[from] CryptoError),
    /// The session has ended.
    #[error("the session has ended")]
    Closed,
}

/// Why [`Session::set_remote`](crate::Session::set_remote) did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetRemoteError {
    /// The parameters don't fit; the session lives on as it was.
    #[error(transparent)]
    Refused(#[from] ParametersError),
    /// The session has ended: the handshake was complete enough for these to show that the peer is the wrong one.
    #[error(transparent)]
    Failed(#[from] SessionError),
}
