//! How much may be sent to a peer that is known by a cookie alone.

use crate::address_proof::ProvenHello;
use crate::config::MIN_MTU;

/// Bytes sent for each byte received before there is a protected record of the peer: RFC 9000 §8.1
/// has the same.
const AMPLIFICATION: usize = 3;

/// What may be sent as yet.
#[derive(Debug)]
pub(super) struct Allowance {
    left: usize,
    /// Bytes that the flight took when it was last sent; 0 if it was not.
    flight: usize,
}

impl Allowance {
    pub(super) fn new(hello: &ProvenHello) -> Self {
        // What the first ClientHello entitles to, less the answer to it.
        let left = (AMPLIFICATION - 1) * hello.first_received + AMPLIFICATION * hello.received;
        Self { left, flight: 0 }
    }

    /// So many bytes came from the peer.
    pub(super) fn credit(&mut self, received: usize) {
        self.left += AMPLIFICATION * received;
    }

    /// Bytes that may be sent.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    pub(super) fn spend(&mut self, sent: usize) {
        self.left = self.left.saturating_sub(sent);
    }

    /// Whether a transmission of the flight may begin, or go on.
    pub(super) fn covers_flight(&self, begins: bool) -> bool {
        // A part of a repetition would do harm: a client of DTLS 1.3 that has it does not ask again,
        // and where its ACK gets lost both would wait. The first time it saves a round trip.
        self.left
            >= if begins {
                self.flight.max(MIN_MTU)
            } else {
                MIN_MTU
            }
    }

    /// So much of the flight was sent.
    pub(super) fn note_flight(&mut self, begins: bool, sent: usize) {
        self.flight = sent + if begins { 0 } else { self.flight };
    }
}
