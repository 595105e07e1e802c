//! Counters of all layers of a session.

use super::Session;
use crate::discard::{Tally, discards};

discards! {
    /// Why the session itself dropped something. The layers below have reasons of their own.
    Discard {
    /// ZRTP.
    Zrtp => "zrtp",
    /// A TURN channel.
    TurnChannel => "turn_channel",
    /// QUIC.
    Quic => "quic",
    /// Empty, or of a first byte that no protocol has.
    UnknownProtocol => "unknown_protocol",
    /// DTLS, SRTP or SRTCP from where no authenticated check has come.
    UnvalidatedPath => "unvalidated_path",
    /// DTLS that begins nothing: no ClientHello, or one towards a client.
    EarlyDtls => "early_dtls",
    /// Media before there are keys that could not wait, or in vain.
    EarlyMedia => "early_media",
    /// The session has ended.
    Closed => "closed",
    /// A datagram of ours that ICE did not let out.
    SendRefused => "send_refused",
    /// A packet of ours that SRTP did not seal, after it was queued.
    NotSealed => "not_sealed",
    /// The record of application data, or the other event, that had waited longest: `poll_event` is
    /// not called often enough.
    EventOverflow => "event_overflow",
    }
}

/// The layer that dropped something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// The session itself.
    Gate,
    /// ICE and STUN.
    Ice,
    /// DTLS.
    Dtls,
    /// SRTP and SRTCP.
    Srtp,
}

impl Layer {
    /// A short name in lower case, for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Ice => "ice",
            Self::Dtls => "dtls",
            Self::Srtp => "srtp",
        }
    }
}

/// What the session counts itself.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    pub(super) datagrams_received: u64,
    pub(super) bytes_received: u64,
    pub(super) packets_sent: u64,
    pub(super) bytes_sent: u64,
    pub(super) dtls_in_stun_sent: u64,
    pub(super) dtls_in_stun_received: u64,
    discards: Tally<{ Discard::ALL.len() }>,
}

impl Counters {
    pub(super) const fn new() -> Self {
        Self {
            datagrams_received: 0,
            bytes_received: 0,
            packets_sent: 0,
            bytes_sent: 0,
            dtls_in_stun_sent: 0,
            dtls_in_stun_received: 0,
            discards: Tally::new(),
        }
    }

    pub(super) fn count(&mut self, reason: Discard) {
        self.discards.count(reason);
    }
}

/// Counters of a session since its start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Statistics {
    /// Datagrams given to `handle_datagram`.
    pub datagrams_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Those of ICE.
    pub ice: ice_lite::Statistics,
    /// Media packets sealed and let out by ICE.
    pub packets_sent: u64,
    /// Bytes in them, sealed.
    pub bytes_sent: u64,
    /// Datagrams of DTLS that messages of ICE carried ([`SessionConfig::sped`](crate::SessionConfig::sped)).
    pub dtls_in_stun_sent: u64,
    /// Those that the peer's messages carried.
    pub dtls_in_stun_received: u64,
    /// Those of DTLS, once it began.
    pub dtls: Option<dtls::Statistics>,
    /// Those of SRTP as sender, once there are keys.
    pub srtp_sender: Option<srtp::SenderStatistics>,
    /// Those of SRTP as receiver, once there are keys.
    pub srtp_receiver: Option<srtp::ReceiverStatistics>,
    discards: Tally<{ Discard::ALL.len() }>,
}

impl Statistics {
    pub(super) fn new(session: &Session) -> Self {
        let counters = &session.counters;
        let media = session.media.as_ref();
        Self {
            datagrams_received: counters.datagrams_received,
            bytes_received: counters.bytes_received,
            packets_sent: counters.packets_sent,
            bytes_sent: counters.bytes_sent,
            dtls_in_stun_sent: counters.dtls_in_stun_sent,
            dtls_in_stun_received: counters.dtls_in_stun_received,
            srtp_sender: media.map(|media| media.sender.statistics()),
            srtp_receiver: media.map(|media| media.receiver.statistics().clone()),
            ice: session.ice.statistics(),
            dtls: session
                .association
                .connection()
                .map(|connection| connection.statistics().clone()),
            discards: counters.discards.clone(),
        }
    }

    /// How often the gate itself dropped something for this reason.
    #[must_use]
    pub fn discarded(&self, reason: Discard) -> u64 {
        self.discards.get(reason)
    }

    /// Every reason of every layer, with its count.
    pub fn discards(&self) -> impl Iterator<Item = (Layer, &'static str, u64)> + '_ {
        let gate = Discard::ALL.iter();
        let gate = gate.map(|&reason| (Layer::Gate, reason.name(), self.discards.get(reason)));
        let ice = self.ice.discards();
        let ice = ice.map(|(reason, count)| (Layer::Ice, reason.name(), count));
        let dtls = self.dtls.iter().flat_map(dtls::Statistics::discards);
        let dtls = dtls.map(|(reason, count)| (Layer::Dtls, reason.name(), u64::from(count)));
        let srtp = self.srtp_receiver.iter();
        let srtp = srtp.flat_map(srtp::ReceiverStatistics::discards);
        let srtp = srtp.map(|(reason, count)| (Layer::Srtp, reason.name(), count));
        gate.chain(ice).chain(dtls).chain(srtp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What dashboards know the layers by.
    #[test]
    fn layers_have_their_names() {
        let layers = [Layer::Gate, Layer::Ice, Layer::Dtls, Layer::Srtp];
        assert_eq!(layers.map(Layer::name), ["gate", "ice", "dtls", "srtp"]);
    }
}
