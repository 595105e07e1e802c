//! What may be sent on the strength of plaintext, which anybody can forge from the peer's address.

use std::fmt;

/// Bytes sent for each byte received before the peer's first protected record: RFC 9000 §8.1 has the
/// same. Flights and our own timers are not bound by it: a handshake has few of those, whatever comes,
/// and could not go on without them.
const AMPLIFICATION: u64 = 3;

/// Counts bytes until the peer's first protected record.
#[derive(Clone, Default)]
pub(super) struct Credit {
    received: u64,
    spent: u64,
    /// The peer has our keys: it reads what we send.
    proven: bool,
}

/// What plaintext leaves behind here are counts, which are no state.
impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credit").finish_non_exhaustive()
    }
}

impl Credit {
    /// So many bytes came.
    pub(super) fn receive(&mut self, bytes: usize) {
        if !self.proven {
            self.received += bytes as u64;
        }
    }

    /// The peer's first protected record came.
    pub(super) fn prove(&mut self) {
        self.proven = true;
    }

    /// So many bytes were sent that were not due, because of what came.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.spent += bytes as u64;
    }

    /// Whether this many more bytes may be sent.
    pub(super) fn covers(&self, bytes: usize) -> bool {
        self.proven || self.spent + bytes as u64 <= AMPLIFICATION * self.received
    }
}
