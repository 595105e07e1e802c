//! What the descriptions of both sides have settled.

use dtls::Fingerprint;

use super::restart::Restart;
use crate::sdp::{Direction, RemoteDescription};

/// The audio section as both sides want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgreedAudio {
    /// The payload type of Opus in what we send. The peer may number it otherwise in what it sends
    /// only if it offered otherwise (RFC 3264 §5.1).
    pub payload_type: u8,
    /// Which way media flows, seen from our side.
    pub direction: Direction,
}

/// What a later description of the peer is compared with.
#[derive(Debug)]
pub(super) struct Peer {
    ufrag: Box<str>,
    fingerprints: Box<[Fingerprint]>,
    tls_id: Option<Box<str>>,
}

impl Peer {
    fn new(remote: &RemoteDescription) -> Self {
        Self {
            ufrag: remote.credentials.ufrag().into(),
            fingerprints: remote.fingerprints.as_slice().into(),
            tls_id: remote.tls_id.as_deref().map(Into::into),
        }
    }

    /// RFC 8842 §5.1: a change of fingerprint or tls-id asks for a new DTLS association.
    pub(super) fn keeps_association(&self, remote: &RemoteDescription) -> bool {
        *self.fingerprints == *remote.fingerprints
            && self.tls_id.as_deref() == remote.tls_id.as_deref()
    }

    /// RFC 8445 §9: new credentials are an ICE restart.
    pub(super) fn restarts_ice(&self, remote: &RemoteDescription) -> bool {
        *self.ufrag != *remote.credentials.ufrag()
    }
}

/// The offer of ours that waits for its answer.
#[derive(Debug)]
pub(super) enum Offered {
    Nothing,
    First,
    Restart(Box<Restart>),
}

/// The state of offer and answer.
#[derive(Debug)]
pub(super) struct Negotiation {
    pub(super) session_id: u64,
    /// How many descriptions of ours went out.
    pub(super) version: u64,
    pub(super) tls_id: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) offered: Offered,
    pub(super) audio: Option<AgreedAudio>,
    /// Who the peer is, once its description has come.
    pub(super) peer: Option<Peer>,
    /// Both sides take encrypted header extensions.
    pub(super) cryptex: bool,
}

impl Negotiation {
    /// Notes what the peer's description settles.
    pub(super) fn settle(&mut self, remote: &RemoteDescription, wanted: Direction, cryptex: bool) {
        let audio = remote.audio();
        self.audio = audio.opus.map(|payload_type| AgreedAudio {
            payload_type,
            direction: wanted.agreed(audio.direction),
        });
        self.cryptex = cryptex && remote.cryptex;
        self.peer = Some(Peer::new(remote));
        self.offered = Offered::Nothing;
    }
}
