//! What all sessions of a gate have counted, those that have ended included.

use std::collections::BTreeMap;

use crate::session::{Layer, Statistics};

/// Sums of the [`Statistics`] of many sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Sessions counted here.
    pub sessions: u64,
    /// Of them, those whose handshake was complete and whose peer was verified.
    pub secured: u64,
    /// Datagrams given to sessions.
    pub datagrams_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Media packets sealed and let out by ICE.
    pub packets_sent: u64,
    /// Bytes in them, sealed.
    pub bytes_sent: u64,
    /// Authenticated checks of peers.
    pub stun_requests: u64,
    /// Addresses of peers that were proved by an answer to a check of ours.
    pub addresses_proved: u64,
    /// How often a call came to send over another path.
    pub path_changes: u64,
    /// Flights of DTLS that were sent again.
    pub dtls_retransmissions: u64,
    /// New RTP packets.
    pub rtp_received: u64,
    /// New RTCP packets.
    pub rtcp_received: u64,
    /// Authentic media packets that were no news.
    pub duplicates: u64,
    discards: BTreeMap<(Layer, &'static str), u64>,
}

impl Totals {
    /// Adds what one session has counted.
    pub fn add(&mut self, session: &Statistics) {
        self.sessions += 1;
        self.datagrams_received += session.datagrams_received;
        self.bytes_received += session.bytes_received;
        self.packets_sent += session.packets_sent;
        self.bytes_sent += session.bytes_sent;
        self.stun_requests += session.ice.requests_received;
        self.addresses_proved += session.ice.addresses_proved;
        // The first path is no change.
        self.path_changes += session.ice.path_changes.saturating_sub(1);
        if let Some(dtls) = &session.dtls {
            self.dtls_retransmissions += u64::from(dtls.retransmissions);
        }
        if let Some(srtp) = &session.srtp_receiver {
            self.secured += 1;
            self.rtp_received += srtp.rtp;
            self.rtcp_received += srtp.rtcp;
            self.duplicates += srtp.duplicates;
        }
        for (layer, reason, count) in session.discards() {
            *self.discards.entry((layer, reason)).or_default() += count;
        }
    }

    /// Every reason of every layer that a session could count, with its sum.
    pub fn discards(&self) -> impl Iterator<Item = (Layer, &'static str, u64)> + '_ {
        self.discards
            .iter()
            .map(|(&(layer, reason), &count)| (layer, reason, count))
    }
}
