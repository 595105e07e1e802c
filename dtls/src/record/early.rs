//! Records that came before the keys for them.
//!
//! A flight whose first datagram is late or lost goes on under keys that only that datagram tells.
//! Thrown away, the rest would have to be sent again; so it waits, within bounds.

use std::collections::VecDeque;
use std::fmt;

/// Bytes that wait: ten datagrams of 1200 bytes, which RFC 9147 §5.8.3 has for a flight.
const MAX_BYTES: usize = 10 * 1200;

/// Records that wait, so that short ones don't cost more than their bytes: a flight of [`MAX_BYTES`]
/// in fragments of 128 bytes.
const MAX_RECORDS: usize = 96;

/// The highest epoch whose records may come in the midst of a handshake: that of the first
/// application data in DTLS 1.3.
const MAX_EPOCH: u16 = 3;

/// Records that wait for their keys, the oldest first.
///
/// Nobody vouches for them, so that they are no state: `Debug` shows nothing of them.
#[derive(Default)]
pub(super) struct Early {
    records: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The handshake is over: nothing waits any more.
    closed: bool,
}

impl Early {
    /// Keeps a record of an epoch above `newest`, if there is room. Returns whether it did.
    pub(super) fn keep(&mut self, epoch: u16, newest: u16, record: &[u8]) -> bool {
        let may_come = epoch > newest && epoch <= MAX_EPOCH && !self.closed;
        let bytes = self.bytes + record.len();
        let keeps = may_come && bytes <= MAX_BYTES && self.records.len() < MAX_RECORDS;
        if keeps {
            self.bytes = bytes;
            self.records.push_back(record.to_vec());
        }
        keeps
    }

    /// Takes out the oldest record that `is_ready`.
    pub(super) fn take(&mut self, is_ready: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let index = self.records.iter().position(|record| is_ready(record))?;
        let record = self.records.remove(index)?;
        self.bytes -= record.len();
        Some(record)
    }

    pub(super) fn close(&mut self) {
        if !self.closed {
            *self = Self {
                closed: true,
                ..Self::default()
            };
        }
    }
}

impl fmt::Debug for Early {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Early").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded() {
        let mut early = Early::default();
        let kept = (0..1000).filter(|_| early.keep(2, 0, &[0; 30])).count();
        assert_eq!(kept, MAX_RECORDS);
        let mut early = Early::default();
        let kept = (0..1000).filter(|_| early.keep(2, 0, &[0; 1000])).count();
        assert_eq!(kept, MAX_BYTES / 1000);
        // What was taken out makes room.
        assert!(early.take(|_| true).is_some());
        assert!(early.keep(2, 0, &[0; 1000]));
        assert!(!early.keep(2, 0, &[0; 1000]));
    }

    #[test]
    fn only_epochs_of_a_handshake_wait() {
        let mut early = Early::default();
        assert!(early.keep(1, 0, &[1]));
        assert!(early.keep(3, 2, &[3]));
        for (epoch, newest) in [(0, 0), (2, 2), (1, 2), (4, 3), (u16::MAX, 0)] {
            assert!(!early.keep(epoch, newest, &[9]), "{epoch} after {newest}");
        }
        assert_eq!(early.take(|record| record == [3]), Some(vec![3]));
        early.close();
        assert_eq!(early.take(|_| true), None);
        assert!(!early.keep(2, 0, &[2]));
    }
}
