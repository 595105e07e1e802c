//! Datagrams that wait to be sent, back to back in one buffer.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use ice_lite::{Path, Transmit};
use srtp::{Kind, Outgoing};

use super::BATCH;
use super::sessions::Sessions;
use crate::router::SessionId;

/// The datagrams to send, in their order.
///
/// They stand back to back, so that a run of the same length over the same path can be handed to
/// the system as one (GSO). The buffer is used again and again: no allocation per datagram.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    filled: usize,
    entries: Vec<Entry>,
    /// How many of the entries have yet to be sealed, [`BATCH`] at most.
    queued: usize,
    /// The first of them.
    first_queued: usize,
    /// For [`Outbox::group`]: the entries' places, by path.
    order: Vec<(u64, u32)>,
    spare: Spare,
    /// How often in turn the buffer was much too large.
    wasted: u32,
}

/// Where datagrams are put in another order.
#[derive(Debug, Default)]
struct Spare {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where it goes, and from which local address.
    pub path: Path,
    /// What it says.
    pub bytes: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    path: Path,
    start: usize,
    len: usize,
    /// What has to be done to it yet.
    seal: Option<Seal>,
}

/// How a packet that is still in the clear is to be sealed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal {
    pub(super) to: SessionId,
    pub(super) kind: Kind,
    /// The bytes that it adds at most.
    pub(super) overhead: usize,
}

/// Room for one more datagram: the largest that paths of the Internet carry, and then some.
const ROOM: usize = 2048;

/// A burst may make the buffer larger than this, but it does not stay so if no other follows.
const KEPT: usize = 256 * ROOM;

/// How often in turn the buffer may be cleared that was filled to less than a quarter.
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
        })
    }

    /// Runs of at most `limit` datagrams over the same path, all as long as the first, except that
    /// the last may be shorter: what one call with GSO sends.
    pub fn runs(&self, limit: usize) -> Runs<'_> {
        Runs {
            outbox: self,
            next: 0,
            limit: limit.max(1),
        }
    }

    /// Brings together what goes over the same path, in its order, if that makes runs longer: when
    /// several packets were sent to each of many receivers in turn, say.
    pub fn group(&mut self) {
        self.order.clear();
        let keys = self.entries.iter().zip(0..);
        self.order
            .extend(keys.map(|(entry, place)| (key(&entry.path), place)));
        self.order.sort_unstable();
        let followers = self.order.iter().zip(self.order.iter().skip(1));
        let apart = followers
            .filter(|((key, place), (next_key, next))| key == next_key && *next != place + 1);
        // A copy costs little beside a system call saved, but not nothing.
        if apart.count() < self.entries.len().div_ceil(4) {
            return;
        }
        self.spare.entries.clear();
        self.spare.bytes.clear();
        for &(_, place) in &self.order {
            let Some(entry) = self.entries.get(place as usize) else {
                continue;
            };
            let bytes = self.bytes.get(entry.start..entry.start + entry.len);
            let start = self.spare.bytes.len();
            self.spare.entries.push(Entry { start, ..*entry });
            self.spare
                .bytes
                .extend_from_slice(bytes.unwrap_or_default());
        }
        std::mem::swap(&mut self.entries, &mut self.spare.entries);
        std::mem::swap(&mut self.bytes, &mut self.spare.bytes);
    }

    /// Forgets all.
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

    /// Lets `write` write a datagram; returns where it goes, or `None` if there was none.
    pub(super) fn fill(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Option<Transmit>,
    ) -> Option<Path> {
        let transmit = write(self.room(ROOM))?;
        self.commit(transmit);
        Some(transmit.path)
    }

    /// Copies a packet, with room behind it, and lets `seal` seal it in place.
    pub(super) fn seal<E>(
        &mut self,
        packet: &[u8],
        seal: impl FnOnce(&mut [u8], usize) -> Result<Transmit, E>,
    ) -> Result<(), E> {
        let len = packet.len();
        let room = self.room(len + crate::MAX_OVERHEAD);
        if let Some(place) = room.get_mut(..len) {
            place.copy_from_slice(packet);
        }
        let transmit = seal(room, len)?;
        self.commit(transmit);
        Ok(())
    }

    /// Copies a packet that is to be sealed later, and returns the copy.
    pub(super) fn queue(&mut self, path: Path, seal: Seal, packet: &[u8]) -> &mut [u8] {
        if self.queued == 0 {
            self.first_queued = self.entries.len();
        }
        self.queued += 1;
        let (start, len) = (self.filled, packet.len());
        let seal = Some(seal);
        self.entries.push(Entry {
            path,
            start,
            len,
            seal,
        });
        let room = len + seal.map_or(0, |seal| seal.overhead);
        self.filled += room;
        let copy = self.room_at(start, room).split_at_mut(len).0;
        copy.copy_from_slice(packet);
        copy
    }

    /// Seals what is queued if it fills a batch.
    pub(super) fn seal_if_full(&mut self, sessions: &mut Sessions) {
        if self.queued == BATCH {
            self.seal_queued(sessions);
        }
    }

    /// Seals all that is queued, in one pass.
    pub(super) fn seal_queued(&mut self, sessions: &mut Sessions) {
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

    /// Takes up how long the queued packets have become, and closes the gaps between them.
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

    fn commit(&mut self, transmit: Transmit) {
        self.entries.push(Entry {
            path: transmit.path,
            start: self.filled,
            len: transmit.len,
            seal: None,
        });
        self.filled += transmit.len;
    }
}

/// The same for the same path, and most often another for another one.
fn key(path: &Path) -> u64 {
    let ip = match path.remote.ip().to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits() as u64,
    };
    ip << 16 ^ u64::from(path.remote.port())
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
        // A place that no session has makes the packet fail, and nothing else.
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

/// A run of datagrams over one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// Where they go, and from which local address.
    pub path: Path,
    /// The datagrams, back to back.
    pub bytes: &'a [u8],
    /// The length of each but the last, which may be shorter.
    pub segment: usize,
}

/// See [`Outbox::runs`].
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    outbox: &'a Outbox,
    next: usize,
    limit: usize,
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        let rest = self.outbox.entries.get(self.next..)?;
        let (first, followers) = rest.split_first()?;
        let mut end = first.start + first.len;
        let mut count = 1;
        for entry in followers.iter().take(self.limit - 1) {
            // The kernel takes at most 65,507 bytes of payload (IPv4).
            let fits = entry.path == first.path
                && entry.len <= first.len
                && entry.len > 0
                && end + entry.len - first.start <= 65_000;
            if !fits {
                break;
            }
            end += entry.len;
            count += 1;
            if entry.len < first.len {
                break;
            }
        }
        self.next += count;
        Some(Run {
            path: first.path,
            bytes: self.outbox.bytes.get(first.start..end)?,
            segment: first.len,
        })
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
            assert_eq!(filled, Some(path(port)));
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

    #[test]
    fn grouping_keeps_what_goes_over_a_path_in_order() {
        let mut outbox = Outbox::default();
        for number in 0..12_u8 {
            let port = u16::from(number % 3);
            let filled = outbox.fill(|buf| {
                buf[..10].fill(number);
                Some(Transmit {
                    path: path(port),
                    len: 10,
                })
            });
            assert_eq!(filled, Some(path(port)));
        }
        assert_eq!(outbox.runs(64).count(), 12);
        outbox.group();
        assert_eq!(outbox.runs(64).count(), 3);
        let order: Vec<_> = outbox
            .datagrams()
            .map(|datagram| (datagram.path.remote.port(), datagram.bytes[0]))
            .collect();
        let expected: Vec<_> = (0..3)
            .flat_map(|port| (0..4).map(move |turn| (port, turn * 3 + port as u8)))
            .collect();
        assert_eq!(order, expected);
        outbox.clear();
        outbox.group();
        assert!(outbox.is_empty());
    }
}
