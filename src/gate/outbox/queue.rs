//! Packets that wait to be sealed, so that many are sealed in one pass.

use arrayvec::ArrayVec;
use ice_lite::Path;
use srtp::{Kind, Outgoing};

use super::{Entry, Outbox};
use crate::gate::BATCH;
use crate::gate::sessions::Sessions;
use crate::router::SessionId;

/// How a packet that is still in the clear is to be sealed.
#[derive(Clone, Copy, Debug)]
pub(in crate::gate) struct Seal {
    pub(in crate::gate) to: SessionId,
    pub(in crate::gate) kind: Kind,
    /// The most bytes that sealing adds.
    pub(in crate::gate) overhead: usize,
}

impl Outbox {
    /// Queues a copy of a packet that is to be sealed later, once `adapt` has changed what it may
    /// change of it. If that panics, nothing is queued.
    pub(in crate::gate) fn queue(
        &mut self,
        path: Path,
        seal: Seal,
        packet: &[u8],
        adapt: impl FnOnce(&mut [u8]),
    ) {
        let (start, len) = (self.filled, packet.len());
        let room = len + seal.overhead;
        let copy = self.room_at(start, room).split_at_mut(len).0;
        copy.copy_from_slice(packet);
        adapt(copy);
        if self.queued == 0 {
            self.first_queued = self.entries.len();
        }
        self.queued += 1;
        self.filled += room;
        self.entries.push(Entry {
            path,
            ecn: self.mark,
            start,
            len,
            seal: Some(seal),
        });
    }

    /// Seals what is queued if it fills a batch.
    pub(in crate::gate) fn seal_if_full(&mut self, sessions: &mut Sessions) {
        if self.queued == BATCH {
            self.seal_queued(sessions);
        }
    }

    /// Seals all that is queued, in one pass.
    pub(in crate::gate) fn seal_queued(&mut self, sessions: &mut Sessions) {
        if self.queued == 0 {
            return;
        }
        let entries = self.entries.get(self.first_queued..).unwrap_or_default();
        let mut packets = outgoing(entries, &mut self.bytes, sessions);
        sessions.protect(&mut packets);
        let sealed = packets
            .iter()
            .map(|packet| Some(packet.outcome()?.ok()?.len()));
        let sealed: ArrayVec<_, BATCH> = sealed.collect();
        drop(packets);
        self.close_up(sealed, sessions);
        self.queued = 0;
    }

    /// Takes over the new lengths of the queued packets, and closes the gaps between them.
    fn close_up(&mut self, sealed: ArrayVec<Option<usize>, BATCH>, sessions: &mut Sessions) {
        let mut sealed = sealed.into_iter();
        let first = self.first_queued;
        let mut end = self
            .entries
            .get(first)
            .map_or(self.filled, |entry| entry.start);
        let mut kept = first;
        for index in first..self.entries.len() {
            let mut entry = self.entries[index];
            if let Some(seal) = entry.seal.take() {
                let len = sealed.next().flatten();
                if let Some(session) = sessions.get_mut(seal.to) {
                    session.handle_protected(len);
                }
                let Some(len) = len else {
                    continue;
                };
                entry.len = len;
            }
            if entry.start != end {
                self.bytes
                    .copy_within(entry.start..entry.start + entry.len, end);
                entry.start = end;
            }
            end += entry.len;
            self.entries[kept] = entry;
            kept += 1;
        }
        self.entries.truncate(kept);
        self.filled = end;
    }
}

/// The queued packets among `entries`, each in its place in the buffer.
fn outgoing<'b>(
    entries: &[Entry],
    bytes: &'b mut [u8],
    sessions: &Sessions,
) -> ArrayVec<Outgoing<'b>, BATCH> {
    let (mut rest, mut at) = (bytes, 0);
    let mut packets = ArrayVec::new();
    for (entry, seal) in entries
        .iter()
        .filter_map(|entry| Some((entry, entry.seal?)))
    {
        let room = entry.len + seal.overhead;
        let (_, behind) = rest.split_at_mut(entry.start - at);
        let (buffer, behind) = behind.split_at_mut(room);
        (rest, at) = (behind, entry.start + room);
        // A place without a session makes that packet fail, and nothing else.
        let keyed = sessions
            .get(seal.to)
            .is_some_and(|session| session.sender().is_some());
        let place = if keyed { seal.to.index() } else { usize::MAX };
        packets.push(match seal.kind {
            Kind::Rtp => Outgoing::rtp(place, buffer, entry.len),
            Kind::Rtcp => Outgoing::rtcp(place, buffer, entry.len),
        });
    }
    packets
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use ice_lite::Transmit;

    use super::*;
    use crate::router::Router;

    fn path() -> Path {
        Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into())
    }

    fn seal() -> Seal {
        Seal {
            to: Router::new([0; 16]).insert("ufrag").expect("the first"),
            kind: Kind::Rtp,
            overhead: 16,
        }
    }

    /// Whatever went wrong, no datagram is handed out that is still in the clear.
    #[test]
    fn what_is_not_sealed_is_never_handed_out() {
        let mut outbox = Outbox::default();
        let ready = |outbox: &mut Outbox, byte: u8| {
            let filled = outbox.fill(|buf| {
                buf[..40].fill(byte);
                let (path, len) = (path(), 40);
                Some(Transmit { path, len })
            });
            assert_eq!(filled.map(|datagram| datagram.path), Some(path()));
        };
        ready(&mut outbox, 1);
        outbox.queue(path(), seal(), &[0xcc; 40], |_| {});
        outbox.queue(path(), seal(), &[0xcc; 40], |_| {});
        ready(&mut outbox, 2);
        for limit in [1, 64] {
            outbox.group();
            let sent: Vec<_> = outbox.runs(limit).map(|run| run.bytes.to_vec()).collect();
            assert_eq!(sent, [[1; 40], [2; 40]]);
        }
        // They have no session, so that nobody can seal them.
        outbox.seal_queued(&mut Sessions::default());
        let sent: Vec<_> = outbox.datagrams().map(|sent| sent.bytes.to_vec()).collect();
        assert_eq!(sent, [[1; 40], [2; 40]]);
    }

    /// A packet whose `adapt` panicked goes to nobody.
    #[test]
    fn a_packet_is_queued_once_it_is_adapted() {
        let mut outbox = Outbox::default();
        let adapting = AssertUnwindSafe(|| {
            outbox.queue(path(), seal(), &[0xcc; 40], |_| panic!("planted"));
        });
        assert!(catch_unwind(adapting).is_err());
        assert_eq!((outbox.len(), outbox.queued, outbox.filled), (0, 0, 0));
    }
}
