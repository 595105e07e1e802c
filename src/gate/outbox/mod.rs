//! Datagrams that wait to be sent, back to back in one buffer.

mod group;
mod queue;
mod run;

use ice_lite::{Path, Transmit};

use self::group::Spare;
use super::Ecn;

pub(super) use self::queue::Seal;
pub use self::run::{Run, Runs};

/// The datagrams to send, in their order.
///
/// They stand back to back, so that a run of the same length over the same path can be handed to
/// the system as one (GSO). The buffer is used again and again: no allocation per datagram.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    filled: usize,
    entries: Vec<Entry>,
    /// How many entries are still to be sealed.
    queued: usize,
    /// The first of them.
    first_queued: usize,
    spare: Spare,
    /// The ECN field of media that is sealed or queued.
    mark: Ecn,
    /// How many times in a row the buffer was much too large.
    wasted: u32,
}

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where it goes, and from which local address.
    pub path: Path,
    /// What it says.
    pub bytes: &'a [u8],
    /// The ECN field of its IP header.
    pub ecn: Ecn,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    path: Path,
    ecn: Ecn,
    start: usize,
    len: usize,
    /// What is still to be done to it.
    seal: Option<Seal>,
}

/// Room for one more datagram: the largest that paths of the Internet carry, and then some.
const ROOM: usize = 2048;

/// A burst may make the buffer larger than this, but it does not stay so if no other follows.
const KEPT: usize = 256 * ROOM;

/// How many times in a row the buffer may be cleared while less than a quarter full, before it shrinks.
const WASTED_TURNS: u32 = 1000;

impl Outbox {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many datagrams wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The datagrams, in the order in which they are to be sent.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.runs(1).map(|run| Datagram {
            path: run.path,
            bytes: run.bytes,
            ecn: run.ecn,
        })
    }

    /// Runs of at most `limit` datagrams over the same path and with the same mark, all as long as the first, except that
    /// the last may be shorter: what one call with GSO sends.
    pub fn runs(&self, limit: usize) -> Runs<'_> {
        Runs {
            outbox: self,
            next: 0,
            limit: limit.max(1),
        }
    }

    /// Empties the outbox.
    pub fn clear(&mut self) {
        self.entries.clear();
        let filled = std::mem::take(&mut self.filled);
        self.queued = 0;
        if self.bytes.len() > KEPT {
            let wasted = filled < self.bytes.len() / 4;
            self.wasted = if wasted { self.wasted + 1 } else { 0 };
            if self.wasted > WASTED_TURNS {
                self.bytes = Vec::new();
                self.spare = Spare::default();
                self.wasted = 0;
            }
        }
    }

    /// Lets `write` write a datagram; returns it, or `None` if there was none.
    pub(super) fn fill(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Option<Transmit>,
    ) -> Option<Datagram<'_>> {
        let transmit = write(self.room(ROOM))?;
        let start = self.filled;
        self.commit(transmit, Ecn::NotEct);
        let bytes = self.bytes.get(start..start + transmit.len)?;
        Some(Datagram {
            path: transmit.path,
            bytes,
            ecn: Ecn::NotEct,
        })
    }

    /// Puts in a datagram as it is.
    pub(super) fn put(&mut self, path: Path, ecn: Ecn, datagram: &[u8]) {
        let len = datagram.len();
        self.room(len).copy_from_slice(datagram);
        self.commit(Transmit { path, len }, ecn);
    }

    /// The ECN field of media that is sealed or queued from now on.
    pub(super) fn mark(&mut self, mark: Ecn) {
        self.mark = mark;
    }

    /// Copies a packet, with room behind it, and lets `seal` seal it in place.
    pub(super) fn seal<E>(
        &mut self,
        packet: &[u8],
        seal: impl FnOnce(&mut [u8], usize) -> Result<Transmit, E>,
    ) -> Result<(), E> {
        let len = packet.len();
        let room = self.room(len + crate::MAX_OVERHEAD + srtp::MKI_MAX);
        if let Some(place) = room.get_mut(..len) {
            place.copy_from_slice(packet);
        }
        let transmit = seal(room, len)?;
        self.commit(transmit, self.mark);
        Ok(())
    }

    fn room(&mut self, len: usize) -> &mut [u8] {
        self.room_at(self.filled, len)
    }

    fn room_at(&mut self, start: usize, len: usize) -> &mut [u8] {
        let end = start + len;
        if self.bytes.len() < end {
            self.bytes.resize(end.next_multiple_of(16 * ROOM), 0);
        }
        self.bytes.get_mut(start..end).unwrap_or_default()
    }

    fn commit(&mut self, transmit: Transmit, ecn: Ecn) {
        self.entries.push(Entry {
            path: transmit.path,
            ecn,
            start: self.filled,
            len: transmit.len,
            seal: None,
        });
        self.filled += transmit.len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], port).into())
    }

    #[test]
    fn runs_join_what_one_system_call_can_send() {
        let mut outbox = Outbox::default();
        for (port, len) in [(1, 10), (1, 10), (1, 4), (1, 10), (2, 10), (2, 12)] {
            let filled = outbox.fill(|buf| {
                buf[..len].fill(port as u8);
                Some(Transmit {
                    path: path(port),
                    len,
                })
            });
            assert_eq!(filled.map(|datagram| datagram.path), Some(path(port)));
        }
        let runs: Vec<_> = outbox
            .runs(64)
            .map(|run| (run.path.remote.port(), run.bytes.len(), run.segment))
            .collect();
        assert_eq!(runs, [(1, 24, 10), (1, 10, 10), (2, 10, 10), (2, 12, 12)]);
        let single: Vec<_> = outbox
            .datagrams()
            .map(|datagram| datagram.bytes.len())
            .collect();
        assert_eq!(single, [10, 10, 4, 10, 10, 12]);
        let pairs: Vec<_> = outbox.runs(2).map(|run| run.bytes.len()).collect();
        assert_eq!(pairs, [20, 4, 10, 10, 12]);
        outbox.clear();
        assert_eq!(outbox.runs(64).next(), None);
    }

    /// One call with GSO sends one ECN field.
    #[test]
    fn runs_end_where_the_mark_changes() {
        let mut outbox = Outbox::default();
        for ecn in [Ecn::Ect1, Ecn::Ect1, Ecn::NotEct, Ecn::Ect1] {
            outbox.put(path(1), ecn, &[7; 10]);
        }
        let runs: Vec<_> = outbox
            .runs(64)
            .map(|run| (run.bytes.len(), run.ecn))
            .collect();
        let expected = [(20, Ecn::Ect1), (10, Ecn::NotEct), (10, Ecn::Ect1)];
        assert_eq!(runs, expected);
    }
}
