//! What one side tells of a call when it is over.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::archive::Recording;
use crate::media::Counters;
use crate::security::Security;

/// One side of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Nothing if the call ended before it was secured.
    pub(crate) security: Option<Security>,
    /// From the first STUN packet to the first media that was decrypted.
    pub(crate) setup: Option<Duration>,
    pub(crate) counters: Counters,
    pub(crate) jitter: Option<Duration>,
    pub(crate) round_trip: Option<Duration>,
    /// How many of this side's packets the peer misses, as it last said.
    pub(crate) lost_at_peer: Option<u64>,
    /// Datagrams and packets dropped, by reason, without the reasons that never occurred.
    pub(crate) discarded: BTreeMap<String, u64>,
    /// How long nothing had been heard of the peer when the call ended.
    pub(crate) silent: Option<Duration>,
    /// Nothing before they are closed.
    pub(crate) recordings: Vec<Recording>,
}

impl Report {
    /// Opus packets in the recordings.
    pub(crate) fn recorded(&self) -> u64 {
        self.recordings.iter().map(|it| it.packets).sum()
    }

    /// The call in one line.
    pub(crate) fn in_short(&self) -> String {
        let counters = &self.counters;
        let mut line = format!(
            "{} packets received, {} lost, {} sent, {} discarded",
            counters.rtp_received,
            counters.lost,
            counters.rtp_sent,
            self.discards()
        );
        for recording in &self.recordings {
            line += &format!(", recorded to {}", recording.path.display());
            if recording.problem.is_some() {
                line += " (not all of it)";
            }
        }
        line
    }

    /// All that was dropped.
    pub(crate) fn discards(&self) -> u64 {
        self.discarded.values().sum()
    }
}
