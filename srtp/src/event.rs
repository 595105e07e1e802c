//! What a context reports of itself: events and statistics.

use std::collections::VecDeque;
use std::hash::{Hash as _, Hasher};

use crate::classify::Kind;
use crate::error::UnprotectError;

/// Something that the owner of a context should act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A master key has been used for 15/16 of its lifetime. At its end, packets are refused: key
    /// the session anew, or end it (RFC 3711 §9.2).
    KeyExpiring {
        /// Whether SRTP or SRTCP packets run out.
        kind: Kind,
        /// How many packets the key may still be used for.
        remaining: u64,
    },
    /// A stream has used 15/16 of its indexes. When they run out its packets are refused.
    StreamExpiring {
        /// The stream.
        ssrc: u32,
        /// Whether SRTP or SRTCP indexes run out.
        kind: Kind,
    },
}

/// The most events that wait; further ones are lost. Each key and each stream has two in its life.
const WAITING_MAX: usize = 64;

/// Events that wait to be polled.
#[derive(Debug, Default)]
pub(crate) struct Events(VecDeque<Event>);

impl Events {
    #[cold]
    pub(crate) fn push(&mut self, event: Event) {
        if self.0.len() < WAITING_MAX {
            self.0.push_back(event);
        }
    }

    /// Hashes what waits: it may leave no place for more.
    pub(crate) fn digest(&self, hasher: &mut impl Hasher) {
        self.0.hash(hasher);
    }

    pub(crate) fn poll(&mut self) -> Option<Event> {
        self.0.pop_front()
    }
}

/// What a [`Sender`](crate::Sender) has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderStatistics {
    /// SRTP packets protected.
    pub rtp: u64,
    /// SRTCP packets protected.
    pub rtcp: u64,
    /// Packets refused, for whatever reason.
    pub refused: u64,
}

/// What a [`Receiver`](crate::Receiver) has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverStatistics {
    /// New SRTP packets.
    pub rtp: u64,
    /// New SRTCP packets.
    pub rtcp: u64,
    /// Authentic packets, SRTP and SRTCP, that were no news.
    pub duplicates: u64,
    /// SRTP packets that only a second guess of the ROC opened.
    pub recovered: u64,
    discards: [u64; UnprotectError::ALL.len()],
}

impl ReceiverStatistics {
    /// How many packets were dropped for this reason.
    #[must_use]
    pub fn discarded(&self, reason: UnprotectError) -> u64 {
        self.discards[reason as usize]
    }

    /// All reasons with their counts.
    pub fn discards(&self) -> impl Iterator<Item = (UnprotectError, u64)> + '_ {
        UnprotectError::ALL
            .into_iter()
            .zip(self.discards.iter().copied())
    }

    pub(crate) fn count_discard(&mut self, reason: UnprotectError) {
        self.discards[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_events_wait_and_no_more() {
        let mut events = Events::default();
        let event = |ssrc| Event::StreamExpiring {
            ssrc,
            kind: Kind::Rtp,
        };
        let count = WAITING_MAX as u32;
        (0..2 * count).for_each(|ssrc| events.push(event(ssrc)));
        let waiting: Vec<_> = std::iter::from_fn(|| events.poll()).collect();
        assert_eq!(waiting, (0..count).map(event).collect::<Vec<_>>());
    }

    #[test]
    fn every_reason_is_listed_with_its_count() {
        let mut statistics = ReceiverStatistics::default();
        for _ in 0..3 {
            statistics.count_discard(UnprotectError::Forged);
        }
        statistics.count_discard(UnprotectError::BrokenOff);
        let listed: Vec<_> = statistics.discards().collect();
        assert_eq!(listed.len(), UnprotectError::ALL.len());
        for (reason, count) in listed {
            let expected = match reason {
                UnprotectError::Forged => 3,
                UnprotectError::BrokenOff => 1,
                _ => 0,
            };
            assert_eq!(count, expected, "{}", reason.name());
            assert_eq!(statistics.discarded(reason), expected);
        }
    }
}
