//! Media that overtakes the last flight of the handshake waits for its keys.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ice_lite::Path;
use srtp::Kind;

use super::event::Received;
use super::statistics::Discard;
use super::{Association, Session};

/// Video at 2 Mbit/s sends this many packets in a third of a second. That is longer than a round trip, by
/// which the last flight is late if it was not lost.
pub(super) const MAX_PACKETS: usize = 64;

/// That many packets of 1 KiB: whoever forges a peer's address can't make an unfinished handshake weigh
/// more than this.
pub(super) const MAX_BYTES: usize = MAX_PACKETS * 1024;

/// RFC 9147 §5.8.2: a lost flight is sent again after a second at first; the other second is for
/// its way. Anything older is of no use to a listener.
pub(super) const MAX_AGE: Duration = Duration::from_secs(2);

/// Packets that could not be opened yet, oldest first.
#[derive(Debug, Default, Hash)]
pub(super) struct Early {
    packets: VecDeque<Packet>,
    bytes: usize,
}

#[derive(Debug, Hash)]
struct Packet {
    deadline: Instant,
    path: Path,
    kind: Kind,
    bytes: Vec<u8>,
}

impl Early {
    /// Returns whether there was room for it.
    fn push(&mut self, packet: Packet) -> bool {
        let bytes = self.bytes + packet.bytes.len();
        let fits = self.packets.len() < MAX_PACKETS && bytes <= MAX_BYTES;
        if fits {
            self.bytes = bytes;
            self.packets.push_back(packet);
        }
        fits
    }

    fn pop(&mut self) -> Option<Packet> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.bytes.len();
        Some(packet)
    }

    /// The instant at which the oldest has waited too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.packets.front().map(|packet| packet.deadline)
    }
}

impl Session {
    /// Keeps a packet that came over a valid path before its key.
    pub(super) fn receive_early(&mut self, now: Instant, path: Path, kind: Kind, packet: &[u8]) {
        let deadline = now.checked_add(MAX_AGE).filter(|_| self.expects_keys());
        let held = deadline.is_some_and(|deadline| {
            let room = self.early.as_ref().map_or(0, |early| early.bytes);
            // What does not fit is not copied first.
            room + packet.len() <= MAX_BYTES
                && self.early.get_or_insert_default().push(Packet {
                    deadline,
                    path,
                    kind,
                    bytes: packet.to_vec(),
                })
        });
        if !held {
            self.counters.count(Discard::EarlyMedia);
        }
    }

    /// A handshake is under way.
    fn expects_keys(&self) -> bool {
        match &self.association {
            Association::Idle { .. } => false,
            Association::Running { connection, .. } => connection.info().is_none(),
        }
    }

    /// What waited for the keys, oldest first. Nothing in it has been authenticated yet.
    pub(super) fn open_early<'b>(
        &mut self,
        now: Instant,
        buf: &'b mut Vec<u8>,
    ) -> Option<Received<'b>> {
        while self.media.is_some() {
            let next = self.early.as_mut().and_then(|early| early.pop());
            let Some(packet) = next else {
                self.early = None;
                break;
            };
            if packet.deadline <= now {
                self.counters.count(Discard::EarlyMedia);
                continue;
            }
            if !self.ice.is_valid(&packet.path) {
                self.counters.count(Discard::UnvalidatedPath);
                continue;
            }
            let Packet { path, kind, .. } = packet;
            *buf = packet.bytes;
            let result = self.media.as_mut()?.unprotect(kind, buf);
            if result.is_ok() {
                return Some(self.receive_unprotected(now, path, kind, result, buf));
            }
        }
        None
    }

    /// Drops what has waited too long.
    pub(super) fn expire_early(&mut self, now: Instant) {
        while let Some(early) = &mut self.early
            && early.deadline().is_none_or(|deadline| deadline <= now)
        {
            match early.pop() {
                Some(_) => self.counters.count(Discard::EarlyMedia),
                None => self.early = None,
            }
        }
    }

    /// Drops packets that came over paths that are no longer valid.
    pub(super) fn leave_early(&mut self) {
        let Some(early) = &mut self.early else {
            return;
        };
        early.packets.retain(|packet| {
            let valid = self.ice.is_valid(&packet.path);
            if !valid {
                early.bytes -= packet.bytes.len();
                self.counters.count(Discard::UnvalidatedPath);
            }
            valid
        });
    }

    /// There will be no keys.
    pub(super) fn drop_early(&mut self) {
        let early = self.early.take();
        for _ in early.iter().flat_map(|early| &early.packets) {
            self.counters.count(Discard::EarlyMedia);
        }
    }
}
