//! What the descriptions of both sides have settled.

use dtls::Fingerprint;

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

/// The state of offer and answer.
#[derive(Debug)]
pub(super) struct Negotiation {
    pub(super) session_id: u64,
    /// How many descriptions of ours went out.
    pub(super) version: u64,
    pub(super) tls_id: String,
    pub(super) fingerprint: Fingerprint,
    /// Our offer waits for its answer.
    pub(super) awaits_answer: bool,
    pub(super) audio: Option<AgreedAudio>,
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
        self.awaits_answer = false;
    }
}
