//! What the drivers of a port count.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of all drivers of a port, shared by them.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) media_dropped: AtomicU64,
    pub(super) control_kept: AtomicU64,
    pub(super) control_dropped: AtomicU64,
    pub(super) too_long: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) receive_errors: AtomicU64,
}

/// What became of datagrams that the system did not take at once, and of its errors. None of them ends
/// a driver or a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketStatistics {
    /// SRTP and SRTCP that were dropped because the socket was full.
    pub media_dropped: u64,
    /// STUN, DTLS and datagrams of no call that were kept for a moment because the socket was full.
    pub control_kept: u64,
    /// How many of those were dropped in the end, because too many waited or they waited too long.
    pub control_dropped: u64,
    /// Datagrams longer than the path or the interface takes.
    pub too_long: u64,
    /// Datagrams that the system refused for another reason, such as no route, or a firewall.
    pub refused: u64,
    /// Errors of receiving, such as a lack of memory.
    pub receive_errors: u64,
}

impl Counters {
    pub(super) fn read(&self) -> SocketStatistics {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SocketStatistics {
            media_dropped: of(&self.media_dropped),
            control_kept: of(&self.control_kept),
            control_dropped: of(&self.control_dropped),
            too_long: of(&self.too_long),
            refused: of(&self.refused),
            receive_errors: of(&self.receive_errors),
        }
    }
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
