//! What the shards of one port tell each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ice_lite::Path;
use tokio::sync::Notify;

use crate::demux::{Class, classify};
use crate::gate::{Arrival, Ecn};
use crate::router::Announcement;

/// Mail for one shard. It is written by the others and read by the one, all at a time, so that the
/// lock is held for a copy or an exchange and nothing else.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    mail: Mutex<Mail>,
    written: Notify,
    overflow: AtomicU64,
}

/// Datagrams, back to back, and announcements. Its buffers are used again and again.
#[derive(Debug, Default)]
pub(super) struct Mail {
    bytes: Vec<u8>,
    datagrams: Vec<Letter>,
    announcements: Vec<(u16, Announcement)>,
}

/// A datagram in the mail.
#[derive(Clone, Copy, Debug)]
struct Letter {
    path: Path,
    ecn: Ecn,
    len: usize,
    origin: Origin,
}

/// Where a datagram comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Another shard, which takes it for ours. If it is not, it is nobody's.
    Shard,
    /// A connection, which knows no shards.
    Connection,
}

/// At most this many bytes wait: more than two full reads of a socket.
const MAX_BYTES: usize = 5 << 20;

/// The share of it that checks may take: anybody can send them, and they must not displace media.
const MAX_BYTES_OF_CHECKS: usize = 1 << 20;

impl Mailbox {
    /// Puts a datagram in, or drops and counts it if too much waits.
    pub(super) fn post(&self, path: Path, datagram: &[u8], origin: Origin) {
        self.post_marked(path, Ecn::NotEct, datagram, origin);
    }

    /// As [`Self::post`], with the ECN field that it came with.
    pub(super) fn post_marked(&self, path: Path, ecn: Ecn, datagram: &[u8], origin: Origin) {
        let limit = match classify(datagram) {
            Class::Stun => MAX_BYTES_OF_CHECKS,
            _ => MAX_BYTES,
        };
        let mut mail = self.lock();
        if mail.size() + size_of::<Letter>() + datagram.len() > limit {
            self.overflow.fetch_add(1, Ordering::Relaxed);
            return;
        }
        mail.bytes.extend_from_slice(datagram);
        let len = datagram.len();
        mail.datagrams.push(Letter {
            path,
            ecn,
            len,
            origin,
        });
        self.written.notify_one();
    }

    /// Puts in what shard `from` announces.
    pub(super) fn announce(&self, from: u16, announcement: Announcement) {
        self.lock().announcements.push((from, announcement));
        self.written.notify_one();
    }

    /// Waits for mail.
    pub(super) async fn written(&self) {
        self.written.notified().await;
    }

    /// Takes all out, in exchange for an empty one.
    pub(super) fn take(&self, mail: &mut Mail) {
        mail.clear();
        std::mem::swap(&mut *self.lock(), mail);
    }

    /// How many datagrams were dropped because too much waited.
    pub(super) fn overflow(&self) -> u64 {
        self.overflow.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        // Nobody panics while holding the lock; if somebody did, the mail would still be whole.
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mail {
    /// Takes out the announcements, which must be heard before the datagrams.
    pub(super) fn announcements(&mut self) -> impl Iterator<Item = (u16, Announcement)> + '_ {
        self.announcements.drain(..)
    }

    /// The datagrams of one origin, in their order.
    pub(super) fn datagrams(&mut self, origin: Origin) -> impl Iterator<Item = Arrival<'_>> {
        let mut rest = self.bytes.as_mut_slice();
        let letters = self.datagrams.iter().filter_map(move |letter| {
            let (bytes, behind) = std::mem::take(&mut rest).split_at_mut_checked(letter.len)?;
            rest = behind;
            let Letter { path, ecn, .. } = *letter;
            Some((letter.origin, Arrival { path, bytes, ecn }))
        });
        letters.filter_map(move |(from, arrival)| (from == origin).then_some(arrival))
    }

    /// The memory that the datagrams take, in bytes: an empty one takes its place too.
    fn size(&self) -> usize {
        self.bytes.len() + self.datagrams.len() * size_of::<Letter>()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
        self.announcements.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], port).into())
    }

    #[test]
    fn mail_comes_out_as_it_went_in() {
        let (mailbox, mut mail) = (Mailbox::default(), Mail::default());
        for (port, origin) in [
            (1, Origin::Shard),
            (2, Origin::Connection),
            (3, Origin::Shard),
        ] {
            mailbox.post(path(port), &vec![0x80; usize::from(port)], origin);
        }
        mailbox.announce(5, Announcement::PathAdded(path(9)));
        mailbox.take(&mut mail);
        let announced: Vec<_> = mail.announcements().collect();
        assert_eq!(announced, [(5, Announcement::PathAdded(path(9)))]);
        for (origin, ports) in [(Origin::Shard, vec![1, 3]), (Origin::Connection, vec![2])] {
            let datagrams = mail.datagrams(origin);
            let seen =
                datagrams.map(|datagram| (datagram.path.remote.port(), datagram.bytes.len()));
            let expected: Vec<_> = ports
                .iter()
                .map(|&port| (port, usize::from(port)))
                .collect();
            assert_eq!(seen.collect::<Vec<_>>(), expected);
        }
        mailbox.take(&mut mail);
        assert_eq!(mail.datagrams(Origin::Shard).count(), 0);
    }

    /// T-API-03: what nobody reads is bounded, and checks leave room for media.
    #[test]
    fn t_api_03_mail_is_bounded() {
        let mailbox = Mailbox::default();
        let check = [0; 1000];
        for _ in 0..2000 {
            mailbox.post(path(1), &check, Origin::Shard);
        }
        let dropped = mailbox.overflow();
        let room = MAX_BYTES_OF_CHECKS / (check.len() + size_of::<Letter>());
        assert_eq!(dropped, 2000 - room as u64);
        mailbox.post(path(1), &[0x80; 1000], Origin::Shard);
        assert_eq!(mailbox.overflow(), dropped, "media has room");
        for _ in 0..5000 {
            mailbox.post(path(1), &[0x80; 1000], Origin::Shard);
        }
        assert!(mailbox.lock().size() <= MAX_BYTES);
        assert!(mailbox.overflow() > dropped);
    }
    /// T-API-03: a datagram without bytes waits in memory too, which a connection can send in frames of
    /// two bytes (RFC 4571).
    #[test]
    fn t_api_03_mail_of_empty_datagrams_is_bounded() {
        let (mailbox, mut mail) = (Mailbox::default(), Mail::default());
        for datagram in [&[][..], &[0x80]] {
            for _ in 0..300_000 {
                mailbox.post(path(1), datagram, Origin::Connection);
            }
            mailbox.take(&mut mail);
            let letters = mail.datagrams.len() * size_of::<Letter>();
            assert!(mail.bytes.len() + letters <= MAX_BYTES, "{letters} bytes");
        }
        assert!(mailbox.overflow() > 0);
    }
}
