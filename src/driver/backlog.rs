//! What a full socket did not take but is worth keeping for a moment.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ice_lite::Path;

use crate::gate::Ecn;

/// At most this many datagrams wait: one flight of each of a hundred handshakes.
const MAX_DATAGRAMS: usize = 512;

/// They wait no longer than this. By then the peer asks again (RFC 8445 §14.3, RFC 9147 §5.8.2), and an
/// answer that comes later is worth nothing.
const PATIENCE: Duration = Duration::from_millis(400);

/// STUN and DTLS that wait until the socket takes them, in their order.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) path: Path,
    pub(super) ecn: Ecn,
    pub(super) bytes: Box<[u8]>,
    since: Instant,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Keeps a datagram, if there is room.
    #[must_use]
    pub(super) fn keep(&mut self, now: Instant, path: Path, ecn: Ecn, bytes: &[u8]) -> bool {
        let fits = self.waiting.len() < MAX_DATAGRAMS;
        if fits {
            self.waiting.push_back(Waiting {
                path,
                ecn,
                bytes: bytes.into(),
                since: now,
            });
        }
        fits
    }

    /// Drops what has waited too long, and returns how much that was.
    pub(super) fn expire(&mut self, now: Instant) -> u64 {
        let is_late = |waiting: &Waiting| now.saturating_duration_since(waiting.since) >= PATIENCE;
        let late = self.waiting.iter().take_while(|it| is_late(it)).count();
        self.waiting.drain(..late);
        late as u64
    }

    /// What has waited longest.
    pub(super) fn first(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    /// The front of the queue was sent.
    pub(super) fn pop(&mut self) {
        self.waiting.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_in_number_and_time() {
        let path = Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        let kept = (0..1000_u32)
            .filter(|number| backlog.keep(now, path, Ecn::NotEct, &number.to_be_bytes()))
            .count();
        assert_eq!(kept, MAX_DATAGRAMS);
        let later = now + PATIENCE / 2;
        backlog.pop();
        assert!(backlog.keep(later, path, Ecn::NotEct, b"later"));
        let first = backlog.first().expect("they wait");
        assert_eq!(&*first.bytes, &1_u32.to_be_bytes());
        assert_eq!(backlog.expire(now + PATIENCE - Duration::from_nanos(1)), 0);
        assert_eq!(backlog.expire(now + PATIENCE), MAX_DATAGRAMS as u64 - 1);
        let first = backlog.first().expect("one came later");
        assert_eq!(&*first.bytes, b"later");
        assert_eq!(backlog.expire(later + PATIENCE), 1);
        assert!(backlog.is_empty());
    }
}
